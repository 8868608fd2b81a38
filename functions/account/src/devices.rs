//! The devices of an owner: listed, named and revoked, whether by a page or by JSON.

use crate::error::{Failure, Wrong};
use crate::flows::ROUNDS;
use crate::lists::AT_ONCE;
use crate::{Account, Asked};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use gateway_domain::device::{MOST, visible};
use gateway_domain::ids::UserId;
use gateway_domain::outbox::Which;
use gateway_store::Device;
use serde_json::{Value, json};

/// A device that is linked to somebody.
pub(crate) struct OwnDevice {
    pub(crate) device: Device,
    /// The name of its app.
    pub(crate) app: String,
}

impl OwnDevice {
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "device_id": self.device.device_id,
            "client_id": self.device.client_id,
            "app": self.app,
            "name": self.device.name,
            "created_at": self.device.created_at,
            "linked_at": self.device.linked_at,
            "used_at": self.device.used_at,
        })
    }
}

impl Account {
    /// The devices of a user, the last linked first.
    pub(crate) async fn devices_of(&self, user: &UserId) -> Result<Vec<OwnDevice>, Failure> {
        let ids = self.devices.linked_to(user).await?;
        let read = stream::iter(ids).map(|id| async move {
            let Some(device) = self.own_device(user, &id).await? else { return Ok(None) };
            let app = self.name_of(&device.client_id).await?;
            Ok::<_, Failure>(Some(OwnDevice { device, app }))
        });
        let read: Vec<Option<OwnDevice>> = read.buffered(AT_ONCE).try_collect().await?;
        let mut devices: Vec<_> = read.into_iter().flatten().collect();
        devices.sort_by(|one, other| {
            let (one, other) = (&one.device, &other.device);
            other.linked_at.cmp(&one.linked_at).then_with(|| one.device_id.cmp(&other.device_id))
        });
        Ok(devices)
    }

    /// Gives a device of a user another name, which was typed in this field.
    pub(crate) async fn rename_device(
        &self,
        user: &UserId,
        id: &UserId,
        (field, typed): (&str, &str),
    ) -> Result<(), Failure> {
        let name = name(typed).map_err(|wrong| Failure::field(field, wrong))?;
        if self.devices.rename(id, user, &name).await? { Ok(()) } else { Err(Failure::NotFound) }
    }

    /// Revokes a device of a user: it gets no token any more, and its next call is refused.
    pub(crate) async fn revoke_device(&self, asked: &Asked<'_>, user: &UserId, id: &UserId) -> Result<(), Failure> {
        for _ in 0..ROUNDS {
            let device = self.own_device(user, id).await?.ok_or(Failure::NotFound)?;
            let ending = self.ending(id, Which::BegunBefore(0), asked.now)?;
            if self.devices.revoke(&device, (self.accounts.outbox(), &ending), asked.now).await? {
                self.outbox.end_sessions(&ending.id).await;
                return Ok(());
            }
        }
        Err(Failure::Busy)
    }

    /// Revokes all devices of a user.
    pub(crate) async fn revoke_devices(&self, asked: &Asked<'_>, user: &UserId) -> Result<(), Failure> {
        for id in self.devices.linked_to(user).await? {
            match self.revoke_device(asked, user, &id).await {
                // It was revoked meanwhile.
                Ok(()) | Err(Failure::NotFound) => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(())
    }

    async fn own_device(&self, user: &UserId, id: &UserId) -> Result<Option<Device>, Failure> {
        Ok(self.devices.get(id).await?.filter(|device| device.user_id.as_ref() == Some(user)))
    }
}

/// The name that was typed, without characters that cannot be seen.
fn name(typed: &str) -> Result<String, Wrong> {
    let name = visible(typed);
    match name.chars().count() {
        0 => Err(Wrong::Required),
        1..=MOST => Ok(name),
        _ => Err(Wrong::TooLong(MOST)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_64_characters_and_no_control_characters() {
        assert_eq!(name(" Ada’s\u{7} phone\n"), Ok("Ada’s phone".to_owned()));
        let longest = "é".repeat(MOST);
        assert_eq!(name(&longest), Ok(longest.clone()));
        assert_eq!(name(&format!("{longest}x")), Err(Wrong::TooLong(64)));
        for empty in ["", " ", "\u{0}\n"] {
            assert_eq!(name(empty), Err(Wrong::Required));
        }
    }
}
