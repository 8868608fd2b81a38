//! A wire to DynamoDB that counts the operations passing through it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};

/// Every request to DynamoDB has this header once.
const MARK: &[u8] = b"x-amz-target:";

/// Operations that went over the wire.
#[derive(Debug, Clone, Default)]
pub(crate) struct Operations(Arc<AtomicUsize>);

impl Operations {
    /// How many there were since the last time of asking.
    pub(crate) fn since_last(&self) -> usize {
        self.0.swap(0, Ordering::SeqCst)
    }
}

/// Forwards connections to `target` and counts operations; gives the address to connect to.
pub(crate) async fn counting(target: String) -> (String, Operations) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let operations = Operations::default();
    let counter = operations.clone();
    tokio::spawn(async move {
        while let Ok((app, _)) = listener.accept().await {
            let dynamodb = TcpStream::connect(&target).await.unwrap();
            tokio::spawn(forward(app, dynamodb, counter.clone()));
        }
    });
    (address, operations)
}

async fn forward(app: TcpStream, dynamodb: TcpStream, operations: Operations) {
    let (mut from_app, mut to_app) = app.into_split();
    let (mut from_dynamodb, mut to_dynamodb) = dynamodb.into_split();
    tokio::spawn(async move { copy(&mut from_dynamodb, &mut to_app).await });
    let (mut chunk, mut tail) = (vec![0; 16 * 1024], Vec::new());
    while let Ok(length @ 1..) = from_app.read(&mut chunk).await {
        tail.extend(chunk[..length].to_ascii_lowercase());
        let found = tail.windows(MARK.len()).filter(|window| *window == MARK).count();
        operations.0.fetch_add(found, Ordering::SeqCst);
        // What may be the beginning of a mark stays for the next chunk.
        tail.drain(..tail.len().saturating_sub(MARK.len() - 1));
        if to_dynamodb.write_all(&chunk[..length]).await.is_err() {
            break;
        }
    }
}
