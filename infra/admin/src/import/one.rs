//! What becomes of one line of an import.

use super::claims::Wanted;
use crate::context::Context;
use crate::error::Error;
use crate::user::{self, create, shown, subject};
use gateway_administration::Act;
use gateway_domain::ids::{ConnectorName, IssuerName, UserId};
use gateway_store::User;
use serde_json::json;
use std::collections::BTreeMap;

/// How often a link is tried: two imports that make one link may cancel each other's transactions.
const ATTEMPTS: usize = 5;

/// The outcome of a line.
pub(super) enum Fate {
    Imported,
    /// The user was there, and has got links.
    Linked,
    Skipped,
    /// This line is wrong; the import continues with the others.
    Bad(String),
    /// The store or the audit table failed, so the import stops.
    Stopped(Error),
}

impl From<Error> for Fate {
    /// A rule that forbids one line is no reason to stop.
    fn from(error: Error) -> Self {
        if let Error::Refused(reason) = error { Self::Bad(reason) } else { Self::Stopped(error) }
    }
}

/// Does what a line asks for, or, if `dry_run`, only says what that would be. A repetition goes on where an import broke off: a user who
/// was made and not linked is linked.
pub(super) async fn fate(context: &Context, wanted: Result<Wanted, String>, dry_run: bool) -> Fate {
    let wanted = match wanted {
        Ok(wanted) => wanted,
        Err(reason) => return Fate::Bad(reason),
    };
    match Box::pin(done(context, &wanted, dry_run)).await {
        Ok(fate) => fate,
        Err(error) => error.into(),
    }
}

async fn done(context: &Context, wanted: &Wanted, dry_run: bool) -> Result<Fate, Error> {
    let users = &context.connection.store.users;
    let user = &wanted.user;
    if let Some(there) = users.by_email(user.email.as_str()).await? {
        return add(context, wanted, &there, dry_run).await;
    }
    if let Some(reason) = read_by_nobody(wanted, &user.user_id) {
        return Ok(Fate::Bad(reason));
    }
    // Nothing is made of a user who could not be linked.
    for (issuer, subject) in &wanted.subjects {
        if users.linked_to(issuer, subject).await?.is_some() {
            return Ok(Fate::Bad(is_anothers(issuer)));
        }
    }
    if dry_run {
        return Ok(match users.get(&user.user_id).await? {
            None => Fate::Imported,
            Some(_) => Fate::Bad(format!("the user id {} is taken", user.user_id)),
        });
    }
    let act = Act { act: "users create", subject: subject(user), before: None, after: Some(shown(user)) };
    match context.acts().audited(act, create(context, user)).await {
        Ok(()) => {
            link(context, user, &BTreeMap::new(), &wanted.subjects).await?;
            Ok(Fate::Imported)
        }
        Err(Error::Taken(what)) => match users.by_email(user.email.as_str()).await? {
            // Somebody else has taken the address since it was looked up.
            Some(there) => add(context, wanted, &there, dry_run).await,
            None => Ok(Fate::Bad(format!("{what} is taken"))),
        },
        Err(error) => Err(error),
    }
}

/// Adds the links that a user who is there lacks, and changes nothing else.
async fn add(context: &Context, wanted: &Wanted, there: &User, dry_run: bool) -> Result<Fate, Error> {
    let (there_id, named) = (&there.user_id, &wanted.user.user_id);
    if wanted.names_id && there_id != named {
        return Ok(Fate::Bad(format!("the address is that of {there_id} here, and the record names {named}")));
    }
    if let Some(reason) = read_by_nobody(wanted, there_id) {
        return Ok(Fate::Bad(reason));
    }
    for (name, wants) in &wanted.user.links {
        if there.links.get(name).is_some_and(|has| has != wants) {
            return Ok(Fate::Bad(format!("{} has another link of {name}: unlink that first", there.user_id)));
        }
    }
    let (mut subjects, users) = (BTreeMap::new(), &context.connection.store.users);
    for (issuer, subject) in &wanted.subjects {
        match users.linked_to(issuer, subject).await? {
            Some(holder) if holder.user_id == there.user_id => {}
            Some(_) => return Ok(Fate::Bad(is_anothers(issuer))),
            None => {
                if let Some(reason) = is_no_more(context, wanted, there, (issuer, subject)).await? {
                    return Ok(Fate::Bad(reason));
                }
                subjects.insert(issuer.clone(), subject.clone());
            }
        }
    }
    let is_lacking = |(name, _): &(&ConnectorName, &String)| !there.links.contains_key(*name);
    let lacking: Vec<_> = wanted.user.links.iter().filter(is_lacking).collect();
    if lacking.is_empty() && subjects.is_empty() {
        return Ok(Fate::Skipped);
    }
    // Whoever typed an address need not be its owner, to whom the link belongs. Links that are there were made by an operator: an import
    // that made the user and died before the rest goes on.
    if !lacking.is_empty() && !there.email_verified {
        let words = "is here with this address, which was not proved, so nothing is linked";
        return Ok(Fate::Bad(format!("{} {words}", there.user_id)));
    }
    if is_unproved_there(wanted, there, !lacking.is_empty()) {
        return Ok(Fate::Bad("the other issuer has not proved this address".to_owned()));
    }
    let is_name =
        |(name, _): &(&ConnectorName, &String)| !wanted.subjects.keys().any(|issuer| issuer.as_link() == **name);
    let links = lacking.into_iter().filter(is_name).map(|(name, link)| (name.clone(), link.clone())).collect();
    if !dry_run {
        link(context, there, &links, &subjects).await?;
    }
    Ok(Fate::Linked)
}

/// Why the user, who is not linked to this subject, is not linked to it again: an operator has taken the link away since, or the issuer knew the
/// user by credentials of before. A repetition of an import does not know why.
async fn is_no_more(
    context: &Context,
    wanted: &Wanted,
    there: &User,
    (issuer, subject): (&IssuerName, &str),
) -> Result<Option<String>, Error> {
    const AGAIN: &str = "`users link` allows it again";
    let (users, there_id) = (&context.connection.store.users, &there.user_id);
    if users.last_linked_to(issuer, subject).await?.as_ref() == Some(there_id) {
        let words = "was linked before to this subject of";
        return Ok(Some(format!("{there_id} {words} {issuer} and is not any more: {AGAIN}")));
    }
    // Where subjects are ids, nobody needs a link to be known.
    if wanted.by_id.contains(issuer)
        && let Some(known) = users.known_by_id(there_id).await?
        && known.since.is_some()
        && !known.is_unchanged()
    {
        let words = "has other credentials, or was unlinked, since it was noted that";
        return Ok(Some(format!("{there_id} {words} {issuer} knows this user: {AGAIN}")));
    }
    Ok(None)
}

/// Why a link would be of no use to the user of this id.
fn read_by_nobody(wanted: &Wanted, id: &UserId) -> Option<String> {
    let is_another = |issuer: &&IssuerName| wanted.subjects.get(*issuer).is_some_and(|subject| subject != id.as_str());
    wanted.by_id.iter().find(is_another).map(user::read_by_nobody)
}

/// Whether the account that the record is of may be somebody's who has only typed the address there. Where it is of an issuer, the record has
/// to say that it is proved. What an operator has linked already goes on, unless its owner has proved the address here since.
fn is_unproved_there(wanted: &Wanted, there: &User, is_new: bool) -> bool {
    match wanted.proved {
        Some(proved) => !proved && (is_new || there.email_verified),
        None => is_new && !wanted.subjects.is_empty(),
    }
}

/// Links a user to names at connectors and to subjects of issuers.
async fn link(
    context: &Context,
    user: &User,
    links: &BTreeMap<ConnectorName, String>,
    subjects: &BTreeMap<IssuerName, String>,
) -> Result<(), Error> {
    if links.is_empty() && subjects.is_empty() {
        return Ok(());
    }
    let users = &context.connection.store.users;
    let before = Some(json!({ "links": user.links }));
    let after = Some(json!({ "links": links, "subjects": subjects }));
    let act = Act { act: "users link", subject: subject(user), before, after };
    let change = async {
        if !links.is_empty() && !users.add_links(&user.user_id, links).await? {
            return Err(Error::Refused("the user was deleted meanwhile".to_owned()));
        }
        for (issuer, subject) in subjects {
            link_to_issuer(context, user, issuer, subject).await?;
        }
        Ok(())
    };
    context.acts().audited(act, change).await
}

/// Links a user to a subject. What is refused while another import makes the same link is tried again.
async fn link_to_issuer(context: &Context, user: &User, issuer: &IssuerName, subject: &str) -> Result<(), Error> {
    let users = &context.connection.store.users;
    for _ in 0..ATTEMPTS {
        if users.link_to_issuer(&user.user_id, issuer, subject).await? {
            return Ok(());
        }
        if users.linked_to(issuer, subject).await?.is_some_and(|holder| holder.user_id != user.user_id) {
            return Err(Error::Refused(is_anothers(issuer)));
        }
    }
    Err(Error::Refused(format!("could not be linked at {issuer}: {} was changed meanwhile; repeat", user.user_id)))
}

fn is_anothers(issuer: &IssuerName) -> String {
    format!("another user is linked to this subject of {issuer}")
}
