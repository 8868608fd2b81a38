//! The right to change a session's internal tokens, which one request has at a time.

use crate::{SessionError, Sessions};
use gateway_domain::entropy::Entropy;
use gateway_domain::session::Session;
use gateway_domain::time::{Seconds, Timestamp};
use std::time::Duration;

/// How long a request may hold a lease while it renews internal tokens: longer than API Gateway waits for the request.
const LEASE: Seconds = Seconds::new(30);

/// How often a request that meets a lease looks for what its holder makes; [`POLL_INTERVAL`] lies between two looks.
pub const MAX_POLLS: u32 = 20;
/// See [`MAX_POLLS`].
pub const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The name under which a session is leased. Nobody else's commit has it.
pub(crate) struct Lease(pub(crate) String);

impl Lease {
    pub(crate) fn new(entropy: &dyn Entropy) -> Result<Self, SessionError> {
        Ok(Self(u128::from_be_bytes(entropy.bytes()?).to_string()))
    }
}

impl Sessions {
    /// Does this under the lease; `None` if another request has it, or has changed the session since it was read. If the
    /// work fails, the lease is given back; otherwise its commit ends it.
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
