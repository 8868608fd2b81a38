//! What the gateway writes to people by mail, in which language, and how a mail is sent.
//!
//! A [`Letter`] is what there is to tell. `Mail` is its text in one language, which a `Mailer` sends.

mod letter;
#[cfg(feature = "send")]
mod mail;
#[cfg(feature = "send")]
mod mailer;
#[cfg(feature = "send")]
mod ses;
#[cfg(feature = "send")]
mod smtp;
#[cfg(feature = "send")]
mod words;

pub use letter::{Letter, Notice, PasskeysThen};
#[cfg(feature = "send")]
pub use mail::{InvalidSender, Mail, Sender};
#[cfg(feature = "send")]
pub use mailer::{Mailer, NoSender, NotSent};
#[cfg(feature = "send")]
pub use ses::Ses;
#[cfg(feature = "send")]
pub use smtp::{InvalidUrl, Smtp};
