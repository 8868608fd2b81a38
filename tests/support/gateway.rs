//! The whole gateway with its real binaries, on free ports, without anything that stays after the test.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::PathBuf;
use std::time::Duration;

use gateway_local::stack::{Options, Running, Stack};
use gateway_local::template::ApiKind;
use gateway_local::{binaries, credentials};
use gateway_store::{Store, Tables};
use std::path::Path;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::{Client, dynamodb};

/// A running gateway; it ends when dropped.
pub struct Gateway {
    /// The stack with its parts: back end, functions, log, secrets.
    pub stack: Running,
    client: Client,
    /// The files of this test that the stack was given; they are removed when dropped.
    _files: TempDir,
}

impl Deref for Gateway {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

/// A gateway like [`Gateway`] whose API is an HTTP API.
pub struct HttpGateway(Gateway);

impl Deref for HttpGateway {
    type Target = Gateway;

    fn deref(&self) -> &Gateway {
        &self.0
    }
}

impl HttpGateway {
    /// The kind of its API.
    pub const API: ApiKind = ApiKind::Http;

    /// As [`Gateway::start`].
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// As [`Gateway::start_with`].
    pub async fn start_with(change: impl FnOnce(&mut Options)) -> Self {
        Self(Gateway::of_kind(Self::API, change).await)
    }

    /// As [`Gateway::start_with_config`].
    pub async fn start_with_config(change: impl FnOnce(String) -> String) -> Self {
        Self(Gateway::configured(Self::API, change).await)
    }
}

/// A gateway.yaml with this issuer, and without passkeys, whose domain is that of the issuer.
pub fn with_issuer(config: &str, issuer: &str) -> String {
    let section = "passkeys: { relying_party: localhost }\n";
    assert!(config.contains(section), "{config}");
    format!("issuer: {issuer}\n{}", config.replacen(section, "", 1))
}

/// Gives a stack its configuration after a change, in a file of this directory, and beside it the documents that it names.
pub fn configure(options: &mut Options, files: &Path, change: impl FnOnce(String) -> String) {
    let text = std::fs::read_to_string(&options.config).expect("a configuration");
    let document = "orders.openapi.yaml";
    std::fs::copy(options.config.with_file_name(document), files.join(document)).expect("a file");
    options.config = files.join("gateway.yaml");
    std::fs::write(&options.config, change(text)).expect("a file");
}

impl Gateway {
    /// The kind of its API.
    pub const API: ApiKind = ApiKind::Rest;

    /// The demo: its configuration, apps and users.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// The demo with some options changed.
    pub async fn start_with(change: impl FnOnce(&mut Options)) -> Self {
        Self::of_kind(Self::API, change).await
    }

    async fn of_kind(api: ApiKind, change: impl FnOnce(&mut Options)) -> Self {
        let files = tempfile::tempdir().expect("a directory");
        let mut options = Options { record: true, api, ..Options::default() };
        change(&mut options);
        Self::run(options, files).await
    }

    /// The demo with its configuration changed, as text.
    pub async fn start_with_config(change: impl FnOnce(String) -> String) -> Self {
        Self::configured(Self::API, change).await
    }

    async fn configured(api: ApiKind, change: impl FnOnce(String) -> String) -> Self {
        let files = tempfile::tempdir().expect("a directory");
        let mut options = Options { record: true, api, ..Options::default() };
        configure(&mut options, files.path(), change);
        Self::run(options, files).await
    }

    async fn run(options: Options, files: TempDir) -> Self {
        let binaries = binaries().await.clone();
        let stack = Stack::start(options, std::future::ready(Ok(binaries))).await;
        let stack = stack.unwrap_or_else(|error| panic!("the gateway does not start: {error}"));
        let client = Client::new(stack.base_url());
        Self { stack, client, _files: files }
    }

    /// A gateway with this gateway.yaml and this seed, and with other options changed.
    pub async fn start_from(config: &str, seed: &str, change: impl FnOnce(&mut Options)) -> Self {
        let files = tempfile::tempdir().expect("a directory");
        Self::start_with(|options| {
            change(options);
            configure(options, files.path(), |_| config.to_owned());
            options.seed = files.path().join("seed.yaml");
            std::fs::write(&options.seed, seed).expect("a file");
        })
        .await
    }

    /// The store on the tables that the functions use.
    pub fn store(&self) -> Store {
        Store::new(self.dynamodb(), Tables::prefixed(""))
    }

    /// An SDK client for the database of the functions, with the permissions of the stack's owner.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        dynamodb::client_of(self.stack.dynamodb_url(), self.owner())
    }

    /// An SDK client for that database with the credentials of a function, so with the permissions of its role.
    pub fn dynamodb_as(&self, function: &str) -> aws_sdk_dynamodb::Client {
        let credentials = self.stack.access().of_function(function).expect("a function of the template");
        let variables = credentials::variables(credentials).map(|(name, value)| -> (&str, &str) { (name, value) });
        dynamodb::client_of(self.stack.dynamodb_url(), variables)
    }

    /// The environment variables with which tools act as the owner of the stack.
    pub fn owner(&self) -> impl Iterator<Item = (&str, &str)> {
        credentials::variables(self.stack.owner()).map(|(name, value)| -> (&str, &str) { (name, value) })
    }

    /// The secret of `partner-app`.
    pub fn partner_secret(&self) -> &str {
        self.stack.client_secret("partner-app").expect("a secret")
    }

    /// Every line that the functions have logged. It ends their processes, since the last lines of a running one may not
    /// have arrived yet. The next call starts new ones.
    pub async fn logged(&self) -> Vec<String> {
        let log = self.stack.log();
        let complete = async {
            // A process whose response has just been received is idle a moment later.
            loop {
                self.restart_functions();
                if tokio::time::timeout(Duration::from_millis(200), log.complete()).await.is_ok() {
                    return;
                }
            }
        };
        let complete = tokio::time::timeout(Duration::from_secs(20), complete).await;
        complete.expect("every process ends and closes its output");
        log.lines()
    }

    /// Ends the idle processes of every function. The next call starts new ones.
    pub fn restart_functions(&self) {
        for function in &self.stack.template().functions {
            self.stack.functions().end_idle(&function.id);
        }
    }
}

/// The function binaries, built once for this test process.
pub async fn binaries() -> &'static BTreeMap<String, PathBuf> {
    static BINARIES: OnceCell<BTreeMap<String, PathBuf>> = OnceCell::const_new();
    let build = || async {
        let built = gateway_start::functions().and_then(|names| {
            gateway_start::build(&names, !cfg!(debug_assertions))?;
            gateway_start::directory()
        });
        let told = |problem: Option<String>| problem.unwrap_or_else(|| "see above".to_owned());
        let directory = built.unwrap_or_else(|problem| panic!("the functions could not be built: {}", told(problem)));
        binaries::inside(&directory).unwrap()
    };
    BINARIES.get_or_init(build).await
}
