//! Records for tests what the demo back end receives: each request, and every byte.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::request::Parts;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// One request as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Method.
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// Header lines in order, names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Body.
    pub body: Bytes,
}

impl Recorded {
    /// All values of a header as text.
    pub fn header(&self, name: &str) -> Vec<String> {
        let values = self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        values.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect()
    }
}

/// What was received so far. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Recording {
    requests: Arc<Mutex<Vec<Recorded>>>,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Recording {
    pub(super) fn add(&self, parts: &Parts, body: &Bytes) {
        let headers = parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()));
        let recorded = Recorded {
            method: parts.method.as_str().to_owned(),
            target: parts.uri.to_string(),
            headers: headers.collect(),
            body: body.clone(),
        };
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).push(recorded);
    }

    pub(super) fn requests(&self) -> Vec<Recorded> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Accepts connections whose incoming bytes are kept.
pub(super) struct Listener {
    pub(super) listener: TcpListener,
    pub(super) recording: Option<Recording>,
}

/// A connection whose incoming bytes are kept.
pub(super) struct Connection {
    stream: TcpStream,
    recording: Option<Recording>,
}

impl axum::serve::Listener for Listener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let (stream, address) = axum::serve::Listener::accept(&mut self.listener).await;
        (Connection { stream, recording: self.recording.clone() }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if let (Some(recording), Some(new)) = (&self.recording, buffer.filled().get(before..)) {
            recording.bytes.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(new);
        }
        polled
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
