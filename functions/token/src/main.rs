//! Starts the token function.

use runtime::function;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    function::run("token", token::start, token::handle).await
}
