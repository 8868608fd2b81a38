//! A user as every command reads, shows and creates one.

use crate::context::Context;
use crate::error::Error;
use gateway_domain::address::Address;
use gateway_domain::clock::Clock as _;
use gateway_runtime::SystemClock;
use gateway_store::{CreateUser, StoreError, User};
use serde_json::{Value as Json, json};

/// A user meets another one's transaction at most so often: two imports that claim one address.
const ATTEMPTS: usize = 5;

/// An address somebody can log in with, as the token function accepts it.
pub(crate) fn address(text: &str) -> Result<Address, Error> {
    Address::parse(text).map_err(|error| Error::Invalid(error.to_string()))
}

/// A user as printed and audited: everything but the hash.
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
        "links": user.links,
    })
}

pub(crate) fn subject(user: &User) -> String {
    format!("user {}", user.user_id)
}

/// The credential epoch of a new user: the time, in Unix milliseconds. One who is deleted and created again under the same id has
/// no epoch that was there before, so nothing that was known of the old credentials holds for the new ones.
pub(crate) fn first_epoch() -> u64 {
    u64::try_from(SystemClock.now_millis()).unwrap_or(1)
}

/// Creates a user. Two who claim one address at once may cancel each other, so each tries again.
pub(crate) async fn create(context: &Context, user: &User) -> Result<(), Error> {
    let mut attempt = 1;
    loop {
        match context.connection.store.users.create(user).await {
            Ok(CreateUser::Created) => return Ok(()),
            // Taken by an attempt of our own whose response was lost is done.
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

/// Which of the two is taken.
async fn taken(context: &Context, user: &User) -> Error {
    match context.connection.store.users.by_email(user.email.as_str()).await {
        Ok(Some(_)) => Error::Taken(format!("the address {}", user.email)),
        Ok(None) => Error::Taken(format!("the user id {}", user.user_id)),
        Err(error) => error.into(),
    }
}
