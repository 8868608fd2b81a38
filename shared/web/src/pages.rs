//! The pages: one struct and one template each.

mod consent;
mod failure;
mod log_out;
mod login;
mod message;
#[cfg(test)]
mod tests;

pub use consent::Consent;
pub use failure::{Failure, Reason};
pub use log_out::LogOut;
pub use login::Login;
pub use message::{Message, Notice, Step};

pub(crate) use failure::FailureText;
pub(crate) use message::NoticeText;
