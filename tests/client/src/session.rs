//! Refresh and logout: one session, one exchange of its refresh token at a time.

use std::time::Duration;

use crate::patience::{Gate, Trouble};
use crate::random::random;
use crate::token_endpoint::Tokens;
use crate::{Client, Clock, Error, Kept, Storage};

/// An access token, and until when it is worth sending.
#[derive(Clone)]
pub(crate) struct Access {
    token: String,
    fresh_until: Duration,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("fresh_until", &self.fresh_until).finish_non_exhaustive()
    }
}

impl Access {
    /// Counted from the moment of asking, which is before the moment of making; a little earlier, so that it does not
    /// expire on its way.
    fn new(tokens: &Tokens, asked: Duration) -> Self {
        let lifetime = Duration::from_secs(tokens.expires_in);
        let margin = (lifetime / 10).min(Duration::from_secs(30));
        let fresh_until = asked.saturating_add(lifetime.saturating_sub(margin));
        Self { token: tokens.access_token.clone(), fresh_until }
    }
}

impl<S: Storage, C: Clock> Client<S, C> {
    /// Whether somebody is logged in, as far as this device knows.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn is_logged_in(&self) -> Result<bool, Error> {
        Ok(self.storage.load()?.is_some_and(|kept| !kept.ended))
    }

    /// Logs out: at once on this device, and at the gateway as soon as it can be reached. An `Err` other than of the
    /// storage means that the gateway does not know yet; call it again later, at the latest when the app starts.
    ///
    /// # Errors
    /// When the gateway could not be told yet, or the storage fails.
    pub async fn logout(&self) -> Result<(), Error> {
        let mut access = self.access.lock().await;
        *access = None;
        self.end_session().await
    }

    /// Revokes what is kept, having noted that this is to be done.
    pub(crate) async fn end_session(&self) -> Result<(), Error> {
        let Some(kept) = self.storage.load()? else { return Ok(()) };
        if !kept.ended {
            self.storage.save(&Kept { ended: true, ..kept.clone() })?;
        }
        let form = [("client_id", self.app.as_str()), ("token", kept.refresh_token.as_str())];
        // A gate of its own: neither calls nor refreshes are told to wait by it, nor does it wait for them.
        let gate = Gate::default();
        let mut tries = self.tries(&gate)?;
        while let Err(trouble) = self.post("/oauth2/revoke", &form, None).await {
            match tries.again(trouble).await {
                Ok(()) => {}
                // A refusal would be the same the next time.
                Err(Error::Refused(_) | Error::LoginAgain) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(self.storage.clear()?)
    }

    /// A token that is worth sending and is not the one just refused. Whoever comes while it is being refreshed waits
    /// at the lock, and then finds it fresh.
    pub(crate) async fn access(&self, refused: Option<&str>) -> Result<String, Error> {
        let mut access = self.access.lock().await;
        if let Some(access) = &*access
            && access.fresh_until > self.clock.now()
            && refused != Some(&access.token)
        {
            return Ok(access.token.clone());
        }
        let fresh = self.refresh().await?;
        let token = fresh.token.clone();
        *access = Some(fresh);
        Ok(token)
    }

    /// Exchanges the refresh token. The steps and their order make a crash between any two of them harmless.
    async fn refresh(&self) -> Result<Access, Error> {
        let mut kept = self.storage.load()?.filter(|kept| !kept.ended).ok_or(Error::LoginAgain)?;
        let attempt = match &kept.attempt {
            // An earlier exchange came to no end that is known: this is the same one.
            Some(attempt) => attempt.clone(),
            None => random::<16>()?,
        };
        if kept.attempt.is_none() {
            kept.attempt = Some(attempt.clone());
            self.storage.save(&kept)?;
        }
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", self.app.as_str()),
            ("refresh_token", kept.refresh_token.as_str()),
        ];
        let mut tries = self.tries(&self.refreshes)?;
        loop {
            let asked = self.clock.now();
            match self.tokens(&form, Some(&attempt)).await {
                Ok(tokens) => return self.keep(&tokens, asked),
                Err(Trouble::Lasting(Error::LoginAgain)) => {
                    self.storage.clear()?;
                    return Err(Error::LoginAgain);
                }
                // When this ends the loop nothing is known for certain: the attempt stays, for the next time.
                Err(trouble) => tries.again(trouble).await?,
            }
        }
    }

    /// Keeps tokens that were asked for at this time, before they are used: once a successor is used, its parent is worth nothing.
    pub(crate) fn keep(&self, tokens: &Tokens, asked: Duration) -> Result<Access, Error> {
        self.storage.save(&Kept { refresh_token: tokens.refresh_token.clone(), attempt: None, ended: false })?;
        Ok(Access::new(tokens, asked))
    }
}
