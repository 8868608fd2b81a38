//! `cargo run --release -p gateway-bench`: builds the functions as they are deployed, then measures them.
//!
//! The functions are optimised as a whole, which takes minutes. What measures them is not: it counts the CPU of other
//! processes, and shares its build with `cargo run`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    match built() {
        Ok((measure, functions)) => gateway_start::fail(Some(gateway_start::become_program(&measure, &[&functions]))),
        Err(problem) => gateway_start::fail(problem),
    }
}

/// The program that measures, and the directory of what it measures.
fn built() -> Result<(PathBuf, PathBuf), Option<String>> {
    // The function of keys is not measured: see `site` in `measure`.
    let (unmeasured, measured): (Vec<_>, Vec<_>) =
        gateway_start::functions()?.into_iter().partition(|name| name == "keys");
    let with = |mut binaries: Vec<String>, program: &str| {
        binaries.push(program.to_owned());
        binaries
    };
    gateway_start::build(&with(measured, "gateway-hello"), true)?;
    gateway_start::build(&with(unmeasured, "gateway-measure"), false)?;
    let directory = gateway_start::directory()?;
    let target = directory.parent().unwrap_or(Path::new("."));
    Ok((target.join("debug/gateway-measure"), target.join("release")))
}
