//! Renews internal tokens between refreshes, for the proxy, and logs ended sessions and lapsed logins out of the legacy
//! systems. No route leads here: only a role that may invoke this function can ask for it.

mod error;
mod start;

use gateway_domain::clock::Clock;
use gateway_domain::renewal::{
    LapsedRequest, LogoutRequest, RenewalEvent, RenewalRequest, RenewalResponse, ReplaceRequest, ReplaceResponse,
};
use gateway_domain::time::Timestamp;
use gateway_runtime::StartError;
use gateway_sessions::{LogoutError, PendingSessions, SessionError, Sessions};
use serde_json::Value;
use std::sync::Arc;

pub use error::Failure;
pub use start::start;

/// Everything the function works with.
pub struct Renewal {
    /// Renews and logs out.
    pub sessions: Sessions,
    /// The logins that lapse.
    pub pending: PendingSessions,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

impl Renewal {
    /// Renews an internal token for the proxy. It never fails: the response to every error is that the proxy may ask later.
    async fn renew(&self, asked: &RenewalRequest) -> RenewalResponse {
        let done = async {
            self.sessions.freshen().await?;
            self.sessions.renew(asked, || self.now()).await
        };
        done.await.unwrap_or_else(|error| {
            let (session, connector) = (&asked.session, &asked.connector);
            tracing::warn!(%session, %connector, kind = error.kind(), reason = %error, "no renewal in mid-life");
            RenewalResponse::Later
        })
    }

    /// Keeps what a response has made of an internal token, for the proxy. It never fails: the call that asks has its response
    /// already.
    async fn replace(&self, asked: &ReplaceRequest) -> ReplaceResponse {
        let done = async {
            self.sessions.freshen().await?;
            self.sessions.replace(asked, || self.now()).await
        };
        done.await.unwrap_or_else(|error| {
            let (session, connector) = (&asked.session, &asked.connector);
            tracing::error!(%session, %connector, kind = error.kind(), reason = %error, "a session moved and was not followed");
            ReplaceResponse::Failed
        })
    }

    /// Logs an ended session out. It fails if that cannot be done, so that Lambda repeats the event: no caller waits.
    async fn log_out(&self, asked: &LogoutRequest) -> Result<(), Failure> {
        let session = &asked.session;
        let done = async {
            self.sessions.freshen().await.map_err(SessionError::from)?;
            self.sessions.finish_logout(session).await
        };
        done.await.map_err(|error: LogoutError| {
            tracing::error!(%session, kind = error.kind(), reason = %error, "no logout at legacy systems");
            Failure::NotLoggedOut(error)
        })
    }

    /// Logs out the logins on the gateway's pages that were never finished. It fails if one is left, so that the alarm on
    /// errors tells of a legacy system that stays unreachable.
    async fn log_out_lapsed(&self) -> Result<(), Failure> {
        let done = async {
            self.sessions.freshen().await?;
            self.sessions.sweep(&self.pending, self.now()?).await
        };
        match done.await {
            Ok(0) => Ok(()),
            Ok(left) => Err(Failure::NotLoggedOut(LogoutError::Left(left))),
            Err(error) => Err(Failure::NotLoggedOut(error.into())),
        }
    }

    /// The time, or an error while the clock is known to be wrong.
    fn now(&self) -> Result<Timestamp, SessionError> {
        self.clock.reading().map_err(StartError::from)?;
        Ok(self.clock.now())
    }
}

/// Handles an event, even while the function cannot start. A renewal always gets a response, even one of another version. A
/// logout that was not done fails, and so does an unknown event: Lambda must not take a queued event for done.
pub async fn handle(started: Result<&Renewal, StartError>, event: Value) -> Result<Value, Failure> {
    match (started, RenewalEvent::parse(&event)) {
        (_, None) if RenewalRequest::is_meant(&event) => {
            tracing::warn!("the event is no request of this version for a renewal");
            Ok(serde_json::json!(RenewalResponse::Later))
        }
        (_, None) => Err(error::unknown()),
        (Ok(renewal), Some(RenewalEvent::Renew(asked))) => Ok(serde_json::json!(Box::pin(renewal.renew(&asked)).await)),
        (Ok(renewal), Some(RenewalEvent::Replace(asked))) => {
            Ok(serde_json::json!(Box::pin(renewal.replace(&asked)).await))
        }
        (Ok(renewal), Some(RenewalEvent::LogOut(asked))) => {
            Box::pin(renewal.log_out(&asked)).await?;
            Ok(Value::from("logged_out"))
        }
        (Ok(renewal), Some(RenewalEvent::LogOutLapsed(LapsedRequest {}))) => {
            Box::pin(renewal.log_out_lapsed()).await?;
            Ok(Value::from("logged_out"))
        }
        (Err(error), Some(event)) => {
            tracing::error!(%error, "the function cannot answer");
            match event {
                RenewalEvent::Renew(_) => Ok(serde_json::json!(RenewalResponse::Later)),
                RenewalEvent::Replace(_) => Ok(serde_json::json!(ReplaceResponse::Failed)),
                RenewalEvent::LogOut(_) | RenewalEvent::LogOutLapsed(_) => Err(Failure::NotReady(error)),
            }
        }
    }
}
