//! What stands before Keycloak: it counts what Keycloak is asked, loses its responses, or is down.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, Uri};
use tokio::net::TcpListener;

/// What becomes of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// They are answered.
    Forward,
    /// Keycloak does what it is asked, and its response is lost.
    LoseResponse,
    /// Keycloak is asked nothing.
    Down,
}

/// A relay to Keycloak. Its clones share everything.
#[derive(Clone)]
pub(super) struct Front {
    /// What to ask instead of Keycloak.
    pub(super) url: String,
    far: String,
    http: reqwest::Client,
    way: Arc<Mutex<Way>>,
    asked: Arc<AtomicUsize>,
    granted: Arc<AtomicUsize>,
}

impl Front {
    pub(super) async fn to(far: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let front = Self {
            url: format!("http://{}", listener.local_addr().expect("an address")),
            far: far.to_owned(),
            http: reqwest::Client::builder().no_proxy().build().expect("a client"),
            way: Arc::new(Mutex::new(Way::Forward)),
            asked: Arc::default(),
            granted: Arc::default(),
        };
        let router = axum::Router::new().fallback(pass).with_state(front.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        front
    }

    /// What becomes of requests from now on.
    pub(super) fn goes(&self, way: Way) {
        *self.way.lock().expect("a lock") = way;
    }

    /// How many requests have come.
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// How many refresh tokens Keycloak has taken.
    pub(super) fn granted(&self) -> usize {
        self.granted.load(Ordering::SeqCst)
    }
}

async fn pass(
    State(front): State<Front>,
    method: Method,
    uri: Uri,
    mut headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    front.asked.fetch_add(1, Ordering::SeqCst);
    let way = *front.way.lock().expect("a lock");
    if way == Way::Down {
        return broken();
    }
    // Keycloak names itself, in `iss`, as the request does.
    for name in ["host", "content-length", "connection"] {
        headers.remove(name);
    }
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = front.http.request(method, format!("{}{path}", front.far)).headers(headers).body(body);
    let Ok(response) = request.send().await else { return broken() };
    let (status, kind) = (response.status(), response.headers().get("content-type").cloned());
    let Ok(body) = response.bytes().await else { return broken() };
    if status == 200 && uri.path().ends_with("/token") {
        front.granted.fetch_add(1, Ordering::SeqCst);
    }
    if way == Way::LoseResponse {
        return broken();
    }
    let mut built = Response::builder().status(status);
    if let Some(kind) = kind {
        built = built.header("content-type", kind);
    }
    built.body(Body::from(body)).expect("a response")
}

/// The connection breaks before the response is complete.
fn broken() -> Response<Body> {
    let broken = futures_util::stream::iter([Err::<Bytes, _>(std::io::Error::other("broken"))]);
    Response::builder().header("content-length", "1000").body(Body::from_stream(broken)).expect("a response")
}
