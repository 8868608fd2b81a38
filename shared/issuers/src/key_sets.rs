//! The public keys of an issuer, read when they are needed and kept for an hour.

use crate::IssuerError;
use crate::exchange::Posted;
use gateway_domain::clock::Clock;
use gateway_domain::foreign_token::IssuerKeys;
use http::StatusCode;
use std::sync::{Arc, Mutex, PoisonError};

/// How long a set is used, in milliseconds: an issuer that takes a key away is believed so much later.
const KEPT: i64 = 3_600_000;

/// The key set of one issuer.
pub(crate) struct KeySet {
    clock: Arc<dyn Clock>,
    read: Mutex<Option<(Arc<IssuerKeys>, i64)>>,
}

impl KeySet {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, read: Mutex::new(None) }
    }

    /// The keys, read now if they are not there or old, and whether they were.
    pub(crate) async fn fresh<F: Future<Output = Result<Posted, IssuerError>>>(
        &self,
        fetch: &impl Fn() -> F,
    ) -> Result<(Arc<IssuerKeys>, bool), IssuerError> {
        let now = self.clock.now_millis();
        let kept = self.read.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match kept {
            Some((keys, at)) if (0..KEPT).contains(&now.saturating_sub(at)) => Ok((keys, false)),
            Some(_) | None => Ok((self.again(fetch).await?, true)),
        }
    }

    /// The keys, read now: one is missing.
    pub(crate) async fn again<F: Future<Output = Result<Posted, IssuerError>>>(
        &self,
        fetch: &impl Fn() -> F,
    ) -> Result<Arc<IssuerKeys>, IssuerError> {
        let Posted { status, body } = fetch().await?;
        if status != StatusCode::OK {
            return Err(IssuerError::Unavailable(format!("its key set: status {}", status.as_u16())));
        }
        let keys = IssuerKeys::parse(&body).map_err(|error| IssuerError::Unusable(format!("its key set: {error}")))?;
        let keys = Arc::new(keys);
        let read = (Arc::clone(&keys), self.clock.now_millis());
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = Some(read);
        Ok(keys)
    }
}
