//! Checks the credentials of applications and users, and limits how often either may try.
//!
//! No name or text here belongs to one protocol, so that every protocol can use this crate.

mod access;
mod account_attempts;
mod browser_sessions;
mod client_authentication;
mod code_attempts;
mod developer_attempts;
mod device_check;
mod directory;
mod error;
mod login_attempts;
#[cfg(feature = "passkeys")]
mod passkey_login;
mod password_check;
#[cfg(feature = "policy")]
pub mod password_policy;
mod proofs;
mod sign_on_attempts;
mod trade_in_attempts;

pub use access::{NoAccess, access};
pub use account_attempts::AccountAttempts;
pub use browser_sessions::{BrowserSessions, LoggedIn};
pub use client_authentication::{AuthenticatedApp, ClientAuthentication, ClientCredentials, ClientProof};
pub use code_attempts::CodeAttempts;
pub use developer_attempts::DeveloperAttempts;
pub use device_check::{DeviceCheck, NotADevice, ProvedDevice, Registrations};
pub use directory::{AtTokenFunction, Directory, DirectoryError};
pub use error::CredentialsError;
pub use login_attempts::Reserved;
#[cfg(feature = "passkeys")]
pub use passkey_login::PasskeyLogin;
pub use password_check::{PasswordCheck, PasswordLogin, Proved};
pub use proofs::{Proofs, UsedProof};
pub use sign_on_attempts::SignOnAttempts;
pub use trade_in_attempts::{ReservedTradeIn, TradeInAttempts};
