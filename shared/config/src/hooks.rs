//! Hooks of the company that have a say in tokens.

use crate::NotAllowed;
use crate::check::Findings;
use crate::directory::{Hook, check_hook};
use schemars::JsonSchema;
use serde::Deserialize;

const REGISTERED: &str = "registered";

/// Systems of the company that are asked before tokens are given out, and of new users.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hooks {
    /// Is asked before each refresh of a session.
    pub allow_refresh: Option<Hook>,
    /// Is asked before each access token: it may narrow the scope, refuse, and add claims.
    pub map_scope: Option<Hook>,
    /// Is told of each new user, and may answer by which names legacy systems know the user. It is asked again until it answers.
    pub registered: Option<Hook>,
    /// With `map_scope`: what the names of its claims begin with, a URL of the company (RFC 7519 §4.2).
    pub claims: Option<ClaimPrefix>,
}

/// The beginning of the names of claims: an https URL that ends in a slash.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = "^https://.+/$", "maxLength" = 100))]
pub struct ClaimPrefix(String);

impl ClaimPrefix {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ClaimPrefix {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        let uri = text.parse::<http::Uri>().ok().filter(|uri| uri.scheme() == Some(&http::uri::Scheme::HTTPS));
        let plain = uri.is_some_and(|uri| uri.query().is_none() && uri.host().is_some_and(|host| host.contains('.')));
        if !plain || text.contains(['#', '@']) || !text.ends_with('/') || text.len() > 100 {
            return Err(NotAllowed::new(format!(
                "`{text}` cannot begin the names of claims: write an https URL of your own that ends in a slash, such as \
                 https://example.com/claims/"
            )));
        }
        Ok(Self(text))
    }
}

impl Hooks {
    /// Those that are there, by their names.
    pub(crate) fn each(&self) -> impl Iterator<Item = (&'static str, &Hook)> {
        let named =
            [("allow_refresh", &self.allow_refresh), ("map_scope", &self.map_scope), (REGISTERED, &self.registered)];
        named.into_iter().filter_map(|(name, hook)| Some((name, hook.as_ref()?)))
    }
}

pub(crate) fn check(hooks: &Hooks, findings: &mut Findings) {
    for (name, hook) in hooks.each() {
        let field = format!("hooks.{name}");
        check_hook(&field, hook, findings);
        if name == REGISTERED {
            if hook.when_down.is_some() {
                findings.add(format!("{field}.when_down"), "nothing waits for its answer: remove it");
            }
        } else if hook.when_down.is_none() {
            findings.add(field, "what happens while it does not answer? Write `when_down: refuse`, or `allow`");
        }
    }
    if hooks.claims.is_some() && hooks.map_scope.is_none() {
        findings.add("hooks.claims".to_owned(), "nobody adds claims: write `map_scope`, or remove it");
    }
}
