//! A network between client and gateway that loses answers, loses requests, or answers in the gateway's place.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What becomes of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It arrives, the gateway does what is asked, and its response is lost.
    LoseResponse,
    /// The same, and half of the response comes through.
    CutResponse,
    /// It never arrives.
    LoseRequest,
    /// It does not arrive; this comes back, as if from the gateway.
    Response(String),
    /// Its response is held back until the network is told to go on.
    Hold,
}

/// What is to fail, and what went through.
#[derive(Debug, Default)]
struct Plan {
    /// For requests that contain the text, one after the other.
    faults: VecDeque<(&'static str, Fault)>,
    seen: Vec<String>,
}

/// The network; it ends with the runtime of its test.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    pub(crate) url: String,
    plan: Arc<Mutex<Plan>>,
    go_on: watch::Sender<bool>,
}

impl Network {
    /// A network to the gateway at this URL.
    pub(crate) async fn to(gateway: &str) -> Self {
        let gateway = gateway.strip_prefix("http://").expect("a URL").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let network = Self { url, plan: Arc::default(), go_on: watch::Sender::new(false) };
        let shared = network.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(shared.clone().carry(stream, gateway.clone()));
            }
        });
        network
    }

    /// The next requests with this text in their head or body meet these faults, one each.
    pub(crate) fn fail(&self, text: &'static str, faults: impl IntoIterator<Item = Fault>) {
        self.plan().faults.extend(faults.into_iter().map(|fault| (text, fault)));
    }

    /// Lets held responses go.
    pub(crate) fn go_on(&self) {
        self.go_on.send_replace(true);
    }

    /// How many requests with this text there were, lost ones included.
    pub(crate) fn seen(&self, text: &str) -> usize {
        self.plan().seen.iter().filter(|request| request.contains(text)).count()
    }

    /// The values of a header in all requests.
    pub(crate) fn header(&self, name: &str) -> Vec<String> {
        let start = format!("{}: ", name.to_ascii_lowercase());
        let plan = self.plan();
        let lines = plan.seen.iter().flat_map(|request| request.lines());
        let found = lines.filter(|line| line.to_ascii_lowercase().starts_with(&start));
        found.filter_map(|line| line.split_once(": ")).map(|(_, value)| value.to_owned()).collect()
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fault_for(&self, request: &str) -> Option<Fault> {
        let mut plan = self.plan();
        plan.seen.push(request.to_owned());
        let index = plan.faults.iter().position(|(text, _)| request.contains(text))?;
        plan.faults.remove(index).map(|(_, fault)| fault)
    }

    /// One request of a connection, which then closes.
    async fn carry(self, mut stream: TcpStream, gateway: String) {
        let Some(request) = read_request(&mut stream).await else { return };
        let fault = self.fault_for(&request);
        let response = match &fault {
            Some(Fault::LoseRequest) => return,
            Some(Fault::Response(response)) => response.clone().into_bytes(),
            _ => exchange(&gateway, &request).await,
        };
        let response = match fault {
            Some(Fault::LoseResponse) => return,
            Some(Fault::CutResponse) => response.get(..response.len() / 2).unwrap_or_default(),
            Some(Fault::Hold) => {
                let _ = self.go_on.subscribe().wait_for(|go_on| *go_on).await;
                &response
            }
            _ => &response,
        };
        let _ = stream.write_all(response).await;
        let _ = stream.shutdown().await;
    }
}

/// A request to its last byte. The client's bodies are text.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let (mut received, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&received).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(text);
            }
        }
        match stream.read(&mut chunk).await {
            Ok(length @ 1..) => received.extend_from_slice(chunk.get(..length)?),
            _ => return None,
        }
    }
}

/// The gateway's response, whole.
async fn exchange(gateway: &str, request: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(gateway).await.expect("the gateway");
    let request = request.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    stream.write_all(request.as_bytes()).await.expect("a request");
    let mut response = Vec::new();
    stream.read_to_end(&mut response).await.expect("a response");
    // The client must not keep the connection either.
    response
}

/// A response in the gateway's place.
pub(crate) fn response(status: &str, headers: &str, body: &str) -> Fault {
    let length = body.len();
    Fault::Response(format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    ))
}
