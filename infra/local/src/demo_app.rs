//! The demo app: a client that logs users in on the gateway's pages, as a native app would, and shows what came of it.
//!
//! It is written to be looked at: authorization code with PKCE (RFC 7636), `state`, and `iss` compared (RFC 9207).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use gateway_domain::secret::sha256;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value as Json;
use tokio::net::TcpListener;

use crate::{random, visitors};

/// Logins that may be under way at once; the oldest is forgotten for one more.
const MOST: usize = 100;
/// The cookie of the browser in which a login was begun.
const COOKIE: &str = "demo-login";
/// The apps of the demo's seed that log users in here, with the scope that they ask for and what they stand for.
const APPS: [(&str, &str, &str); 3] = [
    ("demo-app", "orders:read", "the company's own app: no consent is asked for"),
    ("untrusted-app", "orders:read", "an app of somebody else"),
    ("profile-app", "openid profile email orders:read", "one that gets an ID token and asks who its user is"),
];

/// The demo app. Clones share the logins under way.
#[derive(Debug, Clone)]
pub(crate) struct DemoApp {
    gateway: String,
    own: String,
    logins: Arc<Mutex<Vec<Login>>>,
}

/// A login under way.
#[derive(Debug, Clone)]
struct Login {
    state: String,
    verifier: String,
    app: &'static str,
}

impl DemoApp {
    /// A demo app at this address, of the gateway at that one.
    pub(crate) fn new(own: &str, gateway: &str) -> Self {
        Self { gateway: gateway.to_owned(), own: own.to_owned(), logins: Arc::default() }
    }

    /// Serves it.
    pub(crate) async fn serve(self, listener: TcpListener) {
        let router = Router::new()
            .route("/", get(home))
            .route("/log-in", get(log_in))
            .route("/signed-in", get(signed_in))
            .with_state(self);
        let router = visitors::our_names_only(router, &listener);
        // It ends with the stack's runtime.
        let _ = axum::serve(listener, router).await;
    }

    fn redirect_uri(&self) -> String {
        format!("{}/signed-in", self.own)
    }

    /// Begins a login: the verifier stays here, the browser carries its hash.
    fn begins(&self, app: &'static str, scope: &str) -> Option<(String, String)> {
        let (state, verifier) = (random::secret().ok()?, random::secret().ok()?);
        let url = with_query(
            &format!("{}/oauth2/authorize", self.gateway),
            &[
                ("client_id", app),
                ("redirect_uri", &self.redirect_uri()),
                ("response_type", "code"),
                ("scope", scope),
                ("state", &state),
                ("code_challenge", &URL_SAFE_NO_PAD.encode(sha256(verifier.as_bytes()))),
                ("code_challenge_method", "S256"),
            ],
        );
        // `state` is bound to this browser, so that nobody is led into a login that somebody else began (RFC 6749 §10.12).
        let cookie = format!("{COOKIE}={}; Path=/; HttpOnly; SameSite=Lax", bound(&state));
        let mut logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        if logins.len() == MOST {
            logins.remove(0);
        }
        logins.push(Login { state, verifier, app });
        Some((url, cookie))
    }

    /// The login of this state, which is used once.
    fn finishes(&self, state: &str) -> Option<Login> {
        let mut logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        let at = logins.iter().position(|login| login.state == state)?;
        Some(logins.remove(at))
    }

    /// Redeems the code, calls an API with the token, and asks who the user is if the app may know.
    async fn redeems(&self, login: &Login, code: &str) -> Result<(Json, Json, Option<Json>), String> {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", login.app),
            ("code", code),
            ("redirect_uri", &self.redirect_uri()),
            ("code_verifier", &login.verifier),
        ];
        let request = Request::post(format!("{}/oauth2/token", self.gateway))
            .header("Content-Type", "application/x-www-form-urlencoded")
            // A repetition of this request, had its response got lost, would get the same tokens.
            .header("Idempotency-Key", &login.state);
        let tokens = sent(request.body(Full::from(pairs(&form)))).await?;
        let access = tokens.get("access_token").and_then(Json::as_str).ok_or_else(|| tokens.to_string())?;
        let call = async |path| {
            let call =
                Request::get(format!("{}{path}", self.gateway)).header("Authorization", format!("Bearer {access}"));
            sent(call.body(Full::default())).await
        };
        let orders = call("/orders").await?;
        let person = if tokens.get("id_token").is_some() { Some(call("/oauth2/userinfo").await?) } else { None };
        Ok((tokens, orders, person))
    }
}

async fn home() -> Response {
    let links =
        APPS.map(|(app, _, what)| format!("<p><a href=\"/log-in?app={app}\">Log in with {app}</a>: {what}</p>"));
    page("Demo app", &links.concat())
}

#[derive(Deserialize)]
struct Asked {
    app: String,
}

async fn log_in(State(demo): State<DemoApp>, Query(asked): Query<Asked>) -> Response {
    let app = APPS.iter().find(|(app, ..)| *app == asked.app);
    match app.and_then(|(app, scope, _)| demo.begins(app, scope)) {
        Some((url, cookie)) => ([("Set-Cookie", cookie)], Redirect::to(&url)).into_response(),
        None => (StatusCode::NOT_FOUND, page("No such app", "<p><a href=\"/\">Back</a></p>")).into_response(),
    }
}

/// Where the gateway sends the browser back to.
async fn signed_in(
    State(demo): State<DemoApp>,
    headers: HeaderMap,
    Query(response): Query<BTreeMap<String, String>>,
) -> Response {
    let text = |name: &str| response.get(name).map(String::as_str).unwrap_or_default();
    let failed = |title: &str, detail: &str| {
        let body = format!("<pre>{}</pre><p><a href=\"/\">Back</a></p>", escaped(detail));
        (StatusCode::BAD_REQUEST, page(title, &body)).into_response()
    };
    let cookies =
        headers.get_all("Cookie").iter().filter_map(|field| field.to_str().ok()).flat_map(|field| field.split("; "));
    let own = format!("{COOKIE}={}", bound(text("state")));
    let begun_here = cookies.into_iter().any(|cookie| cookie == own);
    let Some(login) = demo.finishes(text("state")).filter(|_| begun_here) else {
        return failed("No login of this app", "its state is unknown, or was used before");
    };
    if text("iss") != demo.gateway {
        return failed("A response of another server", text("iss"));
    }
    if text("code").is_empty() {
        return failed("Not logged in", &format!("{}: {}", text("error"), text("error_description")));
    }
    match demo.redeems(&login, text("code")).await {
        Ok((tokens, orders, person)) => {
            let pretty = |json: &Json| escaped(&serde_json::to_string_pretty(json).unwrap_or_default());
            let person = person
                .map(|person| format!("<p>Who the user is, by /oauth2/userinfo:</p><pre>{}</pre>", pretty(&person)));
            page(
                "Logged in",
                &format!(
                    "<p>The tokens that {} got:</p><pre>{}</pre><p>A call of /orders with them, which the legacy back end \
                     answered:</p><pre>{}</pre>{}<p><a href=\"/\">Back</a> · <a href=\"{}/oauth2/logout\">Log out of the \
                     gateway's pages</a></p>",
                    login.app,
                    pretty(&tokens),
                    pretty(&orders),
                    person.unwrap_or_default(),
                    demo.gateway,
                ),
            )
        }
        Err(reason) => failed("The gateway did not answer as it should", &reason),
    }
}

/// What the cookie of a login holds: it tells nothing of `state`.
fn bound(state: &str) -> String {
    URL_SAFE_NO_PAD.encode(sha256(format!("browser of {state}").as_bytes()))
}

/// A response as JSON.
async fn sent(request: http::Result<Request<Full<Bytes>>>) -> Result<Json, String> {
    let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
    let request = request.map_err(|error| error.to_string())?;
    let response = client.request(request).await.map_err(|error| error.to_string())?;
    let body = response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
    serde_json::from_slice(&body).map_err(|_| String::from_utf8_lossy(&body).into_owned())
}

fn pairs(pairs: &[(&str, &str)]) -> String {
    let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    let pairs = pairs.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn with_query(url: &str, query: &[(&str, &str)]) -> String {
    format!("{url}?{}", pairs(query))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A page. Nothing on it may load or run anything.
fn page(title: &str, body: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><body><h1>{title}</h1>{body}</body></html>"
    );
    let policy =
        [("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"), ("Cache-Control", "no-store")];
    (policy, Html(html)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_finished_once_and_the_oldest_is_forgotten() {
        let demo = DemoApp::new("http://127.0.0.1:1", "http://127.0.0.1:2");
        let state = |url: &str| {
            url.split("state=").nth(1).unwrap().split('&').next().unwrap().replace("%2D", "-").replace("%5F", "_")
        };
        let first = state(&demo.begins("demo-app", "").unwrap().0);
        let second = state(&demo.begins("untrusted-app", "").unwrap().0);
        assert_eq!(demo.finishes(&second).unwrap().app, "untrusted-app");
        assert!(demo.finishes(&second).is_none() && demo.finishes("other").is_none());
        for _ in 0..MOST {
            demo.begins("demo-app", "").unwrap();
        }
        assert!(demo.finishes(&first).is_none());
    }
}
