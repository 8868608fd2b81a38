//! Other issuers: each is asked with a refresh token of its own, once, and tells whose it was. No OAuth of ours, and no tables.

mod answer;
mod exchange;
mod key_sets;

pub use answer::{Answer, Unreadable};

use exchange::{Exchange, Posted};
use gateway_config::{ForeignClient, ForeignIssuer, Gateway, RefusedBy, SubjectFrom};
use gateway_connectors::back_end::{BackEndClient, BackEndClients, BackEndError};
use gateway_domain::clock::Clock;
use gateway_domain::foreign_token::{self, InvalidIdToken};
use gateway_domain::ids::{ClientId, IssuerName};
use gateway_domain::secret::Secret;
use gateway_domain::time::Timestamp;
use gateway_runtime::{Late, Platform, StartError};
use http::StatusCode;
use key_sets::KeySet;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Why an issuer did not tell whose a refresh token was. The texts are for the log, and hold nothing of what was sent or answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssuerError {
    /// It does not take the refresh token: `invalid_grant` (RFC 6749 §5.2), or what its configuration says.
    #[error("the issuer refuses the refresh token")]
    Refused,
    /// It says nothing at all, or that it cannot now. It may have spent the token.
    #[error("the issuer does not answer: {0}")]
    Unavailable(String),
    /// It is asked too often (RFC 6585 §4).
    #[error("the issuer is asked too often")]
    TooOften,
    /// It says something else than a token endpoint, a key set or an introspection says, or refuses the gateway's own client: whoever
    /// configured it has to look.
    #[error("the issuer cannot be used as it is configured: {0}")]
    Unusable(String),
    /// It answers with nothing that tells whose the token was, or that can be verified, which its configuration decides, there or here.
    /// Asking again may tell later.
    #[error("the issuer cannot be used as it is configured: {0}")]
    Incomplete(&'static str),
    /// What it answered before is too old to tell. Asking again, with the newest refresh token, tells.
    #[error("the answer of the issuer is too old")]
    TooOld,
    /// What it answered is true, and not of this client or of a user: nobody is told by it.
    #[error("the issuer's answer is refused: {0}")]
    Untrue(&'static str),
}

impl From<BackEndError> for IssuerError {
    fn from(error: BackEndError) -> Self {
        match error {
            BackEndError::Unreachable | BackEndError::TimedOut | BackEndError::Broken => {
                Self::Unavailable(error.to_string())
            }
            BackEndError::TooLarge => Self::Unusable(error.to_string()),
        }
    }
}

/// The issuers of one configuration.
#[derive(Default)]
pub struct Issuers(BTreeMap<IssuerName, Issuer>);

/// One issuer.
struct Issuer {
    settings: ForeignIssuer,
    client: BackEndClient,
    keys: KeySet,
    /// The secrets of confidential clients, by the application here.
    secrets: BTreeMap<ClientId, ClientSecret>,
}

/// Where the secret of a client is.
enum ClientSecret {
    /// In Secrets Manager.
    Kept(Box<Late<Secret>>),
    /// It was given.
    Given(Arc<Secret>),
}

impl ClientSecret {
    async fn get(&self) -> Result<Arc<Secret>, StartError> {
        match self {
            Self::Kept(secret) => secret.fresh().await,
            Self::Given(secret) => Ok(Arc::clone(secret)),
        }
    }
}

impl Issuers {
    /// Reads the secrets and certificates that the configuration names. One that is missing keeps only its issuer from being asked.
    pub async fn start(platform: &Platform, gateway: &Gateway) -> Result<Self, StartError> {
        if gateway.issuers().next().is_none() {
            return Ok(Self::default());
        }
        let tls = gateway.tls_secrets();
        let clients = platform.secrets.build("TLS of issuers", tls, |tls| BackEndClients::new(gateway, tls)).await?;
        let mut issuers = Self::default();
        for (name, settings) in gateway.issuers() {
            let mut secrets = BTreeMap::new();
            for mapped in &settings.clients {
                if let Some(secret) = &mapped.secret {
                    let kept = Late::of(platform, secret.as_str(), client_secret).await;
                    secrets.insert(mapped.client.clone(), ClientSecret::Kept(Box::new(kept)));
                }
            }
            issuers.add(name, settings, &clients, secrets, &platform.clock);
        }
        Ok(issuers)
    }

    /// The issuers of this configuration, with these clients and the texts of [`Gateway::issuer_secrets`].
    pub fn of(
        gateway: &Gateway,
        clients: &BackEndClients,
        texts: &BTreeMap<String, String>,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let mut issuers = Self::default();
        for (name, settings) in gateway.issuers() {
            let secrets = settings.clients.iter().filter_map(|mapped| {
                let text = texts.get(mapped.secret.as_ref()?.as_str())?;
                Some((mapped.client.clone(), ClientSecret::Given(Arc::new(Secret::new(text.clone())))))
            });
            issuers.add(name, settings, clients, secrets.collect(), clock);
        }
        issuers
    }

    fn add(
        &mut self,
        name: &IssuerName,
        settings: &ForeignIssuer,
        clients: &BackEndClients,
        secrets: BTreeMap<ClientId, ClientSecret>,
        clock: &Arc<dyn Clock>,
    ) {
        let (client, keys) = (clients.get(settings.tls.as_ref()).clone(), KeySet::new(Arc::clone(clock)));
        self.0.insert(name.clone(), Issuer { settings: settings.clone(), client, keys, secrets });
    }

    /// Asks an issuer with a refresh token of this application (RFC 6749 §6). It may be spent by that.
    pub async fn refresh(
        &self,
        name: &IssuerName,
        mapped: &ForeignClient,
        refresh_token: &Secret,
    ) -> Result<Answer, IssuerError> {
        let issuer = self.get(name)?;
        let endpoint = &issuer.settings.token_endpoint;
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose())];
        let Posted { status, body } = issuer.exchange(mapped).await?.post(endpoint, &form).await?;
        if status == StatusCode::OK {
            return Answer::read(&body).map_err(|error| IssuerError::Unusable(error.to_string()));
        }
        Err(refusal(status, &body, &issuer.settings.refused_by))
    }

    /// Whose the refresh token was that was answered so: the subject by which the issuer knows the user, which is no address.
    pub async fn subject(
        &self,
        name: &IssuerName,
        mapped: &ForeignClient,
        answer: &Answer,
        now: Timestamp,
    ) -> Result<String, IssuerError> {
        let issuer = self.get(name)?;
        match issuer.settings.subject {
            SubjectFrom::IdToken => issuer.by_id_token(mapped, answer, now).await,
            SubjectFrom::Introspection => issuer.by_introspection(mapped, answer).await,
        }
    }

    fn get(&self, name: &IssuerName) -> Result<&Issuer, IssuerError> {
        self.0.get(name).ok_or_else(|| IssuerError::Unusable(format!("{name} was not built")))
    }
}

impl Issuer {
    async fn by_id_token(
        &self,
        mapped: &ForeignClient,
        answer: &Answer,
        now: Timestamp,
    ) -> Result<String, IssuerError> {
        let Some(jwks_uri) = &self.settings.jwks_uri else {
            return Err(IssuerError::Unusable("`jwks_uri` is not configured".to_owned()));
        };
        let Some(id_token) = answer.id_token() else {
            let reason = "it answers without an ID token: let its client have the scope openid, or use introspection";
            return Err(IssuerError::Incomplete(reason));
        };
        let parties = (self.settings.issuer.as_str(), mapped.foreign_client_id.as_str());
        let fetch = || async { self.exchange(mapped).await?.get(jwks_uri).await };
        let (keys, just_read) = self.keys.fresh(&fetch).await?;
        let mut subject = foreign_token::subject(id_token, &keys, parties, now);
        // Its issuer has answered with it: a key that is not known is newer than the set.
        if subject == Err(InvalidIdToken::UnknownKey) && !just_read {
            let keys = self.keys.again(&fetch).await?;
            subject = foreign_token::subject(id_token, &keys, parties, now);
        }
        subject.map_err(|error| match error {
            InvalidIdToken::Expired => IssuerError::TooOld,
            InvalidIdToken::UnknownKey => {
                IssuerError::Incomplete("its ID token is signed with no key of its set: look at `jwks_uri`")
            }
            InvalidIdToken::Unverified(reason) => IssuerError::Incomplete(reason),
            InvalidIdToken::Refused(reason) => IssuerError::Untrue(reason),
        })
    }

    /// Asks whose the access token is (RFC 7662 §2). What is not said of the client is not believed.
    async fn by_introspection(&self, mapped: &ForeignClient, answer: &Answer) -> Result<String, IssuerError> {
        let Some(endpoint) = &self.settings.introspection_endpoint else {
            return Err(IssuerError::Unusable("`introspection_endpoint` is not configured".to_owned()));
        };
        let form = [("token", answer.access_token()), ("token_type_hint", "access_token")];
        let Posted { status, body } = self.exchange(mapped).await?.post(endpoint, &form).await?;
        if status != StatusCode::OK {
            // Whatever it says of the token it says with 200 (RFC 7662 §2.2): this is about the gateway.
            return Err(refusal(status, &body, &[]));
        }
        let told: Introspected = serde_json::from_slice(&body)
            .map_err(|_| IssuerError::Unusable("introspection is answered otherwise than RFC 7662 says".to_owned()))?;
        if !told.active {
            return Err(IssuerError::TooOld);
        }
        if told.iss.is_some_and(|iss| iss != self.settings.issuer.as_str()) {
            return Err(IssuerError::Incomplete("introspection tells an iss that is not `issuer`, letter for letter"));
        }
        let client = told.client_id.ok_or(IssuerError::Incomplete("introspection tells no client_id"))?;
        if client != mapped.foreign_client_id.as_str() {
            return Err(IssuerError::Untrue("the access token is another client's"));
        }
        let subject =
            told.sub.ok_or(IssuerError::Incomplete("introspection tells no sub: its client may need a scope"))?;
        foreign_token::checked_subject(Some(&subject))
            .ok_or(IssuerError::Untrue("introspection tells a sub that is none"))
    }

    async fn exchange<'a>(&'a self, mapped: &'a ForeignClient) -> Result<Exchange<'a>, IssuerError> {
        let secret = match (&mapped.secret, self.secrets.get(&mapped.client)) {
            (None, _) => None,
            (Some(name), None) => return Err(IssuerError::Unusable(format!("the secret {name} was not read"))),
            (Some(name), Some(secret)) => {
                let missing = |_| IssuerError::Unusable(format!("the secret {name} cannot be read"));
                Some(secret.get().await.map_err(missing)?)
            }
        };
        Ok(Exchange::new(&self.client, self.settings.timeout, mapped, secret))
    }
}

/// What an introspection tells (RFC 7662 §2.2). Other members, such as an address, are not read.
#[derive(Deserialize)]
struct Introspected {
    active: bool,
    client_id: Option<String>,
    sub: Option<String>,
    iss: Option<String>,
}

/// Errors of a token endpoint (RFC 6749 §5.2).
const KNOWN: [&str; 5] =
    ["invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type"];

/// What an error response means (RFC 6749 §5.2), where these errors refuse the token. Some issuers use other statuses than the RFC.
fn refusal(status: StatusCode, body: &[u8], refused_by: &[RefusedBy]) -> IssuerError {
    #[derive(Deserialize)]
    struct NotGranted {
        error: String,
    }
    let error = serde_json::from_slice(body).map(|NotGranted { error }| error).unwrap_or_default();
    if status == StatusCode::TOO_MANY_REQUESTS {
        return IssuerError::TooOften;
    }
    if status == StatusCode::REQUEST_TIMEOUT || status.is_server_error() {
        return IssuerError::Unavailable(format!("status {}", status.as_u16()));
    }
    if status.is_client_error() && refused_by.iter().any(|code| code.as_str() == error) {
        return IssuerError::Refused;
    }
    // Of the text only what the RFC knows is logged: it may hold anything.
    let error = KNOWN.into_iter().find(|known| *known == error).unwrap_or("no error of RFC 6749");
    IssuerError::Unusable(format!("status {}, {error}", status.as_u16()))
}

/// The text of a client's secret, without the newline that editors leave behind it.
fn client_secret(text: &str) -> Result<Secret, String> {
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() || text.len() > 1024 {
        return Err("expected the secret of a client, as plain text of at most 1024 bytes".to_owned());
    }
    Ok(Secret::new(text.to_owned()))
}
