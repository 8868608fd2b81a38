//! Why a device gets nothing, or is not linked to who logs in.

use super::ErrorResponse;
use gateway_domain::oauth_error::ErrorCode;
use std::borrow::Cow;

/// Why a device gets nothing, or is not linked to who logs in. The reasons are for the log alone: a device that is not known, one that was
/// revoked and one of another application are told alike.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoDevice {
    #[error("no DPoP proof with a nonce")]
    NoChallenge,
    #[error("the assertion is refused: {0}")]
    Grant(&'static str),
    #[error("the assertion of a login is refused: {0}")]
    Login(&'static str),
    #[error("it is another person's")]
    OfAnother,
    #[error("the person has as many devices as anybody may have")]
    TooMany,
    #[error("its key was revoked")]
    Revoked,
}

impl NoDevice {
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::NoChallenge => "dpop_proof",
            Self::Grant(_) | Self::Login(_) | Self::OfAnother | Self::TooMany | Self::Revoked => "device",
        }
    }

    /// The response of RFC 6749 §5.2, or of RFC 9449 §8.
    pub(super) fn response(&self) -> ErrorResponse {
        let (code, description) = match self {
            Self::NoChallenge => (
                ErrorCode::UseDpopNonce,
                "send a DPoP proof by the key of the device, with the nonce that is in DPoP-Nonce",
            ),
            Self::Grant(_) => (
                ErrorCode::InvalidGrant,
                "the assertion is malformed, expired or used, or not of a device of this client; if another one does not help, register the device with a new key",
            ),
            Self::Login(_) => (
                ErrorCode::InvalidDevice,
                "device_assertion is malformed, expired or used, or not of a device of this client; if another one does not help, register the device with a new key",
            ),
            Self::OfAnother => (
                ErrorCode::InvalidDevice,
                "this device is another person's, and stays that; register it with a new key, or log in without device_assertion",
            ),
            Self::TooMany => (
                ErrorCode::InvalidDevice,
                "this account has as many devices as it can have; its owner has to remove one at /account/devices, or log in without device_assertion",
            ),
            Self::Revoked => {
                (ErrorCode::InvalidDevice, "the device with this key was revoked; register it with a new key")
            }
        };
        ErrorResponse::new(code, Cow::Borrowed(description))
    }
}
