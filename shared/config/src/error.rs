//! What is wrong with a configuration, where, and what to write instead.

use std::fmt;
use std::path::PathBuf;

/// A value that is not allowed in its place. The text says why, and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotAllowed(String);

impl NotAllowed {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// One thing that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: u64,
    /// The column in characters, from 1.
    pub column: u64,
    /// The field, such as `apis.orders.routes[0].path`; empty for the document as a whole.
    pub field: String,
    /// Why it is wrong and what to write instead.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: ", self.line, self.column)?;
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        // More people read logs and stack events than gateway.yaml, so the user and password of a URL are left out.
        f.write_str(&without_user(&self.reason))
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file does not exist or cannot be read.
    #[error("cannot read the configuration {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The text is longer than any configuration should be.
    #[error(
        "the configuration has {length} bytes, more than the {limit} allowed: split the gateway or remove comments"
    )]
    TooLarge {
        /// Its length in bytes.
        length: u64,
        /// The most that is read, in bytes.
        limit: u64,
    },
    /// The text was read and is wrong. These are all problems that were found in one pass, in the order of the file.
    #[error("the configuration is not valid:{}", Listed(.0))]
    Invalid(Vec<Problem>),
}

/// Problems, one per line.
struct Listed<'p>(&'p [Problem]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

/// The text with the user information of each URL (RFC 3986 §3.2.1) replaced by `…`. It is replaced even if the rest is
/// not a URL, because a mistyped URL can hold a password too.
fn without_user(text: &str) -> String {
    let mut parts = text.split("//");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        shown.push_str("//");
        let end = part.find(|end: char| end.is_whitespace() || "/?#`\"'".contains(end)).unwrap_or(part.len());
        match part.get(..end).and_then(|authority| authority.rfind('@')) {
            Some(at) => {
                shown.push('…');
                shown.push_str(part.get(at..).unwrap_or_default());
            }
            None => shown.push_str(part),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(reason: &str) -> String {
        Problem { line: 1, column: 1, field: String::new(), reason: reason.to_owned() }.to_string()
    }

    #[test]
    fn what_is_no_user_of_a_url_is_told_as_it_is() {
        let reason = "see https://example.com/a@b, or mail@example.com";
        assert_eq!(told(reason), format!("line 1, column 1: {reason}"));
    }

    proptest! {
        #[test]
        fn the_password_of_a_url_is_not_told(user in "[a-z:@%!$]{0,8}", password in "Q[A-Z0-9@:%]{5,20}", path in "(/[a-z]{0,5})?") {
            let text = told(&format!("`https://{user}:{password}@legacy.example.com{path}` is not an address"));
            prop_assert_eq!(text, format!("line 1, column 1: `https://…@legacy.example.com{path}` is not an address"));
        }
    }
}
