//! The guard on refresh tokens of other issuers: who tries texts that are none must not flood an issuer through the gateway.

use crate::CredentialsError;
use crate::login_attempts::LoginAttempts;
use gateway_domain::login_attempts::{Limit, TRADE_INS};
use gateway_domain::source::Source;
use gateway_domain::time::Timestamp;
use gateway_store::StoreError;

/// Counts questions to other issuers.
pub struct TradeInAttempts(LoginAttempts);

/// A question that is counted and may be asked.
pub struct ReservedTradeIn([(String, Limit); 1]);

impl TradeInAttempts {
    /// Counts in this table.
    pub fn new(attempts: gateway_store::LoginAttempts) -> Self {
        Self(LoginAttempts::new(attempts))
    }

    /// Reserves a question, by its source alone: a counter that many sources share would let anybody stop the phones of all. Call it before
    /// an issuer is asked.
    ///
    /// # Errors
    /// [`CredentialsError::TooManyAttempts`] with the time to wait: then nothing may be asked.
    pub async fn reserve(&self, source: &Source, now: Timestamp) -> Result<ReservedTradeIn, CredentialsError> {
        let counters = [(format!("trade-ins-from#{source}"), TRADE_INS)];
        self.0.reserve_new(&counters, now).await?;
        Ok(ReservedTradeIn(counters))
    }

    /// The issuer has taken the token, or could not answer: the question is taken back.
    pub async fn give_back(&self, ReservedTradeIn(counters): &ReservedTradeIn) -> Result<(), StoreError> {
        self.0.give_back_new(counters).await
    }
}
