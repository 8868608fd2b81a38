//! The pages in English.

use super::Texts;
use crate::Mistake;
use crate::pages::{FailureText, Notice, NoticeText, Reason, Step};
use gateway_domain::time::Seconds;

pub(crate) const TEXTS: Texts = Texts {
    error_in_title: "Error: ",
    error_summary: "Please check what you typed",
    help: "Help",
    privacy: "Privacy",
    terms: "Terms of use",

    username: "E-mail address or user name",
    password: "Password",
    password_at: |system| format!("Password for “{system}”"),
    password_at_hint: "It has a password of its own, which is used for this login and not kept.",
    password_stays: ("It does not change the password for ", ", which has one of its own."),

    log_in: "Log in",
    log_in_for: ("to continue to ", ""),
    log_in_by_passkey: "Log in with a passkey",
    passkey_cancelled: "No passkey was used. Try again, or log in with your password.",
    passkey_failed: "The passkey could not be used here. Try again, or log in with your password.",
    no_account: "No account yet?",
    create_account: "Create one",

    consent: "Allow access?",
    consent_asks: ("", " would like to use your account. It will be able to:"),
    consent_returns_to: ("You will return to ", "."),
    logged_in_as: ("You are logged in as ", "."),
    allow: "Allow",
    deny: "Don’t allow",
    scope,

    optional: "optional",
    address: "E-mail address",
    new_address: "New e-mail address",
    new_address_hint: "We send a code to it. Until you confirm it, nothing changes.",
    current_password: "Current password",
    new_password: "New password",
    code: "Code",
    code_hint: "The 8 digits from the mail",
    forgotten_link: "Forgotten your password?",
    unlock_link: "Prove by a mail that it is you",
    sign_up: "Create an account",
    accept_terms: ("By creating an account, you accept our ", "."),
    have_account: "You have an account already?",
    verify: "Confirm your address",
    verify_code: ("We have sent a code to ", "."),
    verify_link: ("Is ", " your address?"),
    verify_other_browser: "The account was made in another browser, so please type its password.",
    confirm: "Confirm",
    no_mail: "No mail?",
    resend: "Send another one",
    forgotten: "Forgotten password",
    forgotten_text: "Tell us your e-mail address, and we send you a code with which you can choose a new password.",
    send_mail: "Send the code",
    back_to_login: "Back to the login",
    reset: "Choose a new password",
    reset_code: "If the address is right, a code is on its way to it.",
    unlock: "Prove that it is you",
    unlock_text: "After too many wrong attempts, an account lets nobody in from a new place until its owner proves to be the owner. Tell us \
                  your e-mail address, and we send you a code with which you can log in from here. Your password stays as it is.",
    unlock_confirm: "Confirm if you want to log in from here. Nothing of your account changes.",
    ends_sessions: "The new password logs you out everywhere.",
    set_password: "Set the new password",
    change_password: "Change the password",
    ends_others: "The new password logs you out everywhere else.",
    change_address: "Change the address",
    address_now: ("Your address is ", "."),
    take_back: "Take the account back",
    take_back_asks: ("Your account gets the address ", " back, with a new password."),
    profile: "Profile",
    save: "Save",
    saved: "Saved.",
    disable: "Disable the account",
    disable_text: "Nobody can log in to it any more, and you are logged out everywhere. Our support can enable it again.",
    delete: "Delete the account",
    delete_text: "Your account and what we know of you will be deleted, and you are logged out everywhere. This cannot be undone.",
    sessions: "Where you are logged in",
    sessions_text: "Log out whatever you do not recognise, then change your password.",
    no_sessions: "You are logged in to no app.",
    this_session: "this browser",
    session_made: "Logged in:",
    session_refreshed: "Last used:",
    end_session: "Log out",
    end_others: "Log out everywhere else",
    devices: "Your devices",
    devices_text: "Apps have linked these devices to your account. Remove what you no longer have or do not recognise.",
    no_devices: "No device is linked to your account.",
    device_name: "Name of the device",
    device_linked: "Linked:",
    remove_device: "Remove",
    passkeys: "Your passkeys",
    passkeys_stay: "It does not end your passkeys. Remove those that you do not recognise:",
    passkeys_text: "With each of these you log in by fingerprint, face or screen lock, without a password. Remove what you no longer have \
                    or do not recognise: you are logged out everywhere else then.",
    no_passkeys: "You have no passkey yet. With one you log in by fingerprint, face or screen lock, without a password.",
    passkey_name: "Name of the passkey",
    passkey_added: "Added:",
    passkey_unused: "not yet",
    passkey_synced: "On all your devices",
    passkey_bound: "On one device",
    passkeys_full: |most| {
        format!("You have {most} passkeys, and there can be no more. Remove one before you add another.")
    },
    add_passkey: "Add a passkey",
    remove_passkey: "Remove",
    remove_last_passkey: "Remove the last passkey?",
    remove_last_passkey_text: (
        "Your account has no password here, and ",
        " is its last passkey. Without it you log in only where another system still knows your password. You are logged out \
         everywhere else.",
    ),
    passkeys_prove: "Add or remove a passkey",
    passkeys_prove_text: "Show first that it is you.",
    log_in_again: "Log in again",
    no_passkeys_here: "This browser cannot make passkeys here. Use a newer one, and let its pages run scripts.",
    no_passkey_of_account: "This account cannot have passkeys, because of the way it was made. Log in with your password; whoever runs \
                            this service can tell you more.",
    add_passkey_known: "There is a passkey of your account on this device already.",
    add_passkey_cancelled: "No passkey was added. If you did not mean to stop, try again.",
    add_passkey_failed: "Your browser could not make a passkey for this address.",
    apps: "Apps with access",
    apps_text: "You have allowed these apps to use your account.",
    no_apps: "You have allowed no app to use your account.",
    revoke: "Take access away",
    account: "My account",
    back_to_account: "Back to my account",
    my_data: "Download my data",
    log_out: "Log out",
    password_hint: |least| format!("At least {least} characters, such as four unusual words"),
    log_out_asks: "Log out of this browser?",
    log_out_means: "Apps in which you logged in through it are logged out, too.",

    detail: "For the developers of the app",
    reference: "Reference",
    failure,
    notice,
    next,
};

/// What the scopes of the gateway's own allow.
fn scope(scope: &str) -> Option<&'static str> {
    Some(match scope {
        "openid" => "Recognise you when you come back",
        "device_sso" => "Let other apps of the same company on this device in without another login",
        "profile" => "See your profile",
        "email" => "See your e-mail address",
        "account" => "See and change your account",
        _ => return None,
    })
}

fn failure(reason: Reason) -> FailureText {
    let (title, text, advice) = match reason {
        Reason::UnknownApp => (
            "Unknown app",
            "The app that sent you here is not registered.",
            "Open the app and try again. If it leads you here once more, tell whoever made the app.",
        ),
        Reason::UnknownReturnAddress => (
            "Unknown return address",
            "The app wants you to return to an address that is not registered for it, so we do not send you there.",
            "Open the app and try again. If it leads you here once more, tell whoever made the app.",
        ),
        Reason::Incomplete => (
            "This page cannot be opened by itself",
            "It is one step of a login, and the steps before it are missing.",
            "Open the app or the web site that you want to use, and log in from there.",
        ),
        Reason::Expired => (
            "This took too long",
            "For your safety, this step was open for a limited time only. Nothing was changed.",
            "Go back to the app and start again.",
        ),
        Reason::TooManyRequests => (
            "Too many attempts",
            "There were more attempts from here than we allow.",
            "Wait a few minutes, then try again.",
        ),
        Reason::Unavailable => (
            "Not available at the moment",
            "We could not finish this. Nothing of yours is lost.",
            "Try again in a minute.",
        ),
        Reason::NotFound => {
            ("Page not found", "There is no page at this address.", "Check the address, or go back to the app.")
        }
        Reason::NotAllowed => {
            ("Not allowed", "This account may not do that.", "If you think that it should, ask for help.")
        }
    };
    FailureText { title, text, advice }
}

fn notice(notice: Notice) -> NoticeText {
    let (title, text) = match notice {
        Notice::LoggedIn => ("You are logged in", "You can close this page and go back to the app."),
        Notice::LoggedOut => ("You are logged out", "You can close this page."),
        Notice::CheckMail => (
            "Check your mail",
            "If the address is right, a message is on its way to it. It can take a few minutes; look into your spam \
             folder, too.",
        ),
        Notice::Verified => ("Address confirmed", "Thank you. Your e-mail address is confirmed."),
        Notice::PasswordChanged => {
            ("Password changed", "From now on, log in with the new password. You are logged out everywhere else.")
        }
        Notice::AccountDisabled => {
            ("Account disabled", "Nobody can log in to it any more. Our support can enable it again.")
        }
        Notice::PasswordElsewhere => {
            ("Your password belongs to another system", "It is not kept here, so it can be set and changed only there.")
        }
        Notice::AddressChanged => ("Address changed", "From now on, log in with the new address."),
        Notice::AddressKept => (
            "Address kept",
            "Your address is the old one again, and you are logged out everywhere. From now on, log in with it and the new \
             password.",
        ),
        Notice::Unlocked => {
            ("You can log in again", "For a day, wrong attempts of others do not keep you from logging in from here.")
        }
        Notice::AccountDeleted => ("Account deleted", "Your account and what we knew of you are deleted."),
    };
    NoticeText { title, text }
}

fn next(step: Step) -> &'static str {
    match step {
        Step::LogIn => "Log in",
        Step::Account => "My account",
        Step::PasswordElsewhere => "Go there",
        Step::Continue => "Continue",
    }
}

pub(crate) fn mistake(mistake: &Mistake) -> String {
    match mistake {
        Mistake::OtherBrowser => {
            "The form was open for too long or cookies are blocked. Please send it again.".to_owned()
        }
        Mistake::Unreadable => {
            "We could not read this: a field is far too long, or was sent twice. Please check it and send it again."
                .to_owned()
        }
        Mistake::WrongPasskey => "The passkey was not accepted. Try again, or log in with your password.".to_owned(),
        Mistake::PasswordNeeded => "This app needs your password. Log in with it.".to_owned(),
        Mistake::WrongLogin => "The address or the password is not right.".to_owned(),
        Mistake::TooManyAttempts(wait) => {
            format!("Too many attempts. Try again {}, or choose a new password by a mail.", within(*wait))
        }
        Mistake::ProveByMail(wait) => {
            format!("Too many attempts. Try again {}, or prove by a mail that it is you.", within(*wait))
        }
        Mistake::TooManyRequests(wait) => format!("That was too often. Try again {}.", within(*wait)),
        Mistake::RefusedBy(system) => {
            format!("“{system}” does not take your account. It may have another password, or your account there is locked or missing.")
        }
        Mistake::UnreachableSystem(system) => {
            format!("“{system}” cannot be reached at the moment. Try again in a minute.")
        }
        Mistake::Unavailable => "This is not possible at the moment. Try again in a minute.".to_owned(),
        Mistake::NotVerified => "Confirm your e-mail address first, by the mail that we sent. If it is lost, choose a new password by a mail: \
             that confirms the address, too."
            .to_owned(),
        Mistake::Required => "Please fill this in.".to_owned(),
        Mistake::TooLong(most) => format!("At most {most} characters."),
        Mistake::NoAddress => "Write an e-mail address, such as name@example.com.".to_owned(),
        Mistake::NoDate => "Write a date.".to_owned(),
        Mistake::NoTelephoneNumber => "Write a telephone number, such as +44 20 7946 0000.".to_owned(),
        Mistake::WrongPassword => "This is not the password of the account.".to_owned(),
        Mistake::ShortPassword(least) => format!("This is too short: write at least {least} characters."),
        Mistake::CommonPassword => "This password is easy to guess. Choose one that is less usual.".to_owned(),
        Mistake::KnownPassword(word) => {
            format!("Without “{word}”, which others can know, this password is too short. Choose another.")
        }
        Mistake::SamePassword => "This is your current password. Choose a new one.".to_owned(),
        Mistake::SameAddress => "This is your address already.".to_owned(),
        Mistake::WrongCode => "This code is not right or no longer valid.".to_owned(),
        Mistake::NotConfirmed => "Please tick the box.".to_owned(),
        Mistake::PasskeyRefused => {
            "We could not use this passkey: the page was open for too long, or your browser sent something else. Please add it once more."
                .to_owned()
        }
        Mistake::TooManyPasskeys(most) => {
            format!("There can be {most} passkeys. Remove one before you add another.")
        }
    }
}

/// A length of time in its largest unit, rounded up.
fn within(wait: Seconds) -> String {
    let (count, unit) = match wait.as_u64() {
        seconds @ 0..60 => (seconds.max(1), "second"),
        seconds @ 60..3_600 => (seconds.div_ceil(60), "minute"),
        seconds => (seconds.div_ceil(3_600), "hour"),
    };
    format!("in {count} {unit}{}", if count == 1 { "" } else { "s" })
}
