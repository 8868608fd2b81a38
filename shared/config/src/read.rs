//! Reads the fields of a configuration from YAML. Problems are worded in terms of the configuration, not of the parser.

use crate::place::Places;
use crate::{NotAllowed, Problem};
use serde::de::DeserializeOwned;
use serde_saphyr::{Error, MergeKeyPolicy, Options};

/// The bytes of a file as text, which must be UTF-8.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(bytes).map_err(|error| {
        let before = String::from_utf8_lossy(bytes.get(..error.valid_up_to()).unwrap_or_default());
        let after_line_break = before.rsplit('\n').next().unwrap_or_default();
        let position = |count: usize| u64::try_from(count).unwrap_or(u64::MAX).saturating_add(1);
        Problem {
            line: position(before.matches('\n').count()),
            column: position(after_line_break.chars().count()),
            field: Places::of(&before).last_field().to_owned(),
            reason: "not UTF-8: save the file as UTF-8".to_owned(),
        }
    })
}

/// Reads the fields of a text. Each field is checked by itself; `check` compares them with each other.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    serde_saphyr::from_str_with_options(text, options()).map_err(|error| {
        let error = error.without_snippet();
        let at = error.location().map_or((1, 1), |location| (location.line().max(1), location.column().max(1)));
        let places = Places::of(text);
        // A missing field has no position, so the position of its mapping is reported.
        let missing = matches!(error, Error::SerdeMissingField { .. });
        let field = if missing { places.mapping_at(at) } else { places.field_at(at) };
        let (line, column) = if missing { places.position_of(field) } else { at };
        Problem { line, column, field: field.to_owned(), reason: reason(error, at) }
    })
}

/// Adds to each finding the position of its field, and sorts the findings by position.
pub(crate) fn locate(text: &str, found: Vec<(String, NotAllowed)>) -> Vec<Problem> {
    let places = Places::of(text);
    let problem = |(field, reason): (String, NotAllowed)| {
        let (line, column) = places.position_of(&field);
        Problem { line, column, field, reason: reason.to_string() }
    };
    let mut problems: Vec<_> = found.into_iter().map(problem).collect();
    problems.sort_by_key(|problem| (problem.line, problem.column));
    problems
}

fn options() -> Options {
    serde_saphyr::options! {
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        with_snippet: false,
    }
}

/// What is wrong, without the position, which `Problem` has in fields of its own.
fn reason(error: &Error, (line, column): (u64, u64)) -> String {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a foreign enum with some seventy kinds; the others explain themselves"
    )]
    match error {
        Error::SerdeUnknownField { expected, .. } => format!("unknown field: write one of {}", expected.join(", ")),
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            format!("`{variant}` is not known here: write one of {}", expected.join(", "))
        }
        Error::SerdeMissingField { field, .. } => format!("`{field}` is missing: add it"),
        Error::DuplicateMappingKey { .. } => "this name is there twice: keep one".to_owned(),
        Error::MergeKeyNotAllowed { .. } => "`<<` is not allowed: write the fields out".to_owned(),
        Error::NullIntoString { .. } => "the value is missing: write one or remove the field".to_owned(),
        Error::InvalidScalar { ty, .. } if ty.starts_with('u') => {
            "expected a whole number that is not negative".to_owned()
        }
        Error::InvalidScalar { ty: "boolean", .. } | Error::InvalidBooleanStrict { .. } => {
            "expected true or false".to_owned()
        }
        Error::Unexpected { expected: "mapping start", .. } => {
            "expected fields: write `name: value` lines below".to_owned()
        }
        Error::Unexpected { expected: "sequence start", .. } => "expected a list: write [a, b]".to_owned(),
        Error::Unexpected { expected: "string scalar", .. } => {
            "expected a single value, not a list or fields".to_owned()
        }
        Error::Eof { .. } => "the configuration is empty: write `plans` and `apis`".to_owned(),
        Error::MultipleDocuments { .. } => "only one document is read: remove the line `---`".to_owned(),
        other => {
            let text = other.to_string();
            text.strip_suffix(&format!(" at line {line}, column {column}")).map_or(text.clone(), str::to_owned)
        }
    }
}
