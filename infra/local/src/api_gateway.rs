//! Serves an API of either kind as API Gateway does: route, authorizer, integration, response.

mod access_log;
mod authorizer;
mod event;
mod gateway_response;
mod http_api;
mod integration;
mod policy;
mod query;
mod received;
mod routes;
mod streaming;

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::HeaderValue;
use serde_json::{Map, Value as Json};
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::functions::Functions;
use crate::lambda::Lambda;
use crate::limits;
use crate::log::Log;
use crate::template::{ApiKind, Authorizer, Template};
use access_log::{AccessLog, Seen};
use authorizer::Refused;
use gateway_response::Details;
use received::{Received, Unreadable};
pub use streaming::Pace;
use streaming::Streamed;

/// The API of a template in front of its functions.
#[derive(Debug, Clone)]
pub struct ApiGateway {
    template: Arc<Template>,
    functions: Functions,
    log: Log,
    /// Port it listens on.
    port: u16,
    /// Longest wait for an integration.
    integration_timeout: Duration,
    /// How it passes streams on.
    pace: Pace,
    /// Its log of requests, if it has one.
    access_log: Option<AccessLog>,
}

/// A response that the gateway gives by itself, of this type.
#[derive(Debug)]
struct Own {
    kind: &'static str,
    /// The status, unless the template sets another. `None` is the one that AWS gives this type.
    status: Option<u16>,
    /// The message of AWS, which may quote the request.
    message: Cow<'static, str>,
    /// The context that the authorizer returned; empty if it returned none.
    context: Map<String, Json>,
}

impl Own {
    fn new(kind: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, status: None, message: message.into(), context: Map::new() }
    }

    /// The response of AWS if there is no route. AWS then expects its own signature in `Authorization`, and quotes a field
    /// that holds something else, including the token.
    fn no_route(received: &Received) -> Self {
        match received.header("authorization") {
            None | Some("") => Self::new("MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token"),
            Some(header) => {
                let value = header.rsplit(' ').next().unwrap_or_default();
                let message = format!(
                    "'{value}' not a valid key=value pair (missing equal-sign) in Authorization header: '{header}'."
                );
                Self::new("INVALID_SIGNATURE", message)
            }
        }
    }

    /// The response of AWS if a function fails, or returns something that is not a proxy response.
    fn bad_gateway() -> Self {
        Self { status: Some(502), ..Self::new("DEFAULT_5XX", "Internal server error") }
    }
}

impl ApiGateway {
    /// The API of this template in front of these functions.
    pub fn new(template: Arc<Template>, functions: Functions, log: Log) -> Self {
        let integration_timeout = match template.api.kind {
            ApiKind::Rest => limits::INTEGRATION_TIMEOUT,
            ApiKind::Http => limits::HTTP_INTEGRATION_TIMEOUT,
        };
        Self { template, functions, log, port: 0, integration_timeout, pace: Pace::default(), access_log: None }
    }

    /// Logs requests for those whom the template names, who are told by this service.
    #[must_use]
    pub(crate) fn logged(self, lambda: &Lambda) -> Self {
        Self { access_log: AccessLog::of(&self.template, lambda, &self.log), ..self }
    }

    /// Passes streams on at this pace.
    #[must_use]
    pub fn paced(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }

    /// Serves this listener until dropped.
    pub async fn serve(mut self, listener: TcpListener) {
        self.port = listener.local_addr().map_or(0, |address| address.port());
        let service =
            Router::new().fallback(response).with_state(self).into_make_service_with_connect_info::<SocketAddr>();
        // It only ends by being aborted.
        let _ = axum::serve(listener, service).await;
    }

    async fn call(&self, received: &Received, seen: &mut Seen) -> Result<Response, Own> {
        let api = &self.template.api;
        let path = match api.kind {
            ApiKind::Rest => Cow::Borrowed(received.path.as_str()),
            ApiKind::Http => Cow::Owned(http_api::routed(&http_api::decoded(&received.path))),
        };
        let Some(matched) = routes::find(api.kind, &self.template.routes, &received.method, &path) else {
            return Err(Own::no_route(received));
        };
        seen.route = Some(matched.route.path.clone());
        let name = match &matched.route.authorizer {
            _ if matched.route.open => None,
            Some(name) => Some(name),
            None => api.default_authorizer.as_ref(),
        };
        let context = match name.and_then(|name| api.authorizers.get(name)) {
            Some(authorizer) => {
                if !authorizer.identity_headers.iter().all(|name| received.has_header(name)) {
                    return Err(Own::new("UNAUTHORIZED", "Unauthorized"));
                }
                if api.kind == ApiKind::Rest && event::method_arn(api, received).len() > limits::METHOD_ARN {
                    return Err(Own { status: Some(414), ..Own::new("DEFAULT_4XX", "Request URI too long") });
                }
                Some(self.authorize(authorizer, received, &matched).await?)
            }
            None => None,
        };
        seen.context.clone_from(&context);
        let event = match api.kind {
            ApiKind::Rest => event::proxy(api, received, &matched, context.as_ref()),
            ApiKind::Http => http_api::proxy_event(api, received, &matched, context.as_ref()),
        };
        let event = Bytes::from(event.to_string());
        if event.len() > limits::PAYLOAD {
            return Err(Own::new("REQUEST_TOO_LARGE", "Request Entity Too Large"));
        }
        let route = matched.route;
        let began = Instant::now();
        let until = began + route.timeout.unwrap_or(self.integration_timeout);
        let responded = async {
            let bad = |reason: &dyn std::fmt::Display| {
                self.log.push("api-gateway", &format!("{}: {reason}", received.request_id));
                Own::bad_gateway()
            };
            if route.streams {
                let output = self.functions.stream_in(&received.trace_root, &route.function, event).await;
                let streamed = Streamed::begin(output.map_err(|error| bad(&error))?).await;
                let streamed = streamed.map_err(|malformed| bad(&malformed))?;
                let log = (self.log.clone(), received.request_id.clone());
                streamed.response(&received.method, &self.pace, until, log).map_err(|malformed| bad(&malformed))
            } else {
                let output = self.functions.invoke_in(&received.trace_root, &route.function, event).await;
                let result = output.map_err(|error| bad(&error))?;
                let response = match api.kind {
                    ApiKind::Rest => integration::response(&result, api.binary, &received.method),
                    ApiKind::Http => http_api::response(&result, &received.method),
                };
                response.map_err(|malformed| bad(&malformed))
            }
        };
        let responded = tokio::time::timeout_at(until, responded).await;
        seen.integration = Some(began.elapsed());
        responded.unwrap_or_else(|_| Err(Own::new("INTEGRATION_TIMEOUT", "Endpoint request timed out")))
    }

    /// Invokes the authorizer, and returns its context if it allows the call.
    async fn authorize(
        &self,
        authorizer: &Authorizer,
        received: &Received,
        matched: &routes::Matched<'_>,
    ) -> Result<Map<String, Json>, Own> {
        let api = &self.template.api;
        let (event, wait) = match api.kind {
            // A REST API waits for an authorizer no longer than for an integration.
            ApiKind::Rest => (event::authorizer(api, received, matched), self.integration_timeout),
            ApiKind::Http => {
                let event = http_api::authorizer_event(api, received, matched, &authorizer.identity_headers);
                (event, self.integration_timeout.min(limits::HTTP_AUTHORIZER_TIMEOUT))
            }
        };
        let event = Bytes::from(event.to_string());
        let invocation = self.functions.invoke_in(&received.trace_root, &authorizer.function, event);
        let outcome = tokio::time::timeout(wait, invocation).await.ok();
        let decided = match api.kind {
            ApiKind::Rest => authorizer::decide(outcome, &event::method_arn(api, received)),
            ApiKind::Http => http_api::decide(outcome),
        };
        decided.map_err(|refused| {
            if let Some(reason) = refused.to_log() {
                self.log.push("api-gateway", &format!("{}: {reason}", received.request_id));
            }
            match refused {
                Refused::Unauthorized => Own::new("UNAUTHORIZED", "Unauthorized"),
                Refused::Denied { explicitly: true, context } => {
                    let message = "User is not authorized to access this resource with an explicit deny";
                    Own { context, ..Own::new("ACCESS_DENIED", message) }
                }
                Refused::Denied { explicitly: false, context } => {
                    Own { context, ..Own::new("ACCESS_DENIED", "User is not authorized to access this resource") }
                }
                Refused::Failed(_) => Own::new("AUTHORIZER_FAILURE", "Internal server error"),
                Refused::Malformed(_) => Own::new("AUTHORIZER_CONFIGURATION_ERROR", "Internal server error"),
            }
        })
    }

    fn own_response(&self, own: &Own, request_id: &str) -> Response {
        if self.template.api.kind == ApiKind::Http {
            return http_api::own(own.kind);
        }
        let details = Details { request_id, message: &own.message, status: own.status, context: &own.context };
        gateway_response::render(&self.template.api, own.kind, &details)
    }
}

async fn response(
    State(gateway): State<ApiGateway>,
    ConnectInfo(source): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response {
    let request_id = crate::random::request_id();
    let mut response = match Received::read(request, source, gateway.port, request_id.clone()).await {
        Ok(received) => {
            let mut seen = Seen::now();
            let response = gateway.call(&received, &mut seen).await.unwrap_or_else(|own| {
                seen.own = Some(own.kind);
                gateway.own_response(&own, &received.request_id)
            });
            if let Some(log) = &gateway.access_log {
                log.write(&received, &seen, &response);
            }
            response
        }
        Err(Unreadable::UrlTooLong) => gateway_response::plain(414, "Request URI Too Long"),
        Err(Unreadable::HeadersTooLarge) => gateway_response::plain(431, "Request Header Fields Too Large"),
        Err(Unreadable::BodyTooLarge) => {
            gateway.own_response(&Own::new("REQUEST_TOO_LARGE", "Request Entity Too Large"), &request_id)
        }
    };
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        let name = match gateway.template.api.kind {
            ApiKind::Rest => "x-amzn-requestid",
            ApiKind::Http => "apigw-requestid",
        };
        response.headers_mut().insert(name, value);
    }
    response
}

#[cfg(test)]
mod streaming_tests;
#[cfg(test)]
mod tests;
