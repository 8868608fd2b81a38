//! The pages in German.

use super::Texts;
use crate::Mistake;
use crate::pages::{FailureText, Notice, NoticeText, Reason, Step};
use gateway_domain::time::Seconds;

pub(crate) const TEXTS: Texts = Texts {
    error_in_title: "Fehler: ",
    error_summary: "Bitte prüfen Sie Ihre Eingaben",
    help: "Hilfe",
    privacy: "Datenschutz",
    terms: "Nutzungsbedingungen",

    username: "E-Mail-Adresse oder Benutzername",
    password: "Passwort",
    password_at: |system| format!("Passwort für „{system}“"),
    password_at_hint: "Dort gilt ein eigenes Passwort. Es wird für diese Anmeldung benutzt und nicht aufbewahrt.",
    password_stays: ("Das Passwort für ", " ist ein eigenes und ändert sich dadurch nicht."),

    log_in: "Anmelden",
    log_in_for: ("weiter zu ", ""),
    log_in_by_passkey: "Mit Passkey anmelden",
    passkey_cancelled: "Es wurde kein Passkey verwendet. Versuchen Sie es noch einmal oder melden Sie sich mit Ihrem Passwort an.",
    passkey_failed: "Der Passkey konnte hier nicht verwendet werden. Versuchen Sie es noch einmal oder melden Sie sich mit Ihrem Passwort an.",
    no_account: "Noch kein Konto?",
    create_account: "Konto anlegen",

    consent: "Zugriff erlauben?",
    consent_asks: ("", " möchte Ihr Konto verwenden und darf dann:"),
    consent_returns_to: ("Danach geht es weiter zu ", "."),
    logged_in_as: ("Sie sind angemeldet als ", "."),
    allow: "Erlauben",
    deny: "Nicht erlauben",
    scope,

    optional: "freiwillig",
    address: "E-Mail-Adresse",
    new_address: "Neue E-Mail-Adresse",
    new_address_hint: "Wir schicken einen Code dorthin. Bis Sie ihn bestätigen, ändert sich nichts.",
    current_password: "Jetziges Passwort",
    new_password: "Neues Passwort",
    code: "Code",
    code_hint: "Die 8 Ziffern aus der Mail",
    forgotten_link: "Passwort vergessen?",
    unlock_link: "Über eine E-Mail nachweisen, dass Sie es sind",
    sign_up: "Konto anlegen",
    accept_terms: ("Wenn Sie ein Konto anlegen, gelten unsere ", "."),
    have_account: "Sie haben schon ein Konto?",
    verify: "Adresse bestätigen",
    verify_code: ("Wir haben einen Code an ", " geschickt."),
    verify_link: ("Ist ", " Ihre Adresse?"),
    verify_other_browser: "Das Konto wurde in einem anderen Browser angelegt, geben Sie darum bitte sein Passwort ein.",
    confirm: "Bestätigen",
    no_mail: "Keine Mail?",
    resend: "Noch eine schicken",
    forgotten: "Passwort vergessen",
    forgotten_text: "Nennen Sie uns Ihre E-Mail-Adresse. Wir schicken Ihnen einen Code, mit dem Sie ein neues Passwort wählen können.",
    send_mail: "Code schicken",
    back_to_login: "Zurück zur Anmeldung",
    reset: "Neues Passwort wählen",
    reset_code: "Wenn die Adresse stimmt, ist ein Code dorthin unterwegs.",
    unlock: "Nachweisen, dass Sie es sind",
    unlock_text: "Nach zu vielen falschen Versuchen lässt ein Konto niemanden von einem neuen Ort aus hinein, bis nachgewiesen ist, wem es \
                  gehört. Nennen Sie uns Ihre E-Mail-Adresse. Wir schicken Ihnen einen Code, mit dem Sie sich von hier aus anmelden können. \
                  Ihr Passwort bleibt, wie es ist.",
    unlock_confirm: "Bestätigen Sie, wenn Sie sich von hier aus anmelden möchten. An Ihrem Konto ändert sich nichts.",
    ends_sessions: "Mit dem neuen Passwort werden Sie überall abgemeldet.",
    set_password: "Neues Passwort setzen",
    change_password: "Passwort ändern",
    ends_others: "Mit dem neuen Passwort werden Sie überall sonst abgemeldet.",
    change_address: "Adresse ändern",
    address_now: ("Ihre Adresse ist ", "."),
    take_back: "Konto zurückholen",
    take_back_asks: ("Ihr Konto bekommt die Adresse ", " zurück, mit einem neuen Passwort."),
    profile: "Profil",
    save: "Speichern",
    saved: "Gespeichert.",
    disable: "Konto sperren",
    disable_text: "Niemand kann sich mehr damit anmelden, und Sie werden überall abgemeldet. Unser Support kann es wieder freigeben.",
    delete: "Konto löschen",
    delete_text: "Ihr Konto und was wir von Ihnen wissen werden gelöscht, und Sie werden überall abgemeldet. Das lässt sich nicht rückgängig machen.",
    sessions: "Wo Sie angemeldet sind",
    sessions_text: "Melden Sie ab, was Sie nicht kennen, und ändern Sie dann Ihr Passwort.",
    no_sessions: "Sie sind in keiner App angemeldet.",
    this_session: "dieser Browser",
    session_made: "Angemeldet:",
    session_refreshed: "Zuletzt verwendet:",
    end_session: "Abmelden",
    end_others: "Überall sonst abmelden",
    devices: "Ihre Geräte",
    devices_text: "Apps haben diese Geräte mit Ihrem Konto verknüpft. Entfernen Sie, was Sie nicht mehr haben oder nicht kennen.",
    no_devices: "Mit Ihrem Konto ist kein Gerät verknüpft.",
    device_name: "Name des Geräts",
    device_linked: "Verknüpft:",
    remove_device: "Entfernen",
    passkeys: "Ihre Passkeys",
    passkeys_stay: "Ihre Passkeys gelten weiter. Entfernen Sie, welche Sie nicht kennen:",
    passkeys_text: "Mit jedem davon melden Sie sich per Fingerabdruck, Gesicht oder Bildschirmsperre an, ohne Passwort. Entfernen Sie, was \
                    Sie nicht mehr haben oder nicht kennen: Überall sonst werden Sie dann abgemeldet.",
    no_passkeys: "Sie haben noch keinen Passkey. Damit melden Sie sich per Fingerabdruck, Gesicht oder Bildschirmsperre an, ohne Passwort.",
    passkey_name: "Name des Passkeys",
    passkey_added: "Hinzugefügt:",
    passkey_unused: "noch nicht",
    passkey_synced: "Auf allen Ihren Geräten",
    passkey_bound: "Auf einem Gerät",
    passkeys_full: |most| {
        format!(
            "Sie haben {most} Passkeys, mehr sind nicht möglich. Entfernen Sie einen, bevor Sie einen anderen hinzufügen."
        )
    },
    add_passkey: "Passkey hinzufügen",
    remove_passkey: "Entfernen",
    remove_last_passkey: "Den letzten Passkey entfernen?",
    remove_last_passkey_text: (
        "Ihr Konto hat hier kein Passwort, und ",
        " ist sein letzter Passkey. Ohne ihn melden Sie sich nur dort an, wo ein anderes System Ihr Passwort noch kennt. Überall \
         sonst werden Sie abgemeldet.",
    ),
    passkeys_prove: "Passkey hinzufügen oder entfernen",
    passkeys_prove_text: "Weisen Sie zuerst nach, dass Sie es sind.",
    log_in_again: "Noch einmal anmelden",
    no_passkeys_here: "Dieser Browser kann hier keine Passkeys anlegen. Verwenden Sie einen neueren, und lassen Sie Skripte zu.",
    no_passkey_of_account: "Dieses Konto kann keine Passkeys haben, weil es anders angelegt wurde. Melden Sie sich mit Ihrem Passwort an; \
                            wer diesen Dienst betreibt, kann Ihnen mehr sagen.",
    add_passkey_known: "Auf diesem Gerät gibt es schon einen Passkey Ihres Kontos.",
    add_passkey_cancelled: "Es wurde kein Passkey hinzugefügt. Wenn Sie nicht abbrechen wollten, versuchen Sie es noch einmal.",
    add_passkey_failed: "Ihr Browser konnte für diese Adresse keinen Passkey anlegen.",
    apps: "Apps mit Zugriff",
    apps_text: "Diesen Apps haben Sie erlaubt, Ihr Konto zu verwenden.",
    no_apps: "Sie haben keiner App erlaubt, Ihr Konto zu verwenden.",
    revoke: "Zugriff entziehen",
    account: "Mein Konto",
    back_to_account: "Zurück zu meinem Konto",
    my_data: "Meine Daten herunterladen",
    log_out: "Abmelden",
    password_hint: |least| format!("Mindestens {least} Zeichen, etwa vier ungewöhnliche Wörter"),
    log_out_asks: "In diesem Browser abmelden?",
    log_out_means: "Apps, in denen Sie sich darüber angemeldet haben, werden mit abgemeldet.",

    detail: "Für die Entwickler der App",
    reference: "Kennung",
    failure,
    notice,
    next,
};

/// What the scopes of the gateway's own allow.
fn scope(scope: &str) -> Option<&'static str> {
    Some(match scope {
        "openid" => "Sie wiedererkennen",
        "device_sso" => "Andere Apps desselben Unternehmens auf diesem Gerät ohne weitere Anmeldung einlassen",
        "profile" => "Ihr Profil sehen",
        "email" => "Ihre E-Mail-Adresse sehen",
        "account" => "Ihr Konto sehen und ändern",
        _ => return None,
    })
}

fn failure(reason: Reason) -> FailureText {
    let (title, text, advice) = match reason {
        Reason::UnknownApp => (
            "Unbekannte App",
            "Die App, von der Sie kommen, ist hier nicht registriert.",
            "Öffnen Sie die App und versuchen Sie es noch einmal. Kommen Sie wieder hierher, wenden Sie sich an den \
             Anbieter der App.",
        ),
        Reason::UnknownReturnAddress => (
            "Unbekannte Rückkehradresse",
            "Die App möchte Sie an eine Adresse zurückschicken, die nicht für sie registriert ist. Dorthin leiten wir Sie \
             nicht weiter.",
            "Öffnen Sie die App und versuchen Sie es noch einmal. Kommen Sie wieder hierher, wenden Sie sich an den \
             Anbieter der App.",
        ),
        Reason::Incomplete => (
            "Diese Seite lässt sich nicht für sich öffnen",
            "Sie ist ein Schritt einer Anmeldung, und die Schritte davor fehlen.",
            "Öffnen Sie die App oder die Website, die Sie verwenden möchten, und melden Sie sich von dort aus an.",
        ),
        Reason::Expired => (
            "Die Zeit ist abgelaufen",
            "Zu Ihrer Sicherheit war dieser Schritt nur begrenzte Zeit möglich. Es wurde nichts geändert.",
            "Gehen Sie zurück zur App und beginnen Sie noch einmal.",
        ),
        Reason::TooManyRequests => (
            "Zu viele Versuche",
            "Von hier kamen mehr Versuche, als wir zulassen.",
            "Warten Sie ein paar Minuten und versuchen Sie es dann noch einmal.",
        ),
        Reason::Unavailable => (
            "Zurzeit nicht möglich",
            "Wir konnten das nicht abschließen. Von Ihnen ist nichts verloren gegangen.",
            "Versuchen Sie es in einer Minute noch einmal.",
        ),
        Reason::NotFound => (
            "Seite nicht gefunden",
            "Unter dieser Adresse gibt es keine Seite.",
            "Prüfen Sie die Adresse oder gehen Sie zurück zur App.",
        ),
        Reason::NotAllowed => {
            ("Nicht erlaubt", "Das darf dieses Konto nicht.", "Sollte es das dürfen, wenden Sie sich an die Hilfe.")
        }
    };
    FailureText { title, text, advice }
}

fn notice(notice: Notice) -> NoticeText {
    let (title, text) = match notice {
        Notice::LoggedIn => ("Sie sind angemeldet", "Sie können diese Seite schließen und zur App zurückkehren."),
        Notice::LoggedOut => ("Sie sind abgemeldet", "Sie können diese Seite schließen."),
        Notice::CheckMail => (
            "Sehen Sie in Ihr Postfach",
            "Wenn die Adresse stimmt, ist eine Nachricht dorthin unterwegs. Das kann ein paar Minuten dauern; sehen Sie \
             auch im Spam-Ordner nach.",
        ),
        Notice::Verified => ("Adresse bestätigt", "Vielen Dank. Ihre E-Mail-Adresse ist bestätigt."),
        Notice::PasswordChanged => (
            "Passwort geändert",
            "Melden Sie sich ab jetzt mit dem neuen Passwort an. Überall sonst sind Sie abgemeldet.",
        ),
        Notice::AccountDisabled => {
            ("Konto gesperrt", "Niemand kann sich mehr damit anmelden. Unser Support kann es wieder freigeben.")
        }
        Notice::AddressChanged => ("Adresse geändert", "Melden Sie sich ab jetzt mit der neuen Adresse an."),
        Notice::AddressKept => (
            "Adresse beibehalten",
            "Es gilt wieder die alte Adresse, und Sie sind überall abgemeldet. Melden Sie sich ab jetzt mit ihr und dem neuen \
             Passwort an.",
        ),
        Notice::PasswordElsewhere => {
            ("Ihr Passwort gehört zu einem anderen System", "Es kann nur dort neu gesetzt und geändert werden.")
        }
        Notice::Unlocked => (
            "Sie können sich wieder anmelden",
            "Einen Tag lang hindern falsche Versuche anderer Sie nicht daran, sich von hier aus anzumelden.",
        ),
        Notice::AccountDeleted => ("Konto gelöscht", "Ihr Konto und was wir von Ihnen wussten sind gelöscht."),
    };
    NoticeText { title, text }
}

fn next(step: Step) -> &'static str {
    match step {
        Step::LogIn => "Anmelden",
        Step::Account => "Mein Konto",
        Step::PasswordElsewhere => "Dorthin",
        Step::Continue => "Weiter",
    }
}

pub(crate) fn mistake(mistake: &Mistake) -> String {
    match mistake {
        Mistake::OtherBrowser => {
            "Das Formular war zu lange offen, oder Cookies sind gesperrt. Bitte senden Sie es noch einmal.".to_owned()
        }
        Mistake::Unreadable => "Wir konnten das nicht lesen: Ein Feld ist viel zu lang oder wurde doppelt gesendet. Bitte prüfen Sie \
                                es und senden Sie das Formular noch einmal."
            .to_owned(),
        Mistake::WrongPasskey => "Der Passkey wurde nicht angenommen. Versuchen Sie es noch einmal oder melden Sie sich mit Ihrem Passwort an.".to_owned(),
        Mistake::PasswordNeeded => "Diese App braucht Ihr Passwort. Melden Sie sich damit an.".to_owned(),
        Mistake::WrongLogin => "Die Adresse oder das Passwort stimmt nicht.".to_owned(),
        Mistake::TooManyAttempts(wait) => {
            format!(
                "Zu viele Versuche. Versuchen Sie es {} noch einmal, oder wählen Sie über eine E-Mail ein neues Passwort.",
                within(*wait)
            )
        }
        Mistake::ProveByMail(wait) => {
            format!(
                "Zu viele Versuche. Versuchen Sie es {} noch einmal, oder weisen Sie über eine E-Mail nach, dass Sie es sind.",
                within(*wait)
            )
        }
        Mistake::TooManyRequests(wait) => format!("Das war zu oft. Versuchen Sie es {} noch einmal.", within(*wait)),
        Mistake::RefusedBy(system) => format!(
            "„{system}“ nimmt Ihr Konto nicht an. Vielleicht gilt dort ein anderes Passwort, oder Ihr Konto ist dort gesperrt oder fehlt."
        ),
        Mistake::UnreachableSystem(system) => {
            format!("„{system}“ ist zurzeit nicht erreichbar. Versuchen Sie es in einer Minute noch einmal.")
        }
        Mistake::Unavailable => {
            "Das ist zurzeit nicht möglich. Versuchen Sie es in einer Minute noch einmal.".to_owned()
        }
        Mistake::NotVerified => {
            "Bestätigen Sie zuerst Ihre E-Mail-Adresse mit der E-Mail, die wir geschickt haben. Ist sie verloren, wählen Sie über \
             eine E-Mail ein neues Passwort: Auch das bestätigt die Adresse."
                .to_owned()
        }
        Mistake::Required => "Bitte füllen Sie dieses Feld aus.".to_owned(),
        Mistake::TooLong(most) => format!("Höchstens {most} Zeichen."),
        Mistake::NoAddress => "Schreiben Sie eine E-Mail-Adresse, etwa name@example.com.".to_owned(),
        Mistake::NoDate => "Schreiben Sie ein Datum.".to_owned(),
        Mistake::NoTelephoneNumber => "Schreiben Sie eine Telefonnummer, etwa +49 30 5550000.".to_owned(),
        Mistake::WrongPassword => "Das ist nicht das Passwort des Kontos.".to_owned(),
        Mistake::ShortPassword(least) => format!("Das ist zu kurz: Schreiben Sie mindestens {least} Zeichen."),
        Mistake::CommonPassword => {
            "Dieses Passwort ist leicht zu erraten. Wählen Sie ein weniger gewöhnliches.".to_owned()
        }
        Mistake::KnownPassword(word) => {
            format!("Ohne „{word}“, das andere wissen können, ist dieses Passwort zu kurz. Wählen Sie ein anderes.")
        }
        Mistake::SamePassword => "Das ist Ihr jetziges Passwort. Wählen Sie ein neues.".to_owned(),
        Mistake::SameAddress => "Das ist bereits Ihre Adresse.".to_owned(),
        Mistake::WrongCode => "Dieser Code stimmt nicht oder gilt nicht mehr.".to_owned(),
        Mistake::NotConfirmed => "Bitte setzen Sie das Häkchen.".to_owned(),
        Mistake::PasskeyRefused => {
            "Dieser Passkey ließ sich nicht verwenden: Die Seite war zu lange offen, oder Ihr Browser hat etwas anderes gesendet. Bitte \
             fügen Sie ihn noch einmal hinzu."
                .to_owned()
        }
        Mistake::TooManyPasskeys(most) => {
            format!("Es kann {most} Passkeys geben. Entfernen Sie einen, bevor Sie einen anderen hinzufügen.")
        }
    }
}

/// A length of time in its largest unit, rounded up.
fn within(wait: Seconds) -> String {
    let (count, one, several) = match wait.as_u64() {
        seconds @ 0..60 => (seconds.max(1), "Sekunde", "Sekunden"),
        seconds @ 60..3_600 => (seconds.div_ceil(60), "Minute", "Minuten"),
        seconds => (seconds.div_ceil(3_600), "Stunde", "Stunden"),
    };
    format!("in {count} {}", if count == 1 { one } else { several })
}
