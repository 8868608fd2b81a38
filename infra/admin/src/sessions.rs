//! `sessions …`: lists and ends sessions, and queues their logout at back ends.
//!
//! A session is refused at the next call once its entry is removed from the activity item, and at the next refresh once it
//! is marked as ended. Its logout at back ends is queued after that, for the function that can open its internal tokens.

use crate::cli::{EndSessions, Sessions};
use crate::context::Context;
use crate::date_time;
use crate::error::Error;
use crate::output;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use gateway_administration::Act;
use gateway_domain::ids::{ClientId, SessionId, SubjectKind, UserId};
use gateway_domain::outbox::PATIENCE;
use gateway_store::{LiveSession, StoreError};
use indicatif::ProgressBar;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

/// How many sessions are read or ended at the same time.
const AT_ONCE: usize = 16;
/// How often all sessions are listed at most, while more people log in.
const ROUNDS: usize = 8;

pub(crate) async fn run(context: &Context, command: Sessions) -> Result<(), Error> {
    match command {
        Sessions::List { user, app } => list(context, &user, app.as_ref()).await,
        Sessions::End(arguments) => end(context, arguments).await,
        Sessions::Logout => log_out(context).await,
    }
}

async fn list(context: &Context, name: &str, app: Option<&ClientId>) -> Result<(), Error> {
    let live = of_user(context, &owner(context, name).await?, app).await?;
    let rows = stream::iter(live).map(|live| row(context, live)).buffered(AT_ONCE);
    let items: Vec<Json> = rows.try_collect().await?;
    let columns = [
        ("SESSION", "/session_id"),
        ("APP", "/client_id"),
        ("DEVICE", "/device"),
        ("BEGAN", "/began"),
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
        "device": session.as_ref().and_then(|session| session.origin.device.as_ref()),
        "began": session.as_ref().and_then(|session| session.origin.began).map(date_time::text),
        "last_refresh": family.map(|family| date_time::text(family.served_at)),
        "idle_end": family.map(|family| date_time::text(family.idle_end)),
        "absolute_end": date_time::text(live.entry.ends),
        "scopes": session.as_ref().map(|session| session.scope.to_string()),
    }))
}

/// The id of a user. A deleted user can still be named by id, since sessions may remain.
pub(crate) async fn owner(context: &Context, name: &str) -> Result<UserId, Error> {
    match (context.user(name).await, UserId::parse(name)) {
        (Ok(user), _) => Ok(user.user_id),
        (Err(Error::NoUser(_)), Ok(id)) if !name.contains('@') => Ok(id),
        (Err(error), _) => Err(error),
    }
}

async fn of_user(context: &Context, user: &UserId, app: Option<&ClientId>) -> Result<Vec<LiveSession>, Error> {
    let mut live = context.connection.store.activity.sessions_of_user(user, date_time::now()).await?;
    live.retain(|live| app.is_none_or(|app| live.client_id == *app));
    Ok(live)
}

/// Whose logins in browsers end, from which sessions could begin without a password.
enum Browsers {
    None,
    Of(UserId),
    All,
}

async fn end(context: &Context, arguments: EndSessions) -> Result<(), Error> {
    let store = &context.connection.store;
    let (subject, browsers, live) = match (&arguments.session, &arguments.user, &arguments.app) {
        (Some(sid), _, _) => (format!("session {sid}"), Browsers::None, vec![one(context, sid).await?]),
        (None, Some(user), app) => {
            let user = owner(context, user).await?;
            let within = app.as_ref().map(|app| format!(" in app {app}")).unwrap_or_default();
            let live = of_user(context, &user, app.as_ref()).await?;
            let subject = format!("sessions of user {user}{within}");
            (subject, if app.is_none() { Browsers::Of(user) } else { Browsers::None }, live)
        }
        (None, None, Some(app)) => {
            let live = store.activity.sessions_of_app(Some(app), date_time::now()).await?;
            (format!("sessions in app {app}"), Browsers::None, live)
        }
        (None, None, None) => {
            let what = format!("This logs everybody out of {}", context.connection.place);
            context.confirm(&what, &context.connection.place)?;
            let live = store.activity.sessions_of_app(None, date_time::now()).await?;
            ("all sessions".to_owned(), Browsers::All, live)
        }
    };
    let act = Act { act: "sessions end", subject, before: Some(json!({ "live_sessions": live.len() })), after: None };
    let end = async {
        // The epoch rises first, then it is listed who is there: what begins by a browser, a code or a sign-on either sees the epoch or is seen.
        match browsers {
            Browsers::None => end_all(context, live).await,
            Browsers::Of(user) => {
                store.users.end_browsers(&user, None).await?;
                end_all(context, of_user(context, &user, None).await?).await
            }
            Browsers::All => Box::pin(end_everybody(context, live)).await,
        }
    };
    let ended = audited(context, act, end).await?;
    context.print.done(&ended.words(), &ended.counted(json!({})));
    Ok(())
}

/// Ends the logins in browsers and all sessions. Whatever fails before them keeps no session from being ended; of these are `live` known.
async fn end_everybody(context: &Context, live: Vec<LiveSession>) -> Result<Ended, Error> {
    let logins = end_logins(context).await;
    let (live, shut_out) = shut_out(context, live).await;
    let ended = end_all(context, live).await;
    let Err(first) = logins.and(shut_out) else { return ended };
    // Only the first error is returned, so that what happened after it is told here.
    match ended {
        Ok(ended) => {
            output::note(&ended.words());
            if let Err(later) = ended.logouts.all_queued() {
                output::note(&later.to_string());
            }
        }
        Err(later) => output::note(&later.to_string()),
    }
    Err(first.into())
}

async fn end_logins(context: &Context) -> Result<(), StoreError> {
    let logins = &context.connection.store.browser_logins;
    let ends = stream::iter(logins.ids().await?).map(|id| async move { logins.end(&id).await.map(drop) });
    first_error(ends.buffer_unordered(AT_ONCE)).await
}

/// Waits for all of them, also if one fails.
async fn first_error(all: impl Stream<Item = Result<(), StoreError>>) -> Result<(), StoreError> {
    all.fold(Ok(()), |before, outcome| async move { before.and(outcome) }).await
}

/// Everybody's sessions, after the epoch of each of their users has risen: no app comes in by one that is still to end. Whoever logs in meanwhile
/// is listed by the next round. Only two things still give one: a code that waits, of somebody who has no session yet and has just logged in, and
/// a trade-in that has named a session and not begun it, since no login in a browser stands behind that.
///
/// Those are returned that were listed last, also with the first error.
async fn shut_out(context: &Context, mut live: Vec<LiveSession>) -> (Vec<LiveSession>, Result<(), StoreError>) {
    let store = &context.connection.store;
    let (mut shut_out, mut outcome) = (BTreeSet::new(), Ok(()));
    for round in 0..=ROUNDS {
        match store.activity.sessions_of_app(None, date_time::now()).await {
            Ok(listed) => live = listed,
            Err(error) => {
                outcome = outcome.and(Err(error));
                break;
            }
        }
        // Applications and devices have no browsers.
        let people = live.iter().map(|live| &live.user_id).filter(|user| user.kind() == SubjectKind::User);
        let users: BTreeSet<UserId> = people.filter(|user| !shut_out.contains(*user)).cloned().collect();
        if users.is_empty() || round == ROUNDS {
            break;
        }
        let end = |user: UserId| async move { store.users.end_browsers(&user, None).await.map(drop) };
        let ends = stream::iter(users.clone()).map(end).buffer_unordered(AT_ONCE);
        outcome = outcome.and(first_error(ends).await);
        shut_out.extend(users);
    }
    (live, outcome)
}

/// The session with this id, if there is something left to end: it is live, or its end or back-end logout is not complete.
async fn one(context: &Context, sid: &SessionId) -> Result<LiveSession, Error> {
    let session = context.connection.store.sessions.get(sid).await?;
    let session = session.ok_or(Error::NoSession)?;
    if session.family.ended && session.tokens.is_empty() {
        let (user, client) = (&session.user_id, &session.client_id);
        // The session was marked as ended, but if that broke off, its entry is still there and admits calls.
        if !context.connection.store.activity.entry_is_live(user, client, sid, date_time::now()).await? {
            return Err(Error::NoSession);
        }
    }
    let entry = gateway_store::Entry { sid: sid.clone(), ends: session.family.absolute_end };
    Ok(LiveSession { user_id: session.user_id, client_id: session.client_id, entry })
}

/// Queues again the logouts that are not done: they could not be queued, or the back ends were down for too long.
async fn log_out(context: &Context) -> Result<(), Error> {
    let left = context.connection.store.sessions.ended_with_tokens().await?;
    let before = Some(json!({ "not_logged_out": left.len() }));
    let act = Act { act: "sessions logout", subject: "ended sessions".to_owned(), before, after: None };
    let queue = async {
        let mut logouts = Logouts::default();
        let mut queued = stream::iter(&left).map(|sid| context.connection.logouts.queue(sid)).buffer_unordered(AT_ONCE);
        let bar = bar(left.len());
        while let Some(outcome) = queued.next().await {
            bar.inc(1);
            logouts.add(outcome);
        }
        logouts.all_queued().map(|()| logouts.queued)
    };
    let result = |queued: &usize| json!({ "logouts_queued": queued });
    let queued = context.acts().audited_as(act, Box::pin(queue), |queued| Some(result(queued))).await?;
    context.print.done(&format!("{queued} logouts queued"), &result(&queued));
    Ok(())
}

/// A progress bar, hidden if there are few sessions, since they are done at once.
fn bar(sessions: usize) -> ProgressBar {
    if sessions < 100 {
        return ProgressBar::hidden();
    }
    ProgressBar::new(u64::try_from(sessions).unwrap_or(u64::MAX)).with_message("sessions")
}

/// How many logouts at back ends were queued, and how many could not be queued.
#[derive(Default)]
struct Logouts {
    queued: usize,
    failed: usize,
    /// Why the first of the failed ones could not be queued.
    reason: String,
}

impl Logouts {
    fn add(&mut self, outcome: Result<(), String>) {
        match outcome {
            Ok(()) => self.queued = self.queued.saturating_add(1),
            Err(reason) => {
                if self.failed == 0 {
                    self.reason = reason;
                }
                self.failed = self.failed.saturating_add(1);
            }
        }
    }

    fn all_queued(&self) -> Result<(), Error> {
        if self.failed == 0 {
            return Ok(());
        }
        Err(Error::LogoutsNotQueued { failed: self.failed, reason: self.reason.clone() })
    }
}

/// How many sessions were ended, and what became of their logouts.
pub(crate) struct Ended {
    sessions: usize,
    logouts: Logouts,
}

impl Ended {
    /// The counts in words, for people.
    pub(crate) fn words(&self) -> String {
        let (sessions, queued) = (self.sessions, self.logouts.queued);
        format!("{sessions} sessions ended, {queued} logouts at back ends queued")
    }

    /// Adds the counts to a result.
    pub(crate) fn counted(&self, mut result: Json) -> Json {
        if let Some(members) = result.as_object_mut() {
            members.insert("sessions_ended".to_owned(), json!(self.sessions));
            members.insert("logouts_queued".to_owned(), json!(self.logouts.queued));
        }
        result
    }
}

/// Runs a change that ends sessions, and audits how many ended. If a logout could not be queued, the command fails, but only
/// after everything else was done.
pub(crate) async fn audited(
    context: &Context,
    act: Act,
    doing: impl Future<Output = Result<Ended, Error>>,
) -> Result<Ended, Error> {
    let after = act.after.clone().unwrap_or_else(|| json!({}));
    let doing = async {
        let ended = doing.await?;
        ended.logouts.all_queued().map(|()| ended)
    };
    context.acts().audited_as(act, Box::pin(doing), |ended| Some(ended.counted(after))).await
}

/// Ends every session of a user.
pub(crate) async fn end_of_user(context: &Context, user: &UserId) -> Result<Ended, Error> {
    let live = context.connection.store.activity.sessions_of_user(user, date_time::now()).await?;
    end_all(context, live).await
}

/// Ends every session in an application.
pub(crate) async fn end_of_app(context: &Context, app: &ClientId) -> Result<Ended, Error> {
    let live = context.connection.store.activity.sessions_of_app(Some(app), date_time::now()).await?;
    end_all(context, live).await
}

/// Ends each session completely, even if others fail: one that is stopped between its end and its logout is in no list of
/// live sessions any more.
pub(crate) async fn end_all(context: &Context, live: Vec<LiveSession>) -> Result<Ended, Error> {
    let mut ended = Ended { sessions: live.len(), logouts: Logouts::default() };
    let mut failed = None;
    let bar = bar(ended.sessions);
    let mut ends = stream::iter(live).map(|live| end_one(context, live)).buffer_unordered(AT_ONCE);
    while let Some(outcome) = ends.next().await {
        bar.inc(1);
        match outcome {
            Ok(Some(queued)) => ended.logouts.add(queued),
            Ok(None) => {}
            Err(error) => failed = Some(error),
        }
    }
    let Some(error) = failed else { return Ok(ended) };
    if let Err(not_queued) = ended.logouts.all_queued() {
        output::note(&not_queued.to_string());
    }
    Err(error.into())
}

/// Ends a session and queues its logout at back ends. The outbox tells its application within a minute. `None` means that it needs no logout, since it has no internal tokens.
async fn end_one(context: &Context, live: LiveSession) -> Result<Option<Result<(), String>>, StoreError> {
    let (store, sid) = (&context.connection.store, &live.entry.sid);
    if store.sessions.is_live_with_issuer(sid).await? {
        let now = date_time::now();
        store.outbox.add_notice(sid, now, now.saturating_add(PATIENCE)).await?;
    }
    let ended = store.sessions.end(sid).await?;
    store.activity.remove_entry(&live.user_id, &live.client_id, sid).await?;
    match ended {
        Some(ended) if !ended.tokens.is_empty() => Ok(Some(context.connection.logouts.queue(sid).await)),
        Some(_) | None => Ok(None),
    }
}
