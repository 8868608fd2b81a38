//! Queues the back-end logout of ended sessions at the renewal function, which can open their internal tokens and reaches
//! the back ends. The event waits in Lambda's queue, and Lambda repeats it if it fails.

use gateway_domain::ids::SessionId;
use gateway_domain::renewal::LogoutRequest;
use gateway_invoke::Function;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Interval, MissedTickBehavior};

/// The time between two logouts: at most 25 are queued a second. Lambda runs queued events at once, in the concurrency that
/// all functions of the account share, and one back end may receive all the logouts.
const PACE: Duration = Duration::from_millis(40);

/// Lambda's queue of events for the renewal function.
pub(crate) struct Logouts {
    renewal: Function,
    pace: Mutex<Interval>,
}

impl Logouts {
    pub(crate) fn new(renewal: Function) -> Self {
        let mut pace = tokio::time::interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { renewal, pace: Mutex::new(pace) }
    }

    /// Queues the logout of a session that has ended, or says why it is not queued.
    pub(crate) async fn queue(&self, session: &SessionId) -> Result<(), String> {
        self.pace.lock().await.tick().await;
        let event = LogoutRequest { session: session.clone() }.to_event();
        self.renewal.queue(&event).await.map_err(|error| error.reason)
    }
}
