//! People of a running gateway who have passkeys, without the pages on which they enrol them.

use gateway_domain::clock::Clock as _;
pub use gateway_domain::id_token::ACR as BY_PASSWORD;
use gateway_domain::passkey::{PasskeyChallenge, RANDOM};
use gateway_domain::sealing::LetterKeys;
use gateway_passkeys::{Owner, Registration, RelyingParty};
use gateway_runtime::SystemClock;
use gateway_store::AddPasskey;
use serde_json::Value as Json;

use crate::{Authenticator, CHALLENGE, Client, DEMO_APP, Gateway, Response, VERIFIER};

/// The domain of this machine, as authenticators know it.
const DOMAIN: &str = "localhost";
/// A key of this test alone: a gateway that looks at the challenge of an enrolment has its own.
const KEY: &str = r#"{"current":"k1","keys":{"k1":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}}"#;

impl Gateway {
    /// An authenticator with a passkey of the user with this address, who uses it at this gateway.
    pub async fn enrolled(&self, address: &str) -> Authenticator {
        let users = self.store().users;
        let user = users.by_email(address).await.expect("a read").expect("a user");
        let origin = self.stack.base_url().replace("127.0.0.1", DOMAIN);
        let party = RelyingParty::new(DOMAIN, &[origin.as_str()], "Demo").expect("a processor that is known");
        let (whose, now) = ((&user.user_id, user.credential_epoch), SystemClock.now());
        let keys = LetterKeys::parse(KEY).expect("a key");
        let challenge = PasskeyChallenge::for_enrolment(&keys, whose, [7; RANDOM], now).expect("a challenge");
        let owner = Owner { id: &user.user_id, address };
        let options = party.creation_options(owner, [], &challenge).expect("options");
        let mut authenticator = Authenticator::new(&origin);
        let made = Registration::parse(&authenticator.create(&options).await).expect("a registration");
        let passkey = party.registered(&made, &challenge).expect("a passkey").named("Phone".to_owned(), now);
        assert_eq!(users.add_passkey(whose, &passkey).await, Ok(AddPasskey::Done));
        authenticator
    }
}

impl Client {
    /// What an app is told that begins a login on its own screens.
    pub async fn asks_to_log_in(&self, scope: &str, more: &[(&str, &str)]) -> Response {
        let request = [
            ("client_id", DEMO_APP),
            ("response_type", "code"),
            ("scope", scope),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        self.post_form("/oauth2/challenge", &[&request[..], more].concat()).await
    }

    /// The same when it goes on with the person's passkey.
    pub async fn shows_passkey(&self, wanted: &Response, authenticator: &mut Authenticator) -> Response {
        let wanted: Json = wanted.json();
        let response = authenticator.get(&wanted["passkey"]).await;
        let session = wanted["auth_session"].as_str().expect("a session");
        self.post_form("/oauth2/challenge", &[("auth_session", session), ("passkey", &response)]).await
    }

    /// What the code in a response of the challenge endpoint is redeemed for.
    pub async fn redeems(&self, response: &Response) -> Response {
        assert_eq!(response.status, 200, "{}", response.text());
        let code = response.json()["authorization_code"].as_str().expect("a code").to_owned();
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", DEMO_APP),
            ("code", &code),
            ("code_verifier", VERIFIER),
        ];
        self.post_form("/oauth2/token", &form).await
    }
}
