//! Starts the usage function.

use gateway_runtime::function;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    function::run("usage", gateway_usage::start, gateway_usage::handle).await
}
