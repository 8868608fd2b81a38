//! Proofs of possession (RFC 9449) at the endpoints of this function.

use crate::error::Failure;
use crate::metadata::{DEVICES, PAR, TOKEN, endpoint};
use crate::{AuthorizationServer, Request};
use gateway_credentials::{AuthenticatedApp, UsedProof};
use gateway_domain::access_token::Confirmation;
use gateway_domain::dpop::{DpopNonce, HEADER, InvalidProof, NONCE_HEADER, Proof};
use gateway_domain::event::{ApiRequest, ApiResponse};
use gateway_domain::holder_key::Thumbprint;
use gateway_domain::presented_token::NotTheHolder;
use gateway_domain::session::Holder;
use gateway_domain::time::Timestamp;
use gateway_store::{App, Dpop, GrantType};

/// Whether a proof of such a request is judged, and answered by a nonce.
fn takes_proofs(api: &ApiRequest) -> bool {
    api.method == "POST" && [TOKEN, PAR, DEVICES].contains(&api.path.as_str())
}

/// The proof of a request that presents no access token, if it has one: that its client holds a key. It is verified before anything else of the
/// request is believed. Whether it is of now is for [`AuthorizationServer::use_at_issuer`].
pub(crate) fn proof(api: &ApiRequest, issuer: &str) -> Result<Option<Proof>, Failure> {
    if !takes_proofs(api) {
        return Ok(None);
    }
    Ok(Proof::of_request(api, &endpoint(issuer, &api.path))?)
}

/// Refuses a request without the proof that its application has to send.
pub(crate) fn check_proof(app: &AuthenticatedApp, grant: GrantType, request: &Request<'_>) -> Result<(), Failure> {
    let is_needed = match app.registered().dpop {
        Dpop::Optional => false,
        // All its token requests (RFC 9449 §5.2).
        Dpop::Required => true,
        Dpop::RefreshTokens => match grant {
            GrantType::AuthorizationCode | GrantType::Password | GrantType::RefreshToken | GrantType::NativeSso => {
                !app.is_confidential() && app.has_grant(GrantType::RefreshToken)
            }
            GrantType::ClientCredentials | GrantType::TokenExchange | GrantType::Challenge | GrantType::JwtBearer => {
                false
            }
        },
    };
    if is_needed && request.proof.is_none() {
        return Err(InvalidProof("this client has to prove its key: send a proof in the header DPoP").into());
    }
    Ok(())
}

impl Request<'_> {
    /// The key that the request proves to have.
    pub(crate) fn key(&self) -> Option<Thumbprint> {
        self.proof.as_ref().map(Proof::thumbprint)
    }

    /// Whose a session is that begins with this request. The refresh tokens of a confidential application are bound to its authentication
    /// (RFC 9449 §5).
    pub(crate) fn holder(&self, app: &AuthenticatedApp) -> Option<Holder> {
        self.key().filter(|_| !app.is_confidential()).map(Holder::from_begin)
    }

    /// The key that an access token is bound to.
    pub(crate) fn confirmation(&self, app: &App) -> Option<Confirmation> {
        match app.dpop {
            Dpop::RefreshTokens => None,
            Dpop::Optional | Dpop::Required => self.key().map(|jkt| Confirmation { jkt }),
        }
    }
}

impl AuthorizationServer {
    /// Uses up the proof of a request, if it has one. It is of now by its nonce, or by the client's clock.
    pub(crate) async fn use_at_issuer(&self, request: &Request<'_>) -> Result<(), Failure> {
        let Some(proof) = &request.proof else { return Ok(()) };
        let keys = self.sessions.tokens().sealing_for_proof(proof).await?;
        match self.proofs.at_issuer(proof, &keys, request.now).await? {
            UsedProof::Now => Ok(()),
            UsedProof::Again => Err(Failure::ProofAgain),
        }
    }

    /// Uses up the proof of a request that presents an access token.
    pub(crate) async fn use_at_resource(&self, proof: &Proof, now: Timestamp) -> Result<(), Failure> {
        match self.proofs.at_resource(proof, now).await? {
            UsedProof::Now => Ok(()),
            UsedProof::Again => Err(NotTheHolder::Again.into()),
        }
    }

    /// The response to a request, with a nonce for the next proof if this one had a proof, good or not (RFC 9449 §8.2).
    pub(crate) fn with_nonce(&self, api: &ApiRequest, response: ApiResponse) -> ApiResponse {
        if !takes_proofs(api) || api.header_values(HEADER).next().is_none() {
            return response;
        }
        match self.nonce() {
            Ok(nonce) => response.header(NONCE_HEADER, nonce),
            Err(failure) => {
                tracing::error!(reason = %failure, "no nonce is given out");
                response
            }
        }
    }

    /// A nonce for the next proof.
    pub(crate) fn nonce(&self) -> Result<String, Failure> {
        let keys = self.sessions.tokens().sealing();
        let nonce = DpopNonce::issue(&keys, self.entropy.bytes()?, self.now()?);
        nonce.map_err(|_| Failure::Internal("sealing failed"))
    }
}
