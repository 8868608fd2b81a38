//! Finds values in JSON without reading numbers, so that each digit of a number stays as it was written.

use std::collections::HashMap;

use gateway_domain::time::{Seconds, Timestamp};
use serde_json::value::RawValue;

use super::content::Absent;
use crate::rfc3339;
use gateway_config::connector::ExpiryForm;

/// The longest accepted lifetime of a session, in seconds: a thousand years.
const LONGEST: f64 = 3.2e10;

/// The value at this place (RFC 6901), as it is written.
pub(super) fn at<'t>(text: &'t str, pointer: &str) -> Result<&'t str, Absent> {
    let mut value: &RawValue = serde_json::from_str(text).map_err(|_| Absent::NoJson)?;
    for token in pointer.split('/').skip(1) {
        value = child(value.get(), &token.replace("~1", "/").replace("~0", "~")).ok_or(Absent::NotThere)?;
    }
    Ok(value.get())
}

fn child<'t>(text: &'t str, name: &str) -> Option<&'t RawValue> {
    if text.starts_with('{') {
        let members: HashMap<String, &RawValue> = serde_json::from_str(text).ok()?;
        return members.get(name).copied();
    }
    let is_index = name == "0" || (!name.starts_with('0') && name.bytes().all(|byte| byte.is_ascii_digit()));
    let items: Vec<&RawValue> = if is_index { serde_json::from_str(text).ok()? } else { return None };
    items.get(name.parse::<usize>().ok()?).copied()
}

/// The text of a value: that of a string, or a number as it is written.
pub(super) fn text(value: &str) -> Result<String, Absent> {
    match value.bytes().next() {
        Some(b'"') => serde_json::from_str(value).map_err(|_| Absent::NoText),
        Some(b'-' | b'0'..=b'9') => Ok(value.to_owned()),
        _ => Err(Absent::NoText),
    }
}

/// When a session ends, as a value says it at this time.
pub(super) fn end(value: &str, form: ExpiryForm, now: Timestamp) -> Result<Timestamp, Absent> {
    let end = match form {
        ExpiryForm::Seconds => seconds(value).map(|length| now.saturating_add(length)),
        ExpiryForm::Rfc3339 => serde_json::from_str::<String>(value).ok().and_then(|text| rfc3339::parse(&text)),
    };
    end.ok_or(Absent::NoTime)
}

/// A number of seconds that is not negative: a JSON number in any form (`300`, `300.0`, `3e2`), or a text with such a
/// number. A fraction of a second is dropped, so the session never seems to last longer than it does.
fn seconds(value: &str) -> Option<Seconds> {
    let written = text(value).ok()?;
    // It is read by the grammar of JSON, which has no infinity.
    let number = serde_json::from_str::<f64>(written.trim()).ok()?;
    if !(0.0..=LONGEST).contains(&number) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it lies between 0 and the longest; the fraction is left out"
    )]
    let whole = number as u64;
    Some(Seconds::new(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_leads_to_what_is_written_there() {
        let json = r#"{"a": [{"b": 1.50}, 12345678901234567890123], "c~/": "\u00fc", "": 7, "d": 1, "d": 2}"#;
        for (pointer, value) in [
            ("/a/0/b", "1.50"),
            ("/a/1", "12345678901234567890123"),
            ("/c~0~1", r#""\u00fc""#),
            ("/", "7"),
            ("/d", "2"),
        ] {
            assert_eq!(at(json, pointer), Ok(value), "{pointer}");
        }
        for pointer in ["/a/2", "/a/00", "/a/-", "/a/+1", "/a/0/b/c", "/x", "/a/b"] {
            assert_eq!(at(json, pointer), Err(Absent::NotThere), "{pointer}");
        }
        for bad in ["", "{", "{} x", "<html>", "[1,]"] {
            assert_eq!(at(bad, "/a"), Err(Absent::NoJson), "{bad}");
        }
        assert_eq!(text(r#""\u00fc""#).as_deref(), Ok("\u{fc}"));
        assert_eq!(
            (text("null"), text("[]"), text(r#""\ud800""#)),
            (Err(Absent::NoText), Err(Absent::NoText), Err(Absent::NoText))
        );
    }

    #[test]
    fn json_of_any_depth_is_read_without_recursion() {
        let deep = format!("{{\"a\": {}{}, \"b\": 1}}", "[".repeat(400_000), "]".repeat(400_000));
        let _ = at(&deep, "/b");
    }
}
