//! What owners do, for apps: with an access token of the person that has the scope `account`, under `/account/api/v1/me`.

use super::{body, declared, proof};
use crate::devices::OwnDevice;
use crate::error::Failure;
use crate::lists::{AllowedApp, OwnSession};
use crate::{Account, Asked, fields};
use gateway_domain::code::LIFETIME;
use gateway_domain::event::ApiResponse;
use gateway_domain::ids::{ClientId, CodeId, SessionId, SubjectKind, UserId};
use gateway_domain::json_body::distinct;
use gateway_domain::secret::Secret;
use gateway_domain::time::Timestamp;
use gateway_store::User;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The scope that an access token needs. It is in no application's registration unless `gateway.yaml` declares it.
const SCOPE: &str = gateway_domain::scope::ACCOUNT;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileRequest {
    #[serde(deserialize_with = "distinct")]
    profile: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PasswordRequest {
    current_password: String,
    new_password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddressRequest {
    email: String,
    current_password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfirmRequest {
    change: String,
    code: Option<String>,
    token: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeviceRequest {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CloseRequest {
    current_password: String,
}

/// Who calls, by an access token.
struct Caller {
    user: User,
    session: SessionId,
    /// When the user last showed who it is for this session, if that was noted.
    auth_time: Option<Timestamp>,
}

impl Account {
    /// Answers a request to `/account/api/v1/me…`, of which `path` is what follows.
    pub(super) async fn own(&self, asked: &Asked<'_>, path: &str) -> Result<ApiResponse, Failure> {
        let Caller { user, session, auth_time } = self.of_access_token(asked).await?;
        if let Some(path) = path.strip_prefix("/passkeys").filter(|rest| rest.is_empty() || rest.starts_with('/')) {
            return Box::pin(self.own_passkeys(asked, (&user, auth_time), path)).await;
        }
        match (asked.request.method.as_str(), path) {
            ("GET", "") => Ok(shown(&me(&user))),
            ("PATCH", "") => {
                let ProfileRequest { profile } = body(asked)?;
                let profile = declared(&self.gateway, &profile)?;
                self.change_profile(&user, &profile).await?;
                Ok(shown(&me(&User { profile, ..user })))
            }
            ("POST", "/password") => {
                let PasswordRequest { current_password, new_password } = body(asked)?;
                self.may_change_password()?;
                self.prove_owner(asked, &user, Some(&Secret::new(current_password))).await?;
                self.change_password(asked, &user, ("new_password", &Secret::new(new_password))).await?;
                Ok(ApiResponse::new(204))
            }
            ("POST", "/address") => {
                let AddressRequest { email, current_password } = body(asked)?;
                let email = fields::address("email", Some(&email))?;
                self.prove_owner(asked, &user, Some(&Secret::new(current_password))).await?;
                let change = self.ask_for_address(asked, &user, &email).await?;
                let told = json!({ "change": change, "expires_in": LIFETIME.as_u64() });
                Ok(ApiResponse::json(202, "application/json", &told))
            }
            ("POST", "/address/confirm") => {
                let ConfirmRequest { change, code, token } = body(asked)?;
                let id = CodeId::parse(&change).map_err(|_| Failure::WrongCode)?;
                self.change_address(asked, &user, (&id, &proof(code, token)?)).await?;
                Ok(ApiResponse::new(204))
            }
            ("GET", "/sessions") => {
                let sessions = self.sessions_of(&user.user_id, asked.now).await?;
                Ok(shown(&json!({ "sessions": sessions.iter().map(OwnSession::to_json).collect::<Vec<_>>() })))
            }
            ("DELETE", "/sessions") => {
                self.log_out_elsewhere(asked, &user.user_id, None, |sid| *sid == session).await?;
                Ok(ApiResponse::new(204))
            }
            ("DELETE", sessions) if sessions.starts_with("/sessions/") => {
                let sid = sessions.trim_start_matches("/sessions/");
                let live = self.sessions_of(&user.user_id, asked.now).await?;
                let own = live.into_iter().find(|own| own.of.sid.as_str() == sid).ok_or(Failure::NotFound)?;
                self.end_sessions(asked, &user.user_id, vec![own.of]).await?;
                Ok(ApiResponse::new(204))
            }
            ("GET", "/apps") => {
                let apps = self.apps_of(&user.user_id).await?;
                Ok(shown(&json!({ "apps": apps.iter().map(AllowedApp::to_json).collect::<Vec<_>>() })))
            }
            ("DELETE", apps) if apps.starts_with("/apps/") => {
                let app = apps.trim_start_matches("/apps/");
                let app = ClientId::parse(app).map_err(|_| Failure::NotFound)?;
                self.revoke(asked, &user.user_id, &app).await?;
                Ok(ApiResponse::new(204))
            }
            ("GET", "/devices") => {
                let devices = self.devices_of(&user.user_id).await?;
                Ok(shown(&json!({ "devices": devices.iter().map(OwnDevice::to_json).collect::<Vec<_>>() })))
            }
            (method @ ("PATCH" | "DELETE"), device) if device.starts_with("/devices/") => {
                let device = device_id(device.trim_start_matches("/devices/"))?;
                if method == "PATCH" {
                    let DeviceRequest { name } = body(asked)?;
                    self.rename_device(&user.user_id, &device, ("name", &name)).await?;
                } else {
                    self.revoke_device(asked, &user.user_id, &device).await?;
                }
                Ok(ApiResponse::new(204))
            }
            ("GET", "/data") => Ok(shown(&self.data_of(&user, asked.now).await?)),
            ("POST", closing @ ("/disable" | "/delete")) => {
                let CloseRequest { current_password } = body(asked)?;
                self.prove_owner(asked, &user, Some(&Secret::new(current_password))).await?;
                if closing == "/delete" {
                    self.delete(asked, &user).await?;
                } else {
                    self.disable(asked, &user).await?;
                }
                Ok(ApiResponse::new(204))
            }
            (_, path) => Err(methods(path).map_or(Failure::NotFound, Failure::MethodNotAllowed)),
        }
    }

    /// The user and the session of the access token, if the session is live and its app enabled. The token is verified here, since no authorizer
    /// stands before these paths: they are the gateway's own, and count against no plan.
    async fn of_access_token(&self, asked: &Asked<'_>) -> Result<Caller, Failure> {
        let parties = self.gateway.token_parties(&asked.request.stage_variables)?;
        let of = (parties.issuer(), parties.audience());
        let claims = gateway_credentials::access(&self.public, &self.proofs, asked.request, of, asked.now).await??;
        if !claims.scope.contains(SCOPE) {
            return Err(Failure::Scope);
        }
        if claims.sub.kind() != SubjectKind::User {
            return Err(Failure::NotLoggedIn);
        }
        let is_live = self.activity.entry_is_live(&claims.sub, &claims.client_id, &claims.sid, asked.now).await?;
        let app = self.apps.calling(&claims.client_id).await?.filter(|app| app.enabled && is_live);
        let login = self.sessions.login(&claims.sid).await?;
        let user = self.users.get(&claims.sub).await?.filter(|user| user.enabled && app.is_some());
        // A session of older credentials may not have ended yet.
        let same = user.zip(login).filter(|(user, login)| login.credential_epoch == user.credential_epoch);
        let (user, login) = same.ok_or(Failure::NotLoggedIn)?;
        Ok(Caller { user, session: claims.sid, auth_time: login.shown_at() })
    }
}

/// The id of a device in a path, where a client may have encoded its colon.
fn device_id(text: &str) -> Result<UserId, Failure> {
    UserId::parse(&text.replace("%3A", ":").replace("%3a", ":")).map_err(|_| Failure::NotFound)
}

fn me(user: &User) -> Value {
    json!({
        "user_id": user.user_id,
        "email": user.email,
        "email_verified": user.email_verified,
        "profile": user.profile,
    })
}

/// What only the person may see: no cache keeps it.
pub(super) fn shown(value: &Value) -> ApiResponse {
    ApiResponse::json(200, "application/json", value).header("Cache-Control", "no-store")
}

/// The methods of a path below `/account/api/v1/me`.
pub(super) fn methods(path: &str) -> Option<&'static str> {
    Some(match path {
        "" => "GET, PATCH",
        "/sessions" => "GET, DELETE",
        "/apps" | "/devices" | "/data" => "GET",
        "/passkeys" => "GET, POST",
        "/password" | "/address" | "/address/confirm" | "/passkeys/options" | "/disable" | "/delete" => "POST",
        other if other.starts_with("/devices/") || other.starts_with("/passkeys/") => "PATCH, DELETE",
        other if other.starts_with("/sessions/") || other.starts_with("/apps/") => "DELETE",
        _ => return None,
    })
}
