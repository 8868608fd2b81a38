//! A client of the gateway: logs in, refreshes, calls.

use std::net::IpAddr;

use reqwest::Method;
use serde_json::Value as Json;

/// A public, trusted app: password and refresh token grants.
pub const DEMO_APP: &str = "demo-app";
/// A confidential app: password, refresh token and client credentials grants.
pub const PARTNER_APP: &str = "partner-app";
/// A public app that is not trusted with passwords.
pub const UNTRUSTED_APP: &str = "untrusted-app";

/// A user who can log in.
#[derive(Debug, Clone, Copy)]
pub struct User {
    /// Name.
    pub name: &'static str,
    /// Password.
    pub password: &'static str,
}

/// A user of the demo.
pub const ADA: User = User { name: "ada@example.com", password: "correct horse battery staple" };
/// Another user of the demo.
pub const BOB: User = User { name: "bob@example.com", password: "staple battery horse correct" };

/// The tokens that a successful login or refresh returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// Access token.
    pub access: String,
    /// Refresh token; empty if there is none.
    pub refresh: String,
}

/// A response, read to its end.
#[derive(Debug, Clone)]
pub struct Response {
    /// Status.
    pub status: u16,
    /// Headers.
    pub headers: reqwest::header::HeaderMap,
    /// Body.
    pub body: Vec<u8>,
}

impl Response {
    /// A header as text; empty if it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The tokens of a successful response of the token endpoint.
    pub fn tokens(&self) -> Tokens {
        assert_eq!(self.status, 200, "{}", self.text());
        let body = self.json();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        Tokens { access: text("access_token"), refresh: text("refresh_token") }
    }
}

/// A client of one gateway, local or deployed.
pub struct Client {
    base_url: String,
    http: reqwest::Client,
}

impl Client {
    /// A client of the gateway at `http://…`.
    pub fn new(base_url: &str) -> Self {
        Self::built(base_url, reqwest::Client::builder())
    }

    /// A client whose requests come from this address of the machine.
    pub fn at(base_url: &str, source: IpAddr) -> Self {
        Self::built(base_url, reqwest::Client::builder().local_address(source))
    }

    fn built(base_url: &str, builder: reqwest::ClientBuilder) -> Self {
        let http = builder.no_proxy().redirect(reqwest::redirect::Policy::none()).build();
        Self { base_url: base_url.to_owned(), http: http.expect("a client") }
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    /// A request with nothing set but its method and path.
    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        self.http.request(method, self.url(path))
    }

    /// Sends a request and reads the response.
    pub async fn response(&self, request: reqwest::RequestBuilder) -> Response {
        let response = request.send().await.expect("a response");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Response { status, headers, body: response.bytes().await.expect("a body").to_vec() }
    }

    /// Posts a form to the token endpoint, or to another endpoint such as `/oauth2/revoke`.
    pub async fn post_form(&self, path: &str, form: &[(&str, &str)]) -> Response {
        self.response(self.request("POST", path).form(form)).await
    }

    /// The response to a login of a public app.
    pub async fn try_login(&self, app: &str, name: &str, password: &str) -> Response {
        let form = [("grant_type", "password"), ("client_id", app), ("username", name), ("password", password)];
        self.post_form("/oauth2/token", &form).await
    }

    /// Logs in to `demo-app`.
    pub async fn login(&self, user: User) -> Tokens {
        self.try_login(DEMO_APP, user.name, user.password).await.tokens()
    }

    /// The response to a refresh of a public app.
    pub async fn try_refresh(&self, app: &str, refresh_token: &str) -> Response {
        let form = [("grant_type", "refresh_token"), ("client_id", app), ("refresh_token", refresh_token)];
        self.post_form("/oauth2/token", &form).await
    }

    /// Refreshes at `demo-app`.
    pub async fn refresh(&self, tokens: &Tokens) -> Tokens {
        self.try_refresh(DEMO_APP, &tokens.refresh).await.tokens()
    }

    /// Calls an API with an access token.
    pub async fn call(&self, method: &str, path: &str, access_token: &str) -> Response {
        self.response(self.request(method, path).bearer_auth(access_token)).await
    }
}
