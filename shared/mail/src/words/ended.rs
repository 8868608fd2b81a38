//! The words of mails about an account that its owner no longer has under that address, or at all.

use super::Words;
use crate::Notice;

pub(super) fn english(notice: &Notice, service: &str, footer: String) -> Option<Words> {
    Some(match notice {
        Notice::AddressTakenBack => Words {
            subject: format!("{service}: your account has another address again"),
            lead: format!(
                "The account at {service} that had this address has the one again that it had before, and all devices were \
                 logged out."
            ),
            otherwise: format!(
                "Whoever owns that address has done this. If it is your account, ask the support of {service}."
            ),
            ..Words::only_telling(footer)
        },
        Notice::AccountDisabled => Words {
            subject: format!("{service}: your account was disabled"),
            lead: format!("Your account at {service} was disabled, and all your devices were logged out."),
            otherwise: format!("Nobody can log in to it any more. The support of {service} can enable it again."),
            ..Words::only_telling(footer)
        },
        Notice::AccountDeleted => Words {
            subject: format!("{service}: your account was deleted"),
            lead: format!("Your account at {service} was deleted, and all your devices were logged out."),
            otherwise: "This is the last mail about it.".to_owned(),
            ..Words::only_telling(footer)
        },
        Notice::VerifyAddress { .. }
        | Notice::AddressTaken { .. }
        | Notice::ResetPassword { .. }
        | Notice::Unlock { .. }
        | Notice::PasswordChanged { .. }
        | Notice::ChangeAddress { .. }
        | Notice::AddressChanged { .. }
        | Notice::PasskeyAdded { .. }
        | Notice::PasskeyRemoved { .. }
        | Notice::AuthenticatorSetUp
        | Notice::Invited { .. }
        | Notice::RequestWaits { .. }
        | Notice::RequestApproved { .. }
        | Notice::RequestRefused { .. }
        | Notice::Nothing => return None,
    })
}

pub(super) fn german(notice: &Notice, service: &str, footer: String) -> Option<Words> {
    Some(match notice {
        Notice::AddressTakenBack => Words {
            subject: format!("{service}: Ihr Konto hat wieder eine andere Adresse"),
            lead: format!(
                "Das Konto bei {service}, das diese Adresse hatte, hat wieder die vorige, und alle Geräte wurden abgemeldet."
            ),
            otherwise: format!(
                "Das war, wem jene Adresse gehört. Wenn es Ihr Konto ist, fragen Sie die Hilfe von {service}."
            ),
            ..Words::only_telling(footer)
        },
        Notice::AccountDisabled => Words {
            subject: format!("{service}: Ihr Konto wurde gesperrt"),
            lead: format!("Ihr Konto bei {service} wurde gesperrt, und alle Ihre Geräte wurden abgemeldet."),
            otherwise: format!(
                "Niemand kann sich mehr damit anmelden. Die Hilfe von {service} kann es wieder freigeben."
            ),
            ..Words::only_telling(footer)
        },
        Notice::AccountDeleted => Words {
            subject: format!("{service}: Ihr Konto wurde gelöscht"),
            lead: format!("Ihr Konto bei {service} wurde gelöscht, und alle Ihre Geräte wurden abgemeldet."),
            otherwise: "Dies ist die letzte E-Mail dazu.".to_owned(),
            ..Words::only_telling(footer)
        },
        Notice::VerifyAddress { .. }
        | Notice::AddressTaken { .. }
        | Notice::ResetPassword { .. }
        | Notice::Unlock { .. }
        | Notice::PasswordChanged { .. }
        | Notice::ChangeAddress { .. }
        | Notice::AddressChanged { .. }
        | Notice::PasskeyAdded { .. }
        | Notice::PasskeyRemoved { .. }
        | Notice::AuthenticatorSetUp
        | Notice::Invited { .. }
        | Notice::RequestWaits { .. }
        | Notice::RequestApproved { .. }
        | Notice::RequestRefused { .. }
        | Notice::Nothing => return None,
    })
}
