//! Logins by passkeys, through the whole gateway: the demo has them for `localhost`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_domain::ids::UserId;
use gateway_domain::passkey::{PasskeyChallenge, RANDOM};
use gateway_domain::sealing::LetterKeys;
use gateway_domain::time::Timestamp;
use gateway_passkeys::{Owner, Registration, RelyingParty};
use gateway_store::AddPasskey;
use serde_json::json;
use support::{ADA, Authenticator, CATALOGUE, CHALLENGE, DEMO_APP, VERIFIER, Visitor};

use super::Gateway;

const PATH: &str = "/oauth2/challenge";

/// An authenticator with a passkey of this user, as the account pages would have enrolled it.
async fn enrolled(gateway: &Gateway, name: &str) -> (Authenticator, UserId) {
    let origin = gateway.stack.base_url().replace("127.0.0.1", "localhost");
    let user = gateway.store().users.by_email(name).await.expect("a read").expect("a user of the demo");
    let keys = json!({ "current": "k", "keys": { "k": STANDARD.encode([1; 32]) } });
    let keys = LetterKeys::parse(&keys.to_string()).expect("keys");
    let (owner, now) = ((&user.user_id, user.credential_epoch), Timestamp::from_secs(0));
    let challenge = PasskeyChallenge::for_enrolment(&keys, owner, [1; RANDOM], now).expect("a challenge");
    let party = RelyingParty::new("localhost", &[origin.as_str()], "Demo Shop").expect("a CPU for it");
    let options = party.creation_options(Owner { id: &user.user_id, address: name }, [], &challenge);
    let mut authenticator = Authenticator::new(&origin);
    let made = authenticator.create(&options.expect("options")).await;
    let made = Registration::parse(&made).expect("a response");
    let passkey = party.registered(&made, &challenge).expect("a passkey").named("Phone".to_owned(), now);
    assert_eq!(gateway.store().users.add_passkey(owner, &passkey).await, Ok(AddPasskey::Done));
    (authenticator, user.user_id)
}

/// Abuse case M2: in the real functions, with their roles.
#[tokio::test]
async fn a_passkey_logs_in_on_an_apps_own_screens_once() {
    let gateway = Gateway::start().await;
    let (mut ada, id) = enrolled(&gateway, ADA.name).await;
    let request = [
        ("response_type", "code"),
        ("client_id", DEMO_APP),
        ("scope", "orders:read"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let wanted = gateway.post_form(PATH, &request).await.json();
    assert_eq!(wanted["passkey"]["rpId"], "localhost", "{wanted}");
    let session = wanted["auth_session"].as_str().expect("a session");
    let response = ada.get(&wanted["passkey"]).await;
    let form = [("client_id", DEMO_APP), ("auth_session", session), ("passkey", response.as_str())];
    let given = gateway.post_form(PATH, &form).await;
    assert_eq!(given.status, 200, "{}", given.text());
    let code = given.json()["authorization_code"].as_str().expect("a code").to_owned();
    let redeemed = [
        ("grant_type", "authorization_code"),
        ("client_id", DEMO_APP),
        ("code", code.as_str()),
        ("code_verifier", VERIFIER),
    ];
    let tokens = gateway.post_form("/oauth2/token", &redeemed).await.tokens();
    assert_eq!(gateway.call("GET", CATALOGUE, &tokens.access).await.status, 200, "what needs no login behind it");
    let stored = gateway.store().users.passkeys(&id).await.expect("a read");
    assert!(stored[0].used_at.is_some(), "the function may note it");
    let again = gateway.post_form(PATH, &form).await.json();
    assert_eq!((&again["error"], &again["mistake"]), (&json!("insufficient_authorization"), &json!("wrong_passkey")));
}

#[tokio::test]
async fn the_login_page_asks_for_a_passkey_by_a_script_that_its_policy_names() {
    let gateway = Gateway::start().await;
    let page = Visitor::of(&gateway).get(&Visitor::asking(DEMO_APP, "orders:read", &[])).await;
    assert_eq!(page.status, 200, "{}", page.text());
    let text = page.text();
    let script = text.split_once("<script>").and_then(|(_, rest)| rest.split("</script>").next()).expect("a script");
    let hash = STANDARD.encode(gateway_domain::secret::sha256(script.as_bytes()));
    let policy = page.header("Content-Security-Policy").to_owned();
    assert!(policy.contains(&format!("script-src 'sha256-{hash}'")), "{policy}");
    assert!(
        text.contains("&#34;rpId&#34;:&#34;localhost&#34;") && text.contains("id=\"passkey-form\" hidden"),
        "{text}"
    );
}
