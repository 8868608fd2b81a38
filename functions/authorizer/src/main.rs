//! Starts the authorizer function.

use gateway_runtime::function;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    function::run("authorizer", gateway_authorizer::start, gateway_authorizer::handle).await
}
