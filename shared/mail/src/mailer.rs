//! How a mail is sent, whoever carries it.

use crate::Mail;
use async_trait::async_trait;

/// Sends mails.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Hands a mail to whoever carries it further. `id` is the same each time that the same mail is sent again.
    ///
    /// # Errors
    /// Whether it may be sent again.
    async fn send(&self, mail: &Mail, id: &str) -> Result<(), NotSent>;
}

/// Sends nothing, where no sender is configured: mails wait until there is one, as long as they make sense.
pub struct NoSender;

#[async_trait]
impl Mailer for NoSender {
    async fn send(&self, _: &Mail, _: &str) -> Result<(), NotSent> {
        Err(NotSent::Unavailable("no sender of mails is configured (parameter MailFrom)".to_owned()))
    }
}

/// Why a mail was not sent. The texts are for the log; they can name the address, as servers quote it, and are cut there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// This mail is refused and would be again.
    #[error("the mail is refused: {0}")]
    Refused(String),
    /// Nothing was sent, or it is not known: it may be sent again.
    #[error("mail cannot be sent at present: {0}")]
    Unavailable(String),
}
