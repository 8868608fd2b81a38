//! Browsers in which a user is logged in on the gateway's own pages. Key: `id`, SHA-256 of the cookie.

use crate::accounts::is_refused;
use crate::codes::incomplete;
use crate::error::{Item, StoreError, unavailable};
use crate::refusal::held;
use crate::{NewEnding, Outbox, Page, number, ttl, version};
use aws_sdk_dynamodb::types::{AttributeValue, Delete, ReturnValue, TransactWriteItem};
use gateway_domain::ids::{ClientId, SessionId, UserId};
use gateway_domain::session::LoginMethod;
use gateway_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most sessions that a browser login knows. The oldest is forgotten, and a logout does not end it: that is a session that
/// lives only where somebody uses more than eight applications with eight live sessions in each.
pub const MAX_SESSIONS: usize = 64;

/// The login of a user in one browser. It holds no internal token and is none of an application's sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrowserLogin {
    /// SHA-256 in hexadecimal of the cookie, which has 256 random bits.
    pub id: String,
    /// The user.
    pub user_id: UserId,
    /// The user's credential epoch at the login: a change of credentials ends it.
    pub credential_epoch: u64,
    /// The user's browser epoch at the login: a logout everywhere else ends it.
    #[serde(default)]
    pub browser_epoch: u64,
    /// When the user logged in.
    pub auth_time: Timestamp,
    /// By what.
    #[serde(default, rename = "login_by", skip_serializing_if = "LoginMethod::is_password")]
    pub by: LoginMethod,
    /// When it ends without use.
    pub idle_end: Timestamp,
    /// When it ends however much it is used.
    pub absolute_end: Timestamp,
    /// The sessions that began from it, live or not, at most [`MAX_SESSIONS`]: logging out ends them.
    #[serde(default)]
    pub sessions: BTreeMap<SessionId, BegunSession>,
    /// The one that began last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<SessionId>,
    /// When the user showed a code of the authenticator app in this browser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_factor_at: Option<Timestamp>,
}

/// A session that began from a browser login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BegunSession {
    /// Its application.
    pub client_id: ClientId,
    /// When its login was over, before its code was redeemed.
    pub at: Timestamp,
}

impl BrowserLogin {
    /// Adds a session, in place of the oldest one if there are too many.
    pub fn add(&mut self, sid: SessionId, begun: BegunSession) {
        while self.sessions.len() >= MAX_SESSIONS {
            let Some(oldest) = self.oldest() else { break };
            self.sessions.remove(&oldest);
        }
        self.newest = Some(sid.clone());
        self.sessions.insert(sid, begun);
    }

    fn oldest(&self) -> Option<SessionId> {
        self.sessions.iter().min_by_key(|(_, begun)| begun.at).map(|(sid, _)| sid.clone())
    }

    /// Whether neither of its ends has come.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.idle_end && now < self.absolute_end
    }
}

/// The table of browser logins.
#[derive(Debug, Clone)]
pub struct BrowserLogins {
    client: aws_sdk_dynamodb::Client,
    pub(crate) table: String,
}

impl BrowserLogins {
    /// The table of this name.
    pub fn new(client: aws_sdk_dynamodb::Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Writes a new browser login. It needs no condition, since a cookie is random and never used twice.
    pub async fn create(&self, login: &BrowserLogin) -> Result<(), StoreError> {
        const OPERATION: &str = "create_browser_login";
        let mut item = version::written(login, OPERATION)?;
        item.insert("ttl".to_owned(), number(ttl::after([login.absolute_end]).as_secs()));
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map_err(unavailable(OPERATION))?;
        Ok(())
    }

    /// The browser login of this id. One strongly consistent read, so that one that was ended is not used again.
    pub async fn get(&self, id: &str) -> Result<Option<BrowserLogin>, StoreError> {
        const OPERATION: &str = "browser_login";
        let read = self.client.get_item().table_name(&self.table).consistent_read(true);
        let read = read.key("id", AttributeValue::S(id.to_owned())).send().await.map_err(unavailable(OPERATION))?;
        read.item.map(|item| version::read(item, OPERATION)).transpose()
    }

    /// Moves its idle end after a use. An ended one is not made anew.
    pub async fn note_use(&self, id: &str, idle_end: Timestamp) -> Result<(), StoreError> {
        let update = self.client.update_item().table_name(&self.table).key("id", AttributeValue::S(id.to_owned()));
        let sent = version::guarded(update, "attribute_exists(id) AND idle_end < :end")
            .update_expression("SET idle_end = :end")
            .expression_attribute_values(":end", number(idle_end.as_secs()))
            .send()
            .await;
        held(sent, "note_browser_use").map(drop)
    }

    /// Notes that the user has shown a code of the authenticator app. `false` if the login has ended meanwhile: an ended one is not
    /// made anew.
    pub async fn note_second_factor(&self, id: &str, at: Timestamp) -> Result<bool, StoreError> {
        let update = self.client.update_item().table_name(&self.table).key("id", AttributeValue::S(id.to_owned()));
        let sent = version::guarded(update, "attribute_exists(id)")
            .update_expression("SET second_factor_at = :at")
            .expression_attribute_values(":at", number(at.as_secs()))
            .send()
            .await;
        held(sent, "note_second_factor")
    }

    /// Keeps it when the others of its user end. `false` if it has ended meanwhile: an ended one is not made anew.
    pub async fn keep(&self, id: &str, browser_epoch: u64) -> Result<bool, StoreError> {
        let update = self.client.update_item().table_name(&self.table).key("id", AttributeValue::S(id.to_owned()));
        let sent = version::guarded(update, "attribute_exists(id)")
            .update_expression("SET browser_epoch = :epoch")
            .expression_attribute_values(":epoch", number(browser_epoch))
            .send()
            .await;
        held(sent, "keep_browser_login")
    }

    /// Notes that a session begins from it. `false` if it has ended meanwhile: an ended one is not made anew, and the session must
    /// not begin.
    pub async fn note_session(
        &self,
        read: &BrowserLogin,
        sid: &SessionId,
        begun: &BegunSession,
    ) -> Result<bool, StoreError> {
        const OPERATION: &str = "note_browser_session";
        let key = AttributeValue::S(read.id.clone());
        let update = self.client.update_item().table_name(&self.table).key("id", key);
        let mut update = version::guarded(update, "attribute_exists(sessions)")
            .expression_attribute_names("#sid", sid.as_str())
            .expression_attribute_values(":sid", AttributeValue::S(sid.to_string()))
            .expression_attribute_values(":begun", version::part(begun, OPERATION)?);
        let set = "SET sessions.#sid = :begun, newest = :sid";
        update = match read.oldest().filter(|_| read.sessions.len() >= MAX_SESSIONS) {
            None => update.update_expression(set),
            Some(oldest) => update
                .update_expression(format!("{set} REMOVE sessions.#oldest"))
                .expression_attribute_names("#oldest", oldest.as_str()),
        };
        held(update.send().await, OPERATION)
    }

    /// Ends a browser login, and returns it as it was then. Ending is idempotent.
    pub async fn end(&self, id: &str) -> Result<Option<BrowserLogin>, StoreError> {
        const OPERATION: &str = "end_browser_login";
        let delete = self.client.delete_item().table_name(&self.table).key("id", AttributeValue::S(id.to_owned()));
        let ended = delete.return_values(ReturnValue::AllOld).send().await.map_err(unavailable(OPERATION))?;
        ended.attributes.map(|item| version::read(item, OPERATION)).transpose()
    }

    /// The ids of all browser logins, for [`BrowserLogins::end`]. Scans the whole table, of which only keys are read.
    pub async fn ids(&self) -> Result<Vec<String>, StoreError> {
        const OPERATION: &str = "browser_login_ids";
        let scan = || {
            let scan = self.client.scan().table_name(&self.table).consistent_read(true);
            scan.projection_expression("id")
        };
        let read = |item: Item| {
            let id = item.get("id").and_then(|id| id.as_s().ok()).cloned();
            id.ok_or_else(|| StoreError::Corrupt { operation: OPERATION, cause: "a key is no text".to_owned() })
        };
        Ok(Page::collect(None, usize::MAX, OPERATION, scan, read).await?.items)
    }

    /// Ends a browser login, and puts the end of its sessions into the outbox: both or neither. `false` if another session began
    /// from it since it was read, or it has ended.
    pub async fn end_with_sessions(
        &self,
        read: &BrowserLogin,
        outbox: &Outbox,
        ending: &NewEnding,
    ) -> Result<bool, StoreError> {
        const OPERATION: &str = "log_out_browser";
        let delete = Delete::builder().table_name(&self.table).key("id", AttributeValue::S(read.id.clone()));
        let delete = delete.expression_attribute_values(":version", version::current());
        let delete = match &read.newest {
            None => {
                delete.condition_expression(version::condition("attribute_exists(id) AND attribute_not_exists(newest)"))
            }
            Some(newest) => delete
                .condition_expression(version::condition("newest = :newest"))
                .expression_attribute_values(":newest", AttributeValue::S(newest.to_string())),
        };
        let delete = delete.build().map_err(incomplete(OPERATION))?;
        let writes =
            vec![TransactWriteItem::builder().delete(delete).build(), outbox.adding_ending(ending, OPERATION)?];
        match self.client.transact_write_items().set_transact_items(Some(writes)).send().await {
            Ok(_) => Ok(true),
            Err(error) if is_refused(error.as_service_error()) => Ok(false),
            Err(error) => Err(unavailable(OPERATION)(error)),
        }
    }
}
