//! The local stack with the functions that are measured.

use crate::Failure;
use gateway_local::api_gateway::Pace;
use gateway_local::binaries::{self, WORKSPACE};
use gateway_local::stack::{Options, Running, Stack};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The function of keys, without which no stack starts. It is not measured, and is the one beside this program.
const KEYS: &str = "keys";

/// What is measured, by the name of its binary: all functions of the template but one.
pub(crate) fn measured() -> Result<Vec<String>, Failure> {
    Ok(binaries::functions()?.into_iter().filter(|name| name != KEYS).collect())
}

/// A stack of one process per function whose plans have no end, which a benchmark would reach.
pub(crate) async fn start(program: impl Fn(&str) -> PathBuf) -> Result<Running, Failure> {
    start_with(program, |demo| demo).await
}

/// As [`start`], with the demo's configuration changed.
pub(crate) async fn start_with(
    program: impl Fn(&str) -> PathBuf,
    change: impl FnOnce(String) -> String,
) -> Result<Running, Failure> {
    let mut binaries: BTreeMap<_, _> = measured()?.into_iter().map(|name| (name.clone(), program(&name))).collect();
    binaries.insert(KEYS.to_owned(), std::env::current_exe()?.with_file_name(KEYS));
    let config = std::env::temp_dir().join(format!("bench-{}.yaml", std::process::id()));
    let demo = std::fs::read_to_string(Path::new(WORKSPACE).join("infra/local/demo.yaml"))?;
    std::fs::write(&config, change(demo.replace("calls: 60", "calls: 1000000")))?;
    let options = Options {
        config: config.clone(),
        log_level: "warn".into(),
        most_processes: 1,
        // Nothing is done but what is measured.
        schedule_period: Some(Duration::from_hours(24)),
        // What is measured is the function, and not the pace of AWS.
        pace: Pace { rate: None, ..Pace::default() },
        // Counted, a start takes a hundred times as long.
        start_timeout: Duration::from_mins(2),
        ..Options::default()
    };
    let stack = Stack::start(options, std::future::ready(Ok(binaries))).await;
    std::fs::remove_file(&config)?;
    Ok(stack?)
}
