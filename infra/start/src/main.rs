//! `cargo run`: builds the functions and the local stack in one go, then becomes the local stack.
//!
//! It has no dependencies, so it is there at once and cargo shows the progress of the one build that matters. Built one
//! by one, the packages would share their dependencies only in part and compile the AWS SDK several times.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};

const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn main() -> ExitCode {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(WORKSPACE).arg("build");
    for package in ["local", "token", "authorizer", "proxy", "keys"] {
        cargo.args(["-p", package]);
    }
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    // Cargo tells the processes it runs about their package. Handed on, that would make build scripts run anew.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_MANIFEST_") || name.starts_with("CARGO_PKG_")) {
            cargo.env_remove(&name);
        }
    }
    match cargo.status() {
        Ok(status) if status.success() => {}
        Ok(_) => return ExitCode::FAILURE,
        Err(error) => return fail(&format!("cargo could not be run to build the functions: {error}")),
    }
    let Some(binaries) = std::env::current_exe().ok().and_then(|path| path.parent().map(Path::to_owned)) else {
        return fail("this program does not know where it is; run it with `cargo run`");
    };
    let error = Command::new(binaries.join("local")).args(std::env::args_os().skip(1)).exec();
    fail(&format!("the local stack could not be started: {error}"))
}

#[expect(clippy::print_stderr, reason = "this program talks to a person at a terminal")]
fn fail(problem: &str) -> ExitCode {
    eprintln!("error: {problem}");
    ExitCode::FAILURE
}
