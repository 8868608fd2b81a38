//! The proxy: carries a call to its legacy back end, and the response back to the client.

mod call;
mod failure;
mod forward;
mod outside;
mod preflight;
mod quota;
mod refusal;
mod renewal;
mod response;
mod start;
#[cfg(test)]
mod tests;
mod tokens;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gateway_config::Gateway;
use gateway_connectors::Connectors;
use gateway_connectors::back_end::{BackEndClients, BackEndError};
use gateway_domain::clock::Clock;
use gateway_domain::entropy::Entropy;
use gateway_domain::event::{ApiRequest, ApiResponse, ApiVersion, EventError};
use gateway_domain::sealing::SealingKeys;
use gateway_invoke::Function;
use gateway_runtime::{Fresh, StartError};
use gateway_store::{Sessions, Turns};
use lambda_runtime::Error;
use serde_json::Value;

use crate::call::Call;
use crate::failure::Failure;
pub use crate::start::start;
use crate::tokens::Tokens;

/// The longest time for a call, with a renewal and a second exchange: API Gateway waits 29 s.
const LONGEST: Duration = Duration::from_secs(28);

/// Handles an event, even while the function cannot start.
///
/// An error means that the event is not one of API Gateway; every other failure becomes a response.
pub async fn handle(started: Result<&Proxy, StartError>, event: Value) -> Result<Value, Error> {
    match started {
        Ok(proxy) => Ok(Box::pin(proxy.handle(event)).await?),
        Err(error) => Ok(not_ready(&event, &error)),
    }
}

/// The response while the function cannot start: 503 with `Retry-After`.
fn not_ready(event: &Value, error: &StartError) -> Value {
    Failure::NotReady(error.clone()).response().into_value(ApiVersion::of(event))
}

/// Everything that the proxy function keeps between calls.
pub struct Proxy {
    gateway: Gateway,
    connectors: Connectors,
    clients: BackEndClients,
    tokens: Tokens,
    clock: Arc<dyn Clock>,
}

impl Proxy {
    /// A proxy for this configuration. It uses the table of sessions for internal tokens alone, which the sealing keys open.
    pub fn new(
        gateway: Gateway,
        sessions: Sessions,
        turns: Turns,
        keys: Fresh<SealingKeys>,
        renewal: Function,
        clients: BackEndClients,
        clock: Arc<dyn Clock>,
        entropy: &Arc<dyn Entropy>,
    ) -> Self {
        // No secrets: these connectors only inject, and never log in.
        let connectors = Connectors::from_config(&gateway, &clients, &BTreeMap::new(), entropy);
        let tokens = Tokens::new(sessions, turns, keys, renewal, Arc::clone(entropy));
        Self { gateway, connectors, clients, tokens, clock }
    }

    /// Handles one event of API Gateway.
    ///
    /// An error means that the event is not one of API Gateway; every other failure becomes a response.
    pub async fn handle(&self, event: Value) -> Result<Value, EventError> {
        let version = ApiVersion::of(&event);
        let request = match ApiRequest::from_value(event) {
            Ok(request) => request,
            Err(error) => {
                let Some(status) = error.status() else { return Err(error) };
                return Ok(Failure::Event(status).response().into_value(version));
            }
        };
        let response = self.response(&request).await;
        Ok(response::for_lambda(response, version, |response| match self.gateway.cors() {
            Some(cors) => cors.dress(&request, response),
            None => response,
        }))
    }

    async fn response(&self, request: &ApiRequest) -> ApiResponse {
        // Keys come before the clock: a clock that was found wrong, or that jumped, makes the keys look old, and the
        // response to reading them shows whether it is right again. Otherwise a container would refuse for ever.
        self.tokens.freshen().await;
        if let Err(error) = self.clock.reading() {
            return Failure::NotReady(error.into()).response();
        }
        if request.method == "OPTIONS" {
            return self.preflight(request).unwrap_or_else(Failure::response);
        }
        let call = match Call::read(&self.gateway, request) {
            Ok(call) => call,
            Err(failure) => return failure.response(),
        };
        let quota = call.admitted.as_ref().map(|admitted| admitted.quota);
        let carried = tokio::time::timeout(LONGEST, self.forward(request, &call)).await;
        let carried = carried.unwrap_or(Err(Failure::BackEnd(BackEndError::TimedOut)));
        let response = carried.unwrap_or_else(Failure::response);
        match quota {
            Some(quota) => quota::with_quota(response, &quota),
            None => response,
        }
    }
}
