//! What SES tells of mails to the addresses of its mailbox simulator, as SNS brings it to a function.
//!
//! <https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html>

use bytes::Bytes;
use serde_json::json;

use super::SentMail;
use crate::arn;

/// The event for the subscribers of SES, if this mail bounces or somebody complains about it.
pub(super) fn event(mail: &SentMail) -> Option<Bytes> {
    let (name, domain) = mail.to.split_once('@')?;
    // A label tells the mails to one of these addresses apart.
    let kind = name.split_once('+').map_or(name, |(name, _)| name);
    let recipients = [json!({ "emailAddress": mail.to })];
    let (event, details) = match (kind, domain) {
        ("bounce", "simulator.amazonses.com") => {
            ("Bounce", json!({ "bounce": { "bounceType": "Permanent", "bouncedRecipients": recipients } }))
        }
        ("complaint", "simulator.amazonses.com") => {
            ("Complaint", json!({ "complaint": { "complainedRecipients": recipients } }))
        }
        _ => return None,
    };
    let mut message = json!({ "eventType": event, "mail": { "messageId": mail.id, "destination": [mail.to] } });
    if let (Some(message), serde_json::Value::Object(details)) = (message.as_object_mut(), details) {
        message.extend(details);
    }
    let sns = json!({ "Type": "Notification", "TopicArn": arn::topic("MailEvents"), "Message": message.to_string() });
    let record = json!({ "EventSource": "aws:sns", "EventVersion": "1.0", "Sns": sns });
    Some(Bytes::from(json!({ "Records": [record] }).to_string()))
}
