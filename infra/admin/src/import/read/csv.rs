//! Splits one line of CSV into fields (RFC 4180 §2). A line that two readers could split differently is refused.

/// The fields of a line, without space around them. An error names the number of the field, counted from 1, and never its
/// value, which may be a password hash.
pub(super) fn fields(line: &[u8]) -> Result<Vec<String>, String> {
    let mut rest = Some(std::str::from_utf8(line).map_err(|_| "is not UTF-8")?);
    let mut fields = Vec::new();
    while let Some(text) = rest {
        let (field, behind) =
            first_field(text).map_err(|problem| format!("field {}: {problem}", fields.len().saturating_add(1)))?;
        fields.push(field);
        rest = behind;
    }
    Ok(fields)
}

/// The first field of a text, and the text after its comma, if there is one.
fn first_field(text: &str) -> Result<(String, Option<&str>), &'static str> {
    let text = text.trim_start();
    if let Some(quoted) = text.strip_prefix('"') {
        return quoted_field(quoted);
    }
    let (field, behind) = text.split_once(',').map_or((text, None), |(field, behind)| (field, Some(behind)));
    if field.contains('"') {
        return Err(
            "a quote stands in a field that does not begin with one: quote the field, and double each quote in it",
        );
    }
    Ok((field.trim_end().to_owned(), behind))
}

/// The same for a quoted field, whose opening quote is already removed.
fn quoted_field(mut quoted: &str) -> Result<(String, Option<&str>), &'static str> {
    let mut field = String::new();
    loop {
        let (before, behind) = quoted.split_once('"').ok_or("a quote is opened and not closed on the same line")?;
        field.push_str(before);
        if let Some(doubled) = behind.strip_prefix('"') {
            field.push('"');
            quoted = doubled;
            continue;
        }
        let behind = behind.trim_start();
        let next = behind.strip_prefix(',');
        if next.is_none() && !behind.is_empty() {
            return Err("text stands behind the closing quote: double each quote that belongs to the value");
        }
        return Ok((field.trim().to_owned(), next));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_csv_is_split_at_commas_outside_quotes() {
        for (line, expected) in [
            ("a,b", vec!["a", "b"]),
            ("", vec![""]),
            (",", vec!["", ""]),
            ("a,", vec!["a", ""]),
            (" a , \"b\" ,c ", vec!["a", "b", "c"]),
            ("\"a,b\",\"\"", vec!["a,b", ""]),
            ("\"a\"\"b\"\"\"", vec!["a\"b\""]),
            ("\" a \"", vec!["a"]),
        ] {
            assert_eq!(fields(line.as_bytes()).unwrap(), expected, "{line}");
        }
    }

    #[test]
    fn a_quote_out_of_place_is_told_with_its_field_and_without_its_value() {
        for (line, says) in [
            ("hunter2,\"a\"b", "field 2: text stands behind"),
            ("\"hunter2\" b,c", "field 1: text stands behind"),
            ("\"a\"\"\"b", "field 1: text stands behind"),
            ("a,hun\"ter2,c", "field 2: a quote stands in"),
            ("a,hunter2\"", "field 2: a quote stands in"),
            ("a,b,\"hunter2", "field 3: a quote is opened"),
            ("\"hunter2,b", "field 1: a quote is opened"),
            ("\"a\"\"", "field 1: a quote is opened"),
            ("\"", "field 1: a quote is opened"),
        ] {
            let told = fields(line.as_bytes()).unwrap_err();
            assert!(told.starts_with(says) && !told.contains("hunter2"), "{line}: {told}");
        }
        assert_eq!(fields(b"a,\xff"), Err("is not UTF-8".to_owned()));
    }
}
