//! SAML: SimpleSAMLphp as the identity provider, Apache with mod_auth_mellon as the service provider.

mod alone;
mod keycloak;
pub(crate) mod site;

use std::time::Duration;

use support::{DEMO_APP, Response, SERVICE};

use site::{ALICE, BOB, CAROL, ENVELOPE, Site};

// The types of what a service gets.
pub(crate) const SAML2: &str = "urn:ietf:params:oauth:token-type:saml2";
pub(crate) const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const SESSION: &str = "urn:mobile-api-gateway:token-type:session";

/// What the server at the back end answered is the name it believes.
fn is(response: &Response, body: &str) {
    assert_eq!((response.status, response.text().as_str()), (200, body));
}

fn asks_for_a_login(response: &Response) {
    assert_eq!(response.status, 401, "{}", response.text());
    assert_eq!(response.json()["error"], "insufficient_user_authentication");
}

/// Signatures are verified by SimpleSAMLphp's own library at the back end: the bytes arrive as they were signed.
#[tokio::test]
#[cfg_attr(not(installed = "saml"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn each_way_to_present_an_assertion_reaches_its_back_end_as_the_user() {
    let site = Site::start().await;
    let everything = "portal header soap bearer";
    let (alice, bob) = (site.login(ALICE, everything).await, site.login(BOB, everything).await);
    for _ in 0..2 {
        for (tokens, name) in [(&alice, "alice"), (&bob, "bob")] {
            for path in ["/who", "/header/who", "/bearer/who"] {
                is(&site.gateway.call("GET", path, &tokens.access).await, name);
            }
            is(&site.soap("soap", ENVELOPE, &tokens.access).await, &format!("<who>{name}</who>"));
        }
    }
    // A refresh keeps what cannot be renewed.
    let alice = site.gateway.refresh(&alice).await;
    is(&site.gateway.call("GET", "/who", &alice.access).await, "alice");
    is(&site.gateway.call("GET", "/header/who", &alice.access).await, "alice");

    // The end of the session is the end of that at the service provider.
    let form = [("token", alice.refresh.as_str()), ("client_id", DEMO_APP)];
    assert_eq!(site.gateway.post_form("/oauth2/revoke", &form).await.status, 200);
    // Apache writes its log once the response is on its way.
    let told = tokio::time::timeout(Duration::from_secs(30), async {
        while !site.was_told("GET /mellon/invalidate 30") {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    told.await.expect("a logout at the service provider");
    is(&site.gateway.call("GET", "/who", &bob.access).await, "bob");
}

/// A service behind the gateway gets what each way presents, and is the user with it.
#[tokio::test]
#[cfg_attr(not(installed = "saml"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn a_service_gets_assertion_token_or_cookies_and_is_believed() {
    let site = Site::start().await;
    let alice = site.login(ALICE, &format!("portal header soap bearer {SERVICE}")).await;
    let [portal, back_end] = site.directly();

    for api in ["header", "soap"] {
        let (assertion, body) = site.gateway.exchange(&alice.access, api, SAML2).await;
        assert!(body["expires_in"].as_u64().is_some_and(|seconds| seconds > 0), "{body}");
        let form = [("grant_type", "urn:ietf:params:oauth:grant-type:saml2-bearer"), ("assertion", &assertion)];
        let token = back_end.post_form("/sp/token", &form).await.tokens().access;
        let request = back_end.request("GET", "/header/who").bearer_auth(token);
        is(&back_end.response(request).await, "alice");
    }
    let (token, body) = site.gateway.exchange(&alice.access, "bearer", ACCESS_TOKEN).await;
    assert_eq!(body["token_type"], "Bearer");
    is(&back_end.response(back_end.request("GET", "/bearer/who").bearer_auth(token)).await, "alice");

    let (cookies, _) = site.gateway.exchange(&alice.access, "portal", SESSION).await;
    is(&portal.response(portal.request("GET", "/who").header("Cookie", cookies)).await, "alice");
}

#[tokio::test]
#[cfg_attr(not(installed = "saml"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn a_call_cannot_say_itself_who_calls() {
    let site = Site::start().await;
    let alice = site.login(ALICE, "header soap").await;
    // SOAP with a timestamp of its own is completed.
    let security = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
    let utility = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
    let with = |inside: &str| {
        let header = format!(
            "<s:Header><x:Security xmlns:x=\"{security}\" xmlns:u=\"{utility}\">{inside}</x:Security></s:Header><s:Body>"
        );
        ENVELOPE.replace("<s:Body>", &header)
    };
    let timestamp = "<u:Timestamp><u:Created>2026-01-01T00:00:00Z</u:Created></u:Timestamp>";
    is(&site.soap("soap", &with(timestamp), &alice.access).await, "<who>alice</who>");
    let named = "<x:UsernameToken><x:Username>bob</x:Username></x:UsernameToken>";
    for body in
        [with(named), with(&[timestamp, named].concat()), "no envelope".to_owned(), ENVELOPE.replace("s:", "t:")]
    {
        let refused = site.soap("soap", &body, &alice.access).await;
        assert_eq!(refused.status, 400, "{}", refused.text());
    }
    // A header of the app's own is not passed on.
    let request = site.gateway.request("GET", "/header/who").bearer_auth(&alice.access);
    is(&site.gateway.response(request).await, "alice");
}

#[tokio::test]
#[cfg_attr(not(installed = "saml"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn only_what_the_identity_provider_says_decides_a_login() {
    let site = Site::start().await;
    for scope in ["portal", "header"] {
        let refused = site.try_login(CAROL, scope).await;
        assert_eq!((refused.status, refused.json()["error"].as_str()), (400, Some("invalid_grant")), "{scope}");
    }
    // One is for somebody else, the other one is not there: another try may help, and the password was not wrong.
    for scope in ["foreign", "down"] {
        let unavailable = site.try_login(ALICE, scope).await;
        assert_eq!(unavailable.status, 503, "{scope}: {}", unavailable.text());
        assert!(!unavailable.header("retry-after").is_empty());
    }
    site.login(ALICE, "portal").await;
}

#[tokio::test]
#[cfg_attr(not(installed = "saml"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn an_assertion_that_has_ended_asks_for_a_login_and_nothing_else_stops() {
    let site = Site::start().await;
    let alice = site.login(ALICE, "portal header short brief").await;
    is(&site.gateway.call("GET", "/short/who", &alice.access).await, "alice");
    let over = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            let response = site.gateway.call("GET", "/short/who", &alice.access).await;
            if response.status != 200 {
                return response;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    asks_for_a_login(&over.await.expect("an assertion of eight seconds ends"));
    // A fault about the token is the same in SOAP.
    asks_for_a_login(&site.soap("brief", ENVELOPE, &alice.access).await);
    for path in ["/who", "/header/who"] {
        is(&site.gateway.call("GET", path, &alice.access).await, "alice");
    }
    // It cannot be renewed, and the session goes on without it.
    let alice = site.gateway.refresh(&alice).await;
    asks_for_a_login(&site.gateway.call("GET", "/short/who", &alice.access).await);
    is(&site.gateway.call("GET", "/who", &alice.access).await, "alice");
}
