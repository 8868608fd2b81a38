//! The login form: whom it logs in, whom it does not, and what it tells.

use gateway_authorize::AuthorizationEndpoint;
use gateway_domain::ids::UserId;

use crate::fixture::{Fixture, NOTES, PASSWORD, password_login};
use crate::hosted::{Browser, NATIVE, asking, form_token, native, redemption, redirected, set_cookies, without_token};
use crate::login_attempts::guessed_together;
use crate::request::post;

/// Checklist G-20, M-08, S-03, O-07: the whole way, with the internal tokens that a password grant would have got.
#[tokio::test]
async fn a_login_on_the_page_gives_a_code_and_the_code_gives_tokens() {
    let fixture = Fixture::new().await;
    let mut browser = Browser::new(&fixture);
    let query = native("orders:read notes:read");
    let response = browser.types(&query, "alice", PASSWORD).await;
    assert!(response.header("Location").unwrap().starts_with("com.example.app:/cb?code=mgc_"), "{response:?}");
    assert_eq!(response.header("Cache-Control"), Some("no-store"));
    let parameters = redirected(&response);
    assert_eq!((parameters["state"].as_str(), parameters["iss"].as_str()), ("s&t", "https://auth.example.com"));
    let tokens = fixture.send(redemption("native", &parameters["code"], &[])).await;
    assert_eq!(tokens.body["scope"], "notes:read orders:read");
    let tokens = tokens.tokens();
    assert!(fixture.calls(&tokens.access).await);
    assert_eq!(fixture.versions(&tokens.access).await, [1], "the legacy system's token is there");
    assert_eq!(fixture.refresh("native", &tokens.refresh).await.status, 200);
    assert!(!fixture.dump().await.contains("pässwörd"), "no table holds the password");
}

/// Checklist G-24, S-14: what every page says about itself is tested with the pages; here, that these pages are such.
#[tokio::test]
async fn the_form_may_lead_to_its_client_and_is_framed_by_nobody() {
    let fixture = Fixture::new().await;
    let page = Browser::new(&fixture).get("/oauth2/authorize", &native(NOTES)).await;
    let policy = page.header("Content-Security-Policy").unwrap();
    assert!(policy.contains("form-action 'self' com.example.app:;") && policy.contains("frame-ancestors 'none'"));
    assert!(set_cookies(&page)[0].starts_with("__Host-gateway-browser="), "{page:?}");
}

/// Checklist G-25, S-15: a form that was made for another browser, or sent by another site, logs nobody in and loses nothing typed.
#[tokio::test]
async fn a_form_of_another_browser_or_site_logs_nobody_in() {
    let fixture = Fixture::new().await;
    let query = native(NOTES);
    let other = form_token(&Browser::new(&fixture).get("/oauth2/authorize", &query).await);
    let mut browser = Browser::new(&fixture);
    let own = form_token(&browser.get("/oauth2/authorize", &query).await);
    let typed = [("username", "alice@example.com"), ("password", PASSWORD)];
    for token in [None, Some(other.as_str()), Some("")] {
        let fields: Vec<_> = typed.into_iter().chain(token.map(|token| ("form_token", token))).collect();
        let page = browser.post("/oauth2/authorize", &query, &fields).await;
        assert_eq!(page.status, 400);
        assert!(page.text.contains("value=\"alice@example.com\"") && !page.text.contains("pässwörd"), "{}", page.text);
        assert!(!browser.has_login());
    }
    let fields = [typed[0], typed[1], ("form_token", own.as_str())];
    let foreign = post("/oauth2/authorize", &fields).header("Origin", "https://evil.example");
    let foreign = query.iter().fold(foreign, |request, (name, value)| request.query(name, value));
    let bare = Browser::new(&fixture).send(foreign.clone()).await;
    assert!(set_cookies(&bare).is_empty(), "the form of another site replaces no cookie");
    let refused = browser.send(foreign).await;
    assert_eq!((refused.status, refused.header("Access-Control-Allow-Origin")), (400, None));
    assert_eq!(browser.post("/oauth2/authorize", &query, &fields).await.status, 303, "the harmless twin");
}

/// The page and its cost tell nobody which accounts exist.
#[tokio::test]
async fn unknown_wrong_and_disabled_read_and_cost_alike() {
    let fixture = Fixture::new().await;
    let mut seen = Vec::new();
    for (name, password) in [("nobody", PASSWORD), ("alice", "wrong"), ("dora", PASSWORD)] {
        let mut browser = Browser::new(&fixture);
        let query = native(NOTES);
        let token = form_token(&browser.get("/oauth2/authorize", &query).await);
        fixture.wire.since_last();
        let username = format!("{name}@example.com");
        let fields = [("form_token", token.as_str()), ("username", &username), ("password", password)];
        let page = browser.post("/oauth2/authorize", &query, &fields).await;
        assert!(!browser.has_login());
        seen.push((page.status, without_token(&page).replace(name, "NAME"), fixture.wire.since_last()));
    }
    assert_eq!(seen[0].0, 400);
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0], seen[2]);
}

/// One guard for both ways in: wrong passwords at the token endpoint leave the page fewer attempts, and the other way round.
#[tokio::test]
async fn attempts_at_the_page_and_at_the_token_endpoint_count_together() {
    let fixture = Fixture::new().await;
    let mut browser = Browser::new(&fixture);
    let query = asking("pub1", NATIVE, NOTES, &[]);
    // `pub1` has the password grant; here it gets a redirect URI as well, so that the pair of account and client is one.
    let mut app =
        fixture.db.store.apps.get(&gateway_domain::ids::ClientId::parse("pub1").unwrap()).await.unwrap().unwrap();
    app.redirect_uris = [gateway_domain::redirect_uri::RedirectUri::parse(NATIVE).unwrap()].into();
    app.grants.insert(gateway_store::GrantType::AuthorizationCode);
    fixture.db.store.apps.put(&app).await.unwrap();
    guessed_together(async |number: usize| match number % 2 {
        0 => browser.types(&query, "alice", "wrong").await,
        _ => fixture.send(password_login("alice", "pub1", "wrong")).await,
    })
    .await;
    let waits = browser.types(&query, "alice", PASSWORD).await;
    assert_eq!(waits.status, 429);
    assert!(waits.header("Retry-After").is_some() && waits.text.contains("role=\"alert\""), "{}", waits.text);
    assert_eq!(fixture.send(password_login("alice", "pub1", PASSWORD)).await.status, 429);
    // The owner may prove it by a mail, where mails are sent.
    assert!(waits.text.contains("/account/unlock"), "{}", waits.text);
    let mut quiet = Browser::at(AuthorizationEndpoint { mails: false, ..fixture.authorize() });
    let waits = quiet.types(&query, "alice", PASSWORD).await;
    assert!(waits.status == 429 && !waits.text.contains("/account/unlock"), "{}", waits.text);
}

#[tokio::test]
async fn a_legacy_system_that_refuses_is_named_and_nothing_of_the_login_stays() {
    let fixture = Fixture::new().await;
    fixture.add_user("carol").await;
    let mut browser = Browser::new(&fixture);
    let page = browser.types(&native("orders:read"), "carol", PASSWORD).await;
    assert_eq!(page.status, 400);
    assert!(page.text.contains("Order System") && page.text.contains("carol@example.com"), "{}", page.text);
    assert!(!browser.has_login());
    let scanned = fixture.db.client.scan().table_name(&fixture.db.tables.pending_sessions).send().await.unwrap();
    assert_eq!(scanned.items().len(), 0, "no pending session");
}

/// Abuse case J1; checklist G-22, S-13: without a client and a redirect URI of its own, nobody is sent anywhere.
#[tokio::test]
async fn a_request_without_a_right_redirect_uri_gets_a_page() {
    let fixture = Fixture::new().await;
    let mut browser = Browser::new(&fixture);
    for changes in [
        vec![("client_id", "")],
        vec![("client_id", "nobody")],
        vec![("client_id", "no body")],
        vec![("client_id", "retired")],
        vec![("redirect_uri", "")],
        vec![("redirect_uri", "https://evil.example/cb")],
        vec![("redirect_uri", "com.example.app:/cb2")],
        vec![("redirect_uri", "https://third.example/cb?keep=1")],
    ] {
        let page = browser.get("/oauth2/authorize", &asking("native", NATIVE, NOTES, &changes)).await;
        assert_eq!((page.status, page.header("Location")), (400, None), "{changes:?}");
        assert!(page.header("Content-Type").unwrap().starts_with("text/html"), "{changes:?}");
    }
    let twice = [asking("native", NATIVE, NOTES, &[]), vec![("state".to_owned(), "again".to_owned())]].concat();
    assert_eq!(browser.get("/oauth2/authorize", &twice).await.status, 400, "G-20: a repeated parameter");
}

/// Checklist G-23.
#[tokio::test]
async fn every_other_mistake_is_told_to_the_client() {
    let fixture = Fixture::new().await;
    let mut browser = Browser::new(&fixture);
    for (changes, error) in [
        (vec![("response_type", "token")], "unsupported_response_type"),
        (vec![("response_type", "")], "invalid_request"),
        (vec![("scope", "admin")], "invalid_scope"),
        (vec![("code_challenge", "")], "invalid_request"),
        (vec![("prompt", "none")], "login_required"),
    ] {
        let redirect = redirected(&browser.get("/oauth2/authorize", &asking("native", NATIVE, NOTES, &changes)).await);
        let told = ["error", "state", "iss"].map(|name| redirect[name].as_str());
        assert_eq!(told, [error, "s&t", "https://auth.example.com"], "{changes:?}");
    }
    let third = asking("third", "https://third.example/cb?keep=1", NOTES, &[("response_type", "token")]);
    let location = browser.get("/oauth2/authorize", &third).await;
    assert!(location.header("Location").unwrap().starts_with("https://third.example/cb?keep=1&error="));
    let unregistered = asking("pub1", NATIVE, NOTES, &[]);
    assert_eq!(browser.get("/oauth2/authorize", &unregistered).await.status, 400);
}

/// OpenID Connect Core §3.1.2.1: the request may come by POST; the form then has a URL that can be loaded again.
#[tokio::test]
async fn a_request_by_post_becomes_one_by_get() {
    let fixture = Fixture::new().await;
    let mut browser = Browser::new(&fixture);
    let query = native(NOTES);
    let fields: Vec<_> = query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let response = browser.post("/oauth2/authorize", &[], &fields).await;
    assert!(response.header("Location").unwrap().starts_with("/oauth2/authorize?"), "{response:?}");
    assert_eq!(redirected(&response), query.clone().into_iter().collect());
    // What is no parameter of it does not get into a URL.
    let more = [&fields[..], &[("password", "secret"), ("client_secret", "secret")]].concat();
    let response = browser.post("/oauth2/authorize", &[], &more).await;
    assert_eq!(redirected(&response), query.into_iter().collect());
    let long = [("client_id", "native"), ("state", &"s".repeat(7_000))];
    assert_eq!(browser.post("/oauth2/authorize", &[], &long).await.status, 413);
}

/// Checklist N-07: a browser in which the user is logged in: what it saves, and when it asks again.
#[tokio::test]
async fn a_browser_that_is_logged_in_is_asked_only_for_what_needs_the_user() {
    let fixture = Fixture::new().await;
    let mut browser = Browser::new(&fixture);
    let claimed = |scope, changes: &[(&str, &str)]| asking("web", "https://web.example/cb", scope, changes);
    assert!(browser.logs_in(&claimed(NOTES, &[])).await.contains_key("code"));
    let again = browser.get("/oauth2/authorize", &claimed(NOTES, &[])).await;
    assert!(redirected(&again).contains_key("code"), "logged in, and no legacy system behind the scope");
    let silently = browser.get("/oauth2/authorize", &claimed(NOTES, &[("prompt", "none")])).await;
    assert!(redirected(&silently).contains_key("code"));

    let password = browser.get("/oauth2/authorize", &claimed("orders:read", &[])).await;
    assert!(password.status == 200 && password.text.contains("value=\"alice@example.com\""), "{}", password.text);
    let silently = browser.get("/oauth2/authorize", &claimed("orders:read", &[("prompt", "none")])).await;
    assert_eq!(redirected(&silently)["error"], "interaction_required");
    for (changes, age, asked) in [
        ([("prompt", "login")], 0, true),
        ([("max_age", "60")], 60, false),
        ([("max_age", "59")], 0, true),
        ([("max_age", "0")], 0, true),
    ] {
        fixture.clock.forward(age);
        let page = browser.get("/oauth2/authorize", &claimed(NOTES, &changes)).await;
        assert_eq!(page.status == 200, asked, "{changes:?}");
    }
    // A native application that took the redirect URI of another one gets nothing behind the user's back (RFC 8252 §8.6).
    let native_app = browser.get("/oauth2/authorize", &native(NOTES)).await;
    assert!(native_app.header("Location").unwrap().starts_with("/oauth2/consent?login="), "{native_app:?}");
    let silently = asking("native", NATIVE, NOTES, &[("prompt", "none")]);
    assert_eq!(redirected(&browser.get("/oauth2/authorize", &silently).await)["error"], "consent_required");
}

#[tokio::test]
async fn a_browser_login_ends_with_its_time_the_credentials_and_the_logout() {
    let fixture = Fixture::new().await;
    let query = asking("web", "https://web.example/cb", NOTES, &[]);
    let silent = asking("web", "https://web.example/cb", NOTES, &[("prompt", "none")]);
    let mut browser = Browser::new(&fixture);
    for step in 0..4 {
        browser.logs_in(&query).await;
        assert!(redirected(&browser.get("/oauth2/authorize", &silent).await).contains_key("code"));
        match step {
            0 => fixture.clock.forward(3_601),
            1 => {
                for _ in 0..13 {
                    fixture.clock.forward(3_500);
                    browser.get("/oauth2/authorize", &silent).await;
                }
            }
            2 => {
                let alice = UserId::parse("u_alice").unwrap();
                fixture.db.store.users.change_credentials(&alice, None, true).await.unwrap();
            }
            _ => {
                let page = browser.get("/oauth2/logout", &[]).await;
                assert!(page.text.contains("alice@example.com"), "{}", page.text);
                assert!(browser.has_login(), "a link logs nobody out");
                let stray = browser.post("/oauth2/logout", &[], &[("form_token", "wrong")]).await;
                assert_eq!(stray.header("Location"), Some("/oauth2/logout"));
                assert!(browser.has_login(), "nor does the form of another browser");
                browser.post("/oauth2/logout", &[], &[("form_token", &form_token(&page))]).await;
                assert!(!browser.has_login());
            }
        }
        let refused = redirected(&browser.get("/oauth2/authorize", &silent).await);
        assert_eq!(refused["error"], "login_required", "step {step}");
    }
}

/// Abuse case J4; checklist Z-23: a cookie that somebody planted before the login is of no use after it.
#[tokio::test]
async fn each_login_has_a_cookie_of_its_own_and_ends_the_one_before() {
    let fixture = Fixture::new().await;
    let query = asking("web", "https://web.example/cb", NOTES, &[("prompt", "login")]);
    let mut browser = Browser::new(&fixture);
    let first = set_cookies(&browser.types(&query, "alice", PASSWORD).await);
    let second = set_cookies(&browser.types(&query, "alice", PASSWORD).await);
    assert_ne!(first, second);
    assert!(first.iter().all(|cookie| cookie.contains("; Path=/; Secure; HttpOnly; SameSite=Lax")), "{first:?}");
    let scanned = fixture.db.client.scan().table_name(&fixture.db.tables.browser_logins).send().await.unwrap();
    assert_eq!(scanned.items().len(), 1);
    let value = second[0].split(['=', ';']).nth(1).unwrap();
    assert!(!fixture.dump().await.contains(value), "only the hash is stored");
}

#[tokio::test]
async fn methods_and_paths_that_are_not_there_get_a_page() {
    let fixture = Fixture::new().await;
    let mut browser = Browser::new(&fixture);
    let put = browser.send(crate::request::request("PUT", "/oauth2/authorize")).await;
    assert_eq!((put.status, put.header("Allow")), (405, Some("GET, HEAD, POST")));
    assert_eq!(browser.get("/oauth2/other", &[]).await.status, 404);
    let down = gateway_authorize::handle(
        Err(gateway_runtime::StartError::Missing { name: "USERS_TABLE", expected: "the name of a table" }),
        crate::request::request("GET", "/oauth2/authorize").rest(),
    );
    let down = crate::request::Response::of(&down.await.unwrap());
    assert_eq!((down.status, down.header("Retry-After")), (503, Some("5")));
    assert!(!down.text.contains("USERS_TABLE"));
}

/// RFC 9126: the browser carries a reference alone, which is good for its client and its time.
#[tokio::test]
async fn a_pushed_request_is_served_as_if_it_had_been_in_the_url() {
    let fixture = Fixture::new().await;
    let parameters = native(NOTES);
    let fields: Vec<_> = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    fixture.wire.since_last();
    let pushed = fixture.send(post("/oauth2/par", &fields)).await;
    assert_eq!((pushed.status, &pushed.body["expires_in"]), (201, &600.into()), "{}", pushed.text);
    assert_eq!(fixture.wire.since_last(), ["GetItem Apps"], "nothing is stored");
    let uri = pushed.body["request_uri"].as_str().unwrap();
    let query = |client: &str, uri: &str| {
        [("client_id", client), ("request_uri", uri)].map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    };
    // What stands beside it is not part of the request.
    let mut beside = query("native", uri);
    beside.push(("scope".to_owned(), "admin".to_owned()));
    let parameters = Browser::new(&fixture).logs_in(&beside).await;
    assert_eq!(parameters["state"], "s&t");
    assert_eq!(fixture.send(redemption("native", &parameters["code"], &[])).await.body["scope"], NOTES);

    let mut browser = Browser::new(&fixture);
    let wrong = [("third", uri), ("native", &uri[..uri.len() - 1]), ("native", "https://evil.example/request")];
    for (client, uri) in wrong {
        assert_eq!(browser.get("/oauth2/authorize", &query(client, uri)).await.status, 400, "{client} {uri}");
    }
    fixture.clock.forward(600);
    assert_eq!(browser.get("/oauth2/authorize", &query("native", uri)).await.status, 400);
}

#[tokio::test]
async fn a_wrong_request_is_refused_when_it_is_pushed() {
    let fixture = Fixture::new().await;
    let pushes = async |changes: &[(&str, &str)]| {
        let parameters = asking("native", NATIVE, NOTES, changes);
        let fields: Vec<_> = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let response = fixture.send(post("/oauth2/par", &fields)).await;
        (response.status, response.body["error"].as_str().unwrap_or_default().to_owned())
    };
    for (changes, status, error) in [
        (vec![("client_id", "nobody")], 401, "invalid_client"),
        (vec![("redirect_uri", "https://evil.example/cb")], 400, "invalid_request"),
        (vec![("redirect_uri", "")], 400, "invalid_request"),
        (vec![("request_uri", "urn:ietf:params:oauth:request_uri:x")], 400, "invalid_request"),
        (vec![("code_challenge", "")], 400, "invalid_request"),
        (vec![("scope", "admin")], 400, "invalid_scope"),
        (vec![("login_hint", &"x".repeat(4096))], 400, "invalid_request"),
    ] {
        assert_eq!(pushes(&changes).await, (status, error.to_owned()), "{changes:?}");
    }
    assert_eq!(fixture.send(crate::request::request("GET", "/oauth2/par")).await.status, 405);
}
