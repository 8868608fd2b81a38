//! What an ID token says that comes back as a hint. The token function verifies it, which alone has the keys. It is asked about
//! what can be an ID token alone, and only where the response depends on it: anybody can send such texts.

use crate::AuthorizationEndpoint;
use crate::error::Failure;
use gateway_domain::id_token_hint::{Hint, UnverifiedHint};
use gateway_domain::provider_event::HintRequest;
use std::time::Duration;

/// How long the token function may take, also where its container has to start.
const READ_WITHIN: Duration = Duration::from_secs(10);

impl AuthorizationEndpoint {
    /// The user, application and session of an ID token; `None` for a text that this server has not signed.
    pub(crate) async fn read_hint(&self, id_token: &str, issuer: &str) -> Result<Option<Hint>, Failure> {
        if UnverifiedHint::parse(id_token, issuer).is_err() {
            return Ok(None);
        }
        let asked = HintRequest { id_token: id_token.to_owned(), issuer: issuer.to_owned() };
        let answer = self.token.ask(&asked.to_event(), READ_WITHIN).await?;
        serde_json::from_value(answer).map_err(|_| Failure::OtherVersion)
    }
}
