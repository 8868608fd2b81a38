//! The form of an activity item: its entries, counters and internal tokens as attributes.

use super::{Entry, LiveSession};
use crate::error::{Item, StoreError};
use crate::{number, version};
use aws_sdk_dynamodb::types::AttributeValue;
use gateway_domain::call_context::TokenRef;
use gateway_domain::dpop::seen::ProofSet;
use gateway_domain::ids::{ClientId, ConnectorName, SessionId, UserId};
use gateway_domain::rate_limit::CounterName;
use gateway_domain::sealing::SealedToken;
use gateway_domain::time::Timestamp;
use std::collections::{BTreeMap, HashMap};

pub(super) fn entry_name(sid: &SessionId) -> String {
    format!("s{sid}")
}

pub(super) fn entry_value(ends: Timestamp, tokens: &BTreeMap<ConnectorName, TokenRef>) -> AttributeValue {
    let token = |token: &TokenRef| {
        let mut map = HashMap::from([("v".to_owned(), number(token.version))]);
        if let Some(sealed) = &token.sealed {
            map.insert("x".to_owned(), AttributeValue::S(sealed.as_str().to_owned()));
            map.extend(token.ends.map(|ends| ("e".to_owned(), number(ends.as_secs()))));
        }
        AttributeValue::M(map)
    };
    let tokens = tokens.iter().map(|(name, value)| (name.to_string(), token(value))).collect();
    AttributeValue::M(HashMap::from([
        ("e".to_owned(), number(ends.as_secs())),
        ("t".to_owned(), AttributeValue::M(tokens)),
    ]))
}

/// The number of this name in an item; 0 if there is none.
pub(super) fn number_of(item: &Item, name: &str) -> i64 {
    item.get(name).and_then(|value| value.as_n().ok()).and_then(|text| text.parse().ok()).unwrap_or(0)
}

pub(super) fn entries_of(item: &Item) -> Vec<Entry> {
    let entry = |(name, value): (&String, &AttributeValue)| {
        let sid = SessionId::parse(name.strip_prefix('s')?).ok()?;
        let ends = value.as_m().ok()?.get("e")?.as_n().ok()?.parse().ok()?;
        Some(Entry { sid, ends: Timestamp::from_secs(ends) })
    };
    item.iter().filter_map(entry).collect()
}

/// The live sessions of an item. An item whose key is not a user id and a client id has none; the gateway writes no such
/// key.
pub(super) fn live_sessions(
    item: &Item,
    now: Timestamp,
    operation: &'static str,
) -> Result<Vec<LiveSession>, StoreError> {
    version::of(item, operation)?;
    let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).map_or("", String::as_str);
    let (Ok(user_id), Ok(client_id)) = (UserId::parse(text("user_id")), ClientId::parse(text("client_id"))) else {
        return Ok(Vec::new());
    };
    let live = entries_of(item).into_iter().filter(|entry| entry.ends > now);
    Ok(live.map(|entry| LiveSession { user_id: user_id.clone(), client_id: client_id.clone(), entry }).collect())
}

pub(super) fn counters_of(item: &Item) -> BTreeMap<String, u64> {
    let counter = |(name, value): (&String, &AttributeValue)| {
        CounterName::parse(name)?;
        Some((name.clone(), value.as_n().ok()?.parse().ok()?))
    };
    item.iter().filter_map(counter).collect()
}

pub(super) fn proofs_of(item: &Item) -> BTreeMap<ProofSet, usize> {
    let set = |(name, value): (&String, &AttributeValue)| Some((ProofSet::parse(name)?, value.as_bs().ok()?.len()));
    item.iter().filter_map(set).collect()
}

pub(super) fn tokens_of(entry: &Item) -> BTreeMap<ConnectorName, TokenRef> {
    let token = |(name, value): (&String, &AttributeValue)| {
        let map = value.as_m().ok()?;
        let version = map.get("v")?.as_n().ok()?.parse().ok()?;
        let sealed = map.get("x").and_then(|text| text.as_s().ok()).map(|text| SealedToken::parse(text));
        let ends = map.get("e").and_then(|ends| ends.as_n().ok()).and_then(|ends| ends.parse().ok());
        let ends = ends.map(Timestamp::from_secs);
        Some((ConnectorName::parse(name).ok()?, TokenRef { version, sealed, ends }))
    };
    let tokens = entry.get("t").and_then(|tokens| tokens.as_m().ok());
    tokens.map(|tokens| tokens.iter().filter_map(token).collect()).unwrap_or_default()
}
