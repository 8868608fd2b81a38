//! Kerberos: gets tickets for one service and sends them to a back end that accepts Negotiate (RFC 4559).
//!
//! A ticket can be used for many calls, but each message that carries it only once (RFC 4120 §3.2.3), so every attempt of a
//! call makes a new message. Two connectors get tickets: [`KerberosS4u`] with the gateway's own account, and
//! [`KerberosPassword`] with the user's password.

mod failure;
mod kdc;
mod password;
mod protocol;
mod s4u;
mod state;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use gateway_config::connector::{Kdc, PrincipalName, Realm as RealmName};
use gateway_domain::entropy::Entropy;
use gateway_domain::headers::Reserved;
use gateway_domain::time::{Seconds, Timestamp};
use gateway_domain::token_type::TokenType;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};

use crate::{ConnectorError, HandedOut, Injection, ResponseStart};

pub use password::KerberosPassword;
pub use s4u::KerberosS4u;

/// The longest user name, in bytes.
const LONGEST_NAME: usize = 256;

/// What both connectors need: the realm, its KDCs and the back end in it.
struct Realm {
    name: String,
    kdcs: kdc::Kdcs,
    /// The parts of the back end's service principal.
    service: Vec<String>,
    lifetime: Seconds,
    timeout: Duration,
    reserved: Reserved,
    entropy: Arc<dyn Entropy>,
}

impl Realm {
    fn new(
        name: &RealmName,
        kdcs: &[Kdc],
        service: &PrincipalName,
        (lifetime, timeout): (Seconds, Seconds),
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let timeout = Duration::from_secs(timeout.as_u64());
        // The client must not see the back end's challenge: Negotiate is between the gateway and the back end.
        let headers = [AUTHORIZATION, WWW_AUTHENTICATE].map(|name| name.to_string()).into();
        Self {
            name: name.as_str().to_owned(),
            kdcs: kdc::Kdcs::new(kdcs, timeout),
            service: service.parts().map(str::to_owned).collect(),
            lifetime,
            timeout,
            reserved: Reserved { headers, ..Reserved::default() },
            entropy,
        }
    }

    /// A conversation with the realm at this time.
    fn at(&self, now: Timestamp) -> protocol::Conversation<'_> {
        protocol::Conversation { realm: &self.name, kdcs: &self.kdcs, now, entropy: &*self.entropy }
    }

    /// Bounds the time of a whole login or renewal.
    async fn in_time<T>(&self, work: impl Future<Output = Result<T, ConnectorError>>) -> Result<T, ConnectorError> {
        let late = |_| ConnectorError::Unavailable("the realm did not answer in time".to_owned());
        tokio::time::timeout(self.timeout, work).await.map_err(late)?
    }

    /// The name of a user within this realm. A name of another realm is no user here, and a name with `/` is no user at all.
    fn user<'a>(&self, name: &'a str) -> Result<&'a str, ConnectorError> {
        let name = match name.rsplit_once('@') {
            Some((name, realm)) if realm.eq_ignore_ascii_case(&self.name) => name,
            Some(_) => return Err(ConnectorError::NotLinked),
            None => name,
        };
        let forbidden = |c: char| matches!(c, '/' | '@' | '\\') || c.is_control();
        if name.is_empty() || name.len() > LONGEST_NAME || name.contains(forbidden) {
            return Err(ConnectorError::NotLinked);
        }
        Ok(name)
    }

    /// A new message that carries the ticket of this state.
    /// A message for the back end that nobody has seen yet. The ticket-granting ticket stays here.
    fn hand_out(&self, state: &[u8]) -> Result<HandedOut, ConnectorError> {
        let header = state::State::read(state)?.negotiate(&self.name)?;
        let message = header.strip_prefix("Negotiate ").unwrap_or(&header).to_owned();
        Ok(HandedOut::alone(TokenType::KerberosApReq, message))
    }

    fn inject(&self, state: &[u8]) -> Result<Injection, ConnectorError> {
        let header = state::State::read(state)?.negotiate(&self.name)?;
        let mut value = HeaderValue::try_from(header)
            .map_err(|_| ConnectorError::Misbehaved("the ticket is no header value".to_owned()))?;
        value.set_sensitive(true);
        Ok(Injection::headers(vec![(AUTHORIZATION, value)]))
    }
}

/// Whether the back end asks for a ticket, which means that it did not accept the one it got.
fn asks_for_a_ticket(response: &ResponseStart<'_>) -> bool {
    let challenges = response.headers().get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    let mut schemes = challenges.flat_map(|value| value.split(',')).filter_map(|part| part.split_whitespace().next());
    response.status() == StatusCode::UNAUTHORIZED && schemes.any(|scheme| scheme.eq_ignore_ascii_case("negotiate"))
}
