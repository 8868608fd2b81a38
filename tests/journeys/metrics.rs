//! Metrics: what the functions count about a journey, in lines that CloudWatch takes.

use std::collections::BTreeSet;

use gateway_domain::clock::Clock as _;
use gateway_runtime::SystemClock;
use serde_json::Value as Json;
use support::{ADA, DEMO_APP, Gateway, Manner, OldIssuer, PARTNER_APP};

/// The documents of the embedded metric format among the lines that the functions wrote, each valid.
pub(crate) async fn documents(gateway: &Gateway) -> Vec<Json> {
    let schema = serde_json::from_str(include_str!("../../shared/telemetry/tests/emf.schema.json")).expect("a schema");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let lines = gateway.logged().await;
    let bodies = lines.iter().filter_map(|line| line.split_once("] ")).map(|(_, body)| body);
    let documents: Vec<Json> = bodies
        .filter(|body| body.contains(r#""_aws""#))
        .map(|body| serde_json::from_str(body).expect("JSON"))
        .collect();
    for document in &documents {
        let errors: Vec<_> = validator.iter_errors(document).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?} in {document}");
    }
    documents
}

/// The sum of a count over all documents in which these dimensions have these values.
pub(crate) fn sum(documents: &[Json], metric: &str, dimensions: &[(&str, &str)]) -> f64 {
    let fits = |document: &&Json| dimensions.iter().all(|(name, value)| document[*name] == *value);
    documents.iter().filter(fits).filter_map(|document| document[metric].as_f64()).sum()
}

#[tokio::test]
async fn a_journey_with_its_mishaps_is_counted() {
    const GONE: &str = "
  gone:
    back_end: http://127.0.0.1:1
    routes: [{ path: /public/gone, methods: { GET: [] }, public: true }]
";
    let change = |text: String| format!("{}{GONE}", text.replace("calls: 60", "calls: 3"));
    let gateway = Gateway::start_with_config(change).await;
    // What was asked for when the stack started is counted elsewhere.
    let before = documents(&gateway).await;
    let first = gateway.login(ADA).await;
    assert_eq!(gateway.try_login(DEMO_APP, ADA.name, "wrong").await.status, 400);
    let secret = gateway.partner_secret();
    let form = [("grant_type", "client_credentials"), ("client_id", PARTNER_APP), ("client_secret", secret)];
    assert_eq!(gateway.post_form("/oauth2/token", &form).await.status, 200);
    for _ in 0..4 {
        gateway.call("GET", "/orders", &first.access).await;
    }
    assert_eq!(gateway.request("GET", "/public/gone").send().await.expect("a response").status().as_u16(), 502);
    let third = gateway.refresh(&gateway.refresh(&first).await).await;
    gateway.refresh(&third).await;
    gateway.refresh(&third).await;
    assert_eq!(gateway.try_refresh(DEMO_APP, &first.refresh).await.status, 400);

    let documents = documents(&gateway).await.split_off(before.len());
    for (metric, dimensions, expected) in [
        ("Logins", &[("Grant", "password"), ("App", DEMO_APP)][..], 1.0),
        ("Logins", &[("Grant", "client_credentials"), ("App", PARTNER_APP)], 1.0),
        ("Refusals", &[("Function", "token"), ("Reason", "credentials")], 1.0),
        ("Refusals", &[("Function", "proxy"), ("Reason", "back_end_unreachable")], 1.0),
        ("BackEndFailures", &[("Api", "gone")], 1.0),
        ("ConnectorFailures", &[("Connector", "orders-login")], 0.0),
        ("Refreshes", &[("Outcome", "rotated")], 3.0),
        ("Refreshes", &[("Outcome", "replayed")], 1.0),
        ("Refreshes", &[("Outcome", "refused")], 1.0),
        ("ReuseDetected", &[], 1.0),
        ("ThrottledCalls", &[], 1.0),
        ("Decisions", &[("Outcome", "rate_limited")], 1.0),
        ("ColdStarts", &[("Function", "token")], 1.0),
        ("ColdStarts", &[("Function", "authorizer")], 1.0),
        ("ColdStarts", &[("Function", "proxy")], 1.0),
        ("KeysStale", &[], 0.0),
    ] {
        assert_eq!(sum(&documents, metric, dimensions), expected, "{metric} {dimensions:?} in {documents:#?}");
    }
    let latencies = documents.iter().filter_map(|document| document["ConnectorLatency"].as_array()).flatten();
    assert!(latencies.count() >= 2, "a login and a logout in {documents:#?}");
}

/// A refresh token of another issuer counts as a trade-in, whatever becomes of it, and as no refresh besides.
#[tokio::test]
async fn a_trade_in_is_counted_once() {
    let issuer = OldIssuer::start(SystemClock.now().as_secs()).await;
    let section = issuer.section(DEMO_APP);
    let gateway = Gateway::start_with_config(|demo| format!("{section}{demo}")).await;
    let ada = gateway.store().users.by_email(ADA.name).await.expect("a read").expect("a user");
    let before = documents(&gateway).await;
    let first = gateway.try_refresh(DEMO_APP, &issuer.issue(ada.user_id.as_str())).await.tokens();
    assert_eq!(gateway.try_refresh(DEMO_APP, "of nobody").await.status, 400);
    issuer.behaves(Manner::Says(503, String::new()));
    assert_eq!(gateway.try_refresh(DEMO_APP, &issuer.issue(ada.user_id.as_str())).await.status, 503);
    gateway.refresh(&first).await;
    assert_eq!(gateway.try_refresh(DEMO_APP, "mgr_x.1.y").await.status, 400);
    let documents = documents(&gateway).await.split_off(before.len());
    for (metric, dimensions, expected) in [
        ("TradeIns", &[("Issuer", "old"), ("Outcome", "traded")][..], 1.0),
        ("TradeIns", &[("Issuer", "old"), ("Outcome", "refused")], 1.0),
        ("TradeIns", &[("Issuer", "old"), ("Outcome", "failed")], 1.0),
        ("Refreshes", &[("Outcome", "rotated")], 1.0),
        ("Refreshes", &[("Outcome", "refused")], 1.0),
        ("Refreshes", &[("Outcome", "failed")], 0.0),
    ] {
        assert_eq!(sum(&documents, metric, dimensions), expected, "{metric} {dimensions:?} in {documents:#?}");
    }
}

/// Nobody and nothing that a caller chose becomes a dimension: it would be a metric of its own, for good.
#[tokio::test]
async fn dimensions_have_values_of_closed_sets_only() {
    let gateway = Gateway::start().await;
    let canary = "canary-of-a-dimension";
    let tokens = gateway.login(ADA).await;
    gateway.try_login(canary, canary, canary).await;
    gateway.try_login(DEMO_APP, canary, canary).await;
    gateway.try_refresh(canary, canary).await;
    gateway.post_form("/oauth2/token", &[("grant_type", canary), ("client_id", DEMO_APP), ("scope", canary)]).await;
    gateway.call("GET", &format!("/{canary}"), &tokens.access).await;
    gateway.call("GET", "/orders", canary).await;
    let documents = documents(&gateway).await;
    let texts = documents.iter().filter_map(Json::as_object).flatten();
    // What every line has is no dimension.
    let of_every_line = ["service", "function_request_id", "correlation_id", "xray_trace_id"];
    let texts = texts.filter(|(name, _)| !of_every_line.contains(&name.as_str()));
    let values: BTreeSet<_> = texts.filter_map(|(_, value)| value.as_str()).collect();
    let known = ["token", "authorizer", "proxy", DEMO_APP, "password", "orders-login", "orders", "echo", "public"];
    for value in &values {
        let is_word = value.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        assert!(known.contains(value) || is_word, "{value} in {documents:#?}");
    }
    assert!(
        values.contains("client_authentication") && !documents.iter().any(|line| line.to_string().contains(canary))
    );
}
