//! Renewal in mid-life: the proxy asks for another internal token, and one is made, once.

use futures_util::future::join_all;
use gateway_domain::ids::ConnectorName;
use gateway_domain::renewal::RenewalRequest;
use gateway_renewal::Renewal;
use serde_json::{Value, json};

use crate::fixture::{Fixture, refresh, send};
use crate::renewing::Mood;

fn name(connector: &str) -> ConnectorName {
    ConnectorName::parse(connector).unwrap()
}

/// The proxy's request about the session of this access token.
async fn request(fixture: &Fixture, access: &str, connector: &str, version: u64) -> Value {
    let session = fixture.session(access).await.sid;
    RenewalRequest { session, connector: name(connector), version, request_id: None }.to_event()
}

async fn ask(renewal: &Renewal, event: &Value) -> String {
    gateway_renewal::handle(Ok(renewal), event.clone()).await.unwrap().as_str().expect("a word").to_owned()
}

#[tokio::test]
async fn a_refused_token_is_renewed_and_the_session_stays_what_it_is() {
    let fixture = Fixture::new().await;
    let first = fixture.login("pub1", "vault:read").await;
    let before = fixture.session(&first.access).await;
    let event = request(&fixture, &first.access, "vault-login", 1).await;
    assert_eq!(ask(&fixture.renewal(), &event).await, "renewed");
    let after = fixture.session(&first.access).await;
    assert_eq!((after.family, after.tokens[&name("vault-login")].version), (before.family, 2));
    assert_eq!(fixture.versions(&first.access).await, [2]);
    assert_eq!(ask(&fixture.renewal(), &event).await, "renewed", "it has been, since");
    assert_eq!(fixture.vault.renewals(), 1);
    fixture.refresh("pub1", &first.refresh).await.tokens();
}

/// Lease, renew, commit, across containers and beside refreshes.
#[tokio::test]
async fn of_many_that_ask_at_once_one_renews() {
    let fixture = Fixture::new().await;
    let first = fixture.login("pub1", "vault:read").await;
    let event = request(&fixture, &first.access, "vault-login", 1).await;
    let containers: Vec<_> = (0..4).map(|_| fixture.container()).collect();
    let renewals: Vec<_> = (0..4).map(|_| fixture.renewal()).collect();
    let asked = join_all((0..24).map(|at| ask(&renewals[at % 4], &event)));
    let refreshed = join_all((0..4).map(|at| send(&containers[at % 4], refresh("pub1", &first.refresh))));
    let (words, responses) = tokio::join!(asked, refreshed);
    assert_eq!(words, vec!["renewed"; 24]);
    let successor = responses[0].tokens();
    assert!(responses.iter().all(|response| response.tokens().refresh == successor.refresh));
    assert_eq!(fixture.vault.renewals(), 1);
    let session = fixture.session(&successor.access).await;
    assert_eq!((session.family.generation, session.tokens[&name("vault-login")].version), (2, 2));
}

/// What cannot be renewed without the password says so, and loses nothing.
#[tokio::test]
async fn what_only_a_login_can_replace_is_over() {
    let fixture = Fixture::new().await;
    let tokens = fixture.login("pub1", "orders:read vault:read").await;
    for (connector, version) in [("orders-login", 1), ("nowhere", 1)] {
        assert_eq!(ask(&fixture.renewal(), &request(&fixture, &tokens.access, connector, version).await).await, "over");
    }
    let event = request(&fixture, &tokens.access, "vault-login", 1).await;
    fixture.vault.is(Mood::Refuses);
    assert_eq!(ask(&fixture.renewal(), &event).await, "over");
    fixture.vault.is(Mood::Renews);
    assert_eq!(ask(&fixture.renewal(), &event).await, "over", "what was refused is gone");
    assert_eq!(fixture.session(&tokens.access).await.tokens.len(), 1);
    assert!(fixture.calls(&tokens.access).await, "the other API goes on");
}

#[tokio::test]
async fn a_back_end_that_is_down_is_asked_again_later() {
    let fixture = Fixture::new().await;
    let tokens = fixture.login("pub1", "vault:read").await;
    let event = request(&fixture, &tokens.access, "vault-login", 1).await;
    fixture.vault.is(Mood::IsDown);
    assert_eq!(ask(&fixture.renewal(), &event).await, "later");
    assert_eq!(ask(&fixture.renewal_without_store(), &event).await, "later");
    fixture.vault.is(Mood::Renews);
    assert_eq!(ask(&fixture.renewal(), &event).await, "renewed", "the lease was given back");
}

/// An ended session, a disabled user, another user's password: nothing is renewed for them.
#[tokio::test]
async fn nothing_is_renewed_for_who_may_not_go_on() {
    let fixture = Fixture::new().await;
    let tokens = fixture.login("pub1", "vault:read").await;
    let event = request(&fixture, &tokens.access, "vault-login", 1).await;
    let alice = gateway_domain::ids::UserId::parse("u_alice").unwrap();
    fixture.db.store.users.change_credentials(&alice, None, false).await.unwrap();
    assert_eq!(ask(&fixture.renewal(), &event).await, "over");
    fixture.db.store.sessions.end(&fixture.session(&tokens.access).await.sid).await.unwrap();
    assert_eq!(ask(&fixture.renewal(), &event).await, "over");
    assert_eq!(fixture.vault.renewals(), 0);
}

/// Only who may invoke the function can send such an event; what is no such event is none, however it tries to look like one.
#[tokio::test]
async fn an_event_of_api_gateway_renews_nothing() {
    let fixture = Fixture::new().await;
    let tokens = fixture.login("pub1", "vault:read").await;
    let event = request(&fixture, &tokens.access, "vault-login", 1).await;
    let mut rest = crate::request::post("/oauth2/token", &[]).body(event.to_string()).rest();
    rest["renew_internal_token"] = event["renew_internal_token"].clone();
    assert_eq!(fixture.app.handle(rest.clone()).await["statusCode"], 401);
    assert_eq!(ask(&fixture.renewal(), &rest).await, "later");
    assert_eq!(fixture.app.handle(event).await["statusCode"], 500, "the token function knows no such event");
    assert_eq!(ask(&fixture.renewal(), &json!({ "renew_internal_token": { "session": "x" } })).await, "later");
    let other = gateway_renewal::handle(Ok(&fixture.renewal()), json!({ "requestContext": {} })).await.unwrap_err();
    assert!(other.to_string().contains("no request"), "{other}");
    assert_eq!(fixture.vault.renewals(), 0);
}
