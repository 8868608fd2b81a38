//! Finds the session of a presented refresh token. The response time must not tell a client why a token is not its own.

use crate::AuthorizationServer;
use crate::error::Failure;
use gateway_domain::ids::ClientId;
use gateway_domain::refresh_token::Presented;
use gateway_domain::session::Session;

/// Why a refresh token was not issued to this application; for the log alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotTheirs {
    /// The session does not exist, or not any more.
    Unknown,
    /// The MAC is wrong: this server did not make the token.
    Forged,
    /// The session belongs to another application.
    Foreign,
}

impl NotTheirs {
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Unknown => "no such session",
            Self::Forged => "the MAC is wrong",
            Self::Foreign => "of another application",
        }
    }
}

impl AuthorizationServer {
    /// The session of a refresh token that was issued to this application. Every case costs one read of the store and one
    /// MAC, so that all take the same time.
    pub(crate) async fn session_of(
        &self,
        client: &ClientId,
        presented: &Presented,
    ) -> Result<Result<Session, NotTheirs>, Failure> {
        let Some(session) = self.sessions.get(&presented.sid).await? else {
            self.refresh.value().check_nothing(presented);
            return Ok(Err(NotTheirs::Unknown));
        };
        let keys = self.refresh_for(&session.mac_key).await?;
        if keys.check(&session.mac_key, &session.salt, presented).is_err() {
            return Ok(Err(NotTheirs::Forged));
        }
        Ok(if session.client_id == *client { Ok(session) } else { Err(NotTheirs::Foreign) })
    }
}
