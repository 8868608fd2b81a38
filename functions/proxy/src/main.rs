//! Starts the proxy function.

use startup::function;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    function::run("proxy", proxy::start, proxy::handle).await
}
