//! The commands `apps …`: creates, shows, changes and deletes applications.

use crate::cli::{
    AppChanges, Apps, Bound, CreateApp, Grant, IdTokenAlg, Kind, NotificationUriOrNone, RedirectUriOrNone,
    RotateSecret, Window,
};

use crate::context::Context;
use crate::error::Error;
use crate::{date_time, sessions};
use gateway_administration::{self as administration, AppActs, NewApp, Registered, Rotation, shown};
use gateway_domain::ids::ClientId;
use gateway_domain::keys::SignatureAlgorithm;
use gateway_domain::notification_uri::NotificationUri;
use gateway_domain::redirect_uri::RedirectUri;
use gateway_store::{AppKind, Dpop, GrantType};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::Path;

/// The columns of its list.
pub(crate) const COLUMNS: [(&str, &str); 7] = [
    ("CLIENT ID", "/client_id"),
    ("NAME", "/name"),
    ("KIND", "/kind"),
    ("ENABLED", "/enabled"),
    ("TRUSTED", "/trusted"),
    ("PLAN", "/plan"),
    ("GRANTS", "/grants"),
];

pub(crate) async fn run(context: &Context, command: Apps) -> Result<(), Error> {
    match command {
        Apps::Create(arguments) => create(context, arguments).await,
        Apps::List { limit, after } => list(context, usize::from(limit), after).await,
        Apps::Show { client_id } => {
            let (app, revision) = context.app_acts(&context.acts())?.registered(&client_id).await?;
            context.print.one(&shown(&app, revision));
            Ok(())
        }
        Apps::Change(arguments) => {
            let acts = context.acts();
            let apps = context.app_acts(&acts)?;
            let changes = changes(arguments.changes, &apps)?;
            let (app, revision) = apps.change(&arguments.client_id, "apps change", changes).await?;
            context.print.one(&shown(&app, revision));
            Ok(())
        }
        Apps::Disable { client_id } => enable(context, &client_id, false).await,
        Apps::Enable { client_id } => enable(context, &client_id, true).await,
        Apps::Delete { client_id } => delete(context, &client_id).await,
        Apps::RotateSecret(arguments) => rotate_secret(context, arguments).await,
        Apps::EndOverlap { client_id } => {
            context.app_acts(&context.acts())?.end_overlap(&client_id).await?;
            let result = json!({ "client_id": client_id, "previous_secret_until": null });
            context.print.done(&format!("only the newest secret of app {client_id} works"), &result);
            Ok(())
        }
    }
}

async fn create(context: &Context, arguments: CreateApp) -> Result<(), Error> {
    let acts = context.acts();
    let apps = context.app_acts(&acts)?;
    let kind = AppKind::from(arguments.kind);
    let settings = administration::AppChanges {
        grants: Some(arguments.grants.into_iter().map(GrantType::from).collect()),
        scopes: Some(arguments.scopes),
        trusted: Some(arguments.trusted),
        refresh_retry_window: arguments.refresh_retry_window.map(|length| Some(length.0)),
        jwks: arguments.jwks.as_deref().map(read).transpose()?,
        id_token_alg: arguments.id_token_alg.map(SignatureAlgorithm::from),
        dpop: arguments.dpop.map(Dpop::from),
        redirect_uris: Some(arguments.redirect_uris.into_iter().collect()),
        pkce_optional: Some(arguments.pkce_optional),
        post_logout_redirect_uris: Some(arguments.post_logout_redirect_uris.into_iter().collect()),
        backchannel_logout_uri: Some(arguments.backchannel_logout_uri),
        webhook: Some(arguments.webhook_uri.map(|uri| apps.names.webhook_at(uri)).transpose()?),
        ..administration::AppChanges::default()
    };
    let new = NewApp {
        client_id: arguments.client_id,
        name: arguments.name,
        kind,
        plan: arguments.plan,
        subscribe: arguments.subscribe.into_iter().collect(),
        settings,
        registration_hash: None,
    };
    let Registered { app, revision, secret } = apps.create(new).await?;
    let mut shown = shown(&app, revision);
    if let (Some(secret), Some(members)) = (secret, shown.as_object_mut()) {
        members.insert("client_secret".to_owned(), json!(secret.expose()));
        told_once();
    }
    context.print.one(&shown);
    Ok(())
}

pub(crate) fn read(file: &Path) -> Result<String, Error> {
    std::fs::read_to_string(file).map_err(|error| Error::File { path: file.to_owned(), reason: error.to_string() })
}

fn changes(typed: AppChanges, apps: &AppActs<'_>) -> Result<administration::AppChanges, Error> {
    let uris = |uris: Option<Vec<RedirectUriOrNone>>| -> Option<BTreeSet<RedirectUri>> {
        Some(uris?.into_iter().filter_map(|RedirectUriOrNone(uri)| uri).collect())
    };
    let told_at = |uri: Option<NotificationUriOrNone>| -> Option<Option<NotificationUri>> {
        uri.map(|NotificationUriOrNone(uri)| uri)
    };
    let webhook = |uri: Option<NotificationUri>| uri.map(|uri| apps.names.webhook_at(uri)).transpose();
    Ok(administration::AppChanges {
        name: typed.name,
        kind: typed.kind.map(AppKind::from),
        enabled: None,
        grants: typed.grants.map(|grants| grants.into_iter().map(GrantType::from).collect()),
        scopes: typed.scopes,
        plan: typed.plan,
        trusted: typed.trusted,
        refresh_retry_window: typed.refresh_retry_window.map(|Window(window)| window.map(|length| length.0)),
        jwks: typed.jwks.as_deref().map(read).transpose()?,
        id_token_alg: typed.id_token_alg.map(SignatureAlgorithm::from),
        dpop: typed.dpop.map(Dpop::from),
        redirect_uris: uris(typed.redirect_uris),
        pkce_optional: typed.pkce_optional,
        post_logout_redirect_uris: uris(typed.post_logout_redirect_uris),
        backchannel_logout_uri: told_at(typed.backchannel_logout_uri),
        webhook: told_at(typed.webhook_uri).map(webhook).transpose()?,
        ends_registration: typed.end_registration,
    })
}

async fn list(context: &Context, limit: usize, after: Option<ClientId>) -> Result<(), Error> {
    let page = context.connection.store.apps.page(after.as_ref(), limit).await?;
    let next = page.items.last().filter(|_| page.more).map(|(app, _)| app.client_id.to_string());
    let items: Vec<_> = page.items.iter().map(|(app, revision)| shown(app, *revision)).collect();
    context.print.list(&COLUMNS, &items, next.as_deref());
    Ok(())
}

async fn enable(context: &Context, client_id: &ClientId, enabled: bool) -> Result<(), Error> {
    let act = if enabled { "apps enable" } else { "apps disable" };
    let changes = administration::AppChanges { enabled: Some(enabled), ..administration::AppChanges::default() };
    let (app, revision) = context.app_acts(&context.acts())?.change(client_id, act, changes).await?;
    let words = if enabled { "may work, felt within 30 seconds" } else { "can do nothing, felt within 30 seconds" };
    context.print.done(&format!("app {client_id} {words}"), &shown(&app, revision));
    Ok(())
}

/// Deletes the app before its sessions: if it breaks off, no new session can begin, and `sessions end --app` ends the rest.
async fn delete(context: &Context, client_id: &ClientId) -> Result<(), Error> {
    let acts = context.acts();
    let apps = context.app_acts(&acts)?;
    let (app, from) = apps.registered(client_id).await?;
    context.confirm(&format!("This deletes the app {client_id} and cannot be undone"), client_id.as_str())?;
    let delete = async {
        apps.delete(&app, from).await?;
        sessions::end_of_app(context, client_id).await
    };
    let ended = sessions::audited(context, AppActs::deleting(&app), delete).await?;
    let result = ended.counted(json!({ "client_id": client_id, "deleted": true }));
    context.print.done(&format!("app {client_id} is deleted; {}", ended.words()), &result);
    Ok(())
}

async fn rotate_secret(context: &Context, arguments: RotateSecret) -> Result<(), Error> {
    let rotation = match (arguments.in_place_of_keys, arguments.now) {
        (true, _) => Rotation::InPlaceOfKeys,
        (false, true) => Rotation::Now,
        (false, false) => Rotation::Overlap(arguments.overlap.0),
    };
    let acts = context.acts();
    let rotated = context.app_acts(&acts)?.rotate_secret(&arguments.client_id, rotation).await?;
    let until = rotated.app.previous_secret.as_ref().map(|previous| date_time::text(previous.until));
    told_once();
    context.print.one(&json!({
        "client_id": rotated.app.client_id,
        "client_secret": rotated.secret.as_ref().map(gateway_domain::secret::Secret::expose),
        "previous_secret_until": until,
    }));
    Ok(())
}

pub(crate) fn told_once() {
    crate::output::note("The client secret is printed this once: keep it where the app will find it.");
}

impl From<Kind> for AppKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Public => Self::Public,
            Kind::Confidential => Self::Confidential,
        }
    }
}

impl From<IdTokenAlg> for SignatureAlgorithm {
    fn from(algorithm: IdTokenAlg) -> Self {
        match algorithm {
            IdTokenAlg::Rs256 => Self::Rs256,
            IdTokenAlg::Es256 => Self::Es256,
        }
    }
}

impl From<Bound> for Dpop {
    fn from(bound: Bound) -> Self {
        match bound {
            Bound::Optional => Self::Optional,
            Bound::RefreshTokens => Self::RefreshTokens,
            Bound::Required => Self::Required,
        }
    }
}

impl From<Grant> for GrantType {
    fn from(grant: Grant) -> Self {
        match grant {
            Grant::AuthorizationCode => Self::AuthorizationCode,
            Grant::Password => Self::Password,
            Grant::RefreshToken => Self::RefreshToken,
            Grant::ClientCredentials => Self::ClientCredentials,
            Grant::TokenExchange => Self::TokenExchange,
            Grant::Challenge => Self::Challenge,
            Grant::JwtBearer => Self::JwtBearer,
            Grant::NativeSso => Self::NativeSso,
        }
    }
}
