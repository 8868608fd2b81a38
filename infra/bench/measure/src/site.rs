//! The local stack with the functions that are measured.

use crate::Failure;
use local::stack::{Options, Running, Stack};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is measured, by the name of its binary.
pub(crate) const MEASURED: [&str; 4] = ["token", "authorizer", "proxy", "renewal"];

/// A stack of one process per function whose plans have no end, which a benchmark would reach.
///
/// The function of keys is the one beside this program: without it no stack starts, and it is not measured.
pub(crate) async fn start(measured: impl Fn(&str) -> PathBuf) -> Result<Running, Failure> {
    let mut binaries: BTreeMap<_, _> = MEASURED.iter().map(|name| ((*name).to_owned(), measured(name))).collect();
    binaries.insert("keys".to_owned(), std::env::current_exe()?.with_file_name("keys"));
    let config = std::env::temp_dir().join(format!("bench-{}.yaml", std::process::id()));
    let demo = std::fs::read_to_string(Path::new(local::binaries::WORKSPACE).join("infra/local/demo.yaml"))?;
    std::fs::write(&config, demo.replace("calls: 60", "calls: 1000000"))?;
    let options = Options {
        config: config.clone(),
        log_level: "warn".into(),
        most_processes: 1,
        // Counted, a start takes a hundred times as long.
        start_timeout: Duration::from_mins(2),
        ..Options::default()
    };
    let stack = Stack::start(options, std::future::ready(Ok(binaries))).await;
    std::fs::remove_file(&config)?;
    Ok(stack?)
}
