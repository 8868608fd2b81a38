//! The fields that tell a caller what is left of its limit (draft-ietf-httpapi-ratelimit-headers).

use gateway_domain::event::ApiResponse;
use gateway_domain::rate_limit::{self, Quota};

/// Tells the caller what is left of its limit; nobody else may.
pub(crate) fn with_quota(mut response: ApiResponse, quota: &Quota) -> ApiResponse {
    let ours = |name: &str| name.eq_ignore_ascii_case("ratelimit") || name.eq_ignore_ascii_case("ratelimit-policy");
    response.headers.retain(|(name, _)| !ours(name));
    response
        .header("RateLimit", rate_limit::rate_limit(quota))
        .header("RateLimit-Policy", rate_limit::rate_limit_policy(quota))
}
