//! The rules of the outbox: what waits in it, what its function is asked for, when something is tried again, and when an
//! address takes no mail.

use crate::address::Address;
use crate::domain_event::{Queue, Subject};
use crate::ids::{ClientId, DestinationName, OutboxId, SessionId};
use crate::secret::sha256_hex;
use crate::time::{Seconds, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How long a mail is tried, unless what it tells is over sooner.
pub const PATIENCE: Seconds = Seconds::new(86_400);
/// How long the end of sessions is tried: it depends on nothing outside the gateway.
pub const ENDING: Seconds = Seconds::new(7 * 86_400);
/// How long one attempt has something for itself. It is longer than the function may run, so that no two do it at once.
pub const LEASE: Seconds = Seconds::new(60);
/// The longest wait between two attempts.
const LONGEST_WAIT: Seconds = Seconds::new(3_600);
/// How long an address that does not exist gets no mail: people mend what they mistyped, and mailboxes come back.
const BOUNCED: Seconds = Seconds::new(30 * 86_400);
/// How long somebody who complained gets no mail.
const COMPLAINED: Seconds = Seconds::new(180 * 86_400);

/// When something is tried again after this many attempts that failed: after 1, 2, 4 … minutes, at most an hour.
pub fn next_attempt(attempts: u32, now: Timestamp) -> Timestamp {
    let minutes = 1_u64.checked_shl(attempts.saturating_sub(1)).unwrap_or(u64::MAX);
    now.saturating_add(Seconds::new(minutes.saturating_mul(60).min(LONGEST_WAIT.as_u64())))
}

/// What identifies an address among those that take no mail. The address itself is not kept.
pub fn address_hash(address: &Address) -> String {
    sha256_hex(address.as_str().as_bytes())
}

/// What waits in the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A mail to be sent.
    Mail,
    /// Sessions to be ended.
    EndSessions,
    /// An application to be told that a session has ended.
    LogoutNotice,
}

impl Kind {
    /// All of them, in the order in which a schedule does what is due: whoever may still act comes first.
    pub const ALL: [Self; 3] = [Self::EndSessions, Self::Mail, Self::LogoutNotice];

    /// Its name, in the table and in events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::EndSessions => "end_sessions",
            Self::LogoutNotice => "logout_notice",
        }
    }
}

/// A session with the application that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppSession {
    /// The application.
    pub client_id: ClientId,
    /// The session.
    pub sid: SessionId,
}

/// Which sessions of a user end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// These.
    These(Vec<AppSession>),
    /// These, with the sessions that other apps of the device have from the same logins.
    Together(Vec<AppSession>),
    /// All that began before the user's credential epoch was this one.
    BegunBefore(u64),
}

/// The event that asks for one thing that waits.
pub fn deliver_event(kind: Kind, id: &OutboxId) -> Value {
    json!({ DELIVER: { "kind": kind, "id": id } })
}

const DELIVER: &str = "deliver";
const DELIVER_DUE: &str = "deliver_due";
const DELIVER_DUE_EVENTS: &str = "deliver_due_events";

/// What the function of the outbox is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutboxEvent {
    /// To do this, which was just written.
    Deliver(Kind, OutboxId),
    /// To do whatever is due: the schedule of the template.
    DeliverDue,
    /// To deliver events of these, of which some wait since now: records of the outbox's own stream.
    DeliverEvents(Vec<Queue>),
    /// To deliver whatever events are due: the other schedule of the template.
    DeliverDueEvents,
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
        if let Some(asked) = event.get(DELIVER) {
            let kind = Kind::deserialize(asked.get("kind")?).ok()?;
            return OutboxId::parse(asked.get("id")?.as_str()?).ok().map(|id| Self::Deliver(kind, id));
        }
        if event.get(DELIVER_DUE).is_some() {
            return Some(Self::DeliverDue);
        }
        if event.get(DELIVER_DUE_EVENTS).is_some() {
            return Some(Self::DeliverDueEvents);
        }
        let records = event.get("Records")?.as_array()?;
        if records.iter().any(|record| record.get("eventSource").is_some_and(|source| source == "aws:dynamodb")) {
            return Some(Self::DeliverEvents(records.iter().filter_map(queue).collect()));
        }
        let messages = records.iter().map(|record| record.pointer("/Sns/Message").and_then(Value::as_str));
        let messages: Option<Vec<_>> = messages.collect();
        Some(Self::Feedback(messages?.into_iter().flat_map(feedback).collect()))
    }
}

/// Of whom or what events wait since a record.
fn queue(record: &Value) -> Option<Queue> {
    let key = |name: &str| record.pointer(&format!("/dynamodb/Keys/{name}/S")).and_then(Value::as_str);
    let destination = DestinationName::parse(key("kind")?.strip_prefix("events#")?).ok()?;
    Some(Queue { destination, subject: Subject::parse(key("id")?)? })
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
    fn a_request_is_read_as_it_was_made() {
        let id = OutboxId::from_random([7; 16]);
        for kind in Kind::ALL {
            let event = deliver_event(kind, &id);
            assert_eq!(event["deliver"]["kind"], kind.as_str());
            assert_eq!(OutboxEvent::parse(&event), Some(OutboxEvent::Deliver(kind, id.clone())));
        }
        assert_eq!(OutboxEvent::parse(&json!({ "deliver_due": {} })), Some(OutboxEvent::DeliverDue));
        assert_eq!(OutboxEvent::parse(&json!({ "deliver_due_events": {} })), Some(OutboxEvent::DeliverDueEvents));
        let record = |kind: &str| {
            let keys = json!({ "kind": { "S": kind }, "id": { "S": "user:u_1" } });
            json!({ "eventSource": "aws:dynamodb", "eventName": "INSERT", "dynamodb": { "Keys": keys } })
        };
        let records = json!({ "Records": [record("events#people"), record("mail")] });
        let destination = DestinationName::parse("people").unwrap();
        let queue = Queue { destination, subject: Subject::parse("user:u_1").unwrap() };
        assert_eq!(OutboxEvent::parse(&records), Some(OutboxEvent::DeliverEvents(vec![queue])));
        for other in [
            json!({}),
            json!({ "deliver": {} }),
            json!({ "deliver": { "kind": "mail", "id": "" } }),
            json!({ "deliver": { "kind": "other", "id": id } }),
            json!(null),
        ] {
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
