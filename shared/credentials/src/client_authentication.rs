//! Client authentication (RFC 6749 §2.3): by secret, or without one for a public client.

use crate::CredentialsError;
use crate::login_attempts::LoginAttempts;
use gateway_domain::ids::ClientId;
use gateway_domain::secret::{Secret, sha256_hex};
use gateway_domain::source::Source;
use gateway_domain::time::Timestamp;
use gateway_store::{App, AppKind, Apps, GrantType};

/// An application that has authenticated as its kind requires. Only [`ClientAuthentication::authenticate`] makes one.
#[derive(Debug)]
pub struct AuthenticatedApp(App);

impl AuthenticatedApp {
    /// The application as it is registered.
    pub fn registered(&self) -> &App {
        &self.0
    }

    /// Whether it is a confidential client, which has shown its secret.
    pub fn is_confidential(&self) -> bool {
        self.0.kind == AppKind::Confidential
    }

    /// Whether it is registered for this grant.
    pub fn has_grant(&self, grant: GrantType) -> bool {
        self.0.grants.contains(&grant)
    }
}

/// The client credentials of a request.
pub struct ClientCredentials {
    /// Its id, as it was sent.
    pub client_id: String,
    /// Its secret, if it sent one.
    pub secret: Option<Secret>,
}

/// Authenticates applications.
pub struct ClientAuthentication {
    apps: Apps,
    attempts: LoginAttempts,
}

impl ClientAuthentication {
    /// Looks applications up in the first table and counts wrong secrets in the second.
    pub fn new(apps: Apps, attempts: gateway_store::LoginAttempts) -> Self {
        Self { apps, attempts: LoginAttempts::new(attempts) }
    }

    /// Authenticates the application. A public one must not present a secret, a confidential one must.
    ///
    /// # Errors
    /// [`CredentialsError::Client`] if it does not exist, is disabled or shows the wrong secret; the reason is only for the
    /// log. Such a failure with a secret is counted under its source (RFC 6749 §2.3.1). A right secret is not counted and
    /// never waits, so that nobody can lock an application out; it has too many bits to be guessed.
    pub async fn authenticate(
        &self,
        presented: &ClientCredentials,
        source: &Source,
        now: Timestamp,
    ) -> Result<AuthenticatedApp, CredentialsError> {
        let identified = self.identify(presented, now).await;
        if let (Err(CredentialsError::Client(_)), true) = (&identified, presented.secret.is_some()) {
            self.attempts.wrong_secret(source, now).await?;
        }
        identified
    }

    async fn identify(
        &self,
        presented: &ClientCredentials,
        now: Timestamp,
    ) -> Result<AuthenticatedApp, CredentialsError> {
        let refused = |reason| Err(CredentialsError::Client(reason));
        let Ok(client_id) = ClientId::parse(&presented.client_id) else {
            return refused("the client id is malformed");
        };
        let Some(app) = self.apps.get(&client_id).await? else { return refused("unknown client") };
        if !app.enabled {
            return refused("disabled client");
        }
        match (app.kind, &presented.secret, &app.secret_hash) {
            (AppKind::Public, None, _) => Ok(AuthenticatedApp(app)),
            (AppKind::Public, Some(_), _) => refused("a public client presented a secret"),
            (AppKind::Confidential, None, _) => refused("a confidential client presented no secret"),
            (AppKind::Confidential, Some(_), None) => refused("no secret is registered"),
            (AppKind::Confidential, Some(secret), Some(stored)) => {
                let hash = Secret::new(sha256_hex(secret.expose().as_bytes()));
                // A replaced secret works until its end, so that all instances of an application have time to change.
                let previous = app.previous_secret.as_ref().filter(|previous| now < previous.until);
                let right = hash.constant_time_eq(stored.as_bytes())
                    || previous.is_some_and(|previous| hash.constant_time_eq(previous.hash.as_bytes()));
                if right { Ok(AuthenticatedApp(app)) } else { refused("wrong secret") }
            }
        }
    }
}
