//! Internal tokens of a session that begins although nobody shows a password: those of systems that take none.

use crate::{InternalTokens, Login, SessionError, Tokens};
use gateway_domain::acquired::Handover;
use gateway_domain::ids::SessionId;
use gateway_domain::scope::Scope;
use gateway_domain::session::LoginMethod;
use gateway_domain::time::Timestamp;
use gateway_store::{App, User};
use std::collections::BTreeMap;

impl InternalTokens {
    /// Logs the user in to every legacy system of the session that takes no password. The others are left out, and a call that needs one of
    /// them asks for the password (RFC 9470).
    ///
    /// # Errors
    /// As [`InternalTokens::acquire_to_begin`].
    pub async fn acquire_without_password(
        &self,
        sid: &SessionId,
        (app, scope): (&App, &Scope),
        (user, by): (&User, LoginMethod),
        now: Timestamp,
    ) -> Result<Tokens, SessionError> {
        let login = Login {
            user: &user.user_id,
            username: user.email.as_str(),
            links: &user.links,
            password: None,
            begun: &Handover::default(),
            separate: &BTreeMap::new(),
        };
        self.acquire_to_begin(sid, (app, scope), (login, by), now).await
    }
}
