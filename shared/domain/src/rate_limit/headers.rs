//! The values of the `RateLimit` and `RateLimit-Policy` fields (draft-ietf-httpapi-ratelimit-headers-11, sections 3 and 4).

use super::Quota;

/// `RateLimit`: of each limit that tells it, what is left (`r`) and the seconds until there is more (`t`), e.g.
/// `"default";r=50;t=30`.
pub fn rate_limit(quotas: &[Quota]) -> String {
    let item =
        |quota: &Quota| quota.left.map(|left| format!("\"{}\";r={};t={}", quota.policy, left.remaining, left.reset));
    list(quotas.iter().filter_map(item))
}

/// `RateLimit-Policy`: of each limit, what may be used (`q`) per window in seconds (`w`), e.g. `"default";q=60;w=60`.
pub fn rate_limit_policy(quotas: &[Quota]) -> String {
    list(
        quotas.iter().map(|quota| format!("\"{}\";q={};w={}", quota.policy, quota.limit, quota.window.as_u64().max(1))),
    )
}

/// A list (RFC 9651 §3.1). Names of limits and APIs hold nothing that a string would have to escape.
fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}
