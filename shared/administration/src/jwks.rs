//! The public keys of an application, by which it authenticates instead of a secret.

use crate::{ActError, Problem, WrongField};
use gateway_domain::client_assertion::ClientKeys;
use gateway_store::{App, AppKind};
use serde_json::Value as Json;

const FIELD: &str = "jwks";

/// Gives a confidential application the keys in this JWK Set. Its secret ends, since either way in could leak.
pub(crate) fn register(app: &mut App, set: &str) -> Result<(), ActError> {
    if app.kind == AppKind::Public {
        let words = "is public: what is on every device proves nothing, a key as little as a secret (RFC 8252 §8.5)";
        return Err(ActError::rule(FIELD, format!("app {} {words}", app.client_id)));
    }
    let checked = ClientKeys::parse(set).and_then(|keys| keys.check_points());
    checked.map_err(|error| {
        ActError::Fields(vec![WrongField { field: FIELD.to_owned(), problem: Problem::Malformed(error.to_string()) }])
    })?;
    app.jwks = Some(set.to_owned());
    app.secret_hash = None;
    app.previous_secret = None;
    Ok(())
}

/// The ids of an application's keys.
pub(crate) fn kids(app: &App) -> Vec<String> {
    let set: Json = app.jwks.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let keys = set.get("keys").and_then(Json::as_array).into_iter().flatten();
    keys.filter_map(|key| key.get("kid")?.as_str().map(str::to_owned)).collect()
}
