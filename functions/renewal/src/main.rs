//! Starts the renewal function.

use gateway_runtime::function;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    function::run("renewal", gateway_renewal::start, gateway_renewal::handle).await
}
