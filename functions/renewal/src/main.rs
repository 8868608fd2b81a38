//! Starts the renewal function.

use startup::function;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    function::run("renewal", renewal::start, renewal::handle).await
}
