//! Who is logged in in a browser: a cookie with 256 random bits, of which the hash is stored.

use crate::CredentialsError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway_domain::entropy::Entropy;
use gateway_domain::ids::{ClientId, OutboxId, SessionId, UserId};
use gateway_domain::outbox::{AppSession, ENDING, Which};
use gateway_domain::secret::sha256_hex;
use gateway_domain::session::LoginMethod;
use gateway_domain::time::{Seconds, Timestamp};
use gateway_store::{BegunSession, BrowserLogin, BrowserLogins, NewEnding, Outbox, User, Users};
use std::sync::Arc;

/// The length of a cookie: 256 bits in base64url.
const LENGTH: usize = 43;
/// A use is noted if it moves the idle end by at least this part of the idle time, so that not every page is a write.
const WORTH: u64 = 10;

/// A user who is logged in in a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedIn {
    /// The user.
    pub user: User,
    /// When the user logged in.
    pub auth_time: Timestamp,
    /// The login.
    pub login: BrowserLogin,
}

/// Begins and ends the logins of browsers.
pub struct BrowserSessions {
    table: BrowserLogins,
    users: Users,
    idle: Seconds,
    absolute: Seconds,
    outbox: Outbox,
    entropy: Arc<dyn Entropy>,
}

impl BrowserSessions {
    /// Logins in this table, which end `idle` after their last use and `absolute` after they began. What follows their end is
    /// written to the outbox.
    pub fn new(
        table: BrowserLogins,
        users: Users,
        (idle, absolute): (Seconds, Seconds),
        outbox: Outbox,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { table, users, idle, absolute, outbox, entropy }
    }

    /// Who is logged in in the browser with this cookie, if the login still holds: a change of credentials ends it,
    /// and so does a logout everywhere else.
    pub async fn logged_in(&self, cookie: Option<&str>, now: Timestamp) -> Result<Option<LoggedIn>, CredentialsError> {
        let Some(id) = cookie.and_then(id) else { return Ok(None) };
        let Some(login) = self.table.get(&id).await? else { return Ok(None) };
        if !login.is_live(now) {
            return Ok(None);
        }
        let Some(user) = self.users.get(&login.user_id).await? else { return Ok(None) };
        let (now_valid, then) =
            ((user.credential_epoch, user.browser_epoch), (login.credential_epoch, login.browser_epoch));
        if !user.enabled || now_valid != then {
            return Ok(None);
        }
        let idle_end = now.saturating_add(self.idle);
        if idle_end > login.idle_end.saturating_add(Seconds::new(self.idle.as_u64() / WORTH)) {
            self.table.note_use(&id, idle_end).await?;
        }
        Ok(Some(LoggedIn { user, auth_time: login.auth_time, login }))
    }

    /// Begins a login of a user who logged in by this at `auth_time`, and ends the one before it: each login has a cookie of its
    /// own, so that one that somebody planted leads nowhere. The login knows `first`, the session that begins with it, and those
    /// of the same user that it follows. Returns the cookie.
    pub async fn begin(
        &self,
        by: LoginMethod,
        (user, auth_time): (&User, Timestamp),
        before: Option<&str>,
        first: Option<(&SessionId, &ClientId)>,
        now: Timestamp,
    ) -> Result<String, CredentialsError> {
        let cookie = URL_SAFE_NO_PAD.encode(self.entropy.bytes::<32>()?);
        let after = |before: Option<&BrowserLogin>| {
            let before = before.filter(|before| before.user_id == user.user_id);
            let mut login = BrowserLogin {
                id: sha256_hex(cookie.as_bytes()),
                user_id: user.user_id.clone(),
                credential_epoch: user.credential_epoch,
                browser_epoch: user.browser_epoch,
                auth_time,
                by,
                idle_end: now.saturating_add(self.idle),
                absolute_end: now.saturating_add(self.absolute),
                sessions: before.map(|before| before.sessions.clone()).unwrap_or_default(),
                newest: before.and_then(|before| before.newest.clone()),
                second_factor_at: None,
            };
            if let Some((sid, client)) = first {
                login.add(sid.clone(), BegunSession { client_id: client.clone(), at: now });
            }
            login
        };
        let Some(id) = before.and_then(id) else {
            self.table.create(&after(None)).await?;
            return Ok(cookie);
        };
        // The sessions are in the new login before the old one is gone, so that at no moment a logout would miss them.
        let read = self.table.get(&id).await?;
        self.table.create(&after(read.as_ref())).await?;
        let ended = self.table.end(&id).await?;
        if ended.is_some() && ended != read {
            self.table.create(&after(ended.as_ref())).await?;
        }
        Ok(cookie)
    }

    /// Notes that the user of a login has shown a code of the authenticator app in its browser. `false` if it has ended meanwhile.
    pub async fn proved_twice(&self, login: &BrowserLogin, now: Timestamp) -> Result<bool, CredentialsError> {
        Ok(self.table.note_second_factor(&login.id, now).await?)
    }

    /// Ends the logins of a user in all browsers but this one. If it fails half way, this one has ended as well. `false` if it had
    /// ended before, and nothing was done.
    pub async fn end_others(&self, user: &UserId, but: Option<&BrowserLogin>) -> Result<bool, CredentialsError> {
        let Some(epoch) = self.users.end_browsers(user, but.map(|own| own.browser_epoch)).await? else {
            return Ok(false);
        };
        if let Some(own) = but {
            self.table.keep(&own.id, epoch).await?;
        }
        Ok(true)
    }

    /// Notes that a session begins from a login. `false` if the login was ended meanwhile: then the session must not begin.
    pub async fn note_session(
        &self,
        from: &LoggedIn,
        (sid, client): (&SessionId, &ClientId),
        now: Timestamp,
    ) -> Result<bool, CredentialsError> {
        let begun = BegunSession { client_id: client.clone(), at: now };
        Ok(self.table.note_session(&from.login, sid, &begun).await?)
    }

    /// The login of the browser with this cookie, if it is there, whether or not it still holds.
    pub async fn known(&self, cookie: Option<&str>) -> Result<Option<BrowserLogin>, CredentialsError> {
        match cookie.and_then(id) {
            Some(id) => Ok(self.table.get(&id).await?),
            None => Ok(None),
        }
    }

    /// Ends a login, and writes to the outbox that the sessions end that began from it: the outbox function is to be asked for
    /// that under the id. `None` if another session began meanwhile, or the login has ended: then nothing is written, and the
    /// login is to be read again. `which` says whether the sessions end that other apps have by the same logins.
    pub async fn log_out(
        &self,
        login: &BrowserLogin,
        which: fn(Vec<AppSession>) -> Which,
        now: Timestamp,
    ) -> Result<Option<OutboxId>, CredentialsError> {
        let id = OutboxId::from_random(self.entropy.bytes()?);
        let sessions = login.sessions.iter();
        let sessions = sessions.map(|(sid, begun)| AppSession { client_id: begun.client_id.clone(), sid: sid.clone() });
        let ending = NewEnding {
            id: id.clone(),
            user_id: login.user_id.clone(),
            which: which(sessions.collect()),
            due: now,
            until: now.saturating_add(ENDING),
        };
        let ended = self.table.end_with_sessions(login, &self.outbox, &ending).await?;
        Ok(ended.then_some(id))
    }
}

fn id(cookie: &str) -> Option<String> {
    (cookie.len() == LENGTH).then(|| sha256_hex(cookie.as_bytes()))
}
