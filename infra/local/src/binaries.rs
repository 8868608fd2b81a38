//! Builds the function binaries with the very cargo that built this.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value as Json;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

/// The workspace this was built from.
pub const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The binaries were not built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Cargo does not run.
    #[error("cargo could not be run to build the functions: {0}")]
    NoCargo(#[from] std::io::Error),
    /// The build failed.
    #[error("the functions could not be built:\n{0}")]
    Failed(String),
    /// A package makes no binary of its name.
    #[error("package `{0}` made no binary")]
    Missing(String),
}

/// Builds the binary of each of these packages and returns where they are. `beside` is a package that is built in the
/// same go, so that its dependencies and theirs are compiled once. Every line cargo reports goes to `progress`.
pub async fn build(
    packages: &[&str],
    beside: &str,
    mut progress: impl FnMut(&str),
) -> Result<BTreeMap<String, PathBuf>, BuildError> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["build", "--message-format=json-render-diagnostics", "-p", beside]);
    for package in packages {
        command.args(["-p", package]);
    }
    command
        .current_dir(WORKSPACE)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn()?;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(BuildError::Failed("cargo has no output".to_owned()));
    };
    let (mut messages, mut reports) = (BufReader::new(stdout).lines(), BufReader::new(stderr).lines());
    let (mut binaries, mut report) = (BTreeMap::new(), String::new());
    let (mut more_messages, mut more_reports) = (true, true);
    while more_messages || more_reports {
        tokio::select! {
            line = messages.next_line(), if more_messages => match line? {
                Some(line) => binaries.extend(binary(&line)),
                None => more_messages = false,
            },
            line = reports.next_line(), if more_reports => match line? {
                Some(line) => {
                    progress(line.trim());
                    report.push_str(&line);
                    report.push('\n');
                }
                None => more_reports = false,
            },
        }
    }
    if !child.wait().await?.success() {
        return Err(BuildError::Failed(report));
    }
    for package in packages {
        if !binaries.contains_key(*package) {
            return Err(BuildError::Missing((*package).to_owned()));
        }
    }
    Ok(binaries)
}

/// The name and place of the binary a message of cargo's speaks of.
fn binary(message: &str) -> Option<(String, PathBuf)> {
    let message: Json = serde_json::from_str(message).ok()?;
    let path = message.get("executable")?.as_str()?;
    let name = message.pointer("/target/name")?.as_str()?;
    Some((name.to_owned(), PathBuf::from(path)))
}
