//! Parses media types (RFC 9110 §8.3.1): type and subtype, then parameters.

/// A media type as a `Content-Type` field names it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MediaType {
    /// Type and subtype in small letters, such as `text/plain`.
    pub(crate) essence: String,
    /// Names in small letters, and values without quotes and escapes.
    pub(crate) parameters: Vec<(String, String)>,
}

impl MediaType {
    /// Parses the value of a field; `None` if it is not well-formed.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (essence, mut rest) = split_token(text.trim_matches(WHITESPACE), |c| is_token(c) || c == '/');
        let mut parameters = Vec::new();
        // A parameter may be missing between two semicolons, and after the last one (RFC 9110 §5.6.6).
        while !rest.is_empty() {
            rest = rest.trim_start_matches(WHITESPACE).strip_prefix(';')?.trim_start_matches(WHITESPACE);
            if rest.is_empty() || rest.starts_with(';') {
                continue;
            }
            let (name, after) = split_token(rest, is_token);
            let (value, after) = value(after.strip_prefix('=')?)?;
            if name.is_empty() {
                return None;
            }
            parameters.push((name.to_ascii_lowercase(), value));
            rest = after;
        }
        Some(Self { essence: essence.to_ascii_lowercase(), parameters })
    }
}

/// Optional whitespace (RFC 9110 §5.6.3).
const WHITESPACE: [char; 2] = [' ', '\t'];

/// The characters of a token (RFC 9110 §5.6.2).
fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

fn split_token(text: &str, of: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at_checked(text.find(|c| !of(c)).unwrap_or(text.len())).unwrap_or((text, ""))
}

/// A token or a quoted string (RFC 9110 §5.6.4), and what follows it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (token, rest) = split_token(text, is_token);
        return (!token.is_empty()).then(|| (token.to_owned(), rest));
    };
    let (mut value, mut characters) = (String::new(), quoted.chars());
    loop {
        match characters.next()? {
            '"' => return Some((value, characters.as_str())),
            '\\' => value.push(characters.next()?),
            other => value.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(text: &str) -> Option<Vec<(String, String)>> {
        MediaType::parse(text).map(|media_type| media_type.parameters)
    }

    #[test]
    fn names_have_no_case_and_values_no_quotes() {
        let expected = MediaType {
            essence: "text/plain".into(),
            parameters: vec![("charset".into(), "UTF-8".into()), ("x".into(), "a;\"b".into())],
        };
        assert_eq!(MediaType::parse(" Text/Plain ; Charset=UTF-8;x=\"a;\\\"b\"").as_ref(), Some(&expected));
    }

    #[test]
    fn a_parameter_may_be_missing_and_must_not_be_half() {
        assert_eq!(parameters("a/b"), Some(Vec::new()));
        assert_eq!(parameters("a/b; ;;"), Some(Vec::new()));
        for half in ["a/b; x", "a/b; x=", "a/b; =y", "a/b; x =y", "a/b; x= y", "a/b; x=\"y", "a/b; x=y z", "a/b, c/d"] {
            assert_eq!(parameters(half), None, "{half}");
        }
    }

    proptest::proptest! {
        /// A value that is quoted reads back as the same value, and no input panics.
        #[test]
        fn a_quoted_value_is_read_as_it_was_meant(meant in "\\PC{0,20}", noise in "[\"\\\\;= a/é]{0,20}") {
            let quoted = meant.replace('\\', "\\\\").replace('"', "\\\"");
            let read = parameters(&format!("a/b;x=\"{quoted}\";y=z"));
            proptest::prop_assert_eq!(read, Some(vec![("x".into(), meant), ("y".into(), "z".into())]));
            let _ = MediaType::parse(&noise);
        }
    }
}
