//! Codes and links of mails, hashed. Key: `id`, which is random and not secret.
//!
//! A code is used once: whatever it changes is one transaction with its removal, and one that changes nothing is removed before
//! what it allows. One that belongs to nobody, written so that
//! asking for a mail looks alike, has a user that does not exist.

use crate::error::{StoreError, unavailable};
use crate::refusal::{held, refused_item};
use crate::{User, number, ttl, version};
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{
    AttributeValue, Delete, Put, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use gateway_domain::address::Address;
use gateway_domain::code::{TRIES, token_hash};
use gateway_domain::ids::{CodeId, UserId};
use gateway_domain::password::PasswordHash;
use gateway_domain::secret::Secret;
use gateway_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What a code is for. A code of one purpose does nothing for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To prove the address of an account.
    VerifyAddress,
    /// To set another password.
    ResetPassword,
    /// To give an account another address.
    ChangeAddress,
    /// To give an account back the address that it had, and another password.
    TakeBackAddress,
    /// To prove from a source to be the owner. It changes nothing of the account.
    Unlock,
}

/// A code that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// Its id.
    pub id: CodeId,
    /// What it is for.
    pub purpose: Purpose,
    /// For whom; nobody has this id if the code belongs to nobody.
    pub user_id: UserId,
    /// The hash of its digits, which are too few for a plain one.
    pub digits: PasswordHash,
    /// The hash of the token of its link.
    pub token: String,
    /// The hash of the secret of whoever asked for it.
    pub ticket: String,
    /// The address that the account had when the code was asked for, or that was typed where there is no account.
    pub email: Address,
    /// The account's credential epoch at that time.
    pub credential_epoch: u64,
    /// The address that the account gets by it, for the two purposes that change it.
    pub address: Option<Address>,
    /// Until when it works.
    pub ends: Timestamp,
}

impl Code {
    /// Whether the account is as it was when the code was asked for: the same address and the same credentials. Otherwise a code
    /// that went to somebody's mailbox would outlive what was done to throw that person out.
    pub fn is_of(&self, user: &User) -> bool {
        self.user_id == user.user_id && self.email == user.email && self.credential_epoch == user.credential_epoch
    }

    /// Whether this is the token of its link.
    pub fn is_token(&self, token: &Secret) -> bool {
        Secret::new(token_hash(token.expose())).constant_time_eq(self.token.as_bytes())
    }

    /// Whether this is the secret of whoever asked for it.
    pub fn is_ticket(&self, ticket: &Secret) -> bool {
        Secret::new(token_hash(ticket.expose())).constant_time_eq(self.ticket.as_bytes())
    }
}

#[derive(Serialize, Deserialize)]
struct CodeItem {
    id: CodeId,
    purpose: Purpose,
    user_id: UserId,
    digits: String,
    token_hash: String,
    ticket_hash: String,
    email: Address,
    credential_epoch: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<Address>,
    tries: u32,
    ends_at: Timestamp,
    ttl: Timestamp,
}

/// The table of codes.
#[derive(Debug, Clone)]
pub struct Codes {
    client: aws_sdk_dynamodb::Client,
    pub(crate) table: String,
}

impl Codes {
    /// The table of this name.
    pub fn new(client: aws_sdk_dynamodb::Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// The code of this id and purpose, if it still works and may be tried, with this try counted. Of concurrent tries no
    /// more than [`TRIES`] are counted.
    pub async fn try_code(&self, id: &CodeId, purpose: Purpose, now: Timestamp) -> Result<Option<Code>, StoreError> {
        const OPERATION: &str = "try_code";
        let update = self.client.update_item().table_name(&self.table).key("id", AttributeValue::S(id.to_string()));
        let sent = version::guarded(update, "purpose = :purpose AND ends_at > :now AND tries < :most")
            .update_expression("ADD tries :one")
            .expression_attribute_values(":purpose", version::part(purpose, OPERATION)?)
            .expression_attribute_values(":now", number(now.as_secs()))
            .expression_attribute_values(":most", number(TRIES))
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        match sent {
            Ok(updated) => {
                updated.attributes.map(|item| version::read::<CodeItem>(item, OPERATION).map(Code::from)).transpose()
            }
            Err(error) => refused_item(error, OPERATION).map(|_| None),
        }
    }

    /// The code of this id and purpose, if it still works. One strongly consistent read; nothing is counted.
    pub async fn get(&self, id: &CodeId, purpose: Purpose, now: Timestamp) -> Result<Option<Code>, StoreError> {
        const OPERATION: &str = "code";
        let read = self.client.get_item().table_name(&self.table).consistent_read(true);
        let read = read.key("id", AttributeValue::S(id.to_string()));
        let item = read.send().await.map_err(unavailable(OPERATION))?.item;
        let code = item.map(|item| version::read::<CodeItem>(item, OPERATION)).transpose()?.map(Code::from);
        Ok(code.filter(|code| code.purpose == purpose && now < code.ends))
    }

    /// Uses a code that changes nothing of an account. Of two uses at once one is `true`.
    pub async fn use_up(&self, id: &CodeId) -> Result<bool, StoreError> {
        let delete = self.client.delete_item().table_name(&self.table).key("id", AttributeValue::S(id.to_string()));
        let sent = delete
            .condition_expression(version::condition("attribute_exists(id)"))
            .expression_attribute_values(":version", version::current())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        held(sent, "use_code")
    }

    /// The write of a new code.
    pub(crate) fn putting(&self, code: &Code, operation: &'static str) -> Result<TransactWriteItem, StoreError> {
        let item = version::written(CodeItem::from(code), operation)?;
        let put = Put::builder().table_name(&self.table).set_item(Some(item)).build();
        Ok(TransactWriteItem::builder().put(put.map_err(incomplete(operation))?).build())
    }

    /// The write that uses a code: of two, one succeeds.
    pub(crate) fn using(&self, id: &CodeId, operation: &'static str) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .key("id", AttributeValue::S(id.to_string()))
            .condition_expression(version::condition("attribute_exists(id)"))
            .expression_attribute_values(":version", version::current())
            .build();
        Ok(TransactWriteItem::builder().delete(delete.map_err(incomplete(operation))?).build())
    }
}

/// A write that lacks something, which no test would let pass.
pub(crate) fn incomplete(operation: &'static str) -> impl Fn(BuildError) -> StoreError {
    move |error| StoreError::Corrupt { operation, cause: error.to_string() }
}

impl From<CodeItem> for Code {
    fn from(item: CodeItem) -> Self {
        Self {
            id: item.id,
            purpose: item.purpose,
            user_id: item.user_id,
            digits: PasswordHash::from_stored(item.digits),
            token: item.token_hash,
            ticket: item.ticket_hash,
            email: item.email,
            credential_epoch: item.credential_epoch,
            address: item.address,
            ends: item.ends_at,
        }
    }
}

impl From<&Code> for CodeItem {
    fn from(code: &Code) -> Self {
        Self {
            id: code.id.clone(),
            purpose: code.purpose,
            user_id: code.user_id.clone(),
            digits: code.digits.as_str().to_owned(),
            token_hash: code.token.clone(),
            ticket_hash: code.ticket.clone(),
            email: code.email.clone(),
            credential_epoch: code.credential_epoch,
            address: code.address.clone(),
            tries: 0,
            ends_at: code.ends,
            ttl: ttl::after([code.ends]),
        }
    }
}
