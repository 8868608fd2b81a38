//! Events are built as API Gateway builds them.

use bytes::Bytes;

use super::*;
use crate::api_gateway::routes;
use crate::template::{Inputs, Template};

fn template() -> Template {
    let parameters = [("Issuer".to_owned(), "http://127.0.0.1:3000".to_owned())].into();
    let text = include_str!("../../../../template.yaml");
    Template::read(text, &Inputs { parameters, table_prefix: String::new() }).unwrap()
}

fn received(path: &str, query: &str, headers: &[(&str, &str)], body: &'static [u8]) -> Received {
    Received {
        request_id: "id-1".to_owned(),
        trace_root: "1-5759e988-bd862e3fe1be46a994272793".to_owned(),
        method: "GET".to_owned(),
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

fn proxy_event(received: &Received) -> Json {
    let template = template();
    let matched = routes::find(template.api.kind, &template.routes, "GET", &received.path).unwrap();
    proxy(&template.api, received, &matched, None)
}

#[test]
fn the_path_stays_as_it_was_sent() {
    let event = proxy_event(&received("/orders/%2e%2e/a%2Fb", "", &[], b""));
    assert_eq!(event["path"], "/orders/%2e%2e/a%2Fb");
    assert_eq!(event["resource"], "/{proxy+}");
    assert_eq!(event["requestContext"]["path"], "/orders/%2e%2e/a%2Fb");
    assert_eq!(event["queryStringParameters"], Json::Null);
    assert_eq!(event["multiValueQueryStringParameters"], Json::Null);
    assert_eq!(event["stageVariables"], json!({ "issuer": "http://127.0.0.1:3000" }));
    assert_eq!(event["requestContext"]["requestTimeEpoch"], 1_750_000_000_123_i64);
}

#[test]
fn repeated_headers_keep_every_value_and_the_single_map_the_last() {
    let headers = [("x-a", "1"), ("accept", "*/*"), ("x-a", "2")];
    let event = proxy_event(&received("/orders", "", &headers, b""));
    assert_eq!(event["headers"]["x-a"], "2");
    assert_eq!(event["multiValueHeaders"]["x-a"], json!(["1", "2"]));
}

#[test]
fn the_query_is_decoded_into_both_maps() {
    let event = proxy_event(&received("/orders", "a=%31&b=x+y&a=2", &[], b""));
    assert_eq!(event["queryStringParameters"], json!({ "a": "2", "b": "x y" }));
    assert_eq!(event["multiValueQueryStringParameters"], json!({ "a": ["1", "2"], "b": ["x y"] }));
}

#[test]
fn a_binary_body_travels_as_base64() {
    let event = proxy_event(&received("/orders", "", &[], b"\x00\xff{"));
    assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("AP97"), &json!(true)));
    let event = proxy_event(&received("/orders", "", &[], b""));
    assert_eq!((&event["body"], &event["isBase64Encoded"]), (&Json::Null, &json!(false)));
}

/// Abuse case B7: the address of the client is appended to whatever `X-Forwarded-For` it sends.
#[test]
fn forwarding_headers_of_the_client_do_not_hide_its_address() {
    let headers = [("x-forwarded-for", "1.2.3.4"), ("x-forwarded-proto", "https"), ("transfer-encoding", "chunked")];
    let event = proxy_event(&received("/orders", "", &headers, b""));
    assert_eq!(event["multiValueHeaders"]["X-Forwarded-For"], json!(["1.2.3.4, 127.0.0.9"]));
    assert_eq!(event["headers"]["X-Forwarded-Proto"], "http");
    assert_eq!(event["headers"]["X-Forwarded-Port"], "3000");
    assert_eq!(event["requestContext"]["identity"]["sourceIp"], "127.0.0.9");
    assert!(event["headers"].get("x-forwarded-proto").is_none());
    assert!(event["headers"].get("transfer-encoding").is_none());
}

#[test]
fn the_authorizer_is_asked_about_the_raw_path() {
    let template = template();
    let received = received("/orders/%2A", "a=1", &[("authorization", "Bearer t")], b"body");
    let matched = routes::find(template.api.kind, &template.routes, "GET", &received.path).unwrap();
    let event = authorizer(&template.api, &received, &matched);
    assert_eq!(event["type"], "REQUEST");
    assert_eq!(event["methodArn"], "arn:aws:execute-api:us-east-1:000000000000:Api/v1/GET/orders/%2A");
    assert_eq!(event["pathParameters"], json!({ "proxy": "orders/*" }));
    assert!(event.get("body").is_none());
}

#[test]
fn the_authorizers_context_reaches_the_function() {
    let template = template();
    let received = received("/orders", "", &[], b"");
    let matched = routes::find(template.api.kind, &template.routes, "GET", &received.path).unwrap();
    let context = json!({ "user": "ada", "principalId": "ada" });
    let event = proxy(&template.api, &received, &matched, context.as_object());
    assert_eq!(event["requestContext"]["authorizer"], context);
    let open = proxy(&template.api, &received, &matched, None);
    assert!(open["requestContext"].get("authorizer").is_none());
}
