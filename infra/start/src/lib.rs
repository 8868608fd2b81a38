//! What programs have in common that build others first, then run them.
//!
//! They have no dependencies, so they are there at once and cargo shows the progress of the one build that matters. Built
//! one by one, packages would share their dependencies only in part and compile the AWS SDK several times.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// The workspace this was built from.
const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The functions of `template.yaml`, by the names of their binaries. What is read here are the lines that say `Binary: NAME`; a
/// test compares them with what the local stack reads.
///
/// # Errors
/// What to tell the user.
pub fn functions() -> Result<Vec<String>, Option<String>> {
    let path = Path::new(WORKSPACE).join("template.yaml");
    let template = std::fs::read_to_string(&path);
    let template = template.map_err(|error| Some(format!("{} cannot be read: {error}", path.display())))?;
    Ok(template.lines().filter_map(|line| line.trim().strip_prefix("Binary: ")).map(str::to_owned).collect())
}

/// The package of the function with a binary of this name.
pub fn package(binary: &str) -> String {
    format!("gateway-{binary}")
}

/// Builds these packages of the workspace in one go, with cargo's own progress on the terminal.
///
/// # Errors
/// What to tell the user, unless cargo has told it already.
pub fn build(packages: &[String], release: bool) -> Result<(), Option<String>> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(WORKSPACE).arg("build");
    for package in packages {
        cargo.args(["-p", package]);
    }
    if release {
        cargo.arg("--release");
    }
    // Cargo tells the processes it runs about their package. Handed on, that would make build scripts run anew.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_MANIFEST_") || name.starts_with("CARGO_PKG_")) {
            cargo.env_remove(&name);
        }
    }
    match cargo.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(None),
        Err(error) => Err(Some(format!("cargo could not be run to build the functions: {error}"))),
    }
}

/// The directory of this program, where cargo puts what it builds in the same profile.
///
/// # Errors
/// What to tell the user.
pub fn directory() -> Result<PathBuf, Option<String>> {
    let here = std::env::current_exe().ok().and_then(|path| path.parent().map(Path::to_owned));
    here.ok_or_else(|| Some("this program does not know where it is; run it with `cargo run`".to_owned()))
}

/// Becomes another program, with the arguments of this one behind `arguments`. Returns only when it cannot.
pub fn become_program(program: &Path, arguments: &[&Path]) -> String {
    use std::os::unix::process::CommandExt as _;
    let error = Command::new(program).args(arguments).args(std::env::args_os().skip(1)).exec();
    format!("{} could not be started: {error}", program.display())
}

/// Ends with what was not told yet.
#[expect(clippy::print_stderr, reason = "these programs talk to a person at a terminal")]
pub fn fail(problem: Option<String>) -> ExitCode {
    if let Some(problem) = problem {
        eprintln!("error: {problem}");
    }
    ExitCode::FAILURE
}
