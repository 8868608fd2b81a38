//! Usage: each call that an application makes is in the numbers that its developers and administrators see, once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gateway_domain::admin_scope::{AUDIT_READ, USAGE_READ};
use serde_json::Value as Json;
use support::{ADA, BOB, DEMO_APP, Gateway, HttpGateway, Response, Switch, Wire, faulty};
use tokio::task::JoinSet;

use crate::admin_api::{ask, operator};
use crate::administrators::{administrator, logged_in};
use crate::canned::nobody;
use crate::developers::{NATIVE, organization, register};
use crate::wire::echo_at;

type Numbers = BTreeMap<String, u64>;

fn numbers(of: &[(&str, u64)]) -> Numbers {
    of.iter().map(|(outcome, count)| ((*outcome).to_owned(), *count)).collect()
}

/// The calls of the demo app by outcome, as a program asks for them.
async fn found(gateway: &Gateway, token: &str, query: &str) -> Numbers {
    let response = ask(gateway, token, "GET", &format!("/apps/{DEMO_APP}/usage?{query}"), None).await;
    assert_eq!(response.status, 200, "{}", response.text());
    let mut sums = Numbers::new();
    for item in response.json()["items"].as_array().expect("a list") {
        for outcome in ["succeeded", "limited", "refused", "failed"] {
            *sums.entry(outcome.to_owned()).or_default() += item[outcome].as_u64().expect("a number");
        }
    }
    sums.retain(|_, count| *count > 0);
    sums
}

/// Waits until the calls are these, and then whether they stay so.
async fn becomes(gateway: &Gateway, token: &str, expected: &Numbers) {
    let mut last = Numbers::new();
    for _ in 0..100 {
        last = found(gateway, token, "by=hour").await;
        if last == *expected {
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            let hours = found(gateway, token, "by=hour").await;
            assert_eq!((&hours, &found(gateway, token, "by=day").await), (expected, expected));
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("{last:?} never became {expected:?}");
}

/// Some calls.
async fn use_usage(gateway: &Gateway) -> Numbers {
    let token = gateway.login(ADA).await.access;
    let mut seen = Numbers::new();
    for path in ["/orders", "/orders/not-there", "/echo"] {
        let status = gateway.call("GET", path, &token).await.status;
        *seen.entry(outcome(status).to_owned()).or_default() += 1;
    }
    seen
}

fn outcome(status: u16) -> &'static str {
    match status {
        100..=399 => "succeeded",
        429 => "limited",
        400..=499 => "refused",
        _ => "failed",
    }
}

async fn each_call_is_counted(gateway: &Gateway) {
    let token = operator(gateway, &[USAGE_READ]).await;
    assert_eq!(found(gateway, &token, "").await, Numbers::new());
    let mut expected = use_usage(gateway).await;
    // Of nobody: a path of the gateway's own, no token, no route.
    let access = gateway.login(BOB).await.access;
    assert_eq!(gateway.call("GET", "/orders", "no-token").await.status, 401);
    assert_eq!(gateway.call("GET", "/nothing", &access).await.status, 404);
    for _ in 0..14 {
        let status = gateway.call("GET", "/orders", &access).await.status;
        *expected.entry(outcome(status).to_owned()).or_default() += 1;
    }
    let outcomes = numbers(&[("succeeded", 13), ("limited", 2), ("refused", 1), ("failed", 1)]);
    assert_eq!(expected, outcomes);
    becomes(gateway, &token, &expected).await;
}

#[tokio::test]
async fn each_call_is_counted_by_its_outcome_and_no_other() {
    let (_socket, nobody) = nobody();
    let config = |text: String| echo_at(&text.replace("calls: 60", "calls: 12"), &nobody, "");
    each_call_is_counted(&Gateway::start_with_config(config).await).await;
}

#[tokio::test]
async fn calls_over_an_http_api_are_counted_the_same() {
    let (_socket, nobody) = nobody();
    let config = |text: String| echo_at(&text.replace("calls: 60", "calls: 12"), &nobody, "");
    let gateway = HttpGateway::start_with_config(config).await;
    each_call_is_counted(&gateway).await;
}

#[tokio::test]
async fn developers_see_their_own_apps_and_administrators_all() {
    let gateway = Gateway::start().await;
    let used = use_usage(&gateway).await;
    let token = operator(&gateway, &[USAGE_READ]).await;
    becomes(&gateway, &token, &used).await;
    let (mut bob, home) = organization(&gateway, BOB).await;
    let own = register(&gateway, &mut bob, &home, &NATIVE).await;
    let page = bob.get(&gateway, &format!("{own}/usage")).await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("There are no calls in this time"), "{}", page.text());
    // An application of others, by any path, is nothing to a developer.
    for path in [
        format!("{home}/apps/{DEMO_APP}/usage"),
        format!("/gateway/apps/{DEMO_APP}/usage"),
        "/gateway/usage".to_owned(),
    ] {
        assert_eq!(bob.get(&gateway, &path).await.status, 404, "{path}");
    }
    let mut nobody = logged_in(&gateway, ADA, "/account").await;
    assert_eq!(nobody.get(&gateway, &format!("{own}/usage")).await.status, 404);

    let (mut ada, _) = administrator(&gateway, ADA).await;
    let all = ada.get(&gateway, "/gateway/usage").await.text();
    assert!(all.contains(&format!("/gateway/apps/{DEMO_APP}/usage?by=hour")), "{all}");
    for query in ["", "?by=hour", "?by=day"] {
        let page = ada.get(&gateway, &format!("/gateway/apps/{DEMO_APP}/usage{query}")).await;
        assert!(page.text().contains("data:image/svg+xml;base64,"), "{query}");
        assert!(page.text().contains("<td>echo</td><td>standard</td>"), "{}", page.text());
    }
    for wrong in [
        "?by=minute",
        "?from=yesterday",
        "?by=hour&from=2026-03-01",
        "?from=2026-03-02&to=2026-03-01",
        "?from=2020-01-01",
    ] {
        let page = ada.get(&gateway, &format!("/gateway/apps/{DEMO_APP}/usage{wrong}")).await;
        assert!(page.status == 400 && page.text().contains("role=\"alert\""), "{wrong}: {}", page.status);
        assert_eq!(
            ask(&gateway, &token, "GET", &format!("/apps/{DEMO_APP}/usage{wrong}"), None).await.status,
            400,
            "{wrong}"
        );
    }
    assert_eq!(ada.get(&gateway, "/gateway/usage?day=today").await.status, 400);
    assert_eq!(ask(&gateway, &token, "GET", "/usage?day=today", None).await.status, 400);
    assert_eq!(ask(&gateway, &token, "POST", "/usage", None).await.status, 405);
    let other = operator(&gateway, &[AUDIT_READ]).await;
    assert_eq!(ask(&gateway, &other, "GET", "/usage", None).await.status, 403);
}

/// What is not counted is not told as a number.
#[tokio::test]
async fn where_calls_are_not_counted_pages_and_programs_are_told() {
    let off = [("AccessLogs".to_owned(), "off".to_owned())];
    let gateway = Gateway::start_with(|options| options.parameters.extend(off)).await;
    use_usage(&gateway).await;
    let token = operator(&gateway, &[USAGE_READ]).await;
    for path in ["/usage".to_owned(), format!("/apps/{DEMO_APP}/usage")] {
        let told = ask(&gateway, &token, "GET", &path, None).await.json();
        assert_eq!((&told["counted"], &told["items"]), (&Json::Bool(false), &Json::Array(Vec::new())), "{told}");
    }
    let (mut ada, _) = administrator(&gateway, ADA).await;
    // An app that is gone has its calls all the same.
    for page in ["/gateway/usage".to_owned(), "/gateway/apps/gone/usage".to_owned()] {
        let page = ada.get(&gateway, &page).await;
        assert!(page.status == 200 && page.text().contains("Calls are not counted here"), "{}", page.text());
    }
}

#[tokio::test]
async fn a_program_finds_who_called_on_a_day() {
    let gateway = Gateway::start().await;
    let token = operator(&gateway, &[USAGE_READ]).await;
    let used = use_usage(&gateway).await;
    becomes(&gateway, &token, &used).await;
    let day = ask(&gateway, &token, "GET", "/usage", None).await;
    let rows = day.json()["items"].as_array().cloned().expect("a list");
    let of = |api: &str| -> Json { rows.iter().find(|row| row["api"] == api).cloned().expect("a row") };
    assert_eq!((of("orders")["client_id"].as_str(), of("echo")["plan"].as_str()), (Some(DEMO_APP), Some("standard")));
    let sum = |outcome: &str| rows.iter().filter_map(|row| row[outcome].as_u64()).sum::<u64>();
    assert_eq!(sum("succeeded"), used["succeeded"]);
    let beyond = ask(&gateway, &token, "GET", &format!("/usage?after={DEMO_APP}"), None).await;
    assert_eq!(beyond.json()["items"], Json::Array(Vec::new()));
}

/// While DynamoDB throttles, fails, loses responses and breaks connections under load, no more calls are served than the plan allows,
/// and the numbers are those that the clients have seen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_faults_no_limit_is_exceeded_and_no_call_is_lost_or_counted_twice() {
    const LIMIT: u64 = 150;
    let line = Switch::start().await;
    let wire = Wire::signed_to(&line.url).await;
    let files = tempfile::tempdir().expect("a directory");
    let gateway = Gateway::start_with(|options| {
        support::configure(options, files.path(), |text| {
            text.replace("calls: 60", &format!("calls: {LIMIT}")).replace("window: 1m", "window: 1h")
        });
        options.environment.push(("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), wire.endpoint.clone()));
    })
    .await;
    line.lead_to(gateway.stack.dynamodb_url());
    let token = operator(&gateway, &[USAGE_READ]).await;
    let users = [gateway.login(ADA).await.access, gateway.login(BOB).await.access];
    wire.script(faulty());
    let gateway = Arc::new(gateway);
    let mut calls = JoinSet::new();
    for (number, token) in users.iter().flat_map(|user| std::iter::repeat_n(user, 4)).enumerate() {
        let (gateway, token) = (Arc::clone(&gateway), token.clone());
        calls.spawn(async move {
            let mut seen = Vec::new();
            for _ in 0..50 {
                let response: Response = gateway.call("GET", "/orders", &token).await;
                seen.push((number / 4, response.status));
            }
            seen
        });
    }
    let seen: Vec<(usize, u16)> = calls.join_all().await.concat();
    wire.calm();
    let with = |status: u16| u64::try_from(seen.iter().filter(|(_, one)| *one == status).count()).expect("a count");
    for user in [0, 1] {
        let served = seen.iter().filter(|(one, status)| (*one, *status) == (user, 200)).count();
        assert!(served <= usize::try_from(LIMIT).expect("a number"), "{served} calls were served");
    }
    // A 503 is the authorizer's, which did not come to know whose call it was.
    assert!(seen.iter().all(|(_, status)| [200, 429, 503].contains(status)), "{seen:?}");
    assert!(with(200) > LIMIT, "most are served: {}", with(200));
    becomes(&gateway, &token, &numbers(&[("succeeded", with(200)), ("limited", with(429))])).await;
}
