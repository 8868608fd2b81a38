//! Proofs of possession (RFC 9449) at the endpoints of this function.

use crate::AuthorizationServer;
use crate::error::Failure;
use crate::metadata::endpoint;
use gateway_credentials::UsedProof;
use gateway_domain::dpop::{DpopNonce, HEADER, InvalidProof, Proof, ProvedRequest};
use gateway_domain::event::ApiRequest;
use gateway_domain::time::Timestamp;

/// The proof of a request that presents no access token, if it has one: that its client holds a key.
pub(crate) fn proof(api: &ApiRequest, issuer: &str) -> Result<Option<Proof>, Failure> {
    let text = api.header(HEADER).map_err(|_| InvalidProof("there must be one DPoP header"))?;
    let Some(text) = text else { return Ok(None) };
    let request = ProvedRequest { method: &api.method, url: &endpoint(issuer, &api.path), access_token: None };
    Ok(Some(Proof::verify(text, &request)?))
}

impl AuthorizationServer {
    /// Uses up a proof of a request for tokens.
    pub(crate) async fn use_at_issuer(&self, proof: &Proof, now: Timestamp) -> Result<(), Failure> {
        let tokens = self.sessions.tokens();
        let keys = match proof.nonce.as_deref().and_then(DpopNonce::parse) {
            Some(nonce) => tokens.sealing_for(nonce.sealed()).await?,
            None => tokens.sealing(),
        };
        match self.proofs.at_issuer(proof, &keys, now).await? {
            UsedProof::Now => Ok(()),
            UsedProof::Again => Err(Failure::ProofAgain),
        }
    }

    /// Uses up the proof of a request that presents an access token.
    pub(crate) async fn use_at_resource(&self, proof: &Proof, now: Timestamp) -> Result<(), Failure> {
        match self.proofs.at_resource(proof, now).await? {
            UsedProof::Now => Ok(()),
            UsedProof::Again => Err(Failure::HolderAgain),
        }
    }
}
