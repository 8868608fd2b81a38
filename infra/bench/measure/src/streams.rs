//! What responses of some sizes cost: the time to their first and to their last byte against asking the back end directly, and
//! the most memory that the proxy has had.

use crate::{Failure, print, process, site};
use bytes::Bytes;
use gateway_local::stack::Running;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

/// The sizes, and how often each is asked for.
const SIZES: [(u64, &str, usize); 3] = [(1024, "1 KB", 49), (6 << 20, "6 MB", 15), (64 << 20, "64 MB", 5)];

/// Bytes that the back end writes at once.
const BLOCK: usize = 64 * 1024;

pub(crate) async fn print_table(directory: &Path) -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let back_end = format!("http://{}", listener.local_addr()?);
    tokio::spawn(serve(listener));
    let stack = site::start_with(
        |name| directory.join(name),
        |demo| {
            let public = "  public:\n    back_end: http://127.0.0.1:3001\n";
            demo.replace(public, &format!("  public:\n    back_end: {back_end}\n"))
        },
    )
    .await?;
    print("body      first byte ms  × direct   whole ms  × direct   peak of the proxy MB  before MB");
    for (size, name, times) in SIZES {
        let direct = measure(&back_end, size, times).await?;
        let pid = new_proxy(&stack).await?;
        let before = process::peak(pid)?;
        let through = measure(stack.base_url(), size, times).await?;
        let peak = process::peak(pid)?;
        print(&format!(
            "{name:<8} {:>14.2} {:>9.1} {:>10.1} {:>9.1} {:>22.1} {:>10.1}",
            millis(through.0),
            through.0.as_secs_f64() / direct.0.as_secs_f64(),
            millis(through.1),
            through.1.as_secs_f64() / direct.1.as_secs_f64(),
            megabytes(peak),
            megabytes(before),
        ));
    }
    Ok(())
}

/// A proxy process that has answered one small call.
async fn new_proxy(stack: &Running) -> Result<u32, Failure> {
    stack.functions().end_idle("ProxyFunction");
    measure(stack.base_url(), 1, 1).await?;
    process::only(stack.functions(), "ProxyFunction").await
}

/// The median times to the first and to the last byte of a body.
async fn measure(base: &str, size: u64, times: usize) -> Result<(Duration, Duration), Failure> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let (mut first, mut whole) = (Vec::new(), Vec::new());
    for _ in 0..times {
        let begun = Instant::now();
        let mut response = client.get(format!("{base}/public/ping?size={size}")).send().await?;
        let mut received = response.chunk().await?.map_or(0, |chunk| chunk.len());
        first.push(begun.elapsed());
        while let Some(chunk) = response.chunk().await? {
            received += chunk.len();
        }
        whole.push(begun.elapsed());
        if u64::try_from(received)? != size {
            return Err(format!("{received} bytes of {size}: {}", response.status()).into());
        }
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times.get(times.len() / 2).copied().unwrap_or_default()
    };
    Ok((median(&mut first), median(&mut whole)))
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[expect(clippy::cast_precision_loss, reason = "the memory of a process")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// A back end that sends as many bytes as the query says.
async fn serve(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            // The client may close its connection at any time.
            let _ = answer(stream).await;
        });
    }
}

async fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let (mut received, block) = (Vec::new(), Bytes::from(vec![b'x'; BLOCK]));
    loop {
        let mut piece = [0; 4096];
        let length = stream.read(&mut piece).await?;
        if length == 0 {
            return Ok(());
        }
        received.extend(piece.iter().take(length));
        let text = String::from_utf8_lossy(&received).into_owned();
        if !text.ends_with("\r\n\r\n") {
            continue;
        }
        received.clear();
        let size = text.split("size=").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok()).unwrap_or(0);
        stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n").as_bytes()).await?;
        let mut left: usize = size;
        while left > 0 {
            let now = left.min(BLOCK);
            stream.write_all(block.get(..now).unwrap_or_default()).await?;
            left -= now;
        }
    }
}
