//! Starts the proxy function.

use gateway_runtime::function;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    function::run_streaming("proxy", gateway_proxy::start, gateway_proxy::handle).await
}
