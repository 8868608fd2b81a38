//! Log lines: each a flat JSON object on standard output, which Lambda carries to CloudWatch, under the keys of Powertools for
//! AWS Lambda.

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

/// The targets of our own lines, by their beginnings: our crates, and what somebody should be told of.
const OURS: [&str; 2] = ["alarm", "gateway_"];
/// The most that is logged of anything else. Below it, the SDK and its HTTP client log whole requests and responses:
/// items with password hashes, salts and sealed tokens, and values of secrets.
const OTHERS: LevelFilter = LevelFilter::WARN;

/// Begins logging at the level of the settings (default `WARN`); a second call does nothing.
pub fn begin(settings: &Settings<'_>, clock: Arc<dyn Clock>) {
    let text = settings.log_level.unwrap_or("WARN");
    let level = text.parse::<LevelFilter>();
    let filter = targets(level.as_ref().copied().unwrap_or(LevelFilter::WARN));
    let lines = Lines { service: settings.service, clock, write: to_stdout };
    if tracing_subscriber::registry().with(filter).with(lines).try_init().is_ok() {
        // The standard hook would write the panic's text, which may hold anything, without level and request.
        std::panic::set_hook(Box::new(|panic| {
            let location = panic.location().map(ToString::to_string);
            tracing::error!(location, "a panic: the invocation fails");
        }));
    }
    if level.is_err() {
        tracing::warn!(given = text, "LOG_LEVEL is none of TRACE, DEBUG, INFO, WARN, ERROR: WARN is used");
    }
}

/// Which lines are written at this level.
fn targets(level: LevelFilter) -> Targets {
    Targets::new()
        .with_default(level.min(OTHERS))
        .with_targets(OURS.map(|target| (target, level)))
        // The runtime would log every refused token as an error; the functions log their own failures.
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

/// A line of metrics, which is a JSON object, with the ids that every line has. The format has no place for `cold_start`:
/// its members are texts and numbers.
pub(crate) fn named(service: &str, metrics: &str) -> String {
    let mut line = Members::default();
    name(&mut line, service, observer::invocation().as_deref());
    line.append(&Members::of(metrics));
    line.object()
}

/// Whose line it is, and of which invocation.
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

/// RFC 3339, as Lambda wants it of a line that names its level.
pub(crate) fn rfc3339(now_ms: i64) -> String {
    DateTime::from_millis(now_ms).fmt(Format::DateTime).unwrap_or_default()
}

/// One write, so that no other line comes between. A log that cannot be written does not fail a call.
pub(crate) fn to_stdout(line: &str) {
    let _ = std::io::stdout().lock().write_all(format!("{line}\n").as_bytes());
}
