//! Lines of a file of users: a bad one is told with its number, and the next is read.

use crate::cli::FileFormat;
use crate::error::Error;
use serde::Deserialize;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;

/// The longest line that is read, in bytes.
const MAX_LINE: usize = 16 * 1024;
/// The columns of a CSV file; the first must be there.
const COLUMNS: [&str; 4] = ["email", "user_id", "password_hash", "enabled"];

/// A user as a file writes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    pub(super) email: String,
    #[serde(default)]
    pub(super) user_id: Option<String>,
    #[serde(default)]
    pub(super) password_hash: Option<String>,
    #[serde(default)]
    pub(super) enabled: Option<bool>,
}

/// A line, read or not.
pub(super) struct Line {
    /// From 1, as editors count.
    pub(super) number: u64,
    pub(super) record: Result<Record, String>,
}

/// The file, or standard input if it is `-`, and its length in bytes as far as that is known.
pub(super) fn open(path: &Path) -> Result<(Box<dyn Read>, u64), Error> {
    if path.as_os_str() == "-" {
        return Ok((Box::new(std::io::stdin()), 0));
    }
    let failed = |error: std::io::Error| Error::File { path: path.to_owned(), reason: error.to_string() };
    let file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    Ok((Box::new(file), length))
}

/// The lines of a file.
pub(super) fn lines<'a>(
    source: impl Read + 'a,
    format: FileFormat,
) -> Result<Box<dyn Iterator<Item = Line> + 'a>, Error> {
    match format {
        FileFormat::Csv => csv(source).map(|lines| Box::new(lines) as Box<dyn Iterator<Item = Line>>),
        FileFormat::Jsonl => Ok(Box::new(jsonl(source))),
    }
}

fn csv<'a>(source: impl Read + 'a) -> Result<impl Iterator<Item = Line> + 'a, Error> {
    let mut reader = csv::ReaderBuilder::new().from_reader(source);
    let wrong = |problem: String| Error::Invalid(format!("line 1: {problem}"));
    let headers = reader.headers().map_err(|error| wrong(error.to_string()))?.clone();
    if let Some(unknown) = headers.iter().find(|name| !COLUMNS.contains(name)) {
        return Err(wrong(format!("unknown column {unknown:?}; the columns are {}", COLUMNS.join(", "))));
    }
    if !headers.iter().any(|name| name == "email") {
        return Err(wrong("the first line must name the columns, and one of them must be email".to_owned()));
    }
    let mut ended = false;
    Ok(std::iter::from_fn(move || {
        if ended {
            return None;
        }
        let mut record = csv::StringRecord::new();
        let read = reader.read_record(&mut record);
        let number = match &read {
            Err(error) => error.position().map(csv::Position::line),
            Ok(_) => record.position().map(csv::Position::line),
        };
        let number = number.unwrap_or_else(|| reader.position().line());
        match read {
            Ok(false) => None,
            Ok(true) => {
                let long = record.as_slice().len() > MAX_LINE;
                let read = || record.deserialize::<Record>(Some(&headers)).map_err(|error| csv_problem(&error));
                Some(Line { number, record: if long { Err(too_long()) } else { read() } })
            }
            Err(error) => {
                // A file that cannot be read on ends here; a line that cannot be understood does not.
                ended = error.is_io_error();
                Some(Line { number, record: Err(csv_problem(&error)) })
            }
        }
    }))
}

/// The reason alone: no value of the line, which may be a hash.
fn csv_problem(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("has {len} fields where the first line names {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "is not UTF-8".to_owned(),
        csv::ErrorKind::Deserialize { .. } => "enabled must be true or false".to_owned(),
        csv::ErrorKind::Io(error) => error.to_string(),
        // The library may learn of more.
        csv::ErrorKind::Seek | csv::ErrorKind::Serialize(_) | _ => "cannot be read as CSV".to_owned(),
    }
}

fn jsonl<'a>(source: impl Read + 'a) -> impl Iterator<Item = Line> + 'a {
    let mut reader = BufReader::new(source);
    let mut number = 0_u64;
    let mut ended = false;
    let lines = std::iter::from_fn(move || {
        if ended {
            return None;
        }
        number = number.saturating_add(1);
        let mut bytes = Vec::new();
        match reader.read_until(b'\n', &mut bytes) {
            Ok(0) => None,
            Ok(_) => Some((number, Ok(bytes))),
            Err(error) => {
                ended = true;
                Some((number, Err(error.to_string())))
            }
        }
    });
    lines.filter(|(_, bytes)| !bytes.as_ref().is_ok_and(|bytes| bytes.trim_ascii().is_empty())).map(
        |(number, bytes)| {
            let record = bytes.and_then(|bytes| match bytes.len() {
                0..=MAX_LINE => serde_json::from_slice(&bytes).map_err(|error| json_problem(&error)),
                _ => Err(too_long()),
            });
            Line { number, record }
        },
    )
}

/// The reason alone, likewise.
fn json_problem(error: &serde_json::Error) -> String {
    match error.classify() {
        serde_json::error::Category::Data => format!(
            "is not {{\"email\": …}} with at most {}: a member is missing, unknown or of another type",
            COLUMNS.join(", ")
        ),
        serde_json::error::Category::Io | serde_json::error::Category::Syntax | serde_json::error::Category::Eof => {
            format!("is not JSON from column {}", error.column())
        }
    }
}

fn too_long() -> String {
    format!("is longer than {MAX_LINE} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8], format: FileFormat) -> Vec<(u64, Result<String, String>)> {
        let lines = lines(text, format).unwrap();
        lines.map(|line| (line.number, line.record.map(|record| record.email))).collect()
    }

    #[test]
    fn a_bad_line_of_csv_is_told_and_the_others_are_read() {
        let text = b"email,enabled\na@example.com,true\nb@example.com\nc@example.com,perhaps\n\xff\xfe,true\n\"d@example.com\",\n";
        let found = read(text, FileFormat::Csv);
        let good: Vec<_> = found.iter().filter_map(|(line, read)| Some((*line, read.as_deref().ok()?))).collect();
        assert_eq!(good, [(2, "a@example.com"), (6, "d@example.com")]);
        let bad: Vec<_> = found.iter().filter(|(_, read)| read.is_err()).map(|(line, _)| *line).collect();
        assert_eq!(bad, [3, 4, 5]);
    }

    #[test]
    fn a_bad_line_of_json_is_told_without_what_it_holds() {
        let text = b"{\"email\":\"a@example.com\"}\n\n{\"email\":\"b\",\"password\":\"hunter2\"}\nhunter2\n{\"email\":\"c@example.com\"}";
        let found = read(text, FileFormat::Jsonl);
        assert_eq!(
            found.iter().map(|(line, read)| (*line, read.is_ok())).collect::<Vec<_>>(),
            [(1, true), (3, false), (4, false), (5, true)]
        );
        assert!(!format!("{found:?}").contains("hunter2"));
    }

    #[test]
    fn a_column_that_is_none_stops_the_import_before_it_begins() {
        assert!(lines(&b"email,password\n"[..], FileFormat::Csv).is_err());
        assert!(lines(&b"a@example.com,x\n"[..], FileFormat::Csv).is_err());
    }
}
