//! Starts the account function.

use gateway_runtime::function;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    function::run("account", gateway_account::start, gateway_account::handle).await
}
