//! The challenge endpoint: apps of the company log users in on their own screens.

use gateway_authorize::AuthorizationEndpoint;
use gateway_domain::ids::ClientId;
use gateway_domain::password::MAX_BYTES;
use gateway_store::GrantType;
use serde_json::json;

use crate::fixture::{Fixture, NOTES, PASSWORD, password_login};
use crate::hosted::{Browser, CHALLENGE, NATIVE, VERIFIER, native};
use crate::login_attempts::guessed_together;
use crate::request::{Request, Response, decoded, post, request};

pub(crate) const PATH: &str = "/oauth2/challenge";

/// The app's end of the endpoint.
pub(crate) struct App(pub(crate) AuthorizationEndpoint);

impl App {
    pub(crate) fn of(fixture: &Fixture) -> Self {
        Self(fixture.authorize())
    }

    pub(crate) async fn send(&self, request: Request) -> Response {
        Response::of(&self.0.handle(request.rest()).await)
    }

    /// Sends the right request of `first`, but for these.
    pub(crate) async fn asks(&self, changes: &[(&str, &str)]) -> Response {
        self.send(asking(changes)).await
    }

    /// Goes on with what the response before had.
    pub(crate) async fn goes_on(&self, before: &Response, fields: &[(&str, &str)]) -> Response {
        let session = before.body["auth_session"].as_str().unwrap();
        self.send(post(PATH, &[&[("auth_session", session), ("client_id", "first")], fields].concat())).await
    }
}

/// The right request of `first`, but for these.
pub(crate) fn asking(changes: &[(&str, &str)]) -> Request {
    let right = [
        ("client_id", "first"),
        ("response_type", "code"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("scope", NOTES),
    ];
    let kept = right.iter().filter(|(name, _)| !changes.iter().any(|(other, _)| other == name));
    post(PATH, &kept.chain(changes).copied().collect::<Vec<_>>())
}

pub(crate) const ALICE: [(&str, &str); 2] = [("username", "alice@example.com"), ("password", PASSWORD)];

pub(crate) fn redemption(client: &str, code: &str, verifier: Option<&str>) -> Request {
    let form = [("grant_type", "authorization_code"), ("client_id", client), ("code", code)];
    let verifier = verifier.map(|verifier| ("code_verifier", verifier));
    post("/oauth2/token", &form.into_iter().chain(verifier).collect::<Vec<_>>())
}

pub(crate) fn code(response: &Response) -> &str {
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!((response.header("Cache-Control"), response.header("Pragma")), (Some("no-store"), Some("no-cache")));
    assert_eq!(response.body.as_object().map(serde_json::Map::len), Some(1), "{response:?}");
    response.body["authorization_code"].as_str().unwrap()
}

/// What is wrong, and the error.
pub(crate) fn refused(response: &Response) -> (u64, &str) {
    assert_eq!(response.header("Set-Cookie"), None);
    response.refusal()
}

/// Checklist F-01, F-03, F-14.
#[tokio::test]
async fn one_request_with_a_password_gives_a_code_and_the_code_gives_tokens() {
    let fixture = Fixture::new().await;
    let app = App::of(&fixture);
    let scope = [("scope", "orders:read notes:read")];
    let response = app.asks(&[&ALICE[..], &scope].concat()).await;
    let tokens = fixture.send(redemption("first", code(&response), Some(VERIFIER))).await;
    assert_eq!(tokens.body["scope"], "notes:read orders:read");
    let tokens = tokens.tokens();
    assert!(fixture.calls(&tokens.access).await);
    assert_eq!(fixture.versions(&tokens.access).await, [1], "the legacy system's token is there");
    assert_eq!(fixture.refresh("first", &tokens.refresh).await.status, 200);
    assert!(!fixture.dump().await.contains("pässwörd"), "no table holds the password");
    // The same again is another login, so that a lost response costs a request and nothing else.
    let again = app.asks(&[&ALICE[..], &scope].concat()).await;
    let other = fixture.send(redemption("first", code(&again), Some(VERIFIER))).await.tokens();
    assert_ne!(decoded(&tokens.access).1["sid"], decoded(&other.access).1["sid"]);
}

/// Checklist F-04, F-11, F-13, F-14, F-16, F-17: what is wanted is told, and costs nothing but the read of the app.
#[tokio::test]
async fn without_a_password_it_is_told_what_is_wanted_and_nothing_is_written() {
    let fixture = Fixture::new().await;
    let app = App::of(&fixture);
    fixture.wire.since_last();
    let wanted = app.asks(&[]).await;
    assert_eq!(fixture.wire.since_last(), ["GetItem Apps"]);
    assert_eq!(refused(&wanted), (403, "insufficient_authorization"));
    let fields = json!([{ "name": "username", "required": true }, { "name": "password", "required": true }]);
    assert_eq!(
        (&wanted.body["step"], &wanted.body["fields"], wanted.body.get("mistake")),
        (&json!("password"), &fields, None)
    );
    assert_eq!(wanted.header("Cache-Control"), Some("no-store"));
    let half = app.goes_on(&wanted, &ALICE[..1]).await;
    assert_eq!(refused(&half), (403, "insufficient_authorization"));
    let response = app.goes_on(&half, &ALICE).await;
    assert_eq!(fixture.send(redemption("first", code(&response), Some(VERIFIER))).await.status, 200);
    // The session tells whose it is, as the draft has it.
    let session = wanted.body["auth_session"].as_str().unwrap();
    let alone = [&[("auth_session", session)], &ALICE[..]].concat();
    code(&app.send(post(PATH, &alone)).await);
}

/// Checklist F-02.
#[tokio::test]
async fn only_an_app_of_the_company_with_the_grant_gets_so_far_as_to_be_asked() {
    let fixture = Fixture::new().await;
    let app = App::of(&fixture);
    let cases = [
        ("native", (400, "unauthorized_client")),
        ("third", (400, "unauthorized_client")),
        ("conf1", (401, "invalid_client")),
        ("web", (401, "invalid_client")),
        ("retired", (401, "invalid_client")),
        ("nobody", (401, "invalid_client")),
        ("a b", (401, "invalid_client")),
        ("", (401, "invalid_client")),
    ];
    for (client, expected) in cases {
        let response = app.asks(&[&ALICE[..], &[("client_id", client)]].concat()).await;
        assert_eq!(refused(&response), expected, "{client}");
        assert_eq!(response.body.get("auth_session"), None);
    }
    // Whoever shows a proof waits for the token function, which does not answer here.
    for (name, value) in [("client_secret", "x"), ("client_assertion", "a.b.c"), ("client_assertion_type", "x")] {
        let response = app.asks(&[&ALICE[..], &[(name, value)]].concat()).await;
        assert_eq!(refused(&response), (503, "temporarily_unavailable"), "{name}");
    }
    let basic = asking(&ALICE).basic("first", "x");
    assert_eq!(refused(&app.send(basic).await), (503, "temporarily_unavailable"));
    // Without trust the grant is worth nothing.
    let id = ClientId::parse("first").unwrap();
    let mut first = fixture.db.store.apps.get(&id).await.unwrap().unwrap();
    first.trusted = false;
    fixture.db.store.apps.put(&first).await.unwrap();
    assert_eq!(refused(&app.asks(&ALICE).await), (400, "unauthorized_client"));
    (first.trusted, first.grants) = (true, [GrantType::Challenge].into());
    fixture.db.store.apps.put(&first).await.unwrap();
    assert_eq!(refused(&app.asks(&ALICE).await), (400, "unauthorized_client"), "nothing would redeem the code");
}

/// Checklist F-10, F-12, F-15, F-17, F-18, F-36.
#[tokio::test]
async fn what_could_not_work_is_told_before_a_password_is_looked_at() {
    let fixture = Fixture::new().await;
    let app = App::of(&fixture);
    let long = "x".repeat(MAX_BYTES + 1);
    let cases: [(&[(&str, &str)], &str); 13] = [
        (&[("response_type", "token")], "invalid_request"),
        (&[("code_challenge", "")], "invalid_request"),
        (&[("code_challenge_method", "plain")], "invalid_request"),
        (&[("scope", "admin")], "invalid_scope"),
        (&[("redirect_uri", "com.evil.app:/cb")], "invalid_request"),
        (&[("request_uri", "urn:ietf:params:oauth:request_uri:x")], "invalid_request"),
        (&[("request", "ey")], "invalid_request"),
        (&[("prompt", "none")], "login_required"),
        (&[("nonce", &long)], "invalid_request"),
        (&[("state", "a\nb")], "invalid_request"),
        (&[("username", &long)], "invalid_request"),
        (&[("password", &long)], "invalid_request"),
        (&[("auth_session", "mga_x")], "invalid_session"),
    ];
    for (changes, error) in cases {
        let others = ALICE.into_iter().filter(|(name, _)| !changes.iter().any(|(other, _)| other == name));
        fixture.wire.since_last();
        let response = app.asks(&others.chain(changes.iter().copied()).collect::<Vec<_>>()).await;
        assert_eq!(refused(&response), (400, error), "{changes:?}");
        assert!(fixture.wire.since_last().iter().all(|operation| operation.starts_with("GetItem")), "{changes:?}");
        let text = response.body["error_description"].as_str().unwrap();
        assert!(
            !text.is_empty() && text.bytes().all(|b| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e)),
            "{text}"
        );
    }
    let by_page =
        [("Origin", "https://app.example.com"), ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "same-origin")];
    for (name, value) in by_page {
        let response = app.send(asking(&ALICE).header(name, value)).await;
        assert_eq!(
            (refused(&response), response.header("Access-Control-Allow-Origin")),
            ((400, "invalid_request"), None)
        );
    }
    assert_eq!(refused(&app.send(asking(&ALICE).query("client_id", "first")).await), (400, "invalid_request"));
    assert_eq!(refused(&app.send(request("POST", PATH).body("x=%zz")).await), (400, "invalid_request"));
    assert_eq!(refused(&app.send(asking(&[("x", &"y".repeat(17_000))])).await), (413, "invalid_request"));
    let other = app.send(request("GET", PATH)).await;
    assert_eq!((refused(&other), other.header("Allow")), ((405, "invalid_request"), Some("POST")));
    code(&app.asks(&ALICE).await);
}

/// Abuse case G9; checklist F-10, F-11.
#[tokio::test]
async fn an_auth_session_of_another_client_is_none() {
    let fixture = Fixture::new().await;
    let app = App::of(&fixture);
    let wanted = app.asks(&[]).await;
    let session = wanted.body["auth_session"].as_str().unwrap();
    let of_other = [&[("auth_session", session), ("client_id", "other-first")], &ALICE[..]].concat();
    assert_eq!(refused(&app.send(post(PATH, &of_other)).await), (400, "invalid_session"));
    // Neither is a pushed request, and no pushed request is a session.
    let pushed = fixture
        .send(post(
            "/oauth2/par",
            &[
                ("client_id", "first"),
                ("response_type", "code"),
                ("redirect_uri", NATIVE),
                ("code_challenge", CHALLENGE),
                ("code_challenge_method", "S256"),
            ],
        ))
        .await;
    let uri = pushed.body["request_uri"].as_str().unwrap();
    let sealed = uri.rsplit(':').next().unwrap();
    let as_session = format!("mga_{sealed}");
    assert_eq!(
        refused(&app.asks(&[&ALICE[..], &[("auth_session", &as_session)]].concat()).await),
        (400, "invalid_session")
    );
    let as_uri = format!("urn:ietf:params:oauth:request_uri:{}", session.trim_start_matches("mga_"));
    assert_eq!(refused(&app.asks(&[("request_uri", &as_uri)]).await), (400, "invalid_request"));
    code(&app.send(post(PATH, &[&[("client_id", "first"), ("request_uri", uri)], &ALICE[..]].concat())).await);
    code(&app.goes_on(&wanted, &ALICE).await);
}

/// An app that keeps an old session, and begins anew with another verifier, gets no code for the old one.
#[tokio::test]
async fn a_request_that_is_whole_is_one_of_its_own_also_with_a_session() {
    let fixture = Fixture::new().await;
    let app = App::of(&fixture);
    let wanted = app.asks(&[("scope", "orders:read")]).await;
    let session = wanted.body["auth_session"].as_str().unwrap();
    let other = "A".repeat(43);
    let response = app.asks(&[&ALICE[..], &[("auth_session", session), ("code_challenge", &other)]].concat()).await;
    assert_eq!(
        fixture.send(redemption("first", code(&response), Some(VERIFIER))).await.refusal(),
        (400, "invalid_grant")
    );
    let response = app.goes_on(&wanted, &ALICE).await;
    let tokens = fixture.send(redemption("first", code(&response), Some(VERIFIER))).await;
    assert_eq!(tokens.body["scope"], "orders:read", "what is kept is what was asked for");
}

/// Abuse case G12; checklist F-05, F-24: it says what was asked for, and nothing of a user.
#[tokio::test]
async fn a_replayed_auth_session_gives_nothing_without_the_password() {
    let fixture = Fixture::new().await;
    let app = App::of(&fixture);
    let wanted = app.asks(&[]).await;
    code(&app.goes_on(&wanted, &ALICE).await);
    let replayed = app.goes_on(&wanted, &[]).await;
    assert_eq!(refused(&replayed), (403, "insufficient_authorization"));
    let wrong = app.goes_on(&wanted, &[ALICE[0], ("password", "wrong")]).await;
    assert_eq!((refused(&wrong), &wrong.body["mistake"]), ((403, "insufficient_authorization"), &json!("wrong_login")));
    let session = wanted.body["auth_session"].as_str().unwrap();
    assert!(session.starts_with("mga_") && session.len() < 2_000, "{session}");
    fixture.clock.forward(599);
    code(&app.goes_on(&wanted, &ALICE).await);
    fixture.clock.forward(1);
    assert_eq!(refused(&app.goes_on(&wanted, &ALICE).await), (400, "invalid_session"));
    // Each response has a new one.
    assert_eq!(refused(&app.goes_on(&replayed, &[]).await), (400, "invalid_session"), "as old as the first");
}

/// Abuse case G13; checklist F-26.
#[tokio::test]
async fn a_code_needs_its_verifier_and_its_client() {
    let fixture = Fixture::new().await;
    let app = App::of(&fixture);
    let response = app.asks(&ALICE).await;
    let code = code(&response);
    let other = "x".repeat(43);
    for (client, verifier) in
        [("first", None), ("first", Some(other.as_str())), ("other-first", Some(VERIFIER)), ("native", Some(VERIFIER))]
    {
        assert_eq!(
            fixture.send(redemption(client, code, verifier)).await.refusal(),
            (400, "invalid_grant"),
            "{client}"
        );
    }
    let redirected = post(
        "/oauth2/token",
        &[
            ("grant_type", "authorization_code"),
            ("client_id", "first"),
            ("code", code),
            ("code_verifier", VERIFIER),
            ("redirect_uri", NATIVE),
        ],
    );
    assert_eq!(fixture.send(redirected).await.refusal(), (400, "invalid_grant"), "the request named none");
    assert_eq!(fixture.send(redemption("first", code, Some(VERIFIER))).await.status, 200);
}

/// Abuse case G11: the response and its cost tell nobody which accounts exist.
#[tokio::test]
async fn unknown_wrong_and_disabled_read_and_cost_alike() {
    let fixture = Fixture::new().await;
    let app = App::of(&fixture);
    let mut seen = Vec::new();
    for (name, password) in [("nobody", PASSWORD), ("alice", "wrong"), ("dora", PASSWORD)] {
        fixture.wire.since_last();
        let username = format!("{name}@example.com");
        let mut response = app.asks(&[("username", &username), ("password", password)]).await;
        response.body["auth_session"].take();
        seen.push((response.status, response.body.clone(), fixture.wire.since_last()));
    }
    assert_eq!(seen[0].1["mistake"], "wrong_login");
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0], seen[2]);
}

/// Abuse case G10; checklist F-06: one guard for all ways in.
#[tokio::test]
async fn attempts_count_together_with_those_at_the_page_and_at_the_token_endpoint() {
    let fixture = Fixture::new().await;
    let app = App::of(&fixture);
    let mut browser = Browser::new(&fixture);
    let query = native(NOTES);
    let id = ClientId::parse("native").unwrap();
    let mut native_app = fixture.db.store.apps.get(&id).await.unwrap().unwrap();
    native_app.grants.extend([GrantType::Challenge, GrantType::Password]);
    fixture.db.store.apps.put(&native_app).await.unwrap();
    let typed = |password| [("client_id", "native"), ALICE[0], ("password", password)];
    guessed_together(async |number: usize| match number % 3 {
        0 => app.asks(&typed("wrong")).await,
        1 => browser.types(&query, "alice", "wrong").await,
        _ => fixture.send(password_login("alice", "native", "wrong")).await,
    })
    .await;
    for password in ["wrong", PASSWORD] {
        let waits = app.asks(&typed(password)).await;
        assert_eq!((refused(&waits), &waits.body["step"]), ((403, "insufficient_authorization"), &json!("email_code")));
        assert!(waits.header("Retry-After").is_some(), "{waits:?}");
    }
    assert_eq!(fixture.send(password_login("alice", "native", PASSWORD)).await.status, 429);
}

#[tokio::test]
async fn a_legacy_system_that_refuses_is_named_and_nothing_of_the_login_stays() {
    let fixture = Fixture::new().await;
    fixture.add_user("carol").await;
    let app = App::of(&fixture);
    let carol = [("username", "carol@example.com"), ("password", PASSWORD), ("scope", "orders:read")];
    let response = app.asks(&carol).await;
    assert_eq!(refused(&response), (403, "insufficient_authorization"));
    assert_eq!((&response.body["mistake"], &response.body["system"]), (&json!("refused_by"), &json!("Order System")));
    let told = &response.body["error_description"];
    assert_eq!(told, "a system behind the gateway does not take this account", "true of a passkey, too");
    assert!(!fixture.dump().await.contains("\"sid\""), "nothing waits");
}

/// Where the only system of a login is optional and has a password of its own, that password is needed after all.
#[tokio::test]
async fn an_optional_password_that_was_left_empty_is_asked_for_where_nothing_else_is_left() {
    let fixture = Fixture::new().await;
    let app = App(fixture.authorize_with(|config| {
        let separate = config.replace("    label: Order System\n", "    label: Order System\n    password: separate\n");
        separate.replace("connector: orders-login\n", "connector: orders-login\n    optional: true\n")
    }));
    let [name, password] = ALICE;
    let response = app.asks(&[name, password, ("scope", "orders:read")]).await;
    assert_eq!(refused(&response), (403, "insufficient_authorization"), "{}", response.text);
    assert_eq!((&response.body["mistake"], &response.body["system"]), (&json!("refused_by"), &json!("Order System")));
    let with_it = app.goes_on(&response, &[name, password, ("password.orders-login", PASSWORD)]).await;
    assert!(!code(&with_it).is_empty(), "the twin");
}

/// Checklist F-17 to F-20.
#[tokio::test]
async fn an_address_that_is_not_proved_goes_on_in_a_browser_and_only_with_the_password() {
    let fixture = Fixture::new().await;
    let id = fixture.add_user("erin").await;
    let mut erin = fixture.db.store.users.get(&id).await.unwrap().unwrap();
    erin.email_verified = false;
    erin.user_id = gateway_domain::ids::UserId::parse("u_erin2").unwrap();
    erin.email = gateway_domain::address::Address::parse("erin2@example.com").unwrap();
    fixture.db.store.users.create(&erin).await.unwrap();
    let app = App::of(&fixture);
    let erin = |password| [("username", "erin2@example.com"), ("password", password), ("redirect_uri", NATIVE)];
    assert_eq!(app.asks(&erin("wrong")).await.body["mistake"], "wrong_login");
    let response = app.asks(&erin(PASSWORD)).await;
    assert_eq!(refused(&response), (403, "redirect_to_web"));
    assert_eq!(response.body["expires_in"], 600);
    // There the login form waits, with the request and without what was typed.
    let uri = response.body["request_uri"].as_str().unwrap();
    let query = [("client_id".to_owned(), "first".to_owned()), ("request_uri".to_owned(), uri.to_owned())];
    let page = Browser::new(&fixture).get("/oauth2/authorize", &query).await;
    assert!(page.status == 200 && !page.text.contains("erin2"), "{}", page.text);
    let nowhere = app.asks(&erin(PASSWORD)[..2]).await;
    assert_eq!((refused(&nowhere), nowhere.body.get("request_uri")), ((403, "redirect_to_web"), None));
}
