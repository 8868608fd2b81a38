//! One segment of a path: its canonical form and the text it stands for.

use super::PathRefused;

/// A segment that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    canonical: String,
    decoded: String,
    respelled: bool,
}

impl Segment {
    /// Checks a segment as it was sent, without slashes.
    pub fn parse(raw: &str) -> Result<Self, PathRefused> {
        let (mut canonical, mut decoded) = (String::with_capacity(raw.len()), Vec::with_capacity(raw.len()));
        let mut respelled = false;
        let mut bytes = raw.bytes();
        while let Some(byte) = bytes.next() {
            if byte == b'%' {
                let (Some(high), Some(low)) = (bytes.next().and_then(hex), bytes.next().and_then(hex)) else {
                    return Err(PathRefused::Malformed);
                };
                let meant = high * 16 + low;
                if matches!(meant, b'/' | b'\\' | 0..=0x1f | 0x7f) {
                    return Err(PathRefused::EncodedCharacter);
                }
                if is_unreserved(meant) {
                    respelled = true;
                    canonical.push(char::from(meant));
                } else {
                    canonical.push('%');
                    canonical.extend([high, low].map(upper_digit));
                }
                decoded.push(meant);
            } else if is_path_character(byte) {
                canonical.push(char::from(byte));
                decoded.push(byte);
            } else {
                return Err(if byte == b'*' { PathRefused::Asterisk } else { PathRefused::Character });
            }
        }
        let decoded = String::from_utf8(decoded).map_err(|_| PathRefused::NotUtf8)?;
        if decoded.chars().any(char::is_control) {
            return Err(PathRefused::EncodedCharacter);
        }
        if has_encoding(&decoded) {
            return Err(PathRefused::EncodedTwice);
        }
        if matches!(decoded.as_str(), "." | "..") {
            return Err(PathRefused::DotSegment);
        }
        Ok(Self { canonical, decoded, respelled })
    }

    /// The canonical form (RFC 3986 §6.2.2).
    pub fn as_str(&self) -> &str {
        &self.canonical
    }

    /// The text that it stands for, percent-decoded once.
    pub fn decoded(&self) -> &str {
        &self.decoded
    }

    /// Whether it was sent with a percent-encoding of an unreserved character, which needs none.
    pub const fn is_respelled(&self) -> bool {
        self.respelled
    }
}

/// Whether a percent sign in this text begins an encoding: two hexadecimal digits, or `u` and four digits, since some
/// servers read `%u0065`.
pub(super) fn has_encoding(text: &str) -> bool {
    let are_digits =
        |text: &[u8], count: usize| text.len() >= count && text.iter().take(count).all(|b| hex(*b).is_some());
    text.split('%').skip(1).map(str::as_bytes).any(|after| match after {
        [b'u' | b'U', digits @ ..] => are_digits(digits, 4),
        _ => are_digits(after, 2),
    })
}

/// The value of a hexadecimal digit.
const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// The upper-case digit of a value below 16.
fn upper_digit(value: u8) -> char {
    char::from_digit(u32::from(value), 16).unwrap_or('0').to_ascii_uppercase()
}

/// An unreserved character of RFC 3986 §2.3.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// A `pchar` of RFC 3986 §3.3 except percent-encodings, `;` and `*`.
const fn is_path_character(byte: u8) -> bool {
    is_unreserved(byte) || matches!(byte, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'+' | b',' | b'=' | b':' | b'@')
}
