//! Sends a harmless request to each function that the API reaches, so that `ready` means that calls will succeed.

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use tokio::net::TcpStream;

use crate::log::Log;
use crate::stack::StartError;
use crate::template::Template;

/// Lines of a function that are quoted when it is not ready.
const QUOTED: usize = 20;

/// One request and the statuses that are a good response.
struct Question {
    /// Binary of the function that handles it.
    binary: &'static str,
    method: Method,
    path: &'static str,
    token: Option<&'static str>,
    good: fn(StatusCode) -> bool,
}

/// No request names a user, an app or an API, so that they fit any configuration.
fn questions() -> [Question; 4] {
    [
        Question {
            binary: "token",
            method: Method::GET,
            path: "/.well-known/jwks.json",
            token: None,
            good: |status| status == StatusCode::OK,
        },
        Question {
            binary: "authorize",
            method: Method::GET,
            path: "/oauth2/authorize",
            token: None,
            good: |status| status == StatusCode::BAD_REQUEST,
        },
        Question {
            binary: "authorizer",
            method: Method::GET,
            path: "/ready",
            token: Some("Bearer not-a-token"),
            good: |status| status == StatusCode::UNAUTHORIZED,
        },
        Question {
            binary: "proxy",
            method: Method::GET,
            path: "/public/ready",
            token: None,
            good: |status| !status.is_server_error(),
        },
    ]
}

/// Succeeds if each of these functions that the template has responds as it should.
pub(crate) async fn check(base_url: &str, template: &Template, log: &Log) -> Result<(), StartError> {
    for question in questions() {
        if !template.functions.iter().any(|function| function.binary == question.binary) {
            continue;
        }
        let not_ready = |problem: String| StartError::NotReady {
            name: question.binary.to_owned(),
            problem,
            lines: log.tail(&format!("{}#1", question.binary), QUOTED),
        };
        let status = ask(base_url, &question).await.map_err(|error| not_ready(format!("gave no response: {error}")))?;
        if !(question.good)(status) {
            return Err(not_ready(format!("answers {} {} with {status}", question.method, question.path)));
        }
    }
    Ok(())
}

async fn ask(base_url: &str, question: &Question) -> Result<StatusCode, Box<dyn std::error::Error + Send + Sync>> {
    let authority = base_url.strip_prefix("http://").unwrap_or(base_url);
    let stream = TcpStream::connect(authority).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let mut request = Request::builder().method(&question.method).uri(question.path).header("host", authority);
    if let Some(token) = question.token {
        request = request.header("authorization", token);
    }
    let status = sender.send_request(request.body(Full::<Bytes>::default())?).await?.status();
    connection.abort();
    Ok(status)
}
