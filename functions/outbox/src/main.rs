//! Starts the outbox function.

use gateway_runtime::function;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    function::run("outbox", gateway_outbox::start, gateway_outbox::handle).await
}
