//! The devices that are linked to the account: named, and revoked.

use super::{Shown, form, mistaken, mistakes, query};
use crate::error::Failure;
use crate::{Account, Asked};
use gateway_domain::form::Form;
use gateway_domain::ids::UserId;
use gateway_web::pages::{DeviceRow, MyDevices};
use gateway_web::{Browser, see_other};

const PURPOSE: &str = "devices";

impl Account {
    pub(super) async fn devices_page(&self, asked: &Asked<'_>, browser: &Browser, sent: bool) -> Shown {
        let user = self.owner(asked).await?.user.user_id;
        let (typed, failure) = match sent.then(|| form(asked, browser, PURPOSE)) {
            None => (None, None),
            Some(Err((typed, failure))) => (typed, Some(failure)),
            Some(Ok(typed)) => match Box::pin(self.change_device(asked, &user, &typed)).await {
                Ok(changed) => return Ok(see_other(&asked.site.page(&format!("/account/devices{changed}")))),
                Err(failure @ Failure::Fields(_)) => (Some(typed), Some(failure)),
                Err(failure) => return Err(failure),
            },
        };
        let devices = self.devices_of(&user).await?;
        let field = |typed: &Form, name: &str| typed.get(name).unwrap_or_default().to_owned();
        let typed = typed.map(|typed| (field(&typed, "device"), field(&typed, "name")));
        let at =
            devices.iter().position(|own| typed.as_ref().is_some_and(|typed| own.device.device_id.as_str() == typed.0));
        let failure = failure.map(|failure| at_field(failure, at));
        let rows = devices.iter().enumerate().map(|(place, own)| DeviceRow {
            id: own.device.device_id.as_str(),
            app: &own.app,
            name: match &typed {
                Some((_, typed)) if at == Some(place) => Some(typed.as_str()),
                Some(_) | None => own.device.name.as_deref(),
            },
            linked: own.device.linked_at.unwrap_or(own.device.created_at),
            used: own.device.used_at,
        });
        let page = MyDevices {
            site: &asked.site,
            form_token: &browser.form_token(PURPOSE),
            devices: rows.collect(),
            saved: !sent && query(asked, "saved").is_some(),
            mistakes: failure.as_ref().map(|failure| mistakes(failure, false)).unwrap_or_default(),
            account: Some(&asked.site.page("/account")),
        };
        Ok(match &failure {
            None => asked.site.respond(200, &page, &[]),
            Some(failure) => mistaken(asked, &page, failure),
        })
    }

    /// Does what the form says, and returns the query of the page that follows. A device that is gone is as good as revoked.
    async fn change_device(&self, asked: &Asked<'_>, user: &UserId, typed: &Form) -> Result<&'static str, Failure> {
        let Some(device) = typed.get("device").and_then(|id| UserId::parse(id).ok()) else { return Ok("") };
        let changed = if typed.get("revoke").is_some() {
            self.revoke_device(asked, user, &device).await.map(|()| "")
        } else {
            let name = typed.get("name").unwrap_or_default();
            self.rename_device(user, &device, ("name", name)).await.map(|()| "?saved=yes")
        };
        match changed {
            Err(Failure::NotFound) => Ok(""),
            changed => changed,
        }
    }
}

/// The failure, at the field of the device at this place.
fn at_field(failure: Failure, at: Option<usize>) -> Failure {
    match (failure, at) {
        (Failure::Fields(wrong), Some(at)) => {
            Failure::Fields(wrong.into_iter().map(|(_, wrong)| (MyDevices::field(at), wrong)).collect())
        }
        (failure, _) => failure,
    }
}
