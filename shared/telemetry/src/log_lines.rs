//! Log lines: flat JSON objects on standard output, which Lambda sends to CloudWatch, with the keys of Powertools for AWS
//! Lambda.

mod members;
#[cfg(test)]
mod tests;

use crate::invocation::Invocation;
use crate::{Settings, observer};
use aws_smithy_types::date_time::{DateTime, Format};
use gateway_domain::clock::Clock;
use members::{Fields, Members};
use std::io::Write as _;
use std::sync::Arc;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// How the targets of the gateway's own lines begin: alarms, and the gateway's crates.
const OURS: [&str; 2] = ["alarm", "gateway_"];
/// The most verbose level of all other targets. At more verbose levels the SDK and its HTTP client log whole requests and
/// responses: items with password hashes, salts and sealed tokens, and values of secrets.
const OTHERS: LevelFilter = LevelFilter::WARN;

/// Begins logging at the level of the settings (default `WARN`); a second call changes nothing.
pub fn begin(settings: &Settings<'_>, clock: Arc<dyn Clock>) {
    let text = settings.log_level.unwrap_or("WARN");
    let level = text.parse::<LevelFilter>();
    let filter = targets(level.as_ref().copied().unwrap_or(LevelFilter::WARN));
    let lines = Lines { service: settings.service, clock, write: to_stdout };
    if tracing_subscriber::registry().with(filter).with(lines).try_init().is_ok() {
        // The default hook writes the panic's message, which may hold a secret, without the level and the request's ids.
        std::panic::set_hook(Box::new(|panic| {
            let location = panic.location().map(ToString::to_string);
            tracing::error!(location, "a panic: the invocation fails");
        }));
    }
    if level.is_err() {
        tracing::warn!(given = text, "LOG_LEVEL is none of TRACE, DEBUG, INFO, WARN, ERROR: WARN is used");
    }
}

/// The filter of lines at this level.
fn targets(level: LevelFilter) -> Targets {
    Targets::new()
        .with_default(level.min(OTHERS))
        .with_targets(OURS.map(|target| (target, level)))
        // The runtime logs every failed invocation as an error, even a refused token. The functions log their own failures.
        .with_target("lambda_runtime", LevelFilter::OFF)
}

/// Writes each event as one line.
struct Lines {
    service: &'static str,
    clock: Arc<dyn Clock>,
    write: fn(&str),
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut line = Members::default();
        line.text("level", event.metadata().level().as_str());
        line.text("timestamp", &rfc3339(self.clock.now_millis()));
        line.text("message", &fields.message);
        let invocation = observer::invocation();
        name(&mut line, self.service, invocation.as_deref());
        if let Some(invocation) = invocation {
            line.json("cold_start", &invocation.cold_start.into());
        }
        line.text("target", event.metadata().target());
        line.append(&fields.others);
        (self.write)(&line.object());
    }
}

/// A line of metrics, which is a JSON object, with the ids that every line has. It has no `cold_start`, since members of the
/// format are texts and numbers.
pub(crate) fn named(service: &str, metrics: &str) -> String {
    let mut line = Members::default();
    name(&mut line, service, observer::invocation().as_deref());
    line.append(&Members::of(metrics));
    line.object()
}

/// Adds the name of the function and the ids of the invocation.
fn name(line: &mut Members, service: &str, invocation: Option<&Invocation>) {
    line.text("service", service);
    let Some(invocation) = invocation else { return };
    line.text("function_request_id", &invocation.ids.function_request_id);
    if let Some(id) = &invocation.ids.correlation_id {
        line.text("correlation_id", id);
    }
    if let Some(root) = invocation.ids.trace.as_deref().and_then(gateway_domain::trace::root) {
        line.text("xray_trace_id", root);
    }
}

/// The time in RFC 3339, which Lambda requires in a line that names its level.
pub(crate) fn rfc3339(now_ms: i64) -> String {
    DateTime::from_millis(now_ms).fmt(Format::DateTime).unwrap_or_default()
}

/// Writes the line at once, so that no other line comes between. A failed write does not fail the invocation.
pub(crate) fn to_stdout(line: &str) {
    let _ = std::io::stdout().lock().write_all(format!("{line}\n").as_bytes());
}
