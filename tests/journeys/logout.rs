//! OpenID Connect RP-Initiated and Back-Channel Logout through the whole gateway, with applications that listen.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway_domain::notification_uri::NotificationUri;
use gateway_domain::redirect_uri::RedirectUri;
use serde_json::{Value as Json, json};
use support::{ADA, BOB, DEMO_APP, Response, Visitor, parameter};
use tokio::net::TcpListener;

use super::Gateway;
use crate::openid::{is_verified, login, published, registered, widen};

const OTHER_APP: &str = "untrusted-app";
const SIGNED_OUT: &str = "http://127.0.0.1:49152/signed-out";
const SCOPE: &str = "openid orders:read";

/// An application that is told of logouts.
struct Listener {
    uri: String,
    told: Arc<Mutex<Vec<String>>>,
}

impl Listener {
    async fn start() -> Self {
        let told = Arc::new(Mutex::new(Vec::new()));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let uri = format!("http://{}/logged-out", listener.local_addr().expect("an address"));
        let hear = |State(told): State<Arc<Mutex<Vec<String>>>>, body: String| async move {
            told.lock().expect("no panic").push(body);
        };
        let router = Router::new().route("/logged-out", axum::routing::post(hear)).with_state(Arc::clone(&told));
        tokio::spawn(axum::serve(listener, router).into_future());
        Self { uri, told }
    }

    /// The logout tokens that came, once there is one.
    async fn tokens(&self) -> Vec<String> {
        for _ in 0..200 {
            let bodies = self.told.lock().expect("no panic").clone();
            if !bodies.is_empty() {
                let token = |body: &String| body.strip_prefix("logout_token=").expect("a form").to_owned();
                return bodies.iter().map(token).collect();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Vec::new()
    }
}

/// Registers an application for logouts.
async fn register(gateway: &Gateway, id: &str, listener: Option<&Listener>) {
    widen(gateway, id).await;
    let mut app = registered(gateway, id).await;
    app.logout.post_logout_redirect_uris = [RedirectUri::parse(SIGNED_OUT).expect("a URI")].into();
    app.logout.backchannel_logout_uri = listener.map(|one| NotificationUri::parse(&one.uri).expect("a URI"));
    gateway.store().apps.put(&app).await.expect("a write");
}

/// What an app has of a login.
struct Login {
    access: String,
    refresh: String,
    id_token: String,
}

async fn logs_in(visitor: &mut Visitor<'_>, app: &str, user: support::User) -> Login {
    let code = visitor.logs_in(&Visitor::asking(app, SCOPE, &[]), user).await;
    let response = visitor.redeem(app, &code).await;
    let tokens = response.tokens();
    let id_token = response.json()["id_token"].as_str().expect("an ID token").to_owned();
    Login { access: tokens.access, refresh: tokens.refresh, id_token }
}

fn leaving(parameters: &[(&str, &str)]) -> String {
    let url = reqwest::Url::parse_with_params("http://gateway/oauth2/logout", parameters).expect("a URL");
    format!("{}?{}", url.path(), url.query().unwrap_or_default())
}

fn part(token: &str, index: usize) -> Json {
    let part = token.split('.').nth(index).expect("a part");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
}

async fn is_live(gateway: &Gateway, login: &Login) -> bool {
    match gateway.call("GET", "/orders", &login.access).await.status {
        200 => true,
        401 => false,
        other => panic!("{other}"),
    }
}

/// Whether a user is logged in in the browser: without a password only `login_required` says no.
async fn is_logged_in(visitor: &mut Visitor<'_>, app: &str) -> bool {
    let response = visitor.get(&Visitor::asking(app, SCOPE, &[("prompt", "none")])).await;
    parameter(&response, "error") != "login_required"
}

/// A login that begins a session, one without a password that begins another, and a logout by an ID token, of which an
/// application is told.
pub(crate) async fn use_logouts(gateway: &Gateway) {
    let listener = Listener::start().await;
    register(gateway, DEMO_APP, Some(&listener)).await;
    let mut visitor = Visitor::of(gateway);
    let login = logs_in(&mut visitor, DEMO_APP, ADA).await;
    let silent = visitor.get(&Visitor::asking(DEMO_APP, "openid", &[])).await;
    assert_eq!(silent.status, 303, "{}", silent.text());
    assert_eq!(visitor.get(&leaving(&[("id_token_hint", &login.id_token)])).await.status, 200);
    assert_eq!(listener.tokens().await.len(), 1);
}

fn is_question(page: &Response) -> bool {
    page.status == 200 && page.text().contains("name=\"form_token\"")
}

#[tokio::test]
async fn a_logout_at_one_app_ends_all_that_began_in_the_browser_and_tells_each() {
    let gateway = Gateway::start().await;
    let (one, other) = (Listener::start().await, Listener::start().await);
    register(&gateway, DEMO_APP, Some(&one)).await;
    register(&gateway, OTHER_APP, Some(&other)).await;
    let (mut visitor, mut elsewhere) = (Visitor::of(&gateway), Visitor::of(&gateway));
    let first = logs_in(&mut visitor, DEMO_APP, ADA).await;
    let second = logs_in(&mut visitor, OTHER_APP, ADA).await;
    let third = logs_in(&mut elsewhere, DEMO_APP, ADA).await;
    assert!(is_live(&gateway, &first).await && is_live(&gateway, &second).await);

    let asked = [
        ("id_token_hint", first.id_token.as_str()),
        ("post_logout_redirect_uri", SIGNED_OUT),
        ("state", "s&t"),
        ("client_id", DEMO_APP),
    ];
    let response = visitor.get(&leaving(&asked)).await;
    assert_eq!((response.status, response.header("Location")), (303, "http://127.0.0.1:49152/signed-out?state=s%26t"));
    assert!(!is_live(&gateway, &first).await && !is_live(&gateway, &second).await);
    let refresh = [("grant_type", "refresh_token"), ("client_id", OTHER_APP), ("refresh_token", &second.refresh)];
    assert_eq!(gateway.post_form("/oauth2/token", &refresh).await.status, 400);
    assert!(!is_logged_in(&mut visitor, DEMO_APP).await);
    assert!(is_live(&gateway, &third).await, "another browser stays as it is");

    let keys = published(&gateway).await;
    for (listener, login, app) in [(&one, &first, DEMO_APP), (&other, &second, OTHER_APP)] {
        let tokens = listener.tokens().await;
        let [token] = &tokens[..] else { panic!("one token: {tokens:?}") };
        assert!(is_verified(token, &keys), "{token}");
        let (header, claims, told) = (part(token, 0), part(token, 1), part(&login.id_token, 1));
        assert_eq!((&header["typ"], &header["alg"]), (&json!("logout+jwt"), &json!("RS256")));
        assert_eq!(claims["aud"], app);
        for name in ["iss", "sub", "sid"] {
            assert_eq!(claims[name], told[name], "{name}");
        }
        assert_eq!(claims["events"], json!({ "http://schemas.openid.net/event/backchannel-logout": {} }));
        assert!(claims.get("nonce").is_none() && claims["exp"].as_i64() <= claims["iat"].as_i64().map(|iat| iat + 120));
    }
    // Repeated where nobody is logged in any more, it leads back.
    let again = visitor.get(&leaving(&asked)).await;
    assert_eq!((again.status, again.header("Location")), (303, "http://127.0.0.1:49152/signed-out?state=s%26t"));
    let left = gateway.dynamodb().scan().table_name("OutboxTable").send().await.expect("a scan");
    assert_eq!(left.items().len(), 0, "nothing waits");
}

/// A link, a guess, or the ID token of somebody else.
#[tokio::test]
async fn nobody_is_logged_out_and_nobody_sent_away_by_what_anybody_can_write() {
    let gateway = Gateway::start().await;
    register(&gateway, DEMO_APP, None).await;
    register(&gateway, OTHER_APP, None).await;
    let mut visitor = Visitor::of(&gateway);
    let mine = logs_in(&mut visitor, DEMO_APP, ADA).await;
    let foreign = logs_in(&mut Visitor::of(&gateway), DEMO_APP, BOB).await.id_token;
    // Ada's own, of a session that did not begin in this browser.
    let by_password = login(&gateway, SCOPE).await.json()["id_token"].as_str().expect("an ID token").to_owned();
    let tampered = format!("{}x", &mine.id_token[..mine.id_token.len() - 1]);
    let there = ("post_logout_redirect_uri", SIGNED_OUT);
    for hint in [foreign.as_str(), &by_password, &tampered, &mine.access, "x"] {
        let page = visitor.get(&leaving(&[("id_token_hint", hint), there])).await;
        assert!(is_question(&page), "{hint}: {} {}", page.status, page.text());
        assert_eq!(
            visitor.send(gateway.request("HEAD", &leaving(&[("id_token_hint", &mine.id_token)]))).await.status,
            200
        );
    }
    for parameters in [vec![], vec![("client_id", DEMO_APP), there], vec![("logout_hint", ADA.name)]] {
        assert!(is_question(&visitor.get(&leaving(&parameters)).await), "{parameters:?}");
    }
    let mine = mine.id_token.as_str();
    for refused in [
        vec![("id_token_hint", mine), ("post_logout_redirect_uri", "https://evil.example/")],
        vec![("id_token_hint", mine), ("post_logout_redirect_uri", "http://127.0.0.1:49152/signed-out/")],
        vec![("id_token_hint", mine), ("post_logout_redirect_uri", "http://127.0.0.1:1/signed-out")],
        vec![("id_token_hint", mine), ("post_logout_redirect_uri", "//evil.example")],
        vec![("id_token_hint", mine), ("client_id", OTHER_APP)],
        vec![("id_token_hint", mine), ("id_token_hint", mine)],
        vec![("client_id", "nobody"), there],
        vec![("client_id", DEMO_APP), ("post_logout_redirect_uri", "https://evil.example/")],
        vec![there],
    ] {
        let page = visitor.get(&leaving(&refused)).await;
        assert_eq!((page.status, page.headers.contains_key("Location")), (400, false), "{refused:?}");
    }
    assert!(is_logged_in(&mut visitor, DEMO_APP).await);

    // The form of another site comes without cookies, and changes nothing: the page behind it asks, or knows the hint.
    let form = [("id_token_hint", by_password.as_str()), there];
    let posted = gateway.response(gateway.request("POST", "/oauth2/logout").form(&form)).await;
    assert_eq!((posted.status, posted.header("Location")), (303, leaving(&form).as_str()));
    assert!(is_logged_in(&mut visitor, DEMO_APP).await);

    // The answer logs out. A hint that was not good leads nowhere; one of another session leads back.
    let tampered = leaving(&[("id_token_hint", &tampered), there, ("client_id", DEMO_APP)]);
    let done = visitor.fill(&tampered, &[]).await;
    assert_eq!((done.status, done.headers.contains_key("Location")), (200, false), "{}", done.text());
    assert!(!done.text().contains("signed-out") && !is_logged_in(&mut visitor, DEMO_APP).await);
    logs_in(&mut visitor, DEMO_APP, ADA).await;
    let done = visitor.fill(&leaving(&form), &[]).await;
    assert_eq!((done.status, done.header("Location")), (303, SIGNED_OUT));
    assert!(!is_logged_in(&mut visitor, DEMO_APP).await);

    // Without an ID token nobody is sent on who was not asked; the page leads there.
    let named = leaving(&[("client_id", DEMO_APP), there]);
    let page = visitor.get(&named).await;
    assert_eq!((page.status, page.text().contains(SIGNED_OUT)), (200, true), "{}", page.text());
    logs_in(&mut visitor, DEMO_APP, ADA).await;
    let done = visitor.fill(&named, &[]).await;
    assert_eq!((done.status, done.header("Location")), (303, SIGNED_OUT));
}

/// What has the form of an ID token of the demo, signed by nobody.
fn forged(token: &str) -> String {
    let (message, signature) = token.rsplit_once('.').expect("a token");
    format!(
        "{message}.{}",
        URL_SAFE_NO_PAD.encode(vec![7; URL_SAFE_NO_PAD.decode(signature).expect("base64url").len()])
    )
}

/// The token function also signs and checks logins: what anybody can write at a page does not occupy it.
#[tokio::test]
async fn a_worthless_hint_is_no_work_for_the_token_function() {
    let gateway = Gateway::start().await;
    register(&gateway, DEMO_APP, None).await;
    let right = ("lambda:InvokeFunction".to_owned(), "TokenFunction".to_owned());
    let is_asked =
        || gateway.stack.access().used().get("AuthorizeFunction").is_some_and(|used| used.contains_key(&right));
    let mut visitor = Visitor::of(&gateway);
    let mine = logs_in(&mut visitor, DEMO_APP, ADA).await;
    let there = ("post_logout_redirect_uri", SIGNED_OUT);
    let asking = |hint: &str, more: &[(&str, &str)]| {
        Visitor::asking(DEMO_APP, SCOPE, &[&[("id_token_hint", hint)], more].concat())
    };
    // No ID token of this server, whoever is logged in.
    let (header, rest) = mine.id_token.split_once('.').expect("a token");
    for hint in ["x", "a.b.c", &mine.access, &format!("{header}.{header}.{rest}"), &format!("{header}.{rest}A")] {
        assert!(is_question(&visitor.get(&leaving(&[("id_token_hint", hint), there])).await), "{hint}");
        let silent = visitor.get(&asking(hint, &[("prompt", "none")])).await;
        assert_eq!(parameter(&silent, "error"), "invalid_request", "{hint}");
    }
    // Nobody is logged in, so that nothing ends and nobody else is there than the one who is named.
    let forged = forged(&mine.id_token);
    let mut stranger = Visitor::of(&gateway);
    for hint in [forged.as_str(), &mine.id_token] {
        let page = stranger.get(&leaving(&[("id_token_hint", hint)])).await;
        assert_eq!((page.status, is_question(&page)), (200, false), "{}", page.text());
        assert!(is_question(&stranger.get(&asking(hint, &[])).await));
        let silent = stranger.get(&asking(hint, &[("prompt", "none")])).await;
        assert_eq!(parameter(&silent, "error"), "login_required");
    }
    // No session of this browser, and an address that is not registered.
    let elsewhere = logs_in(&mut Visitor::of(&gateway), DEMO_APP, ADA).await.id_token;
    assert!(is_question(&visitor.get(&leaving(&[("id_token_hint", &elsewhere)])).await));
    let evil = ("post_logout_redirect_uri", "https://evil.example/");
    assert_eq!(stranger.get(&leaving(&[("id_token_hint", &forged), evil])).await.status, 400);
    assert!(!is_asked());

    // What may change something is asked about, and a forged one believed nowhere.
    let page = stranger.get(&leaving(&[("id_token_hint", &forged), there])).await;
    assert_eq!((page.status, page.text().contains("signed-out"), is_asked()), (200, false, true), "{}", page.text());
    assert!(is_question(&visitor.get(&leaving(&[("id_token_hint", &forged)])).await));
    let silent = visitor.get(&asking(&forged, &[("prompt", "none")])).await;
    assert_eq!(parameter(&silent, "error"), "invalid_request");
    let fields = [("username", ADA.name), ("password", ADA.password)];
    let refused = stranger.fill(&asking(&forged, &[]), &fields).await;
    assert_eq!(parameter(&refused, "error"), "invalid_request");
    assert_eq!(visitor.get(&leaving(&[("id_token_hint", &mine.id_token), there])).await.header("Location"), SIGNED_OUT);
}

/// A logout that overtakes a login in another tab ends what would become of that.
#[tokio::test]
async fn a_code_that_was_on_its_way_at_the_logout_is_worth_nothing() {
    let gateway = Gateway::start().await;
    register(&gateway, DEMO_APP, None).await;
    let mut visitor = Visitor::of(&gateway);
    let code = visitor.logs_in(&Visitor::asking(DEMO_APP, SCOPE, &[]), ADA).await;
    assert_eq!(visitor.fill("/oauth2/logout", &[]).await.status, 200);
    assert_eq!(visitor.redeem(DEMO_APP, &code).await.status, 400);
}

#[tokio::test]
async fn an_app_that_names_its_user_gets_no_other() {
    let gateway = Gateway::start().await;
    register(&gateway, DEMO_APP, None).await;
    let mut visitor = Visitor::of(&gateway);
    let ada = logs_in(&mut visitor, DEMO_APP, ADA).await.id_token;
    let bob = logs_in(&mut Visitor::of(&gateway), DEMO_APP, BOB).await.id_token;
    let asking = |hint: &str, more: &[(&str, &str)]| {
        Visitor::asking(DEMO_APP, SCOPE, &[&[("id_token_hint", hint)], more].concat())
    };
    let none = [("prompt", "none")];
    // The demo's legacy system needs the password, so that even the right user is not silent; the reasons differ.
    assert_eq!(parameter(&visitor.get(&asking(&ada, &none)).await, "error"), "interaction_required");
    assert_eq!(parameter(&visitor.get(&asking(&bob, &none)).await, "error"), "login_required");
    assert_eq!(parameter(&visitor.get(&asking("x", &none)).await, "error"), "invalid_request");
    assert!(is_question(&visitor.get(&asking(&bob, &[])).await));
    let fields = [("username", ADA.name), ("password", ADA.password)];
    let other = visitor.fill(&asking(&bob, &[]), &fields).await;
    assert_eq!(parameter(&other, "error"), "login_required");
}
