//! What is done with devices, by the admin API and by the pages.

use crate::Portal;
use crate::error::Failure;
use gateway_administration::{Act, Acts, Revocations, devices_of, revocation_of, revocation_of_all};
use gateway_domain::ids::UserId;
use gateway_store::Device;

impl Portal {
    /// The device of this id, whosever it is.
    pub(crate) async fn device(&self, id: &UserId) -> Result<Device, Failure> {
        self.devices.get(id).await?.ok_or(Failure::NoDevice)
    }

    /// The devices of a user, the last linked first.
    pub(crate) async fn devices_of(&self, user: &UserId) -> Result<Vec<Device>, Failure> {
        Ok(devices_of(&self.devices, user).await?)
    }

    /// Revokes a device for good. It gets no token any more, and its next call is refused.
    pub(crate) async fn revoke_device(&self, who: String, device: &Device) -> Result<(), Failure> {
        self.revoke_each(who, revocation_of(device), std::slice::from_ref(&device.device_id)).await
    }

    /// Revokes a device of a user.
    pub(crate) async fn revoke_device_of(&self, who: String, user: &UserId, id: &UserId) -> Result<(), Failure> {
        let device = self.device(id).await?;
        if device.user_id.as_ref() != Some(user) {
            return Err(Failure::NoDevice);
        }
        self.revoke_device(who, &device).await
    }

    /// Revokes all devices of a user.
    pub(crate) async fn revoke_devices_of(&self, who: String, user: &UserId) -> Result<(), Failure> {
        let ids = self.devices.linked_to(user).await?;
        self.revoke_each(who, revocation_of_all(user, &ids), &ids).await
    }

    async fn revoke_each(&self, who: String, act: Act, ids: &[UserId]) -> Result<(), Failure> {
        let acts = self.acts(who);
        acts.audited(act, Box::pin(self.revoked(&acts, ids))).await
    }

    async fn revoked(&self, acts: &Acts<'_>, ids: &[UserId]) -> Result<(), Failure> {
        let revocations = Revocations { acts, devices: &self.devices, outbox: &self.endings };
        for id in ids {
            if let Some(ending) = revocations.revoke(id).await? {
                self.outbox.end_sessions(&ending).await;
            }
        }
        Ok(())
    }
}
