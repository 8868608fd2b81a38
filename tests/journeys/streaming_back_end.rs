//! A back end that a test leads piece by piece through its response.

use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc};

/// What the back end does next.
pub(crate) enum Act {
    /// Sends these bytes.
    Send(Bytes),
    /// Closes the connection, in order.
    Close,
    /// Resets the connection.
    Reset,
}

/// The back end. Each of its acts is for the connection that is open; behind `Close` and `Reset` the next one is taken.
pub(crate) struct Led {
    pub(crate) url: String,
    acts: mpsc::UnboundedSender<Act>,
}

impl Led {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (acts, todo) = mpsc::unbounded_channel();
        let todo = Arc::new(Mutex::new(todo));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&todo)));
            }
        });
        Self { url, acts }
    }

    pub(crate) fn send(&self, text: &str) {
        self.act(Act::Send(Bytes::copy_from_slice(text.as_bytes())));
    }

    pub(crate) fn act(&self, act: Act) {
        self.acts.send(act).expect("a back end");
    }
}

async fn serve(mut stream: TcpStream, todo: Arc<Mutex<mpsc::UnboundedReceiver<Act>>>) {
    let mut read = vec![0; 16 * 1024];
    // A request here is one packet. Without one, the connection was only opened.
    if !matches!(stream.read(&mut read).await, Ok(1..)) {
        return;
    }
    let mut todo = todo.lock().await;
    while let Some(act) = todo.recv().await {
        match act {
            Act::Send(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Act::Close => {
                let _ = stream.shutdown().await;
                return;
            }
            Act::Reset => {
                let _ = stream.set_zero_linger();
                return;
            }
        }
    }
}
