//! `config check`: checks a gateway.yaml with the code with which the functions read it.

use crate::cli::{Arguments, Config, Format};
use crate::connection::above;
use crate::error::Error;
use crate::output::Printer;
use gateway_config::{ConfigError, Gateway};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Checks the file given as argument, with `--config`, or the usual one. Every mistake is reported with its line and field.
pub(crate) fn run(arguments: &Arguments, Config::Check { file }: &Config) -> Result<(), Error> {
    let (gateway, path) = load(arguments, file.as_deref())?;
    let (apis, connectors) = (gateway.apis().count(), gateway.connectors().count());
    let words = format!("{} is good: {apis} APIs, {connectors} connectors", path.display());
    let result = json!({ "file": path, "good": true, "apis": apis, "connectors": connectors });
    Printer { json: arguments.output == Format::Json }.done(&words, &result);
    Ok(())
}

/// The configuration of the file that is named, with `--config`, or the usual one, and where it is.
pub(crate) fn load(arguments: &Arguments, named: Option<&Path>) -> Result<(Gateway, PathBuf), Error> {
    let named = named.or(arguments.config.as_deref()).map(Path::to_owned);
    let usual = Path::new("infra/config/gateway.yaml");
    let path = named.or_else(|| above(usual)).unwrap_or_else(|| PathBuf::from(usual));
    let gateway = Gateway::load(&path).map_err(|error| match error {
        ConfigError::Unreadable { path, source } => Error::File { path, reason: source.to_string() },
        error @ (ConfigError::TooLarge { .. } | ConfigError::Invalid(_)) => Error::Config { path: path.clone(), error },
    })?;
    Ok((gateway, path))
}
