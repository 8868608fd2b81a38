//! Every way a request can fail, and the one response for each.

use gateway_config::NoIssuer;
use gateway_credentials::password_policy::Weak;
use gateway_credentials::{CredentialsError, NoAccess};
use gateway_domain::entropy::NoEntropy;
use gateway_domain::form::InvalidForm;
use gateway_domain::passkey::MAX_PASSKEYS;
use gateway_domain::password::HashError;
use gateway_domain::presented_token::NotTheHolder;
use gateway_domain::problem::Problem;
use gateway_domain::sealing::CannotOpen;
use gateway_domain::time::Seconds;
use gateway_passkeys::{Refused, UnsupportedCpu};
use gateway_runtime::StartError;
use gateway_store::StoreError;
use serde_json::{Value, json};

/// Why a request fails. The text is for the log alone.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    NoIssuer(#[from] NoIssuer),
    #[error("no such path, or nobody can sign up here")]
    NotFound,
    #[error("the body is not what the path takes: {0}")]
    Malformed(String),
    #[error("the form is of another browser or site")]
    OtherBrowser,
    /// Each field by its name. There is one at least.
    #[error("fields are refused: {}", .0.iter().map(|(field, _)| field.as_str()).collect::<Vec<_>>().join(", "))]
    Fields(Vec<(String, Wrong)>),
    #[error("the form is refused: {0}")]
    Form(InvalidForm),
    #[error("the password belongs to a legacy system, which alone resets it")]
    PasswordElsewhere(Option<String>),
    #[error("the address is the name by which the directory knows the account")]
    AddressElsewhere,
    #[error("the directory has no answer: {0}")]
    Directory(String),
    #[error("the code is wrong, used or over")]
    WrongCode,
    #[error("too many requests; wait {0} s")]
    TooMany(Seconds),
    #[error("too many attempts; wait {0} s")]
    TooManyAttempts(Seconds),
    #[error("store: {0}")]
    Store(#[from] StoreError),
    #[error("somebody else changes the same account")]
    Busy,
    #[error("start: {0}")]
    Start(#[from] StartError),
    #[error("the address is not proved yet")]
    NotVerified,
    #[error("the path does not have the method")]
    MethodNotAllowed(&'static str),
    #[error("the access token has not the scope account")]
    Scope,
    /// Nobody is logged in, or no longer.
    #[error("a login is needed")]
    NotLoggedIn,
    #[error("access token refused: {0}")]
    NotTheHolder(NotTheHolder),
    #[error("the address or the password is wrong")]
    WrongLogin,
    #[error("hash: {0}")]
    Hash(#[from] HashError),
    #[error("seal: {0}")]
    Seal(#[from] CannotOpen),
    #[error("the passkey is refused: {0}")]
    Passkey(#[from] Refused),
    /// Why is in the log.
    #[error("a passkey logs nobody in")]
    WrongPasskey,
    #[error("the challenge of the passkey is none of this user, or has lapsed")]
    PasskeyChallenge,
    #[error("the user has another passkey of this id")]
    PasskeyTaken,
    #[error("the user has as many passkeys as there can be")]
    TooManyPasskeys,
    #[error("it is the last passkey of a user without a password")]
    LastPasskey,
    #[error("there are no passkeys here, or none for people of the directory")]
    NoPasskeys,
    #[error(transparent)]
    UnsupportedCpu(#[from] UnsupportedCpu),
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wrong {
    Required,
    TooLong(usize),
    NoAddress,
    NoDate,
    NoTelephoneNumber,
    Password(Weak),
    OtherPassword,
    /// The account has none that could be shown.
    NoPassword,
    SamePassword,
    SameAddress,
}

impl From<NoEntropy> for Failure {
    fn from(error: NoEntropy) -> Self {
        Self::Start(error.into())
    }
}

impl From<CredentialsError> for Failure {
    fn from(error: CredentialsError) -> Self {
        match error {
            CredentialsError::TooManyAttempts(wait) => Self::TooManyAttempts(wait),
            CredentialsError::Password | CredentialsError::Client(_) => Self::WrongLogin,
            CredentialsError::Directory(reason) => Self::Directory(reason),
            CredentialsError::Store(error) => Self::Store(error),
            CredentialsError::Hash(error) => Self::Hash(error),
            CredentialsError::Start(error) => Self::Start(error),
        }
    }
}

impl From<NoAccess> for Failure {
    fn from(error: NoAccess) -> Self {
        match error {
            NoAccess::NoToken => Self::NotLoggedIn,
            NoAccess::NotTheHolder(reason) => Self::NotTheHolder(reason),
        }
    }
}

impl Failure {
    /// One field that is wrong.
    pub(crate) fn field(field: &str, wrong: Wrong) -> Self {
        Self::Fields(vec![(field.to_owned(), wrong)])
    }

    /// Its name in metrics and logs.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::NoIssuer(_) => "no_issuer",
            Self::NotFound => "not_found",
            Self::Malformed(_) | Self::Form(_) => "malformed_request",
            Self::OtherBrowser => "other_browser",
            Self::Fields(_) => "field",
            Self::PasswordElsewhere(_) => "password_elsewhere",
            Self::AddressElsewhere => "address_elsewhere",
            Self::Directory(_) => "directory",
            Self::WrongCode => "code",
            Self::TooMany(_) | Self::TooManyAttempts(_) => "too_many_attempts",
            Self::Store(_) => "store",
            Self::Busy => "busy",
            Self::NotVerified => "not_verified",
            Self::MethodNotAllowed(_) => "method_not_allowed",
            Self::Scope => "access_token_scope",
            Self::NotLoggedIn => "not_logged_in",
            Self::NotTheHolder(_) => "access_token_holder",
            Self::WrongLogin => "credentials",
            Self::Start(_) => "dependency",
            Self::Hash(_) | Self::Seal(_) => "internal",
            Self::Passkey(_) | Self::PasskeyChallenge | Self::PasskeyTaken | Self::WrongPasskey => "passkey",
            Self::TooManyPasskeys => "too_many_passkeys",
            Self::LastPasskey => "last_passkey",
            Self::NoPasskeys => "no_passkeys",
            Self::UnsupportedCpu(_) => "unsupported_cpu",
        }
    }

    /// As JSON, and how long to wait if that helps.
    pub(crate) fn problem(&self) -> (Problem, Option<Seconds>) {
        let bad = |detail: &str| (Problem::new(400, "Bad Request", detail), None);
        let conflict = |detail: &str| (Problem::new(409, "Conflict", detail), None);
        match self {
            Self::NotFound => (Problem::new(404, "Not Found", "There is no such route."), None),
            Self::Malformed(detail) => bad(detail),
            Self::OtherBrowser => bad("Send the form once more."),
            Self::Form(InvalidForm::TooLarge) => {
                (Problem::new(413, "Content Too Large", &InvalidForm::TooLarge.to_string()), None)
            }
            Self::Form(error) => bad(&error.to_string()),
            Self::Fields(wrong) => {
                let (problem, wait) = bad("A field is not as it must be.");
                let one = |(field, wrong): &(String, Wrong)| json!({ "field": field, "reason": wrong.to_string() });
                let first = wrong.first().into_iter();
                let problem = first.fold(problem, |problem, (field, wrong)| {
                    problem.with("field", field.as_str()).with("reason", wrong.to_string())
                });
                (problem.with("errors", wrong.iter().map(one).collect::<Value>()), wait)
            }
            Self::WrongCode => bad("The code is wrong, was used or is over, or the password does not belong to it."),
            Self::PasswordElsewhere(link) => {
                let detail = "The password belongs to another system and can be set there alone.";
                let problem = Problem::new(403, "Forbidden", detail);
                (link.iter().fold(problem, |problem, link| problem.with("link", link.as_str())), None)
            }
            Self::AddressElsewhere => {
                let detail = "The address is the name that another system knows, and belongs to that system.";
                (Problem::new(403, "Forbidden", detail), None)
            }
            Self::TooMany(wait) => {
                (Problem::new(429, "Too Many Requests", "Too many mails were asked for. Try again later."), Some(*wait))
            }
            Self::NotVerified => bad("Prove the address first: a mail with a code was sent to it."),
            Self::MethodNotAllowed(_) => {
                (Problem::new(405, "Method Not Allowed", "See the Allow header for what this route takes."), None)
            }
            Self::Scope => (Problem::new(403, "Forbidden", "The access token needs the scope `account`."), None),
            Self::NotLoggedIn => (Problem::new(401, "Unauthorized", "Log in first."), None),
            Self::NotTheHolder(reason) => {
                let problem = Problem::new(401, "Unauthorized", &format!("{reason}."));
                (problem.with("error", reason.code().as_str()), None)
            }
            Self::WrongLogin => bad("The address or the password is not right."),
            Self::TooManyAttempts(wait) => {
                let detail = "Too many attempts. Try again later, or prove by a mail that it is you.";
                (Problem::new(429, "Too Many Requests", detail), Some(*wait))
            }
            Self::Passkey(reason) => bad(&format!("The passkey is refused: {reason}.")),
            Self::WrongPasskey => bad("The passkey was not accepted."),
            Self::PasskeyChallenge => bad(
                "The challenge has lapsed, or was not given out for this account as it is now. Ask for options again, and make the \
                 passkey by those.",
            ),
            Self::PasskeyTaken => conflict("The account has another passkey of this id."),
            Self::TooManyPasskeys => conflict(&format!("The account has {MAX_PASSKEYS} passkeys. Remove one first.")),
            Self::LastPasskey => conflict(
                "It is the last passkey of an account that has no password. Send `last` with `true` to remove it all the same.",
            ),
            Self::NoPasskeys => {
                let detail = "There are no passkeys here, or another system decides at each login who this user is.";
                (Problem::new(403, "Forbidden", detail), None)
            }
            Self::NoIssuer(_) | Self::Hash(_) | Self::Seal(_) | Self::UnsupportedCpu(_) => {
                (Problem::new(500, "Internal Server Error", "Something went wrong inside the gateway."), None)
            }
            Self::Directory(_) | Self::Store(_) | Self::Start(_) | Self::Busy => (
                Problem::new(503, "Service Unavailable", "It could not be done just now. Try again."),
                Some(Seconds::new(5)),
            ),
        }
    }
}

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Required => f.write_str("it is required"),
            Self::TooLong(most) => write!(f, "it has more than {most} characters"),
            Self::NoAddress => f.write_str("it is no e-mail address"),
            Self::NoDate => f.write_str("it is no date: write 2026-11-27"),
            Self::NoTelephoneNumber => f.write_str("it is no telephone number"),
            Self::Password(weak) => weak.fmt(f),
            Self::OtherPassword => f.write_str("it is not the password of the account"),
            Self::NoPassword => f.write_str(
                "the account has no password: log in again, by a passkey, and repeat this within ten minutes",
            ),
            Self::SamePassword => f.write_str("it is the current password"),
            Self::SameAddress => f.write_str("it is the address that the account has"),
        }
    }
}
