//! Hands a token of a legacy system to a service that calls it itself, for the user of a session.

use crate::{SessionError, Sessions};
use gateway_connectors::{ConnectorError, HandedOut};
use gateway_domain::ids::ConnectorName;
use gateway_domain::renewal::{RenewalRequest, RenewalResponse};
use gateway_domain::session::{InternalToken, Session};
use gateway_domain::time::{Seconds, Timestamp};
use gateway_domain::token_type::TokenType;

/// A token for a service, and until when it works.
#[derive(Debug)]
pub struct ForService {
    /// The token.
    pub handed_out: HandedOut,
    /// When the legacy system ends it, if that is known.
    pub ends: Option<Timestamp>,
}

/// How long a token should still work for the service that gets it, in seconds; of one that lives shortly, a quarter of its life.
const USEFUL: u64 = 60;

impl Sessions {
    /// What a service gets of the session's token of this connector, of the type that it asks for if it asks for one. A token that
    /// ends within a minute is renewed first, if it can be, and if a service gets anything at all.
    ///
    /// # Errors
    /// [`SessionError::Over`] if only a login can make one, [`SessionError::NotForServices`] if nobody else may have one,
    /// [`SessionError::OtherType`].
    pub async fn hand_out(
        &self,
        mut session: Session,
        name: &ConnectorName,
        requested: Option<TokenType>,
        now: Timestamp,
    ) -> Result<ForService, SessionError> {
        let mut for_service = self.for_service(&session, name).await?;
        if requested.is_some_and(|requested| requested != for_service.handed_out.kind) {
            return Err(SessionError::OtherType(for_service.handed_out.kind));
        }
        let token = of(&session, name)?;
        let life = token.ends.map_or(u64::MAX, |ends| ends.since(token.since).as_u64());
        let useful = Seconds::new(USEFUL.min(life / 4));
        if token.is_renewable(now) && token.is_over(now.saturating_add(useful)) {
            session = self.renewed(session, name, now).await?;
            for_service = self.for_service(&session, name).await?;
        }
        if of(&session, name)?.is_over(now) { Err(SessionError::Over) } else { Ok(for_service) }
    }

    async fn for_service(&self, session: &Session, name: &ConnectorName) -> Result<ForService, SessionError> {
        let token = of(session, name)?;
        let keys = self.tokens.sealing_for(&token.sealed).await?;
        if !keys.knows(&token.sealed) {
            return Err(SessionError::Over);
        }
        let state = keys
            .open(&session.sid, name, token.version, &token.sealed)
            .map_err(|_| SessionError::Internal("an internal token does not open"))?;
        let handed_out = self.tokens.connector(name)?.hand_out(&state).map_err(|error| {
            if let ConnectorError::Unfit(reason) = error {
                return SessionError::NotForServices(reason);
            }
            SessionError::of(name, &error)
        })?;
        let ends = [token.ends, token.idle.map(|idle| idle.ends)].into_iter().flatten().min();
        Ok(ForService { handed_out, ends })
    }

    /// The session with a newer token, or the same while the one at hand still works and its system does not answer.
    async fn renewed(&self, session: Session, name: &ConnectorName, now: Timestamp) -> Result<Session, SessionError> {
        let token = of(&session, name)?;
        let over = token.is_over(now);
        let asked = RenewalRequest {
            session: session.sid.clone(),
            connector: name.clone(),
            version: token.version,
            request_id: None,
        };
        match self.renew(&asked, || Ok(now)).await {
            Ok(RenewalResponse::Renewed) => self.table.get(&session.sid).await?.ok_or(SessionError::Over),
            Ok(RenewalResponse::Over) => Err(SessionError::Over),
            Ok(RenewalResponse::Later) | Err(SessionError::BackEnd(..) | SessionError::Busy) if !over => Ok(session),
            Ok(RenewalResponse::Later) => Err(SessionError::Busy),
            Err(error) => Err(error),
        }
    }
}

fn of<'s>(session: &'s Session, name: &ConnectorName) -> Result<&'s InternalToken, SessionError> {
    session.tokens.get(name).filter(|_| !session.family.ended).ok_or(SessionError::Over)
}
