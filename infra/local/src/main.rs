//! Runs the local stack with the function binaries beside this program, until Ctrl-C.

mod announcement;
mod terminal;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use gateway_local::api_gateway::Pace;
use gateway_local::binaries::{self, WORKSPACE};
use gateway_local::stack::{Options, Stack};
use gateway_local::template::ApiKind;
use tokio::signal::unix::{SignalKind, signal};

/// Runs the gateway on this machine: API Gateway, Lambda, `DynamoDB`, Secrets Manager and a demo back end.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Where the API listens
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
    /// The kind of API in front of the functions, as the parameter `ApiKind` of the template
    #[arg(long, value_name = "KIND", default_value = "rest", value_parser = kind)]
    api: ApiKind,
    /// Where DynamoDB, secrets and the demo back end listen, for functions in containers
    #[arg(long, value_name = "ADDR", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    services: IpAddr,
    /// Where users, sessions and keys are kept [default: .local in the project]
    #[arg(long, value_name = "DIR", conflicts_with = "ephemeral")]
    data: Option<PathBuf>,
    /// Keep nothing: everything is forgotten when it stops
    #[arg(long)]
    ephemeral: bool,
    /// Configuration to serve, in which `http://127.0.0.1:3001` stands for the demo back end [default: the demo]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Apps and users to begin with [default: the demo]
    #[arg(long, value_name = "FILE")]
    seed: Option<PathBuf>,
    /// A mail server for the mails, such as `smtp://127.0.0.1:1025` [default: they end in an outbox, whose page is printed]
    #[arg(long, value_name = "URL", env = "SMTP_URL", hide_env_values = true)]
    smtp: Option<String>,
    /// Further secrets, such as certificates of back ends: each file is one, by its name
    #[arg(long, value_name = "DIR")]
    secrets: Option<PathBuf>,
    /// Pass large responses on at once, and not beyond 6 MB at the 2 MB a second of AWS
    #[arg(long)]
    unpaced: bool,
}

/// A kind of API, by its parameter in any case.
fn kind(text: &str) -> Result<ApiKind, String> {
    let mut kinds = [ApiKind::Rest, ApiKind::Http].into_iter();
    let named = kinds.find(|kind| kind.parameter().eq_ignore_ascii_case(text));
    named.ok_or_else(|| "must be rest or http".to_owned())
}

impl Arguments {
    fn options(self) -> Options {
        let defaults = Options::default();
        let data = (!self.ephemeral).then(|| self.data.unwrap_or_else(|| PathBuf::from(WORKSPACE).join(".local")));
        // The canonical path reads better in messages. The directory may not exist yet, so only its parent is resolved.
        let data = data.map(|path| match path.parent().map(std::fs::canonicalize) {
            Some(Ok(parent)) => path.file_name().map_or(path.clone(), |name| parent.join(name)),
            _ => path,
        });
        Options {
            listen: self.listen,
            api: self.api,
            services: self.services,
            data,
            config: self.config.unwrap_or(defaults.config.clone()),
            seed: self.seed.unwrap_or(defaults.seed.clone()),
            secrets: self.secrets,
            pace: if self.unpaced { Pace { rate: None, ..Pace::default() } } else { Pace::default() },
            environment: self.smtp.map(|url| ("SMTP_URL".to_owned(), url)).into_iter().collect(),
            ..defaults
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = Arguments::parse().options();
    match run(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            terminal::problem(&problem);
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), String> {
    let demo = options.seed == Options::default().seed;
    let all_loopback = options.listen.ip().is_loopback() && options.services.is_loopback();
    let running = Stack::start(options, async { binaries::beside() }).await.map_err(|error| error.to_string())?;
    if !all_loopback {
        terminal::problem("everyone who reaches this address can use the demo users and their data: prefer 127.0.0.1");
    }
    terminal::line(&announcement::text(&running, demo));
    terminal::line("ready");
    let waited = wait_for_end().await.map_err(|error| format!("cannot wait for Ctrl-C: {error}"));
    drop(running);
    waited
}

/// Returns on SIGINT (Ctrl-C) or SIGTERM.
async fn wait_for_end() -> std::io::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
