//! Subsegments for AWS X-Ray: one for each exchange of an invocation, sent to the daemon that Lambda runs beside it.
//!
//! <https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html>

mod daemon;

use crate::invocation::Invocation;
use gateway_domain::entropy::Entropy;
use gateway_domain::trace::Trace;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use std::time::Duration;

pub(crate) use daemon::Daemon;

/// The most documents of one invocation. A usual one has two or three exchanges.
const MOST_DOCUMENTS: u32 = 32;

/// The longest name that X-Ray accepts, in characters.
const LONGEST_NAME: usize = 200;

/// The other side of an exchange. No value here may name a user, or hold a path, a query or a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remote<'a> {
    /// A back end.
    BackEnd {
        /// The method of the call.
        method: &'a str,
        /// `http` or `https`.
        scheme: &'a str,
        /// Its host, without port.
        host: &'a str,
    },
    /// A legacy login, by the connector's name in the configuration.
    Connector(&'a str),
    /// A service of AWS.
    Aws {
        /// Its name, as X-Ray knows it.
        service: &'static str,
        /// The operation that is called.
        operation: &'static str,
    },
}

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With a response of this HTTP status.
    Answered(u16),
    /// It succeeded.
    Done,
    /// It was refused, for a reason on the gateway's side or the user's.
    Refused,
    /// There was no response, or an unusable one.
    Failed,
}

/// A subsegment that has begun.
#[derive(Debug)]
pub(crate) struct Subsegment {
    /// The trace header to send to the other side: this trace, with this subsegment as parent.
    pub(crate) header: String,
    document: Value,
}

impl Subsegment {
    /// Begins one; `None` if the trace is not sampled, or the invocation has [`MOST_DOCUMENTS`] already.
    pub(crate) fn begin(
        invocation: &Invocation,
        remote: Remote<'_>,
        now_millis: i64,
        entropy: &dyn Entropy,
    ) -> Option<Self> {
        let trace = Trace::parse(invocation.ids.trace.as_deref()?).filter(|trace| trace.sampled)?;
        if invocation.documents.fetch_add(1, Ordering::Relaxed) >= MOST_DOCUMENTS {
            return None;
        }
        let id = format!("{:016x}", u64::from_be_bytes(entropy.bytes().ok()?));
        let header = Trace { parent: &id, ..trace }.to_header();
        let mut document = json!({
            "type": "subsegment",
            "trace_id": trace.root,
            "parent_id": trace.parent,
            "id": id,
            "start_time": seconds(now_millis),
        });
        match remote {
            Remote::BackEnd { method, scheme, host } => {
                set(&mut document, "name", name(host).into());
                set(&mut document, "namespace", "remote".into());
                let request = json!({ "method": method, "url": format!("{scheme}://{host}") });
                set(&mut document, "http", json!({ "request": request }));
            }
            Remote::Connector(connector) => {
                set(&mut document, "name", name(connector).into());
                set(&mut document, "namespace", "remote".into());
            }
            Remote::Aws { service, operation } => {
                set(&mut document, "name", service.into());
                set(&mut document, "namespace", "aws".into());
                set(&mut document, "aws", json!({ "operation": operation }));
            }
        }
        Some(Self { header, document })
    }

    /// The document of the exchange that has ended.
    pub(crate) fn end(self, ended: Ended, now_millis: i64) -> Value {
        let mut document = self.document;
        set(&mut document, "end_time", seconds(now_millis));
        let flag = match ended {
            Ended::Answered(status) => {
                if let Some(http) = document.get_mut("http") {
                    set(http, "response", json!({ "status": status }));
                }
                if status == 429 {
                    set(&mut document, "throttle", true.into());
                }
                match status {
                    400..500 => Some("error"),
                    500.. => Some("fault"),
                    _ => None,
                }
            }
            Ended::Done => None,
            Ended::Refused => Some("error"),
            Ended::Failed => Some("fault"),
        };
        if let Some(flag) = flag {
            set(&mut document, flag, true.into());
        }
        document
    }
}

fn set(document: &mut Value, name: &str, value: Value) {
    if let Some(members) = document.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

/// The text without the characters that X-Ray does not accept in a name, cut to the longest name.
fn name(text: &str) -> String {
    let allowed = |letter: &char| letter.is_alphanumeric() || " _.:/%&#=+\\-@".contains(*letter);
    text.chars().filter(allowed).take(LONGEST_NAME).collect()
}

/// Seconds since 1970, with a fraction.
fn seconds(millis: i64) -> Value {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0)).as_secs_f64().into()
}

#[cfg(test)]
mod tests;
