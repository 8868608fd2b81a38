//! How the trial of a connector is printed, for people and for programs.

use crate::output::Printer;
use gateway_connectors::http_login::{Compared, Event, Exchange, Walk};
use gateway_connectors::{Acquired, ConnectorError};
use gateway_domain::ids::ConnectorName;
use gateway_domain::time::Timestamp;
use serde_json::{Value as Json, json};

/// What was seen so far.
pub(super) struct Report {
    lines: Vec<String>,
    result: serde_json::Map<String, Json>,
}

impl Report {
    pub(super) fn new(name: &ConnectorName, walk: Option<&Walk>) -> Self {
        let mut result = serde_json::Map::from_iter([("connector".to_owned(), json!(name.as_str()))]);
        let mut lines = Vec::new();
        if let Some(walk) = walk {
            lines.extend(walk.events.iter().flat_map(event));
            result.insert("events".to_owned(), json!(walk.events));
        }
        Self { lines, result }
    }

    pub(super) fn logged_in(&mut self, acquired: &Acquired, now: Timestamp) {
        let seconds = |end: Timestamp| end.as_secs().saturating_sub(now.as_secs());
        let (ends, idle) = (acquired.ends.map(seconds), acquired.idle.map(gateway_domain::time::Seconds::as_u64));
        let renewable = acquired.renew_until.map(seconds);
        let end = match (ends, idle) {
            (Some(ends), Some(idle)) => format!("ends in {ends} s, and after {idle} s without a call"),
            (Some(ends), None) => format!("ends in {ends} s"),
            (None, Some(idle)) => format!("ends after {idle} s without a call"),
            (None, None) => "has no end that is known".to_owned(),
        };
        let more = renewable.map(|renewable| format!("; it can be renewed for {renewable} s")).unwrap_or_default();
        let line = format!("logged in: the session {end}{more}");
        self.lines.push(line);
        let outcome = json!({ "ends_in": ends, "idle": idle, "renewable_for": renewable });
        self.result.insert("outcome".to_owned(), json!("acquired"));
        self.result.insert("session".to_owned(), outcome);
    }

    pub(super) fn called(&mut self, path: &str, outcome: Result<Json, String>) {
        let path = path.split('?').next().unwrap_or_default();
        let seen = match outcome {
            Ok(seen) => {
                let dead = seen.get("dead_session").is_some_and(|dead| *dead == true);
                let end = if dead { ": as `dead_session` says, so the session does not open it" } else { "" };
                let told = |name: &str| seen.get(name).map(Json::to_string).unwrap_or_default();
                let (status, bytes) = (told("status"), told("bytes"));
                self.lines.push(format!("GET {path}: status {status}, {bytes} bytes{end}"));
                seen
            }
            Err(reason) => {
                self.lines.push(format!("GET {path}: {reason}"));
                json!({ "problem": reason })
            }
        };
        self.result.insert("call".to_owned(), seen);
    }

    pub(super) fn logged_out(&mut self, outcome: Result<(), ConnectorError>) {
        let (line, result) = match outcome {
            Ok(()) => ("logged out, as far as the connector has a logout".to_owned(), json!("done")),
            Err(error) => (format!("NOT logged out: {error}"), json!(error.to_string())),
        };
        self.lines.push(line);
        self.result.insert("logout".to_owned(), result);
    }

    pub(super) fn failed(&mut self, error: &ConnectorError, advice: &[String]) {
        let outcome = match error {
            ConnectorError::Refused => "refused",
            ConnectorError::NotLinked => "not_linked",
            ConnectorError::PasswordNeeded => "password_needed",
            ConnectorError::Unavailable(_) => "unavailable",
            ConnectorError::Misbehaved(_) | ConnectorError::Unfit(_) => "misbehaved",
        };
        self.lines.push(format!("{outcome}: {error}"));
        self.lines.extend(advice.iter().map(|advice| format!("  try: {advice}")));
        self.result.insert("outcome".to_owned(), json!(outcome));
        self.result.insert("reason".to_owned(), json!(error.to_string()));
        self.result.insert("advice".to_owned(), json!(advice));
    }

    pub(super) fn print(self, printer: Printer) {
        printer.done(&self.lines.join("\n"), &Json::Object(self.result));
    }
}

fn event(event: &Event) -> Vec<String> {
    match event {
        Event::Exchange(seen) => exchange(seen),
        Event::Judged { success, refused, problem, .. } => {
            let mut lines = compared("success", success);
            lines.extend(compared("refused", refused));
            lines.extend(problem.iter().map(|problem| format!("  cannot be judged: {problem}")));
            lines
        }
        Event::Value { field, place, found, good } => {
            let mark = if *good { "found" } else { "MISSING" };
            vec![format!("  {field}: {place}: {mark}, {found}")]
        }
    }
}

fn exchange(seen: &Exchange) -> Vec<String> {
    let mut lines = vec![format!("step {}: {} {}", seen.step, seen.method, seen.url)];
    if !seen.cookies_sent.is_empty() {
        lines.push(format!("  sent cookies {}", seen.cookies_sent.join(", ")));
    }
    let coding = seen.content_coding.as_ref().map_or(String::new(), |coding| format!(" in {coding}"));
    lines.push(format!("  status {}, {}, {} bytes{coding}", seen.status, seen.content_type, seen.bytes));
    for cookie in &seen.cookies {
        let ends = cookie.ends_in.map_or(String::new(), |ends| format!(", ends in {ends} s"));
        lines.push(format!("  cookie {} at {}: {}{ends}", cookie.name, cookie.path, cookie.what));
    }
    for form in &seen.forms {
        let id = form.id.as_ref().map_or(String::new(), |id| format!(" {id}"));
        let password = if form.password { " with a password field" } else { "" };
        lines.push(format!("  form{id}{password} to {}: {}", form.action, form.fields.join(", ")));
    }
    lines.extend(seen.redirect.iter().map(|target| format!("  redirects to {target}")));
    lines
}

fn compared(name: &str, parts: &[Compared]) -> Vec<String> {
    let words =
        parts.iter().map(|part| format!("{} {}", part.what, if part.holds { "holds" } else { "DOES NOT HOLD" }));
    let words: Vec<_> = words.collect();
    if words.is_empty() { Vec::new() } else { vec![format!("  {name}: {}", words.join("; "))] }
}
