//! A line to a server that can be cut and mended: how a test takes a database away.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The line. It leads nowhere until it is led somewhere.
pub struct Switch {
    /// What to connect to instead of the server.
    pub url: String,
    target: Arc<Mutex<Option<String>>>,
    on: watch::Sender<bool>,
}

impl Switch {
    /// A line that leads nowhere yet.
    ///
    /// # Panics
    ///
    /// If there is no free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let target = Arc::new(Mutex::new(None));
        let (on, watched) = watch::channel(true);
        let current = Arc::clone(&target);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let target: Option<String> = current.lock().unwrap_or_else(PoisonError::into_inner).clone();
                if let Some(target) = target {
                    tokio::spawn(forward(stream, target, watched.clone()));
                }
            }
        });
        Self { url, target, on }
    }

    /// Leads to this server from now on.
    pub fn lead_to(&self, url: &str) {
        let target = url.strip_prefix("http://").unwrap_or(url).to_owned();
        *self.target.lock().unwrap_or_else(PoisonError::into_inner) = Some(target);
    }

    /// Ends all connections and lets no new one through.
    pub fn cut(&self) {
        self.on.send_replace(false);
    }

    /// Lets new connections through again.
    pub fn mend(&self) {
        self.on.send_replace(true);
    }
}

async fn forward(mut stream: TcpStream, target: String, mut on: watch::Receiver<bool>) {
    if !*on.borrow() {
        return;
    }
    if let Ok(mut server) = TcpStream::connect(target).await {
        tokio::select! {
            _ = copy_bidirectional(&mut stream, &mut server) => {}
            _ = on.wait_for(|on| !on) => {}
        }
    }
}
