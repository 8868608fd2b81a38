//! Starts the renewal function.

use runtime::function;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    function::run("renewal", renewal::start, renewal::handle).await
}
