//! Devices of applications: what is shown of them, and how they are revoked.

use crate::{Act, ActError, Acts, text};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use gateway_domain::ids::{OutboxId, UserId};
use gateway_domain::outbox::{ENDING, Which};
use gateway_store::{Device, Devices, NewEnding, Outbox, StoreError};
use serde_json::{Value as Json, json};

/// How often a device is tried to be revoked that others change at the same time.
const ROUNDS: usize = 3;
/// How many devices are read at the same time.
const AT_ONCE: usize = 8;
/// What the audit table calls it.
const REVOKE: &str = "devices revoke";

/// The devices that are linked to a user, the last linked first.
///
/// # Errors
/// The table did not answer.
pub async fn devices_of(devices: &Devices, user: &UserId) -> Result<Vec<Device>, StoreError> {
    let ids = devices.linked_to(user).await?;
    let read = stream::iter(ids).map(|id| async move { devices.get(&id).await }).buffered(AT_ONCE);
    let read: Vec<Option<Device>> = read.try_collect().await?;
    let mut linked: Vec<_> = read.into_iter().flatten().filter(|one| one.user_id.as_ref() == Some(user)).collect();
    linked.sort_by(|one, other| other.linked_at.cmp(&one.linked_at).then_with(|| one.device_id.cmp(&other.device_id)));
    Ok(linked)
}

/// A device as it is shown and audited.
pub fn shown_device(device: &Device) -> Json {
    json!({
        "device_id": device.device_id,
        "client_id": device.client_id,
        "user_id": device.user_id,
        "name": device.name,
        "created_at": text(device.created_at),
        "linked_at": device.linked_at.map(text),
        "used_at": text(device.used_at),
        "revoked_at": device.revoked_at.map(text),
    })
}

/// The revocation of a device.
pub fn revocation_of(device: &Device) -> Act {
    let subject = match &device.user_id {
        Some(user) => format!("device {} of user {user}", device.device_id),
        None => format!("device {}", device.device_id),
    };
    Act { act: REVOKE, subject, before: Some(shown_device(device)), after: Some(json!({ "devices_revoked": 1 })) }
}

/// The revocation of all devices of a user.
pub fn revocation_of_all(user: &UserId, devices: &[UserId]) -> Act {
    Act {
        act: REVOKE,
        subject: format!("devices of user {user}"),
        before: Some(json!({ "devices": devices })),
        after: Some(json!({ "devices_revoked": devices.len() })),
    }
}

/// Revokes devices. Recording it is up to whoever ends their sessions, too.
pub struct Revocations<'a> {
    /// Tells the time, and ids apart.
    pub acts: &'a Acts<'a>,
    /// The devices.
    pub devices: &'a Devices,
    /// Where it is written that sessions are to end.
    pub outbox: &'a Outbox,
}

impl Revocations<'_> {
    /// Revokes a device for good, and returns what waits to end its sessions; `None` if the device is gone. One that is revoked already is
    /// revoked again: so what broke off is completed by repeating it.
    ///
    /// # Errors
    /// [`ActError::Conflict`] if others kept changing the device; [`ActError::Store`]; [`ActError::NoEntropy`].
    pub async fn revoke(&self, id: &UserId) -> Result<Option<OutboxId>, ActError> {
        for _ in 0..ROUNDS {
            let Some(device) = self.devices.get(id).await? else { return Ok(None) };
            let now = self.acts.now();
            let ending = NewEnding {
                id: OutboxId::from_random(self.acts.entropy.bytes()?),
                user_id: id.clone(),
                which: Which::BegunBefore(0),
                due: now,
                until: now.saturating_add(ENDING),
            };
            if self.devices.revoke(&device, (self.outbox, &ending), now).await? {
                return Ok(Some(ending.id));
            }
        }
        Err(ActError::Conflict(format!("device {id}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_domain::holder_key::HolderKey;
    use gateway_domain::ids::ClientId;
    use gateway_domain::time::Timestamp;

    #[test]
    fn an_act_names_the_device_and_whose_it_was() {
        let at = Timestamp::from_secs(1_800_000_000);
        let mut device = Device {
            device_id: UserId::parse("device:one").unwrap(),
            client_id: ClientId::parse("shop").unwrap(),
            key: HolderKey::of_nobody(),
            name: None,
            created_at: at,
            used_at: at,
            user_id: None,
            linked_at: None,
            revoked_at: None,
        };
        let shown = json!({
            "device_id": "device:one", "client_id": "shop", "user_id": null, "name": null,
            "created_at": "2027-01-15T08:00:00Z", "linked_at": null, "used_at": "2027-01-15T08:00:00Z",
            "revoked_at": null,
        });
        assert_eq!(shown_device(&device), shown, "and nothing of its key");
        assert_eq!(revocation_of(&device).subject, "device device:one");
        device.user_id = Some(UserId::parse("u_ada").unwrap());
        let act = revocation_of(&device);
        let before = Some(shown_device(&device));
        assert_eq!((act.subject.as_str(), act.before), ("device device:one of user u_ada", before));
        let all = revocation_of_all(&UserId::parse("u_ada").unwrap(), &[device.device_id]);
        assert_eq!((all.subject.as_str(), all.after), ("devices of user u_ada", Some(json!({ "devices_revoked": 1 }))));
    }
}
