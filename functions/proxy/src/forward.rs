//! Forwards a call: one exchange with the back end, and a second one if the internal token had to be replaced.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gateway_config::PassAccessToken;
use gateway_connectors::back_end::{BackEndError, Connection, ResponseBody};
use gateway_connectors::{Connector, Injection, Meeting, Moved, ResponseStart, accept_what_can_be_decoded};
use gateway_domain::event::ApiRequest;
use gateway_domain::headers::{
    CannotBuild, Cleaning, Client, Identity, Injected, Outgoing, Reserved, build_request, may_be_shared,
};
use gateway_domain::ids::{ConnectorName, SessionId};
use gateway_domain::query::with_injected;
use gateway_telemetry::{Ended, Metric, Remote};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use tokio::time::Instant;

use crate::call::Call;
use crate::failure::Failure;
use crate::jar::{Keeping, beside, has_jar};
use crate::outside::Sides;
use crate::response::{Answered, Carried, Transfer, pass_on};
use crate::rest::Rest;
use crate::tokens::OpenToken;
use crate::{Proxy, SPARE};

impl Proxy {
    /// Sends the call to its back end and passes the response on, of whose body at most the start has been received.
    pub(crate) async fn forward(
        &self,
        request: &ApiRequest,
        call: &Call<'_>,
        transfer: Transfer,
        deadline: Instant,
    ) -> Result<Carried, Failure> {
        let connector = match &call.api.connector {
            Some(name) => Some(self.connector(name)?),
            None => None,
        };
        // The gateway has decided about the origin; a back end with CORS rules of its own might refuse it.
        let without_origin: Vec<_>;
        let headers = if self.gateway.cors().is_some() {
            let kept = request.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("origin"));
            without_origin = kept.cloned().collect();
            &without_origin
        } else {
            &request.headers
        };
        let connector_of_api = connector.map(|(_, connector)| connector);
        let sides = Sides::of(&self.gateway, request, call).ok_or(Failure::Configuration("the URL of a call"))?;
        let reserved = &*reserved(call, connector_of_api);
        let now = self.clock.now();
        let until = now.saturating_add(self.gateway.lifetimes().session_absolute);
        let keeping = Keeping { call, sides: &sides, reserved, until, now, deadline };
        let mut exchange = Exchange {
            request,
            call,
            connector: connector_of_api,
            headers,
            sides: &sides,
            cookies: None,
            transfer,
            deadline,
        };

        let (Some(admitted), Some((name, connector))) = (&call.admitted, connector) else {
            exchange.cookies = self.tokens.kept_cookies(keeping).await?.header;
            let (answered, injected) = self.exchange(&exchange, reserved, None).await?;
            self.tokens.keep_cookies(keeping, &answered).await;
            return exchange.pass_on(answered, reserved, &injected);
        };
        let session = &admitted.session;
        // Nothing is asked, taken or sent where the login did not reach the back end: not even its turn.
        let reference = admitted.tokens.get(name).ok_or(Failure::NotLoggedIn)?;
        let carry = async {
            let now = self.clock.now();
            let mut token = match connector.meeting() {
                Meeting::Freely => self.tokens.of(session, name, reference, now).await?,
                // Whoever had the turn before may have moved the session since the authorizer's decision.
                Meeting::InTurn => self.tokens.current(session, name, None, now).await?,
            };
            let mut kept = self.tokens.kept_cookies(keeping).await?;
            exchange.cookies = kept.header.take();
            let (mut answered, mut injected) = self.exchange(&exchange, reserved, Some(&token)).await?;
            if is_dead(connector, &mut answered).await? {
                // A refresh may have replaced the token since the authorizer's decision; if not, it is renewed here.
                let before = token.version;
                token = self.tokens.current(session, name, Some(before), self.clock.now()).await?;
                // Cookies of the session that is over may be why it is: another one begins without them.
                if !call.method.is_idempotent() {
                    if token.version != before {
                        self.tokens.forget_cookies(keeping, &kept).await;
                    }
                    return Err(Failure::SessionRenewed);
                }
                exchange.cookies = None;
                (answered, injected) = self.exchange(&exchange, reserved, Some(&token)).await?;
                if is_dead(connector, &mut answered).await? {
                    let now = self.clock.now();
                    return Err(if token.is_young(now) { Failure::NotAllowed } else { Failure::SessionOver });
                }
                self.tokens.forget_cookies(keeping, &kept).await;
            }
            // Before the response reaches the client, so that its next call finds what this one has made of the session.
            let moved = self.follow(&exchange, (session, name), &token, &answered).await?;
            if !moved && !answered.head.status.is_server_error() {
                self.tokens.used(session, name, &token, self.clock.now()).await;
            }
            self.tokens.keep_cookies(keeping, &answered).await;
            Ok((answered, injected))
        };
        let (answered, injected) = match connector.meeting() {
            Meeting::Freely => carry.await?,
            Meeting::InTurn => {
                // However long the call may take, nobody else has its turn; and not much longer, if it dies.
                let left = deadline.saturating_duration_since(Instant::now());
                let turn = self.tokens.turn((session, name), left, &*self.clock).await?;
                let carried = carry.await;
                self.tokens.give_back(session, name, turn).await;
                carried?
            }
        };
        exchange.pass_on(answered, reserved, &injected)
    }

    /// Follows a session that the response has moved; returns whether it has. What a cache could have kept for others may be
    /// somebody else's session, and is never believed.
    async fn follow(
        &self,
        exchange: &Exchange<'_>,
        (session, name): (&SessionId, &ConnectorName),
        token: &OpenToken,
        answered: &Answered,
    ) -> Result<bool, Failure> {
        let (head, call) = (&answered.head, exchange.call);
        let Some(connector) = exchange.connector else { return Ok(false) };
        // Who says these stands before the server that has the session. A server that fails has often moved it before.
        if matches!(
            head.status,
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
        ) {
            return Ok(false);
        }
        let moved = connector.moved(&token.state, &ResponseStart::of_head(head, &answered.start), self.clock.now());
        if matches!(moved, Moved::Same) {
            return Ok(false);
        }
        if may_be_shared(&call.method, head.status, &head.headers) {
            let api = call.api_name;
            tracing::warn!(%api, "a response moved the session and could come from a cache: it wants Cache-Control: no-store");
            gateway_telemetry::count(Metric::MovedSession { outcome: "cacheable" });
            return Ok(false);
        }
        // The response is there, and is not lost to who keeps the session waiting.
        let left = exchange.deadline.saturating_duration_since(Instant::now()).saturating_sub(SPARE);
        self.tokens.moved((session, name), token, moved, left).await?;
        Ok(true)
    }

    fn connector<'a>(
        &'a self,
        name: &'a ConnectorName,
    ) -> Result<(&'a ConnectorName, &'a Arc<dyn Connector>), Failure> {
        let connector = self.connectors.get(name).ok_or(Failure::Configuration("the connector of an API"))?;
        Ok((name, connector))
    }

    /// The back end's response, with the values injected into the request, which must not reach the client.
    async fn exchange(
        &self,
        exchange: &Exchange<'_>,
        reserved: &Reserved,
        token: Option<&OpenToken>,
    ) -> Result<(Answered, Injected), Failure> {
        let api = exchange.call.api;
        let traced = gateway_telemetry::exchange(Remote::BackEnd {
            method: exchange.call.method.as_str(),
            scheme: exchange.call.back_end.origin().scheme().as_str(),
            host: exchange.call.back_end.origin().authority().host(),
        });
        let (request, injected) = exchange.request(reserved, token, traced.header())?;
        let timeout = Duration::from_secs(api.timeout.as_u64());
        let begun = self.clock.now_millis();
        let binds = exchange.connector.is_some_and(|connector| connector.binds_connections());
        let connection = if binds || api.one_call_per_connection { Connection::Single } else { Connection::Kept };
        let response = self.clients.get(api.tls.as_ref()).open(connection, request, timeout).await;
        let millis = self.clock.now_millis().saturating_sub(begun);
        traced.ended(response.as_ref().map_or(Ended::Failed, |response| Ended::Answered(response.status().as_u16())));
        let failed = response.as_ref().map_or(true, |response| response.status().is_server_error());
        gateway_telemetry::count(Metric::BackEnd { api: exchange.call.api_name.as_str(), millis, failed });
        Ok((exchange.answered(response?)?, injected))
    }
}

/// The names that are not the client's at this API: those of the connector, and of the access token if that is passed on.
fn reserved<'a>(call: &Call<'_>, connector: Option<&'a Arc<dyn Connector>>) -> Cow<'a, Reserved> {
    let of_connector = connector.map(|connector| Cow::Borrowed(connector.reserved())).unwrap_or_default();
    let Some(pass) = &call.api.pass_access_token else { return of_connector };
    let mut reserved = of_connector.into_owned();
    reserved.headers.insert(pass.header.to_string());
    Cow::Owned(reserved)
}

/// The header that passes on the access token of an admitted call, which the authorizer has read from the same field.
fn passed_on(request: &ApiRequest, pass: &PassAccessToken) -> Result<(HeaderName, HeaderValue), Failure> {
    let missing = || Failure::Configuration("the access token of a call");
    let field = request.header("authorization").ok().flatten().ok_or_else(missing)?;
    let (_, token) = field.split_once(' ').ok_or_else(missing)?;
    let text = if pass.header == AUTHORIZATION { format!("Bearer {token}") } else { token.to_owned() };
    let mut value = HeaderValue::try_from(text).map_err(|_| missing())?;
    value.set_sensitive(true);
    Ok((pass.header.clone(), value))
}

/// Whether the response says that the back end no longer accepts the internal token. Only if that is in its body, and the
/// body is no stream of events, its start is waited for.
async fn is_dead(connector: &Arc<dyn Connector>, answered: &mut Answered) -> Result<bool, Failure> {
    if connector.examines_body(answered.head.status) && !is_event_stream(&answered.head.headers) {
        answered.start = answered.rest.start().await.map_err(BackEndError::from)?;
    }
    Ok(connector.is_dead(&ResponseStart::of_head(&answered.head, &answered.start)))
}

/// Whether a body is a stream of events (HTML §9.2), which may pause as long as there are none.
fn is_event_stream(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()?.split(';').next());
    media_type.is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("text/event-stream"))
}

/// What both exchanges of a call have in common.
struct Exchange<'a> {
    request: &'a ApiRequest,
    call: &'a Call<'a>,
    connector: Option<&'a Arc<dyn Connector>>,
    /// The client's headers, without `Origin` if the gateway handles CORS.
    headers: &'a [(String, String)],
    sides: &'a Sides<'a>,
    /// Those of the session that the gateway keeps.
    cookies: Option<HeaderValue>,
    transfer: Transfer,
    deadline: Instant,
}

impl Exchange<'_> {
    /// A response of the back end, of whose body nothing has been received.
    fn answered(&self, response: Response<ResponseBody>) -> Result<Answered, BackEndError> {
        let (head, body) = response.into_parts();
        let declared = body.declared();
        let rest = Rest::new(body, self.call.api, self.transfer.most(self.call.api), self.deadline)?;
        Ok(Answered { head, start: Bytes::new(), rest, declared })
    }

    fn pass_on(&self, answered: Answered, reserved: &Reserved, injected: &Injected) -> Result<Carried, Failure> {
        let place = |host: &str, port: Option<u16>, path: &str| self.sides.place(host, port, path);
        let is_path = |path: &str| self.sides.is_path(path);
        let (names, cookies) = (&self.call.api.headers, self.passed_cookies());
        let cleaning = Cleaning { reserved, names, injected, cookies, outside: self.sides.outside(&place, &is_path) };
        pass_on(answered, &self.call.method, (self.call.api_name, self.call.api), self.transfer, cleaning)
    }

    /// The app's cookies that pass both ways: none where the gateway keeps them for the user.
    fn passed_cookies(&self) -> Option<&BTreeSet<String>> {
        static NONE: BTreeSet<String> = BTreeSet::new();
        if has_jar(self.call) {
            return Some(&NONE);
        }
        self.call.api.pass_cookies.as_ref()
    }

    /// The request to the back end: configured authority, checked path, built headers, and the client's body, unless the
    /// connector makes another one of it.
    fn request(
        &self,
        reserved: &Reserved,
        token: Option<&OpenToken>,
        trace_id: Option<&str>,
    ) -> Result<(Request<Bytes>, Injected), Failure> {
        let (call, api) = (self.call, self.call.api);
        let mut injection = match (self.connector, token) {
            (Some(connector), Some(token)) => {
                // A repeated Content-Type counts as none: a connector must not change a body whose type is uncertain.
                let content_type = self.request.header("content-type").ok().flatten();
                connector.inject(&token.state, gateway_connectors::Call { content_type, body: &self.request.body })?
            }
            _ => Injection::default(),
        };
        if let (Some(pass), Some(_)) = (&api.pass_access_token, &call.admitted) {
            injection.headers.push(passed_on(self.request, pass)?);
        }
        let injected = Injected::of(&injection.headers, &injection.query);
        let identity = call.admitted.as_ref().map(|admitted| Identity {
            user: &admitted.user,
            scope: &admitted.scope,
            app_name: &admitted.app_name,
            subscription: &admitted.subscription,
            client_id: &admitted.app,
        });
        let prefix = self.sides.prefix();
        let build = |injection: &[(HeaderName, HeaderValue)]| {
            build_request(&Outgoing {
                client: Client {
                    headers: self.headers,
                    address: self.request.source_ip.as_deref(),
                    host: self.request.domain_name.as_deref(),
                    scheme: self.sides.scheme,
                    prefix: &prefix,
                    request_id: self.request.request_id.as_deref(),
                    trace_id,
                },
                identity,
                names: &api.headers,
                reserved,
                cookies: self.passed_cookies(),
                injection,
                max_bytes: usize::try_from(api.max_header_bytes).unwrap_or(usize::MAX),
            })
        };
        // They are no secrets of the gateway's: a back end may repeat their values, so that `injected` is without them.
        let mut headers = match &self.cookies {
            Some(kept) => build(&beside(&injection.headers, kept)?),
            None => build(&injection.headers),
        };
        // Beside a long token there may be no room for them, or none for the headers that the app always sends: it would be so at every
        // call of the session.
        if self.cookies.is_some() && matches!(headers, Err(CannotBuild::OwnTooLarge | CannotBuild::TooLarge)) {
            tracing::warn!(api = %call.api_name, "kept cookies do not fit beside the other headers: the call goes without them");
            headers = build(&injection.headers);
        }
        let mut headers = headers?;
        if self.connector.is_some_and(|connector| connector.examines_bodies()) {
            accept_what_can_be_decoded(&mut headers);
        }
        let back_end = call.back_end.origin();
        let uri = call
            .path
            .on(back_end.scheme().clone(), back_end.authority().clone(), &with_injected(&call.query, &injection.query))
            .map_err(|_| Failure::Configuration("a usable back end"))?;
        let mut request = Request::new(injection.body.unwrap_or_else(|| self.request.body.clone()));
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Ok((request, injected))
    }
}
