//! Scopes: sets of case-sensitive scope tokens (RFC 6749 §3.3).

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeSet;
use std::fmt;

/// The scope that lets an application see and change the account of a user. Only operators give it.
pub const ACCOUNT: &str = "account";

/// The longest accepted scope parameter, in bytes.
const MAX_LENGTH: usize = 1024;

/// The text is not a list of scope tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("scope must be tokens of %x21 / %x23-5B / %x5D-7E with one space between two of them, at most 1024 bytes")]
pub struct InvalidScope;

/// A set of scope tokens: their order and repetitions in a request have no meaning.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Scope(BTreeSet<String>);

impl Scope {
    /// Parses a list of tokens with exactly one space between two of them; the empty text is the empty scope.
    pub fn parse(text: &str) -> Result<Self, InvalidScope> {
        let token_char = |b: u8| b == 0x21 || (0x23..=0x5b).contains(&b) || (0x5d..=0x7e).contains(&b);
        let is_token = |token: &str| !token.is_empty() && token.bytes().all(token_char);
        if text.len() > MAX_LENGTH {
            return Err(InvalidScope);
        }
        if text.is_empty() {
            return Ok(Self::default());
        }
        text.split(' ')
            .map(|token| if is_token(token) { Ok(token.to_owned()) } else { Err(InvalidScope) })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether the token is in the set.
    pub fn contains(&self, token: &str) -> bool {
        self.0.contains(token)
    }

    /// Whether every token is also in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// The tokens in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// The tokens that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self(self.0.difference(&other.0).cloned().collect())
    }

    /// The tokens in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }

    /// The scope to grant for a request: what was asked for, if all of it is assigned; without a request, all that is
    /// assigned (RFC 6749 §3.3). `None` if the request asks for more, or for nothing.
    pub fn granted(asked: Option<&Self>, assigned: &Self) -> Option<Self> {
        let Some(asked) = asked else { return Some(assigned.clone()) };
        (!asked.is_empty() && asked.is_subset(assigned)).then(|| asked.clone())
    }

    /// Whether the set has no token.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tokens, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, token) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(" ")?;
            }
            f.write_str(token)?;
        }
        Ok(())
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checklist T-15.
    #[test]
    fn order_and_repetition_mean_nothing_but_case_does() {
        assert_eq!(Scope::parse("b a b").unwrap(), Scope::parse("a b").unwrap());
        assert_ne!(Scope::parse("A").unwrap(), Scope::parse("a").unwrap());
        assert_eq!(Scope::parse("b a").unwrap().to_string(), "a b");
    }

    /// Checklist T-15.
    #[test]
    fn a_token_outside_the_grammar_is_refused() {
        let spaces = [" ", "  ", " a", "a ", "a  b", "\ta", "a\u{a0}b"];
        for bad in ["a\tb", "a\"b", "a\\b", "é", "a\nb"].into_iter().chain(spaces) {
            assert_eq!(Scope::parse(bad), Err(InvalidScope), "{bad:?}");
        }
        assert!(Scope::parse("orders:read https://x/y").is_ok());
    }

    proptest::proptest! {
        /// Checklist T-15: exactly the grammar of RFC 6749 §3.3 is accepted, and the empty text as the empty scope.
        #[test]
        fn exactly_the_grammar_of_the_rfc_is_read(text in "[ a-c\t\n\"\\\\é!]{0,8}") {
            let token = |token: &str| !token.is_empty() && token.chars().all(|c| matches!(c, 'a'..='c' | '!'));
            let well_formed = text.is_empty() || text.split(' ').all(token);
            proptest::prop_assert_eq!(Scope::parse(&text).is_ok(), well_formed);
        }

        /// A scope that is written reads back as the same scope.
        #[test]
        fn a_scope_is_written_as_it_is_read(tokens in proptest::collection::vec("[!#-\\[\\]-~]{1,12}", 0..20)) {
            let scope = Scope::parse(&tokens.join(" ")).unwrap();
            proptest::prop_assert_eq!(Scope::parse(&scope.to_string()), Ok(scope));
        }
    }
}
