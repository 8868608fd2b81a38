//! What programs have in common that build others first, then run them.
//!
//! They have no dependencies, so they are there at once and cargo shows the progress of the one build that matters. Built
//! one by one, packages would share their dependencies only in part and compile the AWS SDK several times.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// The workspace this was built from.
const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

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

/// The package with a binary of this name.
fn package(binary: &str) -> String {
    if binary.starts_with("gateway-") { binary.to_owned() } else { format!("gateway-{binary}") }
}

/// Builds these binaries in one go, with cargo's own progress on the terminal.
///
/// With `release` they have no more features than they are deployed with. Otherwise they are built as `cargo test --workspace`
/// builds them, so that what is compiled for the one is there for the other: cargo unifies the features of a whole workspace,
/// and those of dependencies for tests too when a test is among what it builds. `start` is the one that needs nothing.
///
/// # Errors
/// What to tell the user, unless cargo has told it already.
pub fn build(binaries: &[String], release: bool) -> Result<(), Option<String>> {
    let mut cargo = Command::new(env!("CARGO"));
    // Beside this program, wherever that was built.
    let directory = directory()?;
    cargo.current_dir(WORKSPACE).arg("build").args(arguments(binaries, release));
    cargo.arg("--target-dir").arg(directory.parent().unwrap_or(&directory));
    // Cargo tells the processes it runs about their package. Handed on, that would make build scripts run anew.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| OF_A_PACKAGE.iter().any(|prefix| name.starts_with(prefix))) {
            cargo.env_remove(&name);
        }
    }
    match cargo.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(None),
        Err(error) => Err(Some(format!("cargo could not be run to build the functions: {error}"))),
    }
}

fn arguments(binaries: &[String], release: bool) -> Vec<String> {
    let (always, option, name): (&[_], _, fn(&str) -> String) = if release {
        (&["--release"], "-p", package)
    } else {
        (&["--workspace", "--test", "start"], "--bin", str::to_owned)
    };
    let chosen = binaries.iter().flat_map(|binary| [option.to_owned(), name(binary)]);
    always.iter().map(|&argument| argument.to_owned()).chain(chosen).collect()
}

/// The directory of what cargo builds in the profile of this program, or test.
///
/// # Errors
/// What to tell the user.
pub fn directory() -> Result<PathBuf, Option<String>> {
    let here = std::env::current_exe().ok().and_then(|path| {
        let directory = path.parent()?;
        // Tests are in a directory of it.
        Some(if directory.ends_with("deps") { directory.parent()? } else { directory }.to_owned())
    });
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
