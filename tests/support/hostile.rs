//! A back end that keeps to no rule: it drips, stalls, resets, floods, and speaks without being asked.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use socket2::SockRef;
use tokio::time::Instant;

/// What it does after it has read a request. Behind the last act it reads the next request on the connection.
#[derive(Debug, Clone)]
pub enum Act {
    /// Sends these bytes at once.
    Send(Vec<u8>),
    /// Sends these bytes one by one, with a pause behind each.
    Drip(Vec<u8>, Duration),
    /// Sends these bytes again and again, up to this many in all, or until nobody takes them.
    Flood(Vec<u8>, u64),
    /// Sends nothing more, and keeps the connection.
    Stall,
    /// Closes the connection, in order.
    Close,
    /// Resets the connection.
    Reset,
}

impl Act {
    /// Sends this text.
    pub fn send(text: &str) -> Self {
        Self::Send(text.as_bytes().to_vec())
    }

    /// Sends a whole response with this body.
    pub fn respond(body: &str) -> Self {
        Self::send(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
    }
}

/// A request as it was received.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Head and body.
    pub text: String,
    /// The number of its connection, from 0.
    pub connection: usize,
    /// Its number on that connection, from 0.
    pub number: usize,
}

impl Asked {
    /// The method.
    pub fn method(&self) -> &str {
        self.text.split(' ').next().unwrap_or_default()
    }

    /// The path and the query.
    pub fn target(&self) -> &str {
        self.text.split(' ').nth(1).unwrap_or_default()
    }

    /// The value of a field; empty if it is missing.
    pub fn field(&self, name: &str) -> &str {
        let lines = self.text.lines().skip(1).take_while(|line| !line.is_empty());
        let mut fields = lines.filter_map(|line| line.split_once(": "));
        fields.find(|(given, _)| given.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }

    /// The body.
    pub fn body(&self) -> &str {
        self.text.split_once("\r\n\r\n").map_or("", |(_, body)| body)
    }
}

/// The back end. It has threads of its own, so that it goes on while the runtime of a test stands still. It ends with the process.
#[derive(Clone)]
pub struct Hostile {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    asked: Mutex<Vec<Asked>>,
    connections: AtomicUsize,
    /// How many requests all acts were done for.
    done: AtomicUsize,
    flooded: AtomicU64,
}

type Script = dyn Fn(&Asked) -> Vec<Act> + Send + Sync;

impl Hostile {
    /// A back end that does what `script` says for each request.
    pub fn start(script: impl Fn(&Asked) -> Vec<Act> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let hostile = Self { address: listener.local_addr().expect("an address"), state: Arc::default() };
        let (state, script) = (Arc::clone(&hostile.state), Arc::new(script));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let connection = state.connections.fetch_add(1, Ordering::SeqCst);
                let (state, script) = (Arc::clone(&state), Arc::clone(&script));
                std::thread::spawn(move || serve(stream, connection, &state, &*script));
            }
        });
        hostile
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests that came in whole.
    pub fn asked(&self) -> Vec<Asked> {
        self.state.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many connections were opened.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// How many bytes of floods were taken by the other side and the kernels.
    pub fn flooded(&self) -> u64 {
        self.state.flooded.load(Ordering::SeqCst)
    }

    /// Waits until all acts are done for this many requests.
    pub async fn until_done(&self, requests: usize) {
        let done = async {
            while self.state.done.load(Ordering::SeqCst) < requests {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), done).await.expect("the back end gets on");
    }

    /// Stands still, and with it the runtime of the test, until all acts are done for this many requests.
    pub fn stand_still_until_done(&self, requests: usize) {
        let begun = Instant::now();
        while self.state.done.load(Ordering::SeqCst) < requests {
            assert!(begun.elapsed() < Duration::from_secs(20), "the back end does not get on");
            std::thread::yield_now();
        }
    }
}

fn serve(stream: TcpStream, connection: usize, state: &State, script: &Script) {
    // Each act is a packet at once, and not only when the last one was acknowledged.
    let _ = stream.set_nodelay(true);
    let mut writer = stream.try_clone().expect("a stream");
    let mut reader = BufReader::new(stream);
    let mut number = 0;
    while let Some(text) = read(&mut reader) {
        let asked = Asked { text, connection, number };
        number += 1;
        state.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked.clone());
        let goes_on = script(&asked).into_iter().all(|act| do_one(act, &mut writer, &mut reader, state));
        if !goes_on {
            // A reset is sent once nobody has the connection.
            drop((writer, reader));
            state.done.fetch_add(1, Ordering::SeqCst);
            return;
        }
        state.done.fetch_add(1, Ordering::SeqCst);
    }
}

/// Whether the connection is still of use.
#[expect(clippy::disallowed_methods, reason = "a back end that drips is slow")]
fn do_one(act: Act, writer: &mut TcpStream, reader: &mut BufReader<TcpStream>, state: &State) -> bool {
    match act {
        Act::Send(bytes) => writer.write_all(&bytes).is_ok(),
        Act::Drip(bytes, pause) => bytes.into_iter().all(|byte| {
            std::thread::sleep(pause);
            writer.write_all(&[byte]).is_ok()
        }),
        Act::Flood(bytes, most) => {
            let mut sent = 0;
            // Nobody takes it in the end, which the system tells late if its buffers are full.
            let _ = writer.set_write_timeout(Some(Duration::from_secs(10)));
            while sent < most {
                if writer.write_all(&bytes).is_err() {
                    return false;
                }
                sent += bytes.len() as u64;
                state.flooded.fetch_add(bytes.len() as u64, Ordering::SeqCst);
            }
            true
        }
        Act::Stall => {
            let _ = reader.read_to_end(&mut Vec::new());
            false
        }
        Act::Close => {
            let _ = writer.shutdown(std::net::Shutdown::Both);
            false
        }
        Act::Reset => {
            let _ = SockRef::from(&*writer).set_linger(Some(Duration::ZERO));
            false
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if reader.read_until(b'\n', &mut head).ok()? == 0 {
            return None;
        }
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let length = text.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(text + &String::from_utf8_lossy(&body))
}
