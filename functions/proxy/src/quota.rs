//! The response fields that say what is left of the client's limit (draft-ietf-httpapi-ratelimit-headers).

use gateway_domain::event::ApiResponse;
use gateway_domain::rate_limit::{self, Quota};

/// Adds the fields for this quota. Those of the back end are removed: they are not about the gateway's limit.
pub(crate) fn with_quota(mut response: ApiResponse, quota: &Quota) -> ApiResponse {
    let ours = |name: &str| name.eq_ignore_ascii_case("ratelimit") || name.eq_ignore_ascii_case("ratelimit-policy");
    response.headers.retain(|(name, _)| !ours(name));
    response
        .header("RateLimit", rate_limit::rate_limit(quota))
        .header("RateLimit-Policy", rate_limit::rate_limit_policy(quota))
}
