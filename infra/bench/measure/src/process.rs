//! Processes of functions, and the CPU time they have had, from `/proc`.

use crate::Failure;
use bytes::Bytes;
use gateway_local::functions::Functions;
use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

/// A new process of a function that has handled this event, and what it answered.
pub(crate) async fn new(functions: &Functions, id: &str, event: &Bytes) -> Result<(u32, Bytes), Failure> {
    functions.end_idle(id);
    let before = children();
    let response = functions.invoke(id, event.clone()).await?;
    let pid = children().difference(&before).copied().max().ok_or("no new process")?;
    Ok((pid, response))
}

/// The processes this one has started and that still run.
pub(crate) fn children() -> BTreeSet<u32> {
    let own = std::process::id();
    let Ok(entries) = fs::read_dir("/proc") else { return BTreeSet::new() };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|pid| parent(*pid) == Some(own)).collect()
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; state and parent follow it.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// The most memory that a process has had, in bytes.
pub(crate) fn peak(pid: u32) -> Result<u64, Failure> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no peak")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}

/// CPU time all threads of a process have had so far.
pub(crate) fn cpu(pid: u32) -> Result<Duration, std::io::Error> {
    let mut nanoseconds = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = fs::read_to_string(task?.path().join("schedstat"))?;
        nanoseconds += text.split_whitespace().next().and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    }
    Ok(Duration::from_nanos(nanoseconds))
}
