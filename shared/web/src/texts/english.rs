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

    log_in: "Log in",
    log_in_for: ("to continue to ", ""),
    forgotten: "Forgotten your password?",
    no_account: "No account yet?",
    create_account: "Create one",

    consent: "Allow access?",
    consent_asks: ("", " would like to use your account. It will be able to:"),
    consent_returns_to: ("You will return to ", "."),
    logged_in_as: ("You are logged in as ", "."),
    allow: "Allow",
    deny: "Don’t allow",
    another_account: "Use another account",

    log_out: "Log out",
    log_out_asks: "Log out of this browser?",
    log_out_means: "Apps on your devices stay logged in.",

    detail: "For the developers of the app",
    reference: "Reference",
    failure,
    notice,
    next,
};

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
        Notice::AccountDeleted => ("Account deleted", "Your account and what we knew of you are deleted."),
    };
    NoticeText { title, text }
}

fn next(step: Step) -> &'static str {
    match step {
        Step::LogIn => "Log in",
        Step::Account => "My account",
        Step::Continue => "Continue",
    }
}

pub(crate) fn mistake(mistake: &Mistake) -> String {
    match mistake {
        Mistake::OtherBrowser => {
            "The form was open for too long or cookies are blocked. Please send it again.".to_owned()
        }
        Mistake::WrongLogin => "The address or the password is not right.".to_owned(),
        Mistake::TooManyAttempts(wait) => format!("Too many attempts. Try again {}.", within(*wait)),
        Mistake::RefusedBy(system) => {
            format!("“{system}” refuses these details. It may have another password, or your account there is locked.")
        }
        Mistake::UnreachableSystem(system) => {
            format!("“{system}” cannot be reached at the moment. Try again in a minute.")
        }
        Mistake::Unavailable => "This is not possible at the moment. Try again in a minute.".to_owned(),
        Mistake::NotVerified => "Confirm your e-mail address first. We have sent you a message.".to_owned(),
        Mistake::Required => "Please fill this in.".to_owned(),
        Mistake::TooLong(most) => format!("At most {most} characters."),
        Mistake::NoAddress => "Write an e-mail address, such as name@example.com.".to_owned(),
        Mistake::NoDate => "Write a date.".to_owned(),
        Mistake::NoTelephoneNumber => "Write a telephone number, such as +44 20 7946 0000.".to_owned(),
        Mistake::WrongPassword => "This is not your current password.".to_owned(),
        Mistake::ShortPassword(least) => {
            format!("At least {least} characters. Four or five unusual words are easy to remember.")
        }
        Mistake::CommonPassword => "This password is easy to guess. Choose one that is less usual.".to_owned(),
        Mistake::KnownPassword(word) => {
            format!("Without “{word}”, which others can know, this password is too short. Choose another.")
        }
        Mistake::SamePassword => "This is your current password. Choose a new one.".to_owned(),
        Mistake::WrongCode => "This code is not right or no longer valid.".to_owned(),
        Mistake::NotConfirmed => "Please tick the box.".to_owned(),
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
