//! What has become of refresh tokens of other issuers. The items are in the table of sessions, under keys that no session has: each write is
//! conditional on the lease, so that one request at a time asks an issuer, and a token becomes one session.

use crate::error::{Item, StoreError, corrupt, unavailable};
use crate::refusal::{held, refused_item};
use crate::{number, ttl, version};
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use gateway_domain::ids::{ClientId, SessionId, UserId};
use gateway_domain::sealing::SealedToken;
use gateway_domain::time::Timestamp;
use gateway_domain::trade_in::{Progress, RecordKey, TradeIn, Traded};
use serde::{Deserialize, Serialize};

/// Records of trade-ins.
#[derive(Debug, Clone)]
pub struct TradeIns {
    client: aws_sdk_dynamodb::Client,
    table: String,
}

/// An item as it is read.
#[derive(Deserialize)]
struct TradeInItem {
    #[serde(default)]
    lease_until: Option<Timestamp>,
    #[serde(default)]
    answer: Option<SealedToken>,
    #[serde(default)]
    traded: Option<TradedItem>,
}

/// The session that it became. Its parts are in one attribute, so that no stream takes the item for a session.
#[derive(Serialize, Deserialize)]
struct TradedItem {
    user_id: UserId,
    client_id: ClientId,
    sid: SessionId,
    ends: Timestamp,
    credential_epoch: u64,
}

impl From<TradeInItem> for TradeIn {
    fn from(TradeInItem { lease_until, answer, traded }: TradeInItem) -> Self {
        let progress = match (traded, answer) {
            (Some(TradedItem { user_id, client_id, sid, ends, credential_epoch }), _) => {
                Progress::Traded(Traded { user_id, client_id, sid, ends, credential_epoch })
            }
            (None, Some(answer)) => Progress::Answered(answer),
            (None, None) => Progress::Asked,
        };
        Self { leased_until: lease_until, progress }
    }
}

impl TradeIns {
    /// In the table of sessions, whose name this is.
    pub fn new(client: aws_sdk_dynamodb::Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// What has become of a token; `None` of one that nobody has presented. One strongly consistent read.
    pub async fn get(&self, key: &RecordKey) -> Result<Option<TradeIn>, StoreError> {
        const OPERATION: &str = "trade_in";
        let read = self.client.get_item().table_name(&self.table).consistent_read(true);
        let item = read.key("sid", item_key(key)).send().await.map_err(unavailable(OPERATION))?.item;
        item.map(|item| Ok(version::read::<TradeInItem>(item, OPERATION)?.into())).transpose()
    }

    /// Takes the lease until `until`: the right to ask the issuer, or, if it `is_answered`, to find out whose its answer is. At most one of
    /// many requests has it, and nobody once the token became a session. The record is kept so long from then on, which is short for one
    /// without an answer; so it is taken only as it was read, and an answer is not forgotten with it. Returns the record as it is then; `None`
    /// if another request has the lease, or the record has come further.
    pub async fn lease(
        &self,
        key: &RecordKey,
        lease: &str,
        (until, now): (Timestamp, Timestamp),
        (is_answered, kept): (bool, Timestamp),
    ) -> Result<Option<TradeIn>, StoreError> {
        const OPERATION: &str = "lease_trade_in";
        let as_read = if is_answered { "attribute_exists(answer)" } else { "attribute_not_exists(answer)" };
        let free = format!(
            "{as_read} AND attribute_not_exists(traded) \
             AND (attribute_not_exists(lease) OR lease = :me OR lease_until <= :now)"
        );
        let sent = self
            .update(key, &free)
            .update_expression("SET lease = :me, lease_until = :until, #ttl = :ttl, v = if_not_exists(v, :version)")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":me", AttributeValue::S(lease.to_owned()))
            .expression_attribute_values(":until", number(until.as_secs()))
            .expression_attribute_values(":now", number(now.as_secs()))
            .expression_attribute_values(":ttl", number(ttl::after([until, kept]).as_secs()))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        match sent {
            Ok(response) => {
                let item: Item = response.attributes.unwrap_or_default();
                Ok(Some(version::read::<TradeInItem>(item, OPERATION)?.into()))
            }
            Err(error) => refused_item(error, OPERATION).map(|_| None),
        }
    }

    /// Keeps what the issuer has answered to the holder of the lease, until `kept`. `false` if the lease has lapsed and another request has it.
    pub async fn answered(
        &self,
        key: &RecordKey,
        lease: &str,
        answer: &SealedToken,
        kept: Timestamp,
    ) -> Result<bool, StoreError> {
        let sent = self
            .leased(key, lease)
            .update_expression("SET answer = :answer, #ttl = :ttl")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":answer", AttributeValue::S(answer.as_str().to_owned()))
            .expression_attribute_values(":ttl", number(ttl::after([kept]).as_secs()))
            .send()
            .await;
        held(sent, "keep_answer")
    }

    /// Keeps which session it becomes, before that begins; the answer is not needed any more, and the lease ends. `false` if the lease has
    /// lapsed and another request has it. A write that the SDK repeated recognises its own result.
    pub async fn traded(
        &self,
        key: &RecordKey,
        lease: &str,
        traded: &Traded,
        kept: Timestamp,
    ) -> Result<bool, StoreError> {
        const OPERATION: &str = "keep_traded";
        let Traded { user_id, client_id, sid, ends, credential_epoch } = traded.clone();
        let value = version::part(TradedItem { user_id, client_id, sid, ends, credential_epoch }, OPERATION)?;
        let sent = self
            .leased(key, lease)
            .update_expression("SET traded = :traded, #ttl = :ttl REMOVE lease, lease_until, answer")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":traded", value)
            .expression_attribute_values(":ttl", number(ttl::after([ends, kept]).as_secs()))
            .send()
            .await;
        match sent {
            Ok(_) => Ok(true),
            Err(error) => {
                let item = refused_item(error, OPERATION)?;
                let stored: TradeInItem = serde_dynamo::from_item(item).map_err(corrupt(OPERATION))?;
                Ok(stored.traded.is_some_and(|stored| stored.sid == traded.sid))
            }
        }
    }

    /// Gives the lease back, so that a repetition need not wait until it lapses.
    pub async fn release(&self, key: &RecordKey, lease: &str) -> Result<(), StoreError> {
        let sent = self.leased(key, lease).update_expression("REMOVE lease, lease_until").send().await;
        held(sent, "release_trade_in").map(drop)
    }

    fn leased(&self, key: &RecordKey, lease: &str) -> UpdateItemFluentBuilder {
        self.update(key, "lease = :me").expression_attribute_values(":me", AttributeValue::S(lease.to_owned()))
    }

    fn update(&self, key: &RecordKey, condition: &str) -> UpdateItemFluentBuilder {
        version::guarded(self.client.update_item().table_name(&self.table).key("sid", item_key(key)), condition)
    }
}

fn item_key(key: &RecordKey) -> AttributeValue {
    AttributeValue::S(format!("trade-in#{}", key.as_str()))
}
