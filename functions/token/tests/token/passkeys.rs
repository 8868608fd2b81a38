//! What tests of passkeys share: a gateway that has them, people with authenticators, and the login form as its script sends it.

use gateway_authorize::AuthorizationEndpoint;
use gateway_domain::ids::UserId;
use gateway_domain::passkey::{Passkey, PasskeyChallenge, RANDOM};
use gateway_domain::sealing::{LetterKeys, SealingKeys};
use gateway_passkeys::{Owner, Registration, RelyingParty};
use gateway_store::AddPasskey;
use serde_json::{Value, json};
use support::Authenticator;

use crate::container::key_set;
use crate::fixture::{Fixture, ISSUER};
use crate::hosted::{Browser, form_token, native};
use crate::request::Response;

const PASSKEYS: &str = "passkeys: { relying_party: example.com }\n";

/// The configuration with passkeys.
pub(crate) fn with_passkeys(config: &str) -> String {
    config.replacen("devices:", &format!("{PASSKEYS}devices:"), 1)
}

/// A container of the authorize function that has passkeys.
pub(crate) fn endpoint(fixture: &Fixture) -> AuthorizationEndpoint {
    fixture.authorize_with(with_passkeys)
}

/// An authenticator without a passkey, at the gateway's pages.
pub(crate) fn authenticator() -> Authenticator {
    Authenticator::new(ISSUER)
}

/// A challenge for an enrolment of this user. Its key is that of logins as well, which other functions do not have.
pub(crate) fn enrolment(fixture: &Fixture, user: &UserId) -> PasskeyChallenge {
    let keys = LetterKeys::parse(&key_set("k1", 2)).unwrap();
    PasskeyChallenge::for_enrolment(&keys, (user, 1), [7; RANDOM], fixture.now()).unwrap()
}

/// A challenge for a login, given out with this text.
pub(crate) fn login_challenge(fixture: &Fixture, together_with: &str) -> PasskeyChallenge {
    let keys = SealingKeys::parse(&key_set("k1", 2)).unwrap();
    PasskeyChallenge::for_login(&keys, together_with, [9; RANDOM], fixture.now()).unwrap()
}

/// The challenge as options have it.
pub(crate) fn in_options(challenge: &PasskeyChallenge) -> Value {
    use base64::Engine as _;
    json!({ "challenge": base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(challenge.as_bytes()) })
}

/// Enrols a passkey of `u_<name>` in this authenticator.
pub(crate) async fn enrol(fixture: &Fixture, name: &str, authenticator: &mut Authenticator) -> Passkey {
    let party = RelyingParty::new("example.com", &[ISSUER], "Example").unwrap();
    let (id, address) = (UserId::parse(&format!("u_{name}")).unwrap(), format!("{name}@example.com"));
    let challenge = enrolment(fixture, &id);
    let options = party.creation_options(Owner { id: &id, address: &address }, [], &challenge).unwrap();
    let made = Registration::parse(&authenticator.create(&options).await).unwrap();
    let passkey = party.registered(&made, &challenge).unwrap().named("Phone".to_owned(), fixture.now());
    assert_eq!(fixture.db.store.users.add_passkey((&id, 1), &passkey).await, Ok(AddPasskey::Done));
    passkey
}

/// A person who is enrolled, and the authenticator.
pub(crate) async fn enrolled(fixture: &Fixture, name: &str) -> Authenticator {
    let mut authenticator = authenticator();
    enrol(fixture, name, &mut authenticator).await;
    authenticator
}

/// A response with another member in its `response`, or beside it.
pub(crate) fn changed(response: &str, pointer: &str, change: impl FnOnce(&str) -> String) -> String {
    let mut response: Value = serde_json::from_str(response).unwrap();
    let member = response.pointer_mut(pointer).unwrap();
    *member = change(member.as_str().unwrap()).into();
    response.to_string()
}

/// What the login page asks an authenticator; `None` if it asks none.
pub(crate) fn asked(page: &Response) -> Option<Value> {
    let (_, rest) = page.text.split_once("data-options=\"")?;
    let escaped = rest.split('"').next()?;
    Some(serde_json::from_str(&escaped.replace("&#34;", "\"").replace("&#38;", "&")).unwrap())
}

/// A page without what differs from one form to the next.
pub(crate) fn alike(page: &Response) -> String {
    let (before, rest) = page.text.split_once("data-options=\"").unwrap();
    let (_, after) = rest.split_once('"').unwrap();
    format!("{before}{after}").replace(&form_token(page), "")
}

/// A browser with the login form.
pub(crate) struct Open {
    pub(crate) browser: Browser,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) page: Response,
}

impl Open {
    /// The form of `native` for this scope, in a new browser.
    pub(crate) async fn new(fixture: &Fixture, scope: &str) -> Self {
        Self::of(Browser::at(endpoint(fixture)), native(scope)).await
    }

    pub(crate) async fn of(mut browser: Browser, query: Vec<(String, String)>) -> Self {
        let page = browser.get("/oauth2/authorize", &query).await;
        Self { browser, query, page }
    }

    pub(crate) fn options(&self) -> Value {
        asked(&self.page).unwrap_or_else(|| panic!("{}", self.page.text))
    }

    /// Sends a response of an authenticator as the script does.
    pub(crate) async fn sends(&mut self, response: &str) -> Response {
        let token = form_token(&self.page);
        let fields = [("form_token", token.as_str()), ("passkey", response)];
        self.browser.post("/oauth2/authorize", &self.query, &fields).await
    }

    /// Has the authenticator sign what the page asks, and sends that.
    pub(crate) async fn signs(&mut self, authenticator: &mut Authenticator) -> Response {
        let response = authenticator.get(&self.options()).await;
        self.sends(&response).await
    }
}

/// The status of a login by this authenticator in a new browser.
pub(crate) async fn logs_in(fixture: &Fixture, scope: &str, authenticator: &mut Authenticator) -> u64 {
    Open::new(fixture, scope).await.signs(authenticator).await.status
}
