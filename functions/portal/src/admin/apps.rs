//! `/gateway/api/v1/apps`: applications.

use super::{Expected, allowed, listed, only, paging, shown};
use crate::app_fields::{AppFields, Fields, Read};
use crate::error::Failure;
use crate::principal::Principal;
use crate::{ADMIN, Asked, Portal};
use gateway_administration::{self as administration, AppActs, NewApp, Registered, Rotation};
use gateway_domain::admin_scope::{APPS_READ, APPS_WRITE, SUBSCRIPTIONS_WRITE};
use gateway_domain::event::ApiResponse;
use gateway_domain::ids::ClientId;
use gateway_domain::json_body::{self, present};
use gateway_domain::time::Seconds;
use gateway_store::{App, Revision};
use serde::Deserialize;
use serde_json::json;

/// For how long the secret before works on if nobody says so.
const OVERLAP: Seconds = Seconds::new(86_400);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RotateBody {
    #[serde(default, deserialize_with = "present")]
    overlap: Option<u64>,
    #[serde(default)]
    now: bool,
    #[serde(default)]
    in_place_of_keys: bool,
}

impl Portal {
    pub(super) async fn apps(
        &self,
        asked: &Asked<'_>,
        principal: &Principal,
        rest: &[&str],
    ) -> Result<ApiResponse, Failure> {
        let methods = match rest {
            [] => "GET, POST",
            [_] => "GET, PUT, PATCH, DELETE",
            [_, "secret"] => "POST",
            [_, "secret", "previous"] => "DELETE",
            _ => return Err(Failure::NotFound),
        };
        only(asked, methods)?;
        allowed(asked, principal, (APPS_READ, APPS_WRITE))?;
        let acts = self.acts(principal.who());
        let mut apps = self.app_acts(&acts);
        let expected = if asked.request.method == "GET" { Expected::Any } else { Expected::of(asked)? };
        apps.only_at = expected.revision();
        let Some((client_id, rest)) = rest.split_first() else {
            return if asked.request.method == "GET" {
                self.list_apps(asked).await
            } else {
                create(asked, principal, &apps, &self.issuer(asked)?).await
            };
        };
        let client_id = ClientId::parse(client_id).map_err(|_| Failure::NotFound)?;
        match (asked.request.method.as_str(), rest) {
            ("GET", []) => {
                let (app, revision) = apps.registered(&client_id).await?;
                Ok(one(200, &app, revision, None))
            }
            ("PUT", []) => put(asked, &apps, (client_id, &self.issuer(asked)?), expected).await,
            ("PATCH", []) => {
                let mut fields = Fields::default();
                let sent: AppFields = json_body::read(asked.request, json_body::MAX_BYTES)?;
                let read = sent.read(&self.issuer(asked)?, &mut fields);
                fields.unchangeable(&read);
                fields.done()?;
                let (app, revision) =
                    apps.change(&client_id, "apps change", read.changes()).await.map_err(expected.stale())?;
                Ok(one(200, &app, revision, None))
            }
            ("DELETE", []) => delete(&apps, &client_id, expected).await,
            ("POST", _) => {
                let RotateBody { overlap, now, in_place_of_keys } =
                    json_body::read(asked.request, json_body::MAX_BYTES)?;
                let rotation = match (overlap, now, in_place_of_keys) {
                    (None, false, true) => Rotation::InPlaceOfKeys,
                    (None, true, false) => Rotation::Now,
                    (overlap, false, false) => Rotation::Overlap(overlap.map_or(OVERLAP, Seconds::new)),
                    _ => {
                        let reason = "`overlap`, `now` and `in_place_of_keys` exclude each other";
                        return Err(Failure::malformed("overlap", reason));
                    }
                };
                let rotated = apps.rotate_secret(&client_id, rotation).await.map_err(expected.stale())?;
                Ok(one(200, &rotated.app, rotated.revision, Some(&rotated)))
            }
            _ => {
                let ended = apps.end_overlap(&client_id).await.map_err(expected.stale())?;
                Ok(one(200, &ended.app, ended.revision, None))
            }
        }
    }

    async fn list_apps(&self, asked: &Asked<'_>) -> Result<ApiResponse, Failure> {
        let (most, after) = paging(asked)?;
        let after = after.map(|after| ClientId::parse(&after)).transpose();
        let after = after.map_err(|error| Failure::malformed("after", error.to_string()))?;
        let page = self.developers.apps.page(after.as_ref(), most).await?;
        let next = page.items.last().filter(|_| page.more).map(|(app, _)| app.client_id.to_string());
        let items: Vec<_> = page.items.iter().map(|(app, revision)| administration::shown(app, *revision)).collect();
        Ok(listed(&items, next.as_deref()))
    }
}

async fn create(
    asked: &Asked<'_>,
    principal: &Principal,
    apps: &AppActs<'_>,
    issuer: &str,
) -> Result<ApiResponse, Failure> {
    let mut sent: AppFields = json_body::read(asked.request, json_body::MAX_BYTES)?;
    let mut fields = Fields::default();
    let client_id = fields.one("client_id", sent.client_id.take().as_deref(), ClientId::parse);
    let client_id = fields.required("client_id", client_id);
    let read = sent.read(issuer, &mut fields);
    fields.whole(&read);
    if read.subscribe.as_ref().is_some_and(|apis| !apis.is_empty()) {
        principal.may(SUBSCRIPTIONS_WRITE)?;
    }
    fields.done()?;
    let new = new_app(client_id, read)?;
    let client_id = new.client_id.clone();
    let registered = apps.create(new).await?;
    let response = one(201, &registered.app, registered.revision, Some(&registered));
    Ok(response.header("Location", format!("{ADMIN}/apps/{client_id}")))
}

/// Creates the application, or makes it what was sent. Sent twice, the second changes nothing.
async fn put(
    asked: &Asked<'_>,
    apps: &AppActs<'_>,
    (client_id, issuer): (ClientId, &str),
    expected: Expected,
) -> Result<ApiResponse, Failure> {
    let sent: AppFields = json_body::read(asked.request, json_body::MAX_BYTES)?;
    let mut fields = Fields::default();
    let read = sent.read(issuer, &mut fields);
    fields.whole(&read);
    fields.done()?;
    let there = match apps.registered(&client_id).await {
        Ok(_) => true,
        Err(administration::ActError::NoApp(_)) => false,
        Err(error) => return Err(error.into()),
    };
    expected.check(there)?;
    let mut fields = Fields::default();
    fields.unchangeable(&read);
    fields.done()?;
    if there {
        let (app, revision) = apps.change(&client_id, "apps change", read.whole()).await.map_err(expected.stale())?;
        return Ok(one(200, &app, revision, None));
    }
    let registered = apps.create(new_app(Some(client_id), read)?).await?;
    Ok(one(201, &registered.app, registered.revision, Some(&registered)))
}

fn new_app(client_id: Option<ClientId>, read: Read) -> Result<NewApp, Failure> {
    let (Some(client_id), Some(name), Some(kind), Some(plan)) = (client_id, read.name, read.kind, read.plan) else {
        return Err(Failure::malformed("client_id", "it is required"));
    };
    Ok(NewApp {
        client_id,
        name,
        kind,
        plan,
        subscribe: read.subscribe.unwrap_or_default(),
        settings: read.settings,
        registration_hash: None,
    })
}

/// Deletes an application. Its sessions are no longer refreshed, and their calls are refused within thirty seconds.
async fn delete(apps: &AppActs<'_>, client_id: &ClientId, expected: Expected) -> Result<ApiResponse, Failure> {
    let (app, revision) = apps.registered(client_id).await?;
    if apps.only_at.is_some_and(|expected| expected != revision) {
        return Err(Failure::Precondition);
    }
    let act = AppActs::deleting(&app);
    apps.acts.audited(act, apps.delete(&app, revision)).await.map_err(expected.stale())?;
    Ok(ApiResponse::new(204))
}

/// An application, with its new secret if it got one.
fn one(status: u16, app: &App, revision: Revision, registered: Option<&Registered>) -> ApiResponse {
    let mut value = administration::shown(app, revision);
    let secret = registered.and_then(|registered| registered.secret.as_ref());
    if let (Some(secret), Some(members)) = (secret, value.as_object_mut()) {
        members.insert("client_secret".to_owned(), json!(secret.expose()));
    }
    shown(status, &value).header("ETag", format!("\"{revision}\""))
}
