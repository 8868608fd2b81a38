//! `users …`

use clap::{Args, Subcommand, ValueEnum};
use gateway_domain::ids::{ConnectorName, IssuerName, UserId};
use gateway_domain::passkey::{CredentialId, InvalidPasskey};
use std::path::PathBuf;

/// `users …`
#[derive(Debug, Subcommand)]
pub(crate) enum Users {
    /// Create a user; the password is asked for, or read as one line from standard input
    Create(CreateUser),
    /// Show users
    List {
        /// Show at most so many
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..))]
        limit: u16,
        /// Go on after this user id, which the list before named as its end
        #[arg(long, value_name = "USER_ID", value_parser = UserId::parse)]
        after: Option<UserId>,
    },
    /// Show one user
    Show {
        /// E-mail address or user id
        user: String,
    },
    /// Give a user another e-mail address
    Change(ChangeUser),
    /// Set a new password, which ends every session of the user
    SetPassword {
        /// E-mail address or user id
        user: String,
        /// Keep none: the directory of gateway.yaml checks the user's password from now on
        #[arg(long)]
        none: bool,
    },
    /// Keep a user from logging in, and end every session of the user
    Disable {
        /// E-mail address or user id
        user: String,
    },
    /// Let a disabled user log in again
    Enable {
        /// E-mail address or user id
        user: String,
    },
    /// Set the name by which a legacy system knows a user, which ends every session of the user, or the subject by which another issuer does, which ends none
    Link {
        /// E-mail address or user id
        user: String,
        /// The connector of gateway.yaml that logs in there, or the issuer whose refresh tokens are traded in
        #[arg(value_parser = ConnectorName::parse)]
        connector: ConnectorName,
        /// The user's name there, such as a Kerberos principal, or the `sub` of the user's tokens there
        name: String,
    },
    /// Forget the name by which a legacy system or another issuer knows a user, which ends every session of the user
    Unlink {
        /// E-mail address or user id
        user: String,
        /// The connector of gateway.yaml that logs in there, or the issuer
        #[arg(value_parser = ConnectorName::parse)]
        connector: ConnectorName,
    },
    /// Give a user a role: an administrator may see and disable users and apps on the pages under /gateway
    Grant {
        /// E-mail address or user id
        user: String,
        /// The role
        #[arg(value_enum)]
        role: RoleName,
    },
    /// Take a role away; felt at once
    Revoke {
        /// E-mail address or user id
        user: String,
        /// The role
        #[arg(value_enum)]
        role: RoleName,
    },
    /// Forget the authenticator app of an administrator, who sets up another at the next login
    ResetSecondFactor {
        /// E-mail address or user id
        user: String,
    },
    /// Show the passkeys of a user, or remove one or all, which ends every session of the user
    Passkeys {
        /// E-mail address or user id
        user: String,
        /// Remove the passkey of this id, or `all`
        #[arg(long, value_name = "ID|all", allow_hyphen_values = true, value_parser = WhichPasskeys::parse)]
        remove: Option<WhichPasskeys>,
    },
    /// Delete a user with every session
    Delete {
        /// E-mail address or user id
        user: String,
    },
    /// Create many users from a file, with the password hashes of another system; repeating it skips who is there
    Import(Import),
}

/// Which passkeys of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WhichPasskeys {
    All,
    One(CredentialId),
}

impl WhichPasskeys {
    fn parse(text: &str) -> Result<Self, InvalidPasskey> {
        if text == "all" { Ok(Self::All) } else { CredentialId::parse(text).map(Self::One) }
    }
}

/// Roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RoleName {
    /// Administers users and apps.
    Administrator,
    /// Makes organizations, whose members register apps.
    Developer,
}

/// `users create`
#[derive(Debug, Args)]
pub(crate) struct CreateUser {
    /// The address this user logs in with
    pub(crate) email: String,
    /// The user's id in tokens and at back ends [default: a random one]
    #[arg(long, value_name = "USER_ID", value_parser = UserId::parse)]
    pub(crate) id: Option<UserId>,
    /// Create a user who cannot log in until a password is set
    #[arg(long)]
    pub(crate) no_password: bool,
}

/// `users change`
#[derive(Debug, Args)]
pub(crate) struct ChangeUser {
    /// E-mail address or user id
    pub(crate) user: String,
    /// The new address
    #[arg(long)]
    pub(crate) email: String,
}

/// `users import`
#[derive(Debug, Args)]
#[command(
    after_help = "A line has `email`, and as far as wanted `user_id`, `password_hash`, `enabled`, `email_verified` and `links`, names at \
    connectors and issuers of gateway.yaml. CSV begins with a line of these names; a link is a column of its own, such as \
    `links.keycloak`.\nKnown hashes: argon2 (PHC), bcrypt, PBKDF2 (PHC, Django, passlib), scrypt (PHC, Django), and those of Keycloak."
)]
pub(crate) struct Import {
    /// The file; - is standard input
    pub(crate) file: PathBuf,
    /// What it holds [default: by its ending]
    #[arg(long, value_enum)]
    pub(crate) format: Option<FileFormat>,
    /// With --format keycloak: the issuer of gateway.yaml whose people they are
    #[arg(long, value_name = "NAME", value_parser = IssuerName::parse)]
    pub(crate) issuer: Option<IssuerName>,
    /// Leave out the password hashes: whoever is imported sets a password before the next login
    #[arg(long)]
    pub(crate) without_passwords: bool,
    /// Only read and check the file
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What a file of users holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FileFormat {
    /// Comma-separated values with a line of names first (RFC 4180).
    Csv,
    /// One JSON object a line.
    Jsonl,
    /// A realm that Keycloak has exported with its users, or a list of users of its admin REST API.
    Keycloak,
}

impl FileFormat {
    /// What a number in the file counts.
    pub(crate) const fn unit(self) -> &'static str {
        match self {
            Self::Csv | Self::Jsonl => "line",
            Self::Keycloak => "user",
        }
    }
}
