//! What is printed: a table for people, or JSON for programs; never both, and problems on standard error.

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
    /// A list with these columns, each a title and the place of its value in an item. `next` is where to go on.
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

    /// One thing with all its members.
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

    /// What was done, in words or as JSON.
    pub(crate) fn done(self, words: &str, result: &Json) {
        write(&if self.json { pretty(result) } else { shown(words) });
    }
}

fn pretty(value: &Json) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// A value in a table: no quotes, and nothing that a terminal would obey.
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

/// A closed pipe is no failure: who reads has enough.
pub(crate) fn write(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Something worth knowing that is no result.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", shown(text));
}

/// Why the command failed.
pub(crate) fn problem(error: &Error) {
    note(&format!("error: {error}"));
}
