//! The words of mails to those who develop applications and to those who administer.

use super::Words;
use crate::Notice;

pub(super) fn english(notice: &Notice, service: &str, footer: String) -> Option<Words> {
    let words = Words::only_telling(footer);
    Some(match notice {
        Notice::AuthenticatorSetUp => Words {
            subject: format!("{service}: an authenticator app was set up"),
            lead: format!("An authenticator app was set up for your account at {service}, which administers the service."),
            otherwise: "If it was not you, somebody knows your password: change it at once, and ask another administrator to reset \
                        the authenticator app."
                .to_owned(),
            ..words
        },
        Notice::Invited { organization, by, days, .. } => Words {
            subject: format!("{service}: an invitation to {organization}"),
            lead: format!("{by} invites you to develop applications for {service} as a member of {organization}."),
            before_link: "Log in with this address, or make an account with it, and accept the invitation here:",
            label: "See the invitation",
            otherwise: format!("The invitation can be accepted for {days} days. If you expect none, do nothing."),
            footer: format!("{service} sends this mail because somebody typed this address. Replies are not read."),
            ..words
        },
        Notice::RequestWaits { app, organization, .. } => Words {
            subject: format!("{service}: {app} waits for an approval"),
            lead: format!("Developers of {organization} want something for the application {app} that an administrator approves."),
            before_link: "See what it is, and approve or refuse it here:",
            label: "See the request",
            otherwise: "Until then, nothing of it holds.".to_owned(),
            footer: format!("{service} sends this mail to the address that its configuration names for requests."),
            ..words
        },
        Notice::RequestApproved { app, .. } => Words {
            subject: format!("{service}: what you asked for {app} is approved"),
            lead: format!("An administrator has approved what you asked for the application {app}. It holds within 30 seconds."),
            before_link: "See the application here:",
            label: "See the application",
            otherwise: "You get this mail because you asked for it.".to_owned(),
            ..words
        },
        Notice::RequestRefused { app, reason, .. } => Words {
            subject: format!("{service}: what you asked for {app} is refused"),
            lead: format!("An administrator has refused what you asked for the application {app}. The reason: {reason}"),
            before_link: "The application stays as it was. Ask for something else here:",
            label: "See the application",
            otherwise: "You get this mail because you asked for it.".to_owned(),
            ..words
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
        | Notice::AddressTakenBack
        | Notice::AccountDisabled
        | Notice::AccountDeleted
        | Notice::Nothing => return None,
    })
}

pub(super) fn german(notice: &Notice, service: &str, footer: String) -> Option<Words> {
    let words = Words::only_telling(footer);
    Some(match notice {
        Notice::AuthenticatorSetUp => Words {
            subject: format!("{service}: Authentifizierungs-App eingerichtet"),
            lead: format!(
                "Für Ihr Konto bei {service}, das den Dienst verwaltet, wurde eine Authentifizierungs-App eingerichtet."
            ),
            otherwise: "Wenn Sie das nicht waren, kennt jemand Ihr Passwort: Ändern Sie es sofort, und lassen Sie die App von einer \
                        anderen Person der Verwaltung zurücksetzen."
                .to_owned(),
            ..words
        },
        Notice::Invited { organization, by, days, .. } => Words {
            subject: format!("{service}: Einladung zu {organization}"),
            lead: format!("{by} lädt Sie ein, als Mitglied von {organization} Anwendungen für {service} zu entwickeln."),
            before_link: "Melden Sie sich mit dieser Adresse an, oder legen Sie ein Konto mit ihr an, und nehmen Sie die Einladung hier an:",
            label: "Einladung ansehen",
            otherwise: format!("Die Einladung gilt {days} Tage. Wenn Sie keine erwarten, tun Sie nichts."),
            footer: format!(
                "{service} sendet diese E-Mail, weil jemand diese Adresse eingegeben hat. Antworten werden nicht gelesen."
            ),
            ..words
        },
        Notice::RequestWaits { app, organization, .. } => Words {
            subject: format!("{service}: {app} wartet auf eine Freigabe"),
            lead: format!("{organization} möchte für die Anwendung {app} etwas, das die Verwaltung freigibt."),
            before_link: "Sehen Sie hier, was es ist, und geben Sie es frei oder lehnen Sie es ab:",
            label: "Antrag ansehen",
            otherwise: "Bis dahin gilt nichts davon.".to_owned(),
            footer: format!("{service} sendet diese E-Mail an die Adresse, die die Konfiguration für Anträge nennt."),
            ..words
        },
        Notice::RequestApproved { app, .. } => Words {
            subject: format!("{service}: Ihr Antrag für {app} ist freigegeben"),
            lead: format!("Was Sie für die Anwendung {app} beantragt haben, ist freigegeben. Es gilt in spätestens 30 Sekunden."),
            before_link: "Hier ist die Anwendung:",
            label: "Anwendung ansehen",
            otherwise: "Sie bekommen diese E-Mail, weil Sie den Antrag gestellt haben.".to_owned(),
            ..words
        },
        Notice::RequestRefused { app, reason, .. } => Words {
            subject: format!("{service}: Ihr Antrag für {app} ist abgelehnt"),
            lead: format!("Was Sie für die Anwendung {app} beantragt haben, ist abgelehnt. Der Grund: {reason}"),
            before_link: "Die Anwendung bleibt, wie sie war. Hier können Sie etwas anderes beantragen:",
            label: "Anwendung ansehen",
            otherwise: "Sie bekommen diese E-Mail, weil Sie den Antrag gestellt haben.".to_owned(),
            ..words
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
        | Notice::AddressTakenBack
        | Notice::AccountDisabled
        | Notice::AccountDeleted
        | Notice::Nothing => return None,
    })
}
