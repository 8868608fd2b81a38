//! Which device of an application made a request, and how many devices may be registered.

use crate::CredentialsError;
use crate::login_attempts::LoginAttempts;
use gateway_domain::device_assertion::{DeviceAssertion, Purpose};
use gateway_domain::holder_key::HolderKey;
use gateway_domain::ids::ClientId;
use gateway_domain::login_attempts::a_day;
use gateway_domain::source::Source;
use gateway_domain::time::Timestamp;
use gateway_store::{Device, Devices};

/// A device that has shown who it is. Only [`DeviceCheck::prove`] makes one.
#[derive(Debug)]
pub struct ProvedDevice(Device);

impl ProvedDevice {
    /// The device as it is registered.
    pub fn registered(&self) -> &Device {
        &self.0
    }
}

/// Why a request is of no device of the application. It is for the log alone: a device that is not known, that was revoked and that is
/// another application's are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotADevice(pub &'static str);

/// How many devices are registered at once, and then in a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Registrations {
    /// From one source.
    pub per_source: u32,
    /// Of one application.
    pub per_app: u32,
}

/// Finds out which device made a request.
pub struct DeviceCheck {
    devices: Devices,
    attempts: LoginAttempts,
}

impl DeviceCheck {
    /// Looks devices up in the first table. In the second it counts registrations and failures, and notes which assertions were used.
    pub fn new(devices: Devices, attempts: gateway_store::LoginAttempts) -> Self {
        Self { devices, attempts: LoginAttempts::new(attempts) }
    }

    /// Reserves a registration. Call it before anything is registered.
    ///
    /// # Errors
    /// [`CredentialsError::TooManyAttempts`] with the time to wait: then nothing may be registered.
    pub async fn may_register(
        &self,
        client: &ClientId,
        source: &Source,
        most: Registrations,
        now: Timestamp,
    ) -> Result<(), CredentialsError> {
        let counters = [
            (format!("devices-from#{source}"), a_day(most.per_source)),
            (format!("devices-of#{client}"), a_day(most.per_app)),
        ];
        self.attempts.reserve_new(&counters, now).await
    }

    /// The device of this application that signed this assertion for this purpose and one of the `audiences`, and has not used it
    /// before. Who has not signed it costs the same, whether or not the device is known: one read, one signature that is verified, and one
    /// attempt of the source. What the key itself has signed is not counted: phones that share an address do not wait for each other.
    ///
    /// # Errors
    /// [`CredentialsError::TooManyAttempts`] for a signature that is not the device's when the source had too many.
    pub async fn prove(
        &self,
        client: &ClientId,
        (assertion, purpose): (&DeviceAssertion, Purpose),
        audiences: &[&str],
        source: &Source,
        now: Timestamp,
    ) -> Result<Result<ProvedDevice, NotADevice>, CredentialsError> {
        let Some(id) = assertion.device() else {
            self.attempts.wrong_device(source, now).await?;
            return Ok(Err(NotADevice("sub is no id of a device")));
        };
        let found = self.devices.get(&id).await?;
        let nobodys = HolderKey::of_nobody();
        let is_signed = assertion.is_signed_by(found.as_ref().map_or(&nobodys, |device| &device.key));
        let Some(device) = found.filter(|_| is_signed) else {
            self.attempts.wrong_device(source, now).await?;
            return Ok(Err(NotADevice("no device of this id has signed it")));
        };
        let one_use = match assertion.check(&id, purpose, audiences, now) {
            Ok(one_use) => one_use,
            Err(invalid) => return Ok(Err(NotADevice(invalid.0))),
        };
        if device.client_id != *client {
            return Ok(Err(NotADevice("it is another application's")));
        }
        if device.revoked_at.is_some() {
            return Ok(Err(NotADevice("it was revoked")));
        }
        if !self.attempts.use_once(("device", id.as_str()), &one_use, now).await? {
            return Ok(Err(NotADevice("the assertion was used before")));
        }
        Ok(Ok(ProvedDevice(device)))
    }
}
