//! The journeys at gateways that were deployed from `template.yaml` to somebody else's AWS, one with a REST API and one with an
//! HTTP API; `.ci/deploy` runs them.
//!
//! Each journey has a user of its own, since the limit is per user and application.

mod deployment;

use std::time::Duration;

use deployment::Deployments;
use gateway_domain::clock::Clock as _;
use gateway_domain::domain_event::EventType;
use gateway_runtime::SystemClock;
use gateway_store::DeliveryOutcome;
use serde_json::json;
use support::DEMO_APP;

/// A route that the back end answers only with a session of its own.
const ORDERS: &str = "/orders";

#[cfg_attr(not(deployed), ignore = "GATEWAY_URL is not set: .ci/deploy deploys a gateway and runs this")]
#[test]
fn a_user_logs_in_and_sees_their_own_orders() {
    Deployments::run("orders", async |gateway, user| {
        let tokens = gateway.login(user).await;
        let orders = gateway.call("GET", ORDERS, &tokens.access).await;
        assert_eq!((orders.status, &orders.json()["user"]), (200, &json!(user.name)), "{}", orders.text());
        assert_eq!(orders.header("ratelimit-policy"), "\"default\";q=60;w=60");
    });
}

#[cfg_attr(not(deployed), ignore = "GATEWAY_URL is not set: .ci/deploy deploys a gateway and runs this")]
#[test]
fn the_back_end_gets_its_session_and_who_calls_but_never_the_token() {
    Deployments::run("echo", async |gateway, user| {
        let tokens = gateway.login(user).await;
        let request = gateway.request("GET", "/echo?a=1&b=%20").bearer_auth(&tokens.access);
        let echo = gateway.response(request.header("x-authenticated-userid", "somebody-else")).await;
        assert_eq!(echo.status, 200, "{}", echo.text());
        let (text, echo) = (echo.text(), echo.json());
        assert_eq!((&echo["path"], &echo["query"]), (&json!("/echo"), &json!("a=1&b=%20")));
        let values = |name: &str| -> Vec<String> {
            let headers = echo["headers"].as_array().expect("headers");
            let named = headers.iter().filter(|header| header[0] == name);
            named.map(|header| header[1].as_str().expect("a text").to_owned()).collect()
        };
        assert!(matches!(values("cookie").as_slice(), [one] if one.starts_with("LEGACYSESSID=")), "{text}");
        assert!(matches!(values("x-authenticated-userid").as_slice(), [one] if one.starts_with("user-")), "{text}");
        assert_eq!(values("x-consumer-username"), ["Demo App"]);
        assert!(!text.contains(&tokens.access) && !text.contains("somebody-else"), "{text}");
    });
}

/// The streams of the tables bring what was put into them, and an event bus takes what is made of it.
#[cfg_attr(not(deployed), ignore = "GATEWAY_URL is not set: .ci/deploy deploys a gateway and runs this")]
#[test]
fn what_happens_comes_to_the_event_bus() {
    Deployments::run("bus", async |gateway, user| {
        let store = Deployments::store_of(gateway);
        let found = store.users.by_email(user.name).await.expect("a read").expect("a user");
        let mut told = Vec::new();
        for _ in 0..300 {
            let (day, _) = gateway_store::day_and_time(SystemClock.now_millis());
            let of_day = store.deliveries.of_day(&day, "~", 1_000).await.expect("a read").items;
            told = of_day.into_iter().map(|one| (one.event.kind, one.event.subject.to_string(), one.outcome)).collect();
            let expected = (EventType::UserCreated, format!("user:{}", found.user_id), DeliveryOutcome::Delivered);
            if told.contains(&expected) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("{told:?}");
    });
}

/// A REST API hands on a query that was decoded. The emulator decodes the path there as well, which AWS does at an HTTP API alone.
#[cfg_attr(not(deployed), ignore = "GATEWAY_URL is not set: .ci/deploy deploys a gateway and runs this")]
#[test]
fn an_http_api_keeps_the_bytes_of_the_query_and_the_meaning_of_the_path() {
    Deployments::run("bytes", async |gateway, user| {
        let tokens = gateway.login(user).await;
        let sent = "b=1&a=%7e&b=x+y&c:d=%C3%bc";
        let echo = gateway.call("GET", &format!("/echo?{sent}"), &tokens.access).await;
        assert_eq!(echo.status, 200, "{}", echo.text());
        if echo.header("apigw-requestid").is_empty() {
            return;
        }
        assert_eq!(echo.json()["query"], sent, "{}", echo.text());
        // The back end does not know such an order; a path that is not understood would be 400.
        for (id, status) in [("caf%C3%A9", 404), ("a%20b", 404), ("100%25", 404), ("a%3Bv", 404), ("%252F", 400)] {
            let order = gateway.call("GET", &format!("{ORDERS}/{id}"), &tokens.access).await;
            assert_eq!(order.status, status, "{id}: {}", order.text());
        }
    });
}

#[cfg_attr(not(deployed), ignore = "GATEWAY_URL is not set: .ci/deploy deploys a gateway and runs this")]
#[test]
fn a_body_arrives_as_it_was_sent() {
    Deployments::run("body", async |gateway, user| {
        let tokens = gateway.login(user).await;
        let order = gateway.request("POST", ORDERS).bearer_auth(&tokens.access);
        let order = order.header("content-type", "application/json").body(r#"{"item":"Grüße","quantity":2}"#);
        let placed = gateway.response(order).await;
        assert_eq!((placed.status, &placed.json()["item"]), (201, &json!("Grüße")), "{}", placed.text());
    });
}

#[cfg_attr(not(deployed), ignore = "GATEWAY_URL is not set: .ci/deploy deploys a gateway and runs this")]
#[test]
fn a_refresh_yields_a_successor_and_its_repetition_the_same_one() {
    Deployments::run("refresh", async |gateway, user| {
        let first = gateway.login(user).await;
        let (second, again) = (gateway.refresh(&first).await, gateway.refresh(&first).await);
        assert_ne!(first.refresh, second.refresh);
        assert_eq!(second.refresh, again.refresh);
        assert_eq!(gateway.call("GET", ORDERS, &second.access).await.status, 200);
    });
}

/// A cached policy would be an uncounted call.
#[cfg_attr(not(deployed), ignore = "GATEWAY_URL is not set: .ci/deploy deploys a gateway and runs this")]
#[test]
fn four_calls_count_as_four() {
    Deployments::run("four", async |gateway, user| {
        let tokens = gateway.login(user).await;
        for left in ["59", "58", "57", "56"] {
            let response = gateway.call("GET", ORDERS, &tokens.access).await;
            let expected = format!("\"default\";r={left};t=");
            assert!(response.header("ratelimit").starts_with(&expected), "{left}: {response:?}");
        }
    });
}

#[cfg_attr(not(deployed), ignore = "GATEWAY_URL is not set: .ci/deploy deploys a gateway and runs this")]
#[test]
fn the_sixty_first_call_of_a_minute_is_refused() {
    Deployments::run("limit", async |gateway, user| {
        let tokens = gateway.login(user).await;
        let mut statuses = Vec::new();
        for _ in 0..62 {
            statuses.push(gateway.call("GET", ORDERS, &tokens.access).await.status);
        }
        assert_eq!(statuses, [vec![200; 60], vec![429; 2]].concat());
        let refused = gateway.call("GET", ORDERS, &tokens.access).await;
        assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds >= 1), "{refused:?}");
        assert_eq!(refused.header("content-type"), "application/problem+json");
    });
}

#[cfg_attr(not(deployed), ignore = "GATEWAY_URL is not set: .ci/deploy deploys a gateway and runs this")]
#[test]
fn logging_out_is_felt_at_the_next_call() {
    Deployments::run("revoke", async |gateway, user| {
        let tokens = gateway.login(user).await;
        assert_eq!(gateway.call("GET", ORDERS, &tokens.access).await.status, 200);
        let form = [("client_id", DEMO_APP), ("token", tokens.refresh.as_str())];
        assert_eq!(gateway.post_form("/oauth2/revoke", &form).await.status, 200);
        assert_eq!(gateway.call("GET", ORDERS, &tokens.access).await.status, 401);
        assert_eq!(gateway.try_refresh(DEMO_APP, &tokens.refresh).await.status, 400);
    });
}

/// What API Gateway itself says with a refusal is imitated by the local stack and by no emulator: here the status alone.
#[cfg_attr(not(deployed), ignore = "GATEWAY_URL is not set: .ci/deploy deploys a gateway and runs this")]
#[test]
fn what_is_not_allowed_is_refused() {
    Deployments::run("refusals", async |gateway, user| {
        for request in [gateway.request("GET", ORDERS), gateway.request("GET", ORDERS).bearer_auth("no-token")] {
            let response = gateway.response(request).await;
            assert_eq!(response.status, 401, "{}", response.text());
        }
        let form = [("grant_type", "password"), ("client_id", DEMO_APP), ("username", user.name)];
        let form = [form.as_slice(), &[("password", user.password), ("scope", "orders:read")]].concat();
        let reader = gateway.post_form("/oauth2/token", &form).await.tokens();
        let denied = gateway.call("POST", ORDERS, &reader.access).await;
        assert_eq!(denied.status, 403, "{}", denied.text());
        assert_eq!(gateway.call("GET", "/no/such/route", &reader.access).await.status, 404);
        let wrong = gateway.call("PATCH", ORDERS, &reader.access).await;
        assert_eq!((wrong.status, wrong.header("allow")), (405, "GET, POST"), "{}", wrong.text());
    });
}

#[cfg_attr(not(deployed), ignore = "GATEWAY_URL is not set: .ci/deploy deploys a gateway and runs this")]
#[test]
fn metadata_keys_and_public_routes_need_no_token() {
    Deployments::run("open", async |gateway, _| {
        let ping = gateway.response(gateway.request("GET", "/public/ping")).await;
        assert_eq!((ping.status, ping.text().as_str()), (200, r#"{"ping":"pong"}"#));
        let metadata = gateway.response(gateway.request("GET", "/.well-known/oauth-authorization-server")).await;
        assert_eq!(metadata.status, 200, "{}", metadata.text());
        let metadata = metadata.json();
        let issuer = metadata["issuer"].as_str().expect("an issuer");
        assert!(issuer.starts_with("https://"), "{metadata}");
        assert_eq!(metadata["token_endpoint"], format!("{issuer}/oauth2/token"));
        let jwks = gateway.response(gateway.request("GET", "/.well-known/jwks.json")).await.json();
        assert_eq!((&jwks["keys"][0]["alg"], &jwks["keys"][0]["d"]), (&json!("ES256"), &json!(null)), "{jwks}");
    });
}

#[cfg_attr(not(deployed), ignore = "GATEWAY_URL is not set: .ci/deploy deploys a gateway and runs this")]
#[test]
fn an_app_acts_for_itself_and_looks_into_its_token() {
    Deployments::run("app", async |gateway, _| {
        let secret = Deployments::partner_secret();
        let request = |path: &str| gateway.request("POST", path).basic_auth("partner-app", Some(secret));
        let response = gateway.response(request("/oauth2/token").form(&[("grant_type", "client_credentials")])).await;
        let access = response.tokens().access;
        let response = gateway.response(request("/oauth2/introspect").form(&[("token", &access)])).await;
        assert_eq!(response.json()["active"], true, "{}", response.text());
    });
}
