//! The process environment, read once. An empty variable counts as unset, since `sam local` leaves variables empty.

use crate::StartError;
use gateway_telemetry::Settings;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};

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

    /// This environment with these variables set or replaced.
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

    /// The deployed `gateway.yaml`.
    pub fn config_file(&self) -> Result<ConfigFile, StartError> {
        self.require("GATEWAY_CONFIG", "the path of gateway.yaml").map(|path| ConfigFile(path.into()))
    }

    /// The settings of a function's log lines, metrics and traces.
    pub fn telemetry(&self, service: &'static str) -> Settings<'_> {
        Settings {
            service,
            log_level: self.get("LOG_LEVEL"),
            namespace: self.get("METRICS_NAMESPACE"),
            xray_daemon: self.get("AWS_XRAY_DAEMON_ADDRESS"),
        }
    }
}

/// The path of `gateway.yaml`.
#[derive(Debug, Clone)]
pub struct ConfigFile(PathBuf);

impl ConfigFile {
    /// Reads the file with `load`; a failure names the file and the reason.
    pub fn load<T, E: Display>(&self, load: impl FnOnce(&Path) -> Result<T, E>) -> Result<T, StartError> {
        let invalid = |error: E| StartError::Invalid { what: self.0.display().to_string(), reason: error.to_string() };
        load(&self.0).map_err(invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_usable_is_named_with_the_reason() {
        let environment = Environment::from_pairs([("GATEWAY_CONFIG".into(), "/opt/gateway.yaml".into())]);
        let loaded = environment.config_file().unwrap().load(|_| Err::<(), _>("line 3: `apis` is missing"));
        assert_eq!(loaded.unwrap_err().to_string(), "/opt/gateway.yaml is not usable: line 3: `apis` is missing");
        let error = Environment::default().config_file().unwrap_err().to_string();
        assert_eq!(error, "environment variable GATEWAY_CONFIG is not set: it must hold the path of gateway.yaml");
    }

    #[test]
    fn an_empty_variable_is_unset_and_the_error_names_it() {
        let environment = Environment::from_pairs([("A".into(), String::new()), ("B".into(), "b".into())]);
        assert_eq!(environment.get("B"), Some("b"));
        let error = environment.require("A", "the name of a table").unwrap_err().to_string();
        assert_eq!(error, "environment variable A is not set: it must hold the name of a table");
    }
}
