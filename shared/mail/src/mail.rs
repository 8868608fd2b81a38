//! One mail as it is sent: composed from a letter, with nothing in it that could become a header.

use crate::{Letter, Notice, words};
use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_domain::address::{Address, InvalidAddress};
use gateway_domain::language::Language;

/// A mail.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// To whom.
    pub to: Address,
    /// The name that stands beside the sender's address.
    pub service: String,
    /// The subject: one line.
    pub subject: String,
    /// The body as plain text.
    pub text: String,
    /// The same body as HTML.
    pub html: String,
}

/// Shows nothing of the contents, which can hold a code.
impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mail")
    }
}

#[derive(Template)]
#[template(path = "mail.txt", escape = "none")]
struct Text<'a> {
    words: &'a words::Words,
    code: Option<&'a str>,
    link: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "mail.html")]
struct Html<'a> {
    language: Language,
    service: &'a str,
    words: &'a words::Words,
    code: Option<&'a str>,
    link: Option<&'a str>,
}

impl Mail {
    /// The mail of a letter; `None` if there is nothing to tell.
    ///
    /// # Errors
    /// Those of the templates, which do not occur: what they write to cannot fail.
    pub fn of(letter: &Letter) -> Result<Option<Self>, askama::Error> {
        let Letter { to, language, service, notice } = letter;
        let service = one_line(service);
        let Some(words) = words::of(notice, *language, &service) else { return Ok(None) };
        let (code, link) = match notice {
            Notice::VerifyAddress { code, link, .. }
            | Notice::ResetPassword { code, link, .. }
            | Notice::Unlock { code, link, .. }
            | Notice::ChangeAddress { code, link, .. } => (Some(in_groups(code)), Some(link.as_str())),
            Notice::AddressTaken { forgotten: link }
            | Notice::PasswordChanged { forgotten: link, passkeys: _ }
            | Notice::AddressChanged { link, .. }
            | Notice::PasskeyAdded { link }
            | Notice::PasskeyRemoved { link }
            | Notice::Invited { link, .. }
            | Notice::RequestWaits { link, .. }
            | Notice::RequestApproved { link, .. }
            | Notice::RequestRefused { link, .. } => (None, Some(link.as_str())),
            Notice::AuthenticatorSetUp
            | Notice::AddressTakenBack
            | Notice::AccountDisabled
            | Notice::AccountDeleted
            | Notice::Nothing => (None, None),
        };
        let code = code.as_deref();
        let text = Text { words: &words, code, link }.render()?;
        let html = Html { language: *language, service: &service, words: &words, code, link }.render()?;
        Ok(Some(Self { to: to.clone(), subject: words.subject, text, html, service }))
    }
}

/// A text without line breaks and other control characters, which would begin another header.
fn one_line(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}

/// A code in two halves, which are easier to read and type. Spaces in a typed code are ignored.
fn in_groups(code: &str) -> String {
    match code.split_at_checked(code.len() / 2) {
        Some((one, other)) if code.len() > 5 => format!("{one} {other}"),
        _ => code.to_owned(),
    }
}

/// Whose mails they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender(Address);

/// The sender is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a sender of mails: {0}")]
pub struct InvalidSender(#[from] InvalidAddress);

impl Sender {
    /// A sender with this address, such as `no-reply@example.com`.
    pub fn parse(text: &str) -> Result<Self, InvalidSender> {
        Ok(Self(Address::parse(text)?))
    }

    /// The address.
    pub fn address(&self) -> &Address {
        &self.0
    }

    /// The address with the name of a service beside it, as a header field has it. The name is always encoded (RFC 2047), so
    /// that no character of it can mean anything there.
    pub(crate) fn named(&self, service: &str) -> String {
        const WORD: usize = 45;
        let (mut words, mut word) = (Vec::new(), String::new());
        for char in service.chars() {
            // An encoded word has at most 75 characters, and holds whole characters (RFC 2047 §2, §5).
            if word.len().saturating_add(char.len_utf8()) > WORD {
                words.push(std::mem::take(&mut word));
            }
            word.push(char);
        }
        words.push(word);
        let encoded: Vec<_> = words.iter().map(|word| format!("=?UTF-8?B?{}?=", STANDARD.encode(word))).collect();
        format!("{} <{}>", encoded.join(" "), self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PasskeysThen;

    fn notices() -> Vec<Notice> {
        let (code, link) =
            ("12345678".to_owned(), "https://api.example.com/v1/account/verify?token=t&x=<y>".to_owned());
        vec![
            Notice::VerifyAddress { code: code.clone(), link: link.clone(), minutes: 60 },
            Notice::AddressTaken { forgotten: link.clone() },
            Notice::ResetPassword { code: code.clone(), link: link.clone(), minutes: 60 },
            Notice::Unlock { code: code.clone(), link: link.clone(), minutes: 60 },
            Notice::PasswordChanged { forgotten: link.clone(), passkeys: None },
            Notice::PasswordChanged { forgotten: link.clone(), passkeys: Some(PasskeysThen::Gone) },
            Notice::ChangeAddress { code, link: link.clone(), minutes: 60 },
            Notice::AddressChanged { now: "new@example.com".into(), link: link.clone(), days: 7 },
            Notice::AddressTakenBack,
            Notice::AccountDisabled,
            Notice::AccountDeleted,
            Notice::PasskeyAdded { link: link.clone() },
            Notice::PasskeyRemoved { link: link.clone() },
            Notice::AuthenticatorSetUp,
            Notice::Invited { organization: "Acme".into(), by: "ada@example.com".into(), link: link.clone(), days: 14 },
            Notice::RequestWaits { app: "Shop".into(), organization: "Acme".into(), link: link.clone() },
            Notice::RequestApproved { app: "Shop".into(), link: link.clone() },
            Notice::RequestRefused { app: "Shop".into(), reason: "too wide".into(), link },
        ]
    }

    fn mail(service: &str, language: Language, notice: Notice) -> Mail {
        let to = Address::parse("ada@example.com").unwrap();
        Mail::of(&Letter { to, language, service: service.into(), notice }).unwrap().unwrap()
    }

    #[test]
    fn every_notice_is_told_in_every_language_as_text_and_as_html() {
        for language in Language::ALL {
            for notice in notices() {
                let (kind, mail) = (notice.kind(), mail("Bank", language, notice.clone()));
                assert!(mail.subject.starts_with("Bank: ") && !mail.subject.contains("1234"), "{kind}");
                assert!(mail.html.contains(&format!("lang=\"{}\"", language.tag())), "{kind}");
                let (codes, links) =
                    (mail.text.matches("1234 5678").count(), mail.text.matches("token=t&x=<y>").count());
                let expected = match notice {
                    Notice::VerifyAddress { .. }
                    | Notice::ResetPassword { .. }
                    | Notice::Unlock { .. }
                    | Notice::ChangeAddress { .. } => (1, 1),
                    Notice::AddressTaken { .. }
                    | Notice::PasswordChanged { .. }
                    | Notice::AddressChanged { .. }
                    | Notice::PasskeyAdded { .. }
                    | Notice::PasskeyRemoved { .. }
                    | Notice::Invited { .. }
                    | Notice::RequestWaits { .. }
                    | Notice::RequestApproved { .. }
                    | Notice::RequestRefused { .. } => (0, 1),
                    Notice::AuthenticatorSetUp
                    | Notice::AddressTakenBack
                    | Notice::AccountDisabled
                    | Notice::AccountDeleted
                    | Notice::Nothing => (0, 0),
                };
                assert_eq!((codes, links), expected, "{kind}: {}", mail.text);
                assert_eq!(mail.html.matches("1234 5678").count(), codes, "{kind}");
                assert!(!mail.text.contains("\n\n\n"), "{kind}: {}", mail.text);
            }
        }
        assert_ne!(
            mail("Bank", Language::English, Notice::AccountDeleted).text,
            mail("Bank", Language::German, Notice::AccountDeleted).text
        );
    }

    /// Whoever changes a password expects that nobody gets in any more who could before.
    #[test]
    fn a_new_password_tells_what_became_of_the_passkeys() {
        let page = "https://api.example.com/account/passkeys";
        let told = |language, passkeys| {
            let forgotten = "https://api.example.com/account/forgotten".to_owned();
            mail("Bank", language, Notice::PasswordChanged { forgotten, passkeys })
        };
        for language in Language::ALL {
            let stay = told(language, Some(PasskeysThen::Stay(page.to_owned())));
            assert!(stay.text.contains(page) && stay.html.contains(page), "{}", stay.text);
            let gone = told(language, Some(PasskeysThen::Gone));
            assert!(gone.text.contains("asskeys") && !gone.text.contains(page), "{}", gone.text);
            assert!(!told(language, None).text.contains("asskeys"));
        }
    }

    #[test]
    fn there_is_no_mail_of_nothing() {
        let to = Address::parse("ada@example.com").unwrap();
        let letter = Letter { to, language: Language::English, service: "Bank".into(), notice: Notice::Nothing };
        assert_eq!(Mail::of(&letter).unwrap(), None);
    }

    #[test]
    fn a_text_begins_no_header_and_no_tag() {
        let service = "Bank\r\nBcc: eve@example.com\r\n\r\n<script>&";
        for language in Language::ALL {
            for notice in notices() {
                let mail = mail(service, language, notice);
                assert!(!mail.subject.contains(['\r', '\n']), "{:?}", mail.subject);
                assert!(!mail.html.contains("<script>") && !mail.html.contains("<y>"), "{}", mail.html);
            }
        }
        let sender = Sender::parse("no-reply@example.com").unwrap();
        let named = sender.named("Bank\r\nBcc: eve@example.com, \"<x>");
        assert_eq!(named.matches('<').count(), 1);
        assert!(named.ends_with(" <no-reply@example.com>") && !named.contains(['\r', '\n', '"', ',']), "{named}");
        assert!(Sender::parse("no-reply@example.com\r\nBcc: eve@example.com").is_err());
    }

    #[test]
    fn a_long_name_is_encoded_in_words_of_whole_characters() {
        let name = "ä".repeat(100);
        let named = Sender::parse("no-reply@example.com").unwrap().named(&name);
        let words = named.split(' ').filter_map(|word| word.strip_prefix("=?UTF-8?B?")?.strip_suffix("?="));
        let decoded = words.map(|word| {
            assert!(word.len() <= 63, "{word}");
            String::from_utf8(STANDARD.decode(word).unwrap()).unwrap()
        });
        assert_eq!(decoded.collect::<String>(), name);
    }
}
