//! The values of the `RateLimit` and `RateLimit-Policy` fields (draft-ietf-httpapi-ratelimit-headers-10, sections 3 and 4).

use super::Quota;

/// The name of the policy, also in `violated-policies`.
pub const POLICY: &str = "default";

/// `RateLimit`: the calls left (`r`) and the seconds until there are more (`t`), e.g. `"default";r=50;t=30`.
pub fn rate_limit(quota: &Quota) -> String {
    format!("\"{POLICY}\";r={};t={}", quota.remaining, quota.reset)
}

/// `RateLimit-Policy`: the quota (`q`) per window in seconds (`w`), e.g. `"default";q=60;w=60`.
pub fn rate_limit_policy(quota: &Quota) -> String {
    format!("\"{POLICY}\";q={};w={}", quota.limit, quota.window.as_u64().max(1))
}
