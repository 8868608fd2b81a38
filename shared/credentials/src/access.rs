//! The access token of a request (RFC 6750 §2.1), for paths of the gateway's own, before which no authorizer stands.

use gateway_domain::access_token::{self, AccessClaims, InvalidToken};
use gateway_domain::event::ApiRequest;
use gateway_domain::keys::PublicKeys;
use gateway_domain::presented_token::PresentedToken;
use gateway_domain::time::Timestamp;
use gateway_runtime::{Fresh, StartError};

/// What the access token of a request says, if it has a valid one for this issuer and audience. Whether its session lives is for the
/// caller to ask.
///
/// # Errors
/// The keys cannot be read, or verify nothing.
pub async fn bearer(
    public: &Fresh<PublicKeys>,
    request: &ApiRequest,
    (issuer, audience): (&str, &str),
    now: Timestamp,
) -> Result<Option<AccessClaims>, StartError> {
    let Ok(presented) = PresentedToken::of(request) else { return Ok(None) };
    let verify = |keys: &_| access_token::verify(presented.token(), keys, issuer, audience, now);
    let mut verified = verify(&*public.fresh().await?);
    if matches!(verified, Err(InvalidToken::UnknownKey)) {
        verified = verify(&*public.again().await?);
    }
    match verified {
        Err(reason @ InvalidToken::UnusableKey) => Err(public.unusable(&reason)),
        Err(_) => Ok(None),
        Ok(token) => {
            let held = token.presented(&presented, &request.method, &format!("{issuer}{}", request.path));
            Ok(held.ok().filter(|(_, proof)| proof.is_none()).map(|(claims, _)| claims))
        }
    }
}
