//! Connections on which a request begins in silence: what a back end has sent without being asked is the response to no request.
//!
//! The HTTP client looks for such bytes too, but only once the runtime has told it of them. Of a process that was frozen, or of one
//! that is busy, it would write the next request first and take them for the response to it.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::net::TcpStream;
use tower_service::Service;

/// How the line of a request ends that this client writes.
const REQUEST: &[u8] = b" HTTP/1.1";

/// After so many reads in a row the runtime has a turn, in which it finds that a time is over. The client reads interim responses
/// (1xx) for as long as there are any, and a back end may send them faster than they are read. To wake the task at once is not
/// enough: the runtime looks at its timers once in many polls, unless a task yields to it.
const READS_IN_A_ROW: u8 = 4;

type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The back end has spoken, or has closed the connection, since its last response. Nothing of the request was sent.
#[derive(Debug, thiserror::Error)]
#[error("the back end has sent something unasked, or closed the connection, before the request")]
pub(super) struct NotQuiet;

/// Opens such connections.
#[derive(Clone, Debug)]
pub(super) struct Connector(pub(super) HttpsConnector<HttpConnector>);

impl Service<Uri> for Connector {
    type Response = Quiet;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Quiet, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let opened = self.0.call(uri);
        Box::pin(async move {
            Ok(Quiet { stream: opened.await?, has_answered: false, is_sending: false, reads: 0, pause: None })
        })
    }
}

/// One connection.
pub(super) struct Quiet {
    stream: Stream,
    /// Whether anything was received since a request began: then the next request is not the first one.
    has_answered: bool,
    /// Whether a part of a request was written, and its end not flushed yet: what follows is of the same request, however it looks.
    is_sending: bool,
    /// The reads since the runtime had a turn.
    reads: u8,
    /// A turn of the runtime that has begun.
    pause: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Quiet {
    /// Whether these bytes begin another request.
    fn begins(&self, bytes: &[u8]) -> bool {
        !self.is_sending && begins_request(bytes)
    }

    /// Refuses the start of a request if there is something to read, or an end. The first request of a connection is sent in any
    /// case: nobody else's response can be on it, and TLS may have a ticket to read.
    fn permit(&self, begins: bool) -> io::Result<()> {
        if begins && self.has_answered && !is_quiet(self.tcp()) { Err(io::Error::other(NotQuiet)) } else { Ok(()) }
    }

    /// Notes what a write has come to. What is received after the beginning of a request answers that one.
    fn noted(&mut self, begins: bool, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(written, Poll::Ready(Ok(bytes)) if bytes > 0) {
            self.has_answered &= !begins;
            self.is_sending = true;
        }
        written
    }

    fn tcp(&self) -> &TcpStream {
        match &self.stream {
            MaybeHttpsStream::Http(tcp) => tcp.inner(),
            MaybeHttpsStream::Https(tls) => tls.inner().get_ref().0.inner().inner(),
        }
    }

    fn stream(&mut self) -> Pin<&mut Stream> {
        Pin::new(&mut self.stream)
    }
}

/// Whether these bytes start with the line of a request. The head of a request is always at the start of a write.
fn begins_request(bytes: &[u8]) -> bool {
    let line = bytes.split(|byte| *byte == b'\r').next();
    line.is_some_and(|line| line.len() < bytes.len() && line.ends_with(REQUEST))
}

/// Whether there is nothing to read, by the kernel itself.
fn is_quiet(tcp: &TcpStream) -> bool {
    let peeked = SockRef::from(tcp).peek(&mut [MaybeUninit::uninit()]);
    peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

impl Read for Quiet {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.reads >= READS_IN_A_ROW {
            let pause = self.pause.get_or_insert_with(|| Box::pin(tokio::task::yield_now()));
            ready!(pause.as_mut().poll(context));
            (self.pause, self.reads) = (None, 0);
        }
        let read = self.stream().poll_read(context, buffer);
        self.reads = if read.is_ready() { self.reads.saturating_add(1) } else { 0 };
        self.has_answered |= read.is_ready();
        read
    }
}

impl Write for Quiet {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let begins = self.begins(bytes);
        self.permit(begins)?;
        let written = self.stream().poll_write(context, bytes);
        self.noted(begins, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let begins = slices.iter().find(|slice| !slice.is_empty()).is_some_and(|first| self.begins(first));
        self.permit(begins)?;
        let written = self.stream().poll_write_vectored(context, slices);
        self.noted(begins, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.stream().poll_flush(context);
        // The client flushes when it has written all that it had.
        self.is_sending &= !matches!(flushed, Poll::Ready(Ok(())));
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(context)
    }
}

impl Connection for Quiet {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

    async fn written(quiet: &mut Quiet, bytes: &[u8]) -> io::Result<usize> {
        let written = std::future::poll_fn(|context| Pin::new(&mut *quiet).poll_write(context, bytes)).await?;
        std::future::poll_fn(|context| Pin::new(&mut *quiet).poll_flush(context)).await?;
        Ok(written)
    }

    /// The runtime has no turn between what the back end does and the next request, so it cannot have heard of it.
    #[tokio::test]
    async fn a_request_is_not_written_behind_what_nobody_has_asked_for() {
        for (unasked, is_permitted) in [(Some(&b""[..]), true), (Some(RESPONSE), false), (None, false)] {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let uri = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
            let mut tcp = HttpConnector::new();
            tcp.enforce_http(false);
            let tls = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(super::super::tls::public().unwrap());
            let mut connector = Connector(tls.https_or_http().enable_http1().wrap_connector(tcp));
            let mut quiet = connector.call(uri).await.unwrap();
            let mut server = listener.accept().unwrap().0;
            // What came before the first request was for nobody else.
            server.write_all(RESPONSE).unwrap();
            assert_eq!(written(&mut quiet, REQUEST).await.unwrap(), REQUEST.len());
            let mut buffer = [0; 1024];
            std::future::poll_fn(|context| {
                let mut buffer = hyper::rt::ReadBuf::new(&mut buffer);
                Pin::new(&mut quiet).poll_read(context, buffer.unfilled())
            })
            .await
            .unwrap();
            match unasked {
                Some(bytes) => server.write_all(bytes).unwrap(),
                None => drop(server.shutdown(std::net::Shutdown::Both)),
            }
            // The rest of a body goes on, whatever the back end says meanwhile.
            assert!(written(&mut quiet, b"body").await.is_ok());
            let next = written(&mut quiet, REQUEST).await;
            assert_eq!(next.is_ok(), is_permitted, "{unasked:?}");
            let is_ours = next
                .err()
                .is_none_or(|error| error.get_ref().is_some_and(|inner| inner.downcast_ref::<NotQuiet>().is_some()));
            assert!(is_ours);
        }
    }

    /// What looks like a request in the middle of a body is a part of that body: nothing of it is sent twice.
    #[tokio::test]
    async fn the_rest_of_a_body_is_no_request_however_it_looks() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let uri = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        let tls = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(super::super::tls::public().unwrap());
        let mut connector = Connector(tls.https_or_http().enable_http1().wrap_connector(tcp));
        let mut quiet = connector.call(uri).await.unwrap();
        let mut server = listener.accept().unwrap().0;
        server.write_all(b"HTTP/1.1 102 Processing\r\n\r\n").unwrap();
        let write = |context: &mut Context<'_>, quiet: &mut Quiet| Pin::new(quiet).poll_write(context, REQUEST);
        assert!(std::future::poll_fn(|context| write(context, &mut quiet)).await.is_ok());
        let mut buffer = [0; 1024];
        std::future::poll_fn(|context| {
            let mut buffer = hyper::rt::ReadBuf::new(&mut buffer);
            Pin::new(&mut quiet).poll_read(context, buffer.unfilled())
        })
        .await
        .unwrap();
        server.write_all(b"HTTP/1.1 102 Processing\r\n\r\n").unwrap();
        assert!(std::future::poll_fn(|context| write(context, &mut quiet)).await.is_ok(), "not flushed yet");
    }

    #[test]
    fn the_start_of_a_request_is_told_from_a_body() {
        assert!(begins_request(b"GET /a?b HTTP/1.1\r\nhost: x\r\n\r\n"));
        for other in [&b"{\"a\": 1}"[..], b"", b"GET / HTTP/1.1", b"host: x\r\n", b"\r\nGET / HTTP/1.1\r\n"] {
            assert!(!begins_request(other), "{}", String::from_utf8_lossy(other));
        }
    }
}
