//! Kerberos: tickets for one service, shown to a back end that takes Negotiate (RFC 4559).
//!
//! A ticket may be shown often, but no message that shows it: every attempt of a call makes its own. Two connectors get
//! tickets, [`KerberosS4u`] with an account of the gateway's and [`KerberosPassword`] with the user's password.

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
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};

use crate::{ConnectorError, Injection, ResponseStart};

pub use password::KerberosPassword;
pub use s4u::KerberosS4u;

/// The longest name of a user, in bytes.
const LONGEST_NAME: usize = 256;

/// What both connectors know of their realm and of the back end in it.
struct Realm {
    name: String,
    kdcs: kdc::Kdcs,
    /// The back end's service principal, in parts.
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
        // The back end's half of the handshake would tell an app of a scheme that is not its own.
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

    /// A conversation with the realm that begins now.
    fn at(&self, now: Timestamp) -> protocol::Conversation<'_> {
        protocol::Conversation { realm: &self.name, kdcs: &self.kdcs, now, entropy: &*self.entropy }
    }

    /// Bounds a login or renewal as a whole.
    async fn in_time<T>(&self, work: impl Future<Output = Result<T, ConnectorError>>) -> Result<T, ConnectorError> {
        let late = |_| ConnectorError::Unavailable("the realm did not answer in time".to_owned());
        tokio::time::timeout(self.timeout, work).await.map_err(late)?
    }

    /// A user's name within this realm. A name of another realm is nobody's here.
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

    /// A new message that shows the ticket in this state.
    fn inject(&self, state: &[u8]) -> Result<Injection, ConnectorError> {
        let header = state::State::read(state)?.negotiate(&self.name)?;
        let mut value = HeaderValue::try_from(header)
            .map_err(|_| ConnectorError::Misbehaved("the ticket is no header value".to_owned()))?;
        value.set_sensitive(true);
        Ok(Injection::headers(vec![(AUTHORIZATION, value)]))
    }
}

/// Whether the back end asks for a ticket: it did not take the one it was shown.
fn asks_for_a_ticket(response: &ResponseStart<'_>) -> bool {
    let challenges = response.headers().get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    let mut schemes = challenges.flat_map(|value| value.split(',')).filter_map(|part| part.split_whitespace().next());
    response.status() == StatusCode::UNAUTHORIZED && schemes.any(|scheme| scheme.eq_ignore_ascii_case("negotiate"))
}
