//! `/gateway/api/v1/users`: users, their sessions and their devices.

use super::{allowed, listed, only, paging, parameter, shown};
use crate::error::Failure;
use crate::people::SeenSession;
use crate::principal::Principal;
use crate::{Asked, Portal};
use gateway_administration::{shown_device, text};
use gateway_domain::admin_scope::{SESSIONS_READ, SESSIONS_WRITE, USERS_READ, USERS_WRITE};
use gateway_domain::event::ApiResponse;
use gateway_domain::ids::UserId;
use gateway_domain::json_body;
use gateway_store::User;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserBody {
    enabled: bool,
}

impl Portal {
    pub(super) async fn users(
        &self,
        asked: &Asked<'_>,
        principal: &Principal,
        rest: &[&str],
    ) -> Result<ApiResponse, Failure> {
        let (methods, scopes) = match rest {
            [] => ("GET", (USERS_READ, USERS_WRITE)),
            [_] => ("GET, PATCH", (USERS_READ, USERS_WRITE)),
            [_, "sessions" | "devices"] => ("GET, DELETE", (SESSIONS_READ, SESSIONS_WRITE)),
            [_, "sessions" | "devices", _] => ("DELETE", (SESSIONS_READ, SESSIONS_WRITE)),
            _ => return Err(Failure::NotFound),
        };
        only(asked, methods)?;
        allowed(asked, principal, scopes)?;
        let Some((user_id, rest)) = rest.split_first() else { return self.list_users(asked).await };
        let user_id = UserId::parse(user_id).map_err(|_| Failure::NotFound)?;
        let user = self.user(&user_id).await?;
        match (asked.request.method.as_str(), rest) {
            ("GET", []) => Ok(shown(200, &described(&user))),
            ("PATCH", []) => {
                let UserBody { enabled } = json_body::read(asked.request, json_body::MAX_BYTES)?;
                Ok(shown(200, &described(&self.enable(asked, principal.who(), user, enabled).await?)))
            }
            ("GET", ["devices", ..]) => {
                let devices = self.devices_of(&user_id).await?;
                Ok(listed(&devices.iter().map(shown_device).collect::<Vec<_>>(), None))
            }
            ("GET", _) => {
                let rows = self.sessions_of(&user_id, asked.now).await?;
                Ok(listed(&rows.iter().map(session).collect::<Vec<_>>(), None))
            }
            (_, ["devices", id]) => {
                let id = UserId::parse(id).map_err(|_| Failure::NoDevice)?;
                self.revoke_device_of(principal.who(), &user_id, &id).await?;
                Ok(ApiResponse::new(204))
            }
            (_, ["devices", ..]) => {
                self.revoke_devices_of(principal.who(), &user_id).await?;
                Ok(ApiResponse::new(204))
            }
            (_, sessions) => {
                self.end_sessions(asked, principal.who(), &user_id, sessions.get(1).copied()).await?;
                Ok(ApiResponse::new(204))
            }
        }
    }

    async fn list_users(&self, asked: &Asked<'_>) -> Result<ApiResponse, Failure> {
        let (most, after) = paging(asked)?;
        if let Some(email) = parameter(asked, "email")? {
            let found = self.users.by_email(&email).await?;
            return Ok(listed(&found.iter().map(described).collect::<Vec<_>>(), None));
        }
        let after = after.map(|after| UserId::parse(&after)).transpose();
        let after = after.map_err(|error| Failure::malformed("after", error.to_string()))?;
        let page = self.users.page(after.as_ref(), most).await?;
        let next = page.items.last().filter(|_| page.more).map(|user| user.user_id.to_string());
        Ok(listed(&page.items.iter().map(described).collect::<Vec<_>>(), next.as_deref()))
    }
}

fn session(session: &SeenSession) -> Value {
    json!({
        "session": session.sid,
        "client_id": session.client_id,
        "device": session.device,
        "began_at": session.began.map(text),
        "refreshed_at": text(session.refreshed),
        "ends_at": text(session.ends),
        "scopes": session.scope.iter().collect::<Vec<_>>(),
    })
}

fn described(user: &User) -> Value {
    let password = match &user.password {
        None => "none",
        Some(hash) if hash.is_legacy() => "imported",
        Some(_) => "set",
    };
    json!({
        "user_id": user.user_id,
        "email": user.email,
        "email_verified": user.email_verified,
        "enabled": user.enabled,
        "roles": user.roles,
        "password": password,
        "profile": user.profile,
        "links": user.links,
        "directory_subject": user.directory_subject,
    })
}
