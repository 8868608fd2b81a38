use gateway_domain::call_context::{Admitted, NotAdmitted, Refusal};
use gateway_domain::scope::Scope;

use super::*;

const PREFIX: &str = "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3d4e5/live/";

fn rest_call(method: &str, path: &str) -> ApiRequest {
    let arn = format!("{PREFIX}{method}{path}");
    ApiRequest::from_value(json!({ "httpMethod": method, "path": path, "requestContext": {}, "methodArn": arn }))
        .unwrap()
}

fn http_call(path: &str) -> ApiRequest {
    let context = json!({ "http": { "method": "GET" } });
    ApiRequest::from_value(json!({ "version": "2.0", "rawPath": path, "requestContext": context })).unwrap()
}

fn refused(refusal: Refusal) -> Finding {
    Finding::Decided { principal: "alice".to_owned(), outcome: Outcome::Refused(refusal), caller: None }
}

fn statement(response: &Value) -> &Value {
    &response["policyDocument"]["Statement"][0]
}

/// Abuse case A5.
#[test]
fn a_policy_is_for_exactly_the_method_and_path_asked_about() {
    for (method, path) in [("GET", "/v1/accounts"), ("DELETE", "/v1/accounts"), ("GET", "/v1/orders/7"), ("GET", "/$m")]
    {
        let response = response(&rest_call(method, path), refused(Refusal::NotFound)).unwrap();
        let expected = json!({
            "Action": "execute-api:Invoke", "Effect": "Allow", "Resource": format!("{PREFIX}{method}{path}")
        });
        assert_eq!(response["policyDocument"]["Statement"], json!([expected]));
    }
}

/// Abuse case A6: a path that a policy cannot express is left out of it; the decision in the context still names the path.
#[test]
fn no_wildcard_of_the_caller_is_left_in_a_resource() {
    for (path, resource) in [
        ("/v1/*", "/*"),
        ("/v1/orders/?", "/*"),
        ("/v1/${aws:username}", "/*"),
        ("/v1/orders/%2A", "/v1/orders/%2A"),
        ("/v1/orders/%3F", "/v1/orders/%3F"),
    ] {
        let request = rest_call("GET", path);
        let findings = [
            refused(Refusal::BadRequest),
            Finding::InsufficientScope { principal: "a".into(), required: Scope::default() },
        ];
        for finding in findings {
            let response = response(&request, finding).unwrap();
            assert_eq!(statement(&response)["Resource"], format!("{PREFIX}GET{resource}"));
        }
    }
}

/// API Gateway takes resources of at most 512 characters, and authorizes ARNs of at most 1,600 bytes.
#[test]
fn a_path_too_long_for_a_resource_is_covered_by_its_method() {
    let path = |arn: usize| format!("/{}", "a".repeat(arn - PREFIX.len() - "GET/".len()));
    for (length, covered) in [(512, false), (513, true), (1_600, true)] {
        let request = rest_call("GET", &path(length));
        let expected = if covered { format!("{PREFIX}GET/*") } else { request.method_arn.clone().unwrap() };
        let allowed = response(&request, refused(Refusal::NotFound)).unwrap();
        assert_eq!(
            (&statement(&allowed)["Resource"], &statement(&allowed)["Effect"]),
            (&json!(expected), &json!("Allow"))
        );
        let lacking = Finding::InsufficientScope { principal: "a".into(), required: Scope::default() };
        let denied = response(&request, lacking).unwrap();
        assert_eq!(
            (&statement(&denied)["Resource"], &statement(&denied)["Effect"]),
            (&json!(expected), &json!("Deny"))
        );
        assert!(!is_too_long(&request), "{length}");
    }
    assert!(is_too_long(&rest_call("GET", &path(1_601))));
    assert!(!is_too_long(&http_call(&path(1_601))));
}

/// Checklist B-07: the context carries the required scope to the gateway response for `ACCESS_DENIED`.
#[test]
fn insufficient_scope_is_a_denial_that_names_the_scope() {
    let required = Scope::parse("orders:write").unwrap();
    let finding = Finding::InsufficientScope { principal: "alice".into(), required: required.clone() };
    let denied = response(&rest_call("GET", "/orders"), finding.clone()).unwrap();
    assert_eq!(statement(&denied)["Effect"], "Deny");
    assert_eq!(
        denied["context"],
        json!({
            "error": "insufficient_scope",
            "scope": "orders:write",
            "challenge": r#"Bearer realm="gateway", error="insufficient_scope", scope="orders:write""#
        })
    );

    let allowed = response(&http_call("/orders"), finding).unwrap();
    assert_eq!(behind(&allowed), Err(NotAdmitted::Refused(Refusal::InsufficientScope { required })));
}

#[test]
fn an_invalid_token_is_an_error_of_a_rest_api_and_a_decision_of_an_http_api() {
    assert_eq!(response(&rest_call("GET", "/"), Finding::InvalidToken), Err(NoResponse::Unauthorized));
    let allowed = response(&http_call("/orders"), Finding::InvalidToken).unwrap();
    assert_eq!(allowed["isAuthorized"], true);
    assert_eq!(behind(&allowed), Err(NotAdmitted::Refused(Refusal::InvalidToken)));
}

fn behind(allowed: &Value) -> Result<Admitted, NotAdmitted> {
    let mut request = http_call("/orders");
    request.authorizer = allowed["context"].as_object().cloned();
    Admitted::from_event(&request)
}

#[test]
fn a_path_of_any_length_leaves_room_for_the_context() {
    let long = format!("/{}", "a".repeat(9_000));
    let response = response(&rest_call("GET", &long), refused(Refusal::PathTooLong)).unwrap();
    assert_eq!(statement(&response)["Effect"], "Allow");
    assert_eq!(response["context"]["decision"], "path_too_long");
}

#[test]
fn an_event_without_arn_is_a_failure_never_an_allowance() {
    let mut request = rest_call("GET", "/");
    request.method_arn = None;
    assert_eq!(response(&request, refused(Refusal::NotFound)), Err(NoResponse::NoArn));
}
