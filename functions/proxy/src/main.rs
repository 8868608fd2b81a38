//! Starts the proxy function.

use runtime::function;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    function::run("proxy", proxy::start, proxy::handle).await
}
