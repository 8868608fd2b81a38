//! The directory: a legacy system or a system of the company that has the passwords of people who have none here.
//!
//! It decides whether a password is right. Who somebody is here, this crate decides: an account is made at the first login, and
//! belongs to who the directory says it is, by its `subject`. An account that has a password here, or that the directory
//! knows by another subject, is nobody's of the directory, whatever its address is.

use async_trait::async_trait;
use gateway_config::{FieldType, Gateway};
use gateway_connectors::Credentials;
use gateway_credentials::{Directory, DirectoryError};
use gateway_domain::acquired::{Begun, Handover};
use gateway_domain::address::{Address, name_at_a_back_end};
use gateway_domain::entropy::Entropy;
use gateway_domain::ids::{ConnectorName, UserId};
use gateway_domain::secret::Secret;
use gateway_domain::time::Timestamp;
use gateway_hooks::Hook;
use gateway_runtime::{Platform, StartError};
use gateway_sessions::{InternalTokens, SessionError};
use gateway_store::{CreateUser, SubjectHolder, User, Users};
use gateway_telemetry::{Ended, Remote};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The kind of the message to the hook.
const VALIDATE_USER_PASS: &str = "validate_user_pass";
/// How often an account is looked for: others may make it or its address meanwhile.
const ROUNDS: usize = 3;
/// The longest subject, in bytes.
const MAX_SUBJECT: usize = 256;

/// The directory of one configuration.
pub struct OwnDirectory {
    config: Arc<Gateway>,
    asked: Asked,
    tokens: Arc<InternalTokens>,
    users: Users,
    entropy: Arc<dyn Entropy>,
}

/// Who checks passwords.
enum Asked {
    Connector { name: ConnectorName, domain: Option<String> },
    Hook(Box<Hook>),
}

/// A person, as the directory knows them.
struct Person {
    subject: String,
    links: BTreeMap<ConnectorName, String>,
    profile: BTreeMap<String, String>,
    /// The session that a legacy system began to check the password.
    begun: Option<Begun>,
}

/// What the hook is asked.
#[derive(Serialize)]
struct Login<'a> {
    username: &'a str,
    password: &'a str,
}

/// What the hook answers.
#[derive(Deserialize)]
struct Answer {
    valid: bool,
    subject: Option<String>,
    #[serde(default)]
    links: BTreeMap<ConnectorName, String>,
    #[serde(default)]
    profile: BTreeMap<String, String>,
}

impl OwnDirectory {
    /// The directory of this configuration, if it has one.
    pub async fn start(
        platform: &Platform,
        config: &Arc<Gateway>,
        users: &Users,
        tokens: &Arc<InternalTokens>,
    ) -> Result<Option<Self>, StartError> {
        let hook = match config.directory().and_then(|directory| directory.validate_user_pass.as_ref()) {
            Some(settings) => Hook::start(platform, config, settings).await.map(Some)?,
            None => None,
        };
        Ok(Self::new(config, hook, users, tokens, &platform.entropy))
    }

    /// The same with this hook, if it asks one. Connectors are those of the internal tokens.
    pub fn new(
        config: &Arc<Gateway>,
        hook: Option<Hook>,
        users: &Users,
        tokens: &Arc<InternalTokens>,
        entropy: &Arc<dyn Entropy>,
    ) -> Option<Self> {
        let directory = config.directory()?;
        let asked = match (&directory.connector, hook) {
            (Some(name), _) => Asked::Connector { name: name.clone(), domain: config.directory_domain() },
            (None, hook) => Asked::Hook(Box::new(hook?)),
        };
        let (config, tokens, entropy) = (Arc::clone(config), Arc::clone(tokens), Arc::clone(entropy));
        Some(Self { config, asked, tokens, users: users.clone(), entropy })
    }

    /// The person, if the password is right.
    async fn person(
        &self,
        address: &Address,
        known: Option<&User>,
        password: &Secret,
        now: Timestamp,
    ) -> Result<Person, DirectoryError> {
        match &self.asked {
            Asked::Connector { name, domain } => {
                let mut links = BTreeMap::new();
                let own = of_domain(address, domain.as_deref());
                let link = known.and_then(|user| user.links.get(name)).map_or(own, |link| Some(link.as_str()));
                if domain.is_some() && link.is_none() {
                    // Of another domain: the system would know nobody by it, or somebody else.
                    return Err(DirectoryError::Refused);
                }
                let credentials = Credentials { username: address.as_str(), link, password: Some(password) };
                let checked = self.tokens.check(name, credentials, now).await;
                let begun = checked.map_err(|error| {
                    if matches!(error, SessionError::BackEndRefused(_) | SessionError::NotLinked(_)) {
                        DirectoryError::Refused
                    } else {
                        DirectoryError::Unavailable(error.to_string())
                    }
                })?;
                links.extend(own.map(|own| (name.clone(), own.to_owned())));
                // One person is who has one name there, however it was found.
                let subject = link.unwrap_or(address.as_str()).to_lowercase();
                Ok(Person { subject, links, profile: BTreeMap::new(), begun: Some(begun) })
            }
            Asked::Hook(hook) => {
                let login = Login { username: address.as_str(), password: password.expose() };
                let traced = gateway_telemetry::exchange(Remote::Connector(VALIDATE_USER_PASS));
                let answer = hook.ask::<Answer>(VALIDATE_USER_PASS, login, now).await;
                traced.ended(match &answer {
                    Ok(Answer { valid: true, .. }) => Ended::Done,
                    Ok(_) => Ended::Refused,
                    Err(_) => Ended::Failed,
                });
                let answer = answer.map_err(|error| {
                    let reason = error.to_string();
                    if error.is_unasked() {
                        DirectoryError::NotAsked(reason)
                    } else {
                        DirectoryError::Unavailable(reason)
                    }
                })?;
                if !answer.valid {
                    return Err(DirectoryError::Refused);
                }
                self.told(address, answer).map_err(|reason| {
                    DirectoryError::Unavailable(format!("the hook answered otherwise than documented: {reason}"))
                })
            }
        }
    }

    /// What the hook tells of a person, if the configuration has it.
    fn told(&self, address: &Address, answer: Answer) -> Result<Person, String> {
        let Answer { subject, links, profile, valid: _ } = answer;
        let subject = subject.unwrap_or_else(|| address.to_string());
        if subject.is_empty() || subject.len() > MAX_SUBJECT || subject.chars().any(char::is_control) {
            return Err(format!("`subject` has 1 to {MAX_SUBJECT} bytes, none of them a control character"));
        }
        for (connector, name) in &links {
            if self.config.connector(connector).is_none() {
                return Err("`links` names a connector that is not there".to_owned());
            }
            if name_at_a_back_end(name).is_err() {
                return Err("`links` holds what is no name at a legacy system".to_owned());
            }
        }
        let fields = &self.config.accounts().fields;
        let mut kept = BTreeMap::new();
        for (id, text) in &profile {
            let field = fields.iter().find(|field| field.id.as_str() == id);
            if field.is_some_and(|field| field.kind == FieldType::Boolean) && ["no", "false"].contains(&text.as_str()) {
                continue;
            }
            let value = field.and_then(|field| field.value(text));
            let value = value.ok_or("`profile` has a member that is not one of accounts.fields, or does not fit it")?;
            kept.insert(id.clone(), value.to_owned());
        }
        Ok(Person { subject, links, profile: kept, begun: None })
    }

    /// The account of this person, which is made if there is none yet.
    async fn account(&self, address: &Address, person: &Person, now: Timestamp) -> Result<UserId, DirectoryError> {
        let failed = |error: gateway_store::StoreError| DirectoryError::Unavailable(error.to_string());
        for _ in 0..ROUNDS {
            let gone = match self.users.holder_of_subject(&person.subject).await.map_err(failed)? {
                SubjectHolder::User(user) if user.email != *address => {
                    tracing::error!(
                        user = %user.user_id,
                        "somebody of the directory comes by another address than that of their account: change the account's"
                    );
                    break;
                }
                SubjectHolder::User(user) if user.password.is_some() || !user.enabled => break,
                SubjectHolder::User(user) => return Ok(user.user_id),
                SubjectHolder::Gone(user_id) => Some(user_id),
                SubjectHolder::Nobody => None,
            };
            match self.users.by_email(address.as_str()).await.map_err(failed)? {
                Some(User { password: Some(_), .. } | User { enabled: false, .. }) => break,
                // A login beside this one has just made it: the subject has a holder now.
                Some(user) if user.directory_subject.as_ref() == Some(&person.subject) => {}
                Some(user) if user.directory_subject.is_some() && !self.vouched_for(&user, &person.subject) => {
                    tracing::error!(
                        user = %user.user_id,
                        "the directory knows somebody else by the address of this account: change or delete the account"
                    );
                    break;
                }
                // An operator made it without a password, so that the directory has it, or has set another name since.
                Some(user) => {
                    let bound = self.users.bind_to_subject(&user, &person.subject, gone.as_ref());
                    if bound.await.map_err(failed)? {
                        return Ok(user.user_id);
                    }
                }
                None => {
                    let user = self.new_account(address, person, now)?;
                    let made = self.users.create_for_subject(&user, gone.as_ref());
                    if made.await.map_err(failed)? == CreateUser::Created {
                        tracing::info!(user = %user.user_id, "an account for somebody of the directory is made");
                        return Ok(user.user_id);
                    }
                }
            }
        }
        Err(DirectoryError::Refused)
    }

    /// Whether an operator has linked this account to that name at the connector: only operators change links.
    fn vouched_for(&self, user: &User, subject: &str) -> bool {
        match &self.asked {
            Asked::Connector { name, .. } => user.links.get(name).is_some_and(|link| link.to_lowercase() == subject),
            Asked::Hook(_) => false,
        }
    }

    fn new_account(&self, address: &Address, person: &Person, now: Timestamp) -> Result<User, DirectoryError> {
        let random = self.entropy.bytes().map_err(|error| DirectoryError::Unavailable(error.to_string()))?;
        Ok(User {
            user_id: UserId::from_random(random),
            email: address.clone(),
            password: None,
            // As that of an account that people make: never one that was used before.
            credential_epoch: u64::try_from(now.as_secs()).unwrap_or_default().saturating_mul(1_000),
            enabled: true,
            links: person.links.clone(),
            directory_subject: Some(person.subject.clone()),
            // The company vouches for the addresses of its people.
            email_verified: true,
            profile: person.profile.clone(),
            ways_back: Vec::new(),
            browser_epoch: 0,
            roles: std::collections::BTreeSet::new(),
            second_factor: None,
        })
    }
}

#[async_trait]
impl Directory for OwnDirectory {
    async fn check(
        &self,
        address: &Address,
        password: &Secret,
        now: Timestamp,
    ) -> Result<(UserId, Option<Begun>), DirectoryError> {
        let known = self.users.by_email(address.as_str()).await;
        let known = known.map_err(|error| DirectoryError::NotAsked(error.to_string()))?;
        // Many systems take accents and wildcards for the plain letter: whoever is new comes by a plain name, so that one person has
        // one account and one counter of attempts.
        let is_known = known.as_ref().is_some_and(|user| user.password.is_none());
        if known.is_some() != is_known || !is_known && !address.is_plain() {
            return Err(DirectoryError::Refused);
        }
        let person = self.person(address, known.as_ref(), password, now).await?;
        let account = self.account(address, &person, now).await;
        match account {
            Ok(user_id) => Ok((user_id, person.begun)),
            Err(error) => {
                self.release(person.begun).await;
                Err(error)
            }
        }
    }

    async fn release(&self, begun: Option<Begun>) {
        self.tokens.end_begun(&Handover::of(begun)).await;
    }
}

/// The name before the @ of an address in this domain.
fn of_domain<'a>(address: &'a Address, domain: Option<&str>) -> Option<&'a str> {
    let (name, of) = address.as_str().split_once('@')?;
    (Some(of) == domain).then_some(name)
}
