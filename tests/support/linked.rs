//! Devices that are linked to people, where no test signs with their keys.

use gateway_domain::holder_key::HolderKey;
use gateway_domain::ids::{ClientId, UserId};
use gateway_domain::time::Timestamp;
use gateway_store::{Device, Linked, Store};

/// The id of a device with this name, which is registered by this app and linked to somebody whose credentials are of epoch 1.
pub async fn linked(store: &Store, name: &str, app: &str, (user, now): (&UserId, Timestamp)) -> UserId {
    let device = Device {
        device_id: UserId::parse(&format!("device:{name}")).expect("an id"),
        client_id: ClientId::parse(app).expect("an id"),
        key: HolderKey::of_nobody(),
        name: None,
        created_at: now,
        used_at: now,
        user_id: None,
        linked_at: None,
        revoked_at: None,
    };
    assert_eq!(store.devices.register(&device).await, Ok(None));
    assert_eq!(store.devices.link(&device, (user, 1), &store.users, now).await, Ok(Linked::Done));
    device.device_id
}
