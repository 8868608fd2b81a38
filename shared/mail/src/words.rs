//! The words of every mail in every language, in one place. The compiler names what a new notice or language lacks.

mod ended;
mod passkeys;
mod portal;

use crate::Notice;
use gateway_domain::language::Language;

/// What a mail says. The templates put it together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Words {
    /// The subject. It holds no code: subjects show on locked screens.
    pub(crate) subject: String,
    /// What has happened.
    pub(crate) lead: String,
    /// What leads to the code, if there is one.
    pub(crate) before_code: &'static str,
    /// What leads to the link, if there is one.
    pub(crate) before_link: &'static str,
    /// The label of the link.
    pub(crate) label: &'static str,
    /// What to do if it was somebody else.
    pub(crate) otherwise: String,
    /// Why the mail came.
    pub(crate) footer: String,
}

impl Words {
    /// Words that lead neither to a code nor to a link.
    fn only_telling(footer: String) -> Self {
        let (subject, lead, otherwise) = (String::new(), String::new(), String::new());
        Self { subject, lead, before_code: "", before_link: "", label: "", otherwise, footer }
    }
}

/// The words for a notice of this service; `None` for [`Notice::Nothing`].
pub(crate) fn of(notice: &Notice, language: Language, service: &str) -> Option<Words> {
    match language {
        Language::English => english(notice, service),
        Language::German => german(notice, service),
    }
}

fn english(notice: &Notice, service: &str) -> Option<Words> {
    let footer = format!("{service} sends this mail to the address of an account. Replies are not read.");
    Some(match notice {
        Notice::VerifyAddress { minutes, .. } => Words {
            subject: format!("{service}: confirm your address"),
            lead: format!("An account at {service} is to be made with this address."),
            before_code: "Type this code where you signed up:",
            before_link: "Or open this page and confirm there:",
            label: "Confirm the address",
            otherwise: format!(
                "Both work once and for {minutes} minutes. If it was not you, do nothing: without the code, nobody can \
                 use your address."
            ),
            footer,
        },
        Notice::AddressTaken { .. } => Words {
            subject: format!("{service}: you already have an account"),
            lead: format!(
                "Somebody, probably you, wanted to use this address for an account at {service}. You have one."
            ),
            before_code: "",
            before_link: "Log in as usual. If you have forgotten the password, set another one here:",
            label: "Set another password",
            otherwise: "If it was not you, do nothing: nobody was told that you have an account.".to_owned(),
            footer,
        },
        Notice::ResetPassword { minutes, .. } => Words {
            subject: format!("{service}: set another password"),
            lead: format!("Another password is to be set for your account at {service}."),
            before_code: "Type this code where you asked for it:",
            before_link: "Or open this page and set the password there:",
            label: "Set another password",
            otherwise: format!(
                "Both work once and for {minutes} minutes. If it was not you, do nothing: your password stays as it is. \
                 Give the code to nobody, whoever asks for it."
            ),
            footer,
        },
        Notice::Unlock { minutes, .. } => unlock_in_english(*minutes, service, footer),
        Notice::PasswordChanged { passkeys: then, .. } => Words {
            subject: format!("{service}: your password was changed"),
            lead: format!(
                "The password of your account at {service} was changed, and your other devices were logged out."
            ),
            before_code: "",
            before_link: "If it was not you, set another password at once:",
            label: "Set another password",
            otherwise: passkeys::then_in_english(then.as_ref()),
            footer,
        },
        Notice::ChangeAddress { minutes, .. } => Words {
            subject: format!("{service}: confirm your new address"),
            lead: format!("An account at {service} is to have this address."),
            before_code: "Type this code where you asked for it:",
            before_link: "Or open this page and confirm there:",
            label: "Confirm the address",
            otherwise: format!(
                "Both work once and for {minutes} minutes. If it was not you, do nothing: without the code, nobody can \
                 use your address."
            ),
            footer,
        },
        Notice::AddressChanged { now, days, .. } => Words {
            subject: format!("{service}: your address was changed"),
            lead: format!(
                "Your account at {service} has the address {now} from now on. Mails no longer come to this address."
            ),
            before_code: "",
            before_link: "If it was not you, take the account back here and choose another password:",
            label: "Take the account back",
            otherwise: format!("If it was you, there is nothing to do. The page works for {days} days."),
            footer,
        },
        Notice::AddressTakenBack | Notice::AccountDisabled | Notice::AccountDeleted => {
            return ended::english(notice, service, footer);
        }
        Notice::PasskeyAdded { .. } => passkeys::added_in_english(service, footer),
        Notice::PasskeyRemoved { .. } => passkeys::removed_in_english(service, footer),
        Notice::AuthenticatorSetUp
        | Notice::Invited { .. }
        | Notice::RequestWaits { .. }
        | Notice::RequestApproved { .. }
        | Notice::RequestRefused { .. } => return portal::english(notice, service, footer),
        Notice::Nothing => return None,
    })
}

fn unlock_in_english(minutes: u64, service: &str, footer: String) -> Words {
    Words {
        subject: format!("{service}: prove that it is you"),
        lead: format!(
            "Somebody, probably you, wants to log in to your account at {service}, although wrong attempts of others are in \
             the way. Prove that it is you, and you can."
        ),
        before_code: "Type this code where you asked for it:",
        before_link: "Or open this page on the device with which you want to log in, and confirm there:",
        label: "It is me",
        otherwise: format!(
            "Both work once and for {minutes} minutes, and change nothing of your account. If it was not you, do \
             nothing. Give the code to nobody, whoever asks for it."
        ),
        footer,
    }
}

fn german(notice: &Notice, service: &str) -> Option<Words> {
    let footer =
        format!("{service} sendet diese E-Mail an die Adresse eines Kontos. Antworten darauf werden nicht gelesen.");
    Some(match notice {
        Notice::VerifyAddress { minutes, .. } => Words {
            subject: format!("{service}: Adresse bestätigen"),
            lead: format!("Mit dieser Adresse soll ein Konto bei {service} angelegt werden."),
            before_code: "Geben Sie diesen Code dort ein, wo Sie das Konto anlegen:",
            before_link: "Oder öffnen Sie diese Seite und bestätigen Sie dort:",
            label: "Adresse bestätigen",
            otherwise: format!(
                "Beides gilt einmal und {minutes} Minuten lang. Wenn Sie das nicht waren, tun Sie nichts: Ohne den Code \
                 kann niemand Ihre Adresse verwenden."
            ),
            footer,
        },
        Notice::AddressTaken { .. } => Words {
            subject: format!("{service}: Sie haben bereits ein Konto"),
            lead: format!(
                "Jemand, vermutlich Sie, wollte diese Adresse für ein Konto bei {service} verwenden. Sie haben schon eines."
            ),
            before_code: "",
            before_link: "Melden Sie sich an wie bisher. Wenn Sie das Passwort vergessen haben, setzen Sie hier ein neues:",
            label: "Neues Passwort setzen",
            otherwise: "Wenn Sie das nicht waren, tun Sie nichts: Niemand hat erfahren, dass Sie ein Konto haben."
                .to_owned(),
            footer,
        },
        Notice::ResetPassword { minutes, .. } => Words {
            subject: format!("{service}: neues Passwort setzen"),
            lead: format!("Für Ihr Konto bei {service} soll ein neues Passwort gesetzt werden."),
            before_code: "Geben Sie diesen Code dort ein, wo Sie ihn angefordert haben:",
            before_link: "Oder öffnen Sie diese Seite und setzen Sie das Passwort dort:",
            label: "Neues Passwort setzen",
            otherwise: format!(
                "Beides gilt einmal und {minutes} Minuten lang. Wenn Sie das nicht waren, tun Sie nichts: Ihr Passwort \
                 bleibt, wie es ist. Geben Sie den Code niemandem, wer auch immer danach fragt."
            ),
            footer,
        },
        Notice::Unlock { minutes, .. } => unlock_in_german(*minutes, service, footer),
        Notice::PasswordChanged { passkeys: then, .. } => Words {
            subject: format!("{service}: Ihr Passwort wurde geändert"),
            lead: format!(
                "Das Passwort Ihres Kontos bei {service} wurde geändert, und Ihre anderen Geräte wurden abgemeldet."
            ),
            before_code: "",
            before_link: "Wenn Sie das nicht waren, setzen Sie sofort ein neues Passwort:",
            label: "Neues Passwort setzen",
            otherwise: passkeys::then_in_german(then.as_ref()),
            footer,
        },
        Notice::ChangeAddress { minutes, .. } => Words {
            subject: format!("{service}: neue Adresse bestätigen"),
            lead: format!("Ein Konto bei {service} soll diese Adresse bekommen."),
            before_code: "Geben Sie diesen Code dort ein, wo Sie ihn angefordert haben:",
            before_link: "Oder öffnen Sie diese Seite und bestätigen Sie dort:",
            label: "Adresse bestätigen",
            otherwise: format!(
                "Beides gilt einmal und {minutes} Minuten lang. Wenn Sie das nicht waren, tun Sie nichts: Ohne den Code \
                 kann niemand Ihre Adresse verwenden."
            ),
            footer,
        },
        Notice::AddressChanged { now, days, .. } => Words {
            subject: format!("{service}: Ihre Adresse wurde geändert"),
            lead: format!(
                "Ihr Konto bei {service} hat ab jetzt die Adresse {now}. An diese Adresse kommen keine E-Mails mehr."
            ),
            before_code: "",
            before_link: "Wenn Sie das nicht waren, holen Sie sich das Konto hier zurück und wählen ein neues Passwort:",
            label: "Konto zurückholen",
            otherwise: format!("Wenn Sie es waren, ist nichts zu tun. Die Seite gilt {days} Tage lang."),
            footer,
        },
        Notice::AddressTakenBack | Notice::AccountDisabled | Notice::AccountDeleted => {
            return ended::german(notice, service, footer);
        }
        Notice::PasskeyAdded { .. } => passkeys::added_in_german(service, footer),
        Notice::PasskeyRemoved { .. } => passkeys::removed_in_german(service, footer),
        Notice::AuthenticatorSetUp
        | Notice::Invited { .. }
        | Notice::RequestWaits { .. }
        | Notice::RequestApproved { .. }
        | Notice::RequestRefused { .. } => return portal::german(notice, service, footer),
        Notice::Nothing => return None,
    })
}

fn unlock_in_german(minutes: u64, service: &str, footer: String) -> Words {
    Words {
        subject: format!("{service}: weisen Sie nach, dass Sie es sind"),
        lead: format!(
            "Jemand, vermutlich Sie, möchte sich mit Ihrem Konto bei {service} anmelden, obwohl falsche Versuche anderer im \
             Weg sind. Weisen Sie nach, dass Sie es sind, dann geht es."
        ),
        before_code: "Geben Sie diesen Code dort ein, wo Sie ihn angefordert haben:",
        before_link: "Oder öffnen Sie diese Seite auf dem Gerät, mit dem Sie sich anmelden möchten, und bestätigen Sie dort:",
        label: "Das bin ich",
        otherwise: format!(
            "Beides gilt einmal und {minutes} Minuten lang und ändert nichts an Ihrem Konto. Wenn Sie das nicht waren, \
             tun Sie nichts. Geben Sie den Code niemandem, wer auch immer danach fragt."
        ),
        footer,
    }
}
