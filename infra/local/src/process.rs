//! One process of a function: its start, its invocations and its end.

use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use aws_credential_types::Credentials;
use bytes::Bytes;
use gateway_domain::clock::Clock as _;
use gateway_runtime::SystemClock;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::log::{Log, quoted};
use crate::output::{Output, Piece};
use crate::runtime_api::{FunctionError, Invocation, Phase, RuntimeApi};
use crate::template::{Function, REGION};
use crate::{credentials, random};

/// Lines of a process that are quoted when it fails.
const QUOTED: usize = 20;

/// A binary and what it is started with.
#[derive(Debug, Clone)]
pub struct Program {
    /// The function that it runs.
    pub function: Function,
    /// The binary.
    pub path: PathBuf,
    /// The credentials with which it signs. Without them every service refuses it.
    pub credentials: Option<Credentials>,
}

/// A process of a function does not start.
#[derive(Debug, Clone, thiserror::Error)]
#[error("function `{name}` {problem}{}", quoted(.lines))]
pub struct CannotStart {
    /// The process as the log names it, such as `token#1`, or the function if there was no process.
    pub name: String,
    /// What happened.
    pub problem: String,
    /// The last lines it wrote.
    pub lines: Vec<String>,
}

/// Why an invocation returned no result.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    /// The function reported an error.
    #[error("the function reported {}: {}", .0.kind, .0.message)]
    Reported(FunctionError),
    /// The process ended during the invocation.
    #[error("function `{name}` ended while it handled a call ({status}){}", quoted(.lines))]
    Crashed {
        /// The process as the log names it, such as `token#1`.
        name: String,
        /// How it ended.
        status: String,
        /// The last lines it wrote.
        lines: Vec<String>,
    },
    /// The timeout of the function passed, and its process was ended.
    #[error("function `{0}` took longer than its timeout")]
    TimedOut(String),
    /// No process could be started for it.
    #[error(transparent)]
    CannotStart(#[from] CannotStart),
}

/// What runs a function behind its Runtime API.
#[derive(Debug)]
pub(crate) enum Runner {
    /// A child process, which is killed when dropped.
    Process(Child),
    /// A task of a test.
    #[cfg(test)]
    Task(tokio::task::JoinHandle<()>),
}

impl Runner {
    async fn ended(&mut self) -> String {
        match self {
            Self::Process(child) => child.wait().await.map_or_else(|error| error.to_string(), describe),
            #[cfg(test)]
            Self::Task(task) => task.await.map_or_else(|error| error.to_string(), |()| "its task ended".to_owned()),
        }
    }

    fn is_alive(&mut self) -> bool {
        match self {
            Self::Process(child) => matches!(child.try_wait(), Ok(None)),
            #[cfg(test)]
            Self::Task(task) => !task.is_finished(),
        }
    }

    fn pid(&self) -> Option<u32> {
        match self {
            Self::Process(child) => child.id(),
            #[cfg(test)]
            Self::Task(_) => None,
        }
    }
}

fn describe(status: ExitStatus) -> String {
    status.to_string()
}

/// A running process that takes one invocation at a time.
#[derive(Debug)]
pub(crate) struct Process {
    /// Name in the log, such as `token#1`.
    name: String,
    /// Declared before `api`, so dropped first: a function whose Runtime API is gone would log that it panicked.
    runner: Runner,
    api: RuntimeApi,
    log: Log,
}

impl Process {
    /// Starts a process and waits until it asks for its first invocation.
    pub(crate) async fn start(
        name: String,
        function: &str,
        timeout: Duration,
        log: Log,
        launch: impl FnOnce(&str) -> io::Result<Runner>,
    ) -> Result<Self, CannotStart> {
        let failed = |problem: String, lines| CannotStart { name: name.clone(), problem, lines };
        let api =
            RuntimeApi::start(function).await.map_err(|error| failed(format!("got no port: {error}"), Vec::new()))?;
        let mut runner =
            launch(&api.endpoint).map_err(|error| failed(format!("could not be started: {error}"), Vec::new()))?;
        let mut phase = api.phase.clone();
        let problem = tokio::select! {
            reached = phase.wait_for(|phase| *phase != Phase::Starting) => match reached.as_deref() {
                Ok(Phase::Failed(error)) => Some(format!("said at its start: {}: {}", error.kind, error.message)),
                Ok(Phase::Ready | Phase::Starting) => None,
                Err(_) => Some("lost its Runtime API".to_owned()),
            },
            status = runner.ended() => Some(format!("ended at its start ({status})")),
            () = tokio::time::sleep(timeout) => {
                Some(format!("asked for no invocation within {timeout:?} of its start"))
            }
        };
        match problem {
            Some(problem) => {
                // Gives the last lines that it wrote time to reach the log.
                tokio::time::sleep(Duration::from_millis(50)).await;
                Err(failed(problem, log.tail(&name, QUOTED)))
            }
            None => Ok(Self { name, runner, api, log }),
        }
    }

    /// Its id, unless it has ended.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.runner.pid()
    }

    /// Whether it can take another invocation.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.runner.is_alive()
    }

    /// Runs one invocation. After any error except [`InvokeError::Reported`] the process cannot be used again, and with a
    /// stream not before [`Process::relay`].
    pub(crate) async fn invoke(
        &mut self,
        trace: String,
        event: Bytes,
        timeout: Duration,
    ) -> Result<Output, InvokeError> {
        let (sender, receiver) = oneshot::channel();
        let deadline_ms = SystemClock.now_millis() + i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX);
        let invocation = Invocation { request_id: random::request_id(), trace, event, deadline_ms, outcome: sender };
        self.api.hand_over(invocation).await;
        let status = tokio::select! {
            // A response counts even if the process ends right after it.
            biased;
            outcome = receiver => match outcome {
                Ok(outcome) => return outcome.map_err(InvokeError::Reported),
                Err(_) => "its Runtime API ended".to_owned(),
            },
            status = self.runner.ended() => status,
            () = tokio::time::sleep(timeout) => return Err(InvokeError::TimedOut(self.name.clone())),
        };
        Err(self.crashed(status).await)
    }

    /// Hands on what the process streams, to its end or until the invocation must have ended, whether or not somebody takes
    /// it. After an error the process cannot be used again.
    pub(crate) async fn relay(
        &mut self,
        mut pieces: mpsc::Receiver<Piece>,
        to: mpsc::Sender<Piece>,
        until: Instant,
    ) -> Result<(), InvokeError> {
        loop {
            let next = async {
                let piece = pieces.recv().await;
                let ends = !matches!(piece, Some(Piece::Data(_)));
                let came = piece.is_some();
                if let Some(piece) = piece {
                    let _ = to.send(piece).await;
                }
                (came, ends)
            };
            tokio::select! {
                (came, ends) = next => match (came, ends) {
                    (true, false) => {}
                    (true, true) => return Ok(()),
                    (false, _) => break,
                },
                () = tokio::time::sleep_until(until) => return Err(InvokeError::TimedOut(self.name.clone())),
            }
        }
        // Its connection has ended: the process has, or has given the response up.
        let status = tokio::time::timeout(Duration::from_secs(1), self.runner.ended()).await;
        Err(self.crashed(status.unwrap_or_else(|_| "it gave up a response".to_owned())).await)
    }

    async fn crashed(&self, status: String) -> InvokeError {
        tokio::time::sleep(Duration::from_millis(50)).await;
        InvokeError::Crashed { name: self.name.clone(), status, lines: self.log.tail(&self.name, QUOTED) }
    }
}

/// Starts the binary with an environment like that of Lambda, and nothing of this process's own.
pub(crate) fn spawn(program: &Program, name: &str, runtime_api: &str, log: &Log) -> io::Result<Runner> {
    let function = &program.function;
    let mut command = Command::new(&program.path);
    command
        .env_clear()
        .envs(&function.environment)
        // The runtime accepts an address with a path only as a URL with a scheme.
        .env("AWS_LAMBDA_RUNTIME_API", format!("http://{runtime_api}"))
        .env("AWS_LAMBDA_FUNCTION_NAME", &function.id)
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.memory.to_string())
        .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", function.id))
        .env("AWS_LAMBDA_LOG_STREAM_NAME", name)
        .env("AWS_REGION", REGION)
        .env("AWS_DEFAULT_REGION", REGION)
        .envs(program.credentials.iter().flat_map(credentials::variables))
        .env("_HANDLER", "bootstrap")
        .env("TZ", ":UTC")
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn()?;
    if let Some(stdout) = child.stdout.take() {
        copy_lines(stdout, name, log);
    }
    if let Some(stderr) = child.stderr.take() {
        copy_lines(stderr, name, log);
    }
    Ok(Runner::Process(child))
}

fn copy_lines(stream: impl AsyncRead + Unpin + Send + 'static, name: &str, log: &Log) {
    let (name, log, copying) = (name.to_owned(), log.clone(), log.copying());
    tokio::spawn(async move {
        let _copying = copying;
        let mut lines = BufReader::new(stream).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            log.push(&name, &line);
        }
    });
}
