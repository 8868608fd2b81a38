//! Starts the keys function.

use runtime::function;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    function::run("keys", keys::start, keys::handle).await
}
