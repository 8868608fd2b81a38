//! The table of sessions. Key: `sid`. Every change is a conditional write; `docs/data-model.md` says which function writes
//! which attribute.

mod item;
mod sign_ons;

use crate::error::{Item, StoreError, condition_failed, unavailable};
use crate::page::Page;
use crate::refusal::{held, refused_item};
use crate::{number, projection, version};
use aws_sdk_dynamodb::operation::get_item::builders::GetItemFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use gateway_domain::ids::{ClientId, ConnectorName, SessionId, UserId};
use gateway_domain::scope::Scope;
use gateway_domain::session::{InternalToken, LoginMethod, Origin, Session};
use gateway_domain::time::Timestamp;
use item::{EpochItem, NoticeItem, SessionItem, ShownItem, TokensItem};
use serde::Deserialize;
use std::collections::BTreeMap;

pub(crate) use item::TokenItem;

/// A session that has ended, with the internal tokens whose back-end logout is not done.
#[derive(Debug, Clone, PartialEq)]
pub struct EndedSession {
    /// The user of the session.
    pub user_id: UserId,
    /// The application of the session.
    pub client_id: ClientId,
    /// The internal tokens that are still to be ended at the legacy systems.
    pub tokens: BTreeMap<ConnectorName, InternalToken>,
}

/// What a user sees of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownSession {
    /// How it began.
    pub origin: Origin,
    /// When it was last refreshed, or else began.
    pub refreshed: Timestamp,
    /// What its application may do.
    pub scope: Scope,
}

/// The login of its user by which a session lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct SessionLogin {
    /// The user's credential epoch when the session began.
    pub credential_epoch: u64,
    #[serde(default)]
    auth_time: Option<Timestamp>,
    #[serde(default)]
    login_by: LoginMethod,
}

impl SessionLogin {
    /// When the user last showed who it is for this session; `None` in a session that began before this was noted, and where only
    /// another one has seen its user.
    pub fn shown_at(&self) -> Option<Timestamp> {
        self.auth_time.filter(|_| self.login_by.is_shown())
    }
}

/// The table of sessions.
#[derive(Debug, Clone)]
pub struct Sessions {
    client: aws_sdk_dynamodb::Client,
    pub(crate) table: String,
}

impl Sessions {
    /// The table of this name.
    pub fn new(client: aws_sdk_dynamodb::Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Writes a new session. If there is one of this id, it stays as it is: the SDK repeated a write that had succeeded, or
    /// another request has redeemed the same authorization code.
    pub async fn create(&self, session: &Session) -> Result<(), StoreError> {
        const OPERATION: &str = "create_session";
        let item = version::written(SessionItem::of(session, None), OPERATION)?;
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        match put.condition_expression("attribute_not_exists(sid)").send().await {
            Ok(_) => Ok(()),
            Err(error) if condition_failed(&error) => Ok(()),
            Err(error) => Err(unavailable(OPERATION)(error)),
        }
    }

    /// The session of that id. One strongly consistent read.
    pub async fn get(&self, sid: &SessionId) -> Result<Option<Session>, StoreError> {
        Ok(self.session_item(sid, "session").await?.map(Session::from))
    }

    /// The internal tokens of a live session; `None` if there is no session or it has ended. One strongly consistent read of
    /// these attributes alone.
    pub async fn internal_tokens(
        &self,
        sid: &SessionId,
    ) -> Result<Option<BTreeMap<ConnectorName, InternalToken>>, StoreError> {
        const OPERATION: &str = "internal_tokens";
        let read = projection::of(self.read(sid), &["ended", "tokens"]);
        let Some(item) = read.send().await.map_err(unavailable(OPERATION))?.item else { return Ok(None) };
        Ok(version::read::<TokensItem>(item, OPERATION)?.of_live_session())
    }

    /// Notes a use of an internal token, which moves its idle end. Nothing changes if the session has ended, the token was
    /// replaced, or a later use is already noted.
    pub async fn note_use(
        &self,
        sid: &SessionId,
        connector: &ConnectorName,
        version: u64,
        ends: Timestamp,
    ) -> Result<(), StoreError> {
        let sent = self
            .update_session(sid, "attribute_not_exists(ended) AND tokens.#c.v = :token AND tokens.#c.idle_ends < :ends")
            .update_expression("SET tokens.#c.idle_ends = :ends")
            .expression_attribute_names("#c", connector.as_str())
            .expression_attribute_values(":token", number(version))
            .expression_attribute_values(":ends", number(ends.as_secs()))
            .send()
            .await;
        held(sent, "note_use").map(drop)
    }

    /// Replaces or removes one internal token, and gives the lease back; nothing else of the session changes. Returns
    /// whether it was done: another request may have taken the lease, or the session may have ended.
    pub async fn replace_token(
        &self,
        sid: &SessionId,
        connector: &ConnectorName,
        token: Option<&InternalToken>,
        rotation: &str,
    ) -> Result<bool, StoreError> {
        const OPERATION: &str = "replace_token";
        let update = self
            .update_session(sid, "lease = :me AND attribute_not_exists(ended)")
            .expression_attribute_names("#c", connector.as_str())
            .expression_attribute_values(":me", AttributeValue::S(rotation.into()));
        let update = match token {
            Some(token) => update
                .update_expression("SET tokens.#c = :token REMOVE lease, lease_until")
                .expression_attribute_values(":token", version::part(TokenItem::from(token), OPERATION)?),
            None => update.update_expression("REMOVE tokens.#c, lease, lease_until"),
        };
        held(update.send().await, OPERATION)
    }

    /// Replaces or removes one internal token that still has this version, while nobody holds the lease; nothing else of the
    /// session changes. Returns whether it was done. Of concurrent replacements of one version one is done.
    pub async fn swap_token(
        &self,
        sid: &SessionId,
        connector: &ConnectorName,
        version: u64,
        token: Option<&InternalToken>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const OPERATION: &str = "swap_token";
        let condition = "tokens.#c.v = :old AND attribute_not_exists(ended) \
                         AND (attribute_not_exists(lease) OR lease_until < :now)";
        let update = self
            .update_session(sid, condition)
            .expression_attribute_names("#c", connector.as_str())
            .expression_attribute_values(":old", number(version))
            .expression_attribute_values(":now", number(now.as_secs()));
        let update = match token {
            Some(token) => update
                .update_expression("SET tokens.#c = :token")
                .expression_attribute_values(":token", version::part(TokenItem::from(token), OPERATION)?),
            None => update.update_expression("REMOVE tokens.#c"),
        };
        held(update.send().await, OPERATION)
    }

    /// Takes the lease until `until`: the right to rotate this generation, or to replace internal tokens in it. At most one
    /// of many concurrent requests gets it, and only if the session's internal tokens are still these, so that the work is
    /// done once. A lease that is not given back lapses.
    pub async fn lease(
        &self,
        session: &Session,
        rotation: &str,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let unchanged = Unchanged::of(&session.tokens);
        let free = format!(
            "generation = :generation AND attribute_not_exists(ended) \
             AND (attribute_not_exists(lease) OR lease = :me OR lease_until < :now) AND {}",
            unchanged.condition
        );
        let mut update = self
            .update_session(&session.sid, &free)
            .update_expression("SET lease = :me, lease_until = :until")
            .expression_attribute_values(":me", AttributeValue::S(rotation.into()))
            .expression_attribute_values(":until", number(until.as_secs()))
            .expression_attribute_values(":now", number(now.as_secs()))
            .expression_attribute_values(":generation", number(session.family.generation));
        for (placeholder, name) in unchanged.names {
            update = update.expression_attribute_names(placeholder, name);
        }
        for (placeholder, value) in unchanged.values {
            update = update.expression_attribute_values(placeholder, value);
        }
        held(update.send().await, "lease_session")
    }

    /// Commits the next generation, with any renewed internal tokens, in one conditional write. Of concurrent rotations of
    /// one generation exactly one gets `true`, also when the SDK repeated its write. Without the lease the stored internal
    /// tokens must be the same as those of `session`, so that one replaced meanwhile is not lost.
    pub async fn rotate(
        &self,
        session: &Session,
        rotation: &str,
        leased: bool,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const OPERATION: &str = "rotate_session";
        let item = version::written(SessionItem::of(session, Some(rotation)), OPERATION)?;
        let unchanged = Unchanged::of(&session.tokens);
        let lease = if leased {
            "lease = :me".to_owned()
        } else {
            format!("(attribute_not_exists(lease) OR lease_until < :now) AND {}", unchanged.condition)
        };
        // The put replaces the whole item, which also removes the lease.
        let mut put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(version::condition(&format!(
                "generation = :parent AND attribute_not_exists(ended) AND {lease}"
            )))
            .expression_attribute_values(":version", version::current())
            .expression_attribute_values(":parent", number(session.family.generation.saturating_sub(1)));
        put = if leased {
            put.expression_attribute_values(":me", AttributeValue::S(rotation.into()))
        } else {
            for (placeholder, name) in unchanged.names {
                put = put.expression_attribute_names(placeholder, name);
            }
            for (placeholder, value) in unchanged.values {
                put = put.expression_attribute_values(placeholder, value);
            }
            put.expression_attribute_values(":now", number(now.as_secs()))
        };
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error) if condition_failed(&error) => {
                let stored = self.session_item(&session.sid, OPERATION).await?;
                Ok(stored.is_some_and(|item| !item.ended && item.rotation.as_deref() == Some(rotation)))
            }
            Err(error) => Err(unavailable(OPERATION)(error)),
        }
    }

    /// Gives a lease back without a rotation, so that the next attempt need not wait until it lapses.
    pub async fn release(&self, sid: &SessionId, rotation: &str) -> Result<(), StoreError> {
        let sent = self
            .update_session(sid, "lease = :me")
            .update_expression("REMOVE lease, lease_until")
            .expression_attribute_values(":me", AttributeValue::S(rotation.into()))
            .send()
            .await;
        held(sent, "release_session").map(drop)
    }

    /// Ends a session: it allows no refresh, renewal or use from now on. Ending is idempotent. The internal tokens stay
    /// until [`Sessions::forget_tokens`], so that a back-end logout that failed or was cut off can be repeated. `None` if
    /// there is no such session.
    pub async fn end(&self, sid: &SessionId) -> Result<Option<EndedSession>, StoreError> {
        const OPERATION: &str = "end_session";
        let sent = self
            .update_session(sid, "attribute_exists(sid)")
            .update_expression("SET ended = :true REMOVE lease, lease_until")
            .expression_attribute_values(":true", AttributeValue::Bool(true))
            .return_values(ReturnValue::AllOld)
            .send()
            .await;
        match sent {
            Ok(response) => {
                let item: SessionItem = version::read(response.attributes.unwrap_or_default(), OPERATION)?;
                let session = Session::from(item);
                Ok(Some(EndedSession {
                    user_id: session.user_id,
                    client_id: session.client_id,
                    tokens: session.tokens,
                }))
            }
            Err(error) => refused_item(error, OPERATION).map(|_| None),
        }
    }

    /// The same for whoever has no use for the internal tokens, which are not returned.
    pub async fn mark_ended(&self, sid: &SessionId) -> Result<(), StoreError> {
        let sent = self
            .update_session(sid, "attribute_exists(sid)")
            .update_expression("SET ended = :true REMOVE lease, lease_until")
            .expression_attribute_values(":true", AttributeValue::Bool(true))
            .send()
            .await;
        held(sent, "mark_ended").map(drop)
    }

    /// The user's credential epoch when this session began; `None` if there is no such session. One strongly consistent read
    /// of this attribute alone.
    pub async fn credential_epoch(&self, sid: &SessionId) -> Result<Option<u64>, StoreError> {
        const OPERATION: &str = "credential_epoch";
        let read = projection::of(self.read(sid), &["credential_epoch"]);
        let item = read.send().await.map_err(unavailable(OPERATION))?.item;
        Ok(item.map(|item| version::read::<EpochItem>(item, OPERATION)).transpose()?.map(|item| item.credential_epoch))
    }

    /// By which login of its user this session lives; `None` if there is no such session. One strongly consistent read of these
    /// attributes alone.
    pub async fn login(&self, sid: &SessionId) -> Result<Option<SessionLogin>, StoreError> {
        const OPERATION: &str = "login_of_session";
        let read = projection::of(self.read(sid), &["credential_epoch", "auth_time", "login_by"]);
        let item = read.send().await.map_err(unavailable(OPERATION))?.item;
        item.map(|item| version::read(item, OPERATION)).transpose()
    }

    /// What a user sees of a session: `None` if there is no such session or it has ended. One strongly consistent read of
    /// these attributes alone.
    pub async fn shown(&self, sid: &SessionId) -> Result<Option<ShownSession>, StoreError> {
        const OPERATION: &str = "shown_session";
        let read = projection::of(self.read(sid), &["ended", "served_at", "began_at", "device", "scope"]);
        let item = read.send().await.map_err(unavailable(OPERATION))?.item;
        let item: Option<ShownItem> = item.map(|item| version::read(item, OPERATION)).transpose()?;
        Ok(item.filter(|item| !item.ended).map(|item| ShownSession {
            origin: Origin { began: item.began_at, device: item.device, ..Origin::default() },
            refreshed: item.served_at,
            scope: item.scope,
        }))
    }

    /// Whether a session lives whose application got ID tokens, so that it may want to be told of the end. One strongly
    /// consistent read of two attributes.
    pub async fn is_live_with_issuer(&self, sid: &SessionId) -> Result<bool, StoreError> {
        const OPERATION: &str = "is_live_with_issuer";
        let read = projection::of(self.read(sid), &["ended", "issuer"]);
        let item = read.send().await.map_err(unavailable(OPERATION))?.item;
        let state = item.map(|item| version::read::<NoticeItem>(item, OPERATION)).transpose()?;
        Ok(state.is_some_and(|state| !state.ended && state.issuer.is_some()))
    }

    /// Removes internal tokens of a session that has ended; those of a live session stay. Removing is idempotent.
    pub async fn forget_tokens(&self, sid: &SessionId, connectors: &[ConnectorName]) -> Result<(), StoreError> {
        if connectors.is_empty() {
            return Ok(());
        }
        let mut update = self.update_session(sid, "attribute_exists(ended)");
        let mut places = Vec::with_capacity(connectors.len());
        for (at, name) in connectors.iter().enumerate() {
            update = update.expression_attribute_names(format!("#c{at}"), name.as_str());
            places.push(format!("tokens.#c{at}"));
        }
        let sent = update.update_expression(format!("REMOVE {}", places.join(", "))).send().await;
        held(sent, "forget_tokens").map(drop)
    }

    /// The ended sessions that still hold internal tokens. Scans the whole table, strongly consistent. Only keys are read,
    /// so that an item of a newer version does not make the scan fail.
    pub async fn ended_with_tokens(&self) -> Result<Vec<SessionId>, StoreError> {
        const OPERATION: &str = "ended_with_tokens";
        let scan = || {
            self.client
                .scan()
                .table_name(&self.table)
                .consistent_read(true)
                .projection_expression("sid")
                .filter_expression("attribute_exists(ended) AND size(tokens) > :none")
                .expression_attribute_values(":none", number(0))
        };
        let read = |item: Item| {
            let sid = item.get("sid").and_then(|sid| sid.as_s().ok()).and_then(|sid| SessionId::parse(sid).ok());
            sid.ok_or_else(|| StoreError::Corrupt { operation: OPERATION, cause: "a key is no session id".to_owned() })
        };
        Ok(Page::collect(None, usize::MAX, OPERATION, scan, read).await?.items)
    }

    fn update_session(&self, sid: &SessionId, condition: &str) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.table).key("sid", AttributeValue::S(sid.to_string()));
        version::guarded(update, condition)
    }

    async fn session_item(&self, sid: &SessionId, operation: &'static str) -> Result<Option<SessionItem>, StoreError> {
        let response = self.read(sid).send().await.map_err(unavailable(operation))?;
        response.item.map(|item| version::read(item, operation)).transpose()
    }

    fn read(&self, sid: &SessionId) -> GetItemFluentBuilder {
        let read = self.client.get_item().table_name(&self.table).consistent_read(true);
        read.key("sid", AttributeValue::S(sid.to_string()))
    }
}

/// The condition that a session's internal tokens still have these versions, and that no later use of them was noted.
struct Unchanged {
    condition: String,
    names: Vec<(String, String)>,
    values: Vec<(String, AttributeValue)>,
}

impl Unchanged {
    fn of(tokens: &BTreeMap<ConnectorName, InternalToken>) -> Self {
        let count = number(u64::try_from(tokens.len()).unwrap_or(u64::MAX));
        let each = tokens.values().enumerate().map(|(at, token)| match token.idle {
            // Otherwise the put would undo a use that was noted meanwhile.
            Some(_) => format!("tokens.#c{at}.v = :v{at} AND tokens.#c{at}.idle_ends = :i{at}"),
            None => format!("tokens.#c{at}.v = :v{at}"),
        });
        let condition = std::iter::once("size(tokens) = :tokens".to_owned()).chain(each).collect::<Vec<_>>();
        let names = tokens.keys().enumerate().map(|(at, name)| (format!("#c{at}"), name.to_string())).collect();
        let versions = tokens.values().enumerate().map(|(at, token)| (format!(":v{at}"), number(token.version)));
        let idle = tokens.values().enumerate().filter_map(|(at, token)| Some((at, token.idle?.ends)));
        let idle = idle.map(|(at, ends)| (format!(":i{at}"), number(ends.as_secs())));
        let values = versions.chain(idle).chain([(":tokens".to_owned(), count)]).collect();
        Self { condition: condition.join(" AND "), names, values }
    }
}
