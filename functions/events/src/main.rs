//! Starts the events function.

use gateway_runtime::function;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    function::run("events", gateway_events::start, gateway_events::handle).await
}
