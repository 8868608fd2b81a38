//! Limits of API Gateway and Lambda that the local stack imitates.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>

use std::time::Duration;

/// Most bytes of a request body. A function's event carries fewer: see [`PAYLOAD`].
pub const REQUEST_BODY: usize = 10 * 1024 * 1024;
/// Most bytes of the request line and all headers with names, values, separators and line breaks.
pub const REQUEST_HEADERS: usize = 10_240;
/// Most bytes of a path and query.
pub const URL: usize = 10_240;
/// Most bytes of the ARN of a method that an authorizer decides about. A path with a longer one gets the status 414.
pub const METHOD_ARN: usize = 1_600;
/// Most characters of a resource in the policy that an authorizer returns.
pub const POLICY_RESOURCE: usize = 512;
/// Most bytes of an event or of what a function returns. A body is in it as base64, four characters for three bytes, so a
/// body of 4.5 MiB (4,718,592 bytes) fills it by itself.
pub const PAYLOAD: usize = 6 * 1024 * 1024;
/// Most bytes of the event of an asynchronous invocation.
pub const QUEUED_PAYLOAD: usize = 1024 * 1024;
/// Most asynchronous invocations that wait or run at the same time. AWS states no bound for its own queue.
pub const QUEUED: usize = 1_000;
/// How long a failed asynchronous invocation waits for its first repetition; for the second it waits twice as long. AWS
/// waits one minute and two minutes.
pub const RETRY_DELAY: Duration = Duration::from_millis(200);
/// Most bytes of what an authorizer returns.
pub const AUTHORIZER_RESULT: usize = 8 * 1024;
/// Longest wait of a REST API for an integration that names no other time.
pub const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(29);
/// Longest wait of an HTTP API for an integration.
pub const HTTP_INTEGRATION_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest wait of an HTTP API for an authorizer.
pub const HTTP_AUTHORIZER_TIMEOUT: Duration = Duration::from_secs(10);
/// Within how many bytes of a stream the end of its delimiter must be.
pub const PRELUDE: usize = 16 * 1024;
/// What stands between the prelude of a stream and its body.
pub const DELIMITER: [u8; 8] = [0; 8];
/// Longest pause of a stream. It is that of a regional API; an edge-optimized one waits 30 s.
pub const STREAM_IDLE: Duration = Duration::from_mins(5);
/// How many bytes of a stream go out at once: Lambda bounds it to 6 MB, API Gateway to 10 MB.
pub const STREAM_AT_ONCE: u64 = 6 * 1024 * 1024;
/// Bytes a second of what a stream has beyond those.
pub const STREAM_RATE: u64 = 2 * 1024 * 1024;
/// Longest time from the start of a function until it asks for its first invocation.
pub const INIT: Duration = Duration::from_secs(10);
