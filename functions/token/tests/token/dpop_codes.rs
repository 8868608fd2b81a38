//! Codes for the holder of a key (RFC 9449 §10): named by `dpop_jkt`, or proved where a request is pushed or a password is asked for.

use gateway_authorize::AuthorizationEndpoint;
use support::ClientKey;

use crate::challenge;
use crate::dpop::{Keyed, NO_PROOF, TOKEN, bound_to};
use crate::fixture::{Fixture, ISSUER, NOTES, PASSWORD};
use crate::hosted::{Browser, NATIVE, VERIFIER, asking, redemption};
use crate::request::{Request, Response, post};

const PAR: &str = "/oauth2/par";
const PATH: &str = "/oauth2/challenge";
const REFUSED: (u64, &str) = (400, "invalid_grant");
const AGAIN: (u64, &str) = (400, "use_dpop_nonce");

/// Redeems a code that is for the key of this phone, which others cannot.
async fn redeem(phone: &Keyed<'_>, code: &str) {
    let fixture = phone.fixture;
    let request = redemption("native", code, &[]);
    let without = fixture.send(request.clone()).await;
    assert_eq!(without.refusal(), REFUSED);
    assert!(without.body["error_description"].as_str().unwrap().contains("key"), "{}", without.text);
    assert_eq!(Keyed::new(fixture).send(request.clone()).await.refusal(), REFUSED);
    let tokens = phone.send(request).await.tokens();
    assert_eq!(bound_to(&tokens.access), phone.key.thumbprint());
    assert_eq!(fixture.session(&tokens.access).await.holder, Some(phone.holder()));
    assert!(fixture.calls(&tokens.access).await);
}

/// Abuse case J8.
#[tokio::test]
async fn a_code_is_for_the_key_that_its_request_names() {
    let fixture = Fixture::new().await;
    let phone = Keyed::new(&fixture);
    let query = asking("native", NATIVE, NOTES, &[("dpop_jkt", &phone.key.thumbprint())]);
    let code = Browser::new(&fixture).logs_in(&query).await["code"].clone();
    redeem(&phone, &code).await;
    // The twin names none: whoever proves a key then has a session of it.
    let code = Browser::new(&fixture).logs_in(&asking("native", NATIVE, NOTES, &[])).await["code"].clone();
    let tokens = phone.send(redemption("native", &code, &[])).await.tokens();
    assert_eq!(fixture.session(&tokens.access).await.holder, Some(phone.holder()));
    for wrong in ["x", "a b", &"A".repeat(44)] {
        let query = asking("native", NATIVE, NOTES, &[("dpop_jkt", wrong)]);
        let refused = crate::hosted::redirected(&Browser::new(&fixture).get("/oauth2/authorize", &query).await);
        assert_eq!(refused["error"], "invalid_request", "{wrong}");
    }
}

/// A repetition of the attempt that has another key gets nothing, and ends nothing.
#[tokio::test]
async fn a_redemption_is_repeated_with_its_key_alone() {
    let fixture = Fixture::new().await;
    let (phone, other) = (Keyed::new(&fixture), Keyed::new(&fixture));
    let code = Browser::new(&fixture).logs_in(&asking("native", NATIVE, NOTES, &[])).await["code"].clone();
    let attempt = redemption("native", &code, &[]).header("Idempotency-Key", "one");
    let tokens = phone.send(attempt.clone()).await.tokens();
    assert_eq!(other.send(attempt.clone()).await.refusal(), REFUSED);
    assert_eq!(fixture.send(attempt.clone()).await.refusal(), REFUSED);
    assert_eq!(phone.send(attempt).await.tokens().refresh, tokens.refresh);
    assert!(fixture.calls(&tokens.access).await);
}

/// RFC 9449 §10.1.
#[tokio::test]
async fn a_pushed_request_is_of_the_key_that_it_proves() {
    let fixture = Fixture::new().await;
    let (phone, other) = (Keyed::new(&fixture), ClientKey::new());
    let push = |named: Option<&str>| {
        let named: Vec<_> = named.map(|jkt| ("dpop_jkt", jkt)).into_iter().collect();
        let parameters = asking("native", NATIVE, NOTES, &named);
        let fields: Vec<_> = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        post(PAR, &fields)
    };
    let jkt = phone.key.thumbprint();
    for named in [None, Some(jkt.as_str())] {
        fixture.wire.since_last();
        let proof = phone.proof(PAR).signed();
        let pushed = fixture.send(push(named).header("DPoP", &proof)).await;
        assert_eq!(fixture.wire.since_last(), ["GetItem Apps", "UpdateItem LoginAttempts"]);
        assert!(pushed.status == 201 && pushed.header("DPoP-Nonce").is_some(), "{}", pushed.text);
        assert_eq!(fixture.send(push(named).header("DPoP", &proof)).await.refusal(), AGAIN);
        let query = [("client_id", "native"), ("request_uri", pushed.body["request_uri"].as_str().unwrap())];
        let query = query.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let code = Browser::new(&fixture).logs_in(&query).await["code"].clone();
        redeem(&phone, &code).await;
    }
    let another = push(Some(&other.thumbprint())).header("DPoP", &phone.proof(PAR).signed());
    assert_eq!(fixture.send(another).await.refusal(), (400, "invalid_request"));
    let elsewhere = push(None).header("DPoP", &phone.proof(TOKEN).signed());
    assert_eq!(fixture.send(elsewhere).await.refusal(), NO_PROOF);
}

/// The app's end of the challenge endpoint.
struct App<'f> {
    fixture: &'f Fixture,
    endpoint: AuthorizationEndpoint,
}

const ALICE: [(&str, &str); 2] = [("username", "alice@example.com"), ("password", PASSWORD)];

impl<'f> App<'f> {
    fn of(fixture: &'f Fixture) -> Self {
        Self { fixture, endpoint: fixture.authorize() }
    }

    async fn send(&self, request: Request) -> Response {
        Response::of(&self.endpoint.handle(request.rest()).await)
    }

    async fn send_with(&self, key: &ClientKey, request: Request) -> Response {
        let proof = key.proof("POST", &format!("{ISSUER}{PATH}"), self.fixture.now().as_secs());
        self.send(request.header("DPoP", &proof.signed())).await
    }
}

fn goes_on(response: &Response, fields: &[(&str, &str)]) -> Request {
    let session = response.body["auth_session"].as_str().unwrap_or_else(|| panic!("{}", response.text));
    post(PATH, &[&[("auth_session", session)], fields].concat())
}

fn redeems(response: &Response) -> Request {
    let code = response.body["authorization_code"].as_str().unwrap_or_else(|| panic!("{}", response.text));
    let form = [("grant_type", "authorization_code"), ("client_id", "first"), ("code", code)];
    post(TOKEN, &[&form[..], &[("code_verifier", VERIFIER)]].concat())
}

/// Abuse case G16; checklist F-05, F-10, F-31 to F-33: an `auth_session` stays with its device, and so does the code.
#[tokio::test]
async fn an_auth_session_is_of_the_key_that_began_it() {
    let fixture = Fixture::new().await;
    let app = App::of(&fixture);
    let (phone, other) = (Keyed::new(&fixture), ClientKey::new());
    for named in [false, true] {
        let jkt = phone.key.thumbprint();
        let begun = if named {
            app.send(challenge::asking(&[("dpop_jkt", &jkt)])).await
        } else {
            app.send_with(&phone.key, challenge::asking(&[])).await
        };
        assert_eq!(begun.refusal(), (403, "insufficient_authorization"), "{}", begun.text);
        // With the right password, but not the key.
        assert_eq!(app.send(goes_on(&begun, &ALICE)).await.refusal(), NO_PROOF);
        assert_eq!(app.send_with(&other, goes_on(&begun, &ALICE)).await.refusal(), NO_PROOF);
        // Nor by a request that is whole: it is none of its own in that.
        let session = begun.body["auth_session"].as_str().unwrap();
        let whole = || challenge::asking(&[&ALICE[..], &[("auth_session", session)]].concat());
        assert_eq!(app.send(whole()).await.refusal(), NO_PROOF);
        assert_eq!(app.send_with(&other, whole()).await.refusal(), NO_PROOF);
        assert_eq!(phone.send(redeems(&app.send_with(&phone.key, whole()).await)).await.status, 200);
        let wrong = app.send_with(&phone.key, goes_on(&begun, &[ALICE[0], ("password", "wrong")])).await;
        assert_eq!(wrong.refusal(), (403, "insufficient_authorization"));
        assert_eq!(app.send(goes_on(&wrong, &ALICE)).await.refusal(), NO_PROOF, "the session of a later step as well");
        let given = app.send_with(&phone.key, goes_on(&wrong, &ALICE)).await;
        assert!(given.header("DPoP-Nonce").is_some());
        let request = redeems(&given);
        assert_eq!(fixture.send(request.clone()).await.refusal(), REFUSED);
        let tokens = phone.send(request).await.tokens();
        assert_eq!(fixture.session(&tokens.access).await.holder, Some(phone.holder()));
    }
    // The twin: without a key all goes on without one.
    let begun = app.send(challenge::asking(&[])).await;
    assert_eq!(begun.header("DPoP-Nonce"), None);
    let given = app.send(goes_on(&begun, &ALICE)).await;
    assert_eq!(fixture.send(redeems(&given)).await.status, 200);
}

/// Abuse case E13; checklist F-32: as at the token endpoint.
#[tokio::test]
async fn a_proof_of_another_time_or_that_was_used_is_answered_by_a_nonce_at_the_challenge_endpoint() {
    let fixture = Fixture::new().await;
    let app = App::of(&fixture);
    let phone = Keyed::new(&fixture);
    let proof = || phone.proof(PATH).with("iat", fixture.now().as_secs() - 3_600);
    let sends = async |proof: String| app.send(challenge::asking(&ALICE).header("DPoP", &proof)).await;
    let refused = sends(proof().signed()).await;
    assert_eq!(refused.refusal(), AGAIN);
    let good = proof().with_nonce(refused.header("DPoP-Nonce").unwrap()).signed();
    assert_eq!(sends(good.clone()).await.status, 200);
    assert_eq!(sends(good).await.refusal(), AGAIN);
    for wrong in [proof().with("htm", "GET"), phone.proof(TOKEN)] {
        let refused = sends(wrong.signed()).await;
        assert_eq!(refused.refusal(), NO_PROOF);
        assert!(refused.header("DPoP-Nonce").is_some());
    }
    let named = challenge::asking(&[&ALICE[..], &[("dpop_jkt", &ClientKey::new().thumbprint())]].concat());
    assert_eq!(app.send_with(&phone.key, named).await.refusal(), NO_PROOF, "the parameter names another key");
}
