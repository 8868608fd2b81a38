//! The whole local stack: everything a gateway needs, on loopback, in one value.

mod error;
mod file;
mod gateway_yaml;
mod start;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use aws_credential_types::Credentials;
use tokio::runtime::Runtime;

use crate::access::Access;
use crate::binaries::{BuildError, WORKSPACE};
use crate::data_directory::DataDirectory;
use crate::functions::Functions;
use crate::legacy::Legacy;
use crate::log::Log;
use crate::secrets::Secrets;
use crate::secrets_manager::SecretsManager;
use crate::seed::Seed;
use crate::template::Template;
pub use error::StartError;

/// In a configuration this stands for the demo back end, whose port is only known once it runs.
pub const DEMO_BACK_END: &str = "http://127.0.0.1:3001";

/// How to start.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the API listens; port 0 is any free one.
    pub listen: SocketAddr,
    /// Where `DynamoDB`, Secrets Manager and the demo back end listen, on free ports.
    pub services: IpAddr,
    /// Directory of what is remembered; `None` forgets everything in the end.
    pub data: Option<PathBuf>,
    /// The template.
    pub template: PathBuf,
    /// The configuration, in which [`DEMO_BACK_END`] is replaced.
    pub config: PathBuf,
    /// Apps and users.
    pub seed: PathBuf,
    /// Directory of further secrets: each file is one, by its name.
    pub secrets: Option<PathBuf>,
    /// Most processes of each function.
    pub most_processes: usize,
    /// Longest start of a function.
    pub start_timeout: Duration,
    /// Keep what the demo back end receives.
    pub record: bool,
    /// `LOG_LEVEL` of the functions.
    pub log_level: String,
    /// Whether X-Ray's traces are kept: functions then tell the daemon at `AWS_XRAY_DAEMON_ADDRESS`, if `environment`
    /// names one.
    pub sampled: bool,
    /// Variables of functions, by name, besides or instead of what the template gives them. For tests that break or
    /// hasten something.
    pub environment: Vec<(String, String)>,
}

impl Default for Options {
    /// The demo on any free port, forgotten in the end.
    fn default() -> Self {
        let workspace = PathBuf::from(WORKSPACE);
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            services: Ipv4Addr::LOCALHOST.into(),
            data: None,
            template: workspace.join("template.yaml"),
            config: workspace.join("infra/local/demo.yaml"),
            seed: workspace.join("infra/local/seed.yaml"),
            secrets: None,
            most_processes: 8,
            start_timeout: crate::limits::INIT,
            record: false,
            log_level: "INFO".to_owned(),
            sampled: false,
            environment: Vec::new(),
        }
    }
}

/// A running stack; it ends when dropped.
#[derive(Debug)]
pub struct Running {
    parts: Parts,
    /// Runs everything; `None` once stopped.
    runtime: Option<Runtime>,
}

/// What of a running stack can be looked at.
#[derive(Debug)]
struct Parts {
    base_url: String,
    dynamodb_url: String,
    secrets_url: String,
    lambda_url: String,
    legacy_url: String,
    template: Template,
    seed: Seed,
    /// The secrets as they were at the start; those of apps stay as they are.
    secrets: Secrets,
    secrets_manager: SecretsManager,
    legacy: Legacy,
    functions: Functions,
    owner: Credentials,
    access: Access,
    log: Log,
    /// Tells tools where this stack is.
    _file: file::StackFile,
    /// Last, so that it is deleted after everything that uses it.
    directory: DataDirectory,
}

/// Starts stacks.
#[derive(Debug)]
pub struct Stack;

impl Stack {
    /// Starts everything and returns when calls will succeed. `binaries` gives the function binaries by name; it is
    /// waited for only when all else is in order, so that a taken port is told before anything is built.
    pub async fn start(
        options: Options,
        binaries: impl Future<Output = Result<BTreeMap<String, PathBuf>, BuildError>> + Send + 'static,
    ) -> Result<Running, StartError> {
        // A runtime of its own: the stack lives as long as this value, whatever becomes of the caller's runtime.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let started = runtime.spawn(start::start(options, binaries)).await;
        let mut running = RuntimeGuard(Some(runtime));
        let parts = started.map_err(|error| StartError::Aborted(error.to_string()))??;
        Ok(Running { parts, runtime: running.0.take() })
    }
}

/// Ends a runtime that a failed start leaves behind.
struct RuntimeGuard(Option<Runtime>);

impl Drop for RuntimeGuard {
    fn drop(&mut self) {
        stop(self.0.take());
    }
}

impl Running {
    /// Where the API is.
    pub fn base_url(&self) -> &str {
        &self.parts.base_url
    }

    /// Where `DynamoDB` is.
    pub fn dynamodb_url(&self) -> &str {
        &self.parts.dynamodb_url
    }

    /// Where Secrets Manager is.
    pub fn secrets_url(&self) -> &str {
        &self.parts.secrets_url
    }

    /// Where Lambda is, for a function that invokes another one.
    pub fn lambda_url(&self) -> &str {
        &self.parts.lambda_url
    }

    /// Where the demo back end is.
    pub fn legacy_url(&self) -> &str {
        &self.parts.legacy_url
    }

    /// What of the template runs.
    pub fn template(&self) -> &Template {
        &self.parts.template
    }

    /// Apps and users that were put into the store.
    pub fn seed(&self) -> &Seed {
        &self.parts.seed
    }

    /// The secret of a confidential app.
    pub fn client_secret(&self, client_id: &str) -> Option<&str> {
        self.parts.seed.client_secret(client_id, &self.parts.secrets)
    }

    /// The secrets of the template.
    pub fn secrets(&self) -> &SecretsManager {
        &self.parts.secrets_manager
    }

    /// The demo back end.
    pub fn legacy(&self) -> &Legacy {
        &self.parts.legacy
    }

    /// The functions.
    pub fn functions(&self) -> &Functions {
        &self.parts.functions
    }

    /// Credentials with which everything may be asked of this stack's services.
    pub fn owner(&self) -> &Credentials {
        &self.parts.owner
    }

    /// What the functions may ask of `DynamoDB` and Secrets Manager, and what they have asked.
    pub fn access(&self) -> &Access {
        &self.parts.access
    }

    /// The file of what the functions write.
    pub fn log_file(&self) -> PathBuf {
        self.parts.directory.file(start::LOG_FILE)
    }

    /// The directory of what this stack remembers, in which tools find `stack.json`.
    pub fn data_directory(&self) -> PathBuf {
        self.parts.directory.file("")
    }

    /// What the functions wrote.
    pub fn log(&self) -> &Log {
        &self.parts.log
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        stop(self.runtime.take());
    }
}

/// Ends a runtime with all its tasks, and so the processes they hold. A runtime may not be waited for on a thread that
/// itself runs tasks, hence the other thread.
fn stop(runtime: Option<Runtime>) {
    if let Some(runtime) = runtime {
        let stopping = std::thread::spawn(move || runtime.shutdown_timeout(Duration::from_secs(2)));
        // It does not panic, and if it did there would be nothing left to stop.
        let _ = stopping.join();
    }
}
