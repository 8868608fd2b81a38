//! The header budget: checks at login, not at every call, that the headers with an internal token are not larger than its
//! back ends accept.

use crate::{InternalTokens, SessionError};
use bytes::Bytes;
use gateway_connectors::{Call, Connector};
use gateway_domain::headers::{CannotBuild, Client, Identity, Outgoing, build_request};
use gateway_domain::ids::{ConnectorName, UserId};
use gateway_domain::scope::Scope;

/// The longest text of a client's address (RFC 4291 §2.2).
const ADDRESS: &str = "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255";
/// As long as a request id of API Gateway.
const REQUEST_ID: &str = "00000000-0000-0000-0000-000000000000";
/// The host name of an API without a custom domain, in a region with a long name.
const HOST: &str = "abcdefghij.execute-api.ap-southeast-2.amazonaws.com";
/// The path of a stage.
const STAGE: &str = "/production";
/// As much as an access token takes that names a few services; those of RS256 are the longest.
const ACCESS_TOKEN: usize = 1_560;
/// As long as a trace header of X-Ray.
const TRACE: &str = "Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=1";

impl InternalTokens {
    /// Builds, for each API of the connector, the headers of a call that has none of the client's, and checks their size.
    pub(crate) fn check_header_budget(
        &self,
        app: &gateway_store::App,
        user: &UserId,
        scope: &Scope,
        (name, connector): (&ConnectorName, &dyn Connector),
        state: &[u8],
    ) -> Result<(), SessionError> {
        let call = Call { content_type: None, body: &Bytes::new() };
        let injection = connector.inject(state, call).map_err(|error| SessionError::of(name, &error))?;
        let (mut fits, mut over) = (false, None);
        for (api_name, api) in
            self.gateway().apis_for_scope(scope).filter(|(_, api)| api.connector.as_ref() == Some(name))
        {
            let subscription = app.subscriptions.get(api_name).filter(|subscription| subscription.enabled);
            let Some(subscription) = subscription else { continue };
            let prefix = format!("{STAGE}{}", api.strip_prefix.as_deref().unwrap_or_default());
            let built = build_request(&Outgoing {
                client: Client {
                    headers: &[],
                    address: Some(ADDRESS),
                    host: Some(HOST),
                    scheme: "https",
                    prefix: &prefix,
                    request_id: Some(REQUEST_ID),
                    trace_id: Some(TRACE),
                },
                identity: Some(Identity {
                    user,
                    scope,
                    app_name: &app.name,
                    subscription: &subscription.id,
                    client_id: &app.client_id,
                }),
                names: &api.headers,
                reserved: connector.reserved(),
                cookies: None,
                injection: &injection.headers,
                max_bytes: usize::try_from(api.max_header_bytes)
                    .unwrap_or(usize::MAX)
                    .saturating_sub(api.pass_access_token.as_ref().map_or(0, |_| ACCESS_TOKEN)),
            });
            if built == Err(CannotBuild::OwnTooLarge) {
                let bytes = injection.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
                tracing::error!(api = %api_name, connector = %name, bytes, budget = api.max_header_bytes, "over the header budget");
                let error = SessionError::OverHeaderBudget { bytes, budget: api.max_header_bytes };
                if !api.optional {
                    return Err(error);
                }
                over = Some(error);
            } else {
                fits = true;
            }
        }
        // Optional APIs may go without a token that is too large for them, but a token that fits no API is of no use.
        match over {
            Some(error) if !fits => Err(error),
            Some(_) | None => Ok(()),
        }
    }
}
