//! Mail through the running gateway: from the outbox's table through SES to the outbox that people see.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_domain::address::Address;
use gateway_domain::clock::Clock as _;
use gateway_domain::ids::OutboxId;
use gateway_domain::language::Language;
use gateway_domain::outbox::{Kind, deliver_event};
use gateway_domain::sealing::LetterKeys;
use gateway_domain::time::Seconds;
use gateway_local::ses::SentMail;
use gateway_mail::{Letter, Notice};
use gateway_runtime::SystemClock;
use gateway_store::NewMail;
use serde_json::json;
use support::Gateway;

use crate::events::{invoke, sample};

pub(crate) const OUTBOX: &str = "OutboxFunction";

/// Writes a mail with a code to this address, as a function does that makes a change.
pub(crate) async fn written(gateway: &Gateway, to: &str, byte: u8) -> OutboxId {
    let keys = LetterKeys::parse(&gateway.stack.secrets().value("LetterKeys").expect("keys")).expect("keys");
    let (id, now) = (OutboxId::from_random([byte; 16]), SystemClock.now());
    let link = "https://api.example.com/account/reset?token=t".to_owned();
    let notice = Notice::ResetPassword { code: "12345678".to_owned(), link, minutes: 60 };
    let to = Address::parse(to).expect("an address");
    let letter = Letter { to, language: Language::German, service: "Bücherei".to_owned(), notice };
    let sealed = letter.seal(&keys, &id, [byte; 12]).expect("a sealed letter");
    let until = now.saturating_add(Seconds::new(3_600));
    gateway.store().outbox.add(&NewMail { id: id.clone(), sealed, due: now, until }).await.expect("a write");
    id
}

/// The mails to an address, once there are this many.
pub(crate) async fn sent(gateway: &Gateway, to: &str, count: usize) -> Vec<SentMail> {
    let sent = tokio::time::timeout(Duration::from_secs(20), gateway.stack.outbox().sent_to(to, count));
    sent.await.expect("mail arrives")
}

#[tokio::test]
async fn a_mail_that_is_asked_for_is_sent_through_ses() {
    let gateway = Gateway::start().await;
    let id = written(&gateway, "ada@example.com", 1).await;
    assert_eq!(invoke(&gateway, OUTBOX, &deliver_event(Kind::Mail, &id)).await, Ok(json!({ "outcome": "done" })));
    let mail = sent(&gateway, "ada@example.com", 1).await.remove(0);
    assert_eq!(mail.subject, "Bücherei: neues Passwort setzen");
    assert!(mail.text.contains("1234 5678") && mail.html.contains("1234 5678"), "{}", mail.text);
    let name = STANDARD.encode("Bücherei");
    assert_eq!(mail.from, format!("=?UTF-8?B?{name}?= <no-reply@example.com>"));
    // Whole, since ids in the log have any four digits by chance.
    let logged = gateway.logged().await.join("\n");
    assert!(!logged.contains("12345678") && !logged.contains("1234 5678"), "no code is logged");
}

#[tokio::test]
async fn a_mail_that_nobody_asks_for_is_found_by_the_schedule() {
    let gateway = Gateway::start_with(|options| options.schedule_period = Some(Duration::from_millis(100))).await;
    written(&gateway, "ada@example.com", 1).await;
    assert_eq!(sent(&gateway, "ada@example.com", 1).await.len(), 1);
}

#[tokio::test]
async fn an_address_that_bounced_gets_no_further_mail() {
    let gateway = Gateway::start().await;
    let bounces = "bounce@simulator.amazonses.com";
    let id = written(&gateway, bounces, 1).await;
    assert_eq!(invoke(&gateway, OUTBOX, &deliver_event(Kind::Mail, &id)).await, Ok(json!({ "outcome": "done" })));
    sent(&gateway, bounces, 1).await;
    // The bounce is told by an event of its own, which may still be on its way: each mail before it is sent.
    let mut byte = 2;
    let suppressed = async {
        loop {
            let id = written(&gateway, bounces, byte).await;
            if invoke(&gateway, OUTBOX, &deliver_event(Kind::Mail, &id)).await == Ok(json!({ "outcome": "suppressed" }))
            {
                return;
            }
            byte += 1;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), suppressed).await.expect("the bounce is noted");
    let id = written(&gateway, "ada@example.com", 0).await;
    assert_eq!(invoke(&gateway, OUTBOX, &deliver_event(Kind::Mail, &id)).await, Ok(json!({ "outcome": "done" })));
}

#[tokio::test]
async fn the_samples_of_events_are_understood() {
    let gateway = Gateway::start().await;
    assert_eq!(invoke(&gateway, OUTBOX, &sample("outbox-due.json")).await, Ok(json!({ "done": 0 })));
    assert_eq!(invoke(&gateway, OUTBOX, &sample("outbox-deliver.json")).await, Ok(json!({ "outcome": "not_due" })));
    assert_eq!(invoke(&gateway, OUTBOX, &sample("outbox-bounce.json")).await, Ok(json!({ "noted": 1 })));
}
