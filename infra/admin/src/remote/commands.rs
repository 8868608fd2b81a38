//! Each command as a request to the admin API.

use super::devices::on_devices;
use super::{Remote, given, segment};
use crate::cli::{
    AppChanges, Apps, Arguments, Audit, Command, CreateApp, EndSessions, Events, Format, ListEvents,
    NotificationUriOrNone, RedirectUriOrNone, Requests, RotateSecret, Sessions, ShowUsage, Subscriptions, Usage, Users,
    Window,
};
use crate::error::Error;
use crate::output::Printer;
use crate::{apps, audit, confirm, date_time, events, requests, subscriptions, usage, users};
use gateway_domain::ids::ClientId;
use gateway_domain::keys::SignatureAlgorithm;
use gateway_runtime::Environment;
use gateway_store::{AppKind, Dpop, GrantType};
use http::Method;
use serde_json::{Value as Json, json};
use std::path::Path;

/// Runs a command by the admin API at this URL.
pub(crate) async fn run(arguments: Arguments, url: &str) -> Result<(), Error> {
    let print = Printer { json: arguments.output == Format::Json };
    let yes = arguments.yes;
    let connect = async || Remote::connect(url, &Environment::from_process()).await;
    match arguments.command {
        Command::Apps(command) => on_apps(&connect().await?, print, yes, command).await,
        Command::Subscriptions(command) => on_subscriptions(&connect().await?, print, command).await,
        Command::Requests(command) => on_requests(&connect().await?, print, command).await,
        Command::Users(command) => on_users(connect, print, command).await,
        Command::Sessions(command) => on_sessions(connect, print, command).await,
        Command::Devices(command) => on_devices(&connect().await?, print, command).await,
        Command::Audit(Audit::List(filter)) => {
            let now = date_time::now_millis();
            let from = now.saturating_sub(filter.since.0.as_i64().saturating_mul(1_000)).div_euclid(1_000);
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.append_pair("from", &date_time::text(gateway_domain::time::Timestamp::from_secs(from)));
            for (name, value) in [("act", &filter.act), ("subject", &filter.subject)] {
                if let Some(value) = value {
                    query.append_pair(name, value);
                }
            }
            let path = format!("/audit?{}", query.finish());
            let (items, _) = connect().await?.list(&path, (filter.limit, None)).await?;
            print.list(&audit::COLUMNS, &items, None);
            Ok(())
        }
        Command::Usage(command) => on_usage(&connect().await?, print, command).await,
        Command::Events(command) => on_events(&connect().await?, print, command).await,
        Command::Keys(_)
        | Command::Migrate(_)
        | Command::Config(_)
        | Command::Routes(_)
        | Command::SimulatePlan(_)
        | Command::Connector(_)
        | Command::Completions { .. }
        | Command::Man { .. } => Err(Error::NotRemote),
    }
}

/// The items of a list.
pub(super) fn items_of(list: &Json) -> Vec<Json> {
    list.get("items").and_then(Json::as_array).cloned().unwrap_or_default()
}

async fn on_usage(remote: &Remote, print: Printer, command: Usage) -> Result<(), Error> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let mut say = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    };
    let path = match &command {
        Usage::Day { day, after } => {
            say("day", day.as_deref());
            say("after", after.as_ref().map(ClientId::as_str));
            "/usage".to_owned()
        }
        Usage::Show(ShowUsage { client_id, by, from, to }) => {
            say("by", Some(by.name()));
            say("from", from.as_deref());
            say("to", to.as_deref());
            format!("/apps/{client_id}/usage")
        }
    };
    let found = remote.ask(Method::GET, &format!("{path}?{}", query.finish()), None, None).await?;
    let items = items_of(&found);
    print.list(&usage::COLUMNS, &items, found.get("next").and_then(Json::as_str));
    Ok(())
}

async fn on_events(remote: &Remote, print: Printer, command: Events) -> Result<(), Error> {
    match command {
        Events::List(ListEvents { day, destination, outcome, limit, after }) => {
            let mut query = form_urlencoded::Serializer::new(String::new());
            for (name, value) in [("day", &day), ("destination", &destination), ("outcome", &outcome)] {
                if let Some(value) = value {
                    query.append_pair(name, value);
                }
            }
            let path = format!("/deliveries?{}", query.finish());
            let path = path.trim_end_matches('?');
            let (items, next) = remote.list(path, (usize::from(limit), after)).await?;
            print.list(&events::COLUMNS, &items, next.as_deref());
            Ok(())
        }
        Events::Waiting { destination } => {
            let path = destination.map_or_else(
                || "/deliveries/waiting".to_owned(),
                |name| format!("/deliveries/waiting?destination={name}"),
            );
            let found = remote.ask(Method::GET, &path, None, None).await?;
            let items = items_of(&found);
            events::print_waiting(print, &items, found.get("more") == Some(&json!(true)));
            Ok(())
        }
        Events::Replay(wanted) => {
            let part = async |from: String, to: String| -> Result<(u64, Option<String>), Error> {
                let body = json!({ "destination": wanted.destination, "from": from, "to": to });
                let done = remote.ask(Method::POST, "/deliveries/replay", Some(&body), None).await?;
                let sent = done.get("sent").and_then(Json::as_u64).unwrap_or_default();
                Ok((sent, done.get("next").and_then(Json::as_str).map(str::to_owned)))
            };
            events::replay(print, &wanted, part).await
        }
    }
}

async fn on_apps(remote: &Remote, print: Printer, yes: bool, command: Apps) -> Result<(), Error> {
    let path = |client_id: &dyn std::fmt::Display| format!("/apps/{client_id}");
    let enable = async |client_id: &dyn std::fmt::Display, enabled: bool| {
        let body = json!({ "enabled": enabled });
        let app = remote.ask(Method::PATCH, &path(client_id), Some(&body), None).await?;
        let words = if enabled { "may work" } else { "can do nothing" };
        print.done(&format!("app {client_id} {words}, felt within 30 seconds"), &app);
        Ok(())
    };
    match command {
        Apps::Create(arguments) => {
            let app = remote.ask(Method::POST, "/apps", Some(&new_app(arguments)?), None).await?;
            secret_told(&app);
            print.one(&app);
            Ok(())
        }
        Apps::List { limit, after } => {
            let after = after.map(|after| after.to_string());
            let (items, next) = remote.list("/apps", (usize::from(limit), after)).await?;
            print.list(&apps::COLUMNS, &items, next.as_deref());
            Ok(())
        }
        Apps::Show { client_id } => {
            print.one(&remote.ask(Method::GET, &path(&client_id), None, None).await?);
            Ok(())
        }
        Apps::Change(arguments) => {
            let body = changes(arguments.changes)?;
            print.one(&remote.ask(Method::PATCH, &path(&arguments.client_id), Some(&body), None).await?);
            Ok(())
        }
        Apps::Disable { client_id } => enable(&client_id, false).await,
        Apps::Enable { client_id } => enable(&client_id, true).await,
        Apps::Delete { client_id } => {
            let what = format!("This deletes the app {client_id} and cannot be undone");
            confirm::confirm(yes, &what, client_id.as_str())?;
            remote.ask(Method::DELETE, &path(&client_id), None, None).await?;
            let words = format!("app {client_id} is deleted; its calls are refused within 30 seconds");
            print.done(&words, &json!({ "client_id": client_id, "deleted": true }));
            Ok(())
        }
        Apps::RotateSecret(RotateSecret { client_id, overlap, now, in_place_of_keys }) => {
            let body = match (in_place_of_keys, now) {
                (true, _) => json!({ "in_place_of_keys": true }),
                (false, true) => json!({ "now": true }),
                (false, false) => json!({ "overlap": overlap.0.as_u64() }),
            };
            let app = remote.ask(Method::POST, &format!("{}/secret", path(&client_id)), Some(&body), None).await?;
            secret_told(&app);
            let members = ["client_id", "client_secret", "previous_secret_until"];
            print.one(&given(members.map(|name| (name, app.get(name).cloned()))));
            Ok(())
        }
        Apps::EndOverlap { client_id } => {
            remote.ask(Method::DELETE, &format!("{}/secret/previous", path(&client_id)), None, None).await?;
            let result = json!({ "client_id": client_id, "previous_secret_until": null });
            print.done(&format!("only the newest secret of app {client_id} works"), &result);
            Ok(())
        }
    }
}

fn secret_told(app: &Json) {
    if app.get("client_secret").is_some() {
        apps::told_once();
    }
}

fn keys(file: &Path) -> Result<Json, Error> {
    let text = apps::read(file)?;
    serde_json::from_str(&text).map_err(|_| Error::Invalid(format!("{}: expected a JWK Set", file.display())))
}

fn grants(grants: Vec<crate::cli::Grant>) -> Json {
    json!(grants.into_iter().map(GrantType::from).collect::<Vec<_>>())
}

fn new_app(arguments: CreateApp) -> Result<Json, Error> {
    let kind = AppKind::from(arguments.kind);
    Ok(given([
        ("client_id", Some(json!(arguments.client_id))),
        ("name", Some(json!(arguments.name))),
        ("kind", Some(json!(kind))),
        ("grants", Some(grants(arguments.grants))),
        ("scopes", Some(json!(arguments.scopes.iter().collect::<Vec<_>>()))),
        ("plan", Some(json!(arguments.plan))),
        ("subscribe", Some(json!(arguments.subscribe)).filter(|apis| *apis != json!([]))),
        ("trusted", arguments.trusted.then_some(json!(true))),
        ("pkce_optional", arguments.pkce_optional.then_some(json!(true))),
        ("refresh_retry_window", arguments.refresh_retry_window.map(|length| json!(length.0))),
        ("jwks", arguments.jwks.as_deref().map(keys).transpose()?),
        ("id_token_alg", arguments.id_token_alg.map(|alg| json!(SignatureAlgorithm::from(alg)))),
        ("dpop", arguments.dpop.map(|bound| json!(Dpop::from(bound)))),
        ("redirect_uris", Some(json!(arguments.redirect_uris))),
        ("post_logout_redirect_uris", Some(json!(arguments.post_logout_redirect_uris))),
        ("backchannel_logout_uri", arguments.backchannel_logout_uri.map(|uri| json!(uri))),
        ("webhook_uri", arguments.webhook_uri.map(|uri| json!(uri))),
    ]))
}

fn changes(typed: AppChanges) -> Result<Json, Error> {
    let uris = |uris: Option<Vec<RedirectUriOrNone>>| {
        let uris: Vec<_> = uris?.into_iter().filter_map(|RedirectUriOrNone(uri)| uri).collect();
        Some(json!(uris))
    };
    Ok(given([
        ("name", typed.name.map(|name| json!(name))),
        ("kind", typed.kind.map(|kind| json!(AppKind::from(kind)))),
        ("grants", typed.grants.map(grants)),
        ("scopes", typed.scopes.map(|scopes| json!(scopes.iter().collect::<Vec<_>>()))),
        ("plan", typed.plan.map(|plan| json!(plan))),
        ("trusted", typed.trusted.map(|trusted| json!(trusted))),
        ("refresh_retry_window", typed.refresh_retry_window.map(|Window(window)| json!(window.map(|length| length.0)))),
        ("jwks", typed.jwks.as_deref().map(keys).transpose()?),
        ("id_token_alg", typed.id_token_alg.map(|alg| json!(SignatureAlgorithm::from(alg)))),
        ("dpop", typed.dpop.map(|bound| json!(Dpop::from(bound)))),
        ("redirect_uris", uris(typed.redirect_uris)),
        ("post_logout_redirect_uris", uris(typed.post_logout_redirect_uris)),
        ("backchannel_logout_uri", typed.backchannel_logout_uri.map(|NotificationUriOrNone(uri)| json!(uri))),
        ("webhook_uri", typed.webhook_uri.map(|NotificationUriOrNone(uri)| json!(uri))),
        ("pkce_optional", typed.pkce_optional.map(|optional| json!(optional))),
        ("self_registered", typed.end_registration.then_some(json!(false))),
    ]))
}

async fn on_requests(remote: &Remote, print: Printer, command: Requests) -> Result<(), Error> {
    let path = |client_id: &dyn std::fmt::Display| format!("/requests/{client_id}");
    match command {
        Requests::List { limit, after } => {
            let after = after.map(|after| after.to_string());
            let (items, next) = remote.list("/requests", (usize::from(limit), after)).await?;
            print.list(&requests::COLUMNS, &items, next.as_deref());
        }
        Requests::Show { client_id } => {
            print.one(&remote.ask(Method::GET, &path(&client_id), None, None).await?);
        }
        Requests::Approve { client_id, revision } => {
            let (body, tag) = (json!({ "decision": "approve" }), format!("\"{revision}\""));
            let app = remote.ask(Method::POST, &path(&client_id), Some(&body), Some(("If-Match", &tag))).await?;
            print.done(&requests::decided(&client_id, "approved"), &app);
        }
        Requests::Refuse { client_id, revision, reason } => {
            let (body, tag) = (json!({ "decision": "refuse", "reason": reason }), format!("\"{revision}\""));
            let app = remote.ask(Method::POST, &path(&client_id), Some(&body), Some(("If-Match", &tag))).await?;
            print.done(&requests::decided(&client_id, "refused"), &app);
        }
    }
    Ok(())
}

async fn on_subscriptions(remote: &Remote, print: Printer, command: Subscriptions) -> Result<(), Error> {
    let path = |client_id: &dyn std::fmt::Display, api: &dyn std::fmt::Display| {
        format!("/apps/{client_id}/subscriptions/{api}")
    };
    // What is changed has to be there: the admin API would create it.
    let change = async |path: String, body: Json, words: &str| {
        remote.ask(Method::GET, &path, None, None).await?;
        let changed = remote.ask(Method::PUT, &path, Some(&body), None).await?;
        print.done(&format!("subscription {words}"), &changed);
        Ok(())
    };
    match command {
        Subscriptions::List { client_id } => {
            let path = format!("/apps/{client_id}/subscriptions");
            let listed = remote.ask(Method::GET, &path, None, None).await?;
            let items = items_of(&listed);
            print.list(&subscriptions::COLUMNS, &items, None);
            Ok(())
        }
        Subscriptions::Add { client_id, api, id, plan } => {
            let body = given([("id", id.map(|id| json!(id))), ("plan", plan.map(|plan| json!(plan)))]);
            let absent = Some(("If-None-Match", "*"));
            let added = remote.ask(Method::PUT, &path(&client_id, &api), Some(&body), absent).await;
            if matches!(added, Err(Error::Remote { status: 412, .. })) {
                return Err(Error::Taken(format!("a subscription of {client_id} to {api}")));
            }
            print.done("subscription added", &added?);
            Ok(())
        }
        Subscriptions::Change { client_id, api, id, plan, no_plan } => {
            let plan = if no_plan { Some(Json::Null) } else { plan.map(|plan| json!(plan)) };
            let body = given([("id", id.map(|id| json!(id))), ("plan", plan)]);
            change(path(&client_id, &api), body, "changed").await
        }
        Subscriptions::Disable { client_id, api } => {
            change(path(&client_id, &api), json!({ "enabled": false }), "disabled").await
        }
        Subscriptions::Enable { client_id, api } => {
            change(path(&client_id, &api), json!({ "enabled": true }), "enabled").await
        }
        Subscriptions::Remove { client_id, api } => {
            remote.ask(Method::DELETE, &path(&client_id, &api), None, None).await?;
            print.done("subscription removed", &json!({ "client_id": client_id, "api": api }));
            Ok(())
        }
    }
}

/// The user with this e-mail address or user id.
async fn user(remote: &Remote, name: &str) -> Result<Json, Error> {
    if name.contains('@') {
        let found = remote.ask(Method::GET, &format!("/users?email={}", segment(name)), None, None).await?;
        if let Some(user) = found.pointer("/items/0") {
            return Ok(user.clone());
        }
    }
    match remote.ask(Method::GET, &format!("/users/{}", segment(name)), None, None).await {
        Err(Error::Remote { status: 404, .. }) => Err(Error::NoUser(name.to_owned())),
        found => found,
    }
}

pub(super) async fn user_path(remote: &Remote, name: &str) -> Result<String, Error> {
    let user = user(remote, name).await?;
    Ok(format!("/users/{}", segment(user.get("user_id").and_then(Json::as_str).unwrap_or_default())))
}

async fn on_users(
    connect: impl AsyncFnOnce() -> Result<Remote, Error>,
    print: Printer,
    command: Users,
) -> Result<(), Error> {
    let (name, enabled) = match command {
        Users::List { limit, after } => {
            let after = after.map(|after| after.to_string());
            let (items, next) = connect().await?.list("/users", (usize::from(limit), after)).await?;
            print.list(&users::COLUMNS, &items, next.as_deref());
            return Ok(());
        }
        Users::Show { user: name } => {
            print.one(&user(&connect().await?, &name).await?);
            return Ok(());
        }
        Users::Disable { user } => (user, false),
        Users::Enable { user } => (user, true),
        Users::Create(_)
        | Users::Change(_)
        | Users::SetPassword { .. }
        | Users::Link { .. }
        | Users::Unlink { .. }
        | Users::Grant { .. }
        | Users::Revoke { .. }
        | Users::ResetSecondFactor { .. }
        | Users::Passkeys { .. }
        | Users::Delete { .. }
        | Users::Import(_) => return Err(Error::NotRemote),
    };
    let remote = connect().await?;
    let path = user_path(&remote, &name).await?;
    let user = remote.ask(Method::PATCH, &path, Some(&json!({ "enabled": enabled })), None).await?;
    let words = if enabled { "may log in; any passkeys stay" } else { "may not log in; all sessions end" };
    print.done(&format!("{name} {words}"), &user);
    Ok(())
}

async fn on_sessions(
    connect: impl AsyncFnOnce() -> Result<Remote, Error>,
    print: Printer,
    command: Sessions,
) -> Result<(), Error> {
    match command {
        Sessions::List { user, app } => {
            let remote = connect().await?;
            let path = format!("{}/sessions", user_path(&remote, &user).await?);
            let listed = remote.ask(Method::GET, &path, None, None).await?;
            let items = items_of(&listed).into_iter();
            let of_app = |item: &Json| app.as_ref().is_none_or(|app| item.get("client_id") == Some(&json!(app)));
            let columns = [
                ("SESSION", "/session"),
                ("APP", "/client_id"),
                ("DEVICE", "/device"),
                ("BEGAN", "/began_at"),
                ("LAST REFRESH", "/refreshed_at"),
                ("END", "/ends_at"),
                ("SCOPES", "/scopes"),
            ];
            print.list(&columns, &items.filter(of_app).collect::<Vec<_>>(), None);
            Ok(())
        }
        Sessions::End(EndSessions { session: None, user: Some(user), app: None, .. }) => {
            let remote = connect().await?;
            let path = format!("{}/sessions", user_path(&remote, &user).await?);
            remote.ask(Method::DELETE, &path, None, None).await?;
            print.done(&format!("all sessions of {user} end"), &json!({ "user": user }));
            Ok(())
        }
        Sessions::End(_) | Sessions::Logout => Err(Error::NotRemote),
    }
}
