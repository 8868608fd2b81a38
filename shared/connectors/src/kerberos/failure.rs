//! What an error of a KDC means for a user and for the gateway itself. The codes are those of RFC 4120 §7.5.9.

use crate::ConnectorError;

/// Why an exchange gave no ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// No KDC responded.
    Silent(String),
    /// A KDC responded with this error code.
    Code(i32),
    /// The response breaks the protocol.
    Broken(&'static str),
}

/// `KDC_ERR_BADOPTION`: the requested option is not granted. Here this is delegation.
pub(super) const BAD_OPTION: i32 = 13;
/// `KDC_ERR_ETYPE_NOSUPP`: the account has no key of a requested encryption type, so no AES key.
pub(super) const NO_SUCH_ETYPE: i32 = 14;
/// `KDC_ERR_PREAUTH_REQUIRED`: the request must prove that the sender knows the password.
pub(super) const PREAUTH_REQUIRED: i32 = 25;

impl Failure {
    /// Whether the KDC no longer accepts the ticket-granting ticket. A new one may help.
    pub(super) fn is_about_the_tgt(&self) -> bool {
        // In order: revoked, bad integrity (the realm has changed its key), expired, not yet valid, unknown key version,
        // unknown key, and the generic error that Heimdal sends for a key that it cannot find.
        matches!(self, Self::Code(20 | 31 | 32 | 33 | 44 | 45 | 60))
    }

    /// What it means for the gateway's own login, and whether a second login with the same password would fail too.
    pub(super) fn of_account(self) -> (ConnectorError, bool) {
        if let Self::Code(code @ (1 | 6 | 12 | 18 | 21 | 23 | 24 | 31)) = self {
            let text =
                format!("the realm refuses the gateway's own account (error {code}): look at `account` and `secret`");
            return (ConnectorError::Misbehaved(text), true);
        }
        (self.of_gateway(), false)
    }

    /// What it means for a user who logged in with a password.
    pub(super) fn of_password(self) -> ConnectorError {
        // Both codes mean a wrong password: preauthentication failed, or the KDC could not decrypt it.
        if matches!(self, Self::Code(24 | 31)) {
            return ConnectorError::Refused;
        }
        if self == Self::Code(NO_SUCH_ETYPE) {
            return misbehaved("the realm has no AES key of this user: the password must be set anew");
        }
        self.of_person()
    }

    /// What it means for the user that the request was about.
    pub(super) fn of_person(self) -> ConnectorError {
        // In order: entry expired, unknown, forbidden by policy, revoked (disabled or locked), not yet valid, password
        // expired.
        if matches!(self, Self::Code(1 | 6 | 12 | 18 | 21 | 23)) {
            return ConnectorError::Refused;
        }
        self.of_gateway()
    }

    /// What it means if it is not about a user.
    pub(super) fn of_gateway(self) -> ConnectorError {
        match self {
            Self::Silent(reason) => ConnectorError::Unavailable(reason),
            Self::Code(37) => ConnectorError::Unavailable("the realm's clock is another one (error 37)".to_owned()),
            Self::Code(29) => ConnectorError::Unavailable("the KDC has no service (error 29)".to_owned()),
            Self::Code(7) => misbehaved("the realm does not know the service principal (error 7)"),
            Self::Code(NO_SUCH_ETYPE) => misbehaved("the realm has no AES key of the account or service (error 14)"),
            Self::Code(code) => ConnectorError::Misbehaved(format!("the KDC answered with error {code}")),
            Self::Broken(reason) => misbehaved(reason),
        }
    }
}

fn misbehaved(reason: &str) -> ConnectorError {
    ConnectorError::Misbehaved(reason.to_owned())
}
