//! The message of an error together with those of its causes.

use std::error::Error;

/// The message of the error and of each of its causes, separated by colons, without the details of their `Debug` output.
///
/// A message with which the text already ends is not repeated, since some errors include the message of their cause.
pub fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !text.ends_with(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the door is closed")]
    struct Door;

    #[derive(Debug, thiserror::Error)]
    #[error("the house: {0}")]
    struct House(#[source] Door);

    #[derive(Debug, thiserror::Error)]
    #[error("no visit")]
    struct Visit(#[source] House);

    #[test]
    fn every_cause_is_told_once() {
        assert_eq!(causes(&Visit(House(Door))), "no visit: the house: the door is closed");
    }
}
