//! Why an act was not done.

use gateway_domain::entropy::NoEntropy;
use gateway_domain::ids::{ApiName, ClientId};
use gateway_store::StoreError;
use std::fmt;

/// Why an act was not done. No text holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// A table did not answer as it should.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The act was not begun, since it could not be recorded.
    #[error("nothing was changed, since it could not be written to the audit table: {0}")]
    NotAudited(StoreError),
    /// The act was done.
    #[error("it was done, but its outcome could not be written to the audit table, where it stays `begun`: {0}")]
    OutcomeNotAudited(StoreError),
    /// No application has this id.
    #[error("there is no app {0}")]
    NoApp(ClientId),
    /// The application has no subscription to this API.
    #[error("{client_id} has no subscription to {api}")]
    NoSubscription {
        /// The application.
        client_id: ClientId,
        /// The API.
        api: ApiName,
    },
    /// What was to be created exists.
    #[error("{0} is taken: nothing was created")]
    Taken(String),
    /// The application waits for nothing.
    #[error("nothing waits for an approval: somebody has decided or withdrawn it")]
    NothingWaits,
    /// Nothing was written.
    #[error("{0} was changed or removed by somebody else at the same time: nothing was written; look and repeat")]
    Conflict(String),
    /// Something is wrong with what was asked for. Nothing was written.
    #[error("{}", in_words(.0))]
    Fields(Vec<WrongField>),
    /// There is no randomness for a secret.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
}

impl ActError {
    /// What a rule of the gateway forbids of a field.
    pub(crate) fn rule(field: &'static str, rule: impl Into<String>) -> Self {
        Self::Fields(vec![WrongField { field: field.to_owned(), problem: Problem::Rule(rule.into()) }])
    }
}

/// A field of an application or of a request that cannot be as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongField {
    /// Its name, as `redirect_uris`, with the place in a list, as `redirect_uris[1]`.
    pub field: String,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// It is not of the form it must have.
    Malformed(String),
    /// It names something that the configuration does not have.
    Unknown(String),
    /// It is well formed, but a rule of the gateway forbids it.
    Rule(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(text) | Self::Unknown(text) | Self::Rule(text) => f.write_str(text),
        }
    }
}

fn in_words(wrong: &[WrongField]) -> String {
    let one = |WrongField { field, problem }: &WrongField| format!("{field}: {problem}");
    wrong.iter().map(one).collect::<Vec<_>>().join("; ")
}
