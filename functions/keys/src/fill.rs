//! What CloudFormation asks for: secrets without a value get one, and whatever has one stays as it is.

use domain::rotation::signing::jwks;
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
        let public = &self.names.public;
        let public_is_there = self.secrets.current(public).await?.is_some();
        for secret in KeySecret::ALL {
            let name = self.names.of(secret);
            if self.secrets.current(name).await?.is_some() {
                continue;
            }
            if secret == KeySecret::Signing && public_is_there {
                return Err(Failure::HalfAPair);
            }
            let made = secret.generate(self.clock.now())?.text();
            // The id of the request is that of the version: the same request twice makes one.
            let put = self.secrets.put(name, request_id, &made, CURRENT).await?;
            tracing::info!(?secret, put, "made keys");
        }
        if !public_is_there {
            let pairs = self.current(self.names.of(KeySecret::Signing)).await?;
            if let Turning::Pairs(ring) = KeySecret::Signing.parse(&pairs.text)? {
                self.secrets.put(public, request_id, &jwks(&ring, self.clock.now()), CURRENT).await?;
            }
        }
        Ok(())
    }
}
