//! Starts the authorize function.

use gateway_runtime::function;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    function::run("authorize", gateway_authorize::start, gateway_authorize::handle).await
}
