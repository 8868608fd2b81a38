//! The e-mail address of a user, whose spellings all have one canonical form.

use icu_properties::CodePointSetData;
use icu_properties::props::DefaultIgnorableCodePoint;
use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// The most bytes of an address (RFC 5321 §4.5.3.1.3 allows 256 with the angle brackets).
const MOST: usize = 254;
/// The most bytes before the `@` (RFC 5321 §4.5.3.1.1).
const MOST_BEFORE: usize = 64;
/// The most bytes of a name at a back end: more than directories allow.
const MOST_OF_A_NAME: usize = 256;

/// An e-mail address in canonical form: composed and decomposed, wide and narrow, capital and small letters are the same,
/// and the domain is written in ASCII (RFC 5891 §4.4), as mail and most other systems write it.
///
/// Before the `@`, letters are the same that a case-insensitive system may take for the same: `ß` is `ss`, `ı` and `İ` are
/// `i`. So another spelling gives neither a second account nor the account of another user.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Address(String);

/// Why a text is not an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// It does not have exactly one `@` with text on both sides.
    #[error("not an e-mail address: expected name@domain, with one @")]
    Shape,
    /// It has too many bytes.
    #[error("not an e-mail address: it may have {MOST} bytes, {MOST_BEFORE} of them before the @")]
    Long,
    /// It holds a character that cannot be seen, so it would look like another address.
    #[error("not an e-mail address: it holds a character that cannot be seen, U+{:04X}", u32::from(*.0))]
    Invisible(char),
    /// The part before the `@` has a character or a dot that is not allowed there.
    #[error(
        "not an e-mail address: before the @ may stand letters, digits, and !#$%&'*+-/=?^_`{{|}}~, with single dots \
         between them; no quotes, brackets or spaces"
    )]
    Name,
    /// The part after the `@` is not a domain name.
    #[error("not an e-mail address: after the @ must stand the name of a domain")]
    Domain,
}

impl Address {
    /// Reads an address in any spelling. Space around it is ignored.
    ///
    /// # Errors
    /// [`InvalidAddress`], which repeats nothing of the text except a character that cannot be seen.
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        let text = text.trim();
        // Every spelling has about the same length, so a much longer text is refused before any work is done on it.
        if text.len() > 4 * MOST {
            return Err(InvalidAddress::Long);
        }
        if let Some(hidden) = text.chars().find(|char| is_invisible(*char)) {
            return Err(InvalidAddress::Invisible(hidden));
        }
        let normal: String = text.nfkc().collect();
        let (name, domain) = normal.split_once('@').ok_or(InvalidAddress::Shape)?;
        if name.is_empty() || domain.is_empty() || domain.contains('@') {
            return Err(InvalidAddress::Shape);
        }
        let (name, domain) = (canonical_name(name)?, canonical_domain(domain)?);
        if name.len() > MOST_BEFORE || name.len().saturating_add(domain.len()) >= MOST {
            return Err(InvalidAddress::Long);
        }
        Ok(Self(format!("{name}@{domain}")))
    }

    /// The canonical form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the part before the `@` has only letters and digits of ASCII and `.`, `_`, `-`, `+` and `'`, which no system takes
    /// for other ones.
    pub fn is_plain(&self) -> bool {
        self.name().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-+'".contains(&byte))
    }

    /// The address without what follows a `+` before the `@`: many systems deliver both to one person.
    pub fn without_tag(&self) -> String {
        let (name, domain) = self.0.split_once('@').unwrap_or((&self.0, ""));
        let untagged = name.split('+').next().filter(|name| !name.is_empty()).unwrap_or(name);
        format!("{untagged}@{domain}")
    }

    fn name(&self) -> &str {
        self.0.split('@').next().unwrap_or_default()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

fn canonical_name(name: &str) -> Result<String, InvalidAddress> {
    let folded = folded(name);
    let dots = folded.starts_with('.') || folded.ends_with('.') || folded.contains("..");
    let begins = folded.chars().next().is_some_and(|first| !is_combining_mark(first));
    // The folded form must not change when it is folded again: otherwise one account would have two canonical names.
    if dots || !begins || !folded.chars().all(is_of_a_name) || self::folded(&folded) != folded {
        return Err(InvalidAddress::Name);
    }
    Ok(folded)
}

/// The form in which names are compared: letters with the same capital letter become one letter. The last step maps each
/// character by itself, since `str::to_lowercase` lets the form of a sigma depend on its place.
fn folded(name: &str) -> String {
    let small = name.to_lowercase().to_uppercase().nfkc().flat_map(char::to_lowercase).collect::<String>();
    // `İ` becomes `i` and a combining dot. The dot is removed, since `i` and `j` have one already.
    small.replace("i\u{307}", "i").replace("j\u{307}", "j").nfkc().collect()
}

/// The characters of a dot-atom (RFC 5322 §3.2.3), and letters, digits and marks beyond ASCII (RFC 6531 §3.3).
fn is_of_a_name(char: char) -> bool {
    if char.is_ascii() {
        char.is_ascii_alphanumeric() || ".!#$%&'*+-/=?^_`{|}~".contains(char)
    } else {
        char.is_alphanumeric() || is_combining_mark(char)
    }
}

fn canonical_domain(domain: &str) -> Result<String, InvalidAddress> {
    let ascii = Uts46::new()
        .to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::VerifyAllowRootDot)
        .map_err(|_| InvalidAddress::Domain)?;
    let ascii = ascii.strip_suffix('.').unwrap_or(&ascii);
    if ascii.is_empty() { Err(InvalidAddress::Domain) } else { Ok(ascii.to_owned()) }
}

/// Whether a character cannot be seen, such as a control, a joiner, a mark of direction or a space of no width.
pub(crate) fn is_invisible(char: char) -> bool {
    char.is_control() || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(char)
}

/// A text that cannot be a name at a back end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name at a legacy system has 1 to {MOST_OF_A_NAME} bytes, all of them visible")]
pub struct InvalidName;

/// A name at a back end, as it is stored and sent: composed (NFC), and without space around it. Capital and small letters
/// are kept, since a back end may distinguish them.
///
/// # Errors
/// [`InvalidName`] if it is empty or too long, or holds a character that cannot be seen.
pub fn name_at_a_back_end(text: &str) -> Result<String, InvalidName> {
    let text = text.trim();
    if text.is_empty() || text.len() > MOST_OF_A_NAME || text.chars().any(is_invisible) {
        return Err(InvalidName);
    }
    let name: String = text.nfc().collect();
    if name.len() > MOST_OF_A_NAME { Err(InvalidName) } else { Ok(name) }
}

#[cfg(test)]
mod tests;
