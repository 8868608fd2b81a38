//! A back end for tests, which records every request and responds with raw bytes, well formed or not.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// What the server does after reading one request.
pub(crate) enum Reply {
    /// Sends these bytes and keeps the connection open.
    Send(Vec<u8>),
    /// Sends these bytes, then nothing more until the client closes the connection.
    Stall(Vec<u8>),
    /// Sends these bytes and closes the connection.
    Close(Vec<u8>),
}

/// A complete response with a body and a correct `Content-Length`.
pub(crate) fn http_response(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    let fields: String = headers.iter().flat_map(|(name, value)| [*name, ": ", *value, "\r\n"]).collect();
    let head = format!("HTTP/1.1 {status} Status\r\n{fields}Content-Length: {}\r\n\r\n", body.len());
    Reply::Send([head.as_bytes(), body].concat())
}

/// One request as it was received.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorded {
    /// The request line and the header lines.
    pub(crate) head: String,
    /// The body, with as many bytes as `Content-Length` says.
    pub(crate) body: Vec<u8>,
}

impl Recorded {
    /// The request line.
    pub(crate) fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    /// Every value of a header, whose name is compared without case.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let fields = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        fields.filter(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }
}

/// A running server. It stops with the process.
pub(crate) struct RecordingServer {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Recorded>>>,
    connections: Arc<AtomicUsize>,
}

impl RecordingServer {
    /// Starts a server that sends what `reply` returns for the number of the request, from 0, and the request.
    pub(crate) fn start(reply: impl Fn(usize, &Recorded) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (requests, connections) = (Arc::<Mutex<Vec<Recorded>>>::default(), Arc::<AtomicUsize>::default());
        let (log, count, reply) = (requests.clone(), connections.clone(), Arc::new(reply));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                let (log, reply) = (log.clone(), reply.clone());
                std::thread::spawn(move || serve(stream, &log, &*reply));
            }
        });
        Self { address, requests, connections }
    }

    /// `http://127.0.0.1:port`.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All requests received so far.
    pub(crate) fn requests(&self) -> Vec<Recorded> {
        self.requests.lock().unwrap().clone()
    }

    /// The number of connections opened so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn serve(stream: TcpStream, log: &Mutex<Vec<Recorded>>, reply: &dyn Fn(usize, &Recorded) -> Reply) {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        let number = {
            let mut log = log.lock().unwrap();
            log.push(request.clone());
            log.len() - 1
        };
        // Write errors are ignored, because some tests close the connection early.
        match reply(number, &request) {
            Reply::Send(bytes) if writer.write_all(&bytes).is_ok() => {}
            Reply::Stall(bytes) => {
                let _ = writer.write_all(&bytes);
                let _ = reader.read_to_end(&mut Vec::new());
                return;
            }
            Reply::Close(bytes) | Reply::Send(bytes) => {
                let _ = writer.write_all(&bytes);
                return;
            }
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Recorded> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let mut request = Recorded { head, body: Vec::new() };
    let length = request.values("content-length").first().map_or(0, |text| text.parse().unwrap());
    request.body.resize(length, 0);
    reader.read_exact(&mut request.body).ok()?;
    Some(request)
}
