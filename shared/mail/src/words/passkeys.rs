//! The words of mails about passkeys. They name no passkey: its name is what somebody typed.

use super::Words;
use crate::PasskeysThen;

pub(super) fn added_in_english(service: &str, footer: String) -> Words {
    Words {
        subject: format!("{service}: a passkey was added"),
        lead: format!(
            "A passkey was added to your account at {service}. Whoever has it can log in without the password."
        ),
        before_code: "",
        before_link: "If it was not you, remove it here at once, and then change your password:",
        label: "See your passkeys",
        otherwise: "If it was you, there is nothing to do.".to_owned(),
        footer,
    }
}

pub(super) fn removed_in_english(service: &str, footer: String) -> Words {
    Words {
        subject: format!("{service}: a passkey was removed"),
        lead: format!(
            "A passkey of your account at {service} was removed: nobody can log in with it any more, and your other \
             devices were logged out."
        ),
        before_code: "",
        before_link: "If it was not you, see what is left here, and then change your password:",
        label: "See your passkeys",
        otherwise:
            "If it was you, there is nothing to do here. Your device may still offer the passkey: delete it there, too."
                .to_owned(),
        footer,
    }
}

pub(super) fn added_in_german(service: &str, footer: String) -> Words {
    Words {
        subject: format!("{service}: Passkey hinzugefügt"),
        lead: format!(
            "Zu Ihrem Konto bei {service} wurde ein Passkey hinzugefügt. Wer ihn hat, kann sich ohne Passwort anmelden."
        ),
        before_code: "",
        before_link: "Wenn Sie das nicht waren, entfernen Sie ihn sofort hier und ändern danach Ihr Passwort:",
        label: "Ihre Passkeys ansehen",
        otherwise: "Wenn Sie es waren, ist nichts zu tun.".to_owned(),
        footer,
    }
}

pub(super) fn removed_in_german(service: &str, footer: String) -> Words {
    Words {
        subject: format!("{service}: Passkey entfernt"),
        lead: format!(
            "Ein Passkey Ihres Kontos bei {service} wurde entfernt: Niemand kann sich mehr damit anmelden, und Ihre anderen \
             Geräte wurden abgemeldet."
        ),
        before_code: "",
        before_link: "Wenn Sie das nicht waren, sehen Sie hier nach, was geblieben ist, und ändern danach Ihr Passwort:",
        label: "Ihre Passkeys ansehen",
        otherwise: "Wenn Sie es waren, ist hier nichts zu tun. Ihr Gerät bietet den Passkey vielleicht noch an: Löschen Sie ihn \
                    auch dort."
            .to_owned(),
        footer,
    }
}

/// What there is to do after another password, for who has set it.
pub(super) fn then_in_english(passkeys: Option<&PasskeysThen>) -> String {
    match passkeys {
        None => "If it was you, there is nothing to do.".to_owned(),
        Some(PasskeysThen::Stay(page)) => {
            format!(
                "If it was you, there is nothing to do. Your passkeys stay, and log in as before. See whether all of them are yours: {page}"
            )
        }
        Some(PasskeysThen::Gone) => {
            "If it was you: for your safety all passkeys of the account were removed, too. Log in with the new \
                                     password, and add yours again."
                .to_owned()
        }
    }
}

/// The same in German.
pub(super) fn then_in_german(passkeys: Option<&PasskeysThen>) -> String {
    match passkeys {
        None => "Wenn Sie es waren, ist nichts zu tun.".to_owned(),
        Some(PasskeysThen::Stay(page)) => {
            format!(
                "Wenn Sie es waren, ist nichts zu tun. Ihre Passkeys bleiben und gelten wie bisher. Sehen Sie nach, ob es alle Ihre \
                 sind: {page}"
            )
        }
        Some(PasskeysThen::Gone) => {
            "Wenn Sie es waren: Zu Ihrer Sicherheit wurden auch alle Passkeys des Kontos entfernt. Melden Sie \
                                     sich mit dem neuen Passwort an und fügen Sie Ihre wieder hinzu."
                .to_owned()
        }
    }
}
