//! A service behind the gateway, which exchanges the access tokens that it is passed (RFC 8693).

use serde_json::Value as Json;

use crate::{Client, DEMO_APP, Response};

/// Its client id, which is also the name of its API and of the scope that opens that.
pub const SERVICE: &str = "service";
const SECRET: &str = "of-the-service-0123456789abcdef0123456789";

/// A gateway.yaml and a seed with the service, besides all that they have: `DEMO_APP` may call it, and it may have what that app has.
pub fn with_service(config: &str, seed: &str) -> (String, String) {
    let api = format!(
        "apis:\n  {SERVICE}:\n    back_end: http://127.0.0.1:1\n    pass_access_token: {{ audience: {SERVICE} }}\n    \
         routes: [{{ path: /{SERVICE}, methods: {{ GET: [{SERVICE}] }} }}]\n"
    );
    let listed = seed.split_once("subscriptions: [").and_then(|(_, rest)| rest.split_once(']'));
    let (apis, _) = listed.unwrap_or_else(|| panic!("the apps of this seed are subscribed to nothing:\n{seed}"));
    let scopes =
        seed.split_once("scopes: [").and_then(|(_, rest)| rest.split_once(']')).map_or("", |(scopes, _)| scopes);
    let app = format!(
        "  {SERVICE}:\n    name: A service\n    kind: confidential\n    secret: {SECRET}\n    trusted: false\n    \
         grants: [token_exchange]\n    scopes: [{scopes}]\n    plan: standard\n    subscriptions: [{apis}]\n"
    );
    let app_may = format!("  {DEMO_APP}:\n");
    assert!(config.contains("\napis:\n") && seed.contains(&app_may), "{config}\n{seed}");
    let config =
        config.replacen("apis:\n", &api, 1).replacen("scopes: { ", &format!("scopes: {{ {SERVICE}: The service, "), 1);
    let seed = seed
        .replacen("scopes: [", &format!("scopes: [{SERVICE}, "), 1)
        .replacen("subscriptions: [", &format!("subscriptions: [{SERVICE}, "), 1)
        .replacen(&app_may, &(app + &app_may), 1);
    (config, seed)
}

impl Client {
    /// The response to an exchange by the service: what this access token's user has at the connector of an API.
    pub async fn try_exchange(&self, access_token: &str, api: &str) -> Response {
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("subject_token", access_token),
            ("audience", api),
        ];
        self.response(self.request("POST", "/oauth2/token").basic_auth(SERVICE, Some(SECRET)).form(&form)).await
    }

    /// What the service gets, of this type, and the whole response.
    pub async fn exchange(&self, access_token: &str, api: &str, kind: &str) -> (String, Json) {
        let response = self.try_exchange(access_token, api).await;
        assert_eq!(response.status, 200, "{}", response.text());
        let body = response.json();
        assert_eq!(body["issued_token_type"], kind, "{body}");
        (body["access_token"].as_str().expect("a token").to_owned(), body)
    }
}
