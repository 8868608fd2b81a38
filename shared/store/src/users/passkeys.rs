//! Passkeys of people. Key: `pk`, `passkeys#<user id>`; the attribute `passkeys` has them by the hash of their credential ids.
//!
//! What an enrolment needs of its person is a condition of its transaction; a removal raises the credential epoch, so that no login which began
//! with that passkey outlives it.

use super::{ChangeUser, Users};
use crate::accounts::is_refused;
use crate::codes::incomplete;
use crate::deliveries::newer;
use crate::error::{StoreError, unavailable};
use crate::refusal::held;
use crate::{number, version};
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use gateway_domain::ids::UserId;
use gateway_domain::passkey::{CredentialId, MAX_PASSKEYS, Passkey};
use gateway_domain::time::Timestamp;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};

/// How often an enrolment that met other writes is tried.
const MAX_WRITES: usize = 8;

/// What becomes of an enrolment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddPasskey {
    /// The passkey is the person's. It may have been before.
    Done,
    /// The person has [`MAX_PASSKEYS`] others.
    Full,
    /// Another passkey of the person's has this credential id.
    Taken,
    /// The person is gone or disabled, or has other credentials than those that were shown.
    UserChanged,
    /// Nobody has proved the person's address, so somebody else may have made the account.
    Unproved,
}

#[derive(Default, Deserialize)]
struct PasskeysItem {
    #[serde(default)]
    passkeys: BTreeMap<String, Passkey>,
}

impl PasskeysItem {
    fn get(&self, id: &CredentialId) -> Option<&Passkey> {
        self.passkeys.get(&id.key()).filter(|passkey| passkey.id == *id)
    }
}

fn passkeys_key(user: &UserId) -> AttributeValue {
    AttributeValue::S(format!("passkeys#{user}"))
}

impl Users {
    /// The passkeys of a user, the oldest first. One strongly consistent read.
    pub async fn passkeys(&self, user: &UserId) -> Result<Vec<Passkey>, StoreError> {
        let mut all: Vec<_> = self.passkeys_item(user, "passkeys").await?.passkeys.into_values().collect();
        all.sort_by(|one, other| (one.since, &one.id).cmp(&(other.since, &other.id)));
        Ok(all)
    }

    /// One passkey of a user. One strongly consistent read, whether there is one or not.
    pub async fn passkey(&self, user: &UserId, id: &CredentialId) -> Result<Option<Passkey>, StoreError> {
        Ok(self.passkeys_item(user, "passkey").await?.get(id).cloned())
    }

    /// Adds a passkey to those of a user with credentials of this epoch and a proved address. The same one again stays as it is, so that a lost
    /// response can be repeated. Nobody has more than [`MAX_PASSKEYS`], however many are added at once.
    pub async fn add_passkey(&self, user: (&UserId, u64), passkey: &Passkey) -> Result<AddPasskey, StoreError> {
        self.add_passkey_with(user, passkey, &[]).await
    }

    /// The same, with other writes in its transaction, which are made if and only if the passkey is new.
    pub(crate) async fn add_passkey_with(
        &self,
        (user, epoch): (&UserId, u64),
        passkey: &Passkey,
        others: &[TransactWriteItem],
    ) -> Result<AddPasskey, StoreError> {
        const OPERATION: &str = "add_passkey";
        for _ in 0..MAX_WRITES {
            let there = self.passkeys_item(user, OPERATION).await?;
            if let Some(outcome) = self.settled(&there, (user, epoch), passkey).await? {
                return Ok(outcome);
            }
            let mut writes = vec![
                self.owning(user, epoch, OPERATION)?,
                self.listing_passkey(user, passkey, there.passkeys.is_empty(), OPERATION)?,
            ];
            writes.extend_from_slice(others);
            match self.client.transact_write_items().set_transact_items(Some(writes)).send().await {
                Ok(_) => return Ok(AddPasskey::Done),
                Err(error) if is_refused(error.as_service_error()) => newer(error.as_service_error(), OPERATION)?,
                Err(error) => return Err(unavailable(OPERATION)(error)),
            }
        }
        let cause = format!("the passkeys were changed by others {MAX_WRITES} times");
        Err(StoreError::Unavailable { operation: OPERATION, cause })
    }

    /// What can be said of an enrolment without a write.
    async fn settled(
        &self,
        there: &PasskeysItem,
        (user, epoch): (&UserId, u64),
        passkey: &Passkey,
    ) -> Result<Option<AddPasskey>, StoreError> {
        match self.get(user).await? {
            Some(user) if !user.enabled || user.credential_epoch != epoch => return Ok(Some(AddPasskey::UserChanged)),
            Some(user) if !user.email_verified => return Ok(Some(AddPasskey::Unproved)),
            Some(_) => {}
            None => return Ok(Some(AddPasskey::UserChanged)),
        }
        Ok(match there.get(&passkey.id) {
            Some(same) if same.public_key == passkey.public_key => Some(AddPasskey::Done),
            Some(_) => Some(AddPasskey::Taken),
            None => (there.passkeys.len() >= MAX_PASSKEYS).then_some(AddPasskey::Full),
        })
    }

    /// Gives a passkey another name. `false` if it is not that user's.
    pub async fn rename_passkey(&self, user: &UserId, id: &CredentialId, name: &str) -> Result<bool, StoreError> {
        let sent = self
            .update_passkey(user, id, "attribute_exists(#passkeys.#key)")
            .update_expression("SET #passkeys.#key.#name = :name")
            .expression_attribute_names("#name", "name")
            .expression_attribute_values(":name", AttributeValue::S(name.to_owned()))
            .send()
            .await;
        held(sent, "rename_passkey")
    }

    /// Notes that a passkey has signed so often. `false` if it is gone, or has signed as often or more often meanwhile: then this signature logs
    /// nobody in. One that does not count stays at 0.
    pub async fn note_passkey_use(
        &self,
        user: &UserId,
        id: &CredentialId,
        sign_count: u32,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let condition =
            if sign_count == 0 { "#passkeys.#key.#count = :count" } else { "#passkeys.#key.#count < :count" };
        let sent = self
            .update_passkey(user, id, condition)
            .update_expression("SET #passkeys.#key.#count = :count, #passkeys.#key.#used = :now")
            .expression_attribute_names("#count", "sign_count")
            .expression_attribute_names("#used", "used_at")
            .expression_attribute_values(":count", number(sign_count))
            .expression_attribute_values(":now", number(now.as_secs()))
            .send()
            .await;
        held(sent, "note_use_of_passkey")
    }

    /// Removes a passkey of a user with credentials of this epoch, for an operator, and raises the credential epoch.
    /// [`ChangeUser::Conflict`] if the user has other credentials by now, or no such passkey.
    pub async fn remove_passkey(
        &self,
        (user, epoch): (&UserId, u64),
        id: &CredentialId,
    ) -> Result<ChangeUser, StoreError> {
        const OPERATION: &str = "remove_passkey";
        let raise = Update::builder()
            .table_name(&self.table)
            .key("pk", Self::key_of(user))
            .update_expression("ADD credential_epoch :one")
            .condition_expression(version::condition("credential_epoch = :epoch"))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":epoch", number(epoch))
            .expression_attribute_values(":version", version::current())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build();
        let raise = raise.map(|raise| TransactWriteItem::builder().update(raise).build());
        self.transact([raise, Ok(self.unlisting_passkey(user, id, OPERATION)?)], OPERATION).await
    }

    /// The write that removes a passkey, if it is there.
    pub(crate) fn unlisting_passkey(
        &self,
        user: &UserId,
        id: &CredentialId,
        operation: &'static str,
    ) -> Result<TransactWriteItem, StoreError> {
        let update = Update::builder()
            .table_name(&self.table)
            .key("pk", passkeys_key(user))
            .update_expression("REMOVE #passkeys.#key")
            .condition_expression(version::condition("attribute_exists(#passkeys.#key)"))
            .expression_attribute_names("#passkeys", "passkeys")
            .expression_attribute_names("#key", id.key())
            .expression_attribute_values(":version", version::current())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build();
        Ok(TransactWriteItem::builder().update(update.map_err(incomplete(operation))?).build())
    }

    /// The write that removes all passkeys of a user, who may have none.
    pub(crate) fn forgetting_passkeys(
        &self,
        user: &UserId,
    ) -> Result<TransactWriteItem, aws_sdk_dynamodb::error::BuildError> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .key("pk", passkeys_key(user))
            .condition_expression(version::KNOWN)
            .expression_attribute_values(":version", version::current())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build();
        delete.map(|delete| TransactWriteItem::builder().delete(delete).build())
    }

    /// The condition that a user has credentials of this epoch and a proved address, and may log in.
    fn owning(&self, user: &UserId, epoch: u64, operation: &'static str) -> Result<TransactWriteItem, StoreError> {
        let check = ConditionCheck::builder()
            .table_name(&self.table)
            .key("pk", Self::key_of(user))
            .condition_expression(
                "credential_epoch = :epoch AND enabled = :true \
                 AND (attribute_not_exists(email_verified) OR email_verified = :true)",
            )
            .expression_attribute_values(":epoch", number(epoch))
            .expression_attribute_values(":true", AttributeValue::Bool(true))
            .build();
        Ok(TransactWriteItem::builder().condition_check(check.map_err(incomplete(operation))?).build())
    }

    /// The write that adds a passkey, if there is room. The first one is written with the map around it, since DynamoDB sets a member of a map
    /// only where the map exists.
    fn listing_passkey(
        &self,
        user: &UserId,
        passkey: &Passkey,
        first: bool,
        operation: &'static str,
    ) -> Result<TransactWriteItem, StoreError> {
        let (key, value) = (passkey.id.key(), version::part(passkey, operation)?);
        let write = TransactWriteItem::builder();
        if first {
            let put = Put::builder()
                .table_name(&self.table)
                .item("pk", passkeys_key(user))
                .item("passkeys", AttributeValue::M(HashMap::from([(key, value)])))
                .item("v", version::current())
                .condition_expression(version::condition("attribute_not_exists(passkeys) OR passkeys = :none"))
                .expression_attribute_values(":none", AttributeValue::M(HashMap::new()))
                .expression_attribute_values(":version", version::current())
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .build();
            return Ok(write.put(put.map_err(incomplete(operation))?).build());
        }
        let most = i64::try_from(MAX_PASSKEYS).unwrap_or(i64::MAX);
        let update = Update::builder()
            .table_name(&self.table)
            .key("pk", passkeys_key(user))
            .update_expression("SET #passkeys.#key = :passkey")
            .condition_expression(version::condition(
                "attribute_exists(#passkeys) AND attribute_not_exists(#passkeys.#key) AND size(#passkeys) < :most",
            ))
            .expression_attribute_names("#passkeys", "passkeys")
            .expression_attribute_names("#key", key)
            .expression_attribute_values(":passkey", value)
            .expression_attribute_values(":most", number(most))
            .expression_attribute_values(":version", version::current())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build();
        Ok(write.update(update.map_err(incomplete(operation))?).build())
    }

    fn update_passkey(&self, user: &UserId, id: &CredentialId, condition: &str) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.table).key("pk", passkeys_key(user));
        version::guarded(update, condition)
            .expression_attribute_names("#passkeys", "passkeys")
            .expression_attribute_names("#key", id.key())
    }

    async fn passkeys_item(&self, user: &UserId, operation: &'static str) -> Result<PasskeysItem, StoreError> {
        let read = crate::projection::of(self.read(passkeys_key(user)), &["passkeys"]);
        let item = read.send().await.map_err(unavailable(operation))?.item;
        Ok(item.map(|item| version::read(item, operation)).transpose()?.unwrap_or_default())
    }
}
