//! Proofs of possession (RFC 9449) at this function's endpoints: what is one, how often it is good, and what is bound by it.

use futures_util::future::join_all;
use gateway_domain::session::Holder;
use gateway_token::AuthorizationServer;
use serde_json::{Value, json};
use support::{ClientKey, Unsigned};

use crate::fixture::{Fixture, ISSUER, NOTES, PASSWORD, SECRET, login, send};
use crate::request::{Request, Response, decoded, post, request};

pub(crate) const TOKEN: &str = "/oauth2/token";
const AGAIN: (u64, &str) = (400, "use_dpop_nonce");
pub(crate) const NO_PROOF: (u64, &str) = (400, "invalid_dpop_proof");

/// A client with a key.
pub(crate) struct Keyed<'f> {
    pub(crate) fixture: &'f Fixture,
    pub(crate) key: ClientKey,
}

impl<'f> Keyed<'f> {
    pub(crate) fn new(fixture: &'f Fixture) -> Self {
        Self { fixture, key: ClientKey::new() }
    }

    /// A good proof for a `POST` there.
    pub(crate) fn proof(&self, path: &str) -> Unsigned<'_> {
        self.key.proof("POST", &format!("{ISSUER}{path}"), self.fixture.now().as_secs())
    }

    /// Sends a token request with a proof of its own.
    pub(crate) async fn send(&self, request: Request) -> Response {
        self.send_to(&self.fixture.app, request).await
    }

    pub(crate) async fn send_to(&self, container: &AuthorizationServer, request: Request) -> Response {
        send(container, request.header("DPoP", &self.proof(TOKEN).signed())).await
    }

    /// The name of the key, as sessions have it.
    pub(crate) fn holder(&self) -> Holder {
        Holder::from_begin(gateway_domain::holder_key::Thumbprint::parse(&self.key.thumbprint()).unwrap())
    }
}

/// What an access token says of its key.
pub(crate) fn bound_to(access: &str) -> Value {
    decoded(access).1["cnf"]["jkt"].clone()
}

fn itself() -> Request {
    post(TOKEN, &[("grant_type", "client_credentials"), ("scope", NOTES)])
}

fn login_of_conf1() -> Request {
    let form =
        [("grant_type", "password"), ("username", "alice@example.com"), ("password", PASSWORD), ("scope", NOTES)];
    post(TOKEN, &form).basic("conf1", SECRET)
}

/// Checklist S-04, D-11, D-12: the twin of each is the same request without a proof.
#[tokio::test]
async fn what_a_request_with_a_proof_gives_is_bound_to_its_key() {
    let fixture = Fixture::new().await;
    let phone = Keyed::new(&fixture);
    let response = phone.send(login("alice", "pub1", NOTES)).await;
    assert_eq!(response.body["token_type"], "DPoP");
    let bound = response.tokens();
    assert_eq!(bound_to(&bound.access), phone.key.thumbprint());
    assert_eq!(fixture.session(&bound.access).await.holder, Some(phone.holder()));
    let response = fixture.send(login("alice", "pub1", NOTES)).await;
    assert_eq!((&response.body["token_type"], bound_to(&response.tokens().access)), (&json!("Bearer"), Value::Null));
    assert_eq!(fixture.session(&response.tokens().access).await.holder, None);

    // The refresh tokens of a confidential client are bound to its authentication, whichever keys it has (RFC 9449 §5).
    let first = phone.send(login_of_conf1()).await.tokens();
    assert_eq!(
        (bound_to(&first.access), fixture.session(&first.access).await.holder),
        (json!(phone.key.thumbprint()), None)
    );
    let refresh =
        |token: &str| post(TOKEN, &[("grant_type", "refresh_token"), ("refresh_token", token)]).basic("conf1", SECRET);
    let other = Keyed::new(&fixture);
    let second = other.send(refresh(&first.refresh)).await.tokens();
    assert_eq!(bound_to(&second.access), other.key.thumbprint());
    let third = fixture.send(refresh(&second.refresh)).await;
    assert_eq!((third.status, &third.body["token_type"]), (200, &json!("Bearer")));
    let itself = phone.send(itself().basic("conf1", SECRET)).await;
    assert_eq!(
        (&itself.body["token_type"], bound_to(&itself.tokens().access)),
        (&json!("DPoP"), json!(phone.key.thumbprint()))
    );
}

/// Abuse case D14; checklist D-01, D-08: nothing else of such a request is believed, and the store is not asked.
#[tokio::test]
async fn what_is_no_proof_for_the_request_is_refused_before_anything_else() {
    let fixture = Fixture::new().await;
    let phone = Keyed::new(&fixture);
    fixture.wire.since_last();
    let good = phone.proof(TOKEN).signed();
    let proofs = [
        phone.proof(TOKEN).with("htm", "GET").signed(),
        phone.proof("/oauth2/par").signed(),
        phone.proof("/oauth2/token/").signed(),
        phone.proof(TOKEN).with("htu", format!("https://api.example.com{TOKEN}")).signed(),
        phone.proof(TOKEN).with("htu", "http://auth.example.com/oauth2/token").signed(),
        phone.proof(TOKEN).of_token("a.b.c").signed(),
        phone.proof(TOKEN).with("jti", "").signed(),
        phone.proof(TOKEN).with("jti", "x".repeat(256)).signed(),
        phone.proof(TOKEN).with("nonce", 5).signed(),
        phone.proof(TOKEN).with("iat", "now").signed(),
        format!("{good}A"),
        good[1..].to_owned(),
        "x".to_owned(),
        String::new(),
    ];
    for proof in &proofs {
        for request in [login("alice", "pub1", NOTES), login("alice", "nobody", NOTES)] {
            let response = fixture.send(request.header("DPoP", proof)).await;
            assert_eq!(response.refusal(), NO_PROOF, "{proof}");
            assert!(response.header("DPoP-Nonce").is_some(), "{proof}");
        }
    }
    let two = login("alice", "pub1", NOTES).header("DPoP", &good).another_header("DPoP", &phone.proof(TOKEN).signed());
    assert_eq!(fixture.send(two).await.refusal(), NO_PROOF);
    assert_eq!(fixture.wire.since_last(), [""; 0]);
    // The twins, in spellings that RFC 3986 §6.2 makes the same.
    let spelled = phone.proof(TOKEN).with("htu", "HTTPS://Auth.Example.com:443/oauth2/%74oken?a=b#c").signed();
    for proof in [&good, &spelled] {
        assert_eq!(fixture.send(login("alice", "pub1", NOTES).header("DPoP", proof)).await.status, 200, "{proof}");
    }
}

/// Abuse case E13; checklist D-09, D-10, D-16.
#[tokio::test]
async fn a_proof_of_another_time_or_that_was_used_is_answered_by_a_nonce() {
    let fixture = Fixture::new().await;
    let phone = Keyed::new(&fixture);
    let now = fixture.now().as_secs();
    let asks = async |proof: &Unsigned<'_>| {
        send(&fixture.container(), itself().basic("conf1", SECRET).header("DPoP", &proof.signed())).await
    };
    for iat in [now - 59, now, now + 30] {
        assert_eq!(asks(&phone.proof(TOKEN).with("iat", iat)).await.status, 200, "{}", iat - now);
    }
    for iat in [now - 86_400, now - 60, now + 31, now + 86_400] {
        let of_then = phone.proof(TOKEN).with("iat", iat);
        let refused = asks(&of_then).await;
        assert_eq!(refused.refusal(), AGAIN, "{}", iat - now);
        let repeated = of_then.with_nonce(refused.header("DPoP-Nonce").unwrap());
        assert_eq!(asks(&repeated).await.status, 200, "the clock of the phone is no matter");
        // A request that an HTTP stack repeats after a lost response, and one that somebody else has seen.
        let again = asks(&repeated).await;
        assert_eq!(again.refusal(), AGAIN);
        let fresh = phone.proof(TOKEN).with("iat", iat).with_nonce(again.header("DPoP-Nonce").unwrap());
        assert_eq!(asks(&fresh).await.status, 200);
    }
    let used = phone.proof(TOKEN);
    assert_eq!(asks(&used).await.status, 200);
    assert_eq!(asks(&used).await.refusal(), AGAIN, "in whichever container");
    // A nonce is good for five minutes, and of this gateway alone.
    let nonce = asks(&used).await.header("DPoP-Nonce").unwrap().to_owned();
    for made_up in ["x", "", &nonce[1..], &nonce.to_uppercase(), &"x".repeat(300)] {
        assert_eq!(asks(&phone.proof(TOKEN).with_nonce(made_up)).await.refusal(), AGAIN, "{made_up}");
    }
    fixture.clock.forward(299);
    assert_eq!(asks(&phone.proof(TOKEN).with_nonce(&nonce)).await.status, 200, "as often as there are proofs");
    fixture.clock.forward(1);
    assert_eq!(asks(&phone.proof(TOKEN).with_nonce(&nonce)).await.refusal(), AGAIN);
}

/// Abuse case E13: and of many at once one is served.
#[tokio::test]
async fn of_many_requests_with_one_proof_one_is_served() {
    let fixture = Fixture::new().await;
    let phone = Keyed::new(&fixture);
    let request = itself().basic("conf1", SECRET).header("DPoP", &phone.proof(TOKEN).signed());
    let containers: Vec<_> = (0..4).map(|_| fixture.container()).collect();
    let responses = join_all((0..20).map(|at| send(&containers[at % 4], request.clone()))).await;
    assert_eq!(responses.iter().filter(|response| response.status == 200).count(), 1);
    assert_eq!(responses.iter().filter(|response| response.refusal() == AGAIN).count(), 19);
}

/// RFC 9449 §8.2: so the next proof needs no round trip.
#[tokio::test]
async fn every_response_to_a_proof_has_a_nonce_for_the_next_one() {
    let fixture = Fixture::new().await;
    let phone = Keyed::new(&fixture);
    let wrong = crate::fixture::password_login("alice", "pub1", "wrong");
    for (request, status) in [
        (login("alice", "pub1", NOTES), 200),
        (wrong, 400),
        (login("alice", "nobody", NOTES), 401),
        (post(TOKEN, &[("grant_type", "none"), ("client_id", "pub1")]), 400),
        (login("alice", "pub1", "admin"), 400),
        (post(TOKEN, &[]).body("%"), 400),
    ] {
        assert_eq!(fixture.send(request.clone()).await.header("DPoP-Nonce"), None, "without a proof");
        let response = phone.send(request).await;
        assert_eq!(response.status, status, "{}", response.text);
        let nonce = response.header("DPoP-Nonce").unwrap();
        let next = phone.proof(TOKEN).with("iat", 5).with_nonce(nonce).signed();
        assert_eq!(fixture.send(itself().basic("conf1", SECRET).header("DPoP", &next)).await.status, 200);
    }
    // Where no proof is looked at there is none, and nothing of it is looked at.
    let token = phone.send(login("alice", "pub1", NOTES)).await.tokens().refresh;
    let revoked = post("/oauth2/revoke", &[("client_id", "pub1"), ("token", &token)]).header("DPoP", "x");
    let revoked = fixture.send(revoked).await;
    assert_eq!((revoked.status, revoked.header("DPoP-Nonce")), (200, None), "a logout needs no proof");
    assert_eq!(phone.send(crate::fixture::refresh("pub1", &token)).await.refusal(), (400, "invalid_grant"));
}

/// Checklist D-17, F-31.
#[tokio::test]
async fn an_app_that_has_to_prove_its_key_gets_nothing_without() {
    let fixture = Fixture::new().await;
    let phone = Keyed::new(&fixture);
    for (request, bound) in [
        (login("alice", "bound", NOTES), true),
        (login("alice", "bound-refresh", NOTES), false),
        (itself().basic("bound-conf", SECRET), true),
    ] {
        let without = fixture.send(request.clone()).await;
        assert_eq!(without.refusal(), NO_PROOF);
        assert!(without.body["error_description"].as_str().unwrap().contains("header DPoP"), "what to do");
        let with = phone.send(request).await;
        let kind = if bound { "DPoP" } else { "Bearer" };
        assert_eq!((with.status, &with.body["token_type"]), (200, &json!(kind)), "{}", with.text);
        assert_eq!(bound_to(&with.tokens().access).is_string(), bound);
    }
    // Callers who can have no proof go on with access tokens as they are; whoever has copied a refresh token does not.
    let tokens = phone.send(login("alice", "bound-refresh", NOTES)).await.tokens();
    assert_eq!(fixture.session(&tokens.access).await.holder, Some(phone.holder()));
    for app in ["bound", "bound-refresh"] {
        let tokens = phone.send(login("alice", app, NOTES)).await.tokens();
        assert_eq!(fixture.refresh(app, &tokens.refresh).await.refusal(), NO_PROOF, "{app}");
        let other = Keyed::new(&fixture).send(crate::fixture::refresh(app, &tokens.refresh)).await;
        assert_eq!(other.refusal(), (400, "invalid_grant"), "{app}");
        let refreshed = phone.send(crate::fixture::refresh(app, &tokens.refresh)).await;
        assert_eq!(bound_to(&refreshed.tokens().access).is_string(), app == "bound");
    }
}

/// A request for the claims of a user, with this token and these headers.
fn userinfo(method: &str, authorization: &str, proof: Option<&Unsigned<'_>>) -> Request {
    let asked = request(method, "/oauth2/userinfo").header("Authorization", authorization);
    match proof {
        Some(proof) => asked.header("DPoP", &proof.signed()),
        None => asked,
    }
}

/// Abuse cases D13, D14, D15; checklist D-08, D-11, D-14, D-15, D-16.
#[tokio::test]
async fn a_bound_token_is_told_nothing_without_its_proof() {
    let fixture = Fixture::new().await;
    let phone = Keyed::new(&fixture);
    let login_to_oidc = || login("alice", "oidc", "openid");
    let (token, other) =
        (phone.send(login_to_oidc()).await.tokens().access, phone.send(login_to_oidc()).await.tokens().access);
    let bound = format!("DPoP {token}");
    let proof = |method: &str| {
        let url = format!("{ISSUER}/oauth2/userinfo");
        phone.key.proof(method, &url, fixture.now().as_secs()).of_token(&token)
    };
    for method in ["GET", "HEAD", "POST"] {
        let once = proof(method);
        let asked = userinfo(method, &bound, Some(&once));
        let told = fixture.send(asked.clone()).await;
        assert_eq!((told.status, &told.body["sub"]), (200, &json!("u_alice")), "{method}");
        let again = send(&fixture.container(), asked).await;
        assert_eq!(again.refusal(), (401, "invalid_dpop_proof"), "{method}, in another container");
    }
    let nonce = phone.send(login_to_oidc()).await.header("DPoP-Nonce").unwrap().to_owned();
    for wrong in [
        proof("POST"),
        proof("GET").with("htu", format!("{ISSUER}{TOKEN}")),
        proof("GET").with("htu", "https://api.example.com/oauth2/userinfo"),
        proof("GET").of_token(&other),
        proof("GET").with("iat", fixture.now().as_secs() - 60),
        proof("GET").with("iat", 5).with_nonce(&nonce),
        Keyed::new(&fixture)
            .key
            .proof("GET", &format!("{ISSUER}/oauth2/userinfo"), fixture.now().as_secs())
            .of_token(&token),
    ] {
        let refused = fixture.send(userinfo("GET", &bound, Some(&wrong))).await;
        assert_eq!(refused.refusal(), (401, "invalid_dpop_proof"));
        let challenge = r#"DPoP realm="gateway", error="invalid_dpop_proof", algs="ES256""#;
        assert_eq!(refused.header("WWW-Authenticate"), Some(challenge));
    }
    assert_eq!(
        fixture.send(userinfo("GET", &bound, None)).await.refusal(),
        (401, "invalid_dpop_proof"),
        "no proof at all"
    );
    // Neither passes for the other.
    let bearer = format!("Bearer {token}");
    let unbound = fixture.login("oidc", "openid").await.access;
    let of_unbound = proof("GET").of_token(&unbound);
    for (mixed, scheme) in [
        (userinfo("GET", &bearer, None), "DPoP "),
        (userinfo("GET", &bearer, Some(&proof("GET"))), "DPoP "),
        (post("/oauth2/userinfo", &[("access_token", &token)]), "DPoP "),
        (userinfo("GET", &format!("DPoP {unbound}"), Some(&of_unbound)), "Bearer "),
    ] {
        let refused = fixture.send(mixed).await;
        assert_eq!(refused.refusal(), (401, "invalid_token"));
        assert!(refused.header("WWW-Authenticate").unwrap().starts_with(scheme), "{refused:?}");
    }
    assert_eq!(fixture.send(userinfo("GET", &format!("Bearer {unbound}"), None)).await.status, 200, "the twin");
}

/// RFC 9449 §6.2: whoever is shown the token by somebody else knows whose it is.
#[tokio::test]
async fn introspection_tells_the_key_of_a_bound_token() {
    let fixture = Fixture::new().await;
    let phone = Keyed::new(&fixture);
    let tokens = phone.send(login_of_conf1()).await.tokens();
    let asked = async |token: &str| {
        fixture.send(post("/oauth2/introspect", &[("token", token)]).basic("conf1", SECRET)).await.body
    };
    let told = asked(&tokens.access).await;
    assert_eq!((&told["active"], &told["token_type"]), (&json!(true), &json!("DPoP")));
    assert_eq!(told["cnf"], json!({ "jkt": phone.key.thumbprint() }));
    let refresh_token = asked(&tokens.refresh).await;
    assert_eq!((&refresh_token["active"], refresh_token.get("cnf")), (&json!(true), None));
    let unbound = asked(&fixture.send(login_of_conf1()).await.tokens().access).await;
    assert_eq!((&unbound["token_type"], unbound.get("cnf")), (&json!("Bearer"), None));
}

/// Checklist D-18.
#[tokio::test]
async fn the_metadata_say_which_proofs_are_taken() {
    let fixture = Fixture::new().await;
    let document = fixture.send(request("GET", "/.well-known/oauth-authorization-server")).await.body;
    assert_eq!(document["dpop_signing_alg_values_supported"], json!(["ES256"]));
}
