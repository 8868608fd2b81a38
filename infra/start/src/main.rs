//! `cargo run`: builds the functions and the local stack in one go, then becomes the local stack.

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    match built() {
        Ok(directory) => {
            gateway_start::fail(Some(gateway_start::become_program(&directory.join("gateway-local"), &[])))
        }
        Err(problem) => gateway_start::fail(problem),
    }
}

/// The directory of the local stack and of the functions.
fn built() -> Result<PathBuf, Option<String>> {
    let mut binaries = gateway_start::functions()?;
    binaries.push("gateway-local".to_owned());
    gateway_start::build(&binaries, !cfg!(debug_assertions))?;
    gateway_start::directory()
}
