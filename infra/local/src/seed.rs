//! Puts the apps and users of `seed.yaml` into the store.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use domain::ids::{ApiName, ClientId, PlanName, UserId};
use domain::password::{Cost, Passwords};
use domain::scope::Scope;
use domain::secret::Secret;
use serde::Deserialize;
use startup::{StartError, entropy};
use store::{App, AppKind, CreateUser, GrantType, Store, StoreError, Subscription, User};

use crate::secrets::{Secrets, client_secret};

/// The store cannot be filled.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The file cannot be read.
    #[error("the seed {} cannot be read: {source}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not a seed.
    #[error("the seed {}: {reason}", .path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        reason: String,
    },
    /// The store refused.
    #[error("the seed could not be stored: {0}")]
    Store(#[from] StoreError),
    /// A password could not be hashed.
    #[error("the password of {email} could not be hashed: {reason}")]
    Password {
        /// Whose.
        email: String,
        /// Why.
        reason: String,
    },
    /// No random bytes.
    #[error(transparent)]
    Entropy(#[from] StartError),
}

/// Apps and users.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    /// Apps.
    #[serde(default)]
    pub apps: Vec<SeedApp>,
    /// Users.
    #[serde(default)]
    pub users: Vec<SeedUser>,
}

/// One app. A confidential one gets a secret that is made for it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedApp {
    /// Its id.
    pub client_id: ClientId,
    /// Its name for people.
    pub name: String,
    /// Public or confidential.
    pub kind: AppKind,
    /// Whether it may use the password grant.
    pub trusted: bool,
    /// Grants it may use.
    pub grants: BTreeSet<GrantType>,
    /// The most it may ask for.
    pub scope: Scope,
    /// Its plan.
    pub plan: PlanName,
    /// APIs it may call.
    pub subscriptions: BTreeSet<ApiName>,
}

/// One user.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedUser {
    /// Subject of the tokens.
    pub user_id: UserId,
    /// Name for logging in, here and at the demo back end.
    pub email: String,
    /// Password, here and at the demo back end.
    pub password: String,
}

impl Seed {
    /// Reads a seed.
    pub fn load(path: &Path) -> Result<Self, SeedError> {
        let unreadable = |source| SeedError::Unreadable { path: path.to_owned(), source };
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let invalid = |reason| SeedError::Invalid { path: path.to_owned(), reason };
        serde_saphyr::from_str(&text).map_err(|error| invalid(error.to_string()))
    }

    /// Ids of the apps that need a secret.
    pub fn confidential(&self) -> Vec<String> {
        let apps = self.apps.iter().filter(|app| app.kind == AppKind::Confidential);
        apps.map(|app| app.client_id.to_string()).collect()
    }

    /// Writes every app, and those users whose address is not taken.
    pub async fn store(&self, store: &Store, secrets: &Secrets, pepper: &str) -> Result<(), SeedError> {
        for app in &self.apps {
            store.put_app(&app.to_app(secrets)).await?;
        }
        for user in &self.users {
            if store.user_by_email(&user.email).await?.is_none() {
                // Taken meanwhile means that the user is there, which is all that is wanted.
                let _: CreateUser = store.create_user(&user.to_user(pepper)?).await?;
            }
        }
        Ok(())
    }
}

impl SeedApp {
    fn to_app(&self, secrets: &Secrets) -> App {
        let id = &self.client_id;
        let secret = secrets.get(&client_secret(id.as_str())).filter(|_| self.kind == AppKind::Confidential);
        let subscriptions = self.subscriptions.iter();
        let subscriptions: BTreeMap<ApiName, Subscription> =
            subscriptions.map(|api| (api.clone(), Subscription { id: format!("{id}-{api}"), enabled: true })).collect();
        App {
            client_id: id.clone(),
            name: self.name.clone(),
            kind: self.kind,
            secret_hash: secret.map(|secret| sha256(secret)),
            trusted: self.trusted,
            grants: self.grants.clone(),
            scope: self.scope.clone(),
            plan: self.plan.clone(),
            subscriptions,
            enabled: true,
            refresh_retry_window: None,
        }
    }
}

impl SeedUser {
    fn to_user(&self, pepper: &str) -> Result<User, SeedError> {
        let failed = |reason: String| SeedError::Password { email: self.email.clone(), reason };
        let passwords = Passwords::new(pepper, Cost::default()).map_err(|error| failed(error.to_string()))?;
        let hash = passwords.hash(&Secret::new(self.password.clone()), entropy::bytes()?);
        Ok(User {
            user_id: self.user_id.clone(),
            email: self.email.clone(),
            password: Some(hash.map_err(|error| failed(error.to_string()))?),
            credential_epoch: 0,
            enabled: true,
        })
    }
}

/// SHA-256 in hexadecimal.
fn sha256(text: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_seed_is_what_the_documents_say() {
        let seed = Seed::load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/seed.yaml"))).unwrap();
        let apps: Vec<_> = seed.apps.iter().map(|app| (app.client_id.as_str(), app.kind, app.trusted)).collect();
        assert_eq!(
            apps,
            [
                ("demo-app", AppKind::Public, true),
                ("partner-app", AppKind::Confidential, true),
                ("untrusted-app", AppKind::Public, false),
            ]
        );
        let users: Vec<_> = seed.users.iter().map(|user| (user.email.as_str(), user.password.as_str())).collect();
        let (ada, bob) = ("correct horse battery staple", "staple battery horse correct");
        assert_eq!(users, [("ada@example.com", ada), ("bob@example.com", bob)]);
        assert_eq!(seed.confidential(), ["partner-app"]);
    }

    #[test]
    fn a_field_that_is_no_field_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "users:\n  - { user_id: a, email: b, pasword: c }\n").unwrap();
        let message = Seed::load(file.path()).unwrap_err().to_string();
        assert!(message.contains("pasword"), "{message}");
    }
}
