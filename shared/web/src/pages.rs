//! The pages: one struct and one template each.

mod account;
mod change_address;
mod change_password;
mod close;
mod consent;
mod failure;
mod forgotten;
mod log_out;
mod login;
mod message;
mod my_apps;
mod my_devices;
mod my_passkeys;
mod my_sessions;
pub mod portal;
mod profile;
mod profile_field;
mod reset;
mod sign_up;
mod take_back;
#[cfg(test)]
mod tests;
mod unlock;
mod verify;

pub use account::Account;
pub use change_address::ChangeAddress;
pub use change_password::ChangePassword;
pub use close::{Close, Closing};
pub use consent::Consent;
pub use failure::{Failure, Reason};
pub use forgotten::Forgotten;
pub use log_out::LogOut;
pub use login::{Login, System};
pub use message::{Message, Notice, Step};
pub use my_apps::{AppRow, MyApps};
pub use my_devices::{DeviceRow, MyDevices};
pub use my_passkeys::{MyPasskeys, NewPasskey, NoNewPasskey, OwnerProof, PasskeyRow, RemovePasskey};
pub use my_sessions::{MySessions, SessionRow};
pub use profile::Profile;
pub use profile_field::{FieldKind, ProfileField};
pub use reset::Reset;
pub use sign_up::SignUp;
pub use take_back::TakeBack;
pub use unlock::{ConfirmUnlock, Unlock};
pub use verify::Verify;

pub(crate) use failure::FailureText;
pub(crate) use message::NoticeText;
