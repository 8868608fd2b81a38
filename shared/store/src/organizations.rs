//! Organizations of developers, and what belongs to them. Keys: `pk`, `sk`.
//!
//! | `pk` | `sk` | what it is |
//! |---|---|---|
//! | `org#<id>` | `organization` | the organization: its members and invitations |
//! | `org#<id>` | `app#<client id>` | that the application is the organization's |
//! | `user#<user id>` | `org#<id>` | that the user is a member |
//! | `address#<hash>` | `org#<id>` | that whoever proves this address is invited |
//! | `waiting` | `app#<client id>` | that the application waits for an approval |
//!
//! All but the first are written in one transaction with what they follow from, so that they never tell anything else.

use crate::apps::Revision;
use crate::codes::incomplete;
use crate::error::{Item, StoreError, unavailable};
use crate::{Page, number, ttl, version};
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use gateway_domain::address::Address;
use gateway_domain::ids::{ClientId, OrganizationId, UserId};
use gateway_domain::outbox::address_hash;
use gateway_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most members and invitations of an organization, so that it stays one small item.
pub const MAX_MEMBERS: usize = 50;
/// The most applications of an organization.
pub const MAX_APPS: u32 = 50;
/// The most organizations of a user.
pub const MAX_ORGANIZATIONS: usize = 10;

/// Developers who share applications.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    /// Its id.
    pub organization_id: OrganizationId,
    /// Its name, for people.
    pub name: String,
    /// Who belongs to it. At least one is an owner.
    pub members: BTreeMap<UserId, Member>,
    /// Who is invited, by address.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub invited: BTreeMap<Address, Invitation>,
    /// How many applications it has.
    pub apps: u32,
}

/// What somebody may do in an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberRole {
    /// Registers and changes applications.
    Member,
    /// Says who else belongs to it, too.
    Owner,
}

impl MemberRole {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Owner => "owner",
        }
    }
}

/// A member of an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// What the member may do.
    pub role: MemberRole,
    /// Since when.
    pub since: Timestamp,
}

/// An invitation to an organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// What whoever accepts it may do.
    pub role: MemberRole,
    /// Who invites.
    pub by: UserId,
    /// Until when it can be accepted.
    pub ends_at: Timestamp,
}

impl Organization {
    /// The role of a user, if the user is a member.
    pub fn role_of(&self, user: &UserId) -> Option<MemberRole> {
        self.members.get(user).map(|member| member.role)
    }
}

/// An application that waits for an approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The application.
    pub client_id: ClientId,
    /// Since when.
    pub since: Timestamp,
}

#[derive(Deserialize)]
struct Link {
    sk: String,
}

#[derive(Deserialize)]
struct WaitingItem {
    sk: String,
    since: Timestamp,
}

/// The table of organizations.
#[derive(Debug, Clone)]
pub struct Organizations {
    client: aws_sdk_dynamodb::Client,
    pub(crate) table: String,
}

const ORGANIZATION: &str = "organization";
const WAITING: &str = "waiting";

impl Organizations {
    /// The table of this name.
    pub fn new(client: aws_sdk_dynamodb::Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// The organization of that id and its revision. One strongly consistent read, so that a member who was removed is none.
    pub async fn get(&self, id: &OrganizationId) -> Result<Option<(Organization, Revision)>, StoreError> {
        const OPERATION: &str = "organization";
        let read = self.client.get_item().table_name(&self.table).consistent_read(true);
        let read = read.key("pk", text(&of_organization(id))).key("sk", text(ORGANIZATION));
        let item = read.send().await.map_err(unavailable(OPERATION))?.item;
        let read = |item: Item| Ok((Revision::of(&item), version::read(item, OPERATION)?));
        item.map(read).transpose().map(|found| found.map(|(revision, organization)| (organization, revision)))
    }

    /// The organizations of a user.
    pub async fn of_user(&self, user: &UserId) -> Result<Vec<OrganizationId>, StoreError> {
        self.linked(&of_user(user), "organizations_of_user").await
    }

    /// The organizations to which whoever proves this address is invited. An invitation may have ended.
    pub async fn inviting(&self, address: &Address) -> Result<Vec<OrganizationId>, StoreError> {
        self.linked(&of_address(address), "invitations_of_address").await
    }

    async fn linked(&self, pk: &str, operation: &'static str) -> Result<Vec<OrganizationId>, StoreError> {
        let page = self.listed::<Link>((pk, "org#"), None, MAX_MEMBERS, operation).await?;
        let ids = page.items.iter().filter_map(|link| OrganizationId::parse(link.sk.strip_prefix("org#")?).ok());
        Ok(ids.collect())
    }

    /// The applications of an organization.
    pub async fn apps_of(&self, id: &OrganizationId) -> Result<Vec<ClientId>, StoreError> {
        let most = usize::try_from(MAX_APPS).unwrap_or(usize::MAX);
        let page = self.listed::<Link>((&of_organization(id), "app#"), None, most, "apps_of_organization").await?;
        Ok(page.items.iter().filter_map(|link| ClientId::parse(link.sk.strip_prefix("app#")?).ok()).collect())
    }

    /// The applications that wait for an approval, in the order of their ids after `after`, at most `most` of them.
    pub async fn waiting(&self, after: Option<&ClientId>, most: usize) -> Result<Page<Waiting>, StoreError> {
        let page = self.listed::<WaitingItem>((WAITING, "app#"), after, most, "waiting_apps").await?;
        let items = page.items.into_iter().filter_map(|item| {
            let client_id = ClientId::parse(item.sk.strip_prefix("app#")?).ok()?;
            Some(Waiting { client_id, since: item.since })
        });
        Ok(Page { items: items.collect(), more: page.more })
    }

    /// Strongly consistent, so that what was just done is there.
    async fn listed<T: serde::de::DeserializeOwned>(
        &self,
        (pk, begins): (&str, &str),
        after: Option<&ClientId>,
        most: usize,
        operation: &'static str,
    ) -> Result<Page<T>, StoreError> {
        // The `~` is after everything that an id can begin with.
        let (low, high) =
            (after.map_or(begins.to_owned(), |after| format!("{}!", of_app(after))), format!("{begins}~"));
        let query = || {
            self.client
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("pk = :pk AND sk BETWEEN :low AND :high")
                .expression_attribute_values(":pk", text(pk))
                .expression_attribute_values(":low", text(&low))
                .expression_attribute_values(":high", text(&high))
        };
        Page::query(most, operation, query, |item| version::read(item, operation)).await
    }

    /// The writes that make one organization of another, or a new one, or none; and what follows for members and who is invited.
    pub(crate) fn writing(
        &self,
        (before, from): (Option<&Organization>, Option<Revision>),
        after: Option<&Organization>,
        operation: &'static str,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let own = match (before, after) {
            (_, Some(after)) => self.putting(after, from, operation)?,
            (Some(before), None) => self.deleting(&before.organization_id, from, operation)?,
            (None, None) => return Ok(Vec::new()),
        };
        let mut writes = vec![own];
        let Some(id) = after.or(before).map(|one| &one.organization_id) else { return Ok(writes) };
        let (sk, old, new) = (format!("org#{id}"), links(before), links(after));
        for (pk, ends) in new.iter().filter(|(pk, ends)| old.get(*pk) != Some(*ends)) {
            writes.push(self.linking((pk, &sk), ("ttl", ends.map(|ends| ttl::after([ends]))), operation)?);
        }
        for pk in old.keys().filter(|pk| !new.contains_key(*pk)) {
            writes.push(self.unlinking((pk, &sk), operation)?);
        }
        Ok(writes)
    }

    fn putting(
        &self,
        organization: &Organization,
        from: Option<Revision>,
        operation: &'static str,
    ) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(version::written(organization, operation)?))
            .item("pk", text(&of_organization(&organization.organization_id)))
            .item("sk", text(ORGANIZATION))
            .item("revision", number(from.map_or(Revision::FIRST, Revision::following).number()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let put = match from {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(from) => put
                .condition_expression(version::condition("revision = :from"))
                .expression_attribute_values(":from", number(from.number()))
                .expression_attribute_values(":version", version::current()),
        };
        Ok(TransactWriteItem::builder().put(put.build().map_err(incomplete(operation))?).build())
    }

    fn deleting(
        &self,
        id: &OrganizationId,
        from: Option<Revision>,
        operation: &'static str,
    ) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .key("pk", text(&of_organization(id)))
            .key("sk", text(ORGANIZATION))
            .condition_expression(version::condition("revision = :from AND apps = :none"))
            .expression_attribute_values(":from", number(from.map_or(0, Revision::number)))
            .expression_attribute_values(":none", number(0))
            .expression_attribute_values(":version", version::current())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        Ok(TransactWriteItem::builder().delete(delete.build().map_err(incomplete(operation))?).build())
    }

    /// The write that counts an application of an organization in or out. As `member`, only while that user is one.
    pub(crate) fn counting(
        &self,
        id: &OrganizationId,
        member: Option<&UserId>,
        is_new: bool,
        operation: &'static str,
    ) -> Result<TransactWriteItem, StoreError> {
        let room = if is_new { "apps < :most" } else { "apps > :none" };
        let update = Update::builder()
            .table_name(&self.table)
            .key("pk", text(&of_organization(id)))
            .key("sk", text(ORGANIZATION))
            .update_expression("ADD apps :one, revision :next")
            .expression_attribute_values(":one", number(if is_new { 1 } else { -1 }))
            .expression_attribute_values(":next", number(1))
            .expression_attribute_values(
                if is_new { ":most" } else { ":none" },
                number(if is_new { MAX_APPS } else { 0 }),
            )
            .expression_attribute_values(":version", version::current());
        let update = match member {
            None => update.condition_expression(version::condition(room)),
            Some(user) => update
                .condition_expression(version::condition(&format!("{room} AND attribute_exists(members.#user)")))
                .expression_attribute_names("#user", user.as_str()),
        };
        Ok(TransactWriteItem::builder().update(update.build().map_err(incomplete(operation))?).build())
    }

    /// The condition that a user is still a member.
    pub(crate) fn member(
        &self,
        id: &OrganizationId,
        user: &UserId,
        operation: &'static str,
    ) -> Result<TransactWriteItem, StoreError> {
        let check = ConditionCheck::builder()
            .table_name(&self.table)
            .key("pk", text(&of_organization(id)))
            .key("sk", text(ORGANIZATION))
            .condition_expression("attribute_exists(members.#user)")
            .expression_attribute_names("#user", user.as_str())
            .build();
        Ok(TransactWriteItem::builder().condition_check(check.map_err(incomplete(operation))?).build())
    }

    /// The write that says or no longer says whose an application is.
    pub(crate) fn owning(
        &self,
        id: &OrganizationId,
        app: &ClientId,
        is_new: bool,
        operation: &'static str,
    ) -> Result<TransactWriteItem, StoreError> {
        let key = (of_organization(id), of_app(app));
        let key = (key.0.as_str(), key.1.as_str());
        if is_new { self.linking(key, ("since", None), operation) } else { self.unlinking(key, operation) }
    }

    /// The write that says or no longer says that an application waits.
    pub(crate) fn noting(
        &self,
        app: &ClientId,
        since: Option<Timestamp>,
        operation: &'static str,
    ) -> Result<TransactWriteItem, StoreError> {
        let sk = of_app(app);
        match since {
            Some(_) => self.linking((WAITING, &sk), ("since", since), operation),
            None => self.unlinking((WAITING, &sk), operation),
        }
    }

    fn linking(
        &self,
        (pk, sk): (&str, &str),
        (name, time): (&str, Option<Timestamp>),
        operation: &'static str,
    ) -> Result<TransactWriteItem, StoreError> {
        let mut put = Put::builder().table_name(&self.table).set_item(Some(version::stamped(Item::new())));
        put = put.item("pk", text(pk)).item("sk", text(sk));
        if let Some(time) = time {
            put = put.item(name, number(time.as_secs()));
        }
        Ok(TransactWriteItem::builder().put(put.build().map_err(incomplete(operation))?).build())
    }

    fn unlinking(&self, (pk, sk): (&str, &str), operation: &'static str) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder().table_name(&self.table).key("pk", text(pk)).key("sk", text(sk)).build();
        Ok(TransactWriteItem::builder().delete(delete.map_err(incomplete(operation))?).build())
    }
}

/// What leads to an organization, by key; with the end of an invitation.
fn links(one: Option<&Organization>) -> BTreeMap<String, Option<Timestamp>> {
    let members = one.into_iter().flat_map(|one| one.members.keys()).map(|user| (of_user(user), None));
    let invited = one.into_iter().flat_map(|one| one.invited.iter());
    members.chain(invited.map(|(address, invitation)| (of_address(address), Some(invitation.ends_at)))).collect()
}

fn of_organization(id: &OrganizationId) -> String {
    format!("org#{id}")
}

fn of_user(user: &UserId) -> String {
    format!("user#{user}")
}

fn of_address(address: &Address) -> String {
    format!("address#{}", address_hash(address))
}

fn of_app(client_id: &ClientId) -> String {
    format!("app#{client_id}")
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}
