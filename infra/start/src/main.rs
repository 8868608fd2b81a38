//! `cargo run`: builds the functions and the local stack in one go, then becomes the local stack.

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    match built() {
        Ok(directory) => start::fail(Some(start::become_program(&directory.join("local"), &[]))),
        Err(problem) => start::fail(problem),
    }
}

/// The directory of the local stack and of the functions.
fn built() -> Result<PathBuf, Option<String>> {
    let mut packages = start::functions()?;
    packages.push("local".to_owned());
    start::build(&packages, !cfg!(debug_assertions))?;
    start::directory()
}
