//! `sessions …`: who is logged in where, and ending it.
//!
//! A session ends for the next call when its entry leaves the grant, and for the next refresh when it is marked. The
//! sessions behind it at back ends are forgotten and run out there: only the token function can open them.

use crate::audit::Act;
use crate::cli::{EndSessions, Sessions};
use crate::context::Context;
use crate::error::Error;
use crate::when;
use domain::ids::{ClientId, SessionId, UserId};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value as Json, json};
use store::{LiveSession, StoreError};

/// Sessions that are read or ended side by side.
const AT_ONCE: usize = 16;

pub(crate) async fn run(context: &Context, command: Sessions) -> Result<(), Error> {
    match command {
        Sessions::List { user, app } => list(context, &user, app.as_ref()).await,
        Sessions::End(arguments) => end(context, arguments).await,
    }
}

async fn list(context: &Context, name: &str, app: Option<&ClientId>) -> Result<(), Error> {
    let live = of_user(context, &owner(context, name).await?, app).await?;
    let rows = stream::iter(live).map(|live| row(context, live)).buffered(AT_ONCE);
    let items: Vec<Json> = rows.try_collect().await?;
    let columns = [
        ("SESSION", "/session_id"),
        ("APP", "/client_id"),
        ("LAST REFRESH", "/last_refresh"),
        ("IDLE END", "/idle_end"),
        ("END", "/absolute_end"),
        ("SCOPES", "/scopes"),
    ];
    context.print.list(&columns, &items, None);
    Ok(())
}

async fn row(context: &Context, live: LiveSession) -> Result<Json, StoreError> {
    let session = context.connection.store.sessions.get(&live.entry.sid).await?;
    let family = session.as_ref().map(|session| &session.family);
    Ok(json!({
        "session_id": live.entry.sid,
        "user_id": live.user_id,
        "client_id": live.client_id,
        "last_refresh": family.map(|family| when::text(family.served_at)),
        "idle_end": family.map(|family| when::text(family.idle_end)),
        "absolute_end": when::text(live.entry.ends),
        "scopes": session.as_ref().map(|session| session.scope.to_string()),
    }))
}

/// The id of a user; one who is deleted is named by it.
async fn owner(context: &Context, name: &str) -> Result<UserId, Error> {
    match (context.user(name).await, UserId::parse(name)) {
        (Ok(user), _) => Ok(user.user_id),
        (Err(Error::NoUser(_)), Ok(id)) if !name.contains('@') => Ok(id),
        (Err(error), _) => Err(error),
    }
}

async fn of_user(context: &Context, user: &UserId, app: Option<&ClientId>) -> Result<Vec<LiveSession>, Error> {
    let mut live = context.connection.store.grants.sessions_of_user(user, when::now()).await?;
    live.retain(|live| app.is_none_or(|app| live.client_id == *app));
    Ok(live)
}

async fn end(context: &Context, arguments: EndSessions) -> Result<(), Error> {
    let store = &context.connection.store;
    let (subject, live) = match (&arguments.session, &arguments.user, &arguments.app) {
        (Some(sid), _, _) => (format!("session {sid}"), vec![one(context, sid).await?]),
        (None, Some(user), app) => {
            let user = owner(context, user).await?;
            let within = app.as_ref().map(|app| format!(" in app {app}")).unwrap_or_default();
            (format!("sessions of user {user}{within}"), of_user(context, &user, app.as_ref()).await?)
        }
        (None, None, Some(app)) => {
            (format!("sessions in app {app}"), store.grants.sessions_of_app(Some(app), when::now()).await?)
        }
        (None, None, None) => {
            let what = format!("This logs everybody out of {}", context.connection.place);
            context.confirm(&what, &context.connection.place)?;
            ("all sessions".to_owned(), store.grants.sessions_of_app(None, when::now()).await?)
        }
    };
    let act = Act { act: "sessions end", subject, before: Some(json!({ "live_sessions": live.len() })), after: None };
    let ended = context.audited(act, end_all(context, live)).await?;
    context.print.done(&format!("{ended} sessions ended"), &json!({ "sessions_ended": ended }));
    Ok(())
}

async fn one(context: &Context, sid: &SessionId) -> Result<LiveSession, Error> {
    let session = context.connection.store.sessions.get(sid).await?.filter(|session| !session.family.ended);
    let session = session.ok_or(Error::NoSession)?;
    let entry = store::Entry { sid: sid.clone(), ends: session.family.absolute_end };
    Ok(LiveSession { user_id: session.user_id, client_id: session.client_id, entry })
}

/// Ends every session of a person; returns how many there were.
pub(crate) async fn end_of_user(context: &Context, user: &UserId) -> Result<usize, Error> {
    let live = context.connection.store.grants.sessions_of_user(user, when::now()).await?;
    end_all(context, live).await
}

/// Ends every session in an application.
pub(crate) async fn end_of_app(context: &Context, app: &ClientId) -> Result<usize, Error> {
    let live = context.connection.store.grants.sessions_of_app(Some(app), when::now()).await?;
    end_all(context, live).await
}

async fn end_all(context: &Context, live: Vec<LiveSession>) -> Result<usize, Error> {
    let store = &context.connection.store;
    let count = live.len();
    let ends = stream::iter(live).map(|live| async move {
        store.sessions.end(&live.entry.sid).await?;
        store.grants.remove_entry(&live.user_id, &live.client_id, &live.entry.sid).await
    });
    ends.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    Ok(count)
}
