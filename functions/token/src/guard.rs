//! The guard before the password: every guess is reserved in the store before it is evaluated.
//!
//! Three counters: this account from this source, this account from sources that never logged in, this source over
//! all accounts. A source that has logged in is judged by the first alone, so strangers cannot lock the owner out.

use crate::error::Failure;
use crate::{App, Request};
use domain::guess::{ACCOUNT, Limit, PAIR, SOURCE};
use domain::ids::ClientId;
use domain::secret::sha256_hex;
use domain::time::Seconds;
use store::{Reservation, email_key};

/// A source that logged in stays known for this long.
const KNOWN: Seconds = Seconds::new(90 * 86_400);

/// A guess that may be evaluated.
pub(crate) struct Reserved {
    pair: String,
    source: String,
    /// Counted only for a source that is not known.
    account: Option<String>,
}

impl App {
    /// Reserves a guess under every counter that applies, or says how long to wait.
    pub(crate) async fn reserve_guess(
        &self,
        request: &Request<'_>,
        client: &ClientId,
        username: &str,
    ) -> Result<Reserved, Failure> {
        let account = sha256_hex(email_key(username).as_bytes());
        let source = network(request.api.source_ip.as_deref().unwrap_or("unknown"));
        let pair = format!("pair#{account}#{client}#{source}");
        let source = format!("source#{source}");
        let account = format!("account#{account}");
        let known = self.reserve(&pair, PAIR, request, &[]).await?;
        self.reserve(&source, SOURCE, request, &[&pair]).await?;
        if known {
            return Ok(Reserved { pair, source, account: None });
        }
        self.reserve(&account, ACCOUNT, request, &[&pair, &source]).await?;
        Ok(Reserved { pair, source, account: Some(account) })
    }

    /// The guess was right: failures of this account are forgotten and the source is known. The source's own count is
    /// only given back, or one good account would cover for guessing at others.
    pub(crate) async fn guessed_right(&self, request: &Request<'_>, reserved: &Reserved) -> Result<(), Failure> {
        let known_until = request.now.saturating_add(KNOWN);
        let (pair, source) = futures_util::join!(
            self.store.forget_guesses(&reserved.pair, known_until),
            self.store.return_guess(&reserved.source),
        );
        pair?;
        source?;
        if let Some(account) = &reserved.account {
            self.store.forget_guesses(account, request.now).await?;
        }
        Ok(())
    }

    async fn reserve(&self, key: &str, limit: Limit, request: &Request<'_>, before: &[&str]) -> Result<bool, Failure> {
        match self.store.reserve_guess(key, limit, request.now).await? {
            Reservation::Granted { known } => Ok(known),
            Reservation::Wait(length) => {
                // Nothing will be evaluated, so what was reserved on the way here is not a failure.
                for key in before {
                    self.store.return_guess(key).await?;
                }
                Err(Failure::TooManyAttempts(length))
            }
        }
    }
}

/// The network a caller comes from: an IPv4 address, or the /64 an IPv6 customer has.
pub(crate) fn network(address: &str) -> String {
    match address.parse() {
        Ok(std::net::IpAddr::V6(v6)) => match v6.segments() {
            [a, b, c, d, ..] => format!("{a:x}:{b:x}:{c:x}:{d:x}::/64"),
        },
        Ok(std::net::IpAddr::V4(v4)) => v4.to_string(),
        Err(_) => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn one_customer_is_one_source() {
        assert_eq!(super::network("2001:db8:1:2:3:4:5:6"), super::network("2001:db8:1:2:ffff::1"));
        assert_ne!(super::network("2001:db8:1:2::1"), super::network("2001:db8:1:3::1"));
        assert_eq!(super::network("192.0.2.1"), "192.0.2.1");
        assert_eq!(super::network("nonsense"), "unknown");
    }
}
