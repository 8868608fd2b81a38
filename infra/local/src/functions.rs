//! Runs functions: concurrent invocations run in a process each, up to a bound, and idle processes are used again.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use gateway_domain::trace::Trace;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;

use crate::limits;
use crate::log::Log;
use crate::output::Output;
use crate::process::{self, CannotStart, InvokeError, Process, Program, Runner};
use crate::random;

/// Starts a process, given its name in the log and the endpoint of its Runtime API.
type Launch = Arc<dyn Fn(&str, &str) -> io::Result<Runner> + Send + Sync>;

/// All functions by logical id.
#[derive(Debug, Clone, Default)]
pub struct Functions {
    by_id: BTreeMap<String, Arc<Scaling>>,
    /// Whether traces are kept.
    sampled: bool,
}

impl Functions {
    /// Functions that run as processes of these programs: at most `most` of each at the same time. A start may take at most
    /// `start_timeout`.
    pub fn new(programs: Vec<Program>, most: usize, start_timeout: Duration, log: &Log) -> Self {
        let mut functions = Self::default();
        for program in programs {
            let (id, binary) = (program.function.id.clone(), program.function.binary.clone());
            let (timeout, lines) = (program.function.timeout, log.clone());
            let launch: Launch = Arc::new(move |name, endpoint| process::spawn(&program, name, endpoint, &lines));
            let mut scaling = Scaling::new(&id, &binary, timeout, most, log, launch);
            scaling.start_timeout = start_timeout;
            functions.add(&id, scaling);
        }
        functions
    }

    /// Sets whether the traces of invocations are kept.
    #[must_use]
    pub fn sampled(mut self, sampled: bool) -> Self {
        self.sampled = sampled;
        self
    }

    fn add(&mut self, id: &str, scaling: Scaling) {
        self.by_id.insert(id.to_owned(), Arc::new(scaling));
    }

    /// Adds a function that runs as a task of a test.
    #[cfg(test)]
    pub(crate) fn add_task(
        &mut self,
        id: &str,
        timeout: Duration,
        log: &Log,
        start: impl Fn(String) -> tokio::task::JoinHandle<()> + Send + Sync + 'static,
    ) {
        let launch: Launch = Arc::new(move |_, endpoint| Ok(Runner::Task(start(endpoint.to_owned()))));
        self.add(id, Scaling::new(id, id, timeout, 4, log, launch));
    }

    /// Starts one process of each function, so that one that cannot start is known before the first call.
    pub async fn warm_up(&self) -> Result<(), CannotStart> {
        for scaling in self.by_id.values() {
            let process = scaling.start().await?;
            scaling.put_back(process);
        }
        Ok(())
    }

    /// Invokes a function in a new trace.
    pub async fn invoke(&self, id: &str, event: Bytes) -> Result<Bytes, InvokeError> {
        self.invoke_in(&random::trace_root(), id, event).await
    }

    /// Invokes a function in this trace. The invocation runs to its end even if the caller stops waiting.
    pub(crate) async fn invoke_in(&self, root: &str, id: &str, event: Bytes) -> Result<Bytes, InvokeError> {
        self.stream_in(root, id, event).await?.whole().await
    }

    /// As [`Functions::invoke_in`], with what the function streams as it comes.
    pub(crate) async fn stream_in(&self, root: &str, id: &str, event: Bytes) -> Result<Output, InvokeError> {
        let Some(scaling) = self.by_id.get(id).cloned() else {
            let problem = "is not part of the template".to_owned();
            return Err(CannotStart { name: id.to_owned(), problem, lines: Vec::new() }.into());
        };
        let name = scaling.name.clone();
        let trace = Trace { root, parent: &random::segment_id(), sampled: self.sampled }.to_header();
        match tokio::spawn(async move { scaling.invoke(trace, event).await }).await {
            Ok(outcome) => outcome,
            Err(error) => {
                Err(CannotStart { name, problem: format!("could not be run: {error}"), lines: Vec::new() }.into())
            }
        }
    }

    /// Ends the idle processes of a function, so that its next invocation starts a new one.
    pub fn end_idle(&self, id: &str) {
        if let Some(scaling) = self.by_id.get(id) {
            scaling.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    /// The process ids of the idle processes of a function.
    pub fn idle_pids(&self, id: &str) -> Vec<u32> {
        let pids = |scaling: &Arc<Scaling>| {
            let mut idle = scaling.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.retain_mut(Process::is_alive);
            idle.iter().filter_map(Process::pid).collect()
        };
        self.by_id.get(id).map(pids).unwrap_or_default()
    }

    /// Whether there is a function with this id.
    pub(crate) fn knows(&self, id: &str) -> bool {
        self.by_id.contains_key(id)
    }

    /// How often a function was invoked.
    pub fn invocations(&self, id: &str) -> u64 {
        self.by_id.get(id).map_or(0, |scaling| scaling.invoked.load(Ordering::Relaxed))
    }

    /// The trace header of the last invocation of a function; empty if it was not invoked.
    pub fn last_trace(&self, id: &str) -> String {
        let trace = |scaling: &Arc<Scaling>| scaling.trace.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.by_id.get(id).map(trace).unwrap_or_default()
    }
}

struct Scaling {
    id: String,
    name: String,
    timeout: Duration,
    start_timeout: Duration,
    log: Log,
    launch: Launch,
    /// One permit for each process that may run.
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Process>>,
    started: AtomicU64,
    invoked: AtomicU64,
    /// The trace header of the last invocation.
    trace: Mutex<String>,
}

impl std::fmt::Debug for Scaling {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Scaling").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Scaling {
    fn new(id: &str, name: &str, timeout: Duration, most: usize, log: &Log, launch: Launch) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            timeout,
            start_timeout: limits::INIT,
            log: log.clone(),
            launch,
            permits: Arc::new(Semaphore::new(most)),
            idle: Mutex::default(),
            started: AtomicU64::default(),
            invoked: AtomicU64::default(),
            trace: Mutex::default(),
        }
    }

    async fn start(&self) -> Result<Process, CannotStart> {
        let number = self.started.fetch_add(1, Ordering::Relaxed) + 1;
        let name = format!("{}#{number}", self.name);
        let launch = Arc::clone(&self.launch);
        Process::start(name.clone(), &self.id, self.start_timeout, self.log.clone(), move |endpoint| {
            launch(&name, endpoint)
        })
        .await
    }

    fn put_back(&self, process: Process) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(process);
    }

    /// Takes an idle process that is still alive. Those that have ended are dropped.
    fn idle(&self) -> Option<Process> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain_mut(Process::is_alive);
        idle.pop()
    }

    async fn invoke(self: Arc<Self>, trace: String, event: Bytes) -> Result<Output, InvokeError> {
        self.invoked.fetch_add(1, Ordering::Relaxed);
        self.trace.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&trace);
        // The semaphore is never closed.
        let permit = Arc::clone(&self.permits).acquire_owned().await.ok();
        let mut process = match self.idle() {
            Some(process) => process,
            None => self.start().await?,
        };
        let until = Instant::now() + self.timeout;
        let outcome = process.invoke(trace, event, self.timeout).await;
        match outcome {
            Ok(Output::Stream(pieces)) => {
                let (sender, relayed) = mpsc::channel(1);
                tokio::spawn(async move {
                    match process.relay(pieces, sender, until).await {
                        Ok(()) => self.put_back(process),
                        Err(error) => self.log.push(&self.name, &error.to_string()),
                    }
                    drop(permit);
                });
                return Ok(Output::Stream(relayed));
            }
            Ok(_) | Err(InvokeError::Reported(_)) => self.put_back(process),
            Err(ref error) => self.log.push(&self.name, &error.to_string()),
        }
        outcome
    }
}

#[cfg(test)]
mod tests;
