//! What each line of an import asks for, and which line asked first.

use super::read::{Line, Record};
use crate::catalogue::{Catalogue, LinkTo};
use crate::error::Error;
use crate::user::{address, first_epoch, subject_at_an_issuer};
use crate::users::NO_USER_ID;
use gateway_config::ForeignUsers;
use gateway_domain::address::{Address, name_at_a_back_end};
use gateway_domain::ids::{IssuerName, SubjectKind, UserId};
use gateway_domain::password::PasswordHash;
use gateway_store::User;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What a line asks for.
pub(super) struct Wanted {
    /// The user, with all links: a user who was made is known to be meant when an import that died is repeated.
    pub(super) user: User,
    /// The subjects by which other issuers know the user.
    pub(super) subjects: BTreeMap<IssuerName, String>,
    /// The issuers among them that find users by their ids: the subject has to be the id.
    pub(super) by_id: BTreeSet<IssuerName>,
    /// Whether the record names the id: then a user of this address and another id is somebody else.
    pub(super) names_id: bool,
    /// Whether the record says that the address is proved, if it says anything.
    pub(super) proved: Option<bool>,
}

/// The addresses, ids and subjects of earlier lines, each with its line number. Users are written concurrently: without this, chance
/// would decide which of two lines with one address is imported, and a dry run could not report it.
pub(super) struct Claims<'a> {
    catalogue: &'a Catalogue,
    /// What the numbers count.
    unit: &'static str,
    addresses: HashMap<Address, u64>,
    ids: HashMap<UserId, u64>,
    subjects: HashMap<(IssuerName, String), u64>,
}

impl<'a> Claims<'a> {
    /// Before the first line.
    pub(super) fn new(catalogue: &'a Catalogue, unit: &'static str) -> Self {
        Self { catalogue, unit, addresses: HashMap::new(), ids: HashMap::new(), subjects: HashMap::new() }
    }

    /// What a line asks for; an error if an earlier line has the same address, id or subject.
    pub(super) fn user(&mut self, line: Line) -> Result<Wanted, String> {
        let record = line.record?;
        let wanted = wanted(self.catalogue, record).map_err(|error| error.to_string())?;
        let user = &wanted.user;
        let unit = self.unit;
        if let Some(before) = self.addresses.get(&user.email) {
            return Err(format!("{unit} {before} has the same address"));
        }
        if let Some(before) = self.ids.get(&user.user_id) {
            return Err(format!("{unit} {before} has the same user id"));
        }
        for (issuer, subject) in &wanted.subjects {
            if let Some(before) = self.subjects.get(&(issuer.clone(), subject.clone())) {
                return Err(format!("{unit} {before} has the same subject at {issuer}"));
            }
        }
        self.addresses.insert(user.email.clone(), line.number);
        self.ids.insert(user.user_id.clone(), line.number);
        let subjects = wanted.subjects.clone().into_iter();
        self.subjects.extend(subjects.map(|subject| (subject, line.number)));
        Ok(wanted)
    }
}

fn wanted(catalogue: &Catalogue, record: Record) -> Result<Wanted, Error> {
    let email = address(&record.email)?;
    let user_id = match &record.user_id {
        Some(id) => UserId::parse(id)?,
        None => UserId::from_random(gateway_runtime::SystemEntropy.bytes()?),
    };
    if user_id.kind() != SubjectKind::User {
        return Err(Error::Invalid(NO_USER_ID.to_owned()));
    }
    let import = |text: &String| PasswordHash::import(text).map_err(|error| Error::Invalid(error.to_string()));
    let password = record.password_hash.as_ref().map(import).transpose()?;
    let (mut links, mut subjects, mut by_id) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
    for (name, link) in record.links {
        match catalogue.link_to(&name)? {
            LinkTo::Connector => {
                let link = name_at_a_back_end(&link).map_err(|error| Error::Invalid(format!("{name}: {error}")))?;
                links.insert(name, link);
            }
            LinkTo::Issuer(issuer, users) => {
                let subject = subject_at_an_issuer(&link)?;
                if users == ForeignUsers::Subject {
                    by_id.insert(issuer.clone());
                }
                links.insert(name, subject.clone());
                subjects.insert(issuer, subject);
            }
        }
    }
    let user = User {
        user_id,
        email,
        password,
        credential_epoch: first_epoch(),
        enabled: record.enabled.unwrap_or(true),
        links,
        email_verified: record.email_verified.unwrap_or(true),
        directory_subject: None,
        ways_back: Vec::new(),
        browser_epoch: 0,
        roles: BTreeSet::new(),
        second_factor: None,
        profile: BTreeMap::new(),
    };
    let (names_id, proved) = (record.user_id.is_some(), record.email_verified);
    Ok(Wanted { user, subjects, by_id, names_id, proved })
}
