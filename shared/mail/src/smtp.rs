//! A mail server (SMTP), for who sends through another provider and for tests with a server of one's own.

use crate::{Mail, Mailer, NotSent, Sender};
use async_trait::async_trait;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use std::time::Duration;

/// How long the server may take for each step.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Sends through a mail server.
#[derive(Debug, Clone)]
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    sender: Sender,
}

/// The URL names no mail server. The text repeats nothing of it, since it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the URL of a mail server: expected smtps://NAME:PASSWORD@HOST, or smtp://HOST:PORT")]
pub struct InvalidUrl;

impl Smtp {
    /// The server at this URL. With `smtps`, or `?tls=required`, everything is encrypted.
    pub fn new(url: &str, sender: Sender) -> Result<Self, InvalidUrl> {
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url).map_err(|_| InvalidUrl)?;
        Ok(Self { transport: transport.timeout(Some(TIMEOUT)).build(), sender })
    }

    fn message(&self, mail: &Mail, id: &str) -> Result<Message, NotSent> {
        let refused = |reason: &dyn std::fmt::Display| NotSent::Refused(reason.to_string());
        let address = |text: &str| text.parse::<lettre::Address>().map_err(|error| refused(&error));
        let sender = self.sender.address();
        let domain = sender.as_str().rsplit_once('@').map_or("", |(_, domain)| domain);
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        Message::builder()
            .from(Mailbox::new(Some(mail.service.clone()), address(sender.as_str())?))
            .to(Mailbox::new(None, address(mail.to.as_str())?))
            // The same each time, so that a mail server can leave a second copy out.
            .message_id(Some(format!("<{id}@{domain}>")))
            .subject(mail.subject.clone())
            .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
            .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
            .map_err(|error| refused(&error))
    }
}

#[async_trait]
impl Mailer for Smtp {
    async fn send(&self, mail: &Mail, id: &str) -> Result<(), NotSent> {
        let message = self.message(mail, id)?;
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            // The text of the response may quote the address: its code alone says what to do.
            Err(error) => Err(match error.status() {
                Some(code) if error.is_permanent() => NotSent::Refused(format!("status {code}")),
                Some(code) => NotSent::Unavailable(format!("status {code}")),
                None => NotSent::Unavailable(gateway_domain::causes(&error)),
            }),
        }
    }
}
