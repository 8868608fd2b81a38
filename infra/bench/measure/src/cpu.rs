//! CPU of each function, cold and warm, against a function that does nothing, in one run.
//!
//! Cold is from spawn to first response, the median of some processes; warm is the mean of many invocations of one.

use crate::{Failure, events, print, process, site};
use bytes::Bytes;
use gateway_local::functions::Functions;
use gateway_local::log::Log;
use gateway_local::process::Program;
use gateway_local::stack::Running;
use std::path::{Path, PathBuf};
use std::time::Duration;

const COLD: usize = 9;
const WARM: u32 = 2_000;

pub(crate) async fn print_table(directory: &Path) -> Result<(), Failure> {
    let stack = site::start(|name| directory.join(name)).await?;
    let hello = floor(&stack, directory.join("gateway-hello"))?;
    let authorizer = events::authorizer(&stack).await?;
    let context = stack.functions().invoke("AuthorizerFunction", authorizer.clone()).await?;
    let rows = [
        ("hello", &hello, "Hello", authorizer.clone()),
        ("authorizer", stack.functions(), "AuthorizerFunction", authorizer.clone()),
        ("proxy", stack.functions(), "ProxyFunction", events::proxy(&authorizer, &context)?),
        ("token, client credentials", stack.functions(), "TokenFunction", events::client_credentials(&stack)?),
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
fn floor(stack: &Running, path: PathBuf) -> Result<Functions, Failure> {
    let mut function = stack.template().functions.first().ok_or("the template has no function")?.clone();
    function.id = "Hello".into();
    function.binary = "gateway-hello".into();
    let program = Program { function, path, credentials: None };
    Ok(Functions::new(vec![program], 1, Duration::from_secs(10), &Log::default()))
}

/// Milliseconds of CPU from spawn to first response, and microseconds of CPU per warm invocation.
async fn measure(functions: &Functions, id: &str, event: &Bytes) -> Result<(f64, f64), Failure> {
    let mut cold = Vec::with_capacity(COLD);
    let mut pid = 0;
    for _ in 0..COLD {
        pid = process::new(functions, id, event).await?.0;
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
