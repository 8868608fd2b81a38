//! Measures functions that are built already, as processes under the local stack's Runtime API, with its database on plain
//! HTTP over loopback. The first argument is their directory; see `bench`.
//!
//! Alone it prints the CPU of each; with `budgets` it counts their instructions and compares them with
//! `infra/bench/budgets.json`, with `budgets --write` it writes that file. With `timing` it prints how well the time of a
//! response tells who has an account, and with `streams` what a large response costs in time and memory.

mod budgets;
mod cpu;
mod events;
mod instructions;
mod process;
mod site;
mod streams;
mod timing;

use std::path::Path;
use std::process::ExitCode;

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let functions = arguments.next().ok_or("start this with `cargo run --release -p gateway-bench`")?;
    let rest: Vec<_> = arguments.collect();
    match rest.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => cpu::print_table(Path::new(&functions)).await,
        ["budgets"] => budgets::check(Path::new(&functions)).await,
        ["budgets", "--write"] => budgets::write(Path::new(&functions)).await,
        ["timing"] => timing::print_table(Path::new(&functions)).await,
        ["streams"] => streams::print_table(Path::new(&functions)).await,
        _ => Err("write nothing, `budgets`, `budgets --write`, `timing` or `streams`".into()),
    }
}

#[expect(clippy::print_stdout, reason = "this program's output is its result")]
fn print(line: &str) {
    println!("{line}");
}
