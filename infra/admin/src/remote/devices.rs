//! `devices …` by the admin API.

use super::commands::{items_of, user_path};
use super::{Remote, segment};
use crate::cli::{Devices, RevokeDevices};
use crate::devices::{COLUMNS, device_id};
use crate::error::Error;
use crate::output::Printer;
use gateway_domain::ids::UserId;
use http::Method;
use serde_json::{Value as Json, json};

pub(super) async fn on_devices(remote: &Remote, print: Printer, command: Devices) -> Result<(), Error> {
    match command {
        Devices::List { of } => {
            let listed = if let Some(id) = device_id(&of) {
                vec![of_device(remote, Method::GET, &id).await?]
            } else {
                let path = format!("{}/devices", user_path(remote, &of).await?);
                items_of(&remote.ask(Method::GET, &path, None, None).await?)
            };
            print.list(&COLUMNS, &listed, None);
        }
        Devices::Revoke(RevokeDevices { device: Some(id), .. }) => {
            of_device(remote, Method::DELETE, &id).await?;
            print.done(&format!("device {id} is revoked; its sessions end"), &json!({ "device_id": id }));
        }
        Devices::Revoke(RevokeDevices { device: None, user: Some(user) }) => {
            let path = format!("{}/devices", user_path(remote, &user).await?);
            remote.ask(Method::DELETE, &path, None, None).await?;
            print.done(&format!("all devices of {user} are revoked; their sessions end"), &json!({ "user": user }));
        }
        Devices::Revoke(RevokeDevices { device: None, user: None }) => return Err(Error::NoDevice),
    }
    Ok(())
}

async fn of_device(remote: &Remote, method: Method, id: &UserId) -> Result<Json, Error> {
    match remote.ask(method, &format!("/devices/{}", segment(id.as_str())), None, None).await {
        Err(Error::Remote { status: 404, .. }) => Err(Error::NoDevice),
        answered => answered,
    }
}
