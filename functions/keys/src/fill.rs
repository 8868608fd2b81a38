//! The custom resource of CloudFormation: checks the configuration and fills secrets that have no value, and no others.

use gateway_domain::cors::Cors;
use gateway_runtime::StartError;
use gateway_runtime::secret_versions::CURRENT;

use crate::key_secret::{KeySecret, Turning};
use crate::response::{Request, RequestType};
use crate::{Failure, Keys};

/// Handles a request of CloudFormation. Creation and update check the configuration and fill what is missing; a failure
/// makes CloudFormation roll the stack back.
pub(crate) async fn resource(started: Result<&Keys, StartError>, request: &Request) -> Result<(), Failure> {
    let checked = started.and_then(|keys| keys.check(request.cors_origin()).map(|()| keys));
    match (request.kind, checked) {
        // A deletion changes nothing and always succeeds: otherwise a failed first deployment could not be rolled back.
        (RequestType::Delete, _) => Ok(()),
        (RequestType::Create | RequestType::Update, Ok(keys)) => keys.fill(&request.id).await,
        // A rollback succeeds even with a configuration that fails the check: otherwise the stack could not go back to it.
        (RequestType::Update, Err(_)) if request.is_rollback() => Ok(()),
        (RequestType::Create | RequestType::Update, Err(error)) => Err(error.into()),
    }
}

impl Keys {
    /// Checks gateway.yaml, and that `CorsOrigin`, the origin in API Gateway's own error responses, is empty or agrees
    /// with it.
    fn check(&self, cors_origin: &str) -> Result<(), StartError> {
        let gateway = self.gateway()?;
        let listed = gateway.cors().map(Cors::for_gateway_responses);
        if cors_origin.is_empty() || listed == Some(cors_origin) {
            return Ok(());
        }
        let reason = match listed {
            Some(right) => {
                format!("{cors_origin} is not what `cors` of gateway.yaml lists: set it to {right} or to nothing")
            }
            None => {
                format!("{cors_origin} is set and gateway.yaml has no `cors`: list the origin there, or set nothing")
            }
        };
        Err(StartError::Invalid { what: "parameter CorsOrigin".to_owned(), reason })
    }

    async fn fill(&self, request_id: &str) -> Result<(), Failure> {
        let mut unpublished = self.secrets.current(&self.names.public).await?.is_none();
        for secret in KeySecret::ALL {
            let name = self.names.of(secret);
            if self.secrets.current(name).await?.is_some() {
                continue;
            }
            let made = secret.generate(self.clock.now(), &*self.entropy)?.text();
            // The request id is the version id, so that a repeated request makes no second version.
            let put = self.secrets.put(name, request_id, &made, CURRENT).await?;
            tracing::info!(?secret, put, "made keys");
            // A public set without the new signing keys cannot verify what they sign, so it is published anew.
            unpublished |= secret == KeySecret::Signing;
        }
        if unpublished {
            let pairs = self.current(self.names.of(KeySecret::Signing)).await?;
            if let Turning::Pairs(ring) = KeySecret::Signing.parse(&pairs.text)? {
                self.publish(&ring, None, self.clock.now()).await?;
            }
        }
        Ok(())
    }
}
