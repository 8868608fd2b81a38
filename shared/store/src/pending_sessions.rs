//! The table of pending sessions. Key: `sid`. Each step is a conditional write, so that a code is issued once and redeemed
//! once, and a pending session that ended does neither.

mod item;

use crate::error::{Item, StoreError, unavailable};
use crate::refusal::{held, refused_item};
use crate::{Page, number, ttl, version};
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use gateway_domain::ids::{ConnectorName, SessionId};
use gateway_domain::pending_session::{PendingSession, Progress, Redeemed};
use gateway_domain::time::Timestamp;
use item::{KEPT, PendingItem};
use std::collections::BTreeSet;

/// The table of pending sessions.
#[derive(Debug, Clone)]
pub struct PendingSessions {
    client: aws_sdk_dynamodb::Client,
    pub(crate) table: String,
}

impl PendingSessions {
    /// The table of this name.
    pub fn new(client: aws_sdk_dynamodb::Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Writes a new pending session. It needs no condition, since its id is random and never used twice.
    pub async fn create(&self, pending: &PendingSession) -> Result<(), StoreError> {
        const OPERATION: &str = "create_pending_session";
        let item = version::written(PendingItem::from(pending), OPERATION)?;
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map_err(unavailable(OPERATION))?;
        Ok(())
    }

    /// The pending session of that id, at whatever stage. One strongly consistent read.
    pub async fn get(&self, sid: &SessionId) -> Result<Option<PendingSession>, StoreError> {
        const OPERATION: &str = "pending_session";
        let read = self.client.get_item().table_name(&self.table).consistent_read(true);
        let read = read.key("sid", AttributeValue::S(sid.to_string())).send().await.map_err(unavailable(OPERATION))?;
        read.item.map(|item| pending(item, OPERATION)).transpose()
    }

    /// Issues its code, redeemable until `ends`, in place of one that was issued when it was read. Of concurrent requests one
    /// gets `true`.
    pub async fn issue(
        &self,
        read: &PendingSession,
        code: &str,
        ends: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const OPERATION: &str = "issue_code";
        let (before, before_value) = match &read.progress {
            Progress::Issued(before) => ("#code = :before", Some(before)),
            Progress::Asked | Progress::Redeemed(_) | Progress::Ended => ("attribute_not_exists(#code)", None),
        };
        let condition =
            format!("{before} AND attribute_not_exists(redeemed_at) AND attribute_not_exists(ended) AND ends > :now");
        let mut update = self.update(&read.sid, &condition);
        if let Some(before) = before_value {
            update = update.expression_attribute_values(":before", AttributeValue::S(before.clone()));
        }
        let sent = update
            .update_expression("SET #code = :code, ends = :ends, #ttl = :ttl")
            .expression_attribute_names("#code", "code")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":code", AttributeValue::S(code.to_owned()))
            .expression_attribute_values(":ends", number(ends.as_secs()))
            .expression_attribute_values(":ttl", number(ttl::after([ends.saturating_add(KEPT)]).as_secs()))
            .expression_attribute_values(":now", number(now.as_secs()))
            .send()
            .await;
        match sent {
            Ok(_) => Ok(true),
            // The SDK repeats a write whose response was lost: this very code is there then.
            Err(error) => Ok(text(&refused_item(error, OPERATION)?, "code") == Some(code)),
        }
    }

    /// Redeems its code. Of concurrent requests one gets `true`; `redemption` is the random name by which a write that the
    /// SDK repeated recognises its own result.
    pub async fn redeem(&self, sid: &SessionId, redeemed: &Redeemed, redemption: &str) -> Result<bool, StoreError> {
        const OPERATION: &str = "redeem_code";
        let condition =
            "#code = :code AND attribute_not_exists(redeemed_at) AND attribute_not_exists(ended) AND ends > :at";
        let set = "SET redeemed_at = :at, redemption = :redemption";
        let mut update = self
            .update(sid, condition)
            .expression_attribute_names("#code", "code")
            .expression_attribute_values(":code", AttributeValue::S(redeemed.code.clone()))
            .expression_attribute_values(":at", number(redeemed.at.as_secs()))
            .expression_attribute_values(":redemption", AttributeValue::S(redemption.to_owned()));
        update = match &redeemed.attempt {
            None => update.update_expression(set),
            Some(attempt) => update
                .update_expression(format!("{set}, attempt = :attempt"))
                .expression_attribute_values(":attempt", AttributeValue::S(attempt.clone())),
        };
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error) => Ok(text(&refused_item(error, OPERATION)?, "redemption") == Some(redemption)),
        }
    }

    /// Ends it, if it has come no further since it was read. Its internal tokens stay until
    /// [`PendingSessions::forget_tokens`], so that a back-end logout that was cut off can be repeated.
    pub async fn end(&self, read: &PendingSession) -> Result<bool, StoreError> {
        let (condition, code) = match &read.progress {
            Progress::Asked => ("attribute_exists(sid) AND attribute_not_exists(#code)", None),
            Progress::Issued(code) => ("#code = :code AND attribute_not_exists(redeemed_at)", Some(code)),
            Progress::Redeemed(Redeemed { code, .. }) => {
                ("#code = :code AND attribute_exists(redeemed_at)", Some(code))
            }
            Progress::Ended => return Ok(true),
        };
        let mut update = self
            .update(&read.sid, condition)
            .update_expression("SET ended = :true")
            .expression_attribute_names("#code", "code")
            .expression_attribute_values(":true", AttributeValue::Bool(true));
        if let Some(code) = code {
            update = update.expression_attribute_values(":code", AttributeValue::S(code.clone()));
        }
        held(update.send().await, "end_pending_session")
    }

    /// Removes internal tokens from it. Removing is idempotent.
    pub async fn forget_tokens(&self, sid: &SessionId, connectors: &[ConnectorName]) -> Result<(), StoreError> {
        if connectors.is_empty() {
            return Ok(());
        }
        let mut update = self.update(sid, "attribute_exists(sid)");
        let mut places = Vec::with_capacity(connectors.len());
        for (at, name) in connectors.iter().enumerate() {
            update = update.expression_attribute_names(format!("#c{at}"), name.as_str());
            places.push(format!("tokens.#c{at}"));
        }
        let sent = update.update_expression(format!("REMOVE {}", places.join(", "))).send().await;
        held(sent, "forget_pending_tokens").map(drop)
    }

    /// Those that hold internal tokens and can go on no more, at most `most` of them, in DynamoDB's order from `start` on and
    /// then from its beginning. Scans the whole table, strongly consistent: the logins of a day.
    pub async fn lapsed(
        &self,
        start: &SessionId,
        now: Timestamp,
        most: usize,
    ) -> Result<Page<PendingSession>, StoreError> {
        const OPERATION: &str = "lapsed_pending_sessions";
        let scan = || {
            self.client
                .scan()
                .table_name(&self.table)
                .consistent_read(true)
                .filter_expression("size(tokens) > :none AND (ends <= :now OR attribute_exists(ended))")
                .expression_attribute_values(":none", number(0))
                .expression_attribute_values(":now", number(now.as_secs()))
        };
        let start = Item::from([("sid".to_owned(), AttributeValue::S(start.to_string()))]);
        let read = |item| pending(item, OPERATION);
        let mut page = Page::collect(Some(start), most, OPERATION, scan, read).await?;
        if !page.more {
            let begin = Page::collect(None, most, OPERATION, scan, read).await?;
            let found: BTreeSet<_> = page.items.iter().map(|pending| pending.sid.clone()).collect();
            page.items.extend(begin.items.into_iter().filter(|pending| !found.contains(&pending.sid)));
            page.more = begin.more || page.items.len() > most;
            page.items.truncate(most);
        }
        page.items.retain(|pending| pending.has_lapsed(now));
        Ok(page)
    }

    fn update(&self, sid: &SessionId, condition: &str) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.table).key("sid", AttributeValue::S(sid.to_string()));
        version::guarded(update, condition)
    }
}

fn pending(item: Item, operation: &'static str) -> Result<PendingSession, StoreError> {
    version::read::<PendingItem>(item, operation).map(PendingSession::from)
}

fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}
