//! `cargo run`: builds the functions and the local stack in one go, then becomes the local stack.

use std::process::ExitCode;

fn main() -> ExitCode {
    let built = start::build(&["local", "token", "authorizer", "proxy", "renewal", "keys"], !cfg!(debug_assertions));
    match built.and_then(|()| start::directory()) {
        Ok(directory) => start::fail(Some(start::become_program(&directory.join("local"), &[]))),
        Err(problem) => start::fail(problem),
    }
}
