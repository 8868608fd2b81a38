//! Devices of applications, each with its key, and whose they are. Keys: `pk`, `sk`.
//!
//! | `pk` | `sk` | what it is |
//! |---|---|---|
//! | device id | `device` | the device: its key, and the person that it is linked to |
//! | `user#<user id>` | `devices` | which devices are linked to the person, at most [`MAX_DEVICES`] |
//!
//! The second is written in one transaction with what it follows from, and removed with the last device. A device that nobody has linked is
//! swept when it was not used for long; until then it works, however late that is. One that was revoked stays, since its key stays refused.

use crate::accounts::is_refused;
use crate::codes::incomplete;
use crate::deliveries::newer;
use crate::error::{Item, StoreError, unavailable};
use crate::refusal::{held, refused_item};
use crate::{NewEnding, Outbox, Users, number, projection, ttl, version};
use aws_sdk_dynamodb::operation::get_item::builders::GetItemFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use gateway_domain::holder_key::HolderKey;
use gateway_domain::ids::{ClientId, UserId};
use gateway_domain::time::{Seconds, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The most devices of a person, so that the list stays one small item and a page.
pub const MAX_DEVICES: usize = 50;
/// The `sk` of a device.
const DEVICE: &str = "device";
/// The `sk` of the list of a person's devices.
const LIST: &str = "devices";
/// How long a device that nobody has linked is kept after its last token.
const KEPT: Seconds = Seconds::new(400 * 86_400);
/// How old the time of its last token may be before the next one is noted.
const NOTED: Seconds = Seconds::new(86_400);
/// How often a link that met other writes is tried.
const MAX_WRITES: usize = 8;

/// A device of an application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its id, the subject of its tokens: [`UserId::of_device`].
    #[serde(rename = "pk")]
    pub device_id: UserId,
    /// The application that registered it.
    pub client_id: ClientId,
    /// By whose signatures it shows who it is.
    pub key: HolderKey,
    /// What its person recognises it by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it got its last token, to a day.
    pub used_at: Timestamp,
    /// The person that it is linked to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// Since when it is linked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linked_at: Option<Timestamp>,
    /// Since when it is of no use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

impl Device {
    /// Whether its last token is so long ago that the next one is noted.
    pub fn wants_note(&self, now: Timestamp) -> bool {
        now >= self.used_at.saturating_add(NOTED)
    }
}

/// What becomes of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linked {
    /// The device is the person's.
    Done,
    /// It is another person's already, and stays that.
    OfAnother,
    /// The person has [`MAX_DEVICES`] others.
    Full,
    /// It is gone, or was revoked.
    Gone,
    /// The person's credentials are no longer those that were shown.
    UserChanged,
    /// Nobody has proved the person's address, so somebody else may have made the account. Nothing was written.
    Unproved,
}

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    devices: BTreeSet<UserId>,
}

/// The table of devices.
#[derive(Debug, Clone)]
pub struct Devices {
    client: aws_sdk_dynamodb::Client,
    pub(crate) table: String,
}

impl Devices {
    /// The table of this name.
    pub fn new(client: aws_sdk_dynamodb::Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Registers a device. If it is there already it stays as it is, and is returned: so a lost response can be repeated. One write.
    pub async fn register(&self, new: &Device) -> Result<Option<Device>, StoreError> {
        const OPERATION: &str = "register_device";
        let sent = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(version::written(new, OPERATION)?))
            .item("sk", text(DEVICE))
            .item("ttl", number(swept(new.used_at).as_secs()))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match sent {
            Ok(_) => Ok(None),
            Err(error) => version::read(refused_item(error, OPERATION)?, OPERATION).map(Some),
        }
    }

    /// The device of this id. One strongly consistent read, so that one that was revoked is not used again.
    pub async fn get(&self, id: &UserId) -> Result<Option<Device>, StoreError> {
        const OPERATION: &str = "device";
        let item = self.read(id).send().await.map_err(unavailable(OPERATION))?.item;
        item.map(|item| version::read(item, OPERATION)).transpose()
    }

    /// Whether the device is there and not revoked. One strongly consistent read of what says so.
    pub async fn lives(&self, id: &UserId) -> Result<bool, StoreError> {
        const OPERATION: &str = "device_lives";
        let read = projection::of(self.read(id), &["client_id", "revoked_at"]);
        let item = read.send().await.map_err(unavailable(OPERATION))?.item.unwrap_or_default();
        version::of(&item, OPERATION)?;
        Ok(is_living(&item))
    }

    /// Notes that the device got a token. `false` if it is gone or was revoked. One that was linked since it was read is not noted:
    /// it has no end any more.
    pub async fn note_use(&self, device: &Device, now: Timestamp) -> Result<bool, StoreError> {
        const OPERATION: &str = "note_use_of_device";
        let living = "attribute_exists(pk) AND attribute_not_exists(revoked_at)";
        let update = self.update(&device.device_id);
        let update = if device.user_id.is_some() {
            version::guarded(update, living).update_expression("SET used_at = :now")
        } else {
            version::guarded(update, &format!("{living} AND attribute_not_exists(user_id)"))
                .update_expression("SET used_at = :now, #ttl = :ttl")
                .expression_attribute_names("#ttl", "ttl")
                .expression_attribute_values(":ttl", number(swept(now).as_secs()))
        };
        match update.expression_attribute_values(":now", number(now.as_secs())).send().await {
            Ok(_) => Ok(true),
            Err(error) => Ok(is_living(&refused_item(error, OPERATION)?)),
        }
    }

    /// Links a device to a person with credentials of this epoch and a proved address. Of two people at once one gets it, and it stays that
    /// one's. Nobody has more than [`MAX_DEVICES`], however many are linked at once.
    pub async fn link(
        &self,
        device: &Device,
        (user, epoch): (&UserId, u64),
        users: &Users,
        now: Timestamp,
    ) -> Result<Linked, StoreError> {
        const OPERATION: &str = "link_device";
        let writes = [
            same_user(users, user, epoch, OPERATION)?,
            self.linking(&device.device_id, user, now, OPERATION)?,
            self.listing(&device.device_id, user, OPERATION)?,
        ];
        for _ in 0..MAX_WRITES {
            match self.client.transact_write_items().set_transact_items(Some(writes.to_vec())).send().await {
                Ok(_) => return Ok(Linked::Done),
                Err(error) if is_refused(error.as_service_error()) => newer(error.as_service_error(), OPERATION)?,
                Err(error) => return Err(unavailable(OPERATION)(error)),
            }
            match self.get(&device.device_id).await? {
                None => return Ok(Linked::Gone),
                Some(found) if found.revoked_at.is_some() => return Ok(Linked::Gone),
                Some(found) if found.user_id.as_ref() == Some(user) => return Ok(Linked::Done),
                Some(found) if found.user_id.is_some() => return Ok(Linked::OfAnother),
                Some(_) => {}
            }
            match users.get(user).await? {
                Some(user) if user.credential_epoch == epoch && !user.email_verified => return Ok(Linked::Unproved),
                Some(user) if user.credential_epoch == epoch => {}
                Some(_) | None => return Ok(Linked::UserChanged),
            }
            if self.linked_to(user).await?.len() >= MAX_DEVICES {
                return Ok(Linked::Full);
            }
        }
        let cause = format!("the device was changed by others {MAX_WRITES} times");
        Err(StoreError::Unavailable { operation: OPERATION, cause })
    }

    /// The devices of a person. One strongly consistent read.
    pub async fn linked_to(&self, user: &UserId) -> Result<Vec<UserId>, StoreError> {
        const OPERATION: &str = "devices_of_user";
        let read = self.client.get_item().table_name(&self.table).consistent_read(true);
        let read = read.key("pk", text(&of_user(user))).key("sk", text(LIST));
        let item = read.send().await.map_err(unavailable(OPERATION))?.item;
        let list = item.map(|item| version::read::<List>(item, OPERATION)).transpose()?;
        Ok(list.map(|list| list.devices.into_iter().collect()).unwrap_or_default())
    }

    /// Gives the device of a person another name. `false` if it is not that person's.
    pub async fn rename(&self, id: &UserId, user: &UserId, name: &str) -> Result<bool, StoreError> {
        let sent = version::guarded(self.update(id), "user_id = :user")
            .update_expression("SET #name = :name")
            .expression_attribute_names("#name", "name")
            .expression_attribute_values(":user", text(user.as_str()))
            .expression_attribute_values(":name", text(name))
            .send()
            .await;
        held(sent, "rename_device")
    }

    /// Revokes a device for good, and forgets whose it was and what it was called. Its sessions end by what is written into the outbox with it.
    /// `false` if it is gone, or was linked since it was read, or another device of its person was linked or revoked at the same time.
    pub async fn revoke(
        &self,
        device: &Device,
        (outbox, ending): (&Outbox, &NewEnding),
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const OPERATION: &str = "revoke_device";
        const REVOKE: &str = "SET revoked_at = if_not_exists(revoked_at, :now) REMOVE #ttl, user_id, linked_at, #name";
        let update = Update::builder()
            .table_name(&self.table)
            .key("pk", text(device.device_id.as_str()))
            .key("sk", text(DEVICE))
            .update_expression(REVOKE)
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_names("#name", "name")
            .expression_attribute_values(":now", number(now.as_secs()))
            .expression_attribute_values(":version", version::current())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let mut writes = vec![outbox.adding_ending(ending, OPERATION)?];
        let update = match &device.user_id {
            None => {
                let free = "attribute_exists(pk) AND attribute_not_exists(user_id)";
                update.condition_expression(version::condition(free))
            }
            Some(user) => {
                writes.push(self.unlisting(&device.device_id, user, OPERATION).await?);
                update
                    .condition_expression(version::condition("user_id = :user"))
                    .expression_attribute_values(":user", text(user.as_str()))
            }
        };
        writes.push(TransactWriteItem::builder().update(update.build().map_err(incomplete(OPERATION))?).build());
        match self.client.transact_write_items().set_transact_items(Some(writes)).send().await {
            Ok(_) => Ok(true),
            Err(error) if is_refused(error.as_service_error()) => {
                newer(error.as_service_error(), OPERATION)?;
                Ok(false)
            }
            Err(error) => Err(unavailable(OPERATION)(error)),
        }
    }

    /// The write that makes a device a person's, if it is nobody else's and not revoked.
    fn linking(
        &self,
        id: &UserId,
        user: &UserId,
        now: Timestamp,
        operation: &'static str,
    ) -> Result<TransactWriteItem, StoreError> {
        let free = "attribute_exists(pk) AND attribute_not_exists(user_id) AND attribute_not_exists(revoked_at)";
        let update = Update::builder()
            .table_name(&self.table)
            .key("pk", text(id.as_str()))
            .key("sk", text(DEVICE))
            .update_expression("SET user_id = :user, linked_at = :now REMOVE #ttl")
            .condition_expression(version::condition(free))
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":user", text(user.as_str()))
            .expression_attribute_values(":now", number(now.as_secs()))
            .expression_attribute_values(":version", version::current())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build();
        Ok(TransactWriteItem::builder().update(update.map_err(incomplete(operation))?).build())
    }

    /// The write that adds a device to those of a person, if there is room.
    fn listing(&self, id: &UserId, user: &UserId, operation: &'static str) -> Result<TransactWriteItem, StoreError> {
        let most = i64::try_from(MAX_DEVICES).unwrap_or(i64::MAX);
        let update = Update::builder()
            .table_name(&self.table)
            .key("pk", text(&of_user(user)))
            .key("sk", text(LIST))
            .update_expression("SET v = if_not_exists(v, :version) ADD devices :device")
            .condition_expression(version::condition("attribute_not_exists(devices) OR size(devices) < :most"))
            .expression_attribute_values(":device", only(id))
            .expression_attribute_values(":most", number(most))
            .expression_attribute_values(":version", version::current())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build();
        Ok(TransactWriteItem::builder().update(update.map_err(incomplete(operation))?).build())
    }

    /// The write that removes a device from those of a person, and the list with the last one: nothing is kept of who has none.
    async fn unlisting(
        &self,
        id: &UserId,
        user: &UserId,
        operation: &'static str,
    ) -> Result<TransactWriteItem, StoreError> {
        let listed = self.linked_to(user).await?;
        let Some(other) = listed.iter().find(|listed| *listed != id) else {
            let delete = Delete::builder()
                .table_name(&self.table)
                .key("pk", text(&of_user(user)))
                .key("sk", text(LIST))
                .condition_expression(version::condition("attribute_not_exists(devices) OR devices = :device"))
                .expression_attribute_values(":device", only(id))
                .expression_attribute_values(":version", version::current())
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .build();
            return Ok(TransactWriteItem::builder().delete(delete.map_err(incomplete(operation))?).build());
        };
        let update = Update::builder()
            .table_name(&self.table)
            .key("pk", text(&of_user(user)))
            .key("sk", text(LIST))
            .update_expression("DELETE devices :device")
            // So it is not the last one.
            .condition_expression(version::condition("contains(devices, :other)"))
            .expression_attribute_values(":device", only(id))
            .expression_attribute_values(":other", text(other.as_str()))
            .expression_attribute_values(":version", version::current())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build();
        Ok(TransactWriteItem::builder().update(update.map_err(incomplete(operation))?).build())
    }

    fn read(&self, id: &UserId) -> GetItemFluentBuilder {
        let read = self.client.get_item().table_name(&self.table).consistent_read(true);
        read.key("pk", text(id.as_str())).key("sk", text(DEVICE))
    }

    fn update(&self, id: &UserId) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.table).key("pk", text(id.as_str())).key("sk", text(DEVICE))
    }
}

/// The condition that a person has credentials of this epoch, and a proved address.
fn same_user(
    users: &Users,
    user: &UserId,
    epoch: u64,
    operation: &'static str,
) -> Result<TransactWriteItem, StoreError> {
    let check = ConditionCheck::builder()
        .table_name(&users.table)
        .key("pk", Users::key_of(user))
        .condition_expression(
            "credential_epoch = :epoch AND (attribute_not_exists(email_verified) OR email_verified = :true)",
        )
        .expression_attribute_values(":epoch", number(epoch))
        .expression_attribute_values(":true", AttributeValue::Bool(true))
        .build();
    Ok(TransactWriteItem::builder().condition_check(check.map_err(incomplete(operation))?).build())
}

/// Whether the item of a device is of one that is there and not revoked.
fn is_living(item: &Item) -> bool {
    item.contains_key("client_id") && !item.contains_key("revoked_at")
}

/// When a device that nobody has linked is swept, if this was its last use.
fn swept(used: Timestamp) -> Timestamp {
    ttl::after([used.saturating_add(KEPT)])
}

fn of_user(user: &UserId) -> String {
    format!("user#{user}")
}

/// The set of this device.
fn only(id: &UserId) -> AttributeValue {
    AttributeValue::Ss(vec![id.to_string()])
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}
