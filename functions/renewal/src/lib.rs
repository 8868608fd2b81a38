//! Renews an internal token in mid-life, for the proxy. Nobody else can ask: no route leads here, and only the proxy's
//! role may invoke this function.

mod start;

use domain::clock::Clock;
use domain::renewal::{RenewalAnswer, RenewalRequest};
use domain::time::Timestamp;
use runtime::StartError;
use serde_json::Value;
use sessions::{SessionError, Sessions};
use std::convert::Infallible;
use std::sync::Arc;

pub use start::start;

/// Everything the function works with.
pub struct Renewal {
    /// Renews.
    pub sessions: Sessions,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

impl Renewal {
    /// Answers the proxy. Never fails: what could not be done is to be asked again.
    pub async fn handle(&self, event: &Value) -> Value {
        let answer = if let Some(asked) = RenewalRequest::from_event(event) {
            self.renew(&asked).await
        } else {
            // Another version of the proxy may ask in other words.
            tracing::warn!("the event is no request of this version for a renewal");
            RenewalAnswer::Later
        };
        serde_json::json!(answer)
    }

    async fn renew(&self, asked: &RenewalRequest) -> RenewalAnswer {
        let done = async {
            self.sessions.freshen().await?;
            self.sessions.renew(asked, || self.now()).await
        };
        done.await.unwrap_or_else(|error| {
            let (session, connector) = (&asked.session, &asked.connector);
            tracing::warn!(%session, %connector, kind = error.kind(), reason = %error, "no renewal in mid-life");
            RenewalAnswer::Later
        })
    }

    /// The time, unless the clock is known to be wrong.
    fn now(&self) -> Result<Timestamp, SessionError> {
        self.clock.reading().map_err(StartError::from)?;
        Ok(self.clock.now())
    }
}

/// Answers an event, also while the function cannot start.
pub async fn handle(started: Result<&Renewal, StartError>, event: Value) -> Result<Value, Infallible> {
    match started {
        Ok(renewal) => Ok(Box::pin(renewal.handle(&event)).await),
        Err(error) => Ok(not_ready(&error)),
    }
}

/// The answer while the function cannot start: what is missing is in the log.
fn not_ready(error: &StartError) -> Value {
    tracing::error!(%error, "the function cannot answer");
    serde_json::json!(RenewalAnswer::Later)
}
