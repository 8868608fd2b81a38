//! The form that makes an account.

use crate::form::{Form, Input, Kind};
use crate::pages::ProfileField;
use crate::{Mistakes, Page, Site};
use askama::Template;
use std::borrow::Cow;

/// The form that makes an account. It is sent to the URL that it is at, with the fields `form_token`, `email`, `password`, and
/// `profile_ID` for each field of the profile.
#[derive(Template)]
#[template(path = "sign_up.html")]
pub struct SignUp<'a> {
    /// The site.
    pub site: &'a Site,
    /// The token of [`crate::Browser::form_token`].
    pub form_token: &'a str,
    /// What was typed as the address.
    pub email: &'a str,
    /// The fields of the profile.
    pub profile: Vec<ProfileField<'a>>,
    /// The fewest characters of a password.
    pub least_password: usize,
    /// What is wrong.
    pub mistakes: Mistakes,
    /// Where those log in who have an account.
    pub log_in: Option<&'a str>,
}

impl SignUp<'_> {
    fn form(&self) -> Form<'_> {
        let texts = self.site.texts();
        let mut inputs = vec![
            Input::new("email", texts.address, Kind::Address(self.email)),
            Input::new("password", texts.password, Kind::NewPassword).hint((texts.password_hint)(self.least_password)),
        ];
        inputs.extend(self.profile.iter().map(ProfileField::input));
        Form { site: self.site, token: self.form_token, mistakes: &self.mistakes, inputs, button: texts.sign_up }
    }
}

impl Page for SignUp<'_> {
    fn site(&self) -> &Site {
        self.site
    }

    fn heading(&self) -> Cow<'_, str> {
        self.site.texts().sign_up.into()
    }

    fn is_before_login(&self) -> bool {
        true
    }

    fn mistakes(&self) -> Option<&Mistakes> {
        Some(&self.mistakes)
    }
}
