//! The lease of a session: the right to change its internal tokens, which one request holds at a time.

use crate::{SessionError, Sessions};
use gateway_domain::entropy::Entropy;
use gateway_domain::session::Session;
use gateway_domain::time::{Seconds, Timestamp};
use std::time::Duration;

/// How long a lease lasts: longer than a function that takes one may run, so that no lease lapses while its holder works.
const LEASE: Seconds = Seconds::new(30);

/// How often a request reads a session that another request has leased, to find the result of that one. Two reads are
/// [`POLL_INTERVAL`] apart.
pub const MAX_POLLS: u32 = 20;
/// The time between two of the reads that [`MAX_POLLS`] bounds.
pub const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The random name of one lease. Only the request that made it can commit under it.
pub(crate) struct Lease(pub(crate) String);

impl Lease {
    pub(crate) fn new(entropy: &dyn Entropy) -> Result<Self, SessionError> {
        Ok(Self(u128::from_be_bytes(entropy.bytes()?).to_string()))
    }
}

impl Sessions {
    /// Does the work under the lease; `None` if another request holds the lease or has changed the session since it was
    /// read. Work that fails gives the lease back; after work that succeeds, the caller's commit ends the lease.
    pub(crate) async fn leased<T>(
        &self,
        session: &Session,
        lease: &Lease,
        now: Timestamp,
        work: impl Future<Output = Result<T, SessionError>>,
    ) -> Result<Option<T>, SessionError> {
        if !self.table.lease(session, &lease.0, now.saturating_add(LEASE), now).await? {
            return Ok(None);
        }
        match work.await {
            Ok(done) => Ok(Some(done)),
            Err(error) => {
                self.table.release(&session.sid, &lease.0).await?;
                Err(error)
            }
        }
    }
}
