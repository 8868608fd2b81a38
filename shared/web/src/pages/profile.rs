//! The form with what a user told about himself.

use crate::form::Form;
use crate::pages::ProfileField;
use crate::{Mistakes, Page, Site};
use askama::Template;
use std::borrow::Cow;

/// The form with what a user told about himself. It is sent to the URL that it is at, with the fields `form_token` and
/// `profile_ID` for each field of the profile.
#[derive(Template)]
#[template(path = "profile.html")]
pub struct Profile<'a> {
    /// The site.
    pub site: &'a Site,
    /// The token of [`crate::Browser::form_token`].
    pub form_token: &'a str,
    /// The fields of the profile.
    pub profile: Vec<ProfileField<'a>>,
    /// Whether it was just saved.
    pub saved: bool,
    /// What is wrong.
    pub mistakes: Mistakes,
    /// Where the account is.
    pub account: Option<&'a str>,
}

impl Profile<'_> {
    fn form(&self) -> Form<'_> {
        let texts = self.site.texts();
        let inputs = self.profile.iter().map(ProfileField::input).collect();
        Form { site: self.site, token: self.form_token, mistakes: &self.mistakes, inputs, button: texts.save }
    }
}

impl Page for Profile<'_> {
    fn site(&self) -> &Site {
        self.site
    }

    fn heading(&self) -> Cow<'_, str> {
        self.site.texts().profile.into()
    }

    fn mistakes(&self) -> Option<&Mistakes> {
        Some(&self.mistakes)
    }
}
