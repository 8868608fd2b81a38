//! The process environment, read once; an empty variable counts as unset, as `sam local` leaves them.

use crate::StartError;
use std::collections::BTreeMap;
use telemetry::Settings;

/// The environment variables of a function.
#[derive(Debug, Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Reads the environment of this process. Variables that are not UTF-8 are left out.
    pub fn from_process() -> Self {
        let text = |text: std::ffi::OsString| text.into_string().ok();
        Self::from_pairs(std::env::vars_os().filter_map(|(name, value)| Some((text(name)?, text(value)?))))
    }

    /// An environment from pairs.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect())
    }

    /// This environment with some variables set anew.
    #[must_use]
    pub fn with(mut self, pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        self.0.extend(Self::from_pairs(pairs).0);
        self
    }

    /// The value of a variable that may be absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The value of a variable that must be there; `expected` completes the sentence "it must hold …".
    pub fn require(&self, name: &'static str, expected: &'static str) -> Result<&str, StartError> {
        self.get(name).ok_or(StartError::Missing { name, expected })
    }

    /// What is told of a function, and where.
    pub fn telemetry(&self, service: &'static str) -> Settings<'_> {
        Settings {
            service,
            log_level: self.get("LOG_LEVEL"),
            namespace: self.get("METRICS_NAMESPACE"),
            xray_daemon: self.get("AWS_XRAY_DAEMON_ADDRESS"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_is_unset_and_the_error_names_it() {
        let environment = Environment::from_pairs([("A".into(), String::new()), ("B".into(), "b".into())]);
        assert_eq!(environment.get("B"), Some("b"));
        let error = environment.require("A", "the name of a table").unwrap_err().to_string();
        assert_eq!(error, "environment variable A is not set: it must hold the name of a table");
    }
}
