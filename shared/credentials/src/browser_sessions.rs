//! Who is logged in in a browser: a cookie with 256 random bits, of which the hash is stored.

use crate::CredentialsError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway_domain::entropy::Entropy;
use gateway_domain::secret::sha256_hex;
use gateway_domain::time::{Seconds, Timestamp};
use gateway_store::{BrowserLogin, BrowserLogins, User, Users};
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
    /// When the user showed the password.
    pub auth_time: Timestamp,
}

/// Begins and ends the logins of browsers.
pub struct BrowserSessions {
    table: BrowserLogins,
    users: Users,
    idle: Seconds,
    absolute: Seconds,
    entropy: Arc<dyn Entropy>,
}

impl BrowserSessions {
    /// Logins in this table, which end `idle` after their last use and `absolute` after they began.
    pub fn new(
        table: BrowserLogins,
        users: Users,
        (idle, absolute): (Seconds, Seconds),
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { table, users, idle, absolute, entropy }
    }

    /// Who is logged in in the browser with this cookie, if the login still holds: a change of credentials ends it.
    pub async fn logged_in(&self, cookie: Option<&str>, now: Timestamp) -> Result<Option<LoggedIn>, CredentialsError> {
        let Some(id) = cookie.and_then(id) else { return Ok(None) };
        let Some(login) = self.table.get(&id).await? else { return Ok(None) };
        if !login.is_live(now) {
            return Ok(None);
        }
        let Some(user) = self.users.get(&login.user_id).await? else { return Ok(None) };
        if !user.enabled || user.credential_epoch != login.credential_epoch {
            return Ok(None);
        }
        let idle_end = now.saturating_add(self.idle);
        if idle_end > login.idle_end.saturating_add(Seconds::new(self.idle.as_u64() / WORTH)) {
            self.table.note_use(&id, idle_end).await?;
        }
        Ok(Some(LoggedIn { user, auth_time: login.auth_time }))
    }

    /// Begins a login of a user who has just shown the password, and ends the one before it: each login has a cookie of its
    /// own, so that one that somebody planted leads nowhere. Returns the cookie.
    pub async fn begin(&self, user: &User, before: Option<&str>, now: Timestamp) -> Result<String, CredentialsError> {
        let cookie = URL_SAFE_NO_PAD.encode(self.entropy.bytes::<32>()?);
        let login = BrowserLogin {
            id: sha256_hex(cookie.as_bytes()),
            user_id: user.user_id.clone(),
            credential_epoch: user.credential_epoch,
            auth_time: now,
            idle_end: now.saturating_add(self.idle),
            absolute_end: now.saturating_add(self.absolute),
        };
        self.table.create(&login).await?;
        self.end(before).await?;
        Ok(cookie)
    }

    /// Ends the login of the browser with this cookie, if there is one.
    pub async fn end(&self, cookie: Option<&str>) -> Result<(), CredentialsError> {
        match cookie.and_then(id) {
            Some(id) => Ok(self.table.end(&id).await?),
            None => Ok(()),
        }
    }
}

fn id(cookie: &str) -> Option<String> {
    (cookie.len() == LENGTH).then(|| sha256_hex(cookie.as_bytes()))
}
