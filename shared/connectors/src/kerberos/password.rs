//! Kerberos with the user's own password: keeps a renewable ticket-granting ticket beside the ticket for the back end.

use std::sync::Arc;

use async_trait::async_trait;
use gateway_config::connector::KerberosPassword as Settings;
use gateway_domain::entropy::Entropy;
use gateway_domain::headers::Reserved;
use gateway_domain::time::Timestamp;
use http::StatusCode;

use super::failure::Failure;
use super::protocol::{Purpose, Ticket};
use super::state::State;
use super::{Realm, asks_for_a_ticket};
use crate::{Acquired, Call, Connector, ConnectorError, Credentials, HandedOut, Injection, ResponseStart};

/// A connector of type `kerberos_password`.
pub struct KerberosPassword {
    realm: Realm,
}

impl KerberosPassword {
    /// A connector for these settings.
    pub fn new(settings: &Settings, entropy: Arc<dyn Entropy>) -> Self {
        let lengths = (settings.lifetime, settings.timeout);
        Self { realm: Realm::new(&settings.realm, &settings.kdcs, &settings.service, lengths, entropy) }
    }

    /// Gets a ticket for the back end with this ticket-granting ticket.
    async fn with(&self, user: &str, tgt: &Ticket, now: Timestamp) -> Result<Acquired, ConnectorError> {
        let ticket = self.realm.at(now).for_service(user, tgt, &self.realm.service, self.realm.lifetime).await;
        let ticket = ticket.map_err(of_renewal)?;
        // A ticket cannot outlive the ticket-granting ticket, and only one that has not ended can be renewed. So a renewal
        // is useful only if that ticket is renewable, or ends later than this one, and must come before it ends.
        let goes_on = tgt.renew_until.is_some_and(|until| until > tgt.ends) || tgt.ends > ticket.ends;
        Ok(Acquired {
            state: State::write(user, &ticket, Some(tgt))?,
            ends: Some(ticket.ends),
            idle: None,
            renew_until: goes_on.then_some(tgt.ends),
        })
    }
}

#[async_trait]
impl Connector for KerberosPassword {
    async fn acquire(&self, login: Credentials<'_>, now: Timestamp) -> Result<Acquired, ConnectorError> {
        let (user, password) = (self.realm.user(login.name())?, login.password()?);
        self.realm
            .in_time(async {
                let tgt = self.realm.at(now).log_in(&[user], password, Purpose::Renewal).await;
                self.with(user, &tgt.map_err(Failure::of_password)?, now).await
            })
            .await
    }

    async fn renew(&self, state: &[u8], now: Timestamp) -> Result<Acquired, ConnectorError> {
        let (user, mut tgt) = State::read(state)?.with_tgt()?;
        self.realm
            .in_time(async {
                if tgt.renew_until.is_some_and(|until| until > tgt.ends) {
                    tgt = self.realm.at(now).renewed(&user, &tgt).await.map_err(of_renewal)?;
                }
                self.with(&user, &tgt, now).await
            })
            .await
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

/// What a failure means that the user's ticket-granting ticket got: it has ended, or the realm issues no more for it.
fn of_renewal(failure: Failure) -> ConnectorError {
    if matches!(failure, Failure::Code(33 | 60)) {
        // Not yet valid, or a generic error: the clocks differ, or the KDC has a problem. Both are temporary, so the
        // session is kept.
        return failure.of_gateway();
    }
    if failure.is_about_the_tgt() { ConnectorError::Refused } else { failure.of_person() }
}
