//! The scopes of the admin API. No API of the company has one of them: whoever has it changes applications and users.

/// How they begin. No scope of a configuration begins like this, so that a token for an API of the company never opens the admin
/// API by a name that both have.
pub const PREFIX: &str = "gateway:";

/// All of them.
pub const ALL: [&str; 17] = [
    APPS_READ,
    APPS_WRITE,
    APPS_REGISTER,
    SUBSCRIPTIONS_READ,
    SUBSCRIPTIONS_WRITE,
    USERS_READ,
    USERS_WRITE,
    SESSIONS_READ,
    SESSIONS_WRITE,
    APIS_READ,
    PLANS_READ,
    AUDIT_READ,
    REQUESTS_READ,
    REQUESTS_WRITE,
    USAGE_READ,
    EVENTS_READ,
    EVENTS_WRITE,
];

/// See applications.
pub const APPS_READ: &str = "gateway:apps:read";
/// Create, change and delete applications, and rotate their secrets.
pub const APPS_WRITE: &str = "gateway:apps:write";
/// Register an application by RFC 7591, which may do nothing until somebody subscribes it: what an initial access token has.
pub const APPS_REGISTER: &str = "gateway:apps:register";
/// See to what applications are subscribed.
pub const SUBSCRIPTIONS_READ: &str = "gateway:subscriptions:read";
/// Subscribe applications to APIs.
pub const SUBSCRIPTIONS_WRITE: &str = "gateway:subscriptions:write";
/// See users.
pub const USERS_READ: &str = "gateway:users:read";
/// Disable and enable users.
pub const USERS_WRITE: &str = "gateway:users:write";
/// See live sessions.
pub const SESSIONS_READ: &str = "gateway:sessions:read";
/// End sessions.
pub const SESSIONS_WRITE: &str = "gateway:sessions:write";
/// See the APIs and their routes.
pub const APIS_READ: &str = "gateway:apis:read";
/// See the plans.
pub const PLANS_READ: &str = "gateway:plans:read";
/// See who did what.
pub const AUDIT_READ: &str = "gateway:audit:read";
/// See what developers wait for.
pub const REQUESTS_READ: &str = "gateway:requests:read";
/// Approve and refuse what developers wait for.
pub const REQUESTS_WRITE: &str = "gateway:requests:write";
/// See how often applications have called.
pub const USAGE_READ: &str = "gateway:usage:read";
/// See what became of events, and what waits.
pub const EVENTS_READ: &str = "gateway:events:read";
/// Send events again.
pub const EVENTS_WRITE: &str = "gateway:events:write";

/// Whether a scope is of the admin API.
pub fn is_one(scope: &str) -> bool {
    scope.starts_with(PREFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_begins_with_the_prefix_that_no_other_may_have() {
        assert!(ALL.into_iter().all(is_one));
        assert!(!is_one("users:read"));
    }
}
