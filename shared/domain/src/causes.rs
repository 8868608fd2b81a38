//! An error with its causes, in words for the log.

use std::error::Error;
use std::fmt::Write as _;

/// What an error says, and what each of its causes says. Never a `Debug` form: that of an AWS SDK's error holds the
/// response's body, which is an item of a table or the value of a secret.
pub fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        // Writing to a String does not fail.
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_is_told_once_in_its_own_words() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] std::num::ParseIntError);
        let error = Outer("x".parse::<u8>().unwrap_err());
        assert_eq!(causes(&error), "outer: invalid digit found in string");
    }
}
