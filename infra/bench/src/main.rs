//! CPU of each function, cold and warm, against a function that does nothing, in one run: `cargo run --release -p bench`.
//!
//! All run as processes under the local stack's Runtime API, with its database on plain HTTP over loopback. Cold is from
//! spawn to first answer, the median of some processes; warm is the mean of many invocations of one.

mod events;
mod process;

use bytes::Bytes;
use local::functions::Functions;
use local::log::Log;
use local::process::Program;
use local::stack::{Options, Running, Stack};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

const COLD: usize = 9;
const WARM: u32 = 2_000;

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
    let binaries = local::binaries::build("bench", &["hello"]).await?;
    // The plan of the demo would end the warm run after sixty calls.
    let directory = local::binaries::WORKSPACE;
    let config = std::env::temp_dir().join(format!("bench-{}.yaml", std::process::id()));
    let demo = std::fs::read_to_string(format!("{directory}/infra/local/demo.yaml"))?;
    std::fs::write(&config, demo.replace("calls: 60", "calls: 1000000"))?;
    let options = Options { config: config.clone(), log_level: "warn".into(), most_processes: 1, ..Options::default() };
    let stack = Stack::start(options, std::future::ready(Ok(binaries.clone()))).await;
    std::fs::remove_file(&config)?;
    let stack = stack?;
    let hello = floor(&stack, &binaries)?;

    let authorizer = events::authorizer(&stack).await?;
    let context = stack.functions().invoke("AuthorizerFunction", authorizer.clone()).await?;
    let rows = [
        ("hello", &hello, "Hello", authorizer.clone()),
        ("authorizer", stack.functions(), "AuthorizerFunction", authorizer.clone()),
        ("proxy", stack.functions(), "ProxyFunction", events::proxy(&authorizer, &context)?),
        ("token, client credentials", stack.functions(), "TokenFunction", events::token(&stack)?),
    ];
    print("function                    cold CPU ms   × hello    warm CPU µs   × hello");
    let mut floor = None;
    for (name, functions, id, event) in rows {
        let (cold, warm) = measure(functions, id, &event).await?;
        let (cold_floor, warm_floor) = *floor.get_or_insert((cold, warm));
        print(&format!("{name:<27} {cold:>11.2} {:>9.2} {warm:>14.0} {:>9.2}", cold / cold_floor, warm / warm_floor));
    }
    Ok(())
}

/// The function that does nothing, run like the others.
fn floor(stack: &Running, binaries: &BTreeMap<String, PathBuf>) -> Result<Functions, Failure> {
    let hello = binaries.get("hello").ok_or("package `bench` made no binary `hello`")?;
    let mut function = stack.template().functions.first().ok_or("the template has no function")?.clone();
    function.id = "Hello".into();
    function.binary = "hello".into();
    let program = Program { function, path: hello.clone(), credentials: None };
    Ok(Functions::new(vec![program], 1, Duration::from_secs(10), &Log::default()))
}

/// Milliseconds of CPU from spawn to first answer, and microseconds of CPU per warm invocation.
async fn measure(functions: &Functions, id: &str, event: &Bytes) -> Result<(f64, f64), Failure> {
    let mut cold = Vec::with_capacity(COLD);
    let mut pid = 0;
    for _ in 0..COLD {
        functions.end_idle(id);
        let before = process::children();
        functions.invoke(id, event.clone()).await?;
        pid = process::children().difference(&before).copied().max().ok_or("no new process")?;
        cold.push(process::cpu(pid)?);
    }
    cold.sort();
    let median = cold.get(COLD / 2).copied().unwrap_or_default();
    let before = process::cpu(pid)?;
    for _ in 0..WARM {
        functions.invoke(id, event.clone()).await?;
    }
    let warm = process::cpu(pid)?.saturating_sub(before).as_secs_f64() / f64::from(WARM);
    Ok((median.as_secs_f64() * 1e3, warm * 1e6))
}

#[expect(clippy::print_stdout, reason = "this program's output is its result")]
fn print(line: &str) {
    println!("{line}");
}
