//! `keys status`: shows which keys exist, their state and since when. No key's value leaves this file.

use crate::context::Context;
use crate::date_time;
use crate::error::Error;
use gateway_domain::keys::PublicKeys;
use gateway_domain::rotation::Ring;
use gateway_domain::time::Timestamp;
use serde_json::{Value as Json, json};

/// The secrets that hold keys, by logical id, each with the function that reads it.
const SETS: [(&str, Read); 7] = [
    ("SigningKeys", |text| Ring::parse_pairs(text).map(|ring| rows(&ring)).map_err(|error| error.to_string())),
    ("PublicKeys", public),
    ("IdTokenKeys", |text| Ring::parse_id_token_pairs(text).map(|ring| rows(&ring)).map_err(|error| error.to_string())),
    ("SealingKeys", symmetric),
    ("LetterKeys", symmetric),
    ("RefreshKeys", symmetric),
    ("Pepper", symmetric),
];

/// Returns what may be shown of each key of a set, or why the set cannot be read.
type Read = fn(&str) -> Result<Vec<Json>, String>;

/// `keys status`
pub(crate) async fn status(context: &Context) -> Result<(), Error> {
    let mut items = Vec::new();
    for (set, read) in SETS {
        let Some(name) = context.connection.resources.get(set) else { continue };
        let rows = match context.connection.secrets.text(name).await {
            Ok(text) => read(text.expose()).unwrap_or_else(|reason| vec![state(&format!("unreadable: {reason}"))]),
            Err(error) if error.to_string().contains("ResourceNotFoundException") => {
                vec![state("empty: no key was made yet")]
            }
            Err(error) => return Err(error.into()),
        };
        items.extend(rows.iter().map(
            |row| json!({ "set": set, "id": row.get("id"), "state": row.get("state"), "since": row.get("since") }),
        ));
    }
    let columns = [("KEY SET", "/set"), ("KEY", "/id"), ("STATE", "/state"), ("SINCE", "/since")];
    context.print.list(&columns, &items, None);
    Ok(())
}

fn state(text: &str) -> Json {
    json!({ "state": text })
}

fn symmetric(text: &str) -> Result<Vec<Json>, String> {
    Ring::parse_keys(text).map(|ring| rows(&ring)).map_err(|error| error.to_string())
}

fn public(text: &str) -> Result<Vec<Json>, String> {
    PublicKeys::parse_jwks(text).and_then(|keys| keys.check_points()).map_err(|error| error.to_string())?;
    let set: Json = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let keys = set.get("keys").and_then(Json::as_array).into_iter().flatten();
    Ok(keys.map(|key| json!({ "id": key.get("kid"), "state": "published" })).collect())
}

/// One row per key. The current and the next key have their state since `made`: the same rotation gave it to both.
fn rows<K>(ring: &Ring<K>) -> Vec<Json> {
    let row = |id: &str, state: &str, since: Option<Timestamp>| json!({ "id": id, "state": state, "since": since.filter(|at| at.as_secs() > 0).map(date_time::text) });
    let mut rows = vec![row(&ring.current.id, "current", Some(ring.made))];
    rows.extend(ring.next.iter().map(|next| row(&next.id, "next", Some(ring.made))));
    rows.extend(ring.previous.iter().map(|key| row(&key.entry.id, "kept for what it protects", key.at)));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    #[test]
    fn keys_are_shown_by_id_state_and_age_and_never_by_value() {
        let whole = json!({
            "current": "k2", "next": "k3", "keys": { "k1": VALUE, "k2": VALUE, "k3": VALUE },
            "retired": { "k1": 1_800_000_000 }, "made": 1_800_000_600,
        });
        let rows = symmetric(&whole.to_string()).unwrap();
        let row = |id: &str, state: &str, since: &str| json!({ "id": id, "state": state, "since": since });
        let expected = [
            row("k2", "current", "2027-01-15T08:10:00Z"),
            row("k3", "next", "2027-01-15T08:10:00Z"),
            row("k1", "kept for what it protects", "2027-01-15T08:00:00Z"),
        ];
        assert_eq!(rows, expected);
        // A set that was written by hand has no times.
        let rows = symmetric(&json!({ "current": "k1", "keys": { "k1": VALUE } }).to_string()).unwrap();
        assert_eq!(rows, [json!({ "id": "k1", "state": "current", "since": null })]);
    }

    #[test]
    fn a_set_of_another_form_is_told_without_what_is_in_it() {
        for (_, read) in SETS {
            for whole in ["", "[]", "{\"keys\":\"secret-words\"}", "{\"current\":\"secret-words\",\"keys\":{}}"] {
                let reason = read(whole).unwrap_err();
                assert!(!reason.contains("words") || whole.contains("current"), "{reason}");
            }
        }
    }
}
