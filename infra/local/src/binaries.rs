//! Finds the function binaries, or builds them with the cargo that built this crate.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value as Json;
use tokio::process::Command;

use crate::template::{Inputs, Template};

/// The workspace that this crate was built from.
pub const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Prefixes of the variables in which cargo describes the package of a process that it runs.
const OF_A_PACKAGE: [&str; 7] = [
    "CARGO_BIN_",
    "CARGO_CRATE_NAME",
    "CARGO_MANIFEST_",
    "CARGO_PKG_",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_TARGET_TMPDIR",
    "OUT_DIR",
];

/// Why there are no function binaries.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Cargo could not be run.
    #[error("cargo could not be run to build the functions: {0}")]
    NoCargo(#[from] std::io::Error),
    /// The build failed.
    #[error("the functions could not be built:\n{0}")]
    Failed(String),
    /// The template, which names the functions, cannot be read.
    #[error("template.yaml cannot be read: {0}")]
    Template(String),
    /// The package of a function has no binary of its name.
    #[error("package `gateway-{0}` made no binary `{0}`")]
    Missing(String),
    /// There is no binary beside this program.
    #[error("{} is not there: start the local stack with `cargo run`", .0.display())]
    NotBeside(PathBuf),
}

/// The names of the functions of `template.yaml`. Each is a binary `NAME` of the package `gateway-NAME`.
pub fn functions() -> Result<Vec<String>, BuildError> {
    let text = std::fs::read_to_string(Path::new(WORKSPACE).join("template.yaml"));
    let text = text.map_err(|error| BuildError::Template(error.to_string()))?;
    let template =
        Template::read(&text, &Inputs::default()).map_err(|error| BuildError::Template(error.to_string()))?;
    Ok(template.functions.into_iter().map(|function| function.binary).collect())
}

/// The function binaries in the directory of this program, where `cargo run` puts them.
pub fn beside() -> Result<BTreeMap<String, PathBuf>, BuildError> {
    let program = std::env::current_exe()?;
    let directory = program.parent().unwrap_or(Path::new("."));
    let mut binaries = BTreeMap::new();
    for name in functions()? {
        let path = directory.join(&name).with_extension(std::env::consts::EXE_EXTENSION);
        if !path.is_file() {
            return Err(BuildError::NotBeside(path));
        }
        binaries.insert(name, path);
    }
    Ok(binaries)
}

/// Builds the function binaries in the profile of this program, and returns their paths by name. They are built with the
/// package `with`, so that features are unified and the dependencies of both are compiled once.
pub async fn build(with: &str) -> Result<BTreeMap<String, PathBuf>, BuildError> {
    let functions = functions()?;
    let mut command = Command::new(env!("CARGO"));
    command.args(["build", "--message-format=json-render-diagnostics", "-p", with]);
    for name in &functions {
        command.args(["-p", &format!("gateway-{name}"), "--bin", name]);
    }
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    command.current_dir(WORKSPACE).stdin(Stdio::null()).kill_on_drop(true);
    // Cargo describes the package of this process in variables. If they were passed on, build scripts would run again.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| OF_A_PACKAGE.iter().any(|prefix| name.starts_with(prefix))) {
            command.env_remove(&name);
        }
    }
    let output = command.output().await?;
    if !output.status.success() {
        return Err(BuildError::Failed(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let binaries: BTreeMap<_, _> = String::from_utf8_lossy(&output.stdout).lines().filter_map(binary).collect();
    for name in functions {
        if !binaries.contains_key(&name) {
            return Err(BuildError::Missing(name));
        }
    }
    Ok(binaries)
}

/// The name and path of the binary that a message of cargo reports, if it reports one.
fn binary(message: &str) -> Option<(String, PathBuf)> {
    let message: Json = serde_json::from_str(message).ok()?;
    let path = message.get("executable")?.as_str()?;
    let name = message.pointer("/target/name")?.as_str()?;
    Some((name.to_owned(), PathBuf::from(path)))
}
