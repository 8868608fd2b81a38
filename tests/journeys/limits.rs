//! The limit: exact, per user and application, and told in headers that a parser understands.

use serde_json::json;
use sfv::{BareItem, List, ListEntry, Parser};
use support::{ADA, BOB, DEMO_APP, PARTNER_APP, Response, User};
use tokio::task::JoinSet;

use super::Gateway;
use crate::forge::Forge;
use crate::wire::seen;

async fn limited_to(calls: u32) -> Gateway {
    Gateway::start_with_config(|text| text.replace("calls: 60", &format!("calls: {calls}"))).await
}

/// How many of these many calls in a row are served.
async fn served(gateway: &Gateway, token: &str, calls: usize) -> usize {
    let mut served = 0;
    for _ in 0..calls {
        let before = seen(gateway);
        let status = gateway.call("GET", "/orders", token).await.status;
        assert!(matches!(status, 200 | 429), "{status}");
        assert_eq!(seen(gateway) - before, usize::from(status == 200));
        served += usize::from(status == 200);
    }
    served
}

async fn login_at(gateway: &Gateway, app: &str, user: User) -> String {
    let mut form = vec![("grant_type", "password"), ("client_id", app)];
    form.extend([("username", user.name), ("password", user.password)]);
    if app == PARTNER_APP {
        form.push(("client_secret", gateway.partner_secret()));
    }
    gateway.post_form("/oauth2/token", &form).await.tokens().access
}

/// Abuse case H1; checklist Q-09.
#[tokio::test]
async fn no_trick_of_the_caller_makes_a_second_limit() {
    const LIMIT: usize = 12;
    let gateway = limited_to(12).await;
    let first = gateway.login(ADA).await;
    let mut statuses = Vec::new();
    for (name, scheme) in [("X-Forwarded-For", "Bearer"), ("x-real-ip", "bEARER"), ("FORWARDED", "BEARER")] {
        for round in 0..2 {
            let request = gateway.request("GET", "/orders").header(name, format!("198.51.100.{round}"));
            let call = request.header("authorization", format!("{scheme} {}", first.access));
            statuses.push(gateway.response(call).await.status);
        }
    }
    let refreshed = gateway.refresh(&first).await;
    for _ in 0..3 {
        statuses.push(gateway.call("GET", "/orders", &refreshed.access).await.status);
    }
    let again = gateway.login(ADA).await;
    for _ in 0..9 {
        statuses.push(gateway.call("GET", "/orders/1", &again.access).await.status);
    }
    gateway.restart_functions();
    statuses.push(gateway.call("GET", "/echo", &again.access).await.status);
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), LIMIT, "{statuses:?}");
    assert!(statuses[LIMIT..].iter().all(|status| *status == 429), "{statuses:?}");
}

/// Checklist Q-09: the harmless twin. Others have limits of their own.
#[tokio::test]
async fn users_and_applications_do_not_share_a_limit() {
    let gateway = limited_to(3).await;
    let ada = login_at(&gateway, DEMO_APP, ADA).await;
    assert_eq!(served(&gateway, &ada, 4).await, 3);
    for (app, user) in [(DEMO_APP, BOB), (PARTNER_APP, ADA)] {
        let token = login_at(&gateway, app, user).await;
        assert_eq!(served(&gateway, &token, 4).await, 3, "{app} {}", user.name);
    }
}

/// Abuse case H2; checklist Q-01, Q-10.
#[tokio::test]
async fn exactly_the_limit_of_many_calls_at_once_is_served() {
    const LIMIT: usize = 25;
    let gateway = limited_to(25).await;
    let token = gateway.login(ADA).await.access;
    let before = seen(&gateway);
    let mut calls = JoinSet::new();
    for _ in 0..4 * LIMIT {
        let request = gateway.request("GET", "/orders").bearer_auth(&token);
        calls.spawn(async move {
            let response = request.send().await.expect("a response");
            let retry_after = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
            (response.status().as_u16(), retry_after)
        });
    }
    let responses = calls.join_all().await;
    let (served, refused): (Vec<_>, Vec<_>) = responses.into_iter().partition(|(status, _)| *status == 200);
    assert_eq!((served.len(), seen(&gateway) - before), (LIMIT, LIMIT));
    for (status, retry_after) in refused {
        let seconds = retry_after.and_then(|text| text.parse::<u64>().ok());
        assert!(status == 429 && seconds.is_some_and(|seconds| seconds >= 1), "{status} {seconds:?}");
    }
}

/// Abuse case H3; checklist Q-11.
#[tokio::test]
async fn calls_with_worthless_tokens_use_up_nobodys_limit() {
    const LIMIT: usize = 5;
    let gateway = limited_to(5).await;
    let token = gateway.login(ADA).await.access;
    let forge = Forge::new(&gateway, &token);
    let (message, _) = token.rsplit_once('.').expect("a signature");
    for round in 0..10 {
        for garbage in [
            format!("{message}.{}", "A".repeat(86)),
            forge.sign(&forge.header(), &forge.claims_with(&json!({ "exp": 1 }))),
            forge.sign(&forge.header(), &forge.claims_with(&json!({ "sid": "A".repeat(22) }))),
            format!("garbage-{round}"),
        ] {
            assert_eq!(gateway.call("GET", "/orders", &garbage).await.status, 401, "{garbage}");
        }
        // Nor do calls that the token is not good for.
        let weak = forge.sign(&forge.header(), &forge.claims_with(&json!({ "scope": "orders:write" })));
        assert_eq!(gateway.call("GET", "/orders", &weak).await.status, 403);
    }
    assert_eq!(served(&gateway, &token, LIMIT + 2).await, LIMIT);
}

/// The numbers of a header: those of its one item.
fn parameters(response: &Response, header: &str) -> Vec<(String, i64)> {
    let values: Vec<_> = response.headers.get_all(header).iter().collect();
    assert_eq!(values.len(), 1, "{header}: {response:?}");
    let list: List = Parser::new(values[0].as_bytes()).parse().expect("a list of RFC 9651");
    let [ListEntry::Item(item)] = list.as_slice() else { panic!("{header}: {list:?}") };
    assert!(matches!(&item.bare_item, BareItem::String(name) if name.as_str() == "default"), "{item:?}");
    let number = |value: &BareItem| match value {
        BareItem::Integer(number) => i64::from(*number),
        other => panic!("{header}: {other:?}"),
    };
    item.params.iter().map(|(name, value)| (name.as_str().to_owned(), number(value))).collect()
}

/// Checklist Q-01 to Q-08.
#[tokio::test]
async fn callers_are_told_what_is_left_and_when_there_is_more() {
    const LIMIT: i64 = 6;
    let gateway = limited_to(6).await;
    let token = gateway.login(ADA).await.access;
    let names = |parameters: &[(String, i64)]| parameters.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    for call in 1..=LIMIT + 3 {
        let response = gateway.call("GET", if call % 2 == 0 { "/orders" } else { "/orders/404" }, &token).await;
        let policy = parameters(&response, "ratelimit-policy");
        assert_eq!(policy, [("q".to_owned(), LIMIT), ("w".to_owned(), 60)]);
        let left = parameters(&response, "ratelimit");
        assert_eq!(names(&left), ["r", "t"], "no personal data, no partition key");
        assert_eq!(left[0].1, (LIMIT - call).max(0), "counts down by exactly the served calls");
        // The window, the part of it that a call counts in, and what is not known of the time: a `Date` has whole seconds.
        assert!((1..=60 + 5 + 3).contains(&left[1].1), "{left:?}");
        assert!(!response.headers.contains_key("trailer"));
        if call <= LIMIT {
            assert!(matches!(response.status, 200 | 404) && response.header("retry-after").is_empty());
            continue;
        }
        assert_eq!((response.status, response.header("cache-control")), (429, "no-store"));
        let retry_after: i64 = response.header("retry-after").parse().expect("whole seconds");
        assert!(retry_after >= 1 && retry_after >= left[1].1, "{retry_after} {left:?}");
        assert_eq!(response.header("content-type"), "application/problem+json");
        let problem = response.json();
        assert_eq!(problem["type"], "https://iana.org/assignments/http-problem-types#quota-exceeded");
        assert_eq!((&problem["status"], &problem["violated-policies"]), (&json!(429), &json!(["default"])));
        assert!(!response.text().contains("ada@") && !response.text().contains("user-"), "{}", response.text());
    }
}

/// The names of a header's items, with the numbers of each.
fn items(response: &Response, header: &str) -> Vec<(String, Vec<i64>)> {
    let value = response.headers.get(header).unwrap_or_else(|| panic!("{header}: {response:?}"));
    let list: List = Parser::new(value.as_bytes()).parse().expect("a list of RFC 9651");
    let item = |entry: &ListEntry| {
        let ListEntry::Item(item) = entry else { panic!("{header}: {list:?}") };
        let BareItem::String(name) = &item.bare_item else { panic!("{header}: {list:?}") };
        let number = |value: &BareItem| value.as_integer().map(i64::from).expect("a number");
        (name.as_str().to_owned(), item.params.values().map(number).collect())
    };
    list.iter().map(item).collect()
}

/// Checklist Q-02, Q-10: each limit of a plan holds, and a refusal says which of them it was.
#[tokio::test]
async fn a_plan_with_several_limits_says_which_of_them_refuses() {
    const PLAN: &str = "{ calls: 8, window: 1m, limits: { day: { calls: 200, every: day }, \
                        everybody: { calls: 12, window: 1m, per: app } } }";
    let plan = |text: String| {
        text.replace("{ calls: 60, window: 1m }", PLAN).replace("plans:", "time_zone: Asia/Tokyo\nplans:")
    };
    let gateway = Gateway::start_with_config(plan).await;
    let (ada, bob) = (gateway.login(ADA).await.access, gateway.login(BOB).await.access);
    let first = gateway.call("GET", "/orders", &ada).await;
    let policies = [("default", vec![8, 60]), ("day", vec![200, 86_400]), ("everybody", vec![12, 60])];
    assert_eq!(items(&first, "ratelimit-policy"), policies.map(|(name, numbers)| (name.to_owned(), numbers)));
    let left: Vec<_> = items(&first, "ratelimit").into_iter().map(|(name, numbers)| (name, numbers[0])).collect();
    assert_eq!(left, [("default".to_owned(), 7), ("day".to_owned(), 199)], "others' calls are nobody's business");

    assert_eq!(served(&gateway, &ada, 9).await, 7);
    let violated = async |token: &str| {
        let refused = gateway.call("GET", "/orders", token).await;
        assert_eq!(refused.status, 429);
        let names: Vec<_> =
            items(&refused, "ratelimit").into_iter().map(|(name, numbers)| (name, numbers[0])).collect();
        (refused.json()["violated-policies"].clone(), names)
    };
    assert_eq!(violated(&ada).await, (json!(["default"]), vec![("default".to_owned(), 0)]));
    assert_eq!(served(&gateway, &bob, 6).await, 4, "what all share is used up by both");
    assert_eq!(violated(&bob).await, (json!(["everybody"]), vec![("everybody".to_owned(), 0)]));
}
