//! Turns what a function streams into an HTTP response: a prelude of JSON, eight NUL bytes, and the body as it comes.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html>

use std::io;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use serde_json::Value as Json;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::integration::{Malformed, head};
use crate::limits;
use crate::log::Log;
use crate::output::{Output, Piece};

/// How fast streams are passed on, and how long they may pause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    /// How long a stream may pause before it is cut.
    pub idle: Duration,
    /// How many bytes of a response go out at once.
    pub at_once: u64,
    /// Bytes a second of what is beyond those. Without it, all go out at once.
    pub rate: Option<u64>,
}

impl Default for Pace {
    /// That of API Gateway and Lambda together.
    fn default() -> Self {
        Self { idle: limits::STREAM_IDLE, at_once: limits::STREAM_AT_ONCE, rate: Some(limits::STREAM_RATE) }
    }
}

/// A stream of which the prelude has come.
#[derive(Debug)]
pub(super) struct Streamed {
    prelude: Vec<u8>,
    /// What has come of the body.
    start: Bytes,
    pieces: mpsc::Receiver<Piece>,
}

impl Streamed {
    /// Waits for the prelude. What a function returns as a whole has none, and is malformed here.
    pub(super) async fn begin(output: Output) -> Result<Self, Malformed> {
        let mut pieces = match output {
            Output::Stream(pieces) => pieces,
            Output::Whole(_) => return Err(Malformed("it is not streamed, as its integration expects")),
        };
        let mut received = BytesMut::new();
        loop {
            let delimiter = received.windows(limits::DELIMITER.len()).position(|window| window == limits::DELIMITER);
            if let Some(end) = delimiter.filter(|end| end + limits::DELIMITER.len() <= limits::PRELUDE) {
                let prelude = received.split_to(end).to_vec();
                let start = received.split_off(limits::DELIMITER.len()).freeze();
                return Ok(Self { prelude, start, pieces });
            }
            if received.len() >= limits::PRELUDE {
                return Err(Malformed("there is no delimiter in its first 16 KB"));
            }
            match pieces.recv().await {
                Some(Piece::Data(data)) => received.extend_from_slice(&data),
                Some(Piece::Failed(_) | Piece::End) | None => return Err(Malformed("it ends before its delimiter")),
            }
        }
    }

    /// The response, whose body must have ended at `until`.
    pub(super) fn response(
        self,
        method: &str,
        pace: &Pace,
        until: Instant,
        log: (Log, String),
    ) -> Result<Response, Malformed> {
        let prelude: Json = serde_json::from_slice(&self.prelude).map_err(|_| Malformed("its prelude is not JSON"))?;
        let Some(members) = prelude.as_object() else { return Err(Malformed("its prelude is not an object")) };
        let known = ["statusCode", "headers", "multiValueHeaders", "cookies"];
        if members.keys().any(|key| !known.contains(&key.as_str())) {
            return Err(Malformed("its prelude has members API Gateway does not know"));
        }
        if members.contains_key("cookies") {
            return Err(Malformed("the local stack reads cookies only where the other headers are"));
        }
        let mut response = head(members, true)?;
        response.headers_mut().entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
        let passing = Passing { start: self.start, pieces: self.pieces, pace: pace.clone(), until, sent: 0, log };
        // To HEAD there is no body, and a declared length is that of a GET.
        if method != "HEAD" {
            *response.body_mut() = Body::from_stream(stream::unfold(Some(passing), |passing| async {
                let mut passing = passing?;
                match passing.next().await {
                    Ok(Some(piece)) => Some((Ok(piece), Some(passing))),
                    Ok(None) => None,
                    Err(reason) => {
                        let (log, request_id) = &passing.log;
                        log.push("api-gateway", &format!("{request_id}: a stream was cut: {reason}"));
                        Some((Err(io::Error::other(reason)), None))
                    }
                }
            }));
        }
        Ok(response)
    }
}

/// A body on its way. Its error cuts the connection to the client.
struct Passing {
    start: Bytes,
    pieces: mpsc::Receiver<Piece>,
    pace: Pace,
    until: Instant,
    sent: u64,
    log: (Log, String),
}

impl Passing {
    async fn next(&mut self) -> Result<Option<Bytes>, String> {
        let piece = if self.start.is_empty() {
            let idle = Instant::now() + self.pace.idle;
            match timeout_at(idle.min(self.until), self.pieces.recv()).await {
                Ok(Some(Piece::Data(data))) => data,
                Ok(Some(Piece::End)) => return Ok(None),
                Ok(Some(Piece::Failed(error))) => return Err(format!("{}: {}", error.kind, error.message)),
                Ok(None) => return Err("the function did not end it".to_owned()),
                Err(_) if idle < self.until => return Err("nothing came for too long".to_owned()),
                Err(_) => return Err("the time of the integration is over".to_owned()),
            }
        } else {
            std::mem::take(&mut self.start)
        };
        let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        self.sent = self.sent.saturating_add(length);
        if let Some(rate) = self.pace.rate {
            let late = self.sent.saturating_sub(self.pace.at_once).min(length).saturating_mul(1000);
            let wait = Duration::from_millis(late.checked_div(rate).unwrap_or_default());
            if timeout_at(self.until, tokio::time::sleep(wait)).await.is_err() {
                return Err("the time of the integration is over".to_owned());
            }
        }
        Ok(Some(piece))
    }
}
