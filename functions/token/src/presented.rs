//! Refresh tokens as applications present them: who asks learns nothing from the time about what is no token of theirs.

use crate::AuthorizationServer;
use crate::error::Failure;
use gateway_domain::ids::ClientId;
use gateway_domain::refresh_token::Presented;
use gateway_domain::session::Session;

/// Why a refresh token is none of this application's; for the log alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotTheirs {
    /// There is no such session, or no longer.
    Unknown,
    /// It was made by somebody else.
    Forged,
    /// Its session is another application's.
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
    /// The session of a refresh token that was issued to this application. One read and one MAC in every case.
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
