//! Who an application is, who a user is, and how often either may try. Whoever asks for a password or a client
//! secret, in whatever protocol, does it here; nothing here is worded for one.

mod client_authentication;
mod error;
mod login_attempts;
mod password_check;
#[cfg(feature = "policy")]
pub mod password_policy;

pub use client_authentication::{AuthenticatedApp, ClientAuthentication, ClientCredentials};
pub use error::CredentialsError;
pub use password_check::{PasswordCheck, PasswordLogin};
