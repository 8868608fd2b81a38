//! Processes of functions, and the CPU time they have had, from `/proc`.

use crate::Failure;
use bytes::Bytes;
use gateway_local::functions::Functions;
use std::fs;
use std::time::Duration;

/// A new process of a function that has handled this event, and what it answered.
pub(crate) async fn new(functions: &Functions, id: &str, event: &Bytes) -> Result<(u32, Bytes), Failure> {
    functions.end_idle(id);
    let response = functions.invoke(id, event.clone()).await?;
    Ok((only(functions, id).await?, response))
}

/// The one process of a function, when it is idle. Others that run, such as those of schedules, are of other functions.
pub(crate) async fn only(functions: &Functions, id: &str) -> Result<u32, Failure> {
    // A function that streams is idle only after the last byte has been taken.
    for _ in 0..1000 {
        match functions.idle_pids(id).as_slice() {
            [] => tokio::time::sleep(Duration::from_millis(10)).await,
            [pid] => return Ok(*pid),
            pids => return Err(format!("{id} has {} processes, of which one should be measured", pids.len()).into()),
        }
    }
    Err(format!("no process of {id} is idle").into())
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
