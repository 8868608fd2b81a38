//! Refresh tokens as applications present them: who asks learns nothing from the time about what is no token of theirs.

use crate::App;
use crate::error::Failure;
use domain::ids::{ClientId, SessionId, UserId};
use domain::refresh_token::Presented;
use domain::session::Session;
use domain::time::Timestamp;

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

impl App {
    /// The session of a refresh token that was issued to this application. One read and one MAC in every case.
    pub(crate) async fn session_of(
        &self,
        client: &ClientId,
        presented: &Presented,
    ) -> Result<Result<Session, NotTheirs>, Failure> {
        let Some(session) = self.store.session(&presented.sid).await? else {
            self.refresh.value().check_nothing(presented);
            return Ok(Err(NotTheirs::Unknown));
        };
        let keys = self.refresh_for(&session.mac_key).await?;
        if keys.check(&session.mac_key, &session.salt, presented).is_err() {
            return Ok(Err(NotTheirs::Forged));
        }
        Ok(if session.client_id == *client { Ok(session) } else { Err(NotTheirs::Foreign) })
    }

    /// Finishes the end of a session that a crash interrupted, since what it left behind are access tokens that work.
    /// One read; of nobody's grant if there is no session of this application to look after.
    pub(crate) async fn finish_end(
        &self,
        client: &ClientId,
        session: Option<&Session>,
        presented: &SessionId,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let nobody = UserId::of_app(client);
        let user = session.map_or(&nobody, |session| &session.user_id);
        let is_live = self.store.entry_is_live(user, client, presented, now).await?;
        match session {
            Some(session) if session.family.ended && is_live => self.end_session(&session.sid).await,
            Some(_) | None => Ok(()),
        }
    }
}
