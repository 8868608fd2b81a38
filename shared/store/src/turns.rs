//! Whose turn it is at a back end that takes only the newest id of a session: one call of the session at a time. The items are
//! in the table of sessions, under keys that no session has.

use crate::error::{StoreError, condition_failed, unavailable};
use crate::{number, ttl, version};
use aws_sdk_dynamodb::types::AttributeValue;
use gateway_domain::ids::{ConnectorName, SessionId};
use gateway_domain::time::Timestamp;
use serde::Serialize;

/// Turns of calls.
#[derive(Debug, Clone)]
pub struct Turns {
    client: aws_sdk_dynamodb::Client,
    table: String,
}

/// One call's turn.
#[derive(Serialize)]
struct TurnItem<'a> {
    sid: String,
    turn: &'a str,
    turn_until: i64,
    ttl: i64,
}

impl Turns {
    /// In the table of sessions, whose name this is.
    pub fn new(client: aws_sdk_dynamodb::Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Takes the turn until `until`; of many that ask at once one gets it. A turn that is not given back lapses. Taking it again
    /// under the same name succeeds, since the SDK may repeat a write that had succeeded.
    pub async fn take(
        &self,
        sid: &SessionId,
        connector: &ConnectorName,
        holder: &str,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const OPERATION: &str = "take_turn";
        let (turn_until, ttl) = (until.as_secs(), ttl::after([until]).as_secs());
        let item = TurnItem { sid: key(sid, connector), turn: holder, turn_until, ttl };
        let free = "attribute_not_exists(turn) OR turn_until < :now OR turn = :me";
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(version::written(item, OPERATION)?))
            .condition_expression(version::condition(free))
            .expression_attribute_values(":version", version::current())
            .expression_attribute_values(":me", AttributeValue::S(holder.into()))
            .expression_attribute_values(":now", number(now.as_secs()));
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error) if condition_failed(&error) => Ok(false),
            Err(error) => Err(unavailable(OPERATION)(error)),
        }
    }

    /// Gives the turn back, unless it has lapsed and somebody else has it.
    pub async fn give_back(&self, sid: &SessionId, connector: &ConnectorName, holder: &str) -> Result<(), StoreError> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("sid", AttributeValue::S(key(sid, connector)))
            .condition_expression(version::condition("turn = :me"))
            .expression_attribute_values(":version", version::current())
            .expression_attribute_values(":me", AttributeValue::S(holder.into()));
        match delete.send().await {
            Ok(_) => Ok(()),
            Err(error) if condition_failed(&error) => Ok(()),
            Err(error) => Err(unavailable("give_turn_back")(error)),
        }
    }
}

fn key(sid: &SessionId, connector: &ConnectorName) -> String {
    format!("turn#{sid}#{connector}")
}
