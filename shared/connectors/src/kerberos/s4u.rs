//! Constrained delegation: the gateway's own account gets tickets for people (MS-SFU), at login and at every renewal.
//!
//! The realm decides each time whether the person may still log in and whether the account may stand for people there.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use config::connector::KerberosS4u as Settings;
use domain::headers::Reserved;
use domain::secret::Secret;
use domain::time::{Seconds, Timestamp};
use http::Response;
use tokio::sync::Mutex;

use super::failure::{BAD_OPTION, Failure};
use super::protocol::{Purpose, Ticket};
use super::state::State;
use super::{Realm, asks_for_a_ticket};
use crate::{Acquired, Call, Connector, ConnectorError, Credentials, Injection};

/// Which of the two exchanges gave no ticket.
enum Denied {
    /// The one for a ticket of the account to itself.
    ToOneself(Failure),
    /// The one for the ticket for the back end; and whether the first one's may go on.
    OnBehalf(Failure, bool),
}

impl Denied {
    const fn failure(&self) -> &Failure {
        match self {
            Self::ToOneself(failure) | Self::OnBehalf(failure, _) => failure,
        }
    }

    fn outcome(self) -> ConnectorError {
        match self {
            Self::ToOneself(failure) => failure.of_person(),
            Self::OnBehalf(Failure::Code(BAD_OPTION), true) => ConnectorError::Misbehaved(
                "the realm does not let the gateway's account stand for people at this service: permit it there"
                    .to_owned(),
            ),
            Self::OnBehalf(Failure::Code(BAD_OPTION), false) => {
                tracing::warn!(
                    "the realm lets nobody stand for this user, or not the gateway's account for anyone with any protocol"
                );
                ConnectorError::Refused
            }
            Self::OnBehalf(failure, _) => failure.of_gateway(),
        }
    }
}

/// A connector of type `kerberos_s4u`.
pub struct KerberosS4u {
    realm: Realm,
    /// The gateway's account, in parts.
    account: Vec<String>,
    /// Its password; who may not have it can only inject.
    password: Option<Secret>,
    /// The account's ticket that gets others. Who finds none, or an old one, gets the next while the rest wait.
    tgt: Mutex<Option<Arc<Ticket>>>,
}

impl KerberosS4u {
    /// A connector for these settings. Without the password it can only inject.
    pub fn new(settings: &Settings, password: Option<Secret>) -> Self {
        let lengths = (settings.lifetime, settings.timeout);
        Self {
            realm: Realm::new(&settings.realm, &settings.kdcs, &settings.service, lengths),
            account: settings.account.parts().map(str::to_owned).collect(),
            password,
            tgt: Mutex::new(None),
        }
    }

    fn account(&self) -> Vec<&str> {
        self.account.iter().map(String::as_str).collect()
    }

    /// A ticket for the back end for this person.
    async fn ticket_for(&self, person: &str, now: Timestamp) -> Result<Acquired, ConnectorError> {
        let tgt = self.tgt(now, None).await?;
        let ticket = match self.delegate(&tgt, person, now).await {
            // The realm may have changed its keys since.
            Err(denied) if denied.failure().is_about_the_tgt() => {
                let tgt = self.tgt(now, Some(&tgt)).await?;
                self.delegate(&tgt, person, now).await
            }
            outcome => outcome,
        };
        let ticket = ticket.map_err(Denied::outcome)?;
        Ok(Acquired {
            state: State::write(person, &ticket, None)?,
            ends: Some(ticket.ends),
            idle: None,
            // As long as the realm says yes.
            renew_until: Some(Timestamp::from_secs(i64::MAX)),
        })
    }

    /// Both exchanges: a ticket to ourselves for the person, and with it the one for the back end.
    async fn delegate(&self, tgt: &Ticket, person: &str, now: Timestamp) -> Result<Ticket, Denied> {
        let (realm, account, lifetime) = (self.realm.at(now), self.account(), self.realm.lifetime);
        let evidence = realm.to_oneself(&account, tgt, person, lifetime).await.map_err(Denied::ToOneself)?;
        let ticket = realm.on_behalf(&account, tgt, (person, &evidence), &self.realm.service, lifetime).await;
        ticket.map_err(|failure| Denied::OnBehalf(failure, evidence.forwardable))
    }

    /// The account's ticket that gets others, a new one if there is none, half of its life is over or it is `refused`.
    async fn tgt(&self, now: Timestamp, refused: Option<&Arc<Ticket>>) -> Result<Arc<Ticket>, ConnectorError> {
        let mut kept = self.tgt.lock().await;
        if let Some(tgt) = kept.as_ref() {
            let is_refused = refused.is_some_and(|refused| Arc::ptr_eq(refused, tgt));
            // A ticket for the back end ends with it at the latest.
            let half = Seconds::new(tgt.ends.since(tgt.starts).as_u64() / 2);
            if !is_refused && now < tgt.starts.saturating_add(half) {
                return Ok(tgt.clone());
            }
        }
        let password = self.password.as_ref().ok_or_else(|| {
            ConnectorError::Misbehaved("the password of the gateway's own account could not be read".to_owned())
        })?;
        let tgt = self.realm.at(now).log_in(&self.account(), password, Purpose::Delegation).await;
        let tgt = Arc::new(tgt.map_err(Failure::of_gateway)?);
        *kept = Some(tgt.clone());
        Ok(tgt)
    }
}

#[async_trait]
impl Connector for KerberosS4u {
    async fn acquire(&self, login: Credentials<'_>, now: Timestamp) -> Result<Acquired, ConnectorError> {
        // Nothing proves here who somebody is at the realm: only an administrator's word counts.
        let person = self.realm.person(login.link.ok_or(ConnectorError::NotLinked)?)?;
        self.realm.in_time(self.ticket_for(person, now)).await
    }

    async fn renew(&self, state: &[u8], now: Timestamp) -> Result<Acquired, ConnectorError> {
        let state = State::read(state)?;
        self.realm.in_time(self.ticket_for(&state.name, now)).await
    }

    async fn end(&self, _state: &[u8]) -> Result<(), ConnectorError> {
        // A KDC keeps no tickets: this one is forgotten here.
        Ok(())
    }

    fn inject(&self, state: &[u8], _call: Call<'_>) -> Result<Injection, ConnectorError> {
        self.realm.inject(state)
    }

    fn reserved(&self) -> &Reserved {
        &self.realm.reserved
    }

    fn is_dead(&self, answer: &Response<Bytes>) -> bool {
        asks_for_a_ticket(answer)
    }

    fn binds_connections(&self) -> bool {
        true
    }
}
