//! Trade-in: the first refresh with a refresh token of another issuer gives our pair, once, whatever is lost on the way.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_domain::ids::{ClientId, IssuerName, UserId};
use gateway_domain::scope::Scope;
use gateway_store::Consent;
use serde_json::json;
use support::Manner;

use crate::dpop::Keyed;
use crate::fixture::{Fixture, NOTES, PASSWORD, SECRET, send};
use crate::old_issuer::{SERVER, SHOP, configured, old_issuer, trade};
use crate::request::{decoded, post};

const REFUSED: (u64, &str) = (400, "invalid_grant");
const LATER: (u64, &str) = (503, "temporarily_unavailable");

impl Fixture {
    /// The records of trade-ins.
    pub(crate) async fn trade_ins(&self) -> Vec<HashMap<String, AttributeValue>> {
        let scanned = self.db.client.scan().table_name(&self.db.tables.sessions).send().await.unwrap();
        let is_one = |item: &HashMap<String, AttributeValue>| item["sid"].as_s().unwrap().starts_with("trade-in#");
        scanned.items().iter().filter(|item| is_one(item)).cloned().collect()
    }

    /// Until when those are kept that have this attribute.
    pub(crate) async fn trade_ins_kept(&self, with: &str) -> Vec<i64> {
        let records = self.trade_ins().await;
        let with = records.iter().filter(|item| item.contains_key(with));
        with.map(|item| item["ttl"].as_n().unwrap().parse().unwrap()).collect()
    }
}

#[tokio::test]
async fn the_first_refresh_with_a_token_of_before_gives_our_pair() {
    let mut fixture = Fixture::new().await;
    let issuer = old_issuer(&mut fixture).await;
    let old = issuer.issue("u_alice");
    let response = fixture.send(trade("pub1", &old).header("User-Agent", "Shop/1 (iPhone)")).await;
    let tokens = response.tokens();
    assert_eq!(response.header("Cache-Control"), Some("no-store"));
    let asked = issuer.asked();
    let sent = [("client_id", SHOP), ("grant_type", "refresh_token"), ("refresh_token", old.as_str())];
    assert_eq!(asked, [sent.map(|(name, value)| (name.to_owned(), value.to_owned())).into()], "once, as its client");

    let session = fixture.session(&tokens.access).await;
    assert_eq!((session.user_id.as_str(), session.client_id.as_str()), ("u_alice", "pub1"));
    assert_eq!((session.auth_time, session.holder, session.family.generation), (None, None, 1));
    assert_eq!(session.origin.device.as_deref(), Some("iPhone"));
    assert!(fixture.calls(&tokens.access).await);
    let next = fixture.refresh("pub1", &tokens.refresh).await.tokens();
    assert!(fixture.calls(&next.access).await, "from now on it is a session as any other");
    assert_eq!(issuer.asked().len(), 1);
}

#[tokio::test]
async fn the_scope_is_what_is_asked_of_that_of_the_app() {
    let mut fixture = Fixture::new().await;
    let issuer = old_issuer(&mut fixture).await;
    let narrow = |token: &str, scope: &str| {
        let form = [("grant_type", "refresh_token"), ("client_id", "pub1"), ("refresh_token", token), ("scope", scope)];
        post("/oauth2/token", &form)
    };
    let old = issuer.issue("u_alice");
    assert_eq!(fixture.send(narrow(&old, "notes:read admin")).await.refusal(), (400, "invalid_scope"));
    let response = fixture.send(narrow(&old, NOTES)).await;
    assert_eq!(response.body["scope"], NOTES);
    assert_eq!(fixture.session(&response.tokens().access).await.scope, Scope::parse(NOTES).unwrap());
    assert_eq!(issuer.asked().len(), 1, "what was answered before the scope was refused is kept");
    let all = fixture.send(trade("pub1", &issuer.issue("u_alice"))).await;
    assert!(all.body["scope"].as_str().unwrap().contains("vault:read"), "{}", all.text);
}

/// What a session without a password cannot do, it does after a login into it.
#[tokio::test]
async fn a_session_without_a_password_lives_and_a_login_completes_it() {
    let mut fixture = Fixture::new().await;
    let issuer = old_issuer(&mut fixture).await;
    let tokens = fixture.send(trade("strict", &issuer.issue("u_alice"))).await.tokens();
    let session = fixture.session(&tokens.access).await;
    assert!(session.tokens.is_empty() && session.scope.contains("vault:read"));
    let (_, claims) = decoded(&tokens.access);
    assert_eq!(claims["exp"].as_i64().unwrap(), fixture.now().as_secs() + 600, "it is of use without them");
    fixture.clock.forward(1_500);
    let next = fixture.refresh("strict", &tokens.refresh).await.tokens();
    let form = [
        ("grant_type", "password"),
        ("client_id", "strict"),
        ("username", "alice@example.com"),
        ("password", PASSWORD),
        ("refresh_token", &next.refresh),
    ];
    let complete = fixture.send(post("/oauth2/token", &form)).await.tokens();
    let completed = fixture.session(&complete.access).await;
    assert_eq!((completed.sid, completed.tokens.len()), (session.sid, 2));
    assert_eq!(completed.auth_time, Some(fixture.now()));
}

/// Nobody has logged in: an ID token must not say so.
#[tokio::test]
async fn an_id_token_of_such_a_session_tells_of_no_login() {
    let mut fixture = Fixture::new().await;
    let issuer = old_issuer(&mut fixture).await;
    let response = fixture.send(trade("oidc", &issuer.issue("u_alice"))).await;
    let (_, claims) = decoded(response.body["id_token"].as_str().unwrap());
    assert_eq!((&claims["sub"], claims.get("auth_time")), (&json!("u_alice"), None));
}

/// Abuse case N6: the twin of a thief is the phone that lost the response.
#[tokio::test]
async fn a_lost_response_is_served_again_and_the_issuer_is_not_asked() {
    let mut fixture = Fixture::new().await;
    let issuer = old_issuer(&mut fixture).await;
    let old = issuer.issue("u_alice");
    let first = fixture.send(trade("pub1", &old)).await.tokens();
    fixture.clock.forward(299);
    let again = send(&fixture.container(), trade("pub1", &old)).await.tokens();
    assert_eq!(again.refresh, first.refresh);
    assert!(fixture.calls(&again.access).await);

    let old = issuer.issue("u_bob");
    let attempt = |token: &str| trade("pub1", token).header("Idempotency-Key", "attempt-1");
    let first = fixture.send(attempt(&old)).await.tokens();
    fixture.clock.forward(80_000);
    assert_eq!(fixture.send(attempt(&old)).await.tokens().refresh, first.refresh, "by its own id at any time");
    assert_eq!(issuer.asked().len(), 2);
}

#[tokio::test]
async fn a_session_is_bound_to_the_key_that_is_proved() {
    let mut fixture = Fixture::new().await;
    let issuer = old_issuer(&mut fixture).await;
    let phone = Keyed::new(&fixture);
    let old = issuer.issue("u_alice");
    assert_eq!(fixture.send(trade("bound", &old)).await.refusal(), (400, "invalid_dpop_proof"));
    assert!(issuer.asked().is_empty(), "nothing is asked without a proof that is needed");
    let first = phone.send(trade("bound", &old)).await.tokens();
    assert_eq!(fixture.session(&first.access).await.holder, Some(phone.holder()));
    fixture.clock.forward(50_000);
    let again = phone.send(trade("bound", &old)).await.tokens();
    assert_eq!(again.refresh, first.refresh, "whoever has the key repeats at any time");
    assert_eq!(Keyed::new(&fixture).send(trade("bound", &old)).await.refusal(), REFUSED, "and nobody else");
}

#[tokio::test]
async fn users_are_found_by_their_links() {
    let mut fixture = Fixture::new().await;
    let issuer = configured(&mut fixture, "links", "").await;
    let (name, users) = (IssuerName::parse("old").unwrap(), &fixture.db.store.users);
    let [alice, bob] = ["u_alice", "u_bob"].map(|id| UserId::parse(id).unwrap());
    for _ in 0..2 {
        assert_eq!(users.link_to_issuer(&alice, &name, "f:1:alice").await, Ok(true), "also again");
    }
    assert_eq!(users.link_to_issuer(&bob, &name, "f:1:alice").await, Ok(false), "a subject is one person's");
    assert_eq!(users.link_to_issuer(&alice, &name, "f:1:other").await, Ok(false), "and a person one subject");
    let gone = UserId::parse("u_nobody").unwrap();
    assert_eq!(users.link_to_issuer(&gone, &name, "f:1:nobody").await, Ok(false));
    let tokens = fixture.send(trade("pub1", &issuer.issue("f:1:alice"))).await.tokens();
    assert_eq!(fixture.session(&tokens.access).await.user_id, alice);
    assert_eq!(fixture.send(trade("pub1", &issuer.issue("u_alice"))).await.refusal(), REFUSED, "an id is no link");
    // Whoever is linked otherwise since is not found by the claim of before.
    users.set_link(&alice, &name.as_link(), Some("f:1:changed")).await.unwrap();
    assert_eq!(fixture.send(trade("pub1", &issuer.issue("f:1:alice"))).await.refusal(), REFUSED);
    assert_eq!(users.link_to_issuer(&bob, &name, "f:1:alice").await, Ok(true), "then it is free");
}

#[tokio::test]
async fn an_issuer_without_id_tokens_is_asked_whose_its_access_token_is() {
    let mut fixture = Fixture::new().await;
    let issuer = configured(&mut fixture, "subject", "subject: introspection,").await;
    let form = |token: &str| {
        post("/oauth2/token", &[("grant_type", "refresh_token"), ("refresh_token", token)]).basic("conf1", SECRET)
    };
    issuer.behaves(Manner::NoIdToken);
    let tokens = fixture.send(form(&issuer.issue("u_alice"))).await.tokens();
    assert_eq!(fixture.session(&tokens.access).await.user_id.as_str(), "u_alice");
    let sent = issuer.basic().pop().unwrap();
    let credentials = STANDARD.decode(sent.strip_prefix("Basic ").unwrap()).unwrap();
    assert_eq!(credentials, format!("{}:a%2Bb%25%3A%C3%A9", SERVER.0).as_bytes());
    for (told, refused) in [
        (json!({ "active": true, "client_id": "other", "sub": "u_alice" }), REFUSED),
        (json!({ "active": true, "client_id": SERVER.0, "sub": "" }), REFUSED),
        // What it does not tell, or tells otherwise than it is configured here, is nothing that the phone could do better.
        (json!({ "active": true, "sub": "u_alice" }), LATER),
        (json!({ "active": true, "client_id": SERVER.0, "username": "alice@example.com" }), LATER),
        (json!({ "active": true, "client_id": SERVER.0, "sub": "u_alice", "iss": "https://x.example" }), LATER),
        (json!({ "active": false }), LATER),
        (json!({ "sub": "u_alice", "client_id": SERVER.0 }), LATER),
    ] {
        issuer.behaves(Manner::Tells(told.clone()));
        assert_eq!(fixture.send(form(&issuer.issue("u_alice"))).await.refusal(), refused, "{told}");
    }
}

/// What the issuer has answered is kept before anything else is asked.
#[tokio::test]
async fn what_was_answered_is_not_asked_again() {
    let mut fixture = Fixture::new().await;
    let issuer = old_issuer(&mut fixture).await;
    let old = issuer.issue("u_alice");
    issuer.behaves(Manner::NoKeys);
    let response = fixture.send(trade("pub1", &old)).await;
    assert_eq!((response.refusal(), response.header("Retry-After")), (LATER, Some("5")));
    issuer.behaves(Manner::Right);
    assert_eq!(fixture.send(trade("pub1", &old)).await.status, 200);
    assert_eq!((issuer.asked().len(), issuer.keys_read()), (1, 2), "its token was spent, and nobody is logged out");
    fixture.send(trade("pub1", &issuer.issue("u_alice"))).await.tokens();
    assert_eq!(issuer.keys_read(), 2, "keys are kept");
}

/// An ID token that has run out meanwhile tells nothing: the newest refresh token of the issuer gets another one.
#[tokio::test]
async fn an_answer_that_became_too_old_is_asked_again_with_the_newest_token() {
    let mut fixture = Fixture::new().await;
    let issuer = old_issuer(&mut fixture).await;
    let old = issuer.issue("u_carol");
    let unknown = fixture.send(trade("pub1", &old)).await;
    assert_eq!(unknown.refusal(), REFUSED);
    assert!(unknown.body["error_description"].as_str().unwrap().contains("import"), "{}", unknown.text);
    fixture.add_user("carol").await;
    fixture.clock.forward(1_000);
    issuer.is_at(fixture.now().as_secs());
    let tokens = fixture.send(trade("pub1", &old)).await.tokens();
    assert_eq!(fixture.session(&tokens.access).await.user_id.as_str(), "u_carol");
    let asked: Vec<_> = issuer.asked().into_iter().map(|mut form| form.remove("refresh_token").unwrap()).collect();
    assert_eq!(asked, [old, "old-refresh-token-2".to_owned()]);
}

/// RFC 6749 §6: without a new refresh token the one that it was asked with stays, which is not the one that the phone has.
#[tokio::test]
async fn the_newest_token_is_not_forgotten_by_an_answer_without_one() {
    let mut fixture = Fixture::new().await;
    let issuer = old_issuer(&mut fixture).await;
    let old = issuer.issue("u_carol");
    for manner in [Manner::Right, Manner::NoRefreshToken] {
        issuer.behaves(manner);
        assert_eq!(fixture.send(trade("pub1", &old)).await.refusal(), REFUSED, "she is not here");
        fixture.clock.forward(1_000);
        issuer.is_at(fixture.now().as_secs());
    }
    fixture.add_user("carol").await;
    issuer.behaves(Manner::Right);
    assert_eq!(fixture.send(trade("pub1", &old)).await.status, 200);
    let asked: Vec<_> = issuer.asked().into_iter().map(|mut form| form.remove("refresh_token").unwrap()).collect();
    let newest = "old-refresh-token-2".to_owned();
    assert_eq!(asked, [old, newest.clone(), newest]);
}

/// The issuer has taken the token: what is wrong with its answer, there or in the configuration here, logs nobody out.
#[tokio::test]
async fn an_answer_that_cannot_be_verified_is_for_whoever_configures() {
    let mut fixture = Fixture::new().await;
    let issuer = old_issuer(&mut fixture).await;
    let slash = format!("{}/", issuer.address());
    for manner in [
        Manner::Claims(json!({ "iss": slash })),
        Manner::Claims(json!({ "exp": 1 })),
        Manner::Claims(json!({ "iat": fixture.now().as_secs() + 1_000 })),
        Manner::Header(json!({ "alg": "HS256", "kid": "one" })),
        Manner::Header(json!({ "alg": "ES256", "kid": "other" })),
        Manner::Forged,
    ] {
        let (old, before) = (issuer.issue("u_alice"), issuer.asked().len());
        issuer.behaves(manner.clone());
        let response = fixture.send(trade("pub1", &old)).await;
        assert_eq!((response.refusal(), response.header("Retry-After")), (LATER, Some("60")), "{manner:?}");
        assert!(response.body["error_description"].as_str().unwrap().contains("keep the token"), "{}", response.text);
        issuer.behaves(Manner::Right);
        assert_eq!(fixture.send(trade("pub1", &old)).await.status, 200, "{manner:?}: once it is mended");
        assert_eq!(issuer.asked().len(), before + 2, "{manner:?}: by the refresh token that came with it");
    }
}

/// The key that sealed an answer was revoked: it is as if the issuer had not answered.
#[tokio::test]
async fn an_answer_that_does_not_open_is_asked_for_again() {
    let mut fixture = Fixture::new().await;
    let issuer = old_issuer(&mut fixture).await;
    for (rotates, again) in [(true, 400), (false, 200)] {
        if !rotates {
            issuer.keeps_tokens();
        }
        let old = issuer.issue("u_alice");
        issuer.behaves(Manner::NoIdToken);
        assert_eq!(fixture.send(trade("pub1", &old)).await.refusal(), LATER);
        let kept = fixture.trade_ins().await.into_iter().find(|item| item.contains_key("answer")).unwrap();
        let (client, sessions) = (&fixture.db.client, &fixture.db.tables.sessions);
        let sealed = AttributeValue::S("gone.AAAA".to_owned());
        let update = client.update_item().table_name(sessions).key("sid", kept["sid"].clone());
        let update = update.update_expression("SET answer = :sealed").expression_attribute_values(":sealed", sealed);
        update.send().await.unwrap();
        issuer.behaves(Manner::Right);
        let asked = issuer.asked().len();
        assert_eq!(fixture.send(trade("pub1", &old)).await.status, again, "rotation: {rotates}");
        assert_eq!(issuer.asked()[asked..].iter().map(|form| &form["refresh_token"]).collect::<Vec<_>>(), [&old]);
        client.delete_item().table_name(sessions).key("sid", kept["sid"].clone()).send().await.unwrap();
    }
}

#[tokio::test]
async fn an_issuer_that_is_down_or_wrong_leaves_the_token_to_the_app() {
    let mut fixture = Fixture::new().await;
    let issuer = old_issuer(&mut fixture).await;
    let says = |status, body: &str| Manner::Says(status, body.to_owned());
    let old = issuer.issue("u_alice");
    for (manner, retry) in [
        (says(500, ""), "5"),
        (says(503, r#"{"error":"invalid_grant"}"#), "5"),
        (says(429, ""), "5"),
        (Manner::Stalls, "5"),
        (says(401, r#"{"error":"invalid_client"}"#), "60"),
        (says(302, ""), "60"),
        (says(404, "<html>"), "60"),
        (says(200, "<html>"), "60"),
        (says(200, r#"["a"]"#), "60"),
        (says(200, &format!(r#"{{"access_token":"{}"}}"#, "x".repeat(70_000))), "60"),
    ] {
        issuer.behaves(manner.clone());
        let response = fixture.send(trade("pub1", &old)).await;
        assert_eq!((response.refusal(), response.header("Retry-After")), (LATER, Some(retry)), "{manner:?}");
        assert!(response.body["error_description"].as_str().unwrap().contains("keep the token"), "what to do");
    }
    issuer.behaves(Manner::Right);
    assert_eq!(fixture.send(trade("pub1", &old)).await.status, 200, "when it answers again");
    // Some issuers refuse with another status than RFC 6749 has.
    issuer.behaves(says(403, r#"{"error":"invalid_grant","error_description":"secret text"}"#));
    let refused = fixture.send(trade("pub1", &issuer.issue("u_alice"))).await;
    assert_eq!(refused.refusal(), REFUSED);
    assert!(!refused.text.contains("secret text"));
}

/// An issuer that calls a token that it does not know a malformed request, as the configuration says of it.
#[tokio::test]
async fn an_issuer_refuses_by_what_is_configured() {
    let mut fixture = Fixture::new().await;
    let both = configured(&mut fixture, "subject", "refused_by: [invalid_grant, invalid_request],").await;
    let says = |error: &str| Manner::Says(400, json!({ "error": error }).to_string());
    for error in ["invalid_grant", "invalid_request"] {
        both.behaves(says(error));
        assert_eq!(fixture.send(trade("pub1", &both.issue("u_alice"))).await.refusal(), REFUSED, "{error}");
    }
    both.behaves(says("invalid_client"));
    assert_eq!(fixture.send(trade("pub1", &both.issue("u_alice"))).await.refusal(), LATER, "it is of the gateway");
    let mut fixture = Fixture::new().await;
    let one = configured(&mut fixture, "subject", "refused_by: [invalid_request],").await;
    for (error, refused) in [("invalid_grant", LATER), ("invalid_request", REFUSED)] {
        one.behaves(says(error));
        assert_eq!(fixture.send(trade("pub1", &one.issue("u_alice"))).await.refusal(), refused, "{error}");
    }
}

/// An issuer that answers without what tells the user is configured wrongly; once it is right, the same token is traded in.
#[tokio::test]
async fn an_answer_without_an_id_token_is_for_whoever_configures() {
    let mut fixture = Fixture::new().await;
    let issuer = old_issuer(&mut fixture).await;
    let old = issuer.issue("u_alice");
    issuer.behaves(Manner::NoIdToken);
    let response = fixture.send(trade("pub1", &old)).await;
    assert_eq!((response.refusal(), response.header("Retry-After")), (LATER, Some("60")));
    issuer.behaves(Manner::Right);
    assert_eq!(fixture.send(trade("pub1", &old)).await.status, 200, "by the refresh token that came with it");
    assert_eq!(issuer.asked().len(), 2);
}

/// Abuse case I2: neither what is asked with nor what is answered is in a table.
#[tokio::test]
async fn the_tables_hold_no_token_of_the_issuer() {
    let mut fixture = Fixture::new().await;
    let issuer = old_issuer(&mut fixture).await;
    issuer.behaves(Manner::NoKeys);
    fixture.send(trade("pub1", &issuer.issue("u_alice"))).await;
    let kept = fixture.dump().await;
    assert!(kept.contains("trade-in#") && kept.contains("answer"), "what was answered is kept: {kept}");
    issuer.behaves(Manner::Right);
    fixture.send(trade("pub1", &issuer.issue("u_bob"))).await.tokens();
    let traded = fixture.dump().await;
    assert!(traded.contains("traded"), "{traded}");
    for text in ["old-refresh-token", "old-access-token"] {
        assert!(!kept.contains(text) && !traded.contains(text), "{text}");
    }
}

/// A third party's users have consented to it, or are asked.
#[tokio::test]
async fn a_third_party_trades_in_what_was_consented_to() {
    let mut fixture = Fixture::new().await;
    let issuer = old_issuer(&mut fixture).await;
    let old = issuer.issue("u_alice");
    let refused = fixture.send(trade("pubx", &old)).await;
    assert_eq!(refused.refusal(), REFUSED);
    assert!(refused.body["error_description"].as_str().unwrap().contains("consent"), "{}", refused.text);
    let (user_id, client_id) = (UserId::parse("u_alice").unwrap(), ClientId::parse("pubx").unwrap());
    let scope = fixture.db.store.apps.get(&client_id).await.unwrap().unwrap().scope;
    let consent = Consent { user_id, client_id, scope, given_at: fixture.now() };
    assert_eq!(fixture.db.store.consents.give(&consent, &fixture.db.store.users, 1).await, Ok(true));
    assert_eq!(fixture.send(trade("pubx", &old)).await.status, 200);
    assert_eq!(issuer.asked().len(), 1);
}

/// The exact price: what is once in the life of a phone may cost more than a refresh.
#[tokio::test]
async fn a_trade_in_costs_what_it_should() {
    const SESSION: &str = "GetItem Sessions";
    const RECORD: &str = "UpdateItem Sessions";
    let mut fixture = Fixture::new().await;
    let issuer = old_issuer(&mut fixture).await;
    let old = issuer.issue("u_alice");
    fixture.wire.since_last();
    fixture.send(trade("pub1", &old)).await.tokens();
    let (look, count) = ("GetItem LoginAttempts", "UpdateItem LoginAttempts");
    let asking = ["GetItem Apps", SESSION, look, count, RECORD, RECORD, count];
    let begin = ["GetItem Users", RECORD, "PutItem Sessions", SESSION];
    let live = ["UpdateItem Activity", "GetItem Users", SESSION];
    assert_eq!(fixture.wire.since_last(), [&asking[..], &begin, &live].concat());
    fixture.send(trade("pub1", &old)).await.tokens();
    assert_eq!(fixture.wire.since_last(), [&["GetItem Apps", SESSION, SESSION][..], &live].concat(), "a repetition");
    fixture.send(trade("pub1", "nothing of anybody")).await;
    let refused = [&asking[..5], &[RECORD]].concat();
    assert_eq!(fixture.wire.since_last(), refused, "a text that the issuer refuses");
}
