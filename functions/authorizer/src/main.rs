//! Starts the authorizer function.

use runtime::function;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    function::run("authorizer", authorizer::start, authorizer::handle).await
}
