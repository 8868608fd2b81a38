//! The whole gateway over HTTP, with functions that are tasks and use the Runtime API.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_domain::trace::Trace;
use serde_json::json;

use super::*;
use crate::template::Inputs;

/// Asks for invocations and responds to each with what the handler returns: `Ok` is a result, `Err` an `errorMessage`.
async fn work(runtime_api: String, handler: fn(&Json) -> Option<Result<Json, String>>) {
    let client = reqwest::Client::new();
    let base = format!("http://{runtime_api}/2018-06-01/runtime/invocation");
    while let Ok(next) = client.get(format!("{base}/next")).send().await {
        let id = next.headers()["lambda-runtime-aws-request-id"].to_str().unwrap().to_owned();
        let event: Json = next.json().await.unwrap();
        let (end, body) = match handler(&event) {
            Some(Ok(response)) => ("response", response),
            Some(Err(message)) => ("error", json!({ "errorType": "Test", "errorMessage": message })),
            None => std::future::pending().await,
        };
        client.post(format!("{base}/{id}/{end}")).json(&body).send().await.unwrap();
    }
}

/// An authorizer that decides by the text of the bearer token.
fn authorizer(event: &Json) -> Option<Result<Json, String>> {
    let token = event["headers"]["authorization"].as_str().unwrap_or_default();
    let (effect, context) = match token {
        "Bearer good" => ("Allow", json!({ "user": "ada", "limit": 60 })),
        "Bearer narrow" => ("Deny", json!({ "error": "insufficient_scope", "scope": "orders:write" })),
        "Bearer huge" => ("Allow", json!({ "padding": "x".repeat(9_000) })),
        "Bearer nested" => ("Allow", json!({ "user": {} })),
        "Bearer broken" => return Some(Err("the store is down".to_owned())),
        "Bearer silent" => return None,
        _ => return Some(Err("Unauthorized".to_owned())),
    };
    let statement = json!({ "Action": "execute-api:Invoke", "Effect": effect, "Resource": event["methodArn"] });
    let document = json!({ "Version": "2012-10-17", "Statement": [statement] });
    Some(Ok(json!({ "principalId": "ada", "policyDocument": document, "context": context })))
}

/// A function that responds with the event it received, or as the path says.
fn proxy(event: &Json) -> Option<Result<Json, String>> {
    match event["path"].as_str().unwrap_or_default() {
        "/public/fail" => Some(Err("boom".to_owned())),
        "/public/hang" => None,
        "/public/malformed" => Some(Ok(json!({ "status": 200 }))),
        "/public/bytes" => {
            Some(Ok(json!({ "statusCode": 200, "body": STANDARD.encode([0, 255, 1]), "isBase64Encoded": true })))
        }
        "/public/too-large" => Some(Ok(json!({ "statusCode": 200, "body": "x".repeat(limits::PAYLOAD) }))),
        _ => Some(Ok(json!({ "statusCode": 200, "body": event.to_string() }))),
    }
}

/// How long a gateway waits that is to give up.
const IMPATIENT: Duration = Duration::from_millis(400);

struct Api {
    base: String,
    functions: Functions,
    log: Log,
}

async fn start() -> Api {
    start_that_waits(Duration::from_secs(20)).await
}

/// A gateway that waits this long for a function. Where something is late on purpose it waits briefly, and nothing else is
/// asked of it, since a machine under load is late with everything.
async fn start_that_waits(integration_timeout: Duration) -> Api {
    let text = include_str!("../../../../template.yaml").replace("RESPONSE_STREAM", "BUFFERED");
    let template = Template::read(&text, &Inputs::default()).unwrap();
    let (log, mut functions) = (Log::default(), Functions::default());
    let seconds = Duration::from_secs(20);
    functions.add_task("AuthorizerFunction", seconds, &log, |endpoint| tokio::spawn(work(endpoint, authorizer)));
    functions.add_task("ProxyFunction", seconds, &log, |endpoint| tokio::spawn(work(endpoint, proxy)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let mut gateway = ApiGateway::new(Arc::new(template), functions.clone(), log.clone());
    gateway.integration_timeout = integration_timeout;
    tokio::spawn(gateway.serve(listener));
    Api { base, functions, log }
}

impl Api {
    async fn get(&self, path: &str, token: Option<&str>) -> reqwest::Response {
        let mut request = reqwest::Client::new().get(format!("{}{path}", self.base));
        if let Some(token) = token {
            request = request.header("authorization", token);
        }
        request.send().await.unwrap()
    }

    fn authorizer_calls(&self) -> u64 {
        self.functions.invocations("AuthorizerFunction")
    }
}

#[tokio::test]
async fn an_allowed_call_reaches_its_function_with_the_context_as_text() {
    let api = start().await;
    let response = api.get("/orders?a=1", Some("Bearer good")).await;
    assert_eq!(response.status(), 200);
    assert!(response.headers().contains_key("x-amzn-requestid"));
    let event: Json = response.json().await.unwrap();
    let context = &event["requestContext"]["authorizer"];
    assert_eq!(
        (&context["user"], &context["limit"], &context["principalId"]),
        (&json!("ada"), &json!("60"), &json!("ada"))
    );
    assert_eq!(api.authorizer_calls(), 1);
}

/// The authorizer is invoked for each call: nothing is cached.
#[tokio::test]
async fn every_call_is_authorized() {
    let api = start().await;
    for _ in 0..4 {
        assert_eq!(api.get("/orders", Some("Bearer good")).await.status(), 200);
    }
    assert_eq!(api.authorizer_calls(), 4);
}

#[tokio::test]
async fn a_missing_token_is_401_without_asking_the_authorizer() {
    let api = start().await;
    for token in [None, Some("")] {
        let response = api.get("/orders", token).await;
        assert_eq!(response.status(), 401);
        assert!(response.headers()["www-authenticate"].to_str().unwrap().contains("invalid_token"));
    }
    assert_eq!(api.authorizer_calls(), 0);
}

#[tokio::test]
async fn the_ways_an_authorizer_ends_are_told_apart() {
    let api = start().await;
    for (token, status) in [("bad", 401), ("narrow", 403), ("broken", 503), ("huge", 503), ("nested", 503)] {
        let response = api.get("/orders", Some(&format!("Bearer {token}"))).await;
        assert_eq!(response.status(), status, "{token}");
        assert_eq!(response.headers().contains_key("retry-after"), status == 503, "{token}");
    }
    let impatient = start_that_waits(IMPATIENT).await;
    assert_eq!(impatient.get("/orders", Some("Bearer silent")).await.status(), 503);
    assert_eq!(api.functions.invocations("ProxyFunction"), 0);
    assert!(api.log.lines().iter().any(|line| line.contains("the store is down")), "{:?}", api.log.lines());
}

#[tokio::test]
async fn an_open_route_asks_no_authorizer() {
    let api = start().await;
    let event: Json = api.get("/public/ping", Some("Bearer good")).await.json().await.unwrap();
    assert!(event["requestContext"].get("authorizer").is_none());
    assert_eq!(api.authorizer_calls(), 0);
}

#[tokio::test]
async fn what_goes_wrong_behind_the_gateway_is_502_or_504() {
    let api = start().await;
    for (path, status) in [("fail", 502), ("malformed", 502), ("too-large", 502), ("ping", 200)] {
        assert_eq!(api.get(&format!("/public/{path}"), None).await.status(), status, "{path}");
    }
    let impatient = start_that_waits(IMPATIENT).await;
    assert_eq!(impatient.get("/public/hang", None).await.status(), 504);
}

/// If there is no route, the message of AWS quotes `Authorization`; the response of the template does not.
#[tokio::test]
async fn an_unknown_route_is_not_found_and_its_response_repeats_no_token() {
    let api = start().await;
    let client = reqwest::Client::new();
    for (method, path) in
        [("GET", "/"), ("TRACE", "/oauth2/token"), ("TRACE", "/orders"), ("TRACE", "/.well-known/jwks.json")]
    {
        let method = http::Method::from_bytes(method.as_bytes()).unwrap();
        for authorization in ["Bearer s3cr3t-t0ken", "Basic s3cr3t-t0ken", "s3cr3t-t0ken", "Bearer a=s3cr3t-t0ken", ""]
        {
            let request = client.request(method.clone(), format!("{}{path}", api.base));
            let response = request.header("authorization", authorization).send().await.unwrap();
            assert_eq!(response.status(), 404, "{method} {path} {authorization}");
            assert_eq!(response.headers()["content-type"], "application/problem+json");
            assert!(!format!("{:?}", response.headers()).contains("s3cr3t"), "{response:?}");
            let body = response.text().await.unwrap();
            assert!(body.contains("There is no such route.") && !body.contains("s3cr3t"), "{body}");
        }
    }
    assert_eq!(api.authorizer_calls(), 0);
}

/// The policy of this authorizer names the whole path. API Gateway does not evaluate a resource of over 512 characters.
#[tokio::test]
async fn a_policy_about_a_long_path_is_a_failure_of_the_authorizer() {
    let api = start().await;
    let arn = |path: usize| format!("/{}", "x".repeat(path - 1));
    let prefix = "arn:aws:execute-api:us-east-1:000000000000:Api/v1/GET".len();
    assert_eq!(api.get(&arn(512 - prefix), Some("Bearer good")).await.status(), 200);
    let response = api.get(&arn(513 - prefix), Some("Bearer good")).await;
    assert_eq!((response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()), (503, "5"));
    assert!(api.log.lines().iter().any(|line| line.contains("512")), "{:?}", api.log.lines());
}

/// If an authorizer decides about a path, the length of its method ARN is limited; otherwise only that of the URL.
#[tokio::test]
async fn a_url_longer_than_api_gateway_carries_is_414() {
    let api = start().await;
    let prefix = "arn:aws:execute-api:us-east-1:000000000000:Api/v1/GET/".len();
    let asked = api.authorizer_calls();
    let path = |length: usize| format!("/{}", "x".repeat(length));
    let response = api.get(&path(limits::METHOD_ARN - prefix + 1), Some("Bearer good")).await;
    assert_eq!((response.status().as_u16(), api.authorizer_calls()), (414, asked));
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert_ne!(api.get(&path(limits::METHOD_ARN - prefix), Some("Bearer good")).await.status(), 414);
    // Without a token the authorizer is not invoked, and an open route has none, so the ARN is not limited.
    assert_eq!(api.get(&path(3_000), None).await.status(), 401);
    assert_eq!(api.get(&format!("/public{}", path(3_000)), None).await.status(), 200);
    assert_eq!(api.get(&format!("/public/x?{}", "q".repeat(limits::URL)), None).await.status(), 414);
    assert_eq!(api.get(&format!("/public/x?{}", "q".repeat(limits::URL - 20)), None).await.status(), 431);
}

#[tokio::test]
async fn bytes_pass_in_both_directions() {
    let api = start().await;
    let response = reqwest::Client::new().post(format!("{}/public/x", api.base)).body(vec![0, 255, 1]).send().await;
    let event: Json = response.unwrap().json().await.unwrap();
    assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("AP8B"), &json!(true)));
    assert_eq!(api.get("/public/bytes", None).await.bytes().await.unwrap(), [0, 255, 1].as_slice());
}

#[tokio::test]
async fn headers_over_their_limit_are_431() {
    let api = start().await;
    for (size, status) in [(9_000, 200), (10_300, 431)] {
        let request = reqwest::Client::new().get(format!("{}/public/x", api.base)).header("x-long", "x".repeat(size));
        assert_eq!(request.send().await.unwrap().status(), status, "{size}");
    }
}

#[tokio::test]
async fn bodies_over_their_limit_are_413() {
    let api = start().await;
    // Every body is base64 in its event, also text, so a body can have at most three quarters of the size of the event.
    let most = limits::PAYLOAD / 4 * 3;
    for (size, status) in [(100, 200), (most - 8 * 1024, 200), (most, 413), (limits::REQUEST_BODY + 1, 413)] {
        let request = reqwest::Client::new().post(format!("{}/public/bytes", api.base)).body(vec![b'x'; size]);
        assert_eq!(request.send().await.unwrap().status(), status, "{size}");
    }
}

#[tokio::test]
async fn many_calls_at_once_are_all_answered() {
    let api = Arc::new(start().await);
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let api = Arc::clone(&api);
            tokio::spawn(async move { api.get("/orders", Some("Bearer good")).await.status() })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), 200);
    }
}

#[tokio::test]
async fn the_functions_of_one_request_share_its_trace() {
    let api = start().await;
    let mut roots = std::collections::BTreeSet::new();
    for _ in 0..2 {
        let client = reqwest::Client::new().get(format!("{}/orders", api.base)).bearer_auth("good");
        let sent = client.header("x-amzn-trace-id", "Root=1-00000001-000000000000000000000001").send().await.unwrap();
        let event: Json = sent.json().await.unwrap();
        let (authorizer, proxy) =
            (api.functions.last_trace("AuthorizerFunction"), api.functions.last_trace("ProxyFunction"));
        let (authorizer, proxy) = (Trace::parse(&authorizer).unwrap(), Trace::parse(&proxy).unwrap());
        assert_eq!(authorizer.root, proxy.root);
        assert_ne!(authorizer.parent, proxy.parent);
        assert!(!authorizer.sampled && !proxy.sampled);
        let names =
            event["headers"].as_object().unwrap().keys().filter(|name| name.eq_ignore_ascii_case("x-amzn-trace-id"));
        assert_eq!(names.count(), 1);
        assert_eq!(event["headers"]["X-Amzn-Trace-Id"], format!("Root={}", proxy.root));
        roots.insert(proxy.root.to_owned());
    }
    assert_eq!(roots.len(), 2);
}
