//! A server that gives everybody the same response: a strange back end, or a host where nobody should ever come.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// An address where nobody answers, for as long as the socket is kept.
pub(crate) fn nobody() -> (TcpSocket, String) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    let url = format!("http://{}", socket.local_addr().expect("an address"));
    (socket, url)
}

/// The server; it ends with the runtime of its test.
pub(crate) struct Canned {
    /// Host and port.
    pub(crate) authority: String,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Canned {
    /// Answers with these bytes and closes; `None` never answers.
    pub(crate) async fn start(response: Option<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let authority = listener.local_addr().expect("an address").to_string();
        let server = Self { authority, connections: Arc::default(), requests: Arc::default() };
        let (connections, requests) = (Arc::clone(&server.connections), Arc::clone(&server.requests));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, response.clone(), Arc::clone(&requests)));
            }
        });
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.authority)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The requests that came in whole.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn serve(mut stream: TcpStream, response: Option<String>, requests: Arc<Mutex<Vec<String>>>) {
    let mut received = Vec::new();
    let mut chunk = vec![0; 16 * 1024];
    while !is_whole(&received) {
        match stream.read(&mut chunk).await {
            Ok(length @ 1..) => received.extend_from_slice(&chunk[..length]),
            _ => return,
        }
    }
    let text = String::from_utf8_lossy(&received).into_owned();
    requests.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    match response {
        Some(response) => {
            let _ = stream.write_all(response.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
        None => std::future::pending().await,
    }
}

/// Whether the head and as many bytes as its `Content-Length` says are there.
fn is_whole(received: &[u8]) -> bool {
    let text = String::from_utf8_lossy(received).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    body.len() >= length.and_then(|length| length.trim().parse().ok()).unwrap_or(0)
}
