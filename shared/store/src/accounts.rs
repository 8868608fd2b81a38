//! What people do with their own accounts: each a transaction over users, codes and the outbox.
//!
//! An account whose address is not proved never merges with another and yields to whoever proves the address: each sign-up
//! makes a user of its own, and the proof gives the address to the user whose code it was.

mod owner;

pub use owner::Following;

use crate::codes::incomplete;
use crate::error::{StoreError, unavailable};
use crate::{ChangeUser, Code, Codes, NewMail, Outbox, User, Users, number, version};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ConditionCheck, Delete, Put, TransactWriteItem, Update,
};
use gateway_domain::ids::{CodeId, UserId};
use gateway_domain::password::PasswordHash;
use gateway_domain::time::Timestamp;

/// Who had the address of a sign-up when it was looked up.
#[derive(Debug, Clone, Copy)]
pub enum Holder<'a> {
    /// Nobody.
    Nobody,
    /// An account that has not proved it.
    Unproved(&'a UserId),
    /// An account that has proved it.
    Owner(&'a UserId),
}

/// The tables in which people change their own accounts.
#[derive(Debug, Clone)]
pub struct Accounts {
    client: aws_sdk_dynamodb::Client,
    users: Users,
    codes: Codes,
    outbox: Outbox,
}

impl Accounts {
    /// Over these tables.
    pub fn new(client: aws_sdk_dynamodb::Client, users: Users, codes: Codes, outbox: Outbox) -> Self {
        Self { client, users, codes, outbox }
    }

    /// The outbox that the changes are told in.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Writes a sign-up: an account that waits until `until` for its address to be proved, its code and the mail. If the
    /// address has an owner, no account is written, and the code is nobody's. Always four writes, so that
    /// none of the cases takes longer. [`ChangeUser::Conflict`] if the holder is another by now.
    pub async fn sign_up(
        &self,
        user: &User,
        until: Timestamp,
        holder: Holder<'_>,
        (code, mail): (&Code, &NewMail),
    ) -> Result<ChangeUser, StoreError> {
        const OPERATION: &str = "sign_up";
        let writes = vec![
            self.account(user, until, holder, OPERATION)?,
            self.claim(user, until, holder, OPERATION)?,
            self.codes.putting(code, OPERATION)?,
            self.outbox.adding(mail, OPERATION)?,
        ];
        self.transact(writes, OPERATION).await
    }

    /// The account, or the removal of one that is not there.
    fn account(
        &self,
        user: &User,
        until: Timestamp,
        holder: Holder<'_>,
        operation: &'static str,
    ) -> Result<TransactWriteItem, StoreError> {
        let write = TransactWriteItem::builder();
        if let Holder::Owner(_) = holder {
            let delete = Delete::builder().table_name(&self.users.table).key("pk", Users::key_of(&user.user_id));
            let delete = delete.condition_expression("attribute_not_exists(pk)").build();
            return Ok(write.delete(delete.map_err(incomplete(operation))?).build());
        }
        let put = Put::builder()
            .table_name(&self.users.table)
            .set_item(Some(Users::item_of(user, operation)?))
            .item("ttl", number(until.as_secs()))
            .condition_expression("attribute_not_exists(pk)")
            .build();
        Ok(write.put(put.map_err(incomplete(operation))?).build())
    }

    /// The claim of a free address, or the condition that its holder is still the same.
    fn claim(
        &self,
        user: &User,
        until: Timestamp,
        holder: Holder<'_>,
        operation: &'static str,
    ) -> Result<TransactWriteItem, StoreError> {
        let write = TransactWriteItem::builder();
        let key = Users::claim_of(&user.email);
        match holder {
            Holder::Nobody => {
                let put = self.users.claiming(user).item("ttl", number(until.as_secs()));
                let put = put.condition_expression("attribute_not_exists(pk)").build();
                Ok(write.put(put.map_err(incomplete(operation))?).build())
            }
            Holder::Unproved(holder) | Holder::Owner(holder) => {
                let check = ConditionCheck::builder()
                    .table_name(&self.users.table)
                    .key("pk", key)
                    .condition_expression("user_id = :holder")
                    .expression_attribute_values(":holder", AttributeValue::S(holder.to_string()))
                    .build();
                Ok(write.condition_check(check.map_err(incomplete(operation))?).build())
            }
        }
    }

    /// Gives the address to the user whose code proved it, and uses the code. Another account that has not proved the address
    /// is removed. Of two accounts that prove one address at once, one gets it. [`ChangeUser::Conflict`] if the code was used,
    /// or somebody else has proved the address.
    pub async fn verify(&self, code: &CodeId, user: &User, holder: Option<&UserId>) -> Result<ChangeUser, StoreError> {
        const OPERATION: &str = "verify_address";
        let update = Update::builder()
            .table_name(&self.users.table)
            .key("pk", Users::key_of(&user.user_id))
            .update_expression("SET email_verified = :true REMOVE #ttl")
            .condition_expression(version::condition("email = :email"))
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":true", AttributeValue::Bool(true))
            .expression_attribute_values(":email", AttributeValue::S(user.email.to_string()))
            .expression_attribute_values(":version", version::current())
            .build();
        let mut writes = vec![
            self.codes.using(code, OPERATION)?,
            TransactWriteItem::builder().update(update.map_err(incomplete(OPERATION))?).build(),
            self.claiming_from(user, holder, OPERATION)?,
        ];
        if let Some(other) = holder.filter(|holder| **holder != user.user_id) {
            writes.push(self.yielding(other, OPERATION)?);
        }
        self.transact(writes, OPERATION).await
    }

    /// The write that claims a user's address, which nobody has, or this holder.
    fn claiming_from(
        &self,
        user: &User,
        holder: Option<&UserId>,
        operation: &'static str,
    ) -> Result<TransactWriteItem, StoreError> {
        let claim = self.users.claiming(user);
        let claim = match holder {
            None => claim.condition_expression("attribute_not_exists(pk)"),
            Some(holder) => claim
                .condition_expression("user_id = :holder")
                .expression_attribute_values(":holder", AttributeValue::S(holder.to_string())),
        };
        Ok(TransactWriteItem::builder().put(claim.build().map_err(incomplete(operation))?).build())
    }

    /// The write that removes an account which has not proved its address.
    fn yielding(&self, user: &UserId, operation: &'static str) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.users.table)
            .key("pk", Users::key_of(user))
            .condition_expression("attribute_not_exists(pk) OR email_verified = :false")
            .expression_attribute_values(":false", AttributeValue::Bool(false))
            .build();
        Ok(TransactWriteItem::builder().delete(delete.map_err(incomplete(operation))?).build())
    }

    /// Writes a code and its mail.
    pub async fn send_code(&self, code: &Code, mail: &NewMail) -> Result<(), StoreError> {
        const OPERATION: &str = "send_code";
        let writes = vec![self.codes.putting(code, OPERATION)?, self.outbox.adding(mail, OPERATION)?];
        self.transact(writes, OPERATION).await.map(drop)
    }

    /// Sets another password by a code, and uses the code. The code came by mail, so that it proves the address as well. The
    /// credential epoch rises: sessions and logins under way end. All passkeys go: whoever gets an account back cannot know who
    /// enrolled them. What was told of an address that nobody had proved is forgotten: somebody else may have told it.
    /// [`ChangeUser::Conflict`] if the code was used, or the user is gone, disabled, or was changed since it was read.
    pub async fn reset_password(
        &self,
        code: &CodeId,
        user: &User,
        password: &PasswordHash,
        following: Following<'_>,
    ) -> Result<ChangeUser, StoreError> {
        const OPERATION: &str = "reset_password";
        let set = "SET password = :password, email_verified = :true REMOVE #ttl ADD credential_epoch :one";
        let unproved =
            "SET password = :password, email_verified = :true REMOVE #ttl, profile ADD credential_epoch :one";
        let update = Update::builder()
            .table_name(&self.users.table)
            .key("pk", Users::key_of(&user.user_id))
            .update_expression(if user.email_verified { set } else { unproved })
            .condition_expression(version::condition(
                "email = :email AND credential_epoch = :epoch AND enabled = :true",
            ))
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":password", AttributeValue::S(password.as_str().to_owned()))
            .expression_attribute_values(":true", AttributeValue::Bool(true))
            .expression_attribute_values(":email", AttributeValue::S(user.email.to_string()))
            .expression_attribute_values(":epoch", number(user.credential_epoch))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":version", version::current())
            .build();
        // The claim loses its end, as the user does.
        let claim = self.users.claiming(user).condition_expression("user_id = :holder");
        let claim = claim.expression_attribute_values(":holder", AttributeValue::S(user.user_id.to_string())).build();
        let writes = vec![
            self.codes.using(code, OPERATION)?,
            TransactWriteItem::builder().update(update.map_err(incomplete(OPERATION))?).build(),
            TransactWriteItem::builder().put(claim.map_err(incomplete(OPERATION))?).build(),
            self.users.forgetting_passkeys(&user.user_id).map_err(incomplete(OPERATION))?,
        ];
        self.with_following(writes, following, OPERATION).await
    }

    /// Makes these writes, with the end of sessions and the mail that follow them.
    async fn with_following(
        &self,
        mut writes: Vec<TransactWriteItem>,
        following: Following<'_>,
        operation: &'static str,
    ) -> Result<ChangeUser, StoreError> {
        writes.push(self.outbox.adding_ending(following.ending, operation)?);
        writes.push(self.outbox.adding(following.mail, operation)?);
        self.transact(writes, operation).await
    }

    /// Makes all of these writes or none. One that met another transaction is a conflict as well: whoever asked reads again.
    async fn transact(
        &self,
        writes: Vec<TransactWriteItem>,
        operation: &'static str,
    ) -> Result<ChangeUser, StoreError> {
        match self.client.transact_write_items().set_transact_items(Some(writes)).send().await {
            Ok(_) => Ok(ChangeUser::Done),
            Err(error) if is_refused(error.as_service_error()) => Ok(ChangeUser::Conflict),
            Err(error) => Err(unavailable(operation)(error)),
        }
    }
}

/// Whether a transaction was refused by a condition, or by another transaction on the same items.
pub(crate) fn is_refused(error: Option<&TransactWriteItemsError>) -> bool {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error else { return false };
    let mut codes = cancelled.cancellation_reasons().iter().filter_map(CancellationReason::code);
    codes.any(|code| ["ConditionalCheckFailed", "TransactionConflict"].contains(&code))
}
