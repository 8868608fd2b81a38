//! Internal tokens of a session that begins although nobody shows a password: those of systems that take none.

use crate::{InternalTokens, Login, SessionError, Tokens};
use gateway_config::connector::ConnectorConfig;
use gateway_domain::acquired::Handover;
use gateway_domain::ids::{ConnectorName, SessionId};
use gateway_domain::scope::Scope;
use gateway_domain::secret::Secret;
use gateway_domain::time::Timestamp;
use gateway_store::{App, User};
use std::collections::BTreeMap;

impl InternalTokens {
    /// Logs the user in to every legacy system of the session that takes no password. The others have no token in such a session: their
    /// calls are answered as those of any session whose token is over.
    ///
    /// # Errors
    /// A login that is not optional failed; or no API of the session is of use without the password
    /// ([`SessionError::PasswordNeeded`]).
    pub async fn acquire_without_password(
        &self,
        sid: &SessionId,
        (app, scope): (&App, &Scope),
        user: &User,
        now: Timestamp,
    ) -> Result<Tokens, SessionError> {
        // Of this no connector that is asked here reads the password.
        let none = Secret::new(String::new());
        let login = Login {
            user: &user.user_id,
            username: user.email.as_str(),
            links: &user.links,
            password: &none,
            begun: &Handover::default(),
            separate: &BTreeMap::new(),
        };
        let (needed, _) = self.required(app, scope);
        let (without, with): (BTreeMap<_, _>, BTreeMap<_, _>) =
            needed.into_iter().partition(|(name, _)| !self.takes_password(name));
        let tokens = self.acquire_of(&without, sid, (app, scope), login, None, now).await?;
        match with.into_keys().next() {
            Some(name) if self.are_useless(app, scope, &tokens, now) => Err(SessionError::PasswordNeeded(name)),
            _ if self.are_useless(app, scope, &tokens, now) => Err(SessionError::NoBackEnd),
            _ => Ok(tokens),
        }
    }

    fn takes_password(&self, name: &ConnectorName) -> bool {
        self.gateway().connector(name).and_then(ConnectorConfig::password).is_some()
    }
}
