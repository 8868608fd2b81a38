//! Events are built, and results are read, as an HTTP API does.

use super::*;
use crate::api_gateway::routes;
use crate::template::{ANY, ApiKind, Inputs, METHODS, Template};

fn template() -> Template {
    let parameters = [("Issuer", "http://127.0.0.1:3000"), ("ApiKind", "HTTP")];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let text = include_str!("../../../../template.yaml");
    Template::read(text, &Inputs { parameters, table_prefix: String::new() }).unwrap()
}

fn received(method: &str, path: &str, query: &str, headers: &[(&str, &str)], body: &'static [u8]) -> Received {
    Received {
        request_id: "id-1".to_owned(),
        trace_root: "1-5759e988-bd862e3fe1be46a994272793".to_owned(),
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: Bytes::from_static(body),
        source: "127.0.0.9:40000".parse().unwrap(),
        port: 3000,
        time: 1_750_000_000_123,
        protocol: "HTTP/1.1",
    }
}

fn event(received: &Received) -> Json {
    let template = template();
    let path = routed(&decoded(&received.path));
    let matched = routes::find(template.api.kind, &template.routes, &received.method, &path).unwrap();
    proxy_event(&template.api, received, &matched, None)
}

#[test]
fn the_path_is_decoded_but_for_the_percent_sign() {
    for (sent, arrives) in [
        ("/caf%C3%A9/a%20b", "/café/a b"),
        ("/a%2Fb%3Bc", "/a/b;c"),
        ("/100%25/%252F", "/100%25/%252F"),
        ("/a%3Fb/c", "/a"),
        ("/a%ff", "/a\u{fffd}"),
        ("/a%zz", "/a%zz"),
    ] {
        assert_eq!(decoded(sent), arrives, "{sent}");
    }
    let event = event(&received("GET", "/orders/%c3%a9", "", &[], b""));
    assert_eq!((&event["version"], &event["rawPath"]), (&json!("2.0"), &json!("/v1/orders/é")));
    assert_eq!(
        (&event["routeKey"], &event["pathParameters"]),
        (&json!("ANY /{proxy+}"), &json!({ "proxy": "orders/é" }))
    );
    assert_eq!(
        (&event["requestContext"]["stage"], &event["stageVariables"]["issuer"]),
        (&json!("v1"), &json!("http://127.0.0.1:3000"))
    );
}

#[test]
fn routes_are_found_for_the_decoded_path() {
    for (path, key) in [
        ("/%70ublic/ping", "ANY /public/{proxy+}"),
        ("/public%2Fping", "ANY /public/{proxy+}"),
        ("//public/ping", "ANY /public/{proxy+}"),
        ("/oauth2/token", "POST /oauth2/token"),
        ("/account/api/v1/me", "POST /account/api/v1/{resource+}"),
    ] {
        assert_eq!(event(&received("POST", path, "", &[], b""))["routeKey"], key, "{path}");
    }
}

#[test]
fn the_query_stays_as_it_was_sent() {
    let sent = "b=1&a=%7e&b=x+y&%zz&a;c";
    let event = event(&received("GET", "/orders", sent, &[], b""));
    assert_eq!(event["rawQueryString"], sent);
    assert_eq!(event["queryStringParameters"]["b"], "1,x y");
}

#[test]
fn repeated_headers_are_joined_and_cookies_are_a_list() {
    let headers = [("x-a", "1"), ("cookie", "a=1; b=2"), ("x-a", "2"), ("cookie", "c=3")];
    let event = event(&received("GET", "/orders", "", &headers, b""));
    assert_eq!((&event["headers"]["x-a"], &event["headers"]["cookie"]), (&json!("1,2"), &Json::Null));
    assert_eq!(event["cookies"], json!(["a=1", "b=2", "c=3"]));
    assert_eq!(event["headers"]["x-forwarded-for"], "127.0.0.9");
}

#[test]
fn a_body_travels_as_text_if_its_type_is_one_of_texts() {
    let sent =
        |content_type: &str, body| event(&received("POST", "/orders", "", &[("content-type", content_type)], body));
    let json = sent("application/json; charset=utf-8", b"{}");
    assert_eq!((&json["body"], &json["isBase64Encoded"]), (&json!("{}"), &json!(false)));
    let form = sent("application/x-www-form-urlencoded", b"a=1");
    assert_eq!((&form["body"], &form["isBase64Encoded"]), (&json!("YT0x"), &json!(true)));
    let none = sent("image/png", b"");
    assert_eq!((&none["body"], &none["isBase64Encoded"]), (&Json::Null, &json!(false)));
}

#[test]
fn an_authorizer_is_asked_with_its_identity_source_and_answers_in_one_word() {
    let template = template();
    let authorizer = &template.api.authorizers["HttpApiAuthorizer"];
    assert_eq!((template.api.kind, authorizer.function.as_str()), (ApiKind::Http, "AuthorizerFunction"));
    let received = received("GET", "/orders", "", &[("authorization", "Bearer x")], b"");
    let matched = routes::find(ApiKind::Http, &template.routes, "GET", "/orders").unwrap();
    let event = authorizer_event(&template.api, &received, &matched, &authorizer.identity_headers);
    assert_eq!((&event["type"], &event["identitySource"]), (&json!("REQUEST"), &json!(["Bearer x"])));
    assert!(event["routeArn"].as_str().unwrap().ends_with(":HttpApi/v1/GET/orders"), "{event}");

    let decided = |result: &Json| decide(Some(Ok(Bytes::from(result.to_string()))));
    let context = decided(&json!({ "isAuthorized": true, "context": { "user": "ada", "limit": 60 } })).unwrap();
    assert_eq!(context["limit"], 60, "values stay as they are");
    assert!(matches!(decided(&json!({ "isAuthorized": false })), Err(Refused::Denied { .. })));
    for malformed in [json!({}), json!({ "isAuthorized": "true" }), json!({ "isAuthorized": true, "context": [] })] {
        assert!(matches!(decided(&malformed), Err(Refused::Malformed(_))), "{malformed}");
    }
    assert!(matches!(decide(None), Err(Refused::Failed(_))));
}

#[tokio::test]
async fn a_response_has_its_cookies_one_by_one() {
    let result = json!({ "statusCode": 200, "headers": { "X-One": "1" }, "cookies": ["a=1", "b=2"], "body": "AP97", "isBase64Encoded": true });
    let response = response(result.to_string().as_bytes(), "GET").unwrap();
    let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    assert_eq!(axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap(), &b"\x00\xff{"[..]);
}

#[test]
fn what_is_no_response_of_payload_2_is_malformed() {
    for wrong in [
        json!({ "statusCode": 200, "multiValueHeaders": {} }),
        json!({ "statusCode": 200, "cookies": "a=1" }),
        json!({ "statusCode": 200, "cookies": ["a\r\nb"] }),
        json!({ "user": "ada" }),
    ] {
        assert!(response(wrong.to_string().as_bytes(), "GET").is_err(), "{wrong}");
    }
}

/// Every path and method leads to the same function, behind the authorizer or open, at an API of either kind.
#[test]
fn both_kinds_of_api_lead_to_the_same_functions() {
    let http = template();
    let text = include_str!("../../../../template.yaml");
    let rest = Template::read(text, &Inputs::default()).unwrap();
    for route in &rest.routes {
        let (before, parameter) = route.path.split_once('{').unwrap_or((&route.path, ""));
        let path = match parameter {
            "" => before.to_owned(),
            greedy if greedy.ends_with("+}") => format!("{before}x/y"),
            _ => format!("{before}x"),
        };
        let methods = METHODS.iter().filter(|method| route.method == ANY || route.method == **method);
        for method in methods {
            let found = |template: &Template| {
                let matched = routes::find(template.api.kind, &template.routes, method, &path).unwrap();
                (matched.route.function.clone(), matched.route.path.clone(), matched.route.open)
            };
            assert_eq!(found(&http), found(&rest), "{method} {path}");
        }
    }
    for route in &http.routes {
        assert!(rest.routes.iter().any(|other| other.path == route.path), "{}", route.path);
    }
}
