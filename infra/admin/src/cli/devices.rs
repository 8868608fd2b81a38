//! The commands `devices …`.

use clap::{Args, Subcommand};
use gateway_domain::ids::UserId;

/// `devices …`
#[derive(Debug, Subcommand)]
pub(crate) enum Devices {
    /// Show the devices that are linked to a user, or one device
    List {
        /// E-mail address or user id, or the id of a device
        of: String,
    },
    /// Revoke devices for good: they get no token any more, the next call with one is refused, and their keys stay refused
    Revoke(RevokeDevices),
}

/// `devices revoke`
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct RevokeDevices {
    /// One device
    #[arg(value_parser = UserId::parse)]
    pub(crate) device: Option<UserId>,
    /// All devices that are linked to this user (e-mail address or user id)
    #[arg(long)]
    pub(crate) user: Option<String>,
}
