//! Why the response of an authenticator is refused. The texts are for the log and for developers; users read one sentence for all of them.

use passki::PasskiError;

/// This machine lacks instructions that the checks of signatures need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this CPU lacks the instructions that signatures of passkeys are checked with: run on arm64, or on x86-64 with AVX2 and ADX"
)]
pub struct UnsupportedCpu;

/// Why a response is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is no response, or larger than one may be.
    #[error("the response is no PublicKeyCredential in the form of its toJSON, or it is too large")]
    Unreadable,
    /// It names no user.
    #[error("the response has no user handle of a user")]
    NoUser,
    /// It answers another challenge, or was made for another purpose, origin or relying party.
    #[error("the response is for another challenge, purpose, origin or relying party")]
    Elsewhere,
    /// Its person was not there, or was not verified.
    #[error("the authenticator has not verified its user")]
    NotVerified,
    /// Its passkey has signed less often than before: there may be two of it (WebAuthn §6.1.1).
    #[error("the signature counter went back: the passkey may have been copied")]
    Counter,
    /// Its signature is another passkey's, or none.
    #[error("the signature does not verify")]
    Signature,
    /// Its key is of an algorithm that was not asked for, or too large.
    #[error("the key of the passkey is of an algorithm that was not asked for")]
    Algorithm,
    /// The id of the user is no user handle.
    #[error("the id of the user has more than 64 bytes, and cannot have a passkey")]
    LongUserId,
}

impl From<PasskiError> for Refused {
    fn from(error: PasskiError) -> Self {
        use PasskiError as E;
        if matches!(error, E::UserNotPresent | E::UserVerificationRequired) {
            Self::NotVerified
        } else if matches!(error, E::CounterRegression) {
            Self::Counter
        } else if matches!(error, E::SignatureVerificationFailed) {
            Self::Signature
        } else if matches!(error, E::UnsupportedAlgorithm(_)) {
            Self::Algorithm
        } else if matches!(
            error,
            E::ClientDataTypeMismatch { .. }
                | E::InvalidClientDataType(_)
                | E::ChallengeMismatch
                | E::OriginMismatch { .. }
                | E::CrossOriginNotAllowed
                | E::RpIdHashMismatch
        ) {
            Self::Elsewhere
        } else {
            Self::Unreadable
        }
    }
}
