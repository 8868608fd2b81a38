//! The codes and links of mails that prove an address: eight digits to type and 128 bits to open, both once.

use crate::ids::CodeId;
use crate::secret::{Secret, sha256_hex};
use crate::time::Seconds;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// How long a code and its link work.
pub const LIFETIME: Seconds = Seconds::new(3_600);
/// How many times one may guess at a code, or at the password that goes with it. Five guesses at eight digits succeed once
/// in twenty million mails.
pub const TRIES: u32 = 5;
/// How long whoever had an address can take it back.
pub const TAKE_BACK: Seconds = Seconds::new(7 * 86_400);
/// How many ways back an account has at most: a change beyond them waits, since none may push out an older one.
pub const WAYS_BACK: usize = 8;
/// How long an account waits for its address to be proved.
pub const UNPROVED: Seconds = Seconds::new(7 * 86_400);

/// The digits of a code.
const DIGITS: usize = 8;

/// The code of these random bytes. Its digits are equally likely but for one part in 10^11.
pub fn digits(random: [u8; 8]) -> Secret {
    Secret::new(format!("{:0DIGITS$}", u64::from_be_bytes(random) % 100_000_000))
}

/// A code as it was typed: spaces and hyphens between its digits are ignored. `None` if it cannot be one.
pub fn typed(text: &str) -> Option<Secret> {
    let digits: String = text.chars().filter(|char| !char.is_whitespace() && *char != '-').collect();
    (digits.len() == DIGITS && digits.bytes().all(|b| b.is_ascii_digit())).then(|| Secret::new(digits))
}

/// A secret of 128 bits for a link, or for whoever has begun something and may finish it.
pub fn token(random: [u8; 16]) -> Secret {
    Secret::new(URL_SAFE_NO_PAD.encode(random))
}

/// What is stored of such a secret. It has full entropy, so that a plain hash tells nothing.
pub fn token_hash(token: &str) -> String {
    sha256_hex(token.as_bytes())
}

/// What whoever has begun something is given to finish it: the id of the code, and a secret that no mail has.
pub struct Ticket {
    /// The id.
    pub id: CodeId,
    /// The secret.
    pub secret: Secret,
}

impl Ticket {
    /// Its text.
    pub fn to_text(&self) -> String {
        format!("{}.{}", self.id, self.secret.expose())
    }

    /// Reads an id alone, as a link has it, or with its secret.
    pub fn parse(text: &str) -> Option<(CodeId, Option<Secret>)> {
        let (id, secret) = match text.split_once('.') {
            Some((id, secret)) => (id, Some(Secret::new(secret.to_owned()))),
            None => (text, None),
        };
        Some((CodeId::parse(id).ok()?, secret))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_eight_digits_however_it_is_typed() {
        assert_eq!(digits([0; 8]).expose(), "00000000");
        assert_eq!(digits(123_456_789_u64.to_be_bytes()).expose(), "23456789");
        for text in ["12345678", "1234 5678", " 1234-5678 ", "1234\u{a0}5678"] {
            assert_eq!(typed(text).unwrap().expose(), "12345678", "{text}");
        }
        for text in ["", "1234567", "123456789", "1234567a", "١٢٣٤٥٦٧٨"] {
            assert!(typed(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_ticket_is_read_with_and_without_its_secret() {
        let ticket = Ticket { id: CodeId::from_random([1; 16]), secret: token([2; 16]) };
        let (id, secret) = Ticket::parse(&ticket.to_text()).unwrap();
        assert_eq!((&id, secret.unwrap().expose()), (&ticket.id, ticket.secret.expose()));
        let (id, secret) = Ticket::parse(ticket.id.as_str()).unwrap();
        assert!(id == ticket.id && secret.is_none());
        for text in ["", ".x", "a b", "x/y.z"] {
            assert!(Ticket::parse(text).is_none(), "{text}");
        }
    }
}
