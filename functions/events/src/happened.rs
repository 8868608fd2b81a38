//! What a change of an item means: rules from the item before and after it to events. An event has ids and names, and nothing secret or
//! personal.

use crate::record::Image;
use gateway_domain::domain_event::{EventType, Subject};
use gateway_domain::ids::ClientId;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Something that happened to somebody.
#[derive(Debug, PartialEq)]
pub(crate) struct Happened {
    pub(crate) kind: EventType,
    pub(crate) subject: Subject,
    pub(crate) data: Map<String, Value>,
}

/// An attempt to log in to an account from where nobody had logged in to it.
#[derive(Debug, PartialEq)]
pub(crate) struct Attempt {
    /// Whose account, if anybody's who has a password here.
    pub(crate) user_id: Option<String>,
    /// 1 when it begins, and −1 when it turns out not to have failed.
    pub(crate) by: i64,
}

fn happened(kind: EventType, subject: Option<Subject>, data: Value) -> Option<Happened> {
    let Value::Object(data) = data else { return None };
    Some(Happened { kind, subject: subject?, data })
}

/// An item of the table of users. An account that waits for its address to be proved has an end, and is none yet.
pub(crate) fn to_user(old: Option<&Image>, new: Option<&Image>) -> Vec<Happened> {
    let is_there =
        |image: &&Image| image.text("pk").is_some_and(|pk| pk.starts_with("user#")) && image.get("ttl").is_none();
    let (old, new) = (old.filter(is_there), new.filter(is_there));
    let Some(user_id) = new.or(old).and_then(|image| image.text("user_id")) else { return Vec::new() };
    let told = |kind| happened(kind, Subject::new("user", user_id), json!({ "user_id": user_id }));
    let all = match (old, new) {
        (None, None) => Vec::new(),
        (None, Some(_)) => vec![told(EventType::UserCreated)],
        (Some(_), None) => vec![told(EventType::UserDeleted)],
        (Some(old), Some(new)) => {
            let differs = |name| old.get(name) != new.get(name);
            let enabled =
                if new.flag("enabled") == Some(true) { EventType::UserEnabled } else { EventType::UserDisabled };
            let roles = || {
                let of = new.get("roles").and_then(|roles| roles.get("SS")).cloned().unwrap_or_else(|| json!([]));
                let data = json!({ "user_id": user_id, "roles": of });
                happened(EventType::UserRolesChanged, Subject::new("user", user_id), data)
            };
            vec![
                told(EventType::UserAddressChanged).filter(|_| differs("email")),
                // A hash that is renewed at a login belongs to the same password.
                told(EventType::UserPasswordChanged).filter(|_| differs("password") && differs("credential_epoch")),
                told(enabled).filter(|_| differs("enabled")),
                roles().filter(|_| differs("roles")),
            ]
        }
    };
    all.into_iter().flatten().collect()
}

/// An item of the table of users that has the passkeys of one. What is told is how many are left, and none of them: a use or another name tells
/// nothing.
pub(crate) fn to_passkeys(old: Option<&Image>, new: Option<&Image>) -> Vec<Happened> {
    let Some(user_id) = new.or(old).and_then(|image| image.text("pk")?.strip_prefix("passkeys#")) else {
        return Vec::new();
    };
    let of = |image: Option<&Image>| image.and_then(|image| image.map(&["passkeys"]).cloned()).unwrap_or_default();
    let (had, has) = (of(old), of(new));
    let told = |kind| {
        let data = json!({ "user_id": user_id, "passkeys": has.len() });
        happened(kind, Subject::new("user", user_id), data)
    };
    let added = told(EventType::PasskeyAdded).filter(|_| has.keys().any(|key| !had.contains_key(key)));
    let removed = told(EventType::PasskeyRemoved).filter(|_| had.keys().any(|key| !has.contains_key(key)));
    added.into_iter().chain(removed).collect()
}

/// An item of the table of sessions. One that runs out, and is swept later, was not ended; and one that is written as ended, so that no session
/// begins in its place, was none.
pub(crate) fn to_session(old: Option<&Image>, new: Option<&Image>) -> Vec<Happened> {
    let Some(new) = new else { return Vec::new() };
    let ids = || Some((new.text("sid")?, new.text("user_id")?, new.text("client_id")?));
    let Some((sid, user_id, client_id)) = ids() else { return Vec::new() };
    let told = |kind| {
        let data = json!({ "session": sid, "user_id": user_id, "client_id": client_id });
        happened(kind, Subject::new("session", sid), data)
    };
    let is_ended = |image: &Image| image.flag("ended") == Some(true);
    let began = told(EventType::SessionBegan).filter(|_| old.is_none() && !is_ended(new));
    let ended = told(EventType::SessionEnded).filter(|_| is_ended(new) && old.is_some_and(|old| !is_ended(old)));
    began.into_iter().chain(ended).collect()
}

/// An item of the table of devices. One that is registered, or swept because nobody used it, was nobody's.
pub(crate) fn to_device(old: Option<&Image>, new: Option<&Image>) -> Vec<Happened> {
    let (Some(old), Some(new)) = (old, new) else { return Vec::new() };
    let (Some(device_id), Some(client_id)) = (new.text("pk"), new.text("client_id")) else { return Vec::new() };
    let told = |kind, image: &Image| {
        let data = json!({ "device_id": device_id, "client_id": client_id, "user_id": image.text("user_id") });
        happened(kind, Subject::parse(device_id), data)
    };
    let appears = |name| old.get(name).is_none() && new.get(name).is_some();
    let linked = told(EventType::DeviceLinked, new).filter(|_| appears("user_id"));
    // With the device, the gateway forgets whose it was.
    let revoked = told(EventType::DeviceRevoked, old).filter(|_| appears("revoked_at"));
    linked.into_iter().chain(revoked).collect()
}

/// What of an application is told by an event of its own, or is no property of it.
const TOLD_OTHERWISE: [&str; 7] =
    ["v", "revision", "established", "secret_hash", "previous_secret", "requested", "subscriptions"];

/// An item of the table of applications.
pub(crate) fn to_app(old: Option<&Image>, new: Option<&Image>) -> Vec<Happened> {
    let text = |name| new.or(old).and_then(|image| image.text(name));
    let Some(client_id) = text("client_id") else { return Vec::new() };
    let subject = || ClientId::parse(client_id).ok().as_ref().map(Subject::of_app);
    let told = |kind, more: Value| {
        let mut data = Map::from_iter([("client_id".to_owned(), json!(client_id))]);
        data.extend(text("organization").map(|organization| ("organization".to_owned(), json!(organization))));
        if let Value::Object(more) = more {
            data.extend(more);
        }
        happened(kind, subject(), Value::Object(data))
    };
    let (old, new) = match (old, new) {
        (None, None) => return Vec::new(),
        (Some(_), None) => return told(EventType::ApplicationDeleted, json!({})).into_iter().collect(),
        (old, Some(new)) => (old, new),
    };
    let none = Image::default();
    let before = old.unwrap_or(&none);
    let mut all = vec![told(EventType::ApplicationCreated, json!({})).filter(|_| old.is_none())];
    let differing: BTreeSet<_> =
        before.names().chain(new.names()).filter(|name| before.get(name) != new.get(name)).collect();
    let empty = Map::new();
    let of = |image: &'_ Image, path: &[&str]| image.map(path).cloned().unwrap_or_else(|| empty.clone());
    let (had, has) = (of(before, &["subscriptions"]), of(new, &["subscriptions"]));
    let (asked, asks) = (of(before, &["requested", "subscriptions"]), of(new, &["requested", "subscriptions"]));
    // A subscription with another plan is another one. All else of it is a property of the application.
    let mut changed: Vec<_> =
        differing.iter().map(|name| name.as_str()).filter(|name| !TOLD_OTHERWISE.contains(name)).collect();
    let plan_of = |subscription: &Value| subscription.pointer("/M/plan/S").cloned();
    let kept = |(api, one): &(&String, &Value)| had.get(*api).is_some_and(|before| plan_of(before) == plan_of(one));
    if has.iter().filter(kept).any(|(api, one)| had.get(api) != Some(one)) {
        changed.push("subscriptions");
    }
    if old.is_some() && !changed.is_empty() {
        all.push(told(EventType::ApplicationChanged, json!({ "changed": changed })));
    }
    if old.is_some() && new.get("secret_hash").is_some() && before.get("secret_hash") != new.get("secret_hash") {
        all.push(told(EventType::ApplicationSecretRotated, json!({})));
    }
    for (api, plan) in asks.iter().filter(|(api, plan)| asked.get(*api) != Some(plan)) {
        all.push(told(EventType::SubscriptionRequested, json!({ "api": api, "plan": plan.get("S") })));
    }
    for (api, subscription) in has.iter().filter(|one| !kept(one)) {
        let was_asked = asked.contains_key(api) && !asks.contains_key(api);
        let kind = if was_asked { EventType::SubscriptionApproved } else { EventType::SubscriptionAdded };
        all.push(told(kind, json!({ "api": api, "plan": plan_of(subscription) })));
    }
    for api in had.keys().filter(|api| !has.contains_key(*api)) {
        all.push(told(EventType::SubscriptionRemoved, json!({ "api": api })));
    }
    all.into_iter().flatten().collect()
}

/// Whether an application, as it is now, is told of what happens to it.
pub(crate) fn has_webhook(app: &Image) -> bool {
    app.get("webhook").is_some()
}

/// An item of the table of login attempts, if it counts an account over all sources that never logged in. An attempt moves the time
/// at which the counter is empty, and is taken back when it succeeded.
pub(crate) fn to_account(old: Option<&Image>, new: Option<&Image>) -> Option<Attempt> {
    let new = new?;
    let mut parts = new.text("pk")?.strip_prefix("account#")?.split('#').skip(1);
    let user_id = parts.next().map(str::to_owned);
    let empty_at = |image: &Image| image.number("empty_at");
    let by = match (old.and_then(empty_at), empty_at(new)) {
        (None, Some(_)) => 1,
        (Some(before), Some(after)) if after > before => 1,
        (Some(before), Some(after)) if after < before => -1,
        _ => return None,
    };
    Some(Attempt { user_id, by })
}
