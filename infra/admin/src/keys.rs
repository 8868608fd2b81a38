//! `keys status`: which keys there are and which are in use; no value of any key leaves this file.

use crate::context::Context;
use crate::error::Error;
use crate::when;
use domain::time::Timestamp;
use serde_json::{Map, Value as Json, json};

/// The secrets that hold keys, by their logical id.
const SETS: [&str; 5] = ["SigningKeys", "PublicKeys", "SealingKeys", "RefreshKeys", "Pepper"];
/// Members that tell when something happened or will happen to a key.
const TIMES: [&str; 10] = [
    "created",
    "created_at",
    "since",
    "activated",
    "activated_at",
    "not_before",
    "retired",
    "retired_at",
    "not_after",
    "expires_at",
];
/// The longest id that is shown: a longer text in its place might be a key.
const MAX_ID: usize = 64;

/// `keys status`
pub(crate) async fn status(context: &Context) -> Result<(), Error> {
    let mut items = Vec::new();
    for set in SETS {
        let Some(name) = context.connection.resources.get(set) else { continue };
        match context.connection.secrets.text(name).await {
            Ok(text) => match serde_json::from_str::<Json>(text.expose()) {
                Ok(value) => items.extend(keys_of(set, &value)),
                Err(_) => items.push(json!({ "set": set, "state": "unreadable: not JSON" })),
            },
            Err(error) if error.to_string().contains("ResourceNotFoundException") => {
                items.push(json!({ "set": set, "state": "empty: no key was made yet" }));
            }
            Err(error) => return Err(error.into()),
        }
    }
    let columns =
        [("KEY SET", "/set"), ("KEY", "/id"), ("STATE", "/state"), ("ALGORITHM", "/alg"), ("TIMES", "/times")];
    context.print.list(&columns, &items, None);
    Ok(())
}

/// What may be shown of every key of a set, whichever way it is written: keys by id, or a list of keys with their ids.
fn keys_of(set: &str, value: &Json) -> Vec<Json> {
    let none = Map::new();
    let listed: Vec<(Option<&str>, &Json)> = match value.get("keys") {
        Some(Json::Array(keys)) => keys.iter().map(|key| (id_of(key), key)).collect(),
        Some(Json::Object(keys)) => keys.iter().map(|(id, key)| (Some(id.as_str()), key)).collect(),
        _ => none.iter().map(|(id, key)| (Some(id.as_str()), key)).collect(),
    };
    if listed.is_empty() {
        return vec![json!({ "set": set, "state": "unreadable: no keys in it" })];
    }
    listed.into_iter().map(|(id, key)| shown(set, value, id, key)).collect()
}

fn id_of(key: &Json) -> Option<&str> {
    ["kid", "id"].iter().find_map(|name| key.get(*name)).and_then(Json::as_str)
}

fn shown(set: &str, whole: &Json, id: Option<&str>, key: &Json) -> Json {
    let id = id.filter(|id| id.len() <= MAX_ID);
    let text = |name: &str| key.get(name).and_then(Json::as_str).filter(|text| text.len() <= MAX_ID);
    let role = |name: &&&str| id.is_some() && whole.get(**name).and_then(Json::as_str) == id;
    let named = ["current", "next", "previous"].iter().find(role).copied();
    let state = text("status").or_else(|| text("state")).or(named);
    let state = state.unwrap_or(if set == "PublicKeys" { "published" } else { "kept for what it protects" });
    let times = TIMES.iter().filter_map(|name| Some(((*name).to_owned(), time(key.get(*name)?)?)));
    let times: Map<_, _> = times.collect();
    json!({
        "set": set,
        "id": id,
        "state": state,
        "alg": text("alg"),
        "times": Some(times).filter(|times| !times.is_empty()),
    })
}

/// A point in time as RFC 3339, from Unix seconds or a text of that form.
fn time(value: &Json) -> Option<Json> {
    match value {
        Json::Number(number) => number.as_i64().map(|seconds| json!(when::text(Timestamp::from_secs(seconds)))),
        Json::String(text) if text.len() <= 35 && text.starts_with(|char: char| char.is_ascii_digit()) => {
            Some(json!(text))
        }
        Json::Null | Json::Bool(_) | Json::String(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str = "c2VjcmV0IGtleSBieXRlcyB0aGF0IG5ldmVyIHNob3c=";

    #[test]
    fn keys_are_shown_by_id_and_state_and_never_by_value() {
        for (whole, states) in [
            (
                json!({ "current": "k2", "keys": { "k1": VALUE, "k2": VALUE } }),
                vec!["kept for what it protects", "current"],
            ),
            (
                json!({ "current": "k1", "next": "k2", "keys": { "k1": { "key": VALUE, "created": 1_800_000_000 }, "k2": { "key": VALUE } } }),
                vec!["current", "next"],
            ),
            (
                json!({ "keys": [{ "kid": "a", "status": "current", "alg": "ES256", "private_key": VALUE }, { "kid": "b", "status": "previous", "private_key": VALUE }] }),
                vec!["current", "previous"],
            ),
            (
                json!({ "keys": [{ "kid": VALUE.repeat(2), "created": VALUE, "alg": VALUE.repeat(2), "status": VALUE.repeat(2) }] }),
                vec!["kept for what it protects"],
            ),
        ] {
            let shown = keys_of("SealingKeys", &whole);
            assert_eq!(shown.iter().map(|key| key["state"].as_str().unwrap()).collect::<Vec<_>>(), states);
            assert!(!json!(shown).to_string().contains(VALUE), "{shown:?}");
        }
        let created = &keys_of("SealingKeys", &json!({ "keys": { "k1": { "created": 1_800_000_000 } } }))[0];
        assert_eq!(created["times"]["created"], "2027-01-15T08:00:00Z");
    }

    #[test]
    fn a_set_of_another_form_is_unreadable() {
        for whole in [json!({}), json!([VALUE]), json!({ "keys": VALUE }), json!({ "keys": {} })] {
            assert_eq!(keys_of("Pepper", &whole)[0]["state"], "unreadable: no keys in it");
        }
    }
}
