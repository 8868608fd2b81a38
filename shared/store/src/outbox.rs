//! Mails to send, and addresses that take none. Key: `kind` (`mail` or `undeliverable`) and `id`.
//!
//! A mail is written in one transaction with the change that it tells, and removed when it was sent, so that those that are
//! left are those that wait. What it says is sealed: the table shows neither codes nor addresses.

use crate::error::{StoreError, unavailable};
use crate::refusal::{held, refused_item};
use crate::{Page, number, ttl, version};
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Put, ReturnValue, TransactWriteItem};
use gateway_domain::ids::MailId;
use gateway_domain::outbox::Reason;
use gateway_domain::sealing::SealedToken;
use gateway_domain::time::{Seconds, Timestamp};
use serde::{Deserialize, Serialize};

const MAIL: &str = "mail";
const UNDELIVERABLE: &str = "undeliverable";
/// A mail that nobody gave up, because nothing ran, is swept this long after its end.
const SWEPT: Seconds = Seconds::new(86_400);

/// A mail as it is put into the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMail {
    /// Its id, which is new.
    pub id: MailId,
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
    pub id: MailId,
    /// As [`NewMail::sealed`].
    pub sealed: SealedToken,
    /// How many attempts have begun.
    pub attempts: u32,
    /// As [`NewMail::until`].
    #[serde(rename = "ends_at")]
    pub until: Timestamp,
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
struct MailItem<'a> {
    kind: &'static str,
    #[serde(flatten)]
    mail: &'a QueuedMail,
    due_at: Timestamp,
    ttl: Timestamp,
}

#[derive(Deserialize)]
struct Id {
    id: MailId,
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
        let sent = self.client.transact_write_items().transact_items(self.adding(mail, OPERATION)?).send().await;
        sent.map(drop).map_err(unavailable(OPERATION))
    }

    /// The write of a mail, for the transaction that makes the change of which it tells.
    pub(crate) fn adding(&self, mail: &NewMail, operation: &'static str) -> Result<TransactWriteItem, StoreError> {
        let NewMail { id, sealed, due, until } = mail.clone();
        let queued = QueuedMail { id, sealed, attempts: 0, until };
        let ttl = ttl::after([until.saturating_add(SWEPT)]);
        let item = version::written(MailItem { kind: MAIL, mail: &queued, due_at: due, ttl }, operation)?;
        let put = Put::builder().table_name(&self.table).set_item(Some(item)).build();
        let put = put.map_err(|error| StoreError::Corrupt { operation, cause: error.to_string() })?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Takes a mail that is due, until `leased`: no other attempt takes it before. `None` if it is not due or gone. Of
    /// concurrent attempts one gets it.
    pub async fn claim(
        &self,
        id: &MailId,
        leased: Timestamp,
        now: Timestamp,
    ) -> Result<Option<QueuedMail>, StoreError> {
        const OPERATION: &str = "claim_mail";
        let sent = version::guarded(self.update(MAIL, id.as_str()), "due_at <= :now")
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

    /// Puts off a mail that could not be sent. One that is gone stays gone.
    pub async fn defer(&self, id: &MailId, due: Timestamp) -> Result<(), StoreError> {
        let sent = version::guarded(self.update(MAIL, id.as_str()), "attribute_exists(due_at)")
            .update_expression("SET due_at = :due")
            .expression_attribute_values(":due", number(due.as_secs()))
            .send()
            .await;
        held(sent, "defer_mail").map(drop)
    }

    /// Removes a mail that was sent or given up.
    pub async fn remove(&self, id: &MailId) -> Result<(), StoreError> {
        let delete = self.client.delete_item().table_name(&self.table);
        let delete = delete.key("kind", text(MAIL)).key("id", text(id.as_str()));
        delete.send().await.map(drop).map_err(unavailable("remove_mail"))
    }

    /// The ids of mails that are due, at most `most`. One query of all mails that wait, which are few: usually none.
    pub async fn due(&self, now: Timestamp, most: usize) -> Result<Vec<MailId>, StoreError> {
        const OPERATION: &str = "due_mails";
        let query = || {
            self.client
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("#kind = :mail")
                .filter_expression("due_at <= :now")
                .projection_expression("id, v")
                .expression_attribute_names("#kind", "kind")
                .expression_attribute_values(":mail", text(MAIL))
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
