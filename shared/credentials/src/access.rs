//! The access token of a request (RFC 6750 §2.1, RFC 9449 §7), for paths of the gateway's own, before which no authorizer stands.

use crate::{CredentialsError, Proofs, UsedProof};
use gateway_domain::access_token::{self, AccessClaims, InvalidToken};
use gateway_domain::event::ApiRequest;
use gateway_domain::keys::PublicKeys;
use gateway_domain::presented_token::{NotTheHolder, PresentedToken};
use gateway_domain::time::Timestamp;
use gateway_runtime::Fresh;

/// Why a request gets nothing for its access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoAccess {
    /// It has none, or none that is valid.
    #[error("no valid access token")]
    NoToken,
    /// It has one that is somebody else's.
    #[error(transparent)]
    NotTheHolder(#[from] NotTheHolder),
}

/// What the access token of a request says, if it has a valid one for this issuer and audience; of one that is bound to a key, the proof is
/// used up. Whether its session lives is for the caller to ask.
///
/// # Errors
/// The keys cannot be read or verify nothing, or the table does not answer.
pub async fn access(
    public: &Fresh<PublicKeys>,
    proofs: &Proofs,
    request: &ApiRequest,
    (issuer, audience): (&str, &str),
    now: Timestamp,
) -> Result<Result<AccessClaims, NoAccess>, CredentialsError> {
    let Ok(presented) = PresentedToken::of(request) else { return Ok(Err(NoAccess::NoToken)) };
    let verify = |keys: &_| access_token::verify(presented.token(), keys, issuer, audience, now);
    let mut verified = verify(&*public.fresh().await?);
    if matches!(verified, Err(InvalidToken::UnknownKey)) {
        verified = verify(&*public.again().await?);
    }
    let token = match verified {
        Ok(token) => token,
        Err(reason @ InvalidToken::UnusableKey) => return Err(public.unusable(&reason).into()),
        Err(_) => return Ok(Err(NoAccess::NoToken)),
    };
    let url = format!("{issuer}{}", request.path);
    let (claims, proof) = match token.presented(&presented, &request.method, &url) {
        Ok(held) => held,
        Err(refused) => return Ok(Err(refused.into())),
    };
    let Some(proof) = proof else { return Ok(Ok(claims)) };
    Ok(match proofs.at_resource(&proof, now).await? {
        UsedProof::Now => Ok(claims),
        UsedProof::Again => Err(NotTheHolder::Again.into()),
    })
}
