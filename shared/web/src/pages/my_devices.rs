//! The devices that are linked to an account.

use crate::date_time::DateTime;
use crate::{Mistakes, Page, Site};
use askama::Template;
use gateway_domain::language::Language;
use gateway_domain::time::Timestamp;
use std::borrow::Cow;

/// A device as its user sees it.
pub struct DeviceRow<'a> {
    /// Its id.
    pub id: &'a str,
    /// The name of its app.
    pub app: &'a str,
    /// Its name, or what was typed for it.
    pub name: Option<&'a str>,
    /// When it was linked.
    pub linked: Timestamp,
    /// When it got its last token, to a day.
    pub used: Timestamp,
}

impl DeviceRow<'_> {
    /// What tells it from the others.
    fn label(&self) -> &str {
        self.name.unwrap_or(self.app)
    }

    /// When it was linked and last used.
    fn times(&self, language: Language) -> (DateTime, DateTime) {
        (DateTime::of(self.linked, language), DateTime::of(self.used, language))
    }
}

/// The devices of a user. Each has a form, which is sent to the URL that it is at, with the fields `form_token`, `device`, its id, `name`, and
/// `revoke` if it is to be revoked.
#[derive(Template)]
#[template(path = "my_devices.html")]
pub struct MyDevices<'a> {
    /// The site.
    pub site: &'a Site,
    /// The token of [`crate::Browser::form_token`].
    pub form_token: &'a str,
    /// The devices, the last linked first.
    pub devices: Vec<DeviceRow<'a>>,
    /// Whether a name was just saved.
    pub saved: bool,
    /// What is wrong with the form that was sent, at [`MyDevices::field`]: nothing was done.
    pub mistakes: Mistakes,
    /// Where the account is.
    pub account: Option<&'a str>,
}

impl MyDevices<'_> {
    /// What a mistake in the name of the device at this place is told at.
    pub fn field(place: usize) -> String {
        format!("name-{place}")
    }

    /// Each device with the id of the field of its name, and what is wrong with that.
    fn rows(&self) -> impl Iterator<Item = (String, &DeviceRow<'_>, Option<String>)> {
        self.devices.iter().enumerate().map(|(place, device)| {
            let field = Self::field(place);
            let mistake = self.mistakes.field(&field).map(|mistake| mistake.text(self.site.language()));
            (field, device, mistake)
        })
    }
}

impl Page for MyDevices<'_> {
    fn site(&self) -> &Site {
        self.site
    }

    fn heading(&self) -> Cow<'_, str> {
        self.site.texts().devices.into()
    }

    fn mistakes(&self) -> Option<&Mistakes> {
        Some(&self.mistakes)
    }
}
