//! What CloudFormation asks for: the configuration is checked, and secrets without a value get one; no other changes.

use gateway_domain::cors::Cors;
use gateway_runtime::StartError;
use gateway_runtime::secret_versions::CURRENT;

use crate::key_secret::{KeySecret, Turning};
use crate::response::{Request, RequestType};
use crate::{Failure, Keys};

/// Creation and update check the configuration and fill what is missing; a failure makes the stack go back to what it was.
pub(crate) async fn resource(started: Result<&Keys, StartError>, request: &Request) -> Result<(), Failure> {
    let checked = started.and_then(|keys| keys.check(request.cors_origin()).map(|()| keys));
    match (request.kind, checked) {
        // Nothing is done for a deletion. Were it refused, a first deploy that failed could not be rolled back.
        (RequestType::Delete, _) => Ok(()),
        (RequestType::Create | RequestType::Update, Ok(keys)) => keys.fill(&request.id).await,
        // What was served before is not checked again: refusing it would leave a stack that cannot go back.
        (RequestType::Update, Err(_)) if request.is_rollback() => Ok(()),
        (RequestType::Create | RequestType::Update, Err(error)) => Err(error.into()),
    }
}

impl Keys {
    /// Whether gateway.yaml is good, and the origin that API Gateway's own refusals name is the one that follows from it.
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
            // The id of the request is that of the version: the same request twice makes one.
            let put = self.secrets.put(name, request_id, &made, CURRENT).await?;
            tracing::info!(?secret, put, "made keys");
            // Public keys whose private ones are gone verify nothing that is still to come.
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
