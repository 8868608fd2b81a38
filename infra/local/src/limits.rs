//! Limits of API Gateway (REST) and Lambda that the local stack imitates.

use std::time::Duration;

/// Most bytes of a request body.
pub const REQUEST_BODY: usize = 10 * 1024 * 1024;
/// Most bytes of all request headers with names, values, separators and line breaks.
pub const REQUEST_HEADERS: usize = 10_240;
/// Most bytes of an event or of what a function returns.
pub const PAYLOAD: usize = 6 * 1024 * 1024;
/// Most bytes of what an authorizer returns.
pub const AUTHORIZER_RESULT: usize = 8 * 1024;
/// Longest wait for an integration.
pub const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(29);
/// Longest start of a function until it asks for its first invocation.
pub const INIT: Duration = Duration::from_secs(10);
