//! The whole local stack in one value: all services that a gateway needs.

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
use crate::api_gateway::Pace;
use crate::binaries::{BuildError, WORKSPACE};
use crate::data_directory::DataDirectory;
use crate::functions::Functions;
use crate::legacy::Legacy;
use crate::log::Log;
use crate::secrets::Secrets;
use crate::secrets_manager::SecretsManager;
use crate::seed::Seed;
use crate::ses::Outbox;
use crate::template::{ApiKind, Template};
pub use error::StartError;

/// Stands for the demo back end in a configuration, since its port is known only once it runs.
pub const DEMO_BACK_END: &str = "http://127.0.0.1:3001";

/// How a stack starts.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the API listens; port 0 is any free one.
    pub listen: SocketAddr,
    /// Where `DynamoDB`, Secrets Manager, Lambda, SES, its outbox and the demo back end listen, on free ports.
    pub services: IpAddr,
    /// Directory in which data is kept; with `None`, everything is deleted at the end.
    pub data: Option<PathBuf>,
    /// The template.
    pub template: PathBuf,
    /// The kind of API that it makes.
    pub api: ApiKind,
    /// The configuration, in which [`DEMO_BACK_END`] is replaced.
    pub config: PathBuf,
    /// Apps and users.
    pub seed: PathBuf,
    /// Directory of further secrets: each file is one, with the name of the file.
    pub secrets: Option<PathBuf>,
    /// Most processes of each function.
    pub most_processes: usize,
    /// Longest time that a function may take to start.
    pub start_timeout: Duration,
    /// Whether the demo back end keeps what it receives.
    pub record: bool,
    /// `LOG_LEVEL` of the functions.
    pub log_level: String,
    /// Whether X-Ray traces are kept: functions then send them to the daemon at `AWS_XRAY_DAEMON_ADDRESS`, if `environment`
    /// has this variable.
    pub sampled: bool,
    /// How API Gateway passes streams on.
    pub pace: Pace,
    /// Values of parameters of the template. For tests.
    pub parameters: Vec<(String, String)>,
    /// The period of every schedule, in place of its own. For tests.
    pub schedule_period: Option<Duration>,
    /// Variables of all functions. They replace those of the template. For tests.
    pub environment: Vec<(String, String)>,
}

impl Default for Options {
    /// The demo on a free port, deleted at the end.
    fn default() -> Self {
        let workspace = PathBuf::from(WORKSPACE);
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            services: Ipv4Addr::LOCALHOST.into(),
            data: None,
            template: workspace.join("template.yaml"),
            api: ApiKind::Rest,
            config: workspace.join("infra/local/demo.yaml"),
            seed: workspace.join("infra/local/seed.yaml"),
            secrets: None,
            most_processes: 8,
            start_timeout: crate::limits::INIT,
            record: false,
            log_level: "INFO".to_owned(),
            sampled: false,
            pace: Pace::default(),
            parameters: Vec::new(),
            schedule_period: None,
            environment: Vec::new(),
        }
    }
}

/// A running stack. It ends when dropped.
#[derive(Debug)]
pub struct Running {
    parts: Parts,
    /// Runs everything; `None` once stopped.
    runtime: Option<Runtime>,
}

/// The parts of a running stack that can be inspected.
#[derive(Debug)]
struct Parts {
    base_url: String,
    dynamodb_url: String,
    secrets_url: String,
    lambda_url: String,
    legacy_url: String,
    demo_url: String,
    ses_url: String,
    outbox_url: String,
    template: Template,
    seed: Seed,
    /// The secrets as they were at the start. Client secrets in it do not change.
    secrets: Secrets,
    secrets_manager: SecretsManager,
    legacy: Legacy,
    outbox: Outbox,
    functions: Functions,
    owner: Credentials,
    access: Access,
    log: Log,
    /// `stack.json`, which tells tools where this stack is.
    _file: file::StackFile,
    /// The last field, so that it is dropped after everything that uses it.
    directory: DataDirectory,
}

/// Starts stacks.
#[derive(Debug)]
pub struct Stack;

impl Stack {
    /// Starts everything, and returns when calls will succeed. `binaries` gives the function binaries by name. It is awaited
    /// only after the other steps that can fail early, so that a taken port is reported before anything is built.
    pub async fn start(
        options: Options,
        binaries: impl Future<Output = Result<BTreeMap<String, PathBuf>, BuildError>> + Send + 'static,
    ) -> Result<Running, StartError> {
        // The stack has its own runtime, so it lives as long as this value and does not depend on the caller's runtime.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let started = runtime.spawn(start::start(options, binaries)).await;
        let mut running = RuntimeGuard(Some(runtime));
        let parts = started.map_err(|error| StartError::Aborted(error.to_string()))??;
        Ok(Running { parts, runtime: running.0.take() })
    }
}

/// Ends the runtime if the start fails.
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

    /// Where the demo app is, which logs users in on the gateway's pages.
    pub fn demo_url(&self) -> &str {
        &self.parts.demo_url
    }

    /// Where SES is, for who sends mail.
    pub fn ses_url(&self) -> &str {
        &self.parts.ses_url
    }

    /// The page that shows the mails that were sent.
    pub fn outbox_url(&self) -> &str {
        &self.parts.outbox_url
    }

    /// The mails that were sent.
    pub fn outbox(&self) -> &Outbox {
        &self.parts.outbox
    }

    /// The part of the template that runs.
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

    /// Credentials that may do anything at the services of this stack.
    pub fn owner(&self) -> &Credentials {
        &self.parts.owner
    }

    /// What the functions may do at `DynamoDB`, Secrets Manager and Lambda, and what they have asked for.
    pub fn access(&self) -> &Access {
        &self.parts.access
    }

    /// The file to which the output of the functions is written.
    pub fn log_file(&self) -> PathBuf {
        self.parts.directory.file(start::LOG_FILE)
    }

    /// The data directory, in which tools find `stack.json`.
    pub fn data_directory(&self) -> PathBuf {
        self.parts.directory.file("")
    }

    /// The output of the functions.
    pub fn log(&self) -> &Log {
        &self.parts.log
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        stop(self.runtime.take());
    }
}

/// Ends a runtime with all its tasks, and so the processes that they hold. It waits on another thread, since a thread that
/// runs tasks must not block on the end of a runtime.
fn stop(runtime: Option<Runtime>) {
    if let Some(runtime) = runtime {
        let stopping = std::thread::spawn(move || runtime.shutdown_timeout(Duration::from_secs(2)));
        // An error would mean that the thread panicked, and then there is nothing left to stop.
        let _ = stopping.join();
    }
}
