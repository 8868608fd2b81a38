//! A connector that renews without the password, which `http_login` cannot: the login is the real one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use gateway_connectors::{
    Acquired, Call, Connector, ConnectorError, Connectors, Credentials, HandedOut, Injection, ResponseStart,
};
use gateway_domain::headers::Reserved;
use gateway_domain::ids::ConnectorName;
use gateway_domain::secret::Secret;
use gateway_domain::time::{Seconds, Timestamp};
use zeroize::Zeroizing;

use crate::fixture::PASSWORD;

/// How a renewal ends, and whether a logout is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Mood {
    Renews,
    Refuses,
    IsDown,
}

/// The length of a session of this system.
pub(crate) const LIFE: Seconds = Seconds::new(1800);

/// The connector, and how often it renewed.
pub(crate) struct Renewing {
    login: Arc<dyn Connector>,
    renewals: AtomicU64,
    ends: AtomicU64,
    mood: AtomicU64,
}

impl Renewing {
    pub(crate) fn new(connectors: &Connectors) -> Self {
        let login = connectors.get(&ConnectorName::parse("vault-login").unwrap()).unwrap().clone();
        let (renewals, ends, mood) = Default::default();
        Self { login, renewals, ends, mood }
    }

    /// Renewals so far.
    pub(crate) fn renewals(&self) -> u64 {
        self.renewals.load(Ordering::SeqCst)
    }

    /// Sessions ended so far.
    pub(crate) fn ends(&self) -> u64 {
        self.ends.load(Ordering::SeqCst)
    }

    fn mood(&self) -> Mood {
        let moods = [Mood::Renews, Mood::Refuses, Mood::IsDown];
        let is = |mood: &Mood| *mood as u64 == self.mood.load(Ordering::SeqCst);
        moods.into_iter().find(is).unwrap_or(Mood::Renews)
    }

    /// How renewals, logins without a password and logouts end from now on.
    pub(crate) fn is(&self, mood: Mood) {
        self.mood.store(mood as u64, Ordering::SeqCst);
    }
}

#[async_trait]
impl Connector for Renewing {
    async fn acquire(&self, login: Credentials<'_>, now: Timestamp) -> Result<Acquired, ConnectorError> {
        // Without a password it is a system that takes the gateway's word, as a realm does that permits delegation.
        let own = Secret::new(PASSWORD.to_owned());
        let login = match (login.password, self.mood()) {
            (Some(_), _) => login,
            (None, Mood::Renews) => Credentials { password: Some(&own), ..login },
            (None, Mood::Refuses) => return Err(ConnectorError::Refused),
            (None, Mood::IsDown) => return Err(ConnectorError::Unavailable("down".into())),
        };
        let acquired = self.login.acquire(login, now).await?;
        Ok(Acquired {
            ends: Some(now.saturating_add(LIFE)),
            renew_until: Some(now.saturating_add(Seconds::new(3 * 86_400))),
            ..acquired
        })
    }

    async fn renew(&self, state: &[u8], now: Timestamp) -> Result<Acquired, ConnectorError> {
        match self.mood() {
            Mood::Refuses => Err(ConnectorError::Refused),
            Mood::IsDown => Err(ConnectorError::Unavailable("down".into())),
            Mood::Renews => {
                self.renewals.fetch_add(1, Ordering::SeqCst);
                // Others get their chance to come in between.
                tokio::task::yield_now().await;
                Ok(Acquired {
                    state: Zeroizing::new(state.to_vec()),
                    ends: Some(now.saturating_add(LIFE)),
                    idle: None,
                    renew_until: Some(now.saturating_add(Seconds::new(3 * 86_400))),
                })
            }
        }
    }

    async fn end(&self, state: &[u8]) -> Result<(), ConnectorError> {
        if self.mood() == Mood::IsDown {
            return Err(ConnectorError::Unavailable("down".into()));
        }
        self.ends.fetch_add(1, Ordering::SeqCst);
        self.login.end(state).await
    }

    fn inject(&self, state: &[u8], call: Call<'_>) -> Result<Injection, ConnectorError> {
        self.login.inject(state, call)
    }

    fn hand_out(&self, state: &[u8]) -> Result<HandedOut, ConnectorError> {
        self.login.hand_out(state)
    }

    fn reserved(&self) -> &Reserved {
        self.login.reserved()
    }

    fn is_dead(&self, response: &ResponseStart<'_>) -> bool {
        self.login.is_dead(response)
    }
}
