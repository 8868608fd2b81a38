//! Proofs of possession (RFC 9449) of apps that log people in on their own screens: the code is for the holder of the key.

use crate::AuthorizationEndpoint;
use crate::challenge::PATH;
use crate::error::Failure;
use gateway_credentials::UsedProof;
use gateway_domain::dpop::{DpopNonce, HEADER, InvalidProof, NONCE_HEADER, Proof};
use gateway_domain::event::{ApiRequest, ApiResponse};
use gateway_domain::time::Timestamp;

/// The proof of a request, if it has one. It is verified before anything else of the request is believed.
pub(crate) fn proof(api: &ApiRequest, issuer: &str) -> Result<Option<Proof>, InvalidProof> {
    Proof::of_request(api, &format!("{issuer}{PATH}"))
}

impl AuthorizationEndpoint {
    /// Uses up a proof. It is of now by its nonce, or by the client's clock.
    pub(crate) async fn use_proof(&self, proof: &Proof, now: Timestamp) -> Result<UsedProof, Failure> {
        let keys = self.pending.tokens().sealing_for_proof(proof).await?;
        Ok(self.proofs.at_issuer(proof, &keys, now).await?)
    }

    /// The response to a request, with a nonce for the next proof if this one had a proof, good or not (RFC 9449 §8.2).
    pub(crate) fn with_nonce(&self, api: &ApiRequest, response: ApiResponse) -> ApiResponse {
        if api.header_values(HEADER).next().is_none() {
            return response;
        }
        if let Some(nonce) = self.nonce() {
            return response.header(NONCE_HEADER, nonce);
        }
        tracing::error!("no nonce is given out: the clock is wrong, or there are no random bytes or keys");
        response
    }

    fn nonce(&self) -> Option<String> {
        self.clock.reading().ok()?;
        let random = self.entropy.bytes().ok()?;
        DpopNonce::issue(&self.pending.tokens().sealing(), random, self.clock.now()).ok()
    }
}
