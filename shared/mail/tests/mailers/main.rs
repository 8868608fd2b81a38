//! Tests that the same mail arrives through SES and through a mail server.

#![cfg(test)]

mod ses;
mod smtp;

use gateway_domain::address::Address;
use gateway_domain::language::Language;
use gateway_mail::{Letter, Mail, Notice, Sender};

fn sender() -> Sender {
    Sender::parse("no-reply@example.com").unwrap()
}

/// A mail with a code, from a service whose name has letters that a header must encode.
fn mail(to: &str) -> Mail {
    let notice = Notice::VerifyAddress {
        code: "12345678".to_owned(),
        link: "https://api.example.com/v1/account/verify?token=abc".to_owned(),
        minutes: 60,
    };
    let letter = Letter {
        to: Address::parse(to).unwrap(),
        language: Language::German,
        service: "Bank für Kinder, \"sicher\"".to_owned(),
        notice,
    };
    Mail::of(&letter).unwrap().unwrap()
}
