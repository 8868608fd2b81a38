//! What is done with organizations: who belongs to them, and who is invited.

use crate::error::Failure;
use crate::pages::Visitor;
use crate::{Asked, Portal};
use gateway_administration::{Act, ActError, Problem, WrongField};
use gateway_config::Developers;
use gateway_domain::address::Address;
use gateway_domain::ids::{OrganizationId, UserId};
use gateway_domain::role::Role;
use gateway_domain::time::Seconds;
use gateway_mail::Notice;
use gateway_store::{
    Invitation, MAX_MEMBERS, MAX_ORGANIZATIONS, Member, MemberRole, NewMail, Organization, Revision, User,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How long an invitation can be accepted.
const INVITED: Seconds = Seconds::new(14 * 86_400);
const DAY: u64 = 86_400;

/// As whom somebody sees an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// As somebody who belongs to it.
    Member(MemberRole),
    /// As an administrator, who may do what owners do.
    Administrator,
}

/// An organization as it was read.
pub(crate) struct Seen {
    pub(crate) organization: Organization,
    pub(crate) revision: Revision,
    pub(crate) standing: Standing,
}

impl Seen {
    /// Whether this visitor says who belongs to it.
    pub(crate) fn is_owner(&self) -> bool {
        matches!(self.standing, Standing::Administrator | Standing::Member(MemberRole::Owner))
    }

    /// The user whose membership is a condition of what is written.
    pub(crate) fn member<'v>(&self, visitor: &'v Visitor) -> Option<&'v UserId> {
        match self.standing {
            Standing::Member(_) => Some(&visitor.user.user_id),
            Standing::Administrator => None,
        }
    }
}

impl Portal {
    /// Whether a user may make organizations.
    pub(crate) fn may_make_organizations(&self, user: &User) -> bool {
        let anyone = self.gateway.developer_portal().is_some_and(|portal| portal.developers == Developers::Anyone);
        anyone || user.roles.contains(&Role::Developer)
    }

    /// The organizations of a user, and those that invite the user.
    pub(crate) async fn organizations_of(
        &self,
        asked: &Asked<'_>,
        user: &User,
    ) -> Result<(Vec<Organization>, Vec<Organization>), Failure> {
        let table = &self.developers.organizations;
        let (own, inviting) = tokio::try_join!(table.of_user(&user.user_id), table.inviting(&user.email))?;
        let (mut member_of, mut invited_to) = (Vec::new(), Vec::new());
        for id in own {
            member_of.extend(table.get(&id).await?.map(|(organization, _)| organization));
        }
        for id in inviting {
            let found = table.get(&id).await?.map(|(organization, _)| organization);
            invited_to.extend(found.filter(|one| is_invited(one, user, asked)));
        }
        Ok((member_of, invited_to))
    }

    /// An organization that a visitor may see.
    pub(crate) async fn organization(&self, visitor: &Visitor, id: &str) -> Result<Seen, Failure> {
        let id = OrganizationId::parse(id).map_err(|_| Failure::NotFound)?;
        let found = self.developers.organizations.get(&id).await?;
        let role = found.as_ref().and_then(|(organization, _)| organization.role_of(&visitor.user.user_id));
        let standing = match (role, visitor.proved_at) {
            (Some(role), _) => Standing::Member(role),
            (None, Some(_)) => Standing::Administrator,
            // Before the second proof an administrator learns no more than others.
            (None, None) if visitor.user.roles.contains(&Role::Administrator) => return Err(Failure::SecondFactor),
            (None, None) => return Err(Failure::NotFound),
        };
        let (organization, revision) = found.ok_or(Failure::NotFound)?;
        Ok(Seen { organization, revision, standing })
    }

    /// Makes an organization with one owner.
    pub(crate) async fn make_organization(
        &self,
        asked: &Asked<'_>,
        visitor: &Visitor,
        name: &str,
    ) -> Result<OrganizationId, Failure> {
        if !self.may_make_organizations(&visitor.user) {
            return Err(Failure::NotFound);
        }
        let name = name_of_organization(name)?;
        if self.developers.organizations.of_user(&visitor.user.user_id).await?.len() >= MAX_ORGANIZATIONS {
            return Err(rule("name", format!("you belong to {MAX_ORGANIZATIONS} organizations, which is the most")));
        }
        let organization_id = OrganizationId::from_random(self.entropy.bytes()?);
        let owner = Member { role: MemberRole::Owner, since: asked.now };
        let organization = Organization {
            organization_id: organization_id.clone(),
            name,
            members: BTreeMap::from([(visitor.user.user_id.clone(), owner)]),
            invited: BTreeMap::new(),
            apps: 0,
        };
        let act = Act {
            act: "organizations create",
            subject: subject(&organization_id),
            before: None,
            after: Some(shown(&organization)),
        };
        let create = async {
            let made = self.developers.create_organization(&organization).await?;
            if made { Ok(()) } else { Err(Failure::Act(ActError::Conflict(subject(&organization_id)))) }
        };
        self.acts(visitor.who()).audited(act, create).await?;
        Ok(organization_id)
    }

    /// Invites whoever proves an address.
    pub(crate) async fn invite(
        &self,
        asked: &Asked<'_>,
        visitor: &Visitor,
        seen: &Seen,
        (address, role): (&str, MemberRole),
    ) -> Result<(), Failure> {
        owner(seen)?;
        let address = Address::parse(address).map_err(|error| Failure::malformed("email", error.to_string()))?;
        let before = &seen.organization;
        if before.members.len().saturating_add(before.invited.len()) >= MAX_MEMBERS {
            return Err(rule("email", format!("an organization has at most {MAX_MEMBERS} members and invitations")));
        }
        let held = self.users.by_email(address.as_str()).await?.filter(|user| user.email_verified);
        if held.is_some_and(|user| before.members.contains_key(&user.user_id)) {
            return Err(rule("email", "whoever has this address is a member already".to_owned()));
        }
        self.developer_attempts.reserve(&visitor.user.user_id, &address, asked.now).await?;
        let (organization, by) = (before.name.clone(), visitor.user.email.to_string());
        let mail = self.mail(asked, &address, |issuer| Notice::Invited {
            organization,
            by,
            link: format!("{issuer}/gateway/organizations"),
            days: INVITED.as_u64() / DAY,
        });
        let mail = mail.await?;
        let ends_at = asked.now.saturating_add(INVITED);
        let mut after = before.clone();
        after.invited.insert(address.clone(), Invitation { role, by: visitor.user.user_id.clone(), ends_at });
        self.change(visitor, "organizations invite", seen, after, Some(mail)).await
    }

    /// Takes an invitation back; or declines it, for whoever is invited.
    pub(crate) async fn uninvite(&self, visitor: &Visitor, seen: &Seen, address: &Address) -> Result<(), Failure> {
        let mut after = seen.organization.clone();
        if after.invited.remove(address).is_none() {
            return Ok(());
        }
        self.change(visitor, "organizations uninvite", seen, after, None).await
    }

    /// An organization that invites a visitor.
    pub(crate) async fn inviting(&self, asked: &Asked<'_>, visitor: &Visitor, id: &str) -> Result<Seen, Failure> {
        let id = OrganizationId::parse(id).map_err(|_| Failure::NotFound)?;
        let found = self.developers.organizations.get(&id).await?;
        let found = found.filter(|(organization, _)| is_invited(organization, &visitor.user, asked));
        let (organization, revision) = found.ok_or(Failure::NotFound)?;
        Ok(Seen { organization, revision, standing: Standing::Member(MemberRole::Member) })
    }

    /// Makes whoever is invited a member.
    pub(crate) async fn join(&self, asked: &Asked<'_>, visitor: &Visitor, seen: &Seen) -> Result<(), Failure> {
        let user = &visitor.user;
        if self.developers.organizations.of_user(&user.user_id).await?.len() >= MAX_ORGANIZATIONS {
            return Err(rule("join", format!("you belong to {MAX_ORGANIZATIONS} organizations, which is the most")));
        }
        let mut after = seen.organization.clone();
        let invitation = after.invited.remove(&user.email).ok_or(Failure::NotFound)?;
        let member = Member { role: invitation.role, since: asked.now };
        after.members.entry(user.user_id.clone()).or_insert(member);
        self.change(visitor, "organizations join", seen, after, None).await
    }

    /// Gives a member another role, or takes the membership away. Members may leave; somebody who can log in stays an owner.
    pub(crate) async fn set_member(
        &self,
        visitor: &Visitor,
        seen: &Seen,
        user: &UserId,
        role: Option<MemberRole>,
    ) -> Result<(), Failure> {
        let leaves = role.is_none() && *user == visitor.user.user_id;
        if !leaves {
            owner(seen)?;
        }
        let mut after = seen.organization.clone();
        match (after.members.get_mut(user), role) {
            (None, _) => return Err(Failure::NotFound),
            (Some(member), Some(role)) => member.role = role,
            (Some(_), None) => drop(after.members.remove(user)),
        }
        // An administrator may remove the last one; a member who leaves takes no owner away.
        let was_owner = seen.organization.role_of(user) == Some(MemberRole::Owner);
        if seen.standing != Standing::Administrator && was_owner && !self.has_owner(&after).await? {
            let words = "the last owner stays: make somebody else an owner first, or delete the organization";
            return Err(rule("members", words.to_owned()));
        }
        self.change(visitor, "organizations set-member", seen, after, None).await
    }

    async fn has_owner(&self, organization: &Organization) -> Result<bool, Failure> {
        for (user, member) in &organization.members {
            if member.role == MemberRole::Owner && self.users.get(user).await?.is_some_and(|user| user.enabled) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Gives an organization another name.
    pub(crate) async fn rename(&self, visitor: &Visitor, seen: &Seen, name: &str) -> Result<(), Failure> {
        owner(seen)?;
        let name = name_of_organization(name)?;
        let after = Organization { name, ..seen.organization.clone() };
        self.change(visitor, "organizations rename", seen, after, None).await
    }

    /// Deletes an organization without applications.
    pub(crate) async fn delete_organization(&self, visitor: &Visitor, seen: &Seen) -> Result<(), Failure> {
        owner(seen)?;
        if seen.organization.apps > 0 {
            return Err(rule("members", "delete its applications first: somebody may use them".to_owned()));
        }
        let subject = subject(&seen.organization.organization_id);
        let act = Act {
            act: "organizations delete",
            subject: subject.clone(),
            before: Some(shown(&seen.organization)),
            after: None,
        };
        let delete = async {
            let deleted = self.developers.delete_organization(&seen.organization, seen.revision).await?;
            if deleted { Ok(()) } else { Err(Failure::Act(ActError::Conflict(subject))) }
        };
        self.acts(visitor.who()).audited(act, delete).await
    }

    async fn change(
        &self,
        visitor: &Visitor,
        act: &'static str,
        seen: &Seen,
        mut after: Organization,
        mail: Option<NewMail>,
    ) -> Result<(), Failure> {
        // Addresses of those who never came are not kept.
        let now = self.clock.now();
        after.invited.retain(|_, invitation| now < invitation.ends_at);
        if after == seen.organization {
            return Ok(());
        }
        let subject = subject(&after.organization_id);
        let act =
            Act { act, subject: subject.clone(), before: Some(shown(&seen.organization)), after: Some(shown(&after)) };
        let change = async {
            let before = (&seen.organization, seen.revision);
            let changed = self.developers.change_organization(before, &after, mail.as_ref()).await?;
            if changed { Ok(()) } else { Err(Failure::Act(ActError::Conflict(subject))) }
        };
        self.acts(visitor.who()).audited(act, change).await?;
        if let Some(mail) = mail {
            self.outbox.send(&mail.id).await;
        }
        Ok(())
    }
}

fn owner(seen: &Seen) -> Result<(), Failure> {
    if seen.is_owner() { Ok(()) } else { Err(Failure::NotFound) }
}

fn is_invited(organization: &Organization, user: &User, asked: &Asked<'_>) -> bool {
    organization.invited.get(&user.email).is_some_and(|invitation| asked.now < invitation.ends_at)
        && !organization.members.contains_key(&user.user_id)
}

/// A name that a mail can have without leading anywhere: letters and digits of any language, and what stands between words.
fn name_of_organization(text: &str) -> Result<String, Failure> {
    let name = text.trim();
    if is_plain_name(name) { Ok(name.to_owned()) } else { Err(Failure::malformed("name", PLAIN_NAME)) }
}

/// What a name has that is in mails to others.
pub(crate) const PLAIN_NAME: &str = "1 to 60 letters, digits, spaces and -&'.,() with a space after each dot";

/// Whether no program takes a part of a name for an address, and no person for another text.
pub(crate) fn is_plain_name(name: &str) -> bool {
    let plain = name.chars().all(|c| c.is_alphanumeric() || " -&'.,()".contains(c));
    let mut pairs = name.chars().zip(name.chars().skip(1));
    let links = pairs.any(|(one, next)| one == '.' && next.is_alphanumeric());
    !name.is_empty() && name.chars().count() <= 60 && plain && !links
}

fn rule(field: &str, words: String) -> Failure {
    Failure::Act(ActError::Fields(vec![WrongField { field: field.to_owned(), problem: Problem::Rule(words) }]))
}

pub(crate) fn subject(id: &OrganizationId) -> String {
    format!("organization {id}")
}

/// An organization as it is audited. Addresses are not kept where nobody can delete them.
fn shown(organization: &Organization) -> Value {
    let members: BTreeMap<_, _> =
        organization.members.iter().map(|(user, member)| (user.as_str(), member.role.as_str())).collect();
    json!({
        "name": organization.name,
        "members": members,
        "invitations": organization.invited.len(),
        "apps": organization.apps,
    })
}
