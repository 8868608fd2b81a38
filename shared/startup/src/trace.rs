//! Log lines: JSON on standard output, which Lambda carries to CloudWatch; each names the request it belongs to.

use crate::Environment;
use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::{Format, Json, JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, Layer};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The targets of our own lines: the crates that run in functions, and what somebody should be told of.
const OURS: [&str; 13] = [
    "alarm",
    "authorizer",
    "config",
    "connectors",
    "credentials",
    "domain",
    "keys",
    "proxy",
    "renewal",
    "sessions",
    "startup",
    "store",
    "token",
];
/// The most that is logged of anything else. Below it, the SDK and its HTTP client log whole requests and responses:
/// items with password hashes, salts and sealed tokens, and values of secrets.
const OTHERS: LevelFilter = LevelFilter::WARN;
/// A longer id of a request is cut, in characters. Those of API Gateway and Lambda have 36.
const LONGEST_ID: usize = 128;

/// The request that is answered now. A container answers one at a time, so a line of any task belongs to it, also one
/// of a task that the HTTP client spawned.
static REQUEST: RwLock<Option<Arc<str>>> = RwLock::new(None);

tokio::task_local! {
    /// The same where the task is known: tests answer several at a time in one process.
    static TASK: Arc<str>;
}

/// Begins logging at `LOG_LEVEL` (`TRACE` to `ERROR`, default `WARN`); a second call does nothing.
pub fn tracing(environment: &Environment) {
    let text = environment.get("LOG_LEVEL").unwrap_or("WARN");
    let level = text.parse::<LevelFilter>();
    let lines = Layer::default()
        .fmt_fields(JsonFields::new())
        .event_format(Named(Format::default().json().with_current_span(false).with_span_list(false).with_ansi(false)));
    let filter = targets(level.as_ref().copied().unwrap_or(LevelFilter::WARN));
    if tracing_subscriber::registry().with(filter).with(lines).try_init().is_ok() {
        // The standard hook would write the panic's text, which may hold anything, without level and request.
        std::panic::set_hook(Box::new(|panic| {
            let location = panic.location().map(ToString::to_string);
            tracing::error!(location, "a panic: the invocation fails");
        }));
    }
    if level.is_err() {
        tracing::warn!(level = text, "LOG_LEVEL is none of TRACE, DEBUG, INFO, WARN, ERROR: WARN is used");
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

/// The id of the request that is answered now.
pub fn request_id() -> Option<Arc<str>> {
    let of_task = TASK.try_with(Arc::clone).ok();
    of_task.or_else(|| REQUEST.read().unwrap_or_else(PoisonError::into_inner).clone())
}

/// Answers a request: every line that is written meanwhile names it.
pub async fn answering<T>(request_id: &str, work: impl Future<Output = T>) -> T {
    let request_id: Arc<str> = request_id.chars().take(LONGEST_ID).collect::<String>().into();
    let _answered = Answering::begin(&request_id);
    TASK.scope(request_id, work).await
}

/// Until it is dropped, also by an invocation that was given up.
struct Answering;

impl Answering {
    fn begin(request_id: &Arc<str>) -> Self {
        set(Some(Arc::clone(request_id)));
        Self
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        set(None);
    }
}

fn set(request: Option<Arc<str>>) {
    *REQUEST.write().unwrap_or_else(PoisonError::into_inner) = request;
}

/// Lines with the id of the request as their first member.
struct Named(Format<Json>);

impl<S, N> FormatEvent<S, N> for Named
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
    Format<Json>: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        writer.write_str(&named(&line))
    }
}

/// A line, which is a JSON object, with the id of the request that is answered now.
pub(crate) fn named(line: &str) -> Cow<'_, str> {
    match (request_id(), line.strip_prefix('{')) {
        (Some(id), Some(members)) => {
            format!("{{\"request_id\":{},{members}", serde_json::Value::from(id.as_ref())).into()
        }
        _ => line.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    /// Abuse case I1; checklist Y-01.
    #[test]
    fn no_level_writes_more_than_warnings_of_what_is_not_ours() {
        let levels = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE];
        let others = ["aws_smithy_runtime::client", "aws_sdk_dynamodb", "hyper_util::client", "rustls", "h2", "", "lo"];
        for level in levels {
            let targets = targets(level.into());
            for (target, written) in OURS.iter().flat_map(|target| levels.map(|written| (target, written))) {
                assert_eq!(targets.would_enable(target, &written), written <= level, "{target} {written} at {level}");
            }
            for (target, written) in others.iter().flat_map(|target| levels.map(|written| (target, written))) {
                let expected = written <= level && written <= Level::WARN;
                assert_eq!(targets.would_enable(target, &written), expected, "{target} {written} at {level}");
            }
            assert!(levels.iter().all(|written| !targets.would_enable("lambda_runtime::layers", written)));
        }
    }

    /// A target matches by its beginning.
    #[test]
    fn no_foreign_crate_has_a_name_that_begins_like_one_of_ours() {
        let packages = include_str!("../../../Cargo.lock").split("[[package]]");
        let foreign = packages.filter(|package| package.contains("\nsource = "));
        let names: Vec<_> = foreign.filter_map(|package| package.split('"').nth(1)).collect();
        assert!(names.len() > 100);
        for name in names {
            assert!(!OURS.iter().any(|ours| name.replace('-', "_").starts_with(ours)), "{name}");
        }
    }
}
