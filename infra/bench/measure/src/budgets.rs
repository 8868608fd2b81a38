//! What each function may cost, in instructions: `infra/bench/budgets.json`, changed in the commit that needs more.

use crate::{Failure, instructions, print};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Above its budget a row may be by this part of it: counts differ a little from run to run and with the linker.
const TOLERANCE: f64 = 0.05;

fn file() -> PathBuf {
    Path::new(gateway_local::binaries::WORKSPACE).join("infra/bench/budgets.json")
}

/// What was counted, and the compiler whose code it was: another one makes other code.
#[derive(Serialize, Deserialize)]
struct Budgets {
    rustc: String,
    instructions: BTreeMap<String, u64>,
}

fn rustc() -> Result<String, Failure> {
    let output = std::process::Command::new("rustc").arg("--version").output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// Counts, prints and compares.
///
/// # Errors
/// Names each row that costs too much, and what to do. With another compiler it only prints.
pub(crate) async fn check(directory: &Path) -> Result<(), Failure> {
    let Budgets { rustc: before, instructions: budgets } = serde_json::from_str(&std::fs::read_to_string(file())?)?;
    let counted = instructions::count(directory).await?;
    if !counted.keys().eq(budgets.keys()) {
        return Err("budgets.json has other rows than are measured: write it anew with `.ci/budgets --write`".into());
    }
    let mut over = Vec::new();
    print("instructions, in thousands     counted      budget   difference");
    for ((name, counted), budget) in counted.iter().zip(budgets.values()) {
        #[expect(clippy::cast_precision_loss, reason = "a share of some ten millions")]
        let more = *counted as f64 / *budget as f64 - 1.0;
        print(&format!("{name:<26} {:>11} {:>11} {:>+11.1} %", counted / 1000, budget / 1000, more * 100.0));
        if more > TOLERANCE {
            over.push(name.as_str());
        }
    }
    if over.is_empty() {
        return Ok(());
    }
    let now = rustc()?;
    if now != before {
        print(&format!("over budget, but counted with {now}, and the budgets with {before}: {}", over.join("; ")));
        return Ok(());
    }
    let hint = "make it cheaper, or run `.ci/budgets --write` and say in the commit why";
    Err(format!("over budget: {}: {hint}", over.join("; ")).into())
}

/// Counts, and makes what was counted the budgets.
pub(crate) async fn write(directory: &Path) -> Result<(), Failure> {
    let budgets = Budgets { rustc: rustc()?, instructions: instructions::count(directory).await? };
    std::fs::write(file(), serde_json::to_string_pretty(&budgets)? + "\n")?;
    Ok(())
}
