//! WS-Trust: the security token service of Apache CXF, and back ends that verify what it issues with WSS4J, over TLS.

pub(crate) mod site;

use std::time::Duration;

use serde_json::Value as Json;
use support::{DEMO_APP, Response, SERVICE};

use crate::saml::{ACCESS_TOKEN, SAML2};
use site::{ALICE, BOB, CAROL, Site};

/// What the back end answered is the name that it believes.
fn is(api: &str, response: &Response, name: &str) {
    let text = response.text();
    // CXF wraps it in SOAP.
    let named = text.split_once("<return>").and_then(|(_, rest)| rest.split_once("</return>"));
    assert_eq!((response.status, named.map_or(text.as_str(), |(named, _)| named)), (200, name), "{api}: {text}");
}

fn asks_for_a_login(response: &Response) {
    assert_eq!(response.status, 401, "{}", response.text());
    assert_eq!(response.json()["error"], "insufficient_user_authentication");
}

/// Repeats this every half second until it gives something.
async fn until<T>(mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let found = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            if let Some(found) = attempt().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    });
    found.await.expect("an assertion of some seconds ends")
}

/// The assertion reaches the back ends as it was signed, in the clear or encrypted for them, and those who issued it are
/// known by their authority alone.
#[tokio::test]
#[cfg_attr(not(installed = "cxf"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn each_way_to_present_an_assertion_reaches_its_back_end_as_the_user() {
    let site = Site::start().await;
    let ways = ["soap", "timed", "header", "bearer", "encrypted"];
    let (alice, bob) = (site.login(ALICE, &ways.join(" ")).await, site.login(BOB, &ways.join(" ")).await);
    for _ in 0..2 {
        for (tokens, name) in [(&alice, "alice"), (&bob, "bob")] {
            for api in ways {
                is(api, &site.call(api, tokens).await, name);
            }
        }
    }
    // A refresh keeps what cannot be renewed.
    let alice = site.gateway.refresh(&alice).await;
    for api in ways {
        is(api, &site.call(api, &alice).await, "alice");
    }

    // Whom a back end no longer believes logs in again, and nobody else does.
    site.distrust("alice");
    for api in ways {
        asks_for_a_login(&site.call(api, &alice).await);
        is(api, &site.call(api, &bob).await, "bob");
    }
    let form = [("token", bob.refresh.as_str()), ("client_id", DEMO_APP)];
    assert_eq!(site.gateway.post_form("/oauth2/revoke", &form).await.status, 200);
    assert_eq!(site.call("soap", &bob).await.status, 401);
}

/// A service behind the gateway gets what each way presents, and is the user with it.
#[tokio::test]
#[cfg_attr(not(installed = "cxf"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn a_service_gets_assertion_or_token_and_is_believed() {
    let site = Site::start().await;
    let bob = site.login(BOB, &format!("header soap bearer {SERVICE}")).await;
    for api in ["header", "soap"] {
        let (assertion, _) = site.gateway.exchange(&bob.access, api, SAML2).await;
        let form = format!("grant_type=urn:ietf:params:oauth:grant-type:saml2-bearer&assertion={assertion}");
        let granted: Json = serde_json::from_str(&site.directly("/oauth/token", &["-d", &form])).expect("JSON");
        let authorization = format!("Authorization: Bearer {}", granted["access_token"].as_str().expect("a token"));
        assert_eq!(site.directly("/oauth/who", &["-H", &authorization]), "bob");
    }
    let (token, body) = site.gateway.exchange(&bob.access, "bearer", ACCESS_TOKEN).await;
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(site.directly("/oauth/who", &["-H", &format!("Authorization: Bearer {token}")]), "bob");
}

#[tokio::test]
#[cfg_attr(not(installed = "cxf"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn only_what_the_token_service_says_decides_a_login() {
    let site = Site::start().await;
    // Whether the service says what was wrong, or hides it as it does unless it is told otherwise.
    for scope in ["plain", "header"] {
        let refused = site.try_login(CAROL, scope).await;
        assert_eq!((refused.status, refused.json()["error"].as_str()), (400, Some("invalid_grant")), "{scope}");
        let told = "the back end of SCOPE did not accept the username or password".replace("SCOPE", scope);
        assert_eq!(refused.json()["error_description"], told.as_str());
    }
    // The password was right, and another try may help.
    for scope in ["foreign", "unreadable"] {
        let unavailable = site.try_login(ALICE, scope).await;
        assert_eq!(unavailable.status, 503, "{scope}: {}", unavailable.text());
        assert!(!unavailable.header("retry-after").is_empty());
    }
    let log = site.gateway.logged().await.join("\n");
    for said in ["the token service had an error", "the assertion is encrypted, which only `ws_security` passes on"] {
        assert!(log.contains(said), "{said} is not in {log}");
    }
    site.login(ALICE, "plain").await;

    let gateway = site.stop();
    let form = [
        ("grant_type", "password"),
        ("client_id", DEMO_APP),
        ("username", ALICE.name),
        ("password", ALICE.password),
        ("scope", "header"),
    ];
    // Its port closes when the process has ended.
    let down = loop {
        let response = gateway.post_form("/oauth2/token", &form).await;
        if response.status != 200 {
            break response;
        }
    };
    assert_eq!(down.status, 503, "{}", down.text());
}

#[tokio::test]
#[cfg_attr(not(installed = "cxf"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn an_assertion_that_has_ended_asks_for_a_login_and_nothing_else_stops() {
    let site = Site::start().await;
    let alice = site.login(ALICE, "header short").await;
    is("short", &site.call("short", &alice).await, "alice");
    let over = until(async || Some(site.call("short", &alice).await).filter(|response| response.status != 200)).await;
    asks_for_a_login(&over);
    is("header", &site.call("header", &alice).await, "alice");
    // It cannot be renewed, and the session goes on without it.
    let alice = site.gateway.refresh(&alice).await;
    asks_for_a_login(&site.call("short", &alice).await);
    is("header", &site.call("header", &alice).await, "alice");
}

/// By the assertion itself before its end, and by a certificate of the gateway's after it as well.
#[tokio::test]
#[cfg_attr(not(installed = "cxf"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn a_service_that_renews_needs_no_password() {
    let site = Site::start().await;
    let (mut alice, bob) = (site.login(ALICE, "renewed").await, site.login(BOB, "certified").await);
    is("certified", &site.call("certified", &bob).await, "bob");
    // A session in use is refreshed before its assertion ends, of twelve seconds. Here it outlives two of them.
    for _ in 0..52 {
        alice = site.gateway.refresh(&alice).await;
        is("renewed", &site.call("renewed", &alice).await, "alice");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    // Meanwhile nobody has used his, of eight seconds, and his access token has ended with it.
    assert_eq!(site.call("certified", &bob).await.status, 401);
    let bob = site.gateway.refresh(&bob).await;
    is("certified", &site.call("certified", &bob).await, "bob");
}
