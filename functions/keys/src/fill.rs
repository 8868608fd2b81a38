//! What CloudFormation asks for: secrets without a value get one, and whatever has one stays as it is.

use startup::secret_versions::CURRENT;

use crate::answer::{Request, RequestType};
use crate::key_secret::{KeySecret, Turning};
use crate::{Failure, Keys};

impl Keys {
    /// Creation and update fill what is missing; deletion keeps everything.
    pub(crate) async fn resource(&self, request: &Request) -> Result<(), Failure> {
        match request.kind {
            RequestType::Create | RequestType::Update => self.fill(&request.id).await,
            RequestType::Delete => Ok(()),
        }
    }

    async fn fill(&self, request_id: &str) -> Result<(), Failure> {
        let mut unpublished = self.secrets.current(&self.names.public).await?.is_none();
        for secret in KeySecret::ALL {
            let name = self.names.of(secret);
            if self.secrets.current(name).await?.is_some() {
                continue;
            }
            let made = secret.generate(self.clock.now())?.text();
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
