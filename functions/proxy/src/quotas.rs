//! The response fields that say what is left of the client's limits (draft-ietf-httpapi-ratelimit-headers).

use gateway_domain::event::ApiResponse;
use gateway_domain::rate_limit::{self, Quota};

/// Adds the fields for these limits. Those of the back end are removed: they are not about the gateway's limits.
pub(crate) fn with_quotas(mut response: ApiResponse, quotas: &[Quota]) -> ApiResponse {
    let ours = |name: &str| name.eq_ignore_ascii_case("ratelimit") || name.eq_ignore_ascii_case("ratelimit-policy");
    response.headers.retain(|(name, _)| !ours(name));
    response
        .header("RateLimit", rate_limit::rate_limit(quotas))
        .header("RateLimit-Policy", rate_limit::rate_limit_policy(quotas))
}
