//! Parses the address of a user, shows a user and creates one, for all commands.

use crate::context::Context;
use crate::error::Error;
use gateway_domain::address::Address;
use gateway_domain::clock::Clock as _;
use gateway_domain::foreign_token::checked_subject;
use gateway_domain::ids::IssuerName;
use gateway_runtime::SystemClock;
use gateway_store::{CreateUser, StoreError, User};
use serde_json::{Value as Json, json};

/// How often the creation of a user is tried: two imports that claim one address may cancel each other's transactions.
const ATTEMPTS: usize = 5;

/// Parses an address as the token function does, so the user can log in with it.
pub(crate) fn address(text: &str) -> Result<Address, Error> {
    Address::parse(text).map_err(|error| Error::Invalid(error.to_string()))
}

/// The subject by which another issuer knows a user, letter for letter (OpenID Connect Core §2).
pub(crate) fn subject_at_an_issuer(text: &str) -> Result<String, Error> {
    let wrong = || Error::Invalid("a subject of an issuer has 1 to 255 characters of ASCII".to_owned());
    checked_subject(Some(text)).ok_or_else(wrong)
}

/// What is said of a link to an issuer that finds users by their ids, where it is another subject than the id of the user.
pub(crate) fn read_by_nobody(issuer: &IssuerName) -> String {
    format!("the subjects of {issuer} are user ids (`users: subject`): a link to another one would be read by nobody")
}

/// A user as it is printed and audited: everything except the password hash.
pub(crate) fn shown(user: &User) -> Json {
    let password = match &user.password {
        None => "none",
        Some(hash) if hash.is_legacy() => "imported",
        Some(_) => "set",
    };
    json!({
        "user_id": user.user_id,
        "email": user.email,
        "enabled": user.enabled,
        "password": password,
        "credential_epoch": user.credential_epoch,
        "roles": user.roles,
        "second_factor": user.second_factor.is_some(),
        "links": user.links,
        "directory_subject": user.directory_subject,
    })
}

pub(crate) fn subject(user: &User) -> String {
    format!("user {}", user.user_id)
}

/// The credential epoch of a new user: the time in Unix milliseconds. A user who is deleted and created again with the same
/// id never gets an epoch that was used before, so sessions of the old credentials stay refused.
pub(crate) fn first_epoch() -> u64 {
    u64::try_from(SystemClock.now_millis()).unwrap_or(1)
}

/// Creates a user. Two transactions that claim one address at the same time may cancel each other, so each is tried again.
pub(crate) async fn create(context: &Context, user: &User) -> Result<(), Error> {
    let mut attempt = 1;
    loop {
        match context.connection.store.users.create(user).await {
            Ok(CreateUser::Created) => return Ok(()),
            // An earlier attempt of ours may have created the user although its response was lost: then it is done.
            Ok(CreateUser::Taken) if attempt > 1 => {
                return match context.connection.store.users.get(&user.user_id).await? {
                    Some(there) if there == *user => Ok(()),
                    Some(_) | None => Err(taken(context, user).await),
                };
            }
            Ok(CreateUser::Taken) => return Err(taken(context, user).await),
            Err(StoreError::Unavailable { cause, .. })
                if cause.contains("TransactionConflict") && attempt < ATTEMPTS =>
            {
                attempt = attempt.saturating_add(1);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// The error that says which of address and user id is taken.
async fn taken(context: &Context, user: &User) -> Error {
    match context.connection.store.users.by_email(user.email.as_str()).await {
        Ok(Some(_)) => Error::Taken(format!("the address {}", user.email)),
        Ok(None) => Error::Taken(format!("the user id {}", user.user_id)),
        Err(error) => error.into(),
    }
}
