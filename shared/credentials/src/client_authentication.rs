//! Client authentication (RFC 6749 §2.3): by a secret or a signed assertion, or by nothing for a public client.

use crate::CredentialsError;
use crate::login_attempts::LoginAttempts;
use gateway_domain::client_assertion::{ClientAssertion, ClientKeys, InvalidAssertion};
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

    /// Whether it is a confidential client, which has shown its secret or an assertion.
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
    /// What proves that the request comes from that client.
    pub proof: ClientProof,
}

/// How an application proves who it is.
pub enum ClientProof {
    /// It does not.
    None,
    /// By its secret.
    Secret(Secret),
    /// By a JWT that it signed.
    Assertion(ClientAssertion),
}

/// Authenticates applications.
pub struct ClientAuthentication {
    apps: Apps,
    attempts: LoginAttempts,
}

impl ClientAuthentication {
    /// Looks applications up in the first table. In the second it counts failures and notes which assertions were used.
    pub fn new(apps: Apps, attempts: gateway_store::LoginAttempts) -> Self {
        Self { apps, attempts: LoginAttempts::new(attempts) }
    }

    /// Authenticates the application. A public one must present no proof, a confidential one must present that for which it
    /// is registered. An assertion must be for one of the `audiences`.
    ///
    /// # Errors
    /// [`CredentialsError::Client`] if it does not exist, is disabled or its proof does not hold; the reason is only for the
    /// log. Such a failure with a proof is counted under its source (RFC 6749 §2.3.1). A right proof is not counted and
    /// never waits, so that nobody can lock an application out; it has too many bits to be guessed.
    pub async fn authenticate(
        &self,
        presented: &ClientCredentials,
        audiences: &[&str],
        source: &Source,
        now: Timestamp,
    ) -> Result<AuthenticatedApp, CredentialsError> {
        let identified = self.identify(presented, audiences, now).await;
        if let (Err(CredentialsError::Client(_)), false) = (&identified, matches!(presented.proof, ClientProof::None)) {
            self.attempts.wrong_proof(source, now).await?;
        }
        identified
    }

    async fn identify(
        &self,
        presented: &ClientCredentials,
        audiences: &[&str],
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
        match (app.kind, &presented.proof) {
            (AppKind::Public, ClientProof::None) => {}
            (AppKind::Public, ClientProof::Secret(_) | ClientProof::Assertion(_)) => {
                return refused("a public client presented a proof");
            }
            (AppKind::Confidential, ClientProof::None) => return refused("a confidential client presented no proof"),
            (AppKind::Confidential, ClientProof::Secret(secret)) => check_secret(&app, secret, now)?,
            (AppKind::Confidential, ClientProof::Assertion(assertion)) => {
                self.check_assertion(&app, assertion, audiences, now).await?;
            }
        }
        Ok(AuthenticatedApp(app))
    }

    /// Each assertion authenticates one request: whoever copies it on its way has nothing.
    async fn check_assertion(
        &self,
        app: &App,
        assertion: &ClientAssertion,
        audiences: &[&str],
        now: Timestamp,
    ) -> Result<(), CredentialsError> {
        let Some(jwks) = &app.jwks else { return Err(CredentialsError::Client("no keys are registered")) };
        let keys = ClientKeys::parse(jwks).map_err(|_| CredentialsError::Client("the registered keys are damaged"))?;
        let verified = assertion.verify(&app.client_id, &keys, audiences, now);
        let one_use = verified.map_err(|InvalidAssertion(reason)| CredentialsError::Client(reason))?;
        if self.attempts.use_once(("assertion", app.client_id.as_str()), &one_use, now).await? {
            Ok(())
        } else {
            Err(CredentialsError::Client("the assertion was used before"))
        }
    }
}

fn check_secret(app: &App, secret: &Secret, now: Timestamp) -> Result<(), CredentialsError> {
    let Some(stored) = &app.secret_hash else { return Err(CredentialsError::Client("no secret is registered")) };
    let hash = Secret::new(sha256_hex(secret.expose().as_bytes()));
    // A replaced secret works until its end, so that all instances of an application have time to change.
    let previous = app.previous_secret.as_ref().filter(|previous| now < previous.until);
    let right = hash.constant_time_eq(stored.as_bytes())
        || previous.is_some_and(|previous| hash.constant_time_eq(previous.hash.as_bytes()));
    if right { Ok(()) } else { Err(CredentialsError::Client("wrong secret")) }
}
