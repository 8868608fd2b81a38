//! The four steps of a rotation by Secrets Manager. Each step may be repeated.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html>

use gateway_domain::rotation::Ring;
use gateway_domain::rotation::pair::Pair;
use gateway_domain::rotation::signing::{is_published, jwks, published_since};
use gateway_domain::time::Timestamp;
use gateway_runtime::secret_versions::{CURRENT, PENDING, Version};
use serde::Deserialize;

use crate::key_secret::{KeySecret, Turning, new_id_token_pairs, new_pair};
use crate::{Failure, Keys, trial};

/// What Secrets Manager asks for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Rotation {
    step: Step,
    secret_id: String,
    client_request_token: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Step {
    #[serde(rename = "createSecret")]
    Create,
    #[serde(rename = "setSecret")]
    Set,
    #[serde(rename = "testSecret")]
    Test,
    #[serde(rename = "finishSecret")]
    Finish,
}

impl Keys {
    /// One step of a rotation.
    pub(crate) async fn step(&self, rotation: &Rotation) -> Result<(), Failure> {
        let secret = self.names.which(&rotation.secret_id)?;
        let version = rotation.client_request_token.as_str();
        let description = self.secrets.describe(&rotation.secret_id).await?;
        if !description.rotates {
            return Err(Failure::Protocol("rotation is not enabled for this secret"));
        }
        let stages = description.stages.get(version);
        let has = |stage: &str| stages.is_some_and(|stages| stages.iter().any(|other| other == stage));
        if has(CURRENT) {
            // An attempt before this one may have failed at that alone.
            return if rotation.step == Step::Finish { Ok(self.tell(secret, version).await?) } else { Ok(()) };
        }
        if !has(PENDING) {
            return Err(Failure::Protocol("the version is not staged AWSPENDING"));
        }
        tracing::info!(step = ?rotation.step, ?secret, version, "rotation");
        match rotation.step {
            Step::Create => self.create(secret, version).await,
            Step::Set => self.set(secret, version).await,
            Step::Test => self.test(secret, version).await,
            Step::Finish => self.finish(secret, version).await,
        }
    }

    /// Makes the pending version, in which the next key is current and a new key is next.
    async fn create(&self, secret: KeySecret, version: &str) -> Result<(), Failure> {
        let name = self.names.of(secret);
        let current = self.current(name).await?;
        if let Some(pending) = self.secrets.pending(name, version).await? {
            return self.still_good(secret, version, &pending, &current).await.map(drop);
        }
        let now = self.clock.now();
        let turned = match secret.parse(&current.text)? {
            Turning::Pairs(ring) => {
                let published = self.published_pairs(&ring, now).await?;
                let turned = ring.rotate(new_pair(&*self.entropy)?, published, self.keep(secret)?, self.timing, now)?;
                turned.following(&current.id).to_secret()
            }
            Turning::IdTokenPairs(ring) => {
                let published = self.timing.readable_by_clients(ring.made);
                let new = new_id_token_pairs(&*self.entropy)?;
                let turned = ring.rotate(new, published, self.keep(secret)?, self.timing, now)?;
                turned.following(&current.id).to_secret()
            }
            Turning::Keys(ring) => {
                let published = self.timing.readable(ring.made);
                let new = ring.fresh_entry(self.entropy.bytes()?);
                let turned = ring.rotate(new, published, self.keep(secret)?, self.timing, now)?;
                turned.following(&current.id).to_secret()
            }
        };
        // The result does not matter: another invocation of this step may have written the version first.
        self.secrets.put(name, version, &turned, PENDING).await?;
        Ok(())
    }

    /// Publishes the public keys of the pending version, with its new next key, before that version becomes current.
    async fn set(&self, secret: KeySecret, version: &str) -> Result<(), Failure> {
        let name = self.names.of(secret);
        let current = self.current(name).await?;
        let pending = self.secrets.pending(name, version).await?.ok_or(NOT_MADE)?;
        match self.still_good(secret, version, &pending, &current).await? {
            Turning::Pairs(ring) => {
                self.publish(&ring, None, self.clock.now()).await?;
                // Checked again, since a key that was revoked during this publication must not stay public.
                let current = self.current(name).await?;
                self.still_good(secret, version, &pending, &current).await.map(drop)
            }
            Turning::IdTokenPairs(_) | Turning::Keys(_) => Ok(()),
        }
    }

    /// Tries the new keys. When rotation is only being enabled, Secrets Manager tests a version that has no value, or that
    /// of the current one.
    async fn test(&self, secret: KeySecret, version: &str) -> Result<(), Failure> {
        let name = self.names.of(secret);
        let tried = match self.secrets.pending(name, version).await? {
            Some(pending) => pending,
            None => self.current(name).await?,
        };
        let public = match secret {
            KeySecret::Signing => Some(self.current(&self.names.public).await?.text),
            KeySecret::IdToken | KeySecret::Sealing | KeySecret::Letters | KeySecret::Refresh | KeySecret::Pepper => {
                None
            }
        };
        trial::of(secret, &tried.text, public.as_ref(), self.clock.now(), &*self.entropy)
    }

    /// Makes the pending version current.
    async fn finish(&self, secret: KeySecret, version: &str) -> Result<(), Failure> {
        let name = self.names.of(secret);
        let current = self.current(name).await?;
        let pending = self.secrets.pending(name, version).await?.ok_or(NOT_MADE)?;
        let turned = self.still_good(secret, version, &pending, &current).await?;
        // Promoted only if the version it was made from is still current, so that a key revoked meanwhile stays revoked.
        self.secrets.promote(name, version, turned.follows()).await?;
        tracing::info!(?secret, current = turned.current(), "rotated");
        Ok(self.tell(secret, version).await?)
    }

    /// The current version of a secret.
    pub(crate) async fn current(&self, name: &str) -> Result<Version, Failure> {
        self.secrets.current(name).await?.ok_or_else(|| Failure::NoValue(name.to_owned()))
    }

    /// Since when the next public key is published. If it is not, it is published now, and the rotation must be repeated.
    async fn published_pairs(&self, ring: &Ring<Pair>, now: Timestamp) -> Result<Timestamp, Failure> {
        let public = self.current(&self.names.public).await?;
        if let Some(since) = published_since(ring, public.text.expose()) {
            return Ok(since);
        }
        self.publish(ring, None, now).await?;
        Err(Failure::Published(self.timing.overlap()))
    }

    /// Publishes the public keys of these pairs, and names the revoked key, if there is one. It writes only what changes.
    pub(crate) async fn publish(
        &self,
        ring: &Ring<Pair>,
        revoked: Option<&str>,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let public = &self.names.public;
        let published = self.secrets.current(public).await?;
        let before = published.as_ref().map(|set| set.text.expose());
        if before.is_some_and(|set| is_published(ring, set, revoked)) {
            return Ok(());
        }
        self.secrets.put(public, &self.version_id()?, &jwks(ring, now, before, revoked), CURRENT).await?;
        Ok(())
    }

    /// The keys of the pending version. It is given up if it took too long, since the times of its keys count from when it
    /// was made, or if another version became current, since its keys were made from the one before.
    async fn still_good(
        &self,
        secret: KeySecret,
        version: &str,
        pending: &Version,
        current: &Version,
    ) -> Result<Turning, Failure> {
        let turned = secret.parse(&pending.text)?;
        let late = self.clock.now() > turned.made().saturating_add(self.timing.finish());
        let reason = match (turned.follows() == current.id, late) {
            (true, false) => return Ok(turned),
            (_, true) => "it took longer than a cache age",
            (false, false) => "its keys were changed meanwhile",
        };
        self.secrets.abandon(self.names.of(secret), version).await?;
        if let Turning::Pairs(ring) = secret.parse(&current.text)? {
            self.publish(&ring, None, self.clock.now()).await?;
        }
        Err(Failure::GivenUp(reason))
    }
}

const NOT_MADE: Failure = Failure::Protocol("the version has no value: createSecret comes first");
