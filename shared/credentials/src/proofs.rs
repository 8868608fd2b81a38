//! Proofs of possession (RFC 9449): each is good once.

use crate::CredentialsError;
use crate::login_attempts::LoginAttempts;
use gateway_domain::dpop::Proof;
use gateway_domain::one_use::OneUse;
use gateway_domain::sealing::SealingKeys;
use gateway_domain::time::Timestamp;

/// Notes which proofs were used, in the table of login attempts.
pub struct Proofs(LoginAttempts);

/// What becomes of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsedProof {
    /// It was of now, and is used up.
    Now,
    /// It is of another time, or was used before: the client makes another one, with a nonce where one is given (RFC 9449 §8). A client that
    /// repeats a request whose response was lost can then go on.
    Again,
}

impl Proofs {
    /// Notes uses in this table.
    pub fn new(table: gateway_store::LoginAttempts) -> Self {
        Self(LoginAttempts::new(table))
    }

    /// Uses a proof up where tokens are given out. The keys must be those of its nonce, if it has one.
    pub async fn at_issuer(
        &self,
        proof: &Proof,
        keys: &SealingKeys,
        now: Timestamp,
    ) -> Result<UsedProof, CredentialsError> {
        self.once(proof, proof.at_issuer(keys, now), now).await
    }

    /// Uses a proof up where a token is presented.
    pub async fn at_resource(&self, proof: &Proof, now: Timestamp) -> Result<UsedProof, CredentialsError> {
        self.once(proof, proof.by_its_clock(now), now).await
    }

    async fn once(
        &self,
        proof: &Proof,
        one_use: Option<OneUse>,
        now: Timestamp,
    ) -> Result<UsedProof, CredentialsError> {
        let Some(one_use) = one_use else { return Ok(UsedProof::Again) };
        let first = self.0.use_once(("dpop", proof.thumbprint().as_str()), &one_use, now).await?;
        Ok(if first { UsedProof::Now } else { UsedProof::Again })
    }
}
