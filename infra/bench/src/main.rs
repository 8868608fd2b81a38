//! `cargo run --release -p bench`: builds the functions as they are deployed, then measures them.
//!
//! The functions are optimised as a whole, which takes minutes. What measures them is not: it counts the CPU of other
//! processes, and shares its build with `cargo run`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    match built() {
        Ok((measure, functions)) => start::fail(Some(start::become_program(&measure, &[&functions]))),
        Err(problem) => start::fail(problem),
    }
}

/// The program that measures, and the directory of what it measures.
fn built() -> Result<(PathBuf, PathBuf), Option<String>> {
    // The function of keys is not measured: see `site` in `measure`.
    let (unmeasured, mut measured): (Vec<_>, Vec<_>) = start::functions()?.into_iter().partition(|name| name == "keys");
    measured.push("hello".to_owned());
    start::build(&measured, true)?;
    start::build(&[unmeasured, vec!["measure".to_owned()]].concat(), false)?;
    let directory = start::directory()?;
    let target = directory.parent().unwrap_or(Path::new("."));
    Ok((target.join("debug/measure"), target.join("release")))
}
