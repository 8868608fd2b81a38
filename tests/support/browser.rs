//! Scripts that drive a browser.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use gateway_local::binaries::WORKSPACE;
use serde_json::Value;
use tokio::process::Command;

/// Runs `tests/browser/SCRIPT.mjs` with these arguments, and returns the JSON that it prints. Tests that need it are ignored
/// where `tests/browser/install` has not installed what drives the browser.
///
/// # Panics
///
/// With what the script printed, if it fails, prints no JSON, or has not ended after five minutes.
pub async fn browse<A: AsRef<OsStr>>(script: &str, arguments: impl IntoIterator<Item = A>) -> Value {
    let file = Path::new(WORKSPACE).join("tests/browser").join(script).with_extension("mjs");
    let mut command = Command::new("node");
    command.arg(&file).args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    command.env("CHROMIUM", option_env!("BROWSER_OF_TESTS").unwrap_or("chromium"));
    let output = tokio::time::timeout(Duration::from_secs(300), command.output()).await;
    let output = output.expect("the script ends").expect("node runs");
    let (printed, failed) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{} ended with {}:\n{printed}\n{failed}", file.display(), output.status);
    serde_json::from_str(&printed).unwrap_or_else(|_| panic!("{} printed no JSON:\n{printed}", file.display()))
}
