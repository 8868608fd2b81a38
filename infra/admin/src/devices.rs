//! `devices …`: shows the devices of apps, and revokes them.
//!
//! A device is marked first, so that it gets no token any more; then its sessions end. Whatever breaks off in between is done by the outbox, which
//! knows of it by the write that marks the device.

use crate::cli::{Devices, RevokeDevices};
use crate::context::Context;
use crate::date_time;
use crate::error::Error;
use crate::sessions::{self, Ended, owner};
use gateway_administration::Act;
use gateway_domain::ids::{OutboxId, SubjectKind, UserId};
use gateway_domain::outbox::{ENDING, Which};
use gateway_store::{Device, NewEnding};
use serde_json::{Value as Json, json};

/// How often a device is tried to be revoked that others change at the same time.
const ROUNDS: usize = 3;
/// The columns of their list.
const COLUMNS: [(&str, &str); 7] = [
    ("DEVICE", "/device_id"),
    ("APP", "/client_id"),
    ("USER ID", "/user_id"),
    ("NAME", "/name"),
    ("LINKED", "/linked"),
    ("LAST TOKEN", "/last_token"),
    ("REVOKED", "/revoked"),
];

pub(crate) async fn run(context: &Context, command: Devices) -> Result<(), Error> {
    match command {
        Devices::List { of } => list(context, &of).await,
        Devices::Revoke(arguments) => revoke(context, arguments).await,
    }
}

async fn list(context: &Context, of: &str) -> Result<(), Error> {
    let store = &context.connection.store;
    let device = UserId::parse(of).ok().filter(|id| id.kind() == SubjectKind::Device);
    let mut items = Vec::new();
    if let Some(id) = device {
        items.push(shown(&found(context, &id).await?));
    } else {
        for id in store.devices.linked_to(&owner(context, of).await?).await? {
            items.extend(store.devices.get(&id).await?.as_ref().map(shown));
        }
    }
    context.print.list(&COLUMNS, &items, None);
    Ok(())
}

async fn revoke(context: &Context, RevokeDevices { device, user }: RevokeDevices) -> Result<(), Error> {
    let store = &context.connection.store;
    let (subject, before, ids) = match (device, user) {
        (Some(id), _) => {
            let before = shown(&found(context, &id).await?);
            (format!("device {id}"), before, vec![id])
        }
        (None, Some(user)) => {
            let user = owner(context, &user).await?;
            let ids = store.devices.linked_to(&user).await?;
            (format!("devices of user {user}"), json!({ "devices": ids }), ids)
        }
        (None, None) => return Err(Error::NoDevice),
    };
    let after = json!({ "devices_revoked": ids.len() });
    let act = Act { act: "devices revoke", subject, before: Some(before), after: Some(after.clone()) };
    let ended = sessions::audited(context, act, revoke_all(context, &ids)).await?;
    let words = format!("{} devices revoked; {}", ids.len(), ended.words());
    context.print.done(&words, &ended.counted(after));
    Ok(())
}

/// Revokes all devices of a user, and ends their sessions.
pub(crate) async fn revoke_of(context: &Context, user: &UserId) -> Result<(), Error> {
    let ids = context.connection.store.devices.linked_to(user).await?;
    revoke_all(context, &ids).await.map(drop)
}

async fn revoke_all(context: &Context, ids: &[UserId]) -> Result<Ended, Error> {
    let mut live = Vec::new();
    for id in ids {
        revoke_one(context, id).await?;
        live.extend(context.connection.store.activity.sessions_of_user(id, date_time::now()).await?);
    }
    sessions::end_all(context, live).await
}

/// Does its work even if the device is revoked already, so that repeating the command completes one that broke off.
async fn revoke_one(context: &Context, id: &UserId) -> Result<(), Error> {
    let store = &context.connection.store;
    for _ in 0..ROUNDS {
        let Some(device) = store.devices.get(id).await? else { return Ok(()) };
        let now = date_time::now();
        let outbox_id = OutboxId::from_random(gateway_runtime::SystemEntropy.bytes()?);
        let (user_id, until) = (id.clone(), now.saturating_add(ENDING));
        let ending = NewEnding { id: outbox_id, user_id, which: Which::BegunBefore(0), due: now, until };
        if store.devices.revoke(&device, (&store.outbox, &ending), now).await? {
            return Ok(());
        }
    }
    Err(Error::Conflict(format!("device {id}")))
}

async fn found(context: &Context, id: &UserId) -> Result<Device, Error> {
    context.connection.store.devices.get(id).await?.ok_or(Error::NoDevice)
}

fn shown(device: &Device) -> Json {
    json!({
        "device_id": device.device_id,
        "client_id": device.client_id,
        "user_id": device.user_id,
        "name": device.name,
        "registered": date_time::text(device.created_at),
        "linked": device.linked_at.map(date_time::text),
        "last_token": date_time::text(device.used_at),
        "revoked": device.revoked_at.map(date_time::text),
    })
}
