//! Answers invocations at the Runtime API: whole, streamed, or with an error.
//!
//! `lambda_runtime` can stream, but it writes the trailers that report an error into the body and then ends it as if it were
//! complete, and its prelude has no list of values for a repeated header.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming>

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{FutureExt as _, Stream, StreamExt as _};
use http::header::{CONTENT_TYPE, TRAILER, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use lambda_runtime::{Diagnostic, Error};
use lambda_runtime_api_client::PooledClient;
use lambda_runtime_api_client::body::Body;
use lambda_runtime_api_client::body::sender::Sender;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::streaming::panicked;

/// The id of this very attempt, where Lambda gives one; the response repeats it.
const INVOCATION_ID: HeaderName = HeaderName::from_static("lambda-runtime-invocation-id");
const RESPONSE_MODE: HeaderName = HeaderName::from_static("lambda-runtime-function-response-mode");
const ERROR_TYPE: HeaderName = HeaderName::from_static("lambda-runtime-function-error-type");
const ERROR_BODY: HeaderName = HeaderName::from_static("lambda-runtime-function-error-body");

/// A body whose first bytes say which response it is.
const WITH_PRELUDE: HeaderValue = HeaderValue::from_static("application/vnd.awslambda.http-integration-response");

/// What stands between the prelude and the body.
const DELIMITER: [u8; 8] = [0; 8];

/// What a function answers.
#[derive(Debug)]
pub enum Reply {
    /// A value, which Lambda passes on as a whole: at most 6 MiB of JSON.
    Whole(Value),
    /// A response whose body is sent as it comes.
    Streamed(Streamed),
}

/// A response whose body is sent as it comes.
pub struct Streamed {
    /// Status and headers, as the caller of the function reads them.
    pub prelude: Value,
    /// The body. An error cuts it off: the caller is told that it is not complete.
    pub body: Chunks,
}

/// The pieces of a body.
pub type Chunks = Pin<Box<dyn Stream<Item = Result<Bytes, Cut>> + Send>>;

/// A body ended before it was complete. The text says why, and nothing of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Cut(pub &'static str);

/// One invocation at the Runtime API.
pub(super) struct Answering<'a> {
    client: &'a PooledClient,
    request_id: &'a str,
    invocation_id: Option<HeaderValue>,
}

impl<'a> Answering<'a> {
    /// The invocation with this id, that came with these headers.
    pub(super) fn new(client: &'a PooledClient, request_id: &'a str, headers: &HeaderMap) -> Self {
        Self { client, request_id, invocation_id: headers.get(INVOCATION_ID).cloned() }
    }

    /// Sends what the function answered. A body must have ended at `until`.
    pub(super) async fn reply(&self, reply: Reply, until: Instant) -> Result<(), Error> {
        match reply {
            Reply::Whole(value) => self.send(self.post("response", Body::from(serde_json::to_vec(&value)?))?).await,
            Reply::Streamed(streamed) => self.stream(streamed, until).await,
        }
    }

    /// Reports that the function failed.
    pub(super) async fn failed(&self, diagnostic: &Diagnostic) -> Result<(), Error> {
        let mut request = self.post("error", Body::from(serde_json::to_vec(diagnostic)?))?;
        request.headers_mut().insert(ERROR_TYPE, HeaderValue::from_static("unhandled"));
        self.send(request).await
    }

    /// Sends a body piece by piece. The next piece is fetched once this one is on its way, so that no more than a few are in
    /// memory. It returns once everything is sent.
    async fn stream(&self, streamed: Streamed, until: Instant) -> Result<(), Error> {
        let (sender, body) = Body::channel();
        let mut request = self.post("response", body)?;
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, WITH_PRELUDE);
        headers.insert(RESPONSE_MODE, HeaderValue::from_static("streaming"));
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        headers.append(TRAILER, HeaderValue::from(ERROR_TYPE));
        headers.append(TRAILER, HeaderValue::from(ERROR_BODY));
        let (sent, pumped) = tokio::join!(self.send(request), pump(sender, streamed, until));
        if let Err(error) = sent.and(pumped) {
            // The next invocation shows whether the Runtime API is still there.
            tracing::warn!(%error, "a response was not sent to its end");
        }
        Ok(())
    }

    fn post(&self, what: &str, body: Body) -> Result<Request<Body>, Error> {
        let uri = format!("/2018-06-01/runtime/invocation/{}/{what}", self.request_id);
        let mut request = lambda_runtime_api_client::build_request().method(Method::POST).uri(uri).body(body)?;
        if let Some(id) = &self.invocation_id {
            request.headers_mut().insert(INVOCATION_ID, id.clone());
        }
        Ok(request)
    }

    async fn send(&self, request: Request<Body>) -> Result<(), Error> {
        let status = self.client.call(request).await?.status();
        if !status.is_success() {
            // Such as an invocation that has timed out. The function goes on with the next one.
            tracing::error!(status = status.as_u16(), "Lambda did not take a response");
        }
        Ok(())
    }
}

/// Why a body was not sent to its end.
enum Stopped {
    /// It could not be completed.
    Cut(Cut),
    /// Nobody takes it.
    Gone(lambda_runtime_api_client::Error),
}

async fn pump(mut sender: Sender, streamed: Streamed, until: Instant) -> Result<(), Error> {
    let Streamed { prelude, mut body } = streamed;
    let mut start = serde_json::to_vec(&prelude)?;
    start.extend_from_slice(&DELIMITER);
    let sending = async {
        sender.send_data(start.into()).await.map_err(Stopped::Gone)?;
        while let Some(piece) = next(&mut body).await {
            sender.send_data(piece.map_err(Stopped::Cut)?).await.map_err(Stopped::Gone)?;
        }
        Ok(())
    };
    match tokio::time::timeout_at(until, sending).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(Stopped::Gone(error))) => Err(error.into()),
        Ok(Err(Stopped::Cut(cut))) => Ok(sender.send_trailers(trailers(cut)?).await?),
        Err(_) => {
            tracing::warn!("a response was cut: it was not taken in the time of the invocation");
            Ok(sender.send_trailers(trailers(Cut("the time of the invocation is over"))?).await?)
        }
    }
}

/// The next piece of a body. If making it panics, that is a cut: a sender that were dropped then would end the body as if it were
/// complete.
async fn next(body: &mut Chunks) -> Option<Result<Bytes, Cut>> {
    let piece = AssertUnwindSafe(body.next()).catch_unwind().await;
    piece.unwrap_or_else(|panic| {
        panicked(&*panic);
        Some(Err(Cut("the function panicked")))
    })
}

/// The trailer fields by which Lambda knows that the body is not complete.
fn trailers(cut: Cut) -> Result<HeaderMap, Error> {
    let error = json!({ "errorType": "Response.Cut", "errorMessage": cut.to_string() });
    let error = HeaderValue::from_str(&STANDARD.encode(error.to_string()))?;
    Ok(HeaderMap::from_iter([(ERROR_TYPE, HeaderValue::from_static("Response.Cut")), (ERROR_BODY, error)]))
}

impl fmt::Debug for Streamed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Streamed").field("prelude", &self.prelude).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::stream;
    use http_body_util::BodyExt as _;

    use super::*;

    /// What Lambda gets of these pieces: the bytes behind the prelude, and the type of the error in the trailers.
    async fn sent(pieces: impl Stream<Item = Result<Bytes, Cut>> + Send + 'static) -> (Vec<u8>, Option<String>) {
        let (sender, mut body) = Body::channel();
        let streamed = Streamed { prelude: json!({ "statusCode": 200 }), body: Box::pin(pieces) };
        let receiving = async {
            let (mut bytes, mut error) = (Vec::new(), None);
            while let Some(frame) = body.frame().await {
                match frame.unwrap().into_data() {
                    Ok(data) => bytes.extend_from_slice(&data),
                    Err(frame) => {
                        let trailers = frame.into_trailers().unwrap();
                        error = Some(trailers[ERROR_TYPE].to_str().unwrap().to_owned());
                    }
                }
            }
            (bytes, error)
        };
        let until = Instant::now() + Duration::from_secs(20);
        let (pumped, (bytes, error)) = tokio::join!(pump(sender, streamed, until), receiving);
        pumped.unwrap();
        let start = bytes.windows(DELIMITER.len()).position(|window| window == DELIMITER).unwrap();
        (bytes[start + DELIMITER.len()..].to_vec(), error)
    }

    #[tokio::test]
    async fn a_body_that_cannot_be_completed_is_never_ended_as_a_whole_one() {
        let some = || Ok(Bytes::from_static(b"some"));
        let cut = Some("Response.Cut".to_owned());
        assert_eq!(sent(stream::iter([some(), some()])).await, (b"somesome".to_vec(), None));
        assert_eq!(sent(stream::iter([some(), Err(Cut("broken"))])).await, (b"some".to_vec(), cut.clone()));
        let panics = stream::iter(0..2).map(move |number| if number == 0 { some() } else { panic!("in the middle") });
        assert_eq!(sent(panics).await, (b"some".to_vec(), cut));
    }
}
