//! The words of mails about passkeys. They name no passkey: its name is what somebody typed.

use super::Words;

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
