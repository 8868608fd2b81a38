//! The page that makes an account.

use super::{Shown, follows, form, login, mistaken, mistakes, ticket};
use crate::error::Failure;
use crate::{Account, Asked, fields};
use gateway_config::{FieldType, Gateway};
use gateway_credentials::password_policy;
use gateway_domain::address::Address;
use gateway_domain::code::Ticket;
use gateway_domain::form::Form;
use gateway_domain::language::Language;
use gateway_domain::secret::Secret;
use gateway_web::pages::{FieldKind, ProfileField, SignUp};
use gateway_web::{Browser, Mistakes, see_other};

const PURPOSE: &str = "sign-up";

impl Account {
    pub(super) async fn sign_up_page(&self, asked: &Asked<'_>, browser: &Browser, sent: bool) -> Shown {
        if !self.gateway.accounts().sign_up {
            return Err(Failure::NotFound);
        }
        let (token, login) = (browser.form_token(PURPOSE), login(asked));
        if !sent {
            let page = self.sign_up_form(asked, (&token, &login), None, Mistakes::default());
            return Ok(asked.site.respond(200, &page, &[]));
        }
        let (typed, failure) = match form(asked, browser, PURPOSE) {
            Err((typed, failure)) => (typed, failure),
            Ok(mut typed) => match Box::pin(self.signed_up(asked, &mut typed)).await {
                Ok((ticket, address)) => {
                    let next = follows(asked, &format!("/account/verify?id={}", ticket.id));
                    return Ok(see_other(&next).header("Set-Cookie", ticket::set(asked, &ticket, &address)));
                }
                Err(failure) => (Some(typed), failure),
            },
        };
        let page = self.sign_up_form(asked, (&token, &login), typed.as_ref(), mistakes(&failure, false));
        Ok(mistaken(asked, &page, &failure))
    }

    async fn signed_up(&self, asked: &Asked<'_>, typed: &mut Form) -> Result<(Ticket, Address), Failure> {
        let password = typed.take("password").unwrap_or_else(|| Secret::new(String::new()));
        let name = |id: &str| format!("profile_{id}");
        let profile = fields::profile(&self.gateway, name, |name| typed.get(name));
        let (address, profile) = self.may_sign_up(asked, typed.get("email"), &password, profile)?;
        Ok((self.sign_up(asked, address.clone(), password, profile).await?, address))
    }

    fn sign_up_form<'a>(
        &'a self,
        asked: &'a Asked<'_>,
        (form_token, login): (&'a str, &'a str),
        typed: Option<&'a Form>,
        mistakes: Mistakes,
    ) -> SignUp<'a> {
        let typed = |name: &str| typed.and_then(|typed| typed.get(name)).unwrap_or_default();
        let profile = declared(&self.gateway, asked.language, |id| typed(&format!("profile_{id}")));
        SignUp {
            site: &asked.site,
            form_token,
            email: typed("email"),
            profile,
            least_password: password_policy::MIN,
            mistakes,
            log_in: Some(login),
        }
    }
}

/// The fields that the configuration declares, with what is known for the id of each.
pub(super) fn declared<'a>(
    gateway: &'a Gateway,
    language: Language,
    known: impl Fn(&'a str) -> &'a str,
) -> Vec<ProfileField<'a>> {
    let fields = gateway.accounts().fields.iter().map(|field| ProfileField {
        id: field.id.as_str(),
        label: field.label.get(language),
        kind: match field.kind {
            FieldType::Text => FieldKind::Text,
            FieldType::Date => FieldKind::Date,
            FieldType::Tel => FieldKind::Telephone,
            FieldType::Boolean => FieldKind::Boolean,
        },
        required: field.required,
        typed: known(field.id.as_str()),
    });
    fields.collect()
}
