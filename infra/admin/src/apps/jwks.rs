//! The public keys of an application, by which it authenticates instead of a secret.

use crate::error::Error;
use gateway_domain::client_assertion::ClientKeys;
use gateway_store::{App, AppKind};
use serde_json::Value as Json;
use std::path::Path;

/// Gives a confidential application the keys in this file. Its secret ends, since either way in could leak.
pub(super) fn register(app: &mut App, file: &Path) -> Result<(), Error> {
    if app.kind == AppKind::Public {
        let words = "is public: what is on every device proves nothing, a key as little as a secret (RFC 8252 §8.5)";
        return Err(Error::Refused(format!("app {} {words}", app.client_id)));
    }
    let unreadable = |error: std::io::Error| Error::File { path: file.to_owned(), reason: error.to_string() };
    let text = std::fs::read_to_string(file).map_err(unreadable)?;
    let checked = ClientKeys::parse(&text).and_then(|keys| keys.check_points());
    checked.map_err(|error| Error::Invalid(format!("{}: {error}", file.display())))?;
    app.jwks = Some(text);
    app.secret_hash = None;
    app.previous_secret = None;
    Ok(())
}

/// The ids of an application's keys.
pub(super) fn kids(app: &App) -> Vec<String> {
    let set: Json = app.jwks.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let keys = set.get("keys").and_then(Json::as_array).into_iter().flatten();
    keys.filter_map(|key| key.get("kid")?.as_str().map(str::to_owned)).collect()
}
