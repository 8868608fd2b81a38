//! Renders the responses that the gateway gives by itself, from the gateway responses of the template.

use axum::body::Body;
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Map, Value as Json, json};

use crate::template::{Api, GatewayResponse, HeaderTemplate, RESPONSE_TYPES};

/// The values that a response can contain.
#[derive(Debug)]
pub(super) struct Details<'a> {
    /// The id that API Gateway gave the request.
    pub(super) request_id: &'a str,
    /// The message of AWS.
    pub(super) message: &'a str,
    /// The status, unless the template sets another. `None` is the one that AWS gives this type.
    pub(super) status: Option<u16>,
    /// The context that the authorizer returned.
    pub(super) context: &'a Map<String, Json>,
}

impl Details<'_> {
    /// The value of `context.<path>`.
    fn variable(&self, path: &str, kind: &str) -> Option<String> {
        match path {
            "requestId" | "extendedRequestId" => Some(self.request_id.to_owned()),
            "error.message" => Some(self.message.to_owned()),
            "error.messageString" => Some(json!(self.message).to_string()),
            "error.responseType" => Some(kind.to_owned()),
            _ => {
                let name = path.strip_prefix("authorizer.")?;
                self.context.get(name).and_then(Json::as_str).map(str::to_owned)
            }
        }
    }
}

/// The response of this type. For a type that the template does not have, that of `DEFAULT_4XX` or `DEFAULT_5XX` is used.
pub(super) fn render(api: &Api, kind: &str, details: &Details<'_>) -> Response {
    let amazons = RESPONSE_TYPES.iter().find(|(known, _)| *known == kind).map_or(500, |(_, status)| *status);
    let usual = details.status.unwrap_or(amazons);
    let fallback = if usual < 500 { "DEFAULT_4XX" } else { "DEFAULT_5XX" };
    let template = api.gateway_responses.get(kind).or_else(|| api.gateway_responses.get(fallback));
    let Some(template) = template else { return plain(usual, details.message) };
    let body = match &template.body {
        Some(body) => substitute(body, kind, details),
        None => json!({ "message": details.message }).to_string(),
    };
    let mut response = response(template.status.unwrap_or(usual), body);
    for (name, value) in headers(template, kind, details) {
        // A value that is not valid in a header is left out.
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// The response that AWS gives without a template.
pub(super) fn plain(status: u16, message: &str) -> Response {
    response(status, json!({ "message": message }).to_string())
}

fn response(status: u16, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn headers<'a>(template: &'a GatewayResponse, kind: &str, details: &Details<'_>) -> Vec<(&'a str, String)> {
    let value = |template: &HeaderTemplate| match template {
        HeaderTemplate::Static(text) => Some(text.clone()),
        HeaderTemplate::Context(path) => details.variable(path, kind),
    };
    template.headers.iter().filter_map(|(name, template)| Some((name.as_str(), value(template)?))).collect()
}

/// The body with each `$context.…` replaced. An unknown one is replaced by nothing.
fn substitute(body: &str, kind: &str, details: &Details<'_>) -> String {
    let mut parts = body.split("$context.");
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_'))).unwrap_or(part.len());
        let (path, rest) = part.split_at_checked(end).unwrap_or((part, ""));
        result.push_str(&details.variable(path, kind).unwrap_or_default());
        result.push_str(rest);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::{Inputs, Template};

    fn api() -> Api {
        Template::read(include_str!("../../../../template.yaml"), &Inputs::default()).unwrap().api
    }

    fn render_with(kind: &str, status: Option<u16>, context: &Json) -> Response {
        let context = context.as_object().cloned().unwrap_or_default();
        let details = Details { request_id: "id-1", message: "Said \"so\"", status, context: &context };
        render(&api(), kind, &details)
    }

    async fn json_of(response: Response) -> Json {
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[tokio::test]
    async fn unauthorized_is_a_401_with_a_challenge_and_a_problem() {
        let response = render_with("UNAUTHORIZED", None, &json!({}));
        assert_eq!(response.status(), 401);
        assert_eq!(response.headers()["www-authenticate"], r#"Bearer realm="gateway", error="invalid_token""#);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(json_of(response).await["request_id"], "id-1");
    }

    #[tokio::test]
    async fn a_denied_call_names_the_scope_it_needs() {
        let challenge = r#"Bearer realm="gateway", error="insufficient_scope", scope="orders:write""#;
        let context = json!({ "error": "insufficient_scope", "scope": "orders:write", "challenge": challenge });
        let response = render_with("ACCESS_DENIED", None, &context);
        assert_eq!(response.status(), 403);
        assert_eq!(response.headers()["www-authenticate"], challenge);
        let body = json_of(response).await;
        assert_eq!((&body["error"], &body["scope"]), (&json!("insufficient_scope"), &json!("orders:write")));
    }

    #[test]
    fn a_header_can_take_its_value_from_the_context_and_is_left_out_without_one() {
        let mut api = api();
        let template = vec![("X-Scope".to_owned(), HeaderTemplate::Context("authorizer.scope".to_owned()))];
        api.gateway_responses.get_mut("ACCESS_DENIED").unwrap().headers = template;
        let context = json!({ "scope": "a" }).as_object().cloned().unwrap();
        for (context, expected) in [(context, Some("a")), (Map::new(), None)] {
            let details = Details { request_id: "", message: "", status: None, context: &context };
            let response = render(&api, "ACCESS_DENIED", &details);
            assert_eq!(response.headers().get("x-scope").map(|value| value.to_str().unwrap()), expected);
        }
    }

    #[test]
    fn a_failing_authorizer_is_a_503_to_retry() {
        for kind in ["AUTHORIZER_FAILURE", "AUTHORIZER_CONFIGURATION_ERROR"] {
            let response = render_with(kind, None, &json!({}));
            assert_eq!(response.status(), 503);
            assert_eq!(response.headers()["retry-after"], "5");
        }
    }

    #[test]
    fn the_other_statuses_are_those_of_the_table() {
        for (kind, status) in
            [("MISSING_AUTHENTICATION_TOKEN", 404), ("REQUEST_TOO_LARGE", 413), ("INTEGRATION_TIMEOUT", 504)]
        {
            assert_eq!(render_with(kind, None, &json!({})).status(), status);
        }
    }

    #[tokio::test]
    async fn a_type_the_template_leaves_out_is_answered_by_the_default() {
        let response = render_with("DEFAULT_5XX", Some(502), &json!({}));
        assert_eq!(response.status(), 502);
        let response = render_with("BAD_REQUEST_BODY", None, &json!({}));
        assert_eq!(response.status(), 400);
        assert_eq!(json_of(response).await["detail"], "The gateway refuses this request.");
    }

    /// The imitation inserts the message of AWS with all that it quotes, as AWS does, so the template must not use it.
    #[tokio::test]
    async fn a_body_that_asks_for_amazons_message_gets_it_with_all_that_it_quotes() {
        let mut api = api();
        let body = r#"{"detail":$context.error.messageString}"#.to_owned();
        api.gateway_responses.get_mut("INVALID_SIGNATURE").unwrap().body = Some(body);
        let details = Details { request_id: "", message: "'x' in: 'Bearer \"x\"'", status: None, context: &Map::new() };
        let response = render(&api, "INVALID_SIGNATURE", &details);
        assert_eq!(json_of(response).await["detail"], "'x' in: 'Bearer \"x\"'");
    }

    #[tokio::test]
    async fn without_any_template_the_response_is_amazons() {
        let mut api = api();
        api.gateway_responses.clear();
        let details = Details { request_id: "", message: "Unauthorized", status: None, context: &Map::new() };
        let response = render(&api, "UNAUTHORIZED", &details);
        assert_eq!(response.status(), 401);
        assert_eq!(json_of(response).await, json!({ "message": "Unauthorized" }));
    }

    /// Every body is JSON, whatever the message, and no cache may store it.
    #[tokio::test]
    async fn every_response_of_the_template_is_json_that_is_not_stored() {
        for kind in api().gateway_responses.keys() {
            let response = render_with(kind, None, &json!({ "scope": "a b" }));
            assert_eq!(response.headers()["cache-control"], "no-store", "{kind}");
            json_of(response).await;
        }
    }
}
