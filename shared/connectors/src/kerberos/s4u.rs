//! Constrained delegation: the gateway's own account gets tickets for people (MS-SFU), at login and at every renewal.
//!
//! The realm decides each time whether the user may still log in and whether the account may stand for people there.

use std::sync::Arc;

use async_trait::async_trait;
use gateway_config::connector::KerberosS4u as Settings;
use gateway_domain::entropy::Entropy;
use gateway_domain::headers::Reserved;
use gateway_domain::secret::Secret;
use gateway_domain::time::{Seconds, Timestamp};
use tokio::sync::Mutex;

use super::failure::{BAD_OPTION, Failure};
use super::protocol::{Purpose, Ticket};
use super::state::State;
use super::{Realm, asks_for_a_ticket};
use crate::{Acquired, Call, Connector, ConnectorError, Credentials, Injection, ResponseStart};

/// How long the account stays away from a realm that has refused it: realms lock an account that comes too often with a
/// wrong password.
const PAUSE: Seconds = Seconds::new(60);

/// What a container knows of the account's login.
#[derive(Default)]
struct Login {
    /// The ticket that gets others.
    tgt: Option<Arc<Ticket>>,
    /// When the account was refused, and how.
    refused: Option<(Timestamp, ConnectorError)>,
}

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
}

/// A connector of type `kerberos_s4u`.
pub struct KerberosS4u {
    realm: Realm,
    /// The gateway's account, in parts.
    account: Vec<String>,
    /// Its password; who may not have it can only inject.
    password: Option<Secret>,
    /// Who finds no ticket here, or an old one, gets the next while the rest wait.
    login: Mutex<Login>,
}

impl KerberosS4u {
    /// A connector for these settings. Without the password it can only inject.
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

    /// A ticket for the back end for this user.
    async fn ticket_for(&self, user: &str, now: Timestamp) -> Result<Acquired, ConnectorError> {
        let tgt = self.tgt(now, None).await?;
        let ticket = match self.delegate(&tgt, user, now).await {
            Ok(ticket) => ticket,
            // The realm may have changed its keys since.
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
            // As long as the realm says yes.
            renew_until: Some(Timestamp::from_secs(i64::MAX)),
        })
    }

    /// Both exchanges: a ticket to ourselves for the user, and with it the one for the back end.
    async fn delegate(&self, tgt: &Ticket, user: &str, now: Timestamp) -> Result<Ticket, Denied> {
        let (realm, account, lifetime) = (self.realm.at(now), self.account(), self.realm.lifetime);
        let evidence = realm.to_oneself(&account, tgt, &[user], lifetime).await.map_err(Denied::ToOneself)?;
        let ticket = realm.on_behalf(&account, tgt, (user, &evidence), &self.realm.service, lifetime).await;
        ticket.map_err(|failure| Denied::OnBehalf(failure, evidence.forwardable))
    }

    /// Whose fault it is. A ticket to ourselves may not go on where nobody may stand for the user, and where the account
    /// may not do so with any protocol: a ticket for the account itself tells.
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

    /// The account's ticket that gets others, a new one if there is none, half of its life is over or it is `refused`.
    async fn tgt(&self, now: Timestamp, refused: Option<&Arc<Ticket>>) -> Result<Arc<Ticket>, ConnectorError> {
        let mut login = self.login.lock().await;
        if let Some(tgt) = &login.tgt {
            let is_refused = refused.is_some_and(|refused| Arc::ptr_eq(refused, tgt));
            // A ticket for the back end ends with it at the latest.
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
        // Nothing proves here who somebody is at the realm: only an administrator's word counts.
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

    fn reserved(&self) -> &Reserved {
        &self.realm.reserved
    }

    fn is_dead(&self, response: &ResponseStart<'_>) -> bool {
        asks_for_a_ticket(response)
    }

    fn binds_connections(&self) -> bool {
        true
    }
}
