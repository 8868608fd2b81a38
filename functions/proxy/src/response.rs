//! Turns the back end's response into one for API Gateway, streamed or whole.

use bytes::Bytes;
use gateway_config::Api;
use gateway_connectors::back_end::BackEndError;
use gateway_domain::event::{ApiResponse, ApiVersion};
use gateway_domain::headers::{Cleaning, clean_response, isolate, redirects_nowhere};
use gateway_domain::ids::ApiName;
use gateway_runtime::function::{Reply, Streamed};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::response::Parts;
use http::{HeaderValue, Method, StatusCode};
use serde_json::Value;

use crate::failure::Failure;
use crate::rest::{Rest, pieces};

/// The largest response Lambda carries as a whole, in bytes of its JSON.
const MAX_WHOLE: usize = 6 * 1024 * 1024;

/// Within how many bytes of a stream API Gateway must have found the end of status and headers.
const MAX_PRELUDE: usize = 16 * 1024 - 8;

/// The longest body that fits for certain: a byte may become six in JSON, and the headers need room too.
const CERTAINLY_FITS: usize = MAX_WHOLE / 8;

/// The type of a body whose back end gave none (RFC 9110 §8.3). Without it API Gateway would set `application/json`.
const UNTYPED: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// How API Gateway takes responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transfer {
    /// As one JSON value.
    Whole,
    /// As a prelude, and a body that comes piece by piece.
    Streamed,
}

impl Transfer {
    /// An HTTP API takes whole responses; a REST API takes what its integration says.
    pub(crate) const fn of(version: ApiVersion, streams: bool) -> Self {
        match version {
            ApiVersion::Rest if streams => Self::Streamed,
            ApiVersion::Rest | ApiVersion::Http => Self::Whole,
        }
    }

    /// The most bytes that a body of this API may have.
    pub(crate) fn most(self, api: &Api) -> u64 {
        let most = u64::from(api.max_response_bytes);
        match self {
            Self::Whole => most.min(u64::try_from(MAX_WHOLE).unwrap_or(most)),
            Self::Streamed => most,
        }
    }
}

/// What a call is answered with: a response with the start of its body, and what is still to come of that.
#[derive(Debug)]
pub(crate) struct Carried {
    pub(crate) response: ApiResponse,
    rest: Option<(Rest, ApiName)>,
}

impl Carried {
    /// The response with its whole body.
    pub(crate) async fn complete(mut self) -> Result<Self, Failure> {
        if let Some((rest, _)) = self.rest.take() {
            let start = std::mem::take(&mut self.response.body);
            self.response.body = rest.into_whole(start).await.map_err(BackEndError::from)?;
        }
        Ok(self)
    }
}

impl From<ApiResponse> for Carried {
    fn from(response: ApiResponse) -> Self {
        Self { response, rest: None }
    }
}

/// A response of a back end: its head, the start of its body if that was examined, and the rest.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) head: Parts,
    pub(crate) start: Bytes,
    pub(crate) rest: Rest,
    /// The length that the back end has declared.
    pub(crate) declared: Option<u64>,
}

/// Passes a response of an API on: its status and body unchanged, and its end-to-end headers after cleaning, isolated from
/// the gateway's pages unless the API's pages are trusted.
pub(crate) fn pass_on(
    answered: Answered,
    method: &Method,
    (name, api): (&ApiName, &Api),
    transfer: Transfer,
    cleaning: Cleaning<'_>,
) -> Result<Carried, Failure> {
    let Answered { head, start, rest, declared } = answered;
    if head.status.as_u16() > 599 {
        return Err(BackEndError::Broken.into());
    }
    // Without its target a redirect says nothing, and with it an inner address.
    if redirects_nowhere(head.status, &head.headers, cleaning) {
        return Err(Failure::Redirect);
    }
    let without_body =
        *method == Method::HEAD || matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let body = if without_body { Bytes::new() } else { start };
    let rest = (!without_body && !rest.is_over()).then(|| (rest, name.clone()));
    let mut headers = clean_response(&head.headers, cleaning);
    if (!body.is_empty() || rest.is_some()) && !headers.contains_key(CONTENT_TYPE) {
        headers.insert(CONTENT_TYPE, UNTYPED);
    }
    let length = head.headers.get(CONTENT_LENGTH);
    // For HEAD the length is that of the response to a GET (RFC 9110 §9.3.2). By that of a stream the client can tell that it
    // was cut. Of what is sent as a whole, the body itself determines it.
    if *method == Method::HEAD
        && let Some(length) = length
    {
        headers.insert(CONTENT_LENGTH, length.clone());
    } else if transfer == Transfer::Streamed
        && !without_body
        && let (Some(declared), Some(_)) = (declared, length)
    {
        headers.insert(CONTENT_LENGTH, declared.into());
    }
    if !api.trusted_pages {
        isolate(head.status, &mut headers);
    }
    let headers = headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    Ok(Carried { response: ApiResponse { status: head.status.as_u16(), headers, body }, rest })
}

/// The response for Lambda, or 502 if that is too large. `dress` adds the CORS fields to either.
pub(crate) fn for_lambda(
    carried: Carried,
    version: ApiVersion,
    transfer: Transfer,
    dress: impl Fn(ApiResponse) -> ApiResponse,
) -> Reply {
    match transfer {
        Transfer::Streamed => streamed(carried, dress),
        Transfer::Whole => Reply::Whole(whole(carried.response, version, dress)),
    }
}

fn streamed(carried: Carried, dress: impl Fn(ApiResponse) -> ApiResponse) -> Reply {
    let Carried { response, rest } = carried;
    let large =
        response.headers.iter().map(|(name, value)| name.len() + value.len() + 8).sum::<usize>() > MAX_PRELUDE / 4;
    let (prelude, start) = dress(response).into_prelude();
    if large && serde_json::to_vec(&prelude).map_or(usize::MAX, |json| json.len()) > MAX_PRELUDE {
        let (prelude, start) = dress(Failure::BackEnd(BackEndError::TooLarge).response()).into_prelude();
        return Reply::Streamed(Streamed { prelude, body: pieces(start, None) });
    }
    Reply::Streamed(Streamed { prelude, body: pieces(start, rest) })
}

fn whole(response: ApiResponse, version: ApiVersion, dress: impl Fn(ApiResponse) -> ApiResponse) -> Value {
    let large = response.body.len() > CERTAINLY_FITS;
    let value = dress(response).into_value(version);
    if large && serde_json::to_vec(&value).map_or(usize::MAX, |json| json.len()) > MAX_WHOLE {
        return dress(Failure::BackEnd(BackEndError::TooLarge).response()).into_value(version);
    }
    value
}

/// A header value as text for JSON: UTF-8 is kept, and anything else is read as ISO 8859-1.
fn text(value: &HeaderValue) -> String {
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => text.to_owned(),
        Err(_) => value.as_bytes().iter().copied().map(char::from).collect(),
    }
}
