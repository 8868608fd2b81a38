//! What is to be done after a change: mails to send, sessions to end. And addresses that take no mail. Key: `kind` (of
//! [`Kind`], or `undeliverable`) and `id`.
//!
//! An item is written in one transaction with the change that it follows, and removed when it is done, so that those that are
//! left are those that wait. What a mail says is sealed: the table shows neither codes nor addresses.

use crate::error::{StoreError, unavailable};
use crate::refusal::{held, refused_item};
use crate::{Page, number, ttl, version};
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Put, ReturnValue, TransactWriteItem};
use gateway_domain::ids::{OutboxId, UserId};
use gateway_domain::outbox::{AppSession, Kind, Reason, Which};
use gateway_domain::sealing::SealedToken;
use gateway_domain::time::{Seconds, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

const UNDELIVERABLE: &str = "undeliverable";
/// An item that nobody gave up, because nothing ran, is swept this long after its end.
const SWEPT: Seconds = Seconds::new(86_400);

/// A mail as it is put into the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMail {
    /// Its id, which is new.
    pub id: OutboxId,
    /// What it says, sealed for this id.
    pub sealed: SealedToken,
    /// From when it may be sent.
    pub due: Timestamp,
    /// Until when it makes sense to send it.
    pub until: Timestamp,
}

/// A mail that waits to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuedMail {
    /// Its id.
    pub id: OutboxId,
    /// As [`NewMail::sealed`].
    pub sealed: SealedToken,
    /// How many attempts have begun.
    pub attempts: u32,
    /// As [`NewMail::until`].
    #[serde(rename = "ends_at")]
    pub until: Timestamp,
}

/// Sessions to be ended, as they are put into the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEnding {
    /// Its id, which is new.
    pub id: OutboxId,
    /// Whose sessions end.
    pub user_id: UserId,
    /// Which of them.
    pub which: Which,
    /// From when they may be ended.
    pub due: Timestamp,
    /// Until when it is tried.
    pub until: Timestamp,
}

/// Sessions that wait to be ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuedEnding {
    /// Its id.
    pub id: OutboxId,
    /// As [`NewEnding::user_id`].
    pub user_id: UserId,
    /// As [`NewEnding::which`].
    pub which: Which,
    /// What an earlier attempt has found to end. Some of it may have ended, so that no list of live sessions has it.
    #[serde(rename = "to_end", default, skip_serializing_if = "Vec::is_empty")]
    pub found: Vec<AppSession>,
    /// How many attempts have begun.
    pub attempts: u32,
    /// As [`NewEnding::until`].
    #[serde(rename = "ends_at")]
    pub until: Timestamp,
}

/// What waits in the outbox, as one attempt takes it.
pub trait Queued: Serialize + DeserializeOwned {
    /// Its kind.
    const KIND: Kind;

    /// How many attempts have begun, this one among them.
    fn attempts(&self) -> u32;
}

impl Queued for QueuedMail {
    const KIND: Kind = Kind::Mail;

    fn attempts(&self) -> u32 {
        self.attempts
    }
}

impl Queued for QueuedEnding {
    const KIND: Kind = Kind::EndSessions;

    fn attempts(&self) -> u32 {
        self.attempts
    }
}

/// What was noted of an address that takes no mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Undeliverable {
    /// Why.
    pub reason: Reason,
    /// Until when it gets none.
    pub until: Timestamp,
}

#[derive(Serialize)]
struct Waiting<'a, T> {
    kind: Kind,
    #[serde(flatten)]
    queued: &'a T,
    due_at: Timestamp,
    ttl: Timestamp,
}

#[derive(Deserialize)]
struct Id {
    id: OutboxId,
}

#[derive(Deserialize)]
struct Noted {
    ends_at: Timestamp,
}

/// The outbox.
#[derive(Debug, Clone)]
pub struct Outbox {
    client: aws_sdk_dynamodb::Client,
    pub(crate) table: String,
}

impl Outbox {
    /// The table of this name.
    pub fn new(client: aws_sdk_dynamodb::Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Puts a mail into the outbox that tells of nothing that is written with it.
    pub async fn add(&self, mail: &NewMail) -> Result<(), StoreError> {
        const OPERATION: &str = "add_mail";
        self.put(self.adding(mail, OPERATION)?, OPERATION).await
    }

    /// Puts the end of sessions into the outbox that follows nothing that is written with it.
    pub async fn add_ending(&self, ending: &NewEnding) -> Result<(), StoreError> {
        const OPERATION: &str = "add_ending";
        self.put(self.adding_ending(ending, OPERATION)?, OPERATION).await
    }

    async fn put(&self, write: TransactWriteItem, operation: &'static str) -> Result<(), StoreError> {
        let sent = self.client.transact_write_items().transact_items(write).send().await;
        sent.map(drop).map_err(unavailable(operation))
    }

    /// The write of a mail, for the transaction that makes the change of which it tells.
    pub(crate) fn adding(&self, mail: &NewMail, operation: &'static str) -> Result<TransactWriteItem, StoreError> {
        let NewMail { id, sealed, due, until } = mail.clone();
        self.waiting(&QueuedMail { id, sealed, attempts: 0, until }, due, until, operation)
    }

    /// The write of an end of sessions, for the transaction that it follows.
    pub(crate) fn adding_ending(
        &self,
        ending: &NewEnding,
        operation: &'static str,
    ) -> Result<TransactWriteItem, StoreError> {
        let NewEnding { id, user_id, which, due, until } = ending.clone();
        let queued = QueuedEnding { id, user_id, which, found: Vec::new(), attempts: 0, until };
        self.waiting(&queued, due, until, operation)
    }

    fn waiting<T: Queued>(
        &self,
        queued: &T,
        due: Timestamp,
        until: Timestamp,
        operation: &'static str,
    ) -> Result<TransactWriteItem, StoreError> {
        let ttl = ttl::after([until.saturating_add(SWEPT)]);
        let item = version::written(Waiting { kind: T::KIND, queued, due_at: due, ttl }, operation)?;
        let put = Put::builder().table_name(&self.table).set_item(Some(item)).build();
        let put = put.map_err(|error| StoreError::Corrupt { operation, cause: error.to_string() })?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Takes something that is due, until `leased`: no other attempt takes it before. `None` if it is not due or gone. Of
    /// concurrent attempts one gets it.
    pub async fn claim<T: Queued>(
        &self,
        id: &OutboxId,
        leased: Timestamp,
        now: Timestamp,
    ) -> Result<Option<T>, StoreError> {
        const OPERATION: &str = "claim";
        let sent = version::guarded(self.update(T::KIND.as_str(), id.as_str()), "due_at <= :now")
            .update_expression("SET due_at = :leased ADD attempts :one")
            .expression_attribute_values(":now", number(now.as_secs()))
            .expression_attribute_values(":leased", number(leased.as_secs()))
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        match sent {
            Ok(updated) => updated.attributes.map(|item| version::read(item, OPERATION)).transpose(),
            Err(error) => refused_item(error, OPERATION).map(|_| None),
        }
    }

    /// Notes which sessions were found to end, before the first of them ends.
    pub async fn note_found(&self, id: &OutboxId, found: &[AppSession]) -> Result<(), StoreError> {
        const OPERATION: &str = "note_found";
        let update = self.update(Kind::EndSessions.as_str(), id.as_str());
        let sent = version::guarded(update, "attribute_exists(due_at)")
            .update_expression("SET to_end = :found")
            .expression_attribute_values(":found", version::part(found, OPERATION)?)
            .send()
            .await;
        held(sent, OPERATION).map(drop)
    }

    /// Puts off what could not be done. What is gone stays gone.
    pub async fn defer(&self, kind: Kind, id: &OutboxId, due: Timestamp) -> Result<(), StoreError> {
        let sent = version::guarded(self.update(kind.as_str(), id.as_str()), "attribute_exists(due_at)")
            .update_expression("SET due_at = :due")
            .expression_attribute_values(":due", number(due.as_secs()))
            .send()
            .await;
        held(sent, "defer").map(drop)
    }

    /// Removes what is done or given up.
    pub async fn remove(&self, kind: Kind, id: &OutboxId) -> Result<(), StoreError> {
        let delete = self.client.delete_item().table_name(&self.table);
        let delete = delete.key("kind", text(kind.as_str())).key("id", text(id.as_str()));
        delete.send().await.map(drop).map_err(unavailable("remove"))
    }

    /// The ids of what is due of this kind, at most `most`. One query of all of the kind that wait, which are few: usually
    /// none.
    pub async fn due(&self, kind: Kind, now: Timestamp, most: usize) -> Result<Vec<OutboxId>, StoreError> {
        const OPERATION: &str = "due";
        let query = || {
            self.client
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("#kind = :kind")
                .filter_expression("due_at <= :now")
                .projection_expression("id, v")
                .expression_attribute_names("#kind", "kind")
                .expression_attribute_values(":kind", text(kind.as_str()))
                .expression_attribute_values(":now", number(now.as_secs()))
        };
        let page = Page::query(most, OPERATION, query, |item| version::read::<Id>(item, OPERATION)).await?;
        Ok(page.items.into_iter().map(|found| found.id).collect())
    }

    /// Whether the address with this hash takes no mail now.
    pub async fn is_undeliverable(&self, address: &str, now: Timestamp) -> Result<bool, StoreError> {
        const OPERATION: &str = "undeliverable";
        let read = self.client.get_item().table_name(&self.table).consistent_read(true);
        let read = read.key("kind", text(UNDELIVERABLE)).key("id", text(address));
        let item = crate::projection::of(read, &["ends_at"]).send().await.map_err(unavailable(OPERATION))?.item;
        let noted: Option<Noted> = item.map(|item| version::read(item, OPERATION)).transpose()?;
        Ok(noted.is_some_and(|noted| now < noted.ends_at))
    }

    /// Notes that the address with this hash takes no mail. A note that lasts longer stays.
    pub async fn note_undeliverable(&self, address: &str, noted: &Undeliverable) -> Result<(), StoreError> {
        let longer = "attribute_not_exists(ends_at) OR ends_at < :ends";
        let sent = version::guarded(self.update(UNDELIVERABLE, address), longer)
            .update_expression("SET #reason = :reason, ends_at = :ends, #ttl = :ends, v = if_not_exists(v, :version)")
            .expression_attribute_names("#reason", "reason")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":reason", text(noted.reason.as_str()))
            .expression_attribute_values(":ends", number(noted.until.as_secs()))
            .send()
            .await;
        held(sent, "note_undeliverable").map(drop)
    }

    fn update(&self, kind: &str, id: &str) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.table).key("kind", text(kind)).key("id", text(id))
    }
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}
