//! Somebody at the pages of a gateway: keeps cookies, fills in forms and follows redirects.

use std::collections::BTreeMap;

use crate::{Client, Response, Tokens, User};

/// The code verifier of RFC 7636, Appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// The challenge of it.
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// Where every app of the demo may get its codes.
pub const REDIRECT_URI: &str = "http://127.0.0.1:49152/signed-in";

/// A browser without a window.
pub struct Visitor<'g> {
    client: &'g Client,
    cookies: BTreeMap<String, String>,
}

impl<'g> Visitor<'g> {
    /// A browser that was nowhere yet.
    pub fn of(client: &'g Client) -> Self {
        Self { client, cookies: BTreeMap::new() }
    }

    /// The path and query of a right authorization request.
    pub fn asking(app: &str, scope: &str, more: &[(&str, &str)]) -> String {
        let right = [
            ("client_id", app),
            ("redirect_uri", REDIRECT_URI),
            ("response_type", "code"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("scope", scope),
            ("state", "state"),
        ];
        let pairs = right.iter().chain(more);
        let url = reqwest::Url::parse_with_params("http://gateway/oauth2/authorize", pairs).expect("a URL");
        format!("{}?{}", url.path(), url.query().unwrap_or_default())
    }

    /// Sends a request with the cookies, and keeps those that come.
    pub async fn send(&mut self, request: reqwest::RequestBuilder) -> Response {
        let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = if pairs.is_empty() { request } else { request.header("Cookie", pairs.join("; ")) };
        let response = self.client.response(request).await;
        for cookie in response.headers.get_all("Set-Cookie") {
            let (name, rest) = cookie.to_str().expect("text").split_once('=').expect("a cookie");
            self.cookies.insert(name.to_owned(), rest.split(';').next().unwrap_or_default().to_owned());
        }
        response
    }

    /// Loads a page.
    pub async fn get(&mut self, path: &str) -> Response {
        self.send(self.client.request("GET", path)).await
    }

    /// Fills in the form of the page at this path, and sends it.
    pub async fn fill(&mut self, path: &str, fields: &[(&str, &str)]) -> Response {
        let page = self.get(path).await.text();
        let (_, rest) = page.split_once("name=\"form_token\" value=\"").unwrap_or_else(|| panic!("no form: {page}"));
        let token = rest.split('"').next().unwrap_or_default().to_owned();
        let form = [fields, &[("form_token", token.as_str())]].concat();
        self.send(self.client.request("POST", path).form(&form)).await
    }

    /// Logs a user in for an app, with the consent if it is asked for, and returns the code.
    pub async fn logs_in(&mut self, path: &str, user: User) -> String {
        let mut response = self.fill(path, &[("username", user.name), ("password", user.password)]).await;
        assert_eq!(response.status, 303, "{}", response.text());
        if response.header("Location").starts_with('/') {
            let consent = response.header("Location").to_owned();
            response = self.fill(&consent, &[("decision", "allow")]).await;
        }
        parameter(&response, "code")
    }

    /// The response to the redemption of a code by a public app.
    pub async fn redeem(&self, app: &str, code: &str) -> Response {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", app),
            ("code", code),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", VERIFIER),
        ];
        self.client.post_form("/oauth2/token", &form).await
    }

    /// The whole way: from the login form to tokens.
    pub async fn tokens(&mut self, app: &str, scope: &str, user: User) -> Tokens {
        let code = self.logs_in(&Self::asking(app, scope, &[]), user).await;
        self.redeem(app, &code).await.tokens()
    }
}

/// A parameter of the redirect in a response.
pub fn parameter(response: &Response, name: &str) -> String {
    let location = response.header("Location");
    let url = reqwest::Url::parse(location).unwrap_or_else(|_| panic!("{location:?}: {}", response.text()));
    let found = url.query_pairs().find(|(other, _)| other == name).map(|(_, value)| value.into_owned());
    found.unwrap_or_else(|| panic!("no {name} in {location}"))
}
