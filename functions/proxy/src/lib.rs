//! The proxy: carries a call to its legacy back end, and the response back to the client.

mod call;
mod failure;
mod forward;
mod jar;
mod outside;
mod preflight;
mod quotas;
mod refusal;
mod renewal;
mod response;
mod rest;
mod start;
#[cfg(test)]
mod tests;
mod tokens;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gateway_config::Gateway;
use gateway_config::connector::ConnectorConfig;
use gateway_connectors::Connectors;
use gateway_connectors::back_end::{BackEndClients, BackEndError};
use gateway_domain::clock::Clock;
use gateway_domain::entropy::Entropy;
use gateway_domain::event::{ApiRequest, ApiVersion, EventError};
use gateway_domain::sealing::SealingKeys;
use gateway_invoke::Function;
use gateway_runtime::function::{Invocation, Reply};
use gateway_runtime::{Fresh, StartError};
use gateway_store::{Jars, Sessions, Turns};
use lambda_runtime::Error;
use tokio::time::Instant;

use crate::call::Call;
use crate::failure::Failure;
use crate::refusal::StepUp;
use crate::response::{Carried, Transfer};
pub use crate::start::start;
use crate::tokens::Tokens;

/// What is left of the function's time when a call must have been answered, with a renewal and a second exchange.
const SPARE: Duration = Duration::from_secs(1);

/// Handles an event, even while the function cannot start.
///
/// An error means that the event is not one of API Gateway; every other failure becomes a response.
pub async fn handle(started: Result<&Proxy, StartError>, invocation: Invocation) -> Result<Reply, Error> {
    match started {
        Ok(proxy) => Ok(Box::pin(proxy.handle(invocation)).await?),
        Err(error) => Ok(not_ready(&invocation, &error)),
    }
}

/// The response while the function cannot start: 503 with `Retry-After`.
fn not_ready(invocation: &Invocation, error: &StartError) -> Reply {
    let version = ApiVersion::of(&invocation.event);
    let transfer = Transfer::of(version, invocation.streams);
    let response = Failure::NotReady(error.clone()).response();
    response::for_lambda(response.into(), version, transfer, |response| response)
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
        tables: (Sessions, Turns, Jars),
        keys: Fresh<SealingKeys>,
        renewal: Function,
        clients: BackEndClients,
        clock: Arc<dyn Clock>,
        entropy: &Arc<dyn Entropy>,
    ) -> Self {
        // No secrets: these connectors only inject, and never log in.
        let connectors = Connectors::from_config(&gateway, &clients, &BTreeMap::new(), entropy);
        let tokens = Tokens::new(tables, keys, renewal, Arc::clone(entropy));
        Self { gateway, connectors, clients, tokens, clock }
    }

    /// Handles one event of API Gateway.
    ///
    /// An error means that the event is not one of API Gateway; every other failure becomes a response.
    pub async fn handle(&self, invocation: Invocation) -> Result<Reply, EventError> {
        let Invocation { event, deadline, streams } = invocation;
        let deadline = deadline.checked_sub(SPARE).unwrap_or(deadline);
        let version = ApiVersion::of(&event);
        let transfer = Transfer::of(version, streams);
        let request = match ApiRequest::from_value(event) {
            Ok(request) => request,
            Err(error) => {
                let Some(status) = error.status() else { return Err(error) };
                let response = Failure::Event(status).response();
                return Ok(response::for_lambda(response.into(), version, transfer, |response| response));
            }
        };
        let carried = self.carried(&request, transfer, deadline).await;
        let dress = |response| match self.gateway.cors() {
            Some(cors) => cors.dress(&request, response),
            None => response,
        };
        Ok(response::for_lambda(carried, version, transfer, dress))
    }

    /// Whether the back end of a call checks the user's password.
    fn needs_password(&self, call: &Call<'_>) -> bool {
        let connector = call.api.connector.as_ref().and_then(|name| self.gateway.connector(name));
        connector.is_some_and(ConnectorConfig::needs_password)
    }

    async fn carried(&self, request: &ApiRequest, transfer: Transfer, deadline: Instant) -> Carried {
        // Keys come before the clock: a clock that was found wrong, or that jumped, makes the keys look old, and the
        // response to reading them shows whether it is right again. Otherwise a container would refuse for ever.
        self.tokens.freshen().await;
        if let Err(error) = self.clock.reading() {
            return Failure::NotReady(error.into()).response().into();
        }
        if request.method == "OPTIONS" {
            return self.preflight(request).unwrap_or_else(Failure::response).into();
        }
        let call = match Call::read(&self.gateway, request) {
            Ok(call) => call,
            Err(failure) => return failure.response().into(),
        };
        let quotas = call.admitted.as_ref().map(|admitted| admitted.quotas.clone());
        let carried = async {
            let carried = Box::pin(self.forward(request, &call, transfer, deadline)).await?;
            match transfer {
                Transfer::Whole => carried.complete().await,
                Transfer::Streamed => Ok(carried),
            }
        };
        let carried = tokio::time::timeout_at(deadline, carried).await;
        let carried = carried.unwrap_or(Err(Failure::BackEnd(BackEndError::TimedOut)));
        let step_up = StepUp::of(request, self.needs_password(&call));
        let mut carried = carried.unwrap_or_else(|failure| failure.response_of(step_up).into());
        if let Some(quotas) = quotas {
            carried.response = quotas::with_quotas(carried.response, &quotas);
        }
        carried
    }
}
