//! Prints results on standard output, as a table for people or as JSON for programs, and everything else on standard error.

use crate::error::Error;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Value as Json, json};
use std::io::Write as _;

/// Prints results in one form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printer {
    pub(crate) json: bool,
}

impl Printer {
    /// A list with these columns: the title of each, and the JSON pointer of its value in an item. The next page follows
    /// `next`.
    pub(crate) fn list(self, columns: &[(&str, &str)], items: &[Json], next: Option<&str>) {
        if self.json {
            return write(&pretty(&json!({ "items": items, "next": next })));
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(columns.iter().map(|(title, _)| *title));
        for item in items {
            table.add_row(columns.iter().map(|(_, place)| cell(item.pointer(place).unwrap_or(&Json::Null))));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        write(&table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n"));
        if let Some(next) = next {
            note(&format!("there are more: go on with --after {next}"));
        }
    }

    /// One object with all its members.
    pub(crate) fn one(self, item: &Json) {
        if self.json {
            return write(&pretty(item));
        }
        let Some(members) = item.as_object() else { return write(&cell(item)) };
        let width = members.keys().map(String::len).max().unwrap_or_default().saturating_add(2);
        let lines = members
            .iter()
            .map(|(name, value)| format!("{:width$}{}", format!("{}:", name.replace('_', " ")), cell(value)));
        write(&lines.collect::<Vec<_>>().join("\n"));
    }

    /// What was done: `words` for people, `result` as JSON.
    pub(crate) fn done(self, words: &str, result: &Json) {
        write(&if self.json { pretty(result) } else { shown(words) });
    }
}

fn pretty(value: &Json) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// A value as it stands in a table: without quotes and without control characters, which a terminal would obey.
fn cell(value: &Json) -> String {
    match value {
        Json::Null => "-".to_owned(),
        Json::Bool(true) => "yes".to_owned(),
        Json::Bool(false) => "no".to_owned(),
        Json::Number(number) => number.to_string(),
        Json::String(text) => shown(text),
        Json::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        Json::Object(members) => members
            .iter()
            .map(|(name, value)| format!("{} {}", shown(name), cell(value)))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

fn shown(text: &str) -> String {
    text.chars().map(|char| if char.is_control() && char != '\n' { '\u{fffd}' } else { char }).collect()
}

/// Prints a line on standard output. A closed pipe is not an error: the reader has read enough.
pub(crate) fn write(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Prints a message that is not a result on standard error.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", shown(text));
}

/// Prints why the command failed.
pub(crate) fn problem(error: &Error) {
    note(&format!("error: {error}"));
}
