//! CloudWatch's embedded metric format: values wait in the container and are written as few JSON lines.
//!
//! A line costs more than the work it reports, so a container that only admits calls writes one after a hundred of them or
//! after a minute, whichever is first. Values that still wait in a container without further invocations are lost.

use crate::log_lines::rfc3339;
use crate::metric::{FUNCTION, Metric, Unit, Urgency};
use serde_json::{Map, Value, json};

/// The most values of one metric that CloudWatch accepts in a line.
const MOST_VALUES: u32 = 100;
/// The number of waiting groups at which all are written. Any sensible configuration has fewer.
const MOST_GROUPS: usize = 100;
/// The longest time that values wait while invocations come in, in milliseconds.
const LONGEST_WAIT: i64 = 60_000;
/// The least time between two lines that are written for [`Urgency::Soon`], in milliseconds.
const BETWEEN_LINES: i64 = 10_000;

/// The values that wait to be written, and what every line of them names.
#[derive(Debug)]
pub(crate) struct Pending {
    namespace: String,
    function: &'static str,
    /// The level that a line must name to pass Lambda's log level filter; `None` if a line without one passes.
    head: Option<&'static str>,
    groups: Vec<Group>,
    /// When a line was last written for [`Urgency::Soon`], in milliseconds.
    written: i64,
}

/// Metrics with the same dimensions.
#[derive(Debug)]
struct Group {
    urgency: Urgency,
    since: i64,
    sets: &'static [&'static [&'static str]],
    dimensions: Vec<(&'static str, String)>,
    series: Vec<Series>,
}

#[derive(Debug)]
struct Series {
    name: &'static str,
    unit: Unit,
    values: Vec<f64>,
    recorded: u32,
}

impl Pending {
    /// No values yet. `level` is the log level of the function: Lambda drops lines below it, and takes a line without a
    /// level for INFO.
    pub(crate) fn new(namespace: String, function: &'static str, level: &str) -> Self {
        let head = match level.to_ascii_uppercase().as_str() {
            "WARN" => Some("WARN"),
            "ERROR" => Some("ERROR"),
            _ => None,
        };
        Self { namespace, function, head, groups: vec![], written: i64::MIN }
    }

    /// Adds the values of a metric.
    pub(crate) fn add(&mut self, metric: Metric<'_>, now_ms: i64) {
        let described = metric.described();
        let same = |group: &Group| {
            let given = described.dimensions.iter().copied();
            group.sets == described.sets
                && group.dimensions.iter().map(|(name, value)| (*name, value.as_str())).eq(given)
        };
        let index = self.groups.iter().position(same).unwrap_or_else(|| {
            let dimensions = described.dimensions.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
            let (urgency, sets) = (described.urgency, described.sets);
            self.groups.push(Group { urgency, since: now_ms, sets, dimensions, series: vec![] });
            self.groups.len() - 1
        });
        if let Some(group) = self.groups.get_mut(index) {
            group.urgency = group.urgency.max(described.urgency);
            for (name, unit, value) in described.values {
                group.add(name, unit, value);
            }
        }
    }

    /// The lines to write now; none if all values can wait. Values that can wait are added to a line where they fit. A name
    /// stands only once in a line, so a second line is needed only if values of two systems are due at once.
    pub(crate) fn due(&mut self, now_ms: i64) -> Vec<String> {
        let crowded = self.groups.len() >= MOST_GROUPS;
        let (due, waiting) = std::mem::take(&mut self.groups)
            .into_iter()
            .partition::<Vec<_>, _>(|group| crowded || group.is_due(now_ms, self.written));
        if due.iter().any(|group| group.urgency == Urgency::Soon) {
            self.written = now_ms;
        }
        let mut lines: Vec<Vec<Group>> = Vec::new();
        for group in due {
            match lines.iter_mut().find(|line| line.iter().all(|other| other.goes_with(&group))) {
                Some(line) => line.push(group),
                None => lines.push(vec![group]),
            }
        }
        for group in waiting {
            match lines.iter_mut().find(|line| line.iter().all(|other| other.goes_with(&group))) {
                Some(line) => line.push(group),
                None => self.groups.push(group),
            }
        }
        lines.iter().map(|line| self.line(line, now_ms).to_string()).collect()
    }

    /// One document of the format.
    fn line(&self, groups: &[Group], now_ms: i64) -> Value {
        let mut root = Map::new();
        if let Some(level) = self.head {
            root.insert("level".to_owned(), level.into());
            root.insert("timestamp".to_owned(), rfc3339(now_ms).into());
        }
        let mut directives = Vec::new();
        for group in groups {
            let mut metrics = Vec::new();
            for series in &group.series {
                metrics.push(json!({ "Name": series.name, "Unit": series.unit.as_str() }));
                root.insert(series.name.to_owned(), series.value());
            }
            for (name, value) in &group.dimensions {
                root.insert((*name).to_owned(), value.as_str().into());
            }
            if group.sets.iter().any(|set| set.contains(&FUNCTION)) {
                root.insert(FUNCTION.to_owned(), self.function.into());
            }
            directives.push(json!({ "Namespace": self.namespace, "Dimensions": group.sets, "Metrics": metrics }));
        }
        root.insert("_aws".to_owned(), json!({ "Timestamp": now_ms, "CloudWatchMetrics": directives }));
        Value::Object(root)
    }
}

impl Group {
    fn is_due(&self, now_ms: i64, written: i64) -> bool {
        let urgent = match self.urgency {
            Urgency::Now => true,
            Urgency::Soon => now_ms.saturating_sub(written) >= BETWEEN_LINES,
            Urgency::Leisurely => false,
        };
        let waited = now_ms.saturating_sub(self.since) >= LONGEST_WAIT;
        urgent || waited || self.series.iter().any(|series| series.recorded >= MOST_VALUES)
    }

    fn add(&mut self, name: &'static str, unit: Unit, value: f64) {
        let index = self.series.iter().position(|series| series.name == name).unwrap_or_else(|| {
            self.series.push(Series { name, unit, values: vec![], recorded: 0 });
            self.series.len() - 1
        });
        let Some(series) = self.series.get_mut(index) else { return };
        series.recorded = series.recorded.saturating_add(1);
        match (unit, series.values.first_mut()) {
            (Unit::Count, Some(sum)) => *sum += value,
            // Measurements beyond the format's bound are dropped.
            (Unit::Milliseconds, Some(_)) if series.recorded > MOST_VALUES => {}
            (Unit::Count | Unit::Milliseconds, _) => series.values.push(value),
        }
    }

    /// Whether both fit into one document, in which each name has one value.
    fn goes_with(&self, other: &Self) -> bool {
        let clash = |(name, value): &(&str, String)| other.dimensions.iter().any(|(n, v)| n == name && v != value);
        let repeats = |series: &Series| other.series.iter().any(|also| also.name == series.name);
        !self.dimensions.iter().any(clash) && !self.series.iter().any(repeats)
    }
}

impl Series {
    fn value(&self) -> Value {
        match (self.unit, self.values.as_slice()) {
            (Unit::Count, [sum]) => json!(sum),
            (Unit::Count | Unit::Milliseconds, values) => json!(values),
        }
    }
}

#[cfg(test)]
mod tests;
