//! Constrained delegation: the gateway's own account gets tickets for users (MS-SFU), at login and at every renewal.
//!
//! The realm decides each time whether the user may still log in and whether the account may delegate to the back end.

use std::sync::Arc;

use async_trait::async_trait;
use gateway_config::connector::KerberosS4u as Settings;
use gateway_domain::entropy::Entropy;
use gateway_domain::headers::Reserved;
use gateway_domain::secret::Secret;
use gateway_domain::time::{Seconds, Timestamp};
use http::StatusCode;
use tokio::sync::Mutex;

use super::failure::{BAD_OPTION, Failure};
use super::protocol::{Purpose, Ticket};
use super::state::State;
use super::{Realm, asks_for_a_ticket};
use crate::{Acquired, Call, Connector, ConnectorError, Credentials, HandedOut, Injection, ResponseStart};

/// How long the account does not log in again after the realm has refused it. Realms lock an account after too many
/// logins with a wrong password.
const PAUSE: Seconds = Seconds::new(60);

/// The state of the account's login, which this instance of the function keeps.
#[derive(Default)]
struct Login {
    /// The ticket-granting ticket.
    tgt: Option<Arc<Ticket>>,
    /// When the realm refused the account, and the error.
    refused: Option<(Timestamp, ConnectorError)>,
}

/// Which of the two exchanges failed.
enum Denied {
    /// The exchange for a ticket of the account to itself (`S4U2Self`).
    ToOneself(Failure),
    /// The exchange for the ticket for the back end (`S4U2Proxy`), and whether the ticket of the first exchange was
    /// forwardable.
    OnBehalf(Failure, bool),
}

impl Denied {
    const fn failure(&self) -> &Failure {
        match self {
            Self::ToOneself(failure) | Self::OnBehalf(failure, _) => failure,
        }
    }
}

/// A connector of type `kerberos_s4u`.
pub struct KerberosS4u {
    realm: Realm,
    /// The parts of the principal of the gateway's account.
    account: Vec<String>,
    /// Its password. A function that may not read it can only inject tickets.
    password: Option<Secret>,
    /// Locked during a login of the account, so concurrent logins of users wait for one ticket and do not request more.
    login: Mutex<Login>,
}

impl KerberosS4u {
    /// A connector for these settings. Without the password it can only inject tickets.
    pub fn new(settings: &Settings, password: Option<Secret>, entropy: Arc<dyn Entropy>) -> Self {
        let lengths = (settings.lifetime, settings.timeout);
        Self {
            realm: Realm::new(&settings.realm, &settings.kdcs, &settings.service, lengths, entropy),
            account: settings.account.parts().map(str::to_owned).collect(),
            password,
            login: Mutex::default(),
        }
    }

    fn account(&self) -> Vec<&str> {
        self.account.iter().map(String::as_str).collect()
    }

    /// Gets a ticket for the back end for this user.
    async fn ticket_for(&self, user: &str, now: Timestamp) -> Result<Acquired, ConnectorError> {
        let tgt = self.tgt(now, None).await?;
        let ticket = match self.delegate(&tgt, user, now).await {
            Ok(ticket) => ticket,
            // The realm may have changed its keys since the account logged in.
            Err(denied) if denied.failure().is_about_the_tgt() => {
                let tgt = self.tgt(now, Some(&tgt)).await?;
                match self.delegate(&tgt, user, now).await {
                    Ok(ticket) => ticket,
                    Err(denied) => return Err(self.meaning(denied, &tgt, now).await),
                }
            }
            Err(denied) => return Err(self.meaning(denied, &tgt, now).await),
        };
        Ok(Acquired {
            state: State::write(user, &ticket, None)?,
            ends: Some(ticket.ends),
            idle: None,
            // Without a limit: the realm decides at each renewal.
            renew_until: Some(Timestamp::from_secs(i64::MAX)),
        })
    }

    /// Does both exchanges: gets a ticket of the account to itself for the user, and with it the ticket for the back end.
    async fn delegate(&self, tgt: &Ticket, user: &str, now: Timestamp) -> Result<Ticket, Denied> {
        let (realm, account, lifetime) = (self.realm.at(now), self.account(), self.realm.lifetime);
        let evidence = realm.to_oneself(&account, tgt, &[user], lifetime).await.map_err(Denied::ToOneself)?;
        let ticket = realm.on_behalf(&account, tgt, (user, &evidence), &self.realm.service, lifetime).await;
        ticket.map_err(|failure| Denied::OnBehalf(failure, evidence.forwardable))
    }

    /// What the failure means for the login. A ticket to itself is not forwardable if nobody may delegate for the user, or
    /// if the account may not delegate with any protocol. A second ticket, for the account itself as the user, tells which.
    async fn meaning(&self, denied: Denied, tgt: &Ticket, now: Timestamp) -> ConnectorError {
        match denied {
            Denied::ToOneself(failure) => failure.of_person(),
            Denied::OnBehalf(Failure::Code(BAD_OPTION), true) => ConnectorError::Misbehaved(
                "the gateway's account may not stand for people at this service: permit it in the realm".to_owned(),
            ),
            Denied::OnBehalf(Failure::Code(BAD_OPTION), false) => {
                let (realm, account) = (self.realm.at(now), self.account());
                match realm.to_oneself(&account, tgt, &account, self.realm.lifetime).await {
                    Ok(ticket) if ticket.forwardable => ConnectorError::Refused,
                    Ok(_) => ConnectorError::Misbehaved(
                        "the gateway's account may not stand for people who came with a password: permit any protocol"
                            .to_owned(),
                    ),
                    Err(failure) => failure.of_gateway(),
                }
            }
            Denied::OnBehalf(failure, _) => failure.of_gateway(),
        }
    }

    /// The account's ticket-granting ticket. A new one is requested if there is none, if half of its lifetime has passed, or
    /// if it is the `refused` one.
    async fn tgt(&self, now: Timestamp, refused: Option<&Arc<Ticket>>) -> Result<Arc<Ticket>, ConnectorError> {
        let mut login = self.login.lock().await;
        if let Some(tgt) = &login.tgt {
            let is_refused = refused.is_some_and(|refused| Arc::ptr_eq(refused, tgt));
            // A ticket for the back end cannot end later than this one, so it is replaced early.
            let half = Seconds::new(tgt.ends.since(tgt.starts).as_u64() / 2);
            if !is_refused && now < tgt.starts.saturating_add(half) {
                return Ok(tgt.clone());
            }
        }
        if let Some((since, error)) = &login.refused
            && now < since.saturating_add(PAUSE)
        {
            return Err(error.clone());
        }
        let password = self.password.as_ref().ok_or_else(|| {
            ConnectorError::Misbehaved("the password of the gateway's own account could not be read".to_owned())
        })?;
        match self.realm.at(now).log_in(&self.account(), password, Purpose::Delegation).await {
            Ok(tgt) => {
                let tgt = Arc::new(tgt);
                *login = Login { tgt: Some(tgt.clone()), refused: None };
                Ok(tgt)
            }
            Err(failure) => {
                let (error, in_vain) = failure.of_account();
                login.refused = in_vain.then(|| (now, error.clone()));
                Err(error)
            }
        }
    }
}

#[async_trait]
impl Connector for KerberosS4u {
    async fn acquire(&self, login: Credentials<'_>, now: Timestamp) -> Result<Acquired, ConnectorError> {
        // No password is checked at the realm, so only an administrator's link tells the user's name there.
        let user = self.realm.user(login.link.ok_or(ConnectorError::NotLinked)?)?;
        self.realm.in_time(self.ticket_for(user, now)).await
    }

    async fn renew(&self, state: &[u8], now: Timestamp) -> Result<Acquired, ConnectorError> {
        let state = State::read(state)?;
        self.realm.in_time(self.ticket_for(&state.name, now)).await
    }

    fn inject(&self, state: &[u8], _call: Call<'_>) -> Result<Injection, ConnectorError> {
        self.realm.inject(state)
    }

    fn hand_out(&self, state: &[u8]) -> Result<HandedOut, ConnectorError> {
        self.realm.hand_out(state)
    }

    fn reserved(&self) -> &Reserved {
        &self.realm.reserved
    }

    fn is_dead(&self, response: &ResponseStart<'_>) -> bool {
        asks_for_a_ticket(response)
    }

    fn examines_body(&self, _status: StatusCode) -> bool {
        false
    }

    fn examines_bodies(&self) -> bool {
        false
    }

    fn binds_connections(&self) -> bool {
        true
    }
}
