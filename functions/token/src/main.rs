//! Starts the token function.

use gateway_runtime::function;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    function::run("token", gateway_token::start, gateway_token::handle).await
}
