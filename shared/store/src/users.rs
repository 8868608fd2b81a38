//! The table of users. Key: `pk`, either `user#<user id>` (the user), `email#<email>` (which user has that address),
//! `directory#<hash>` (which user has that subject of the directory), `passkeys#<user id>` (the passkeys of the user) or `issuer#<hash>` (which
//! user another issuer knows by that subject).

mod directory;
mod issuer;
mod item;
mod passkeys;

pub use directory::SubjectHolder;
pub use issuer::KnownUser;
pub use passkeys::AddPasskey;

use crate::error::{Item, StoreError, unavailable};
use crate::refusal::{held, refused_item};
use crate::{Page, number, projection, version};
use aws_sdk_dynamodb::operation::get_item::builders::GetItemFluentBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::builders::PutBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Delete, Put, ReturnValue, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update,
};
use gateway_domain::address::Address;
use gateway_domain::ids::{CodeId, ConnectorName, SubjectKind, UserId};
use gateway_domain::password::PasswordHash;
use gateway_domain::role::Role;
use gateway_domain::time::Timestamp;
use item::UserItem;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The opaque subject of this user's tokens.
    pub user_id: UserId,
    /// The address this user logs in with.
    pub email: Address,
    /// The stored password hash, if this store checks the password.
    pub password: Option<PasswordHash>,
    /// Raised by each change that ends all of the user's sessions: a new password, a new link, disabling or enabling.
    pub credential_epoch: u64,
    /// A disabled user cannot log in, and no session of this user can be refreshed.
    pub enabled: bool,
    /// The names by which legacy systems know this user, by connector. Only an administrator sets them, since users who
    /// could choose their own could act as another user.
    pub links: BTreeMap<ConnectorName, String>,
    /// By what the directory knows this user, whose password is checked there: `accounts.directory` of the configuration.
    pub directory_subject: Option<String>,
    /// Whether the address is proved. That of a user whom an operator made counts as proved.
    pub email_verified: bool,
    /// What the user has told in the fields that the configuration declares, by the id of the field.
    pub profile: BTreeMap<String, String>,
    /// The codes by which addresses that the account had can be taken back, the oldest change first. One that is not here does
    /// nothing any more.
    pub ways_back: Vec<WayBack>,
    /// Raised when this user logs out everywhere else: logins of browsers with another one have ended.
    pub browser_epoch: u64,
    /// What the user may do on the gateway's own pages. Only operators and administrators set it.
    pub roles: BTreeSet<Role>,
    /// The user's authenticator app.
    pub second_factor: Option<SecondFactor>,
}

/// An authenticator app. Its seed is not stored: a key of the pepper makes it of the user's id and the salt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondFactor {
    /// The id of the key.
    pub key: String,
    /// 128 random bits in hexadecimal.
    pub salt: String,
    /// When it was set up: what was proved before does not count.
    pub since: Timestamp,
    /// The step of the last code that was used. None is used twice.
    pub last_step: u64,
}

/// A way back to an address that an account had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WayBack {
    /// The code.
    pub id: CodeId,
    /// Until when it works.
    pub until: Timestamp,
}

/// Identifies the credentials of a user. It differs after a new password and for a new user of the same address, but not
/// after a stronger hash of the same password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialVersion(String);

impl CredentialVersion {
    /// The text to store.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl User {
    /// The version of this user's credentials.
    pub fn credential_version(&self) -> CredentialVersion {
        CredentialVersion(format!("{}#{}", self.user_id, self.credential_epoch))
    }
}

/// The part of a user that can end sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct UserState {
    /// As [`User::enabled`].
    pub enabled: bool,
    /// As [`User::credential_epoch`].
    pub credential_epoch: u64,
    /// As [`User::browser_epoch`].
    #[serde(default)]
    pub browser_epoch: u64,
}

/// The result of creating a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateUser {
    /// The user exists now.
    Created,
    /// The address or the id is taken, or the id has the form of an application's; nothing was written.
    Taken,
}

/// The result of changing or deleting a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeUser {
    /// All of it is done.
    Done,
    /// The address is taken, or the user is gone or was changed meanwhile; nothing was written.
    Conflict,
}

/// Stands in a key for a user that does not exist: addresses and user ids are never empty, so the read finds nothing. The
/// read is still made, so that an unknown address takes as many reads as a known one.
const NOBODY: &str = "";

fn claim_key(email: &str) -> AttributeValue {
    AttributeValue::S(format!("email#{email}"))
}

fn user_key(user_id: &UserId) -> AttributeValue {
    AttributeValue::S(format!("user#{user_id}"))
}

/// The table of users.
#[derive(Debug, Clone)]
pub struct Users {
    client: aws_sdk_dynamodb::Client,
    pub(crate) table: String,
}

impl Users {
    /// The table of this name.
    pub fn new(client: aws_sdk_dynamodb::Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// The user with that address, in any spelling. Always two reads, also when there is no such user or the text is not an
    /// address, so that the response time does not tell whether a user exists.
    pub async fn by_email(&self, email: &str) -> Result<Option<User>, StoreError> {
        const OPERATION: &str = "user_by_email";
        let asked = Address::parse(email).ok();
        let claim = claim_key(asked.as_ref().map_or(NOBODY, Address::as_str));
        let found = self.users_item(claim, OPERATION).await?;
        found.as_ref().map_or(Ok(0), |item| version::of(item, OPERATION))?;
        let user_id = found.as_ref().and_then(|item| item.get("user_id")).and_then(|value| value.as_s().ok());
        let pk = AttributeValue::S(format!("user#{}", user_id.map_or(NOBODY, String::as_str)));
        let Some(item) = self.users_item(pk, OPERATION).await? else { return Ok(None) };
        let user: UserItem = version::read(item, OPERATION)?;
        // The address may have changed between the two reads: the user must still have the requested one.
        Ok(asked.is_some_and(|asked| asked == user.email).then(|| user.into()))
    }

    /// The user of that id. One strongly consistent read, so that every earlier change of credentials is seen.
    pub async fn get(&self, user_id: &UserId) -> Result<Option<User>, StoreError> {
        const OPERATION: &str = "user";
        let Some(item) = self.users_item(user_key(user_id), OPERATION).await? else { return Ok(None) };
        Ok(Some(version::read::<UserItem>(item, OPERATION)?.into()))
    }

    /// The part of a user that can end sessions. One strongly consistent read of these attributes alone.
    pub async fn state(&self, user_id: &UserId) -> Result<Option<UserState>, StoreError> {
        const OPERATION: &str = "user_state";
        let read = projection::of(self.read(user_key(user_id)), &["enabled", "credential_epoch", "browser_epoch"]);
        let item = read.send().await.map_err(unavailable(OPERATION))?.item;
        item.map(|item| version::read(item, OPERATION)).transpose()
    }

    /// Creates a user and claims the address in one transaction. An issuer whose subjects are ids here knows the user from now on, by these
    /// credentials.
    pub async fn create(&self, user: &User) -> Result<CreateUser, StoreError> {
        const OPERATION: &str = "create_user";
        if user.user_id.kind() != SubjectKind::User {
            return Ok(CreateUser::Taken);
        }
        let mut item = Self::item_of(user, OPERATION)?;
        item.insert(issuer::EPOCH.to_owned(), number(user.credential_epoch));
        let writes = self.creating(user, item, OPERATION)?.to_vec();
        match self.client.transact_write_items().set_transact_items(Some(writes)).send().await {
            Ok(_) => Ok(CreateUser::Created),
            Err(error) if is_taken(error.as_service_error()) => Ok(CreateUser::Taken),
            Err(error) => Err(unavailable(OPERATION)(error)),
        }
    }

    /// The writes that make a user and claim the address.
    fn creating(&self, user: &User, item: Item, operation: &'static str) -> Result<[TransactWriteItem; 2], StoreError> {
        let new =
            |put: PutBuilder| put.table_name(&self.table).condition_expression("attribute_not_exists(pk)").build();
        let profile = new(Put::builder().set_item(Some(item)));
        let address = new(self.claiming(user));
        let (Ok(profile), Ok(address)) = (profile, address) else {
            return Err(StoreError::Corrupt { operation, cause: "an empty item".into() });
        };
        Ok([profile, address].map(|put| TransactWriteItem::builder().put(put).build()))
    }

    /// Replaces a password hash by a stronger one of the same password. Changes nothing if the hash was changed meanwhile.
    pub async fn rehash(&self, user_id: &UserId, old: &PasswordHash, new: &PasswordHash) -> Result<(), StoreError> {
        let sent = self
            .update_user(user_id, "password = :old")
            .update_expression("SET password = :new")
            .expression_attribute_values(":new", AttributeValue::S(new.as_str().into()))
            .expression_attribute_values(":old", AttributeValue::S(old.as_str().into()))
            .send()
            .await;
        held(sent, "rehash").map(drop)
    }

    /// Sets whether a user may log in and, if given, a new password, and raises the credential epoch: every session of this
    /// user is refused at its next refresh. Returns the new epoch, or `None` if there is no such user.
    pub async fn change_credentials(
        &self,
        user_id: &UserId,
        password: Option<&PasswordHash>,
        enabled: bool,
    ) -> Result<Option<u64>, StoreError> {
        const OPERATION: &str = "change_credentials";
        let mut update = self
            .update_user(user_id, "attribute_exists(pk)")
            .expression_attribute_values(":enabled", AttributeValue::Bool(enabled))
            .expression_attribute_values(":one", AttributeValue::N("1".into()))
            .return_values(ReturnValue::AllNew);
        update = match password {
            Some(password) => update
                .update_expression("SET enabled = :enabled, password = :password ADD credential_epoch :one")
                .expression_attribute_values(":password", AttributeValue::S(password.as_str().into())),
            None => update.update_expression("SET enabled = :enabled ADD credential_epoch :one"),
        };
        match update.send().await {
            Ok(response) => {
                let item: UserItem = version::read(response.attributes.unwrap_or_default(), OPERATION)?;
                Ok(Some(item.credential_epoch))
            }
            Err(error) => refused_item(error, OPERATION).map(|_| None),
        }
    }

    /// Ends the logins of this user in all browsers. `by` is the epoch of the login that asks for it, if one does: of two that ask at
    /// once, the second has ended. Returns the epoch that logins have which begin from now on, or `None` if there is no such user or
    /// login.
    pub async fn end_browsers(&self, user_id: &UserId, by: Option<u64>) -> Result<Option<u64>, StoreError> {
        const OPERATION: &str = "end_browsers";
        let condition = match by {
            None => "attribute_exists(pk)",
            Some(0) => "attribute_exists(pk) AND attribute_not_exists(browser_epoch)",
            Some(_) => "browser_epoch = :before",
        };
        let mut update = self
            .update_user(user_id, condition)
            .update_expression("ADD browser_epoch :one")
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::UpdatedNew);
        if let Some(before) = by.filter(|before| *before > 0) {
            update = update.expression_attribute_values(":before", number(before));
        }
        match update.send().await {
            Ok(response) => {
                let epoch = response.attributes.unwrap_or_default().remove("browser_epoch");
                let epoch = epoch.and_then(|epoch| epoch.as_n().ok()?.parse().ok());
                Ok(Some(epoch.ok_or(StoreError::Corrupt { operation: OPERATION, cause: "no epoch".into() })?))
            }
            Err(error) => refused_item(error, OPERATION).map(|_| None),
        }
    }

    /// Gives a user a role, or takes it away. Returns whether there is such a user.
    pub async fn set_role(&self, user_id: &UserId, role: Role, has: bool) -> Result<bool, StoreError> {
        let sent = self
            .update_user(user_id, "attribute_exists(pk)")
            .update_expression(if has { "ADD #roles :role" } else { "DELETE #roles :role" })
            .expression_attribute_names("#roles", "roles")
            .expression_attribute_values(":role", AttributeValue::Ss(vec![role.as_str().to_owned()]))
            .send()
            .await;
        held(sent, "set_role")
    }

    /// Sets up an authenticator app for a user who has none, and whose credentials are those that were read. `false` if they are not.
    pub async fn set_second_factor(&self, user: &User, factor: &SecondFactor) -> Result<bool, StoreError> {
        const OPERATION: &str = "set_second_factor";
        let sent = self
            .update_user(
                &user.user_id,
                "credential_epoch = :epoch AND (attribute_not_exists(second_factor) OR second_factor.salt = :salt)",
            )
            .update_expression("SET second_factor = :factor")
            .expression_attribute_values(":epoch", number(user.credential_epoch))
            // The same again: the SDK repeated a write whose response was lost.
            .expression_attribute_values(":salt", AttributeValue::S(factor.salt.clone()))
            .expression_attribute_values(":factor", version::part(factor, OPERATION)?)
            .send()
            .await;
        held(sent, OPERATION)
    }

    /// Notes that a code was used. `false` if it, or a later one, was used already, or the app is another by now: then it proves nothing.
    pub async fn use_second_factor(
        &self,
        user_id: &UserId,
        factor: &SecondFactor,
        step: u64,
    ) -> Result<bool, StoreError> {
        let sent = self
            .update_user(user_id, "second_factor.salt = :salt AND second_factor.last_step < :step")
            .update_expression("SET second_factor.last_step = :step")
            .expression_attribute_values(":salt", AttributeValue::S(factor.salt.clone()))
            .expression_attribute_values(":step", number(step))
            .send()
            .await;
        held(sent, "use_second_factor")
    }

    /// Forgets a user's authenticator app. Returns whether there is such a user.
    pub async fn forget_second_factor(&self, user_id: &UserId) -> Result<bool, StoreError> {
        let update = self.update_user(user_id, "attribute_exists(pk)");
        held(update.update_expression("REMOVE second_factor").send().await, "forget_second_factor")
    }

    /// Sets a new password and raises the credential epoch; it does not change whether the user may log in. Returns whether
    /// there is such a user.
    pub async fn set_password(&self, user_id: &UserId, password: &PasswordHash) -> Result<bool, StoreError> {
        let sent = self
            .update_user(user_id, "attribute_exists(pk)")
            .update_expression("SET password = :password ADD credential_epoch :one")
            .expression_attribute_values(":password", AttributeValue::S(password.as_str().into()))
            .expression_attribute_values(":one", AttributeValue::N("1".into()))
            .send()
            .await;
        held(sent, "set_password")
    }

    /// Forgets the password, so that the directory is asked for it, and the ways back to other addresses, which set one. Raises the
    /// credential epoch. Returns whether there is such a user.
    pub async fn forget_password(&self, user_id: &UserId) -> Result<bool, StoreError> {
        let sent = self
            .update_user(user_id, "attribute_exists(pk)")
            .update_expression("REMOVE password, ways_back ADD credential_epoch :one")
            .expression_attribute_values(":one", number(1))
            .send()
            .await;
        held(sent, "forget_password")
    }

    /// Sets or removes the name by which a legacy system knows a user. Raises the credential epoch, since existing sessions
    /// were begun under the previous name. Returns whether there is such a user.
    pub async fn set_link(
        &self,
        user_id: &UserId,
        connector: &ConnectorName,
        name: Option<&str>,
    ) -> Result<bool, StoreError> {
        const OPERATION: &str = "set_link";
        if !self.make_links(user_id, OPERATION).await? {
            return Ok(false);
        }
        let update = self
            .update_user(user_id, "attribute_exists(links)")
            .expression_attribute_names("#connector", connector.as_str())
            .expression_attribute_values(":one", number(1));
        let update = match name {
            Some(name) => update
                .update_expression("SET links.#connector = :name ADD credential_epoch :one")
                .expression_attribute_values(":name", AttributeValue::S(name.to_owned())),
            None => update.update_expression("REMOVE links.#connector ADD credential_epoch :one"),
        };
        held(update.send().await, OPERATION)
    }

    /// Sets the names by which legacy systems know a user, where there is none. Returns whether there is such a user.
    pub async fn add_links(
        &self,
        user_id: &UserId,
        links: &BTreeMap<ConnectorName, String>,
    ) -> Result<bool, StoreError> {
        const OPERATION: &str = "add_links";
        if !self.make_links(user_id, OPERATION).await? {
            return Ok(false);
        }
        let mut update = self.update_user(user_id, "attribute_exists(links)");
        let mut sets = Vec::new();
        for (at, (connector, name)) in links.iter().enumerate() {
            sets.push(format!("links.#c{at} = if_not_exists(links.#c{at}, :n{at})"));
            update = update
                .expression_attribute_names(format!("#c{at}"), connector.as_str())
                .expression_attribute_values(format!(":n{at}"), AttributeValue::S(name.clone()));
        }
        held(update.update_expression(format!("SET {}", sets.join(", "))).send().await, OPERATION)
    }

    /// Makes the map of names, since DynamoDB can set a member of a map only if the map exists. Returns whether there is such a user.
    async fn make_links(&self, user_id: &UserId, operation: &'static str) -> Result<bool, StoreError> {
        let made = self
            .update_user(user_id, "attribute_exists(pk)")
            .update_expression("SET links = if_not_exists(links, :none)")
            .expression_attribute_values(":none", AttributeValue::M(HashMap::new()))
            .send()
            .await;
        held(made, operation)
    }

    /// Replaces what a user has told in the fields of the configuration. Returns whether the user still has the credentials that were
    /// read.
    pub async fn set_profile(&self, user: &User, profile: &BTreeMap<String, String>) -> Result<bool, StoreError> {
        const OPERATION: &str = "set_profile";
        let sent = self
            .update_user(&user.user_id, "credential_epoch = :epoch")
            .update_expression("SET profile = :profile")
            .expression_attribute_values(":epoch", number(user.credential_epoch))
            .expression_attribute_values(":profile", version::part(profile, OPERATION)?)
            .send()
            .await;
        held(sent, OPERATION)
    }

    /// Changes a user's address for an operator: the new one is claimed and the old one freed in one transaction. No address that
    /// the account had can be taken back after that.
    pub async fn change_email(&self, user: &User, email: &Address) -> Result<ChangeUser, StoreError> {
        const OPERATION: &str = "change_email";
        let claim = Put::builder()
            .table_name(&self.table)
            .item("pk", claim_key(email.as_str()))
            .item("user_id", AttributeValue::S(user.user_id.to_string()))
            .item("v", version::current())
            .condition_expression("attribute_not_exists(pk)")
            .build();
        let profile = Update::builder()
            .table_name(&self.table)
            .key("pk", user_key(&user.user_id))
            .update_expression("SET email = :new REMOVE ways_back")
            .condition_expression(version::condition("email = :old"))
            .expression_attribute_values(":version", version::current())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .expression_attribute_values(":new", AttributeValue::S(email.to_string()))
            .expression_attribute_values(":old", AttributeValue::S(user.email.to_string()))
            .build();
        let writes = [
            claim.map(|claim| TransactWriteItem::builder().put(claim).build()),
            self.free_claim(user),
            profile.map(|profile| TransactWriteItem::builder().update(profile).build()),
        ];
        self.transact(writes, OPERATION).await
    }

    /// Deletes a user with all passkeys, and frees the address, in one transaction. Every session of this user is refused at its next refresh.
    pub async fn delete(&self, user: &User) -> Result<ChangeUser, StoreError> {
        let profile = Delete::builder()
            .table_name(&self.table)
            .key("pk", user_key(&user.user_id))
            .condition_expression(version::condition("email = :email"))
            .expression_attribute_values(":version", version::current())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .expression_attribute_values(":email", AttributeValue::S(user.email.to_string()))
            .build();
        let profile = profile.map(|profile| TransactWriteItem::builder().delete(profile).build());
        self.transact([profile, self.free_claim(user), self.forgetting_passkeys(&user.user_id)], "delete_user").await
    }

    /// Users after `after` in DynamoDB's order, at most `most` of them.
    pub async fn page(&self, after: Option<&UserId>, most: usize) -> Result<Page<User>, StoreError> {
        const OPERATION: &str = "users";
        let key = |id: &UserId| Item::from([("pk".to_owned(), user_key(id))]);
        let scan = || {
            self.client
                .scan()
                .table_name(&self.table)
                .consistent_read(true)
                .filter_expression("begins_with(pk, :user)")
                .expression_attribute_values(":user", AttributeValue::S("user#".into()))
        };
        Page::collect(after.map(key), most, OPERATION, scan, |item| {
            version::read::<UserItem>(item, OPERATION).map(User::from)
        })
        .await
    }

    /// The key of a user.
    pub(crate) fn key_of(user_id: &UserId) -> AttributeValue {
        user_key(user_id)
    }

    /// The key of the claim of an address.
    pub(crate) fn claim_of(address: &Address) -> AttributeValue {
        claim_key(address.as_str())
    }

    /// A user as an item.
    pub(crate) fn item_of(user: &User, operation: &'static str) -> Result<Item, StoreError> {
        version::written(UserItem::from(user), operation)
    }

    /// The claim of a user's address, without a condition yet.
    pub(crate) fn claiming(&self, user: &User) -> PutBuilder {
        Put::builder()
            .table_name(&self.table)
            .item("pk", claim_key(user.email.as_str()))
            .item("user_id", AttributeValue::S(user.user_id.to_string()))
            .item("v", version::current())
    }

    /// The write that frees a user's address, if it is still this user's.
    pub(crate) fn free_claim(&self, user: &User) -> Result<TransactWriteItem, aws_sdk_dynamodb::error::BuildError> {
        let claim = Delete::builder()
            .table_name(&self.table)
            .key("pk", claim_key(user.email.as_str()))
            .condition_expression(version::condition("user_id = :user"))
            .expression_attribute_values(":version", version::current())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .expression_attribute_values(":user", AttributeValue::S(user.user_id.to_string()))
            .build();
        claim.map(|claim| TransactWriteItem::builder().delete(claim).build())
    }

    async fn transact<const N: usize>(
        &self,
        writes: [Result<TransactWriteItem, aws_sdk_dynamodb::error::BuildError>; N],
        operation: &'static str,
    ) -> Result<ChangeUser, StoreError> {
        let writes: Result<Vec<_>, _> = writes.into_iter().collect();
        let writes = writes.map_err(|error| StoreError::Corrupt { operation, cause: error.to_string() })?;
        match self.client.transact_write_items().set_transact_items(Some(writes)).send().await {
            Ok(_) => Ok(ChangeUser::Done),
            Err(error) if is_taken(error.as_service_error()) => {
                for reason in reasons(error.as_service_error()) {
                    reason.item().map_or(Ok(0), |item| version::of(item, operation))?;
                }
                Ok(ChangeUser::Conflict)
            }
            Err(error) => Err(unavailable(operation)(error)),
        }
    }

    fn update_user(&self, user_id: &UserId, condition: &str) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.table).key("pk", user_key(user_id));
        version::guarded(update, condition)
    }

    async fn users_item(&self, pk: AttributeValue, operation: &'static str) -> Result<Option<Item>, StoreError> {
        Ok(self.read(pk).send().await.map_err(unavailable(operation))?.item)
    }

    fn read(&self, pk: AttributeValue) -> GetItemFluentBuilder {
        self.client.get_item().table_name(&self.table).key("pk", pk).consistent_read(true)
    }
}

/// Whether a condition refused the transaction. A conflict with another transaction is not one: that may be repeated.
fn is_taken(error: Option<&TransactWriteItemsError>) -> bool {
    reasons(error).iter().any(|reason| reason.code() == Some("ConditionalCheckFailed"))
}

/// Why each write of a transaction was not made.
fn reasons(error: Option<&TransactWriteItemsError>) -> &[CancellationReason] {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error else { return &[] };
    cancelled.cancellation_reasons()
}
