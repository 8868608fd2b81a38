//! The commands `apps …`: creates, shows, changes and deletes applications.

mod jwks;
mod secret;

use crate::audit::Act;
use crate::cli::{AppChanges, Apps, BackChannelUriOrNone, CreateApp, Grant, IdTokenAlg, Kind, RedirectUriOrNone};
use crate::context::Context;
use crate::error::Error;
use crate::{date_time, sessions, subscriptions};
use gateway_domain::id_token::OPENID;
use gateway_domain::ids::ClientId;
use gateway_domain::keys::SignatureAlgorithm;
use gateway_store::{App, AppKind, AppLogout, GrantType, Revision, WriteApp};
use serde_json::{Value as Json, json};

pub(crate) async fn run(context: &Context, command: Apps) -> Result<(), Error> {
    match command {
        Apps::Create(arguments) => create(context, arguments).await,
        Apps::List { limit, after } => list(context, usize::from(limit), after).await,
        Apps::Show { client_id } => {
            let (app, revision) = registered(context, &client_id).await?;
            context.print.one(&shown(&app, revision));
            Ok(())
        }
        Apps::Change(arguments) => {
            let set = |app: &mut App| apply(context, app, arguments.changes);
            let (app, revision) = change(context, &arguments.client_id, "apps change", set).await?;
            context.print.one(&shown(&app, revision));
            Ok(())
        }
        Apps::Disable { client_id } => enable(context, &client_id, false).await,
        Apps::Enable { client_id } => enable(context, &client_id, true).await,
        Apps::Delete { client_id } => delete(context, &client_id).await,
        Apps::RotateSecret(arguments) => secret::rotate(context, arguments).await,
        Apps::EndOverlap { client_id } => secret::end_overlap(context, &client_id).await,
    }
}

/// An application as it is printed: it says whether there is a secret, and never which.
fn shown(app: &App, revision: Revision) -> Json {
    let mut shown = described(app);
    if let Some(members) = shown.as_object_mut() {
        members.insert("revision".to_owned(), json!(revision));
    }
    shown
}

fn described(app: &App) -> Json {
    json!({
        "client_id": app.client_id,
        "name": app.name,
        "kind": app.kind,
        "enabled": app.enabled,
        "trusted": app.trusted,
        "grants": app.grants,
        "scopes": app.scope.iter().collect::<Vec<_>>(),
        "plan": app.plan,
        "subscriptions": app.subscriptions,
        "refresh_retry_window": app.refresh_retry_window,
        "redirect_uris": app.redirect_uris,
        "pkce_optional": app.pkce_optional,
        "post_logout_redirect_uris": app.logout.post_logout_redirect_uris,
        "backchannel_logout_uri": app.logout.backchannel_logout_uri,
        "has_secret": app.secret_hash.is_some(),
        "keys": jwks::kids(app),
        "id_token_alg": app.id_token_algorithm(),
        "previous_secret_until": app.previous_secret.as_ref().map(|previous| date_time::text(previous.until)),
    })
}

pub(crate) async fn registered(context: &Context, client_id: &ClientId) -> Result<(App, Revision), Error> {
    let found = context.connection.store.apps.get_to_change(client_id).await?;
    found.ok_or_else(|| Error::NoApp(client_id.clone()))
}

/// Reads an application, changes it with `set` and writes it. It is a conflict if somebody else has changed it in between.
pub(crate) async fn change(
    context: &Context,
    client_id: &ClientId,
    act: &'static str,
    set: impl FnOnce(&mut App) -> Result<(), Error>,
) -> Result<(App, Revision), Error> {
    let (before, from) = registered(context, client_id).await?;
    let mut app = before.clone();
    set(&mut app)?;
    let (old, new) = (described(&before), described(&app));
    let act = Act {
        act,
        subject: format!("app {client_id}"),
        before: Some(differing(&old, &new)),
        after: Some(differing(&new, &old)),
    };
    let write = async {
        match context.connection.store.apps.change(&app, from).await? {
            WriteApp::Written(revision) => Ok(revision),
            WriteApp::Conflict => Err(Error::Conflict(format!("app {client_id}"))),
        }
    };
    let revision = context.audited(act, write).await?;
    Ok((app, revision))
}

/// The members of one object that are missing or different in the other.
fn differing(one: &Json, other: &Json) -> Json {
    let members =
        one.as_object().into_iter().flatten().filter(|(name, value)| other.get(name.as_str()) != Some(*value));
    Json::Object(members.map(|(name, value)| (name.clone(), value.clone())).collect())
}

async fn create(context: &Context, arguments: CreateApp) -> Result<(), Error> {
    context.catalogue.check_plan(&arguments.plan)?;
    context.catalogue.check_scope(&arguments.scopes)?;
    for api in &arguments.subscribe {
        context.catalogue.check_api(api)?;
    }
    let kind = match arguments.kind {
        Kind::Public => AppKind::Public,
        Kind::Confidential => AppKind::Confidential,
    };
    let client_id = arguments.client_id;
    let subscribed = arguments.subscribe.iter().map(|api| (api.clone(), subscriptions::new(&client_id, api)));
    let mut app = App {
        name: arguments.name.to_string(),
        kind,
        secret_hash: None,
        previous_secret: None,
        trusted: arguments.trusted,
        grants: arguments.grants.into_iter().map(GrantType::from).collect(),
        scope: arguments.scopes,
        plan: arguments.plan,
        subscriptions: subscribed.collect(),
        enabled: true,
        refresh_retry_window: arguments.refresh_retry_window.map(|length| length.0),
        jwks: None,
        id_token_alg: arguments.id_token_alg.map(SignatureAlgorithm::from),
        redirect_uris: arguments.redirect_uris.into_iter().collect(),
        pkce_optional: arguments.pkce_optional,
        logout: AppLogout {
            post_logout_redirect_uris: arguments.post_logout_redirect_uris.into_iter().collect(),
            backchannel_logout_uri: arguments.backchannel_logout_uri,
        },
        client_id,
    };
    sound(&app)?;
    if let Some(file) = &arguments.jwks {
        jwks::register(&mut app, file)?;
    }
    // A public app gets no secret: one that is shipped to every device is not secret (RFC 8252 §8.5).
    let secret = match (kind, &app.jwks) {
        (AppKind::Public, _) | (_, Some(_)) => None,
        (AppKind::Confidential, None) => Some(secret::new(&mut app)?),
    };
    let subject = format!("app {}", app.client_id);
    let act = Act { act: "apps create", subject: subject.clone(), before: None, after: Some(described(&app)) };
    let write = async {
        match context.connection.store.apps.create(&app).await? {
            WriteApp::Written(revision) => Ok(revision),
            WriteApp::Conflict => Err(Error::Taken(subject)),
        }
    };
    let revision = context.audited(act, write).await?;
    let mut shown = shown(&app, revision);
    if let (Some(secret), Some(members)) = (secret, shown.as_object_mut()) {
        members.insert("client_secret".to_owned(), json!(secret.expose()));
        secret::told_once();
    }
    context.print.one(&shown);
    Ok(())
}

/// Refuses grants that the token function would refuse at every request.
fn sound(app: &App) -> Result<(), Error> {
    let wrong = |text: &str| Err(Error::Refused(text.to_owned()));
    if app.grants.contains(&GrantType::Password) && !app.trusted {
        return wrong("the password grant is for apps that may see passwords: add --trusted (or --trusted true)");
    }
    if app.grants.contains(&GrantType::AuthorizationCode) == app.redirect_uris.is_empty() {
        return wrong(
            "the grant authorization_code and --redirect-uri go together: codes are sent to a registered address only",
        );
    }
    if app.pkce_optional && app.kind == AppKind::Public {
        return wrong("a public app has no other proof than PKCE: leave out --pkce-optional (RFC 8252 §8.1)");
    }
    if app.logout.backchannel_logout_uri.is_some() && !app.scope.contains(OPENID) {
        return wrong("logout tokens are told to apps that got ID tokens: add openid to --scopes");
    }
    if app.grants.contains(&GrantType::ClientCredentials) && app.kind == AppKind::Public {
        return wrong("a public app has no secret, so client_credentials would let anybody be it (RFC 6749 §4.4)");
    }
    if app.grants.contains(&GrantType::TokenExchange) && app.kind == AppKind::Public {
        return wrong(
            "a public app has no secret, so anybody could exchange the tokens that it gets: leave out token_exchange",
        );
    }
    Ok(())
}

fn apply(context: &Context, app: &mut App, changes: AppChanges) -> Result<(), Error> {
    if let Some(name) = changes.name {
        app.name = name.to_string();
    }
    if let Some(grants) = changes.grants {
        app.grants = grants.into_iter().map(GrantType::from).collect();
    }
    if let Some(scopes) = changes.scopes {
        context.catalogue.check_scope(&scopes)?;
        app.scope = scopes;
    }
    if let Some(plan) = changes.plan {
        context.catalogue.check_plan(&plan)?;
        app.plan = plan;
    }
    if let Some(trusted) = changes.trusted {
        app.trusted = trusted;
    }
    if let Some(uris) = changes.redirect_uris {
        app.redirect_uris = uris.into_iter().filter_map(|RedirectUriOrNone(uri)| uri).collect();
    }
    if let Some(uris) = changes.post_logout_redirect_uris {
        app.logout.post_logout_redirect_uris = uris.into_iter().filter_map(|RedirectUriOrNone(uri)| uri).collect();
    }
    if let Some(BackChannelUriOrNone(uri)) = changes.backchannel_logout_uri {
        app.logout.backchannel_logout_uri = uri;
    }
    if let Some(optional) = changes.pkce_optional {
        app.pkce_optional = optional;
    }
    if let Some(window) = changes.refresh_retry_window {
        app.refresh_retry_window = window.0.map(|length| length.0);
    }
    if let Some(file) = &changes.jwks {
        jwks::register(app, file)?;
    }
    if let Some(algorithm) = changes.id_token_alg {
        app.id_token_alg = Some(algorithm.into());
    }
    sound(app)
}

async fn list(context: &Context, limit: usize, after: Option<ClientId>) -> Result<(), Error> {
    let page = context.connection.store.apps.page(after.as_ref(), limit).await?;
    let next = page.items.last().filter(|_| page.more).map(|(app, _)| app.client_id.to_string());
    let items: Vec<_> = page.items.iter().map(|(app, revision)| shown(app, *revision)).collect();
    let columns = [
        ("CLIENT ID", "/client_id"),
        ("NAME", "/name"),
        ("KIND", "/kind"),
        ("ENABLED", "/enabled"),
        ("TRUSTED", "/trusted"),
        ("PLAN", "/plan"),
        ("GRANTS", "/grants"),
    ];
    context.print.list(&columns, &items, next.as_deref());
    Ok(())
}

async fn enable(context: &Context, client_id: &ClientId, enabled: bool) -> Result<(), Error> {
    let act = if enabled { "apps enable" } else { "apps disable" };
    let set = |app: &mut App| {
        app.enabled = enabled;
        Ok(())
    };
    let (app, revision) = change(context, client_id, act, set).await?;
    let words = if enabled { "may work, felt within 30 seconds" } else { "can do nothing, felt within 30 seconds" };
    context.print.done(&format!("app {client_id} {words}"), &shown(&app, revision));
    Ok(())
}

/// Deletes the app before its sessions: if it breaks off, no new session can begin, and `sessions end --app` ends the rest.
async fn delete(context: &Context, client_id: &ClientId) -> Result<(), Error> {
    let (app, from) = registered(context, client_id).await?;
    context.confirm(&format!("This deletes the app {client_id} and cannot be undone"), client_id.as_str())?;
    let subject = format!("app {client_id}");
    let act = Act { act: "apps delete", subject: subject.clone(), before: Some(described(&app)), after: None };
    let delete = async {
        match context.connection.store.apps.delete(client_id, from).await? {
            WriteApp::Written(_) => sessions::end_of_app(context, client_id).await,
            WriteApp::Conflict => Err(Error::Conflict(subject)),
        }
    };
    let ended = sessions::audited(context, act, delete).await?;
    let result = ended.counted(json!({ "client_id": client_id, "deleted": true }));
    context.print.done(&format!("app {client_id} is deleted; {}", ended.words()), &result);
    Ok(())
}

impl From<IdTokenAlg> for SignatureAlgorithm {
    fn from(algorithm: IdTokenAlg) -> Self {
        match algorithm {
            IdTokenAlg::Rs256 => Self::Rs256,
            IdTokenAlg::Es256 => Self::Es256,
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
        }
    }
}
