//! Reads a file of users line by line: a bad line is reported with its number, and the next one is read.

mod csv;
pub(super) mod keycloak;
mod links;

use crate::cli::FileFormat;
use crate::error::Error;
use gateway_domain::ids::ConnectorName;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// The longest line that is read, in bytes.
const MAX_LINE: usize = 16 * 1024;
/// The columns of a CSV file; the first must be there.
const COLUMNS: [&str; 5] = ["email", "user_id", "password_hash", "enabled", "email_verified"];
/// A further column is one link, such as `links.orders-login`.
const LINK: &str = "links.";

/// A user as the file describes it.
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
    #[serde(default)]
    pub(super) email_verified: Option<bool>,
    /// Names at connectors, and subjects at issuers.
    #[serde(default, deserialize_with = "links::each_once")]
    pub(super) links: BTreeMap<ConnectorName, String>,
}

/// A line of the file: its record, or what is wrong with it.
pub(super) struct Line {
    /// Counted from 1, as editors do.
    pub(super) number: u64,
    pub(super) record: Result<Record, String>,
}

impl Line {
    /// The same without the password hash.
    pub(super) fn without_password(mut self) -> Self {
        if let Ok(record) = &mut self.record {
            record.password_hash = None;
        }
        self
    }
}

/// What is missing for a file of Keycloak.
pub(super) fn needs_issuer() -> Error {
    Error::Invalid("name the issuer of gateway.yaml whose people they are, with --issuer NAME".to_owned())
}

/// The file and its length in bytes; `-` is standard input, whose length is unknown and given as 0.
pub(super) fn open(path: &Path) -> Result<(Box<dyn Read>, u64), Error> {
    if path.as_os_str() == "-" {
        return Ok((Box::new(std::io::stdin()), 0));
    }
    let failed = |error: std::io::Error| Error::File { path: path.to_owned(), reason: error.to_string() };
    let file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    Ok((Box::new(file), length))
}

/// The records of a file. An error means that the first line of a CSV file is wrong.
pub(super) fn lines<'a>(
    source: impl Read + 'a,
    format: FileFormat,
) -> Result<Box<dyn Iterator<Item = Line> + 'a>, Error> {
    match format {
        FileFormat::Csv => csv_lines(source).map(|lines| Box::new(lines) as Box<dyn Iterator<Item = Line>>),
        FileFormat::Jsonl => Ok(Box::new(jsonl(source))),
        FileFormat::Keycloak => Err(needs_issuer()),
    }
}

/// Each line of the file is one record. A field cannot hold a line break, so an unclosed quote makes only its own line bad.
fn csv_lines<'a>(source: impl Read + 'a) -> Result<impl Iterator<Item = Line> + 'a, Error> {
    let mut lines = physical_lines(source);
    let wrong = |number: u64, problem: String| Error::Invalid(format!("line {number}: {problem}"));
    let Some((number, first)) = lines.next() else {
        return Err(wrong(1, "the first line must name the columns, and one of them must be email".to_owned()));
    };
    let headers = first.and_then(|line| csv::fields(&line)).map_err(|problem| wrong(number, problem))?;
    let is_column = |name: &str| COLUMNS.contains(&name) || link_of(name).is_some();
    if let Some(unknown) = headers.iter().find(|name| !is_column(name)) {
        let known = COLUMNS.join(", ");
        return Err(wrong(number, format!("unknown column {unknown:?}; the columns are {known}, and {LINK}NAME")));
    }
    if let Some(twice) = headers.iter().find(|name| headers.iter().filter(|other| other == name).count() > 1) {
        return Err(wrong(number, format!("the column {twice} is named twice")));
    }
    if !headers.iter().any(|name| name == "email") {
        let problem = "the first line must name the columns, and one of them must be email";
        return Err(wrong(number, problem.to_owned()));
    }
    Ok(lines.map(move |(number, line)| Line { number, record: line.and_then(|line| csv_record(&headers, &line)) }))
}

fn csv_record(headers: &[String], line: &[u8]) -> Result<Record, String> {
    let fields = csv::fields(line)?;
    if fields.len() != headers.len() {
        return Err(format!("has {} fields where the first line names {}", fields.len(), headers.len()));
    }
    let field = |column: &str| {
        let field = headers.iter().position(|name| name == column).and_then(|at| fields.get(at));
        field.filter(|field| !field.is_empty()).cloned()
    };
    let flag = |column: &str| match field(column) {
        None => Ok(None),
        // Spreadsheets write `TRUE`, programs `true`.
        Some(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
        Some(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
        Some(_) => Err(format!("{column} must be true or false")),
    };
    let links = headers.iter().filter_map(|name| Some((link_of(name)?, field(name)?)));
    Ok(Record {
        email: field("email").unwrap_or_default(),
        user_id: field("user_id"),
        password_hash: field("password_hash"),
        enabled: flag("enabled")?,
        email_verified: flag("email_verified")?,
        links: links.collect(),
    })
}

/// Where the link of a column leads.
fn link_of(column: &str) -> Option<ConnectorName> {
    ConnectorName::parse(column.strip_prefix(LINK)?).ok()
}

/// The lines that are not blank, each with its number as editors count, without its end (LF or CRLF), and without a byte
/// order mark before the first. At most [`MAX_LINE`] bytes and one more of a line are kept in memory.
fn physical_lines<'a>(source: impl Read + 'a) -> impl Iterator<Item = (u64, Result<Vec<u8>, String>)> + 'a {
    let mut reader = BufReader::new(source);
    let mut number = 0_u64;
    let mut ended = false;
    let lines = std::iter::from_fn(move || {
        if ended {
            return None;
        }
        number = number.saturating_add(1);
        let mut bytes = Vec::new();
        match read_line(&mut reader, &mut bytes) {
            Ok(0) => None,
            Ok(length) => {
                let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                let line = if number == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line };
                let line = if length > MAX_LINE {
                    Err(too_long())
                } else if line.contains(&b'\r') {
                    Err("has a carriage return in it: end lines with LF or CRLF".to_owned())
                } else {
                    Ok(line.to_vec())
                };
                Some((number, line))
            }
            Err(error) => {
                // A read error ends the file, since nothing behind it can be read.
                ended = true;
                Some((number, Err(error.to_string())))
            }
        }
    });
    lines.filter(|(_, line)| !line.as_ref().is_ok_and(|line| line.trim_ascii().is_empty()))
}

/// Reads a line and returns its whole length, but keeps at most [`MAX_LINE`] bytes and one more of it.
fn read_line(reader: &mut impl BufRead, kept: &mut Vec<u8>) -> std::io::Result<usize> {
    let mut length = 0_usize;
    loop {
        let bytes = match reader.fill_buf() {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let end = bytes.iter().position(|byte| *byte == b'\n').map(|at| at.saturating_add(1));
        let taken = end.unwrap_or(bytes.len());
        let room = MAX_LINE.saturating_add(1).saturating_sub(kept.len());
        kept.extend(bytes.iter().take(taken.min(room)));
        length = length.saturating_add(taken);
        let done = end.is_some() || taken == 0;
        reader.consume(taken);
        if done {
            return Ok(length);
        }
    }
}

fn jsonl<'a>(source: impl Read + 'a) -> impl Iterator<Item = Line> + 'a {
    physical_lines(source).map(|(number, line)| {
        let record = line.and_then(|line| serde_json::from_slice(&line).map_err(|error| json_problem(&error)));
        Line { number, record }
    })
}

/// The reason, without any value of the line: a value may be a password hash.
fn json_problem(error: &serde_json::Error) -> String {
    match error.classify() {
        serde_json::error::Category::Data => format!(
            "is not {{\"email\": …}} with at most {}, links: a member is missing, unknown, named twice or of another type",
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
    fn links_are_columns_or_members_each_named_once() {
        let csv = &b"email,links.keycloak,links.orders-login\na@x.de,f:1,\nb@x.de,\"f,2\",b\n"[..];
        let json = &b"{\"email\":\"a@x.de\",\"links\":{\"keycloak\":\"f:1\"}}\n\
            {\"email\":\"b@x.de\",\"links\":{\"keycloak\":\"f,2\",\"orders-login\":\"b\"}}\n"[..];
        for (text, format) in [(csv, FileFormat::Csv), (json, FileFormat::Jsonl)] {
            let links = lines(text, format).unwrap().map(|line| {
                let links = line.record.unwrap().links;
                links.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
            });
            assert_eq!(links.collect::<Vec<_>>(), ["keycloak=f:1", "keycloak=f,2 orders-login=b"], "{format:?}");
        }
        for wrong in ["email,links.\n", "email,links.A\n", "email,links\n", "email,links.a,links.a\n"] {
            assert!(lines(wrong.as_bytes(), FileFormat::Csv).is_err(), "{wrong}");
        }
        for wrong in [r#"{"a":"1","a":"2"}"#, r#"{"A":"1"}"#, r#"{"a":1}"#, r#"["a"]"#] {
            let line = format!("{{\"email\":\"a@x.de\",\"links\":{wrong}}}");
            assert!(read(line.as_bytes(), FileFormat::Jsonl)[0].1.is_err(), "{wrong}");
        }
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

    /// Line ends and blank lines do not change the numbers.
    #[test]
    fn a_line_has_the_number_that_an_editor_shows() {
        for end in ["\n", "\r\n"] {
            let text = [
                "\u{feff}email,enabled",
                "",
                "a@x.de,TRUE",
                "  ",
                "",
                "b@x.de,perhaps",
                "\"c@x.de,true",
                " d@x.de , False ",
            ];
            let found = read(text.join(end).as_bytes(), FileFormat::Csv);
            let found: Vec<_> = found.iter().map(|(line, read)| (*line, read.as_deref().ok())).collect();
            assert_eq!(found, [(3, Some("a@x.de")), (6, None), (7, None), (8, Some("d@x.de"))], "{end:?}");
            let text = [
                "\u{feff}{\"email\":\"a@x.de\"}",
                "",
                "{",
                "{\"email\":\"b@x.de\",\"email\":\"c@x.de\"}",
                "{\"email\":\"d@x.de\"}",
            ];
            let found = read(text.join(end).as_bytes(), FileFormat::Jsonl);
            let found: Vec<_> = found.iter().map(|(line, read)| (*line, read.as_deref().ok())).collect();
            assert_eq!(found, [(1, Some("a@x.de")), (3, None), (4, None), (5, Some("d@x.de"))], "{end:?}");
        }
    }

    #[test]
    fn a_line_without_an_end_takes_no_memory() {
        let long = format!("email\n{}\nb@x.de\n", "a".repeat(5 * MAX_LINE));
        let found = read(long.as_bytes(), FileFormat::Csv);
        assert_eq!(found, [(2, Err(too_long())), (3, Ok("b@x.de".to_owned()))]);
        let old = read(b"email\na@x.de\rb@x.de\n", FileFormat::Csv);
        assert!(old.len() == 1 && old[0].1.as_ref().is_err_and(|told| told.contains("CRLF")), "{old:?}");
    }

    #[test]
    fn a_quote_out_of_place_spoils_its_own_line_alone() {
        let text = b"email,enabled\n\"a@x.de\"b,true\na\"@x.de,true\n\"b@x.de\",\"true\n\"c@x.de\",\"true\"\n\"d@x.de";
        let found: Vec<_> = read(text, FileFormat::Csv).into_iter().map(|(line, read)| (line, read.is_ok())).collect();
        assert_eq!(found, [(2, false), (3, false), (4, false), (5, true), (6, false)]);
        assert!(
            read(b"email\n\"a@x.de", FileFormat::Csv)[0].1.as_ref().is_err_and(|told| told.starts_with("field 1: "))
        );
        let headers = lines(&b"email,\"enabled\n"[..], FileFormat::Csv).err().map(|error| error.to_string());
        assert!(headers.is_some_and(|told| told.starts_with("line 1: field 2: a quote is opened")));
    }

    #[test]
    fn a_column_that_is_none_or_named_twice_stops_the_import_before_it_begins() {
        assert!(lines(&b"email,password\n"[..], FileFormat::Csv).is_err());
        assert!(lines(&b"a@example.com,x\n"[..], FileFormat::Csv).is_err());
        let twice = lines(&b"email,enabled,email\n"[..], FileFormat::Csv).err().map(|error| error.to_string());
        assert_eq!(twice.as_deref(), Some("line 1: the column email is named twice"));
    }
}
