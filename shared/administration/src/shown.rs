//! Applications as they are shown and audited.

use crate::{date_time, jwks};
use gateway_domain::secret::sha256_hex;
use gateway_store::{App, Requested, Revision};
use serde_json::{Value as Json, json};

/// An application as it is shown: it says whether there is a secret, and never which.
pub fn shown(app: &App, revision: Revision) -> Json {
    let mut shown = described(app);
    if let Some(members) = shown.as_object_mut() {
        members.insert("revision".to_owned(), json!(revision));
    }
    shown
}

/// The same without the revision.
pub fn described(app: &App) -> Json {
    json!({
        "client_id": app.client_id,
        "name": app.name,
        "kind": app.kind,
        "enabled": app.enabled,
        "trusted": app.trusted,
        "grants": app.grants,
        "scopes": app.scope.iter().collect::<Vec<_>>(),
        "plan": app.plan,
        "subscriptions": app.subscriptions,
        "refresh_retry_window": app.refresh_retry_window,
        "redirect_uris": app.redirect_uris,
        "pkce_optional": app.pkce_optional,
        "post_logout_redirect_uris": app.logout.post_logout_redirect_uris,
        "backchannel_logout_uri": app.logout.backchannel_logout_uri,
        "webhook_uri": app.webhook.as_ref().map(|webhook| &webhook.uri),
        "webhook_issuer": app.webhook.as_ref().map(|webhook| &webhook.issuer),
        "has_secret": app.secret_hash.is_some(),
        "keys": jwks::kids(app),
        "jwks_sha256": app.jwks.as_ref().map(|keys| sha256_hex(keys.as_bytes())),
        "self_registered": app.registration_hash.is_some(),
        "organization": app.organization,
        "requested": app.requested.as_ref().map(requested),
        "id_token_alg": app.id_token_algorithm(),
        "dpop": app.dpop,
        "previous_secret_until": app.previous_secret.as_ref().map(|previous| date_time::text(previous.until)),
    })
}

/// What waits for an approval.
fn requested(requested: &Requested) -> Json {
    let settings = requested.settings.as_ref().map(|settings| {
        json!({
            "name": settings.name,
            "kind": settings.kind,
            "trusted": settings.trusted,
            "grants": settings.grants,
            "scopes": settings.scope.iter().collect::<Vec<_>>(),
            "redirect_uris": settings.redirect_uris,
            "post_logout_redirect_uris": settings.logout.post_logout_redirect_uris,
            "backchannel_logout_uri": settings.logout.backchannel_logout_uri,
            "webhook_uri": settings.webhook.as_ref().map(|webhook| &webhook.uri),
        })
    });
    let subscriptions = requested.subscriptions.iter().map(|(api, plan)| json!({ "api": api, "plan": plan }));
    json!({
        "by": requested.by,
        "at": date_time::text(requested.at),
        "subscriptions": subscriptions.collect::<Vec<_>>(),
        "settings": settings,
    })
}

/// The members of one object that are missing or different in the other.
pub(crate) fn differing(one: &Json, other: &Json) -> Json {
    let members =
        one.as_object().into_iter().flatten().filter(|(name, value)| other.get(name.as_str()) != Some(*value));
    Json::Object(members.map(|(name, value)| (name.clone(), value.clone())).collect())
}
