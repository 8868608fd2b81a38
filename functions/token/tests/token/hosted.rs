//! A browser at the pages of the authorize function: it keeps cookies, fills in forms and follows what it is told.

use std::collections::BTreeMap;

use gateway_authorize::AuthorizationEndpoint;
use serde_json::Value;

use crate::fixture::{Fixture, PASSWORD};
use crate::request::{Request, Response, encode, post, request};

/// The code verifier and its challenge of RFC 7636, Appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// Where `native` gets its codes.
pub(crate) const NATIVE: &str = "com.example.app:/cb";

/// A browser.
pub(crate) struct Browser {
    endpoint: AuthorizationEndpoint,
    cookies: BTreeMap<String, String>,
}

/// The parameters of an authorization request that is right, but for these.
pub(crate) fn asking(client: &str, redirect_uri: &str, scope: &str, changes: &[(&str, &str)]) -> Vec<(String, String)> {
    let right = [
        ("client_id", client),
        ("redirect_uri", redirect_uri),
        ("response_type", "code"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("scope", scope),
        ("state", "s&t"),
    ];
    let kept = right.iter().filter(|(name, _)| !changes.iter().any(|(other, _)| other == name));
    kept.chain(changes).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The right request of `native` for this scope.
pub(crate) fn native(scope: &str) -> Vec<(String, String)> {
    asking("native", NATIVE, scope, &[])
}

impl Browser {
    pub(crate) fn new(fixture: &Fixture) -> Self {
        Self { endpoint: fixture.authorize(), cookies: BTreeMap::new() }
    }

    /// A browser at the pages of another configuration.
    pub(crate) fn at(endpoint: AuthorizationEndpoint) -> Self {
        Self { endpoint, cookies: BTreeMap::new() }
    }

    /// The same browser, whose requests another container gets.
    pub(crate) fn elsewhere(&self, endpoint: AuthorizationEndpoint) -> Self {
        Self { endpoint, cookies: self.cookies.clone() }
    }

    /// Sends a request with the cookies, and keeps those that come.
    pub(crate) async fn send(&mut self, request: Request) -> Response {
        let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = if pairs.is_empty() { request } else { request.header("Cookie", &pairs.join("; ")) };
        let response = Response::of(&self.endpoint.handle(request.rest()).await);
        for cookie in set_cookies(&response) {
            let (name, rest) = cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if rest.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        response
    }

    /// Loads a page.
    pub(crate) async fn get(&mut self, path: &str, query: &[(String, String)]) -> Response {
        self.send(with_query(request("GET", path), query)).await
    }

    /// Sends a form to the page that it is on.
    pub(crate) async fn post(&mut self, path: &str, query: &[(String, String)], fields: &[(&str, &str)]) -> Response {
        self.send(with_query(post(path, fields), query)).await
    }

    /// Loads the login form and sends it as `<name>@example.com` with this password.
    pub(crate) async fn types(&mut self, query: &[(String, String)], name: &str, password: &str) -> Response {
        let page = self.get("/oauth2/authorize", query).await;
        self.types_into(&page, query, name, password).await
    }

    /// The same with a login form that was loaded before.
    pub(crate) async fn types_into(
        &mut self,
        page: &Response,
        query: &[(String, String)],
        name: &str,
        password: &str,
    ) -> Response {
        let token = form_token(page);
        let username = format!("{name}@example.com");
        let fields = [("form_token", token.as_str()), ("username", &username), ("password", password)];
        self.post("/oauth2/authorize", query, &fields).await
    }

    /// Logs alice in and returns the parameters of the redirect to the client.
    pub(crate) async fn logs_in(&mut self, query: &[(String, String)]) -> BTreeMap<String, String> {
        redirected(&self.types(query, "alice", PASSWORD).await)
    }

    /// Whether the browser has the cookie of a login.
    pub(crate) fn has_login(&self) -> bool {
        self.cookies.keys().any(|name| name.ends_with("login"))
    }
}

fn with_query(request: Request, query: &[(String, String)]) -> Request {
    query.iter().fold(request, |request, (name, value)| request.query(name, value))
}

/// All cookies that a response sets.
pub(crate) fn set_cookies(response: &Response) -> Vec<String> {
    let named = response.headers.as_object().unwrap().iter().find(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
    let values = named.and_then(|(_, value)| value.as_array()).into_iter().flatten();
    values.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The hidden field of a form.
pub(crate) fn form_token(page: &Response) -> String {
    let (_, rest) = page.text.split_once("name=\"form_token\" value=\"").unwrap_or_else(|| panic!("{}", page.text));
    rest.split('"').next().unwrap().to_owned()
}

/// The parameters of a redirect.
pub(crate) fn redirected(response: &Response) -> BTreeMap<String, String> {
    assert_eq!(response.status, 303, "{}", response.text);
    let location = response.header("Location").unwrap();
    let (_, query) = location.split_once('?').unwrap();
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap());
    let decode = |text: &str| gateway_domain::form::decode(text).unwrap();
    pairs.map(|(name, value)| (decode(name), decode(value))).collect()
}

/// The redemption of a code by a public application, with these changes.
pub(crate) fn redemption(client: &str, code: &str, changes: &[(&str, &str)]) -> Request {
    let right = [
        ("grant_type", "authorization_code"),
        ("client_id", client),
        ("code", code),
        ("redirect_uri", NATIVE),
        ("code_verifier", VERIFIER),
    ];
    let kept = right.iter().filter(|(name, _)| !changes.iter().any(|(other, _)| other == name));
    post("/oauth2/token", &kept.chain(changes).copied().collect::<Vec<_>>())
}

/// A page without what differs from one form to the next.
pub(crate) fn without_token(page: &Response) -> String {
    page.text.replace(&encode(&form_token(page)), "").replace(&form_token(page), "")
}
