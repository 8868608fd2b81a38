//! Subsegments for AWS X-Ray: whom an invocation asked, told to the daemon that Lambda runs beside the function.
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

/// Documents of one invocation, at most. A usual one asks two or three others.
const MOST_DOCUMENTS: u32 = 32;

/// The longest name that X-Ray takes, in characters.
const LONGEST_NAME: usize = 200;

/// Somebody an invocation asks something of. Nothing here may name a user, or hold a path, a query or a secret.
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
        /// What is asked of it.
        operation: &'static str,
    },
}

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With a response of this HTTP status.
    Answered(u16),
    /// As it should.
    Done,
    /// It was refused, for a reason on our side or the user's.
    Refused,
    /// There was no response, or a useless one.
    Failed,
}

/// A subsegment that has begun.
#[derive(Debug)]
pub(crate) struct Subsegment {
    /// What goes on to whom is asked: this trace, with this subsegment as parent.
    pub(crate) header: String,
    document: Value,
}

impl Subsegment {
    /// Begins one; `None` when the trace is not kept, or the invocation has told enough.
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

    /// The document of the whole exchange.
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

/// What of a name X-Ray takes.
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
