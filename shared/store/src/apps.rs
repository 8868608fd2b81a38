//! Registered applications, the scope they may request and the APIs they are subscribed to. Key: `client_id`.

use crate::codes::incomplete;
use crate::error::{Item, StoreError, unavailable};
use crate::refusal::held;
use crate::{Page, number, projection, version};
use aws_sdk_dynamodb::operation::get_item::builders::GetItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use gateway_domain::authorization_request::Registration;
use gateway_domain::ids::{ApiName, ClientId, HeaderText, OrganizationId, PlanName, UserId};
use gateway_domain::keys::SignatureAlgorithm;
use gateway_domain::notification_uri::NotificationUri;
use gateway_domain::redirect_uri::RedirectUri;
use gateway_domain::scope::Scope;
use gateway_domain::time::{Seconds, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A registered application (RFC 6749 §2).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is an attribute, and none excludes another")]
pub struct App {
    /// Its client identifier (RFC 6749 §2.2).
    pub client_id: ClientId,
    /// Its name for operators and back ends.
    pub name: String,
    /// Whether it can keep a secret.
    pub kind: AppKind,
    /// SHA-256 in hexadecimal of its secret, which has at least 128 random bits. Confidential applications only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_hash: Option<String>,
    /// The previous secret, while it still works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_secret: Option<PreviousSecret>,
    /// Whether it may send a user's password (the resource owner password grant).
    pub trusted: bool,
    /// The grants it may use.
    pub grants: BTreeSet<GrantType>,
    /// The widest scope it may request, and its scope when it requests none.
    pub scope: Scope,
    /// The plan that limits each of its users.
    pub plan: PlanName,
    /// The APIs it may call.
    pub subscriptions: BTreeMap<ApiName, Subscription>,
    /// A disabled application can do nothing.
    pub enabled: bool,
    /// How long an exchanged refresh token yields its successor again, if other than the gateway's setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_retry_window: Option<Seconds>,
    /// Its public keys, as a JWK Set, if it authenticates by `private_key_jwt`; then it has no secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<String>,
    /// The algorithm of its ID tokens (`id_token_signed_response_alg` of OpenID Connect Registration §2); `None` is RS256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token_alg: Option<SignatureAlgorithm>,
    /// Which of its tokens have to be bound to a key of whoever holds them (RFC 9449).
    #[serde(default, skip_serializing_if = "is_default")]
    pub dpop: Dpop,
    /// Where authorization codes may be sent (RFC 6749 §3.1.2).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub redirect_uris: BTreeSet<RedirectUri>,
    /// Whether an authorization request without PKCE (RFC 7636) is served. Confidential applications only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pkce_optional: bool,
    /// What happens to it at a logout.
    #[serde(default, skip_serializing_if = "AppLogout::is_empty")]
    pub logout: AppLogout,
    /// Where it is told of what happens to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<AppWebhook>,
    /// SHA-256 in hexadecimal of the token by which it manages its own registration (RFC 7592 §3), if it has registered itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_hash: Option<String>,
    /// The organization whose members may change it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<OrganizationId>,
    /// Whether it was ever subscribed to an API, trusted, or given what developers cannot ask for: then people and back ends know it as
    /// it is, also when nothing of that is left. Applications of organizations only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub established: bool,
    /// What its developers wait for. Nothing of it holds until it is approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested: Option<Requested>,
}

/// What developers of an application wait for, until an administrator approves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requested {
    /// Who asked last.
    pub by: UserId,
    /// When they asked last.
    pub at: Timestamp,
    /// The APIs that it is to be subscribed to, each with the plan of the subscription if it has one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub subscriptions: BTreeMap<ApiName, Option<PlanName>>,
    /// What it is to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<AppSettings>,
}

/// The part of an application that its developers say. It is whole: what is not here is taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppSettings {
    /// As [`App::name`].
    pub name: String,
    /// As [`App::kind`]. `None`, which an older version has written, is what the application is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<AppKind>,
    /// As [`App::trusted`].
    pub trusted: bool,
    /// As [`App::grants`].
    pub grants: BTreeSet<GrantType>,
    /// As [`App::scope`].
    pub scope: Scope,
    /// As [`App::redirect_uris`].
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub redirect_uris: BTreeSet<RedirectUri>,
    /// As [`App::logout`].
    #[serde(default, skip_serializing_if = "AppLogout::is_empty")]
    pub logout: AppLogout,
    /// As [`App::webhook`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<AppWebhook>,
}

/// What an application has registered for logouts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppLogout {
    /// Where a browser may be sent after the logout that the application asked for (OpenID Connect RP-Initiated Logout 1.0
    /// §3.1).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub post_logout_redirect_uris: BTreeSet<RedirectUri>,
    /// Where it is told that a session of its has ended (OpenID Connect Back-Channel Logout 1.0 §2.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<NotificationUri>,
}

/// Where an application is told of what happens to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppWebhook {
    /// The address.
    pub uri: NotificationUri,
    /// By which issuer its developers know the gateway: that which they registered it at.
    pub issuer: String,
}

impl AppLogout {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl From<&App> for AppSettings {
    fn from(app: &App) -> Self {
        Self {
            name: app.name.clone(),
            kind: Some(app.kind),
            trusted: app.trusted,
            grants: app.grants.clone(),
            scope: app.scope.clone(),
            redirect_uris: app.redirect_uris.clone(),
            logout: app.logout.clone(),
            webhook: app.webhook.clone(),
        }
    }
}

impl Requested {
    /// Nothing yet, which this user asks for.
    pub const fn new(by: UserId, at: Timestamp) -> Self {
        Self { by, at, subscriptions: BTreeMap::new(), settings: None }
    }
}

impl App {
    /// An application that may do nothing.
    pub fn new(client_id: ClientId, name: impl Into<String>, kind: AppKind, plan: PlanName) -> Self {
        Self {
            client_id,
            name: name.into(),
            kind,
            secret_hash: None,
            previous_secret: None,
            trusted: false,
            grants: BTreeSet::new(),
            scope: Scope::default(),
            plan,
            subscriptions: BTreeMap::new(),
            enabled: true,
            refresh_retry_window: None,
            jwks: None,
            id_token_alg: None,
            dpop: Dpop::Optional,
            redirect_uris: BTreeSet::new(),
            pkce_optional: false,
            logout: AppLogout::default(),
            webhook: None,
            registration_hash: None,
            organization: None,
            established: false,
            requested: None,
        }
    }

    /// Makes it one of this kind. What has proved another kind proves nothing any more: a public application has neither secret nor keys, and
    /// a confidential one can do nothing until it gets one of them.
    pub fn make(&mut self, kind: AppKind) {
        if kind != self.kind {
            (self.kind, self.secret_hash, self.previous_secret, self.jwks) = (kind, None, None, None);
            self.pkce_optional = false;
            // Refresh tokens of a confidential one are bound to what it authenticates by.
            if self.dpop == Dpop::RefreshTokens {
                self.dpop = Dpop::Optional;
            }
        }
    }

    /// Gives it these settings.
    pub fn set(&mut self, settings: AppSettings) {
        let AppSettings { name, kind, trusted, grants, scope, redirect_uris, logout, webhook } = settings;
        self.make(kind.unwrap_or(self.kind));
        (self.name, self.trusted, self.grants, self.scope) = (name, trusted, grants, scope);
        (self.redirect_uris, self.logout, self.webhook) = (redirect_uris, logout, webhook);
    }

    /// The algorithm that signs its ID tokens.
    pub fn id_token_algorithm(&self) -> SignatureAlgorithm {
        self.id_token_alg.unwrap_or(SignatureAlgorithm::Rs256)
    }

    /// What it may ask for at the authorization endpoint.
    pub fn registration(&self) -> Registration<'_> {
        Registration {
            redirect_uris: &self.redirect_uris,
            scope: &self.scope,
            may_use_codes: self.grants.contains(&GrantType::AuthorizationCode),
            pkce_optional: self.pkce_optional && self.kind == AppKind::Confidential,
        }
    }
}

/// The part of an application that a call needs: no secrets, and nothing that only a login needs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CallingApp {
    /// As [`App::client_id`].
    pub client_id: ClientId,
    /// As [`App::name`].
    pub name: String,
    /// As [`App::plan`].
    pub plan: PlanName,
    /// As [`App::subscriptions`].
    pub subscriptions: BTreeMap<ApiName, Subscription>,
    /// As [`App::enabled`].
    pub enabled: bool,
}

/// A client secret that was replaced. It works for some time, so that all instances of the application get the new one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousSecret {
    /// As [`App::secret_hash`].
    pub hash: String,
    /// The first second at which it no longer works.
    pub until: Timestamp,
}

/// How often an application was changed. A change names the revision it began with: of two concurrent changes the second
/// is a conflict, and does not undo the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(u64);

impl Revision {
    /// A revision as it is written.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| digits).map(Self)
    }

    /// That of what is new.
    pub(crate) const FIRST: Self = Self(1);

    /// The revision of an item.
    pub(crate) fn of(item: &Item) -> Self {
        let number = item.get("revision").and_then(|value| value.as_n().ok()).and_then(|text| text.parse().ok());
        Self(number.unwrap_or_default())
    }

    pub(crate) const fn number(self) -> u64 {
        self.0
    }

    /// That after one more change.
    pub(crate) const fn following(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl std::fmt::Display for Revision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The result of writing an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteApp {
    /// It is stored under this revision, or was deleted at it.
    Written(Revision),
    /// It exists already, is gone, or was changed meanwhile; nothing was written.
    Conflict,
}

/// Client types (RFC 6749 §2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppKind {
    /// Runs on users' devices: has no secret, and a request that presents one is refused.
    Public,
    /// Runs on a server: authenticates at every token request, by its secret or by one of its keys.
    Confidential,
}

/// Which tokens of an application have to be bound to a key of whoever holds them (RFC 9449).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dpop {
    /// Those for which a request has a proof.
    #[default]
    Optional,
    /// Refresh tokens, so that a copy of one is of no use. Access tokens stay as they are, for calls that can have no proof.
    RefreshTokens,
    /// All: `dpop_bound_access_tokens` (RFC 9449 §5.2).
    Required,
}

/// What is the same anyway is not stored.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Grants an application can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    /// RFC 6749 §4.1.
    AuthorizationCode,
    /// RFC 6749 §4.3.
    Password,
    /// RFC 6749 §6.
    RefreshToken,
    /// RFC 6749 §4.4.
    ClientCredentials,
    /// RFC 8693 §2.
    TokenExchange,
    /// It logs users in on its own screens, at the challenge endpoint (OAuth 2.0 for First-Party Applications). It gets a code, which
    /// [`GrantType::AuthorizationCode`] redeems.
    Challenge,
    /// RFC 7523 §2.1: its devices, each with a key of its own.
    JwtBearer,
    /// It shares logins with the other apps of its family on one device (OpenID Connect Native SSO for Mobile Apps).
    NativeSso,
}

/// An application's subscription to an API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// The subscription's id, which is sent to the back end.
    pub id: String,
    /// With a disabled subscription the application cannot call this API.
    pub enabled: bool,
    /// The plan that limits the calls to this API, beside the application's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanName>,
}

/// The table of applications.
#[derive(Debug, Clone)]
pub struct Apps {
    client: aws_sdk_dynamodb::Client,
    pub(crate) table: String,
}

impl Apps {
    /// The table of this name.
    pub fn new(client: aws_sdk_dynamodb::Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// The application of that id. One strongly consistent read, so that a removed secret is never accepted again.
    pub async fn get(&self, client_id: &ClientId) -> Result<Option<App>, StoreError> {
        Ok(self.get_to_change(client_id).await?.map(|(app, _)| app))
    }

    /// The part of an application that a call needs. One strongly consistent read of these attributes alone.
    pub async fn calling(&self, client_id: &ClientId) -> Result<Option<CallingApp>, StoreError> {
        const OPERATION: &str = "calling_app";
        let read = projection::of(self.read(client_id), &["client_id", "name", "plan", "subscriptions", "enabled"]);
        let item = read.send().await.map_err(unavailable(OPERATION))?.item;
        item.map(|item| version::read(item, OPERATION)).transpose()
    }

    /// An application as the authorization endpoint needs it: without secrets and keys, so that nobody can be authenticated by it,
    /// and without what is about tokens. One strongly consistent read of these attributes alone.
    pub async fn asking(&self, client_id: &ClientId) -> Result<Option<App>, StoreError> {
        const OPERATION: &str = "asking_app";
        let attributes = [
            "client_id",
            "name",
            "kind",
            "trusted",
            "grants",
            "scope",
            "plan",
            "subscriptions",
            "enabled",
            "redirect_uris",
            "pkce_optional",
            "logout",
        ];
        let item = projection::of(self.read(client_id), &attributes).send().await.map_err(unavailable(OPERATION))?.item;
        item.map(|item| version::read(item, OPERATION)).transpose()
    }

    /// The application of that id and its revision, for a change. One strongly consistent read.
    pub async fn get_to_change(&self, client_id: &ClientId) -> Result<Option<(App, Revision)>, StoreError> {
        const OPERATION: &str = "app_to_change";
        let response = self.read(client_id).send().await.map_err(unavailable(OPERATION))?;
        response.item.map(|item| read(item, OPERATION)).transpose()
    }

    fn read(&self, client_id: &ClientId) -> GetItemFluentBuilder {
        let read = self.client.get_item().table_name(&self.table).consistent_read(true);
        read.key("client_id", AttributeValue::S(client_id.to_string()))
    }

    /// Applications after `after` in DynamoDB's order, at most `most` of them, each with its revision.
    pub async fn page(&self, after: Option<&ClientId>, most: usize) -> Result<Page<(App, Revision)>, StoreError> {
        const OPERATION: &str = "apps";
        let key = |id: &ClientId| Item::from([("client_id".to_owned(), AttributeValue::S(id.to_string()))]);
        let scan = || self.client.scan().table_name(&self.table).consistent_read(true);
        Page::collect(after.map(key), most, OPERATION, scan, |item| read(item, OPERATION)).await
    }

    /// The write of an application: a new one, or over the one of this revision.
    pub(crate) fn writing(
        &self,
        app: &App,
        from: Option<Revision>,
        operation: &'static str,
    ) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(written(app, operation)?))
            .item("revision", number(from.map_or(Revision::FIRST, Revision::following).number()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let put = match from {
            None => put.condition_expression("attribute_not_exists(client_id)"),
            Some(from) => put
                .condition_expression(version::condition(unchanged(from)))
                .expression_attribute_values(":from", number(from.number()))
                .expression_attribute_values(":version", version::current()),
        };
        Ok(TransactWriteItem::builder().put(put.build().map_err(incomplete(operation))?).build())
    }

    /// The removal of the application of this revision.
    pub(crate) fn deleting(
        &self,
        client_id: &ClientId,
        from: Revision,
        operation: &'static str,
    ) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .key("client_id", AttributeValue::S(client_id.to_string()))
            .condition_expression(version::condition(unchanged(from)))
            .expression_attribute_values(":from", number(from.number()))
            .expression_attribute_values(":version", version::current())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        Ok(TransactWriteItem::builder().delete(delete.build().map_err(incomplete(operation))?).build())
    }

    /// Writes an application over any stored one of a known version, and without a revision. For tools that fill an empty
    /// store.
    pub async fn put(&self, app: &App) -> Result<(), StoreError> {
        const OPERATION: &str = "put_app";
        let sent = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(written(app, OPERATION)?))
            .condition_expression(version::KNOWN)
            .expression_attribute_values(":version", version::current())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        held(sent, OPERATION).map(drop)
    }
}

/// The condition that the item has revision `:from`. An item that [`Apps::put`] wrote has none, which is revision 0.
fn unchanged(from: Revision) -> &'static str {
    match from {
        Revision(0) => "attribute_exists(client_id) AND (attribute_not_exists(revision) OR revision = :from)",
        Revision(_) => "revision = :from",
    }
}

fn read(item: Item, operation: &'static str) -> Result<(App, Revision), StoreError> {
    let revision = Revision::of(&item);
    Ok((version::read(item, operation)?, revision))
}

/// The item of an application. Its name and the ids of its subscriptions are sent to back ends in headers, so they must
/// be valid field values; that is checked here, where every application is written.
fn written(app: &App, operation: &'static str) -> Result<Item, StoreError> {
    let texts = std::iter::once(&app.name).chain(app.subscriptions.values().map(|subscription| &subscription.id));
    for text in texts {
        if HeaderText::parse(text).is_err() {
            return Err(StoreError::Corrupt { operation, cause: format!("{text:?} can be no header of a call") });
        }
    }
    version::written(app, operation)
}
