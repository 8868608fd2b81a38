//! Starts the portal function.

use gateway_runtime::function;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    function::run("portal", gateway_portal::start, gateway_portal::handle).await
}
