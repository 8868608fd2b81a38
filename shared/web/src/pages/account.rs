//! What users can do with their account.

use crate::{Page, Site};
use askama::Template;
use std::borrow::Cow;

/// What users can do with their account, as far as there are URLs. The form is sent to the URL that it is at, with the fields
/// `form_token` and `log_out`.
#[derive(Template)]
#[template(path = "account.html")]
pub struct Account<'a> {
    /// The site.
    pub site: &'a Site,
    /// The token of [`crate::Browser::form_token`].
    pub form_token: &'a str,
    /// The address of the user.
    pub username: &'a str,
    /// The profile.
    pub profile: Option<&'a str>,
    /// Change of the address.
    pub change_address: Option<&'a str>,
    /// Change of the password.
    pub change_password: Option<&'a str>,
    /// The passkeys.
    pub passkeys: Option<&'a str>,
    /// The sessions.
    pub sessions: Option<&'a str>,
    /// The devices that are linked to the account.
    pub devices: Option<&'a str>,
    /// The apps that may use the account.
    pub apps: Option<&'a str>,
    /// The data of the user, as a file.
    pub my_data: Option<&'a str>,
    /// Disabling of the account.
    pub disable: Option<&'a str>,
    /// Deletion of the account.
    pub delete: Option<&'a str>,
}

impl Account<'_> {
    fn links(&self) -> Vec<(&str, &'static str)> {
        let texts = self.site.texts();
        let links = [
            (self.profile, texts.profile),
            (self.change_address, texts.change_address),
            (self.change_password, texts.change_password),
            (self.passkeys, texts.passkeys),
            (self.sessions, texts.sessions),
            (self.devices, texts.devices),
            (self.apps, texts.apps),
            (self.my_data, texts.my_data),
            (self.disable, texts.disable),
            (self.delete, texts.delete),
        ];
        links.into_iter().filter_map(|(url, label)| Some((url?, label))).collect()
    }
}

impl Page for Account<'_> {
    fn site(&self) -> &Site {
        self.site
    }

    fn heading(&self) -> Cow<'_, str> {
        self.site.texts().account.into()
    }
}
