//! The main job from end to end: log in, call a legacy system, refresh, be limited, log out.

use gateway_local::stack::{Options, Stack};
use gateway_local::template::ApiKind;
use support::{ADA, BOB, DEMO_APP, binaries, send};

use super::Gateway;

#[tokio::test]
async fn a_user_logs_in_and_sees_their_own_orders_in_the_legacy_system() {
    let gateway = Gateway::start().await;
    for user in [ADA, BOB] {
        let tokens = gateway.login(user).await;
        let orders = gateway.call("GET", "/orders", &tokens.access).await;
        assert_eq!((orders.status, &orders.json()["user"]), (200, &user.name.into()), "{}", orders.text());
    }
    assert_eq!(gateway.stack.legacy().logins(), 2);
}

#[tokio::test]
async fn the_back_end_gets_its_own_cookie_and_never_the_access_token() {
    let gateway = Gateway::start().await;
    let tokens = gateway.login(ADA).await;
    let echo = gateway.call("GET", "/echo?a=1&a=2", &tokens.access).await.json();
    assert_eq!((&echo["method"], &echo["path"], &echo["query"]), (&"GET".into(), &"/echo".into(), &"a=1&a=2".into()));
    let seen = gateway.stack.legacy().recorded().pop().expect("a request");
    assert!(seen.header("cookie")[0].starts_with("LEGACYSESSID="), "{seen:?}");
    assert_eq!(seen.header("x-authenticated-userid").len(), 1);
    let bytes = String::from_utf8_lossy(&gateway.stack.legacy().received_bytes()).into_owned();
    assert!(!bytes.contains(&tokens.access) && !bytes.to_lowercase().contains("authorization"), "{bytes}");
}

#[tokio::test]
async fn an_order_is_placed_in_the_users_name() {
    let gateway = Gateway::start().await;
    let tokens = gateway.login(ADA).await;
    let order = gateway.request("POST", "/orders").bearer_auth(&tokens.access);
    let order = order.header("content-type", "application/json").body(r#"{"item":"tea"}"#);
    let placed = gateway.response(order).await;
    assert_eq!(placed.status, 201, "{}", placed.text());
    let path = placed.header("location").to_owned();
    assert_eq!(gateway.call("GET", &path, &tokens.access).await.status, 200);
    let bob = gateway.login(BOB).await;
    assert_eq!(gateway.call("GET", &path, &bob.access).await.status, 404);
}

#[tokio::test]
async fn a_refreshed_session_goes_on_in_new_containers() {
    let gateway = Gateway::start().await;
    let first = gateway.login(ADA).await;
    gateway.restart_functions();
    let second = gateway.refresh(&first).await;
    assert_ne!(first.refresh, second.refresh);
    assert_eq!(gateway.call("GET", "/orders", &second.access).await.status, 200);
}

#[tokio::test]
async fn exactly_the_limit_is_let_through() {
    let gateway = Gateway::start_with_config(|text| text.replace("calls: 60", "calls: 5")).await;
    let tokens = gateway.login(ADA).await;
    let mut statuses = Vec::new();
    for _ in 0..8 {
        statuses.push(gateway.call("GET", "/orders", &tokens.access).await.status);
    }
    assert_eq!(statuses, [200, 200, 200, 200, 200, 429, 429, 429]);
    let refused = gateway.call("GET", "/orders", &tokens.access).await;
    assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds >= 1), "{refused:?}");
}

#[tokio::test]
async fn logging_out_is_felt_at_the_next_call() {
    let gateway = Gateway::start().await;
    let tokens = gateway.login(ADA).await;
    assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 200);
    let revoked = gateway.post_form("/oauth2/revoke", &[("client_id", DEMO_APP), ("token", &tokens.refresh)]).await;
    assert_eq!(revoked.status, 200, "{}", revoked.text());
    assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 401);
}

#[tokio::test]
async fn a_confidential_app_gets_a_token_of_its_own() {
    let gateway = Gateway::start().await;
    let request = gateway.request("POST", "/oauth2/token").basic_auth("partner-app", Some(gateway.partner_secret()));
    let response = gateway.response(request.form(&[("grant_type", "client_credentials")])).await;
    assert!(!response.tokens().access.is_empty());
}

#[tokio::test]
async fn without_a_token_only_the_public_route_answers() {
    let gateway = Gateway::start().await;
    let ping = gateway.response(gateway.request("GET", "/public/ping")).await;
    assert_eq!((ping.status, ping.text().as_str()), (200, r#"{"ping":"pong"}"#));
    let orders = gateway.response(gateway.request("GET", "/orders")).await;
    assert_eq!(orders.status, 401);
    match Gateway::API {
        ApiKind::Rest => assert!(orders.header("www-authenticate").starts_with("Bearer realm="), "{orders:?}"),
        ApiKind::Http => assert_eq!(orders.text(), r#"{"message":"Unauthorized"}"#, "an HTTP API has words of its own"),
    }
}

#[tokio::test]
async fn odd_bytes_in_a_request_harm_nobody() {
    let gateway = Gateway::start().await;
    for target in ["/public/ping?a=\"<>", "/public/ping?%ff=%zz", "//x/public/ping", "/public/ping\u{1}"] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\nX-Odd: \u{e9}\r\nConnection: close\r\n\r\n");
        let response = send(gateway.stack.base_url(), request.as_bytes()).await;
        assert!(response.status().is_some_and(|status| status < 500), "{target}: {}", response.text());
    }
    assert_eq!(gateway.response(gateway.request("GET", "/public/ping")).await.status, 200);
}

#[tokio::test]
async fn a_function_that_cannot_work_is_told_at_the_start() {
    for (variable, function) in [("SIGNING_KEYS_SECRET", "token"), ("APPS_TABLE", ""), ("SEALING_KEYS_SECRET", "")] {
        let environment = vec![(variable.to_owned(), String::new())];
        let options = Options { environment, ..Options::default() };
        let started = Stack::start(options, std::future::ready(Ok(binaries().await.clone()))).await;
        let message = started.map(|_| ()).expect_err("it started").to_string();
        assert!(message.contains(&format!("function `{function}")) && message.contains(variable), "{message}");
    }
}
