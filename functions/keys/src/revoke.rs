//! Revokes a leaked key at once, even if tokens still need it. A pepper key stays to check the hashes that it made.

use gateway_domain::rotation::Ring;
use gateway_domain::rotation::pair::Pair;
use gateway_domain::rotation::symmetric::Key;
use gateway_runtime::secret_versions::{CURRENT, PENDING, Version};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::key_secret::{KeySecret, Turning, new_id_token_pairs, new_pair};
use crate::{Failure, Keys};

/// The stage under which the new version is written before it becomes current.
const REVOKING: &str = "REVOKING";

/// `{"action":"revoke","secret":"refresh","key":"k3"}`, invoked by an operator.
#[derive(Debug, Deserialize)]
#[serde(tag = "action", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Action {
    /// Takes a key out of use.
    Revoke {
        /// Which secret.
        secret: KeySecret,
        /// Which of its keys.
        key: String,
    },
}

impl Keys {
    /// Does what an operator asks for, and returns which key is current now.
    pub(crate) async fn act(&self, action: &Action) -> Result<Value, Failure> {
        let Action::Revoke { secret, key } = action;
        let name = self.names.of(*secret);
        let current = self.current(name).await?;
        let left = match secret.parse(&current.text)? {
            Turning::Pairs(ring) => self.revoke_pair(ring, key, &current).await?,
            Turning::IdTokenPairs(ring) => {
                let (new, now) = (new_id_token_pairs(&*self.entropy)?, self.clock.now());
                Turning::IdTokenPairs(ring.revoke(key, new, secret.makes_what_ends(), now)?.following(&current.id))
            }
            Turning::Keys(ring) => self.revoke_key(*secret, ring, key, &current)?,
        };
        // A pending rotation holds the leaked key, so it is given up.
        for (version, stages) in self.secrets.describe(name).await?.stages {
            let has = |stage: &str| stages.iter().any(|other| other == stage);
            if has(PENDING) && !has(CURRENT) {
                self.secrets.abandon(name, &version).await?;
            }
        }
        // Promoted only if the version it was made from is still current: of two concurrent revocations, one fails.
        let version = self.version_id()?;
        self.secrets.put(name, &version, &left.text(), REVOKING).await?;
        self.secrets.promote(name, &version, &current.id).await?;
        if let Turning::Pairs(ring) = &left {
            // Published again: a rotation may have published the leaked key before it saw that its version was given up.
            self.publish(ring, Some(key), self.clock.now()).await?;
        }
        // The key is revoked, whoever hears of it.
        if let Err(error) = self.tell(*secret, &version).await {
            tracing::error!(%error, "no event tells of the new key");
        }
        tracing::warn!(?secret, key, current = left.current(), "a key was revoked");
        Ok(json!({ "revoked": key, "current": left.current() }))
    }

    /// Publishes the public set first, so that what a thief signs is refused even if the next write fails.
    async fn revoke_pair(&self, ring: Ring<Pair>, key: &str, current: &Version) -> Result<Turning, Failure> {
        let now = self.clock.now();
        let left = ring
            .revoke(key, new_pair(&*self.entropy)?, KeySecret::Signing.makes_what_ends(), now)?
            .following(&current.id);
        self.publish(&left, Some(key), now).await?;
        Ok(Turning::Pairs(left))
    }

    fn revoke_key(&self, secret: KeySecret, ring: Ring<Key>, key: &str, current: &Version) -> Result<Turning, Failure> {
        let new = ring.fresh_entry(self.entropy.bytes()?);
        let left = ring.revoke(key, new, secret.makes_what_ends(), self.clock.now())?;
        Ok(Turning::Keys(left.following(&current.id)))
    }
}
