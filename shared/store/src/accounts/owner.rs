//! What owners do with their accounts. Each is a transaction with the mail that tells of it and the end of the sessions that
//! ends with it, so that neither is missing whatever fails afterwards.

use super::Accounts;
use crate::codes::incomplete;
use crate::error::StoreError;
use crate::{AddPasskey, ChangeUser, Code, NewEnding, NewMail, User, Users, WayBack, number, version};
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, TransactWriteItem, Update};
use gateway_domain::address::Address;
use gateway_domain::ids::{CodeId, UserId};
use gateway_domain::passkey::{CredentialId, Passkey};
use gateway_domain::password::PasswordHash;
use gateway_domain::time::Timestamp;

/// What follows a change that ends sessions: their end, and the mail that tells of it.
#[derive(Debug, Clone, Copy)]
pub struct Following<'a> {
    /// The sessions to be ended.
    pub ending: &'a NewEnding,
    /// The mail.
    pub mail: &'a NewMail,
}

impl Accounts {
    /// Sets another password. [`ChangeUser::Conflict`] if the account was changed since it was read.
    pub async fn change_password(
        &self,
        user: &User,
        password: &PasswordHash,
        following: Following<'_>,
    ) -> Result<ChangeUser, StoreError> {
        const OPERATION: &str = "change_password";
        let update = self
            .changing(user)
            .update_expression("SET password = :password ADD credential_epoch :one")
            .expression_attribute_values(":password", AttributeValue::S(password.as_str().to_owned()))
            .expression_attribute_values(":one", number(1));
        self.with_following(vec![updating(update, OPERATION)?], following, OPERATION).await
    }

    /// Disables an account: nobody can log in to it any more. [`ChangeUser::Conflict`] as above.
    pub async fn disable(&self, user: &User, following: Following<'_>) -> Result<ChangeUser, StoreError> {
        const OPERATION: &str = "disable_account";
        let update = self
            .changing(user)
            .update_expression("SET enabled = :false ADD credential_epoch :one")
            .expression_attribute_values(":false", AttributeValue::Bool(false))
            .expression_attribute_values(":one", number(1));
        self.with_following(vec![updating(update, OPERATION)?], following, OPERATION).await
    }

    /// Adds a passkey to those of a user whose credentials are those that were read, with the mail that tells the owner of it.
    pub async fn add_passkey(&self, user: &User, passkey: &Passkey, mail: &NewMail) -> Result<AddPasskey, StoreError> {
        let mail = [self.outbox.adding(mail, "add_passkey")?];
        self.users.add_passkey_with((&user.user_id, user.credential_epoch), passkey, &mail).await
    }

    /// Removes a passkey, and ends sessions as another password does: whoever has stolen it may have begun some.
    /// [`ChangeUser::Conflict`] as above, or if the passkey is gone.
    pub async fn remove_passkey(
        &self,
        user: &User,
        id: &CredentialId,
        following: Following<'_>,
    ) -> Result<ChangeUser, StoreError> {
        const OPERATION: &str = "remove_passkey";
        let update = self
            .changing(user)
            .update_expression("ADD credential_epoch :one")
            .expression_attribute_values(":one", number(1));
        let removal = self.users.unlisting_passkey(&user.user_id, id, OPERATION)?;
        self.with_following(vec![updating(update, OPERATION)?, removal], following, OPERATION).await
    }

    /// Deletes an account with its passkeys, and frees its address. [`ChangeUser::Conflict`] as above.
    pub async fn delete(&self, user: &User, following: Following<'_>) -> Result<ChangeUser, StoreError> {
        const OPERATION: &str = "delete_account";
        let delete = Delete::builder()
            .table_name(&self.users.table)
            .key("pk", Users::key_of(&user.user_id))
            .condition_expression(version::condition(UNCHANGED))
            .set_expression_attribute_values(Some(unchanged(user).into_iter().collect()))
            .build();
        let delete = TransactWriteItem::builder().delete(delete.map_err(incomplete(OPERATION))?).build();
        let freed = self.users.free_claim(user).map_err(incomplete(OPERATION))?;
        let passkeys = self.users.forgetting_passkeys(&user.user_id).map_err(incomplete(OPERATION))?;
        self.with_following(vec![delete, freed, passkeys], following, OPERATION).await
    }

    /// Gives an account another address, which the code proves, and uses the code. One that waited for its first proof is kept
    /// from now on. `holder` is the account that has the address without having proved it, which yields. `way_back` is the code
    /// that takes the address before back, with the mail that brings it there; an address that nobody has proved has none.
    /// [`ChangeUser::Conflict`] if the code was used, the account was changed since it was read, or somebody else has the address
    /// by now.
    pub async fn change_address(
        &self,
        code: &CodeId,
        (user, to): (&User, &Address),
        holder: Option<&UserId>,
        way_back: Option<(&Code, &NewMail)>,
        now: Timestamp,
    ) -> Result<ChangeUser, StoreError> {
        const OPERATION: &str = "change_address";
        let mut ways: Vec<_> = user.ways_back.iter().filter(|way| now < way.until).cloned().collect();
        ways.extend(way_back.map(|(code, _)| WayBack { id: code.id.clone(), until: code.ends }));
        let update = self.with_ways(user, &ways, "SET email = :new, email_verified = :true", "", OPERATION)?;
        let update = update.expression_attribute_values(":new", AttributeValue::S(to.to_string()));
        let mut writes = vec![self.codes.using(code, OPERATION)?, updating(update, OPERATION)?];
        writes.extend(self.moving(user, to, holder, OPERATION)?);
        if let Some((code, told)) = way_back {
            writes.extend([self.codes.putting(code, OPERATION)?, self.outbox.adding(told, OPERATION)?]);
        }
        self.transact(writes, OPERATION).await
    }

    /// Gives an account back an address that it had, with another password, and uses the code. Every later change can no longer
    /// be taken back: whoever made those has no word after this one. Older ways back stay, so that nobody can close them by using
    /// a later one. All its sessions end, and the address that it had until now gets the mail `displaced`.
    /// [`ChangeUser::Conflict`] as above, or if the code is none of the account's ways back.
    pub async fn take_back_address(
        &self,
        code: &CodeId,
        (user, to): (&User, &Address),
        holder: Option<&UserId>,
        password: &PasswordHash,
        (following, displaced): (Following<'_>, &NewMail),
    ) -> Result<ChangeUser, StoreError> {
        const OPERATION: &str = "take_back_address";
        let Some(at) = user.ways_back.iter().position(|way| way.id == *code) else { return Ok(ChangeUser::Conflict) };
        let older = user.ways_back.get(..at).unwrap_or_default();
        let set = "SET email = :new, email_verified = :true, password = :password";
        let update = self
            .with_ways(user, older, set, "ADD credential_epoch :one", OPERATION)?
            .expression_attribute_values(":new", AttributeValue::S(to.to_string()))
            .expression_attribute_values(":password", AttributeValue::S(password.as_str().to_owned()))
            .expression_attribute_values(":one", number(1));
        // Whoever had taken the address may have enrolled a passkey, which a new password would not end.
        let passkeys = self.users.forgetting_passkeys(&user.user_id).map_err(incomplete(OPERATION))?;
        let mut writes = vec![self.codes.using(code, OPERATION)?, updating(update, OPERATION)?, passkeys];
        if user.email != *to {
            writes.extend(self.moving(user, to, holder, OPERATION)?);
            writes.push(self.outbox.adding(displaced, OPERATION)?);
        }
        self.with_following(writes, following, OPERATION).await
    }

    /// The update of an account that is as it was read, its ways back among it: `set`, then `ways` in their place, then `more`.
    fn with_ways(
        &self,
        user: &User,
        ways: &[WayBack],
        set: &str,
        more: &str,
        operation: &'static str,
    ) -> Result<UpdateBuilder, StoreError> {
        let mut update = self.changing(user).expression_attribute_names("#ttl", "ttl");
        let same = if user.ways_back.is_empty() {
            "attribute_not_exists(ways_back)"
        } else {
            update = update.expression_attribute_values(":ways", version::part(&user.ways_back, operation)?);
            "ways_back = :ways"
        };
        let expression = if ways.is_empty() {
            format!("{set} REMOVE #ttl, ways_back {more}")
        } else {
            update = update.expression_attribute_values(":left", version::part(ways, operation)?);
            format!("{set}, ways_back = :left REMOVE #ttl {more}")
        };
        let condition = version::condition(&format!("{UNCHANGED} AND {same}"));
        Ok(update.update_expression(expression).condition_expression(condition))
    }

    /// The writes that give a user another address: its claim, the claim before, and the account that yields.
    fn moving(
        &self,
        user: &User,
        to: &Address,
        holder: Option<&UserId>,
        operation: &'static str,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let moved = User { email: to.clone(), ..user.clone() };
        let mut writes = vec![
            self.claiming_from(&moved, holder, operation)?,
            self.users.free_claim(user).map_err(incomplete(operation))?,
        ];
        if let Some(holder) = holder {
            writes.push(self.yielding(holder, operation)?);
        }
        Ok(writes)
    }

    /// The update of an account that is as it was read.
    fn changing(&self, user: &User) -> UpdateBuilder {
        let update = Update::builder()
            .table_name(&self.users.table)
            .key("pk", Users::key_of(&user.user_id))
            .condition_expression(version::condition(UNCHANGED));
        unchanged(user)
            .into_iter()
            .fold(update, |update, (name, value)| update.expression_attribute_values(name, value))
    }
}

/// An account that was changed meanwhile has another owner, other credentials or another state than whoever asks has seen.
const UNCHANGED: &str = "email = :email AND credential_epoch = :epoch AND enabled = :true";

fn unchanged(user: &User) -> [(String, AttributeValue); 4] {
    [
        (":email".to_owned(), AttributeValue::S(user.email.to_string())),
        (":epoch".to_owned(), number(user.credential_epoch)),
        (":true".to_owned(), AttributeValue::Bool(true)),
        (":version".to_owned(), version::current()),
    ]
}

fn updating(update: UpdateBuilder, operation: &'static str) -> Result<TransactWriteItem, StoreError> {
    Ok(TransactWriteItem::builder().update(update.build().map_err(incomplete(operation))?).build())
}
