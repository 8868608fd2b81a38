//! Puts the apps and users of `seed.yaml` into the store.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use gateway_domain::address::Address;
use gateway_domain::ids::{ApiName, ClientId, ConnectorName, PlanName, UserId};
use gateway_domain::notification_uri::NotificationUri;
use gateway_domain::password::{Cost, Passwords};
use gateway_domain::redirect_uri::RedirectUri;
use gateway_domain::scope::{InvalidScope, Scope};
use gateway_domain::secret::{Secret, sha256_hex};
use gateway_runtime::{StartError, SystemEntropy};
use gateway_store::{App, AppKind, AppLogout, CreateUser, GrantType, Store, StoreError, Subscription, User};
use serde::Deserialize;

use crate::secrets::{self, Secrets};

/// Why the seed cannot be put into the store.
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
    /// A user has no valid address or id, or a password that cannot be hashed.
    #[error("the user {email} cannot be stored: {reason}")]
    User {
        /// The address of the user.
        email: String,
        /// Why.
        reason: String,
    },
    /// A scope is not one.
    #[error("a scope of the seed is not valid: {0}")]
    Scope(#[from] InvalidScope),
    /// There are no random bytes, or AWS clients cannot be configured.
    #[error(transparent)]
    Entropy(#[from] StartError),
}

/// Apps and users.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    /// Apps by client id.
    #[serde(default)]
    pub apps: BTreeMap<ClientId, SeedApp>,
    /// Users.
    #[serde(default)]
    pub users: Vec<SeedUser>,
}

/// One app.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedApp {
    /// Its name, for people.
    pub name: String,
    /// Public or confidential.
    pub kind: AppKind,
    /// Its secret, if it is confidential. Without one, a secret is made.
    pub secret: Option<String>,
    /// Whether it may use the password grant.
    pub trusted: bool,
    /// Grants it may use.
    pub grants: BTreeSet<GrantType>,
    /// The scopes that it may request.
    pub scopes: BTreeSet<String>,
    /// Its plan.
    pub plan: PlanName,
    /// APIs it may call.
    pub subscriptions: BTreeSet<ApiName>,
    /// Where its authorization codes may be sent.
    #[serde(default)]
    pub redirect_uris: BTreeSet<RedirectUri>,
    /// Where a browser may be sent after a logout.
    #[serde(default)]
    pub post_logout_redirect_uris: BTreeSet<RedirectUri>,
    /// Where it is told that a session has ended.
    pub backchannel_logout_uri: Option<NotificationUri>,
}

/// One user.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedUser {
    /// Name for logging in, here and at the demo back end.
    pub email: String,
    /// Password, here and at the demo back end.
    pub password: String,
    /// The names by which legacy systems know the user, by connector.
    #[serde(default)]
    pub links: BTreeMap<ConnectorName, String>,
}

impl Seed {
    /// Reads and checks a seed, and normalizes its addresses.
    pub fn load(path: &Path) -> Result<Self, SeedError> {
        let unreadable = |source| SeedError::Unreadable { path: path.to_owned(), source };
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let invalid = |reason| SeedError::Invalid { path: path.to_owned(), reason };
        let mut seed: Self = serde_saphyr::from_str(&text).map_err(|error| invalid(error.to_string()))?;
        for (id, app) in &seed.apps {
            app.scope().map_err(|error| invalid(format!("apps.{id}.scopes: {error}")))?;
            if app.secret.is_some() && app.kind == AppKind::Public {
                return Err(invalid(format!("apps.{id}.secret: a public app has none")));
            }
        }
        let mut taken = BTreeSet::new();
        for user in &mut seed.users {
            let wrong = |reason: &str| invalid(format!("users, email {:?}: {reason}", user.email));
            let address = Address::parse(&user.email).map_err(|error| wrong(&error.to_string()))?;
            if !taken.insert(address.clone()) {
                return Err(wrong("another user has this address"));
            }
            // The gateway sends the normalized address to the demo back end, which must know it in this form.
            user.email = address.to_string();
        }
        Ok(seed)
    }

    /// Ids of the confidential apps whose secret must be made.
    pub fn without_secret(&self) -> Vec<String> {
        let apps = self.apps.iter().filter(|(_, app)| app.kind == AppKind::Confidential && app.secret.is_none());
        apps.map(|(id, _)| id.to_string()).collect()
    }

    /// The secret of a confidential app: from the seed, or from the secrets that were made.
    pub fn client_secret<'a>(&'a self, id: &str, secrets: &'a Secrets) -> Option<&'a str> {
        let (_, app) =
            self.apps.iter().find(|(other, app)| other.as_str() == id && app.kind == AppKind::Confidential)?;
        app.secret.as_ref().or_else(|| secrets.get(&secrets::client_secret(id))).map(String::as_str)
    }

    /// Writes every app, replacing what is stored, and each user whose address is not taken.
    pub async fn store(&self, store: &Store, secrets: &Secrets, pepper: &str) -> Result<(), SeedError> {
        for (id, app) in &self.apps {
            store.apps.put(&app.to_app(id, self.client_secret(id.as_str(), secrets))?).await?;
        }
        for user in &self.users {
            if store.users.by_email(&user.email).await?.is_none() {
                // `Taken` means that the user exists, now or under another address. It stays as it is.
                let _: CreateUser = store.users.create(&user.to_user(pepper)?).await?;
            }
        }
        Ok(())
    }
}

impl SeedApp {
    fn scope(&self) -> Result<Scope, InvalidScope> {
        Scope::parse(&self.scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" "))
    }

    fn to_app(&self, id: &ClientId, secret: Option<&str>) -> Result<App, SeedError> {
        let subscription = |api| Subscription { id: format!("{id}-{api}"), enabled: true, plan: None };
        Ok(App {
            secret_hash: secret.map(|secret| sha256_hex(secret.as_bytes())),
            trusted: self.trusted,
            grants: self.grants.clone(),
            scope: self.scope()?,
            subscriptions: self.subscriptions.iter().map(|api| (api.clone(), subscription(api))).collect(),
            redirect_uris: self.redirect_uris.clone(),
            logout: AppLogout {
                post_logout_redirect_uris: self.post_logout_redirect_uris.clone(),
                backchannel_logout_uri: self.backchannel_logout_uri.clone(),
            },
            ..App::new(id.clone(), self.name.clone(), self.kind, self.plan.clone())
        })
    }
}

impl SeedUser {
    fn to_user(&self, pepper: &str) -> Result<User, SeedError> {
        let failed = |reason: String| SeedError::User { email: self.email.clone(), reason };
        let passwords = Passwords::new(pepper, Cost::default()).map_err(|error| failed(error.to_string()))?;
        let hash = passwords.hash(&Secret::new(self.password.clone()), SystemEntropy.bytes()?);
        // The id is the same at every start, and no back end can take it for the address.
        let id = sha256_hex(self.email.as_bytes()).get(..16).map(|id| format!("user-{id}")).unwrap_or_default();
        Ok(User {
            user_id: UserId::parse(&id).map_err(|error| failed(error.to_string()))?,
            email: Address::parse(&self.email).map_err(|error| failed(error.to_string()))?,
            password: Some(hash.map_err(|error| failed(error.to_string()))?),
            credential_epoch: 0,
            enabled: true,
            links: self.links.clone(),
            email_verified: true,
            directory_subject: None,
            ways_back: Vec::new(),
            browser_epoch: 0,
            roles: std::collections::BTreeSet::new(),
            second_factor: None,
            profile: BTreeMap::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_seed_is_what_the_documents_say() {
        let seed = Seed::load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/seed.yaml"))).unwrap();
        let apps: Vec<_> = seed.apps.iter().map(|(id, app)| (id.as_str(), app.kind, app.trusted)).collect();
        let (public, confidential) = (AppKind::Public, AppKind::Confidential);
        let expected = [
            ("demo-app", public, true),
            ("first-app", public, true),
            ("partner-app", confidential, true),
            ("profile-app", public, false),
            ("second-app", public, true),
            ("untrusted-app", public, false),
        ];
        assert_eq!(apps, expected);
        let users: Vec<_> = seed.users.iter().map(|user| (user.email.as_str(), user.password.as_str())).collect();
        let (ada, bob) = ("correct horse battery staple", "staple battery horse correct");
        assert_eq!(users, [("ada@example.com", ada), ("bob@example.com", bob)]);
        assert_eq!(seed.without_secret(), ["partner-app"]);
    }

    #[test]
    fn a_field_that_is_no_field_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "users:\n  - { email: b, pasword: c }\n").unwrap();
        let message = Seed::load(file.path()).unwrap_err().to_string();
        assert!(message.contains("pasword"), "{message}");
    }

    #[test]
    fn a_user_has_the_one_form_of_the_address_and_nobody_else_has_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let load = |users: &[&str]| {
            let lines: Vec<_> = users.iter().map(|email| format!("  - {{ email: {email}, password: c }}")).collect();
            std::fs::write(file.path(), format!("users:\n{}\n", lines.join("\n"))).unwrap();
            Seed::load(file.path()).map_err(|error| error.to_string())
        };
        assert_eq!(load(&["Ada@Müller.DE"]).unwrap().users[0].email, "ada@xn--mller-kva.de");
        let message = load(&["ada@example.com", "ADA@example.com"]).unwrap_err();
        assert!(message.contains("ADA@example.com") && message.contains("another user"), "{message}");
        let message = load(&["ada"]).unwrap_err();
        assert!(message.contains("\"ada\"") && message.contains("name@domain"), "{message}");
    }
}
