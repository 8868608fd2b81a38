//! Logins without a password: what they reach, what they leave out, and how the password is asked for (RFC 9470).

use gateway_authorize::AuthorizationEndpoint;
use gateway_domain::id_token::ACR as BY_PASSWORD;
use gateway_domain::session::{LoginMethod, Session};
use gateway_token::AuthorizationServer;
use serde_json::{Value, json};
use support::Authenticator;

use crate::challenge::{ALICE, App, code, redemption as redemption_of, refused};
use crate::fixture::{Fixture, NOTES, PASSWORD, SECRET, refresh, send};
use crate::hosted::{Browser, NATIVE, VERIFIER, asking, redemption, redirected};
use crate::old_issuer::old_issuer;
use crate::passkeys::{Open, asked, enrolled, with_passkeys};
use crate::renewing::{LIFE, Mood};
use crate::request::{Response, Tokens, decoded, post};

/// The vault needs no password, the orders do, the notes have no connector.
const ALL: &str = "notes:read orders:read vault:read";
const WEB: &str = "https://web.example/cb";

/// The configuration with passkeys, and with a vault that takes the gateway's word for a user.
pub(crate) fn delegated(config: &str) -> String {
    let (before, rest) = config.split_once("  vault-login:\n").unwrap();
    let (_, after) = rest.split_once("apis:\n").unwrap();
    let kerberos = "    type: kerberos_s4u\n    label: The Vault\n    realm: EXAMPLE.COM\n    kdcs: [kdc.example.com]\n    \
                    service: HTTP/vault.example.com\n    account: svc-gateway\n    secret: gateway-account\n";
    with_passkeys(&format!("{before}  vault-login:\n{kerberos}apis:\n{after}"))
}

/// The same where no call needs the vault.
pub(crate) fn optional(config: &str) -> String {
    delegated(config).replace("connector: vault-login\n", "connector: vault-login\n    optional: true\n")
}

/// A gateway with both kinds of systems, and alice with a passkey.
struct World {
    fixture: Fixture,
    server: AuthorizationServer,
    alice: Authenticator,
}

impl World {
    async fn new() -> Self {
        let fixture = Fixture::new().await;
        let alice = enrolled(&fixture, "alice").await;
        let server = fixture.container_with(delegated);
        Self { fixture, server, alice }
    }

    fn endpoint(&self) -> AuthorizationEndpoint {
        self.fixture.authorize_with(delegated)
    }

    fn app(&self) -> App {
        App(self.endpoint())
    }

    /// What `first` is told whose user shows the passkey to what it asks with these changes.
    async fn shows_passkey(&mut self, changes: &[(&str, &str)]) -> Response {
        let app = self.app();
        // What asks for the password alone has no options: those of another request are signed.
        let wanted = app.asks(changes).await;
        let options = match wanted.body.get("passkey") {
            None => app.asks(&[]).await.body["passkey"].clone(),
            Some(options) => options.clone(),
        };
        let response = self.alice.get(&options).await;
        app.goes_on(&wanted, &[("passkey", &response)]).await
    }

    async fn redeemed(&self, response: &Response) -> Response {
        send(&self.server, redemption_of("first", code(response), Some(VERIFIER))).await
    }

    /// The tokens of a login of alice by her passkey.
    async fn by_passkey(&mut self, scope: &str) -> Tokens {
        let response = self.shows_passkey(&[("scope", scope)]).await;
        self.redeemed(&response).await.tokens()
    }

    /// The tokens of a login of alice by her password, to what asks for that.
    async fn by_password(&self, scope: &str) -> Tokens {
        let asks = [("scope", scope), ("acr_values", BY_PASSWORD)];
        let response = self.app().asks(&[&ALICE[..], &asks].concat()).await;
        self.redeemed(&response).await.tokens()
    }

    async fn refreshed(&self, client: &str, tokens: &Tokens) -> Tokens {
        send(&self.server, refresh(client, &tokens.refresh)).await.tokens()
    }

    async fn session(&self, tokens: &Tokens) -> Session {
        self.fixture.session(&tokens.access).await
    }
}

/// The connectors of which a session has internal tokens.
fn has(session: &Session) -> Vec<&str> {
    session.tokens.keys().map(gateway_domain::ids::ConnectorName::as_str).collect()
}

/// How an access token says that its user has logged in.
fn told(tokens: &Tokens) -> (Value, Value) {
    let claims = decoded(&tokens.access).1;
    (claims["acr"].clone(), claims["auth_time"].clone())
}

fn form(form: &[(&str, &str)]) -> Vec<(String, String)> {
    form.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Checklist E-03: tickets come at once where no password is checked, and are renewed; the rest is left out and known to be.
#[tokio::test]
async fn a_login_by_passkey_reaches_the_systems_that_need_no_password() {
    let mut world = World::new().await;
    let tokens = world.by_passkey(ALL).await;
    let session = world.session(&tokens).await;
    assert_eq!((has(&session), session.origin.by), (vec!["vault-login"], LoginMethod::Passkey));
    assert_eq!(world.fixture.versions(&tokens.access).await, [1], "the authorizer hands it on");
    assert_eq!(told(&tokens), (json!("phr"), json!(world.fixture.now())));

    world.fixture.clock.forward(i64::try_from(LIFE.as_u64()).unwrap() * 3 / 4 + 1);
    let second = world.refreshed("first", &tokens).await;
    let after = world.session(&second).await;
    assert_eq!(
        (has(&after), after.origin.by, world.fixture.vault.renewals()),
        (vec!["vault-login"], LoginMethod::Passkey, 1)
    );
    assert_eq!((told(&second), world.fixture.versions(&second.access).await), (told(&tokens), vec![2]));
}

/// A session that lacks everything its scope opens is no less a session, and its refresh costs what a refresh costs.
#[tokio::test]
async fn a_session_without_internal_tokens_lives_until_the_password_is_shown() {
    let mut world = World::new().await;
    let mut tokens = world.by_passkey("orders:read").await;
    assert!(has(&world.session(&tokens).await).is_empty());
    assert_eq!(world.fixture.legacy.logins(), 0, "nobody was asked");
    for _ in 0..3 {
        assert!(world.fixture.calls(&tokens.access).await);
        let (_, claims) = decoded(&tokens.access);
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 600);
        world.fixture.clock.forward(3_600);
        tokens = world.refreshed("first", &tokens).await;
    }
    let costs = async |tokens: &Tokens| {
        world.fixture.wire.since_last();
        let next = world.refreshed("first", tokens).await;
        (next, world.fixture.wire.since_last())
    };
    let plain = world.by_password(NOTES).await;
    let (_, expected) = costs(&plain).await;
    let (next, seen) = costs(&tokens).await;
    assert_eq!(seen, expected, "as a session without a connector");
    // With the password everything is there: what needs none as well.
    let all = world.by_password(ALL).await;
    let session = world.session(&all).await;
    assert_eq!((has(&session), session.origin.by), (vec!["orders-login", "vault-login"], LoginMethod::Password));
    assert_eq!(told(&all), (json!(BY_PASSWORD), json!(world.fixture.now())));
    // The old one is the app's to end.
    let revoked = post("/oauth2/revoke", &[("client_id", "first"), ("token", &next.refresh)]);
    assert_eq!(send(&world.server, revoked).await.status, 200);
    assert!(!world.fixture.calls(&next.access).await && world.fixture.calls(&all.access).await);
}

/// The other way to step up, of apps that see the password: into the session.
#[tokio::test]
async fn a_login_into_the_session_of_a_passkey_brings_what_was_left_out() {
    let mut world = World::new().await;
    let query = asking("mobile", NATIVE, ALL, &[]);
    let mut open = Open::of(Browser::at(world.endpoint()), query).await;
    let response = open.signs(&mut world.alice).await;
    let redeemed = send(&world.server, redemption("mobile", &redirected(&response)["code"], &[])).await.tokens();
    let before = world.session(&redeemed).await;
    assert_eq!(has(&before), ["vault-login"]);
    world.fixture.clock.forward(5);
    let again = [
        ("grant_type", "password"),
        ("client_id", "mobile"),
        ("username", "alice@example.com"),
        ("password", PASSWORD),
        ("refresh_token", &redeemed.refresh),
    ];
    let tokens = send(&world.server, post("/oauth2/token", &again)).await.tokens();
    let after = world.session(&tokens).await;
    assert_eq!((after.sid.clone(), has(&after)), (before.sid, vec!["orders-login", "vault-login"]));
    assert_eq!(world.fixture.versions(&tokens.access).await.len(), 2, "the authorizer hands on both");
    assert_eq!(told(&tokens), (json!(BY_PASSWORD), json!(world.fixture.now())));
    assert_eq!(told(&world.refreshed("mobile", &tokens).await), told(&tokens));
}

/// A refresh whose response was lost is no login: the password that comes with the token before is used.
#[tokio::test]
async fn a_login_with_a_token_that_a_refresh_has_used_brings_it_too() {
    let mut world = World::new().await;
    let mut open = Open::of(Browser::at(world.endpoint()), asking("mobile", NATIVE, "orders:read", &[])).await;
    let response = open.signs(&mut world.alice).await;
    let redeemed = send(&world.server, redemption("mobile", &redirected(&response)["code"], &[])).await.tokens();
    assert!(has(&world.session(&world.refreshed("mobile", &redeemed).await).await).is_empty());
    let again = [
        ("grant_type", "password"),
        ("client_id", "mobile"),
        ("username", "alice@example.com"),
        ("password", PASSWORD),
        ("refresh_token", &redeemed.refresh),
    ];
    let tokens = send(&world.server, post("/oauth2/token", &again)).await.tokens();
    assert_eq!((has(&world.session(&tokens).await), told(&tokens).0), (vec!["orders-login"], json!(BY_PASSWORD)));
}

/// Abuse case M11; checklist F-10: whatever a client asks for or sends along, what is told is what was shown.
#[tokio::test]
async fn a_passkey_is_no_password_whatever_the_client_asks_for() {
    let mut world = World::new().await;
    let asks = [("scope", ALL), ("acr_values", BY_PASSWORD)];
    let wanted = world.app().asks(&asks).await;
    assert_eq!((refused(&wanted), wanted.body.get("passkey")), ((403, "insufficient_authorization"), None));
    let shown = world.shows_passkey(&asks).await;
    assert_eq!(
        (refused(&shown), &shown.body["mistake"]),
        ((403, "insufficient_authorization"), &json!("password_needed"))
    );
    let scanned = world.fixture.db.client.scan().table_name(&world.fixture.db.tables.pending_sessions).send().await;
    assert_eq!(scanned.unwrap().items().len(), 0, "nothing has begun");
    // The twins: it is one of those that will do, and the password is what was asked for.
    let either = world.shows_passkey(&[("scope", ALL), ("acr_values", &format!("{BY_PASSWORD} phr"))]).await;
    let redeemed = redemption_of("first", code(&either), Some(VERIFIER));
    let claims = [("acr", BY_PASSWORD), ("acr_values", BY_PASSWORD), ("auth_time", "1")];
    let tokens = send(&world.server, claims.iter().fold(redeemed, |request, (name, value)| request.field(name, value)));
    let tokens = tokens.await.tokens();
    assert_eq!(told(&tokens), (json!("phr"), json!(world.fixture.now())));
    let next =
        claims.iter().fold(refresh("first", &tokens.refresh), |request, (name, value)| request.field(name, value));
    assert_eq!(told(&send(&world.server, next).await.tokens()).0, json!("phr"));
    assert_eq!(told(&world.by_password(ALL).await).0, json!(BY_PASSWORD));
}

/// Abuse case M11; checklist E-02: the same on the page, and of a browser that is logged in.
#[tokio::test]
async fn a_page_that_asks_for_the_password_takes_nothing_else() {
    let mut world = World::new().await;
    let web = |scope: &str, changes: &[(&str, &str)]| asking("web", WEB, scope, changes);
    let by_password = web(NOTES, &[("acr_values", BY_PASSWORD)]);
    let response = world.alice.get(&Open::of(Browser::at(world.endpoint()), web(NOTES, &[])).await.options()).await;
    let mut open = Open::of(Browser::at(world.endpoint()), by_password.clone()).await;
    assert_eq!(asked(&open.page), None, "nothing asks for a passkey");
    let page = open.sends(&response).await;
    assert!(page.status == 400 && page.text.contains("needs your password"), "{}", page.text);
    assert!(!open.browser.has_login());

    // Logged in by a passkey, a browser is asked, or the client is told.
    let mut open = Open::of(Browser::at(world.endpoint()), web(NOTES, &[])).await;
    assert_eq!(open.signs(&mut world.alice).await.status, 303);
    let mut browser = open.browser;
    assert_eq!(browser.get("/oauth2/authorize", &web(NOTES, &[("prompt", "none")])).await.status, 303, "the twin");
    let form = browser.get("/oauth2/authorize", &by_password).await;
    assert_eq!((form.status, asked(&form)), (200, None));
    let silent = web(NOTES, &[("acr_values", BY_PASSWORD), ("prompt", "none")]);
    assert_eq!(redirected(&browser.get("/oauth2/authorize", &silent).await)["error"], "login_required");
    // Once the password was shown, it holds for the browser, and a passkey is what has to be shown.
    let code = redirected(&browser.types_into(&form, &by_password, "alice", PASSWORD).await)["code"].clone();
    let fields = [("client_id", ""), ("redirect_uri", WEB)];
    let tokens = send(&world.server, redemption("web", &code, &fields).basic("web", SECRET)).await.tokens();
    assert_eq!(told(&tokens).0, json!(BY_PASSWORD));
    assert!(redirected(&browser.get("/oauth2/authorize", &silent).await).contains_key("code"));
    let passkey = browser.get("/oauth2/authorize", &web(NOTES, &[("acr_values", "phr")])).await;
    assert!(passkey.status == 200 && asked(&passkey).is_some(), "{}", passkey.text);
    let both = format!("phr {BY_PASSWORD}");
    assert_eq!(browser.get("/oauth2/authorize", &web(NOTES, &[("acr_values", &both)])).await.status, 303);
}

/// Abuse case M12: what nobody knows is ignored up to a length, and refused beyond; either way it goes nowhere.
#[tokio::test]
async fn junk_among_the_classes_is_bounded_and_kept_nowhere() {
    let mut world = World::new().await;
    let short = "junk".repeat(128);
    let long = format!("{short}j");
    let by_passkey = world.shows_passkey(&[("acr_values", &short)]).await;
    assert_eq!(told(&world.redeemed(&by_passkey).await.tokens()).0, json!("phr"));
    let refused_app = world.app().asks(&[("acr_values", &long)]).await;
    assert_eq!(refused(&refused_app), (400, "invalid_request"));
    assert!(!refused_app.text.contains("junk") && refused_app.text.contains("acr_values"), "{}", refused_app.text);
    let mut browser = Browser::at(world.endpoint());
    let query = |value: &str| asking("web", WEB, NOTES, &[("acr_values", value)]);
    assert_eq!(browser.get("/oauth2/authorize", &query(&short)).await.status, 200);
    let redirect = browser.get("/oauth2/authorize", &query(&long)).await;
    assert_eq!(redirected(&redirect)["error"], "invalid_request");
    assert!(!redirect.header("Location").unwrap().contains("junk"));
    let pushed = |value: &str| {
        let pairs = asking("native", NATIVE, NOTES, &[("acr_values", value)]);
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        post("/oauth2/par", &pairs)
    };
    assert_eq!(send(&world.server, pushed(&long)).await.refusal(), (400, "invalid_request"));
    let kept = send(&world.server, pushed(BY_PASSWORD)).await;
    let query = form(&[("client_id", "native"), ("request_uri", kept.body["request_uri"].as_str().unwrap())]);
    let page = Browser::at(world.endpoint()).get("/oauth2/authorize", &query).await;
    assert_eq!((page.status, asked(&page)), (200, None), "what was pushed is asked for");
    assert!(!world.fixture.dump().await.contains("junk"));
}

/// One rule for all logins without a password: a browser that is logged in gets what needs none, and is asked where something does.
#[tokio::test]
async fn a_browser_that_is_logged_in_goes_on_where_no_system_needs_the_password() {
    let world = World::new().await;
    let web = |scope: &str, changes: &[(&str, &str)]| asking("web", WEB, scope, changes);
    let mut browser = Browser::at(world.endpoint());
    browser.logs_in(&web(NOTES, &[])).await;
    assert_eq!(browser.get("/oauth2/authorize", &web(ALL, &[])).await.status, 200, "the orders need it");
    let code = redirected(&browser.get("/oauth2/authorize", &web("vault:read", &[])).await)["code"].clone();
    let fields = [("client_id", ""), ("redirect_uri", WEB)];
    let tokens = send(&world.server, redemption("web", &code, &fields).basic("web", SECRET)).await.tokens();
    let session = world.session(&tokens).await;
    assert_eq!((has(&session), session.origin.by), (vec!["vault-login"], LoginMethod::Password));
    // A system that is down, or does not take the user, is told as after a password.
    let silent = web("vault:read", &[("prompt", "none")]);
    for (mood, status, error) in [(Mood::IsDown, 503, "temporarily_unavailable"), (Mood::Refuses, 400, "access_denied")]
    {
        world.fixture.vault.is(mood);
        let page = browser.get("/oauth2/authorize", &web("vault:read", &[])).await;
        assert!(page.status == status && page.text.contains("The Vault"), "{}", page.text);
        assert_eq!(redirected(&browser.get("/oauth2/authorize", &silent).await)["error"], error);
    }
    world.fixture.vault.is(Mood::Renews);
    assert!(redirected(&browser.get("/oauth2/authorize", &silent).await).contains_key("code"));
}

/// What the metadata says is what is understood.
#[tokio::test]
async fn the_classes_are_listed_where_they_can_be_had() {
    let world = World::new().await;
    let path = "/.well-known/oauth-authorization-server";
    let listed = async |server: &AuthorizationServer| {
        send(server, crate::request::request("GET", path)).await.body["acr_values_supported"].clone()
    };
    assert_eq!(listed(&world.server).await, json!([BY_PASSWORD, "phr"]));
    assert_eq!(listed(&world.fixture.app).await, json!([BY_PASSWORD]));
    // Without passkeys the other name is as unknown as any.
    let mut browser = Browser::new(&world.fixture);
    browser.logs_in(&asking("web", WEB, NOTES, &[])).await;
    let passkey = asking("web", WEB, NOTES, &[("acr_values", "phr")]);
    assert_eq!(browser.get("/oauth2/authorize", &passkey).await.status, 303);
}

/// As at any login, no session begins that would be of no use; and the token of before is not lost by that.
#[tokio::test]
async fn a_trade_in_for_which_no_system_answers_is_sent_again() {
    let mut fixture = Fixture::new().await;
    let issuer = old_issuer(&mut fixture).await;
    let server = fixture.container_with(optional);
    let old = issuer.issue("u_alice");
    let form =
        [("grant_type", "refresh_token"), ("client_id", "pub1"), ("refresh_token", &old), ("scope", "vault:read")];
    fixture.vault.is(Mood::IsDown);
    assert_eq!(send(&server, post("/oauth2/token", &form)).await.refusal(), (503, "temporarily_unavailable"));
    assert_eq!(fixture.sessions_of("u_alice", "pub1").await, 0);
    fixture.vault.is(Mood::Renews);
    let tokens = send(&server, post("/oauth2/token", &form)).await.tokens();
    assert_eq!((has(&fixture.session(&tokens.access).await), issuer.asked().len()), (vec!["vault-login"], 1));
    assert!(fixture.calls(&tokens.access).await);
}

/// A system that does not take the user does so whenever it is asked: that is told, and not that the app should come again.
#[tokio::test]
async fn a_trade_in_that_every_system_refuses_is_told_so() {
    let mut fixture = Fixture::new().await;
    let issuer = old_issuer(&mut fixture).await;
    let server = fixture.container_with(optional);
    let [old, twin] = ["u_alice", "u_bob"].map(|subject| issuer.issue(subject));
    let asks = |token: &str, scope: &str| {
        let form = [("grant_type", "refresh_token"), ("client_id", "pub1"), ("refresh_token", token), ("scope", scope)];
        post("/oauth2/token", &form)
    };
    fixture.vault.is(Mood::Refuses);
    for _ in 0..2 {
        let refused = send(&server, asks(&old, "vault:read")).await;
        assert_eq!(refused.refusal(), (400, "invalid_grant"));
        let told = refused.body["error_description"].as_str().unwrap();
        assert!(told.contains("the back end of vault-login did not accept"), "{told}");
    }
    assert_eq!(fixture.sessions_of("u_alice", "pub1").await, 0);
    let tokens = send(&server, asks(&twin, "vault:read notes:read")).await.tokens();
    assert!(has(&fixture.session(&tokens.access).await).is_empty(), "the twin: what is of use without it");
    fixture.vault.is(Mood::Renews);
    assert_eq!(send(&server, asks(&old, "vault:read")).await.status, 200, "once it takes the user");
    assert_eq!(issuer.asked().len(), 2);
}
