//! Starts the keys function.

use gateway_runtime::function;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    function::run("keys", gateway_keys::start, gateway_keys::handle).await
}
