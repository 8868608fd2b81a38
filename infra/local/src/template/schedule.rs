//! Reads schedules, which are events of functions as routes are.

use std::time::Duration;

use super::TemplateError;
use super::cursor::At;

/// A schedule that invokes a function again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Its name among the events of the function.
    pub name: String,
    /// Logical id of the function.
    pub function: String,
    /// The time between two invocations, and before the first one.
    pub period: Duration,
    /// The event, if it is not the one that `EventBridge` makes.
    pub input: Option<String>,
}

/// Reads an event of the type `Schedule`; `None` if it is disabled.
pub(super) fn read(function: &str, name: &str, properties: &At) -> Result<Option<Schedule>, TemplateError> {
    let fields = properties.fields(&["Schedule", "Description", "Enabled", "Input"])?;
    let period = period(&fields.required("Schedule")?)?;
    let input = match fields.get("Input") {
        Some(at) if serde_json::from_str::<serde_json::Value>(at.text()?).is_err() => {
            return Err(at.error("must be JSON"));
        }
        Some(at) => Some(at.text()?.to_owned()),
        None => None,
    };
    if let Some(enabled) = fields.get("Enabled")
        && enabled.one_of(&["true", "false"])? == "false"
    {
        return Ok(None);
    }
    Ok(Some(Schedule { name: name.to_owned(), function: function.to_owned(), period, input }))
}

/// Reads `rate(value unit)`. `EventBridge` wants the singular for one and the plural for more.
///
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html>
fn period(at: &At) -> Result<Duration, TemplateError> {
    let wrong = || at.error("must be `rate(1 minute)`, `rate(5 minutes)`, or the same of hours or days");
    let rate = at.text()?.strip_prefix("rate(").and_then(|rest| rest.strip_suffix(')')).ok_or_else(wrong)?;
    let (count, unit) = rate.split_once(' ').ok_or_else(wrong)?;
    let count: u64 = count.parse().map_err(|_| wrong())?;
    let seconds = match (count, unit) {
        (1, "minute") | (2.., "minutes") => 60,
        (1, "hour") | (2.., "hours") => 60 * 60,
        (1, "day") | (2.., "days") => 24 * 60 * 60,
        _ => return Err(wrong()),
    };
    count.checked_mul(seconds).map(Duration::from_secs).ok_or_else(wrong)
}
