//! What is wrong with a form, told at its field or above it.

use crate::texts::{english, german};
use gateway_domain::language::Language;
use gateway_domain::time::Seconds;

/// What is wrong with a form or one of its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mistake {
    /// The form was made for another browser or purpose, or its cookie is gone: it has to be sent once more.
    OtherBrowser,
    /// The form is not as its page sends it: a field is there twice, or it is too long.
    Unreadable,
    /// No such account, a wrong password, or an account that is disabled. Nobody is told which.
    WrongLogin,
    /// No passkey that logs somebody in. Nobody is told why.
    WrongPasskey,
    /// The password was asked for, and a passkey was shown.
    PasswordNeeded,
    /// Too many wrong attempts: another may be made after this time.
    TooManyAttempts(Seconds),
    /// Too many wrong attempts at a login: another may be made after this time, or at once after a proof by mail.
    ProveByMail(Seconds),
    /// Too much was asked for lately; how long to wait. Another password would not help.
    TooManyRequests(Seconds),
    /// A legacy system refuses what the gateway accepted. It is named as users know it.
    RefusedBy(String),
    /// A legacy system, named as users know it, cannot be reached.
    UnreachableSystem(String),
    /// The gateway cannot do it now.
    Unavailable,
    /// The address is not verified yet, and the configuration lets nobody log in before.
    NotVerified,
    /// The field is empty.
    Required,
    /// The text has more characters than this.
    TooLong(usize),
    /// Not an e-mail address.
    NoAddress,
    /// Not a date.
    NoDate,
    /// Not a telephone number.
    NoTelephoneNumber,
    /// Not the current password.
    WrongPassword,
    /// The new password has fewer characters than this.
    ShortPassword(usize),
    /// The new password is common or repeats itself.
    CommonPassword,
    /// Without this word, which everybody can know, the new password is too short.
    KnownPassword(String),
    /// The new password is the current one.
    SamePassword,
    /// The new address is the current one.
    SameAddress,
    /// The code is wrong, was used, or has expired. Nobody is told which.
    WrongCode,
    /// The box has to be ticked.
    NotConfirmed,
    /// What the browser made as a passkey is not what was asked for, was asked for too long ago, or is another one's.
    PasskeyRefused,
    /// There are as many passkeys as there can be.
    TooManyPasskeys(usize),
}

impl Mistake {
    /// What users read.
    pub fn text(&self, language: Language) -> String {
        match language {
            Language::English => english::mistake(self),
            Language::German => german::mistake(self),
        }
    }
}

/// What is wrong with a form as a whole, and with its fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mistakes {
    form: Option<Mistake>,
    fields: Vec<(String, Mistake)>,
}

impl Mistakes {
    /// One mistake of the form as a whole.
    pub fn of_form(mistake: Mistake) -> Self {
        Self { form: Some(mistake), fields: Vec::new() }
    }

    /// These, and one at the field of this name.
    #[must_use]
    pub fn at(mut self, field: impl Into<String>, mistake: Mistake) -> Self {
        self.fields.push((field.into(), mistake));
        self
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.form.is_none() && self.fields.is_empty()
    }

    /// Whether a proof by mail is the way on, to which the page leads then.
    pub fn ask_for_proof(&self) -> bool {
        matches!(self.form, Some(Mistake::ProveByMail(_)))
    }

    /// What is wrong with the form as a whole.
    pub(crate) fn form(&self) -> Option<&Mistake> {
        self.form.as_ref()
    }

    /// What is wrong with fields, each with its name.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &Mistake)> {
        self.fields.iter().map(|(name, mistake)| (name.as_str(), mistake))
    }

    /// What is wrong with a field.
    pub(crate) fn field(&self, name: &str) -> Option<&Mistake> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, mistake)| mistake)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_told_where_it_was_made() {
        let mistakes = Mistakes::of_form(Mistake::WrongLogin).at("username", Mistake::Required);
        assert_eq!(mistakes.form(), Some(&Mistake::WrongLogin));
        assert_eq!(mistakes.field("username"), Some(&Mistake::Required));
        assert_eq!(mistakes.field("password"), None);
        assert!(!mistakes.is_empty() && Mistakes::default().is_empty());
    }

    #[test]
    fn times_are_told_in_the_unit_that_people_use() {
        let told = |seconds, language| Mistake::TooManyAttempts(Seconds::new(seconds)).text(language);
        for (seconds, english, german) in [
            (1, "in 1 second", "in 1 Sekunde"),
            (59, "in 59 seconds", "in 59 Sekunden"),
            (60, "in 1 minute", "in 1 Minute"),
            (61, "in 2 minutes", "in 2 Minuten"),
            (3_600, "in 1 hour", "in 1 Stunde"),
            (3_601, "in 2 hours", "in 2 Stunden"),
        ] {
            assert!(told(seconds, Language::English).contains(english), "{}", told(seconds, Language::English));
            assert!(told(seconds, Language::German).contains(german), "{}", told(seconds, Language::German));
        }
    }
}
