//! What a KDC's error means, for a user and for the gateway itself (codes: RFC 4120 §7.5.9).

use crate::ConnectorError;

/// Why an exchange gave no ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// No KDC answered.
    Silent(String),
    /// A KDC answered with this error.
    Code(i32),
    /// The response is not what the protocol wants.
    Broken(&'static str),
}

/// The option asked for is not granted: here, to stand for somebody.
pub(super) const BAD_OPTION: i32 = 13;
/// The encryption type is not supported: the account has no AES key.
pub(super) const NO_SUCH_ETYPE: i32 = 14;
/// The KDC wants a proof of the password in the request.
pub(super) const PREAUTH_REQUIRED: i32 = 25;

impl Failure {
    /// The KDC no longer takes the ticket-granting ticket that was shown: a new one may help.
    pub(super) fn is_about_the_tgt(&self) -> bool {
        // Revoked, altered (the realm's key is another one), expired, not yet valid, key version and key unknown, and
        // what Heimdal says of keys it cannot find.
        matches!(self, Self::Code(20 | 31 | 32 | 33 | 44 | 45 | 60))
    }

    /// What it means for the gateway's own login, and whether another one with the same password is in vain.
    pub(super) fn of_account(self) -> (ConnectorError, bool) {
        if let Self::Code(code @ (1 | 6 | 12 | 18 | 21 | 23 | 24 | 31)) = self {
            let text =
                format!("the realm refuses the gateway's own account (error {code}): look at `account` and `secret`");
            return (ConnectorError::Misbehaved(text), true);
        }
        (self.of_gateway(), false)
    }

    /// What it means for somebody who showed a password.
    pub(super) fn of_password(self) -> ConnectorError {
        // Wrong password: no proof, or none that can be read.
        if matches!(self, Self::Code(24 | 31)) {
            return ConnectorError::Refused;
        }
        if self == Self::Code(NO_SUCH_ETYPE) {
            return misbehaved("the realm has no AES key of this user: the password must be set anew");
        }
        self.of_person()
    }

    /// What it means for a user whom the realm was asked about.
    pub(super) fn of_person(self) -> ConnectorError {
        // Entry expired, unknown, not by policy, revoked (disabled, locked), not yet valid, password expired.
        if matches!(self, Self::Code(1 | 6 | 12 | 18 | 21 | 23)) {
            return ConnectorError::Refused;
        }
        self.of_gateway()
    }

    /// What it means where no user is to blame.
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
