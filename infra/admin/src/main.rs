//! `gateway-admin`: operates users, applications, sessions and keys of a gateway in AWS or on the local stack.

#![allow(
    clippy::large_futures,
    reason = "their size depends on features of the whole build; one command runs, once, on the stack of the main thread"
)]

mod apps;
mod audit;
mod aws_cli;
mod catalogue;
mod cli;
mod config_check;
mod confirm;
mod connection;
mod connectors;
mod context;
mod date_time;
mod devices;
mod duration;
mod error;
mod events;
mod exit;
mod import;
mod keys;
mod logouts;
mod migrate;
mod output;
mod passkeys;
mod remote;
mod requests;
mod routes;
mod sessions;
mod shell;
mod simulate_plan;
mod subscriptions;
mod usage;
mod user;
mod users;

use cli::{Arguments, Command};
use context::Context;
use error::Error;
use gateway_runtime::Environment;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match Box::pin(run(Arguments::read())).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::problem(&error);
            error.exit().into()
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Error> {
    // These commands need no gateway.
    match &arguments.command {
        Command::Config(command) => return config_check::run(&arguments, command),
        Command::Routes(command) => return routes::run(&arguments, command),
        Command::SimulatePlan(wanted) => return simulate_plan::run(&arguments, wanted),
        Command::Connector(cli::Connector::Try(wanted)) => return connectors::run(&arguments, wanted).await,
        Command::Completions { shell } => {
            shell::completions(*shell);
            return Ok(());
        }
        Command::Man { directory } => return shell::manual(directory),
        Command::Users(_)
        | Command::Apps(_)
        | Command::Subscriptions(_)
        | Command::Requests(_)
        | Command::Sessions(_)
        | Command::Devices(_)
        | Command::Keys(_)
        | Command::Audit(_)
        | Command::Usage(_)
        | Command::Events(_)
        | Command::Migrate(_) => {}
    }
    if let Some(url) = arguments.target.url.clone().filter(|url| !url.is_empty()) {
        return Box::pin(remote::run(arguments, &url)).await;
    }
    let environment = Environment::from_process();
    let connection = connection::connect(&arguments.target, environment).await?;
    let context = Context::new(connection, &arguments);
    match arguments.command {
        Command::Users(command) => users::run(&context, command).await,
        Command::Apps(command) => apps::run(&context, command).await,
        Command::Subscriptions(command) => subscriptions::run(&context, command).await,
        Command::Requests(command) => requests::run(&context, command).await,
        Command::Sessions(command) => sessions::run(&context, command).await,
        Command::Devices(command) => devices::run(&context, command).await,
        Command::Keys(cli::Keys::Status) => keys::status(&context).await,
        Command::Audit(cli::Audit::List(filter)) => audit::list(&context, filter).await,
        Command::Usage(command) => usage::run(&context, command).await,
        Command::Events(command) => events::run(&context, command).await,
        Command::Migrate(arguments) => migrate::run(&context, arguments).await,
        // Handled above, without a gateway.
        Command::Config(_)
        | Command::Routes(_)
        | Command::SimulatePlan(_)
        | Command::Connector(_)
        | Command::Completions { .. }
        | Command::Man { .. } => Ok(()),
    }
}
