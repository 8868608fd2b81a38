//! `devices …`: shows the devices of apps, and revokes them.
//!
//! A device is marked first, so that it gets no token any more; then its sessions end. Whatever breaks off in between is done by the outbox, which
//! knows of it by the write that marks the device.

use crate::cli::{Devices, RevokeDevices};
use crate::context::Context;
use crate::date_time;
use crate::error::Error;
use crate::sessions::{self, Ended, owner};
use gateway_administration::{Revocations, devices_of, revocation_of, revocation_of_all, shown_device};
use gateway_domain::ids::{SubjectKind, UserId};
use gateway_store::Device;
use serde_json::{Value as Json, json};

/// The columns of their list.
pub(crate) const COLUMNS: [(&str, &str); 7] = [
    ("DEVICE", "/device_id"),
    ("APP", "/client_id"),
    ("USER ID", "/user_id"),
    ("NAME", "/name"),
    ("LINKED", "/linked_at"),
    ("LAST TOKEN", "/used_at"),
    ("REVOKED", "/revoked_at"),
];

pub(crate) async fn run(context: &Context, command: Devices) -> Result<(), Error> {
    match command {
        Devices::List { of } => list(context, &of).await,
        Devices::Revoke(arguments) => revoke(context, arguments).await,
    }
}

/// The id of a device, if this is one.
pub(crate) fn device_id(text: &str) -> Option<UserId> {
    UserId::parse(text).ok().filter(|id| id.kind() == SubjectKind::Device)
}

async fn list(context: &Context, of: &str) -> Result<(), Error> {
    let devices = match device_id(of) {
        Some(id) => vec![found(context, &id).await?],
        None => devices_of(&context.connection.store.devices, &owner(context, of).await?).await?,
    };
    let items: Vec<Json> = devices.iter().map(shown_device).collect();
    context.print.list(&COLUMNS, &items, None);
    Ok(())
}

async fn revoke(context: &Context, RevokeDevices { device, user }: RevokeDevices) -> Result<(), Error> {
    let (act, ids) = match (device, user) {
        (Some(id), _) => (revocation_of(&found(context, &id).await?), vec![id]),
        (None, Some(user)) => {
            let user = owner(context, &user).await?;
            let ids = context.connection.store.devices.linked_to(&user).await?;
            (revocation_of_all(&user, &ids), ids)
        }
        (None, None) => return Err(Error::NoDevice),
    };
    let ended = sessions::audited(context, act, revoke_all(context, &ids)).await?;
    let words = format!("{} devices revoked; {}", ids.len(), ended.words());
    context.print.done(&words, &ended.counted(json!({ "devices_revoked": ids.len() })));
    Ok(())
}

/// Revokes all devices of a user, and ends their sessions.
pub(crate) async fn revoke_of(context: &Context, user: &UserId) -> Result<(), Error> {
    let ids = context.connection.store.devices.linked_to(user).await?;
    revoke_all(context, &ids).await.map(drop)
}

async fn revoke_all(context: &Context, ids: &[UserId]) -> Result<Ended, Error> {
    let (store, acts) = (&context.connection.store, context.acts());
    let revocations = Revocations { acts: &acts, devices: &store.devices, outbox: &store.outbox };
    let mut live = Vec::new();
    for id in ids {
        revocations.revoke(id).await?;
        live.extend(store.activity.sessions_of_user(id, date_time::now()).await?);
    }
    sessions::end_all(context, live).await
}

async fn found(context: &Context, id: &UserId) -> Result<Device, Error> {
    context.connection.store.devices.get(id).await?.ok_or(Error::NoDevice)
}
