//! Starts the keys function.

use startup::function;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    function::run("keys", keys::start, keys::handle).await
}
