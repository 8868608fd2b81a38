//! The passkeys of a user, for apps, under `/account/api/v1/me/passkeys`.

use super::body;
use super::owner::{methods, shown};
use crate::error::{Failure, Wrong};
use crate::owner::is_fresh;
use crate::passkeys::{Sent, to_json};
use crate::{Account, Asked};
use gateway_domain::event::ApiResponse;
use gateway_domain::passkey::CredentialId;
use gateway_domain::secret::Secret;
use gateway_domain::time::Timestamp;
use gateway_store::User;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct OptionsRequest {
    current_password: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddRequest {
    /// `RegistrationResponseJSON` (WebAuthn Level 3 §5.1), of which later versions may have more members.
    credential: Map<String, Value>,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RenameRequest {
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RemoveRequest {
    current_password: Option<String>,
    #[serde(default)]
    last: bool,
}

impl Account {
    /// Answers a request to `/account/api/v1/me/passkeys…`, of which `path` is what follows, of a user who last showed who it is at this time.
    pub(super) async fn own_passkeys(
        &self,
        asked: &Asked<'_>,
        (user, auth_time): (&User, Option<Timestamp>),
        path: &str,
    ) -> Result<ApiResponse, Failure> {
        match (asked.request.method.as_str(), path) {
            ("GET", "") => {
                let passkeys = self.passkeys_of(&user.user_id).await?;
                Ok(shown(&json!({ "passkeys": passkeys.iter().map(to_json).collect::<Vec<_>>() })))
            }
            ("POST", "/options") => {
                let OptionsRequest { current_password } = body_or_none(asked)?;
                self.prove_lately(asked, (user, auth_time), current_password).await?;
                let there = self.passkeys_of(&user.user_id).await?;
                Ok(shown(&self.passkey_options(asked, user, &there)?))
            }
            ("POST", "") => {
                // The challenge was given out after a proof, and is good for five minutes.
                let AddRequest { credential, name } = body(asked)?;
                let response = Value::Object(credential).to_string();
                let response = (response.as_str(), name.as_deref(), Sent::Json);
                let added = Box::pin(self.add_passkey(asked, user, response)).await?;
                let told = ApiResponse::json(201, "application/json", &to_json(&added));
                Ok(told.header("Cache-Control", "no-store"))
            }
            ("PATCH", id) if is_one(id) => {
                let RenameRequest { name } = body(asked)?;
                self.rename_passkey(&user.user_id, &one(id)?, &name).await?;
                Ok(ApiResponse::new(204))
            }
            ("DELETE", id) if is_one(id) => {
                let RemoveRequest { current_password, last } = body_or_none(asked)?;
                let id = one(id)?;
                self.prove_lately(asked, (user, auth_time), current_password).await?;
                Box::pin(self.remove_passkey(asked, user, (&id, last))).await?;
                Ok(ApiResponse::new(204))
            }
            (_, path) => Err(methods(&format!("/passkeys{path}")).map_or(Failure::NotFound, Failure::MethodNotAllowed)),
        }
    }

    /// That whoever calls is the owner: by a login of a few minutes ago, or else by the password, counted as a login is. Who has none logs in again.
    async fn prove_lately(
        &self,
        asked: &Asked<'_>,
        (user, auth_time): (&User, Option<Timestamp>),
        current_password: Option<String>,
    ) -> Result<(), Failure> {
        if auth_time.is_some_and(|auth_time| is_fresh(auth_time, asked.now)) {
            return Ok(());
        }
        if !self.has_password(user) {
            return Err(Failure::field("current_password", Wrong::NoPassword));
        }
        Box::pin(self.prove_owner(asked, user, current_password.map(Secret::new).as_ref())).await
    }
}

/// What stands for a body that may be left out.
fn body_or_none<T: DeserializeOwned + Default>(asked: &Asked<'_>) -> Result<T, Failure> {
    if asked.request.body.is_empty() { Ok(T::default()) } else { body(asked) }
}

/// Whether what follows is the place of one passkey.
fn is_one(rest: &str) -> bool {
    rest.starts_with('/') && rest != "/options"
}

fn one(rest: &str) -> Result<CredentialId, Failure> {
    CredentialId::parse(rest.trim_start_matches('/')).map_err(|_| Failure::NotFound)
}
