//! The rules of the outbox: what its function is asked for, when a mail is tried again, and when an address takes none.

use crate::address::Address;
use crate::ids::MailId;
use crate::secret::sha256_hex;
use crate::time::{Seconds, Timestamp};
use serde_json::{Value, json};

/// How long a mail is tried, unless what it tells is over sooner.
pub const PATIENCE: Seconds = Seconds::new(86_400);
/// How long one attempt has a mail for itself. It is longer than the function may run, so that no two send it at once.
pub const LEASE: Seconds = Seconds::new(60);
/// The longest wait between two attempts.
const LONGEST_WAIT: Seconds = Seconds::new(3_600);
/// How long an address that does not exist gets no mail: people mend what they mistyped, and mailboxes come back.
const BOUNCED: Seconds = Seconds::new(30 * 86_400);
/// How long somebody who complained gets no mail.
const COMPLAINED: Seconds = Seconds::new(180 * 86_400);

/// When a mail is tried again after this many attempts that failed: after 1, 2, 4 … minutes, at most an hour.
pub fn next_attempt(attempts: u32, now: Timestamp) -> Timestamp {
    let minutes = 1_u64.checked_shl(attempts.saturating_sub(1)).unwrap_or(u64::MAX);
    now.saturating_add(Seconds::new(minutes.saturating_mul(60).min(LONGEST_WAIT.as_u64())))
}

/// What identifies an address among those that take no mail. The address itself is not kept.
pub fn address_hash(address: &Address) -> String {
    sha256_hex(address.as_str().as_bytes())
}

/// The event that asks for one mail.
pub fn send_event(mail: &MailId) -> Value {
    json!({ SEND: { "mail": mail } })
}

const SEND: &str = "send_mail";
const SEND_DUE: &str = "send_due_mails";

/// What the function of the outbox is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutboxEvent {
    /// To send this mail, which was just written.
    Send(MailId),
    /// To send whatever is due: the schedule of the template.
    SendDue,
    /// To note what became of mails: notifications of SES, brought by SNS.
    Feedback(Vec<Feedback>),
}

/// That an address takes no mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feedback {
    /// The address.
    pub address: Address,
    /// Why.
    pub reason: Reason,
}

/// Why an address takes no mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It does not exist.
    Bounce,
    /// Its owner told the mail provider that the mail is unwanted.
    Complaint,
}

impl Reason {
    /// Its name in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bounce => "bounce",
            Self::Complaint => "complaint",
        }
    }

    /// Until when the address gets no mail.
    pub fn until(self, now: Timestamp) -> Timestamp {
        now.saturating_add(match self {
            Self::Bounce => BOUNCED,
            Self::Complaint => COMPLAINED,
        })
    }
}

impl OutboxEvent {
    /// Reads an event; `None` for one of another version or service.
    pub fn parse(event: &Value) -> Option<Self> {
        if let Some(asked) = event.get(SEND) {
            return MailId::parse(asked.get("mail")?.as_str()?).ok().map(Self::Send);
        }
        if event.get(SEND_DUE).is_some() {
            return Some(Self::SendDue);
        }
        let records = event.get("Records")?.as_array()?;
        let messages = records.iter().map(|record| record.pointer("/Sns/Message").and_then(Value::as_str));
        let messages: Option<Vec<_>> = messages.collect();
        Some(Self::Feedback(messages?.into_iter().flat_map(feedback).collect()))
    }
}

/// The addresses of one notification that take no mail. Other notifications, such as of a mailbox that is full for now, say
/// nothing.
///
/// <https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html>
fn feedback(message: &str) -> Vec<Feedback> {
    let message: Value = serde_json::from_str(message).unwrap_or_default();
    let text = |name: &str| message.get(name).and_then(Value::as_str);
    let (reason, recipients) = match text("eventType").or_else(|| text("notificationType")) {
        Some("Bounce") if message.pointer("/bounce/bounceType").is_some_and(|kind| kind == "Permanent") => {
            (Reason::Bounce, "/bounce/bouncedRecipients")
        }
        Some("Complaint") => (Reason::Complaint, "/complaint/complainedRecipients"),
        _ => return Vec::new(),
    };
    let recipients = message.pointer(recipients).and_then(Value::as_array).into_iter().flatten();
    let addresses = recipients.filter_map(|one| Address::parse(one.get("emailAddress")?.as_str()?).ok());
    addresses.map(|address| Feedback { address, reason }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_an_hour() {
        let now = Timestamp::from_secs(1_000_000);
        let waits: Vec<_> =
            [1, 2, 3, 6, 7, 8, 100].map(|count| next_attempt(count, now).since(now).as_u64() / 60).into();
        assert_eq!(waits, [1, 2, 4, 32, 60, 60, 60]);
        assert!(next_attempt(1, now).since(now) >= LEASE, "no second attempt begins within the first");
    }

    #[test]
    fn a_request_for_one_mail_is_read_as_it_was_made() {
        let mail = MailId::from_random([7; 16]);
        assert_eq!(OutboxEvent::parse(&send_event(&mail)), Some(OutboxEvent::Send(mail)));
        assert_eq!(OutboxEvent::parse(&json!({ "send_due_mails": {} })), Some(OutboxEvent::SendDue));
        for other in [json!({}), json!({ "send_mail": {} }), json!({ "send_mail": { "mail": "" } }), json!(null)] {
            assert_eq!(OutboxEvent::parse(&other), None, "{other}");
        }
    }

    fn notified(message: &Value) -> Option<OutboxEvent> {
        OutboxEvent::parse(
            &json!({ "Records": [{ "EventSource": "aws:sns", "Sns": { "Message": message.to_string() } }] }),
        )
    }

    #[test]
    fn an_address_takes_no_mail_after_a_permanent_bounce_or_a_complaint() {
        let ada = [json!({ "emailAddress": "Ada@Example.com" })];
        let of = |reason| {
            let address = Address::parse("ada@example.com").unwrap();
            Some(OutboxEvent::Feedback(vec![Feedback { address, reason }]))
        };
        let bounce = |kind: &str| json!({ "bounceType": kind, "bouncedRecipients": ada });
        for name in ["eventType", "notificationType"] {
            assert_eq!(notified(&json!({ name: "Bounce", "bounce": bounce("Permanent") })), of(Reason::Bounce));
            let complaint = json!({ name: "Complaint", "complaint": { "complainedRecipients": ada } });
            assert_eq!(notified(&complaint), of(Reason::Complaint));
        }
        let nothing = Some(OutboxEvent::Feedback(Vec::new()));
        for message in [
            json!({ "eventType": "Bounce", "bounce": bounce("Transient") }),
            json!({ "eventType": "Delivery" }),
            json!({ "eventType": "Bounce", "bounce": { "bounceType": "Permanent", "bouncedRecipients": [{ "emailAddress": "x" }] } }),
            json!("text"),
        ] {
            assert_eq!(notified(&message), nothing, "{message}");
        }
        assert_eq!(OutboxEvent::parse(&json!({ "Records": [{ "s3": {} }] })), None);
    }
}
