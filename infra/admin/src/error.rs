//! The errors of a command, each with what to do next, and the exit code of each.

use crate::aws_cli::AwsCliError;
use crate::catalogue::OTHER_FILE;
use crate::exit::Exit;
use gateway_administration::{ActError, Problem, WrongField};
use gateway_connectors::ConnectorError;
use gateway_credentials::password_policy::Weak;
use gateway_domain::ids::{ApiName, ClientId, ConnectorName, InvalidId, UserId};
use gateway_runtime::StartError;
use gateway_store::StoreError;
use std::path::PathBuf;

/// Why a command failed. No text holds a secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(
        "which gateway? Name its CloudFormation stack with --stack NAME (or GATEWAY_STACK), use --local for the local \
         stack, --url for its admin API, or set USERS_TABLE and its like as template.yaml does for the functions"
    )]
    NoTarget,
    #[error("no local stack runs here: there is no {}. Start one with `cargo run`, or name its data directory with --local=DIR", .0.display())]
    NoLocalStack(PathBuf),
    #[error("{} cannot be read: {reason}", .path.display())]
    File { path: PathBuf, reason: String },
    #[error("{}: {error}", .path.display())]
    Config { path: PathBuf, error: gateway_config::ConfigError },
    #[error("{} cannot be written: {reason}", .path.display())]
    NotWritten { path: PathBuf, reason: String },
    #[error(transparent)]
    AwsCli(#[from] AwsCliError),
    #[error(
        "{place} has no {resource}: is it the stack of this gateway, and was it deployed with a template that has it? \
         `aws cloudformation list-stack-resources --stack-name {place}` shows what it has"
    )]
    NoResource { place: String, resource: &'static str },
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("{store}{hint}", store = .0, hint = hint(.0))]
    Store(#[from] StoreError),
    #[error("nothing was changed, since it could not be written to the audit table: {store}{hint}", store = .0, hint = hint(.0))]
    NotAudited(StoreError),
    #[error("it was done, but its outcome could not be written to the audit table, where it stays `begun`: {0}")]
    OutcomeNotAudited(StoreError),
    #[error("there is no user {0}: `gateway-admin users list` shows all")]
    NoUser(String),
    #[error(
        "{name} is the address of one user and the id of another: name the first by its id, {by_address}, and the second by its address"
    )]
    TwoUsers { name: String, by_address: UserId },
    #[error("there is no app {0}: `gateway-admin apps list` shows all")]
    NoApp(ClientId),
    #[error("there is no such session, or it is over: `gateway-admin sessions list USER` shows those of a user")]
    NoSession,
    #[error("there is no such device: `gateway-admin devices list USER` shows those of a user")]
    NoDevice,
    #[error(
        "there is no such passkey: `gateway-admin users passkeys USER` shows those of a user; if its removal broke off, `gateway-admin sessions end --user USER` completes it"
    )]
    NoPasskey,
    /// An act on applications was not done; what it names is written as the arguments of the command.
    #[error("{}", in_words(.0))]
    Fields(Vec<WrongField>),
    #[error("{0} is taken: nothing was created")]
    Taken(String),
    #[error("{0} was changed or removed by somebody else at the same time: nothing was written; look and repeat")]
    Conflict(String),
    #[error("{client_id} has no subscription to {api}: `gateway-admin subscriptions list {client_id}` shows all")]
    NoSubscription { client_id: ClientId, api: ApiName },
    /// An argument or input is wrong, or names something that gateway.yaml does not have.
    #[error("{0}")]
    Invalid(String),
    /// The command is well formed, but a rule of the gateway forbids it.
    #[error("{0}")]
    Refused(String),
    #[error("not a user id: {0}")]
    UserId(#[from] InvalidId),
    #[error("the password is refused: {0}")]
    Weak(#[from] Weak),
    #[error("the password could not be hashed: {0}")]
    Hash(#[from] gateway_domain::password::HashError),
    #[error("no password was read: type it when asked, or send it as the one line of standard input")]
    NoPassword,
    #[error("the two passwords differ: nothing was changed")]
    PasswordsDiffer,
    #[error("not confirmed: nothing was changed; type what is asked for, or use --yes")]
    NotConfirmed,
    #[error(
        "{failed} of {total} {unit}s were not imported; correct them and repeat the command, which skips who is there"
    )]
    Import { failed: usize, total: usize, unit: &'static str },
    #[error(
        "the import stopped at {unit} {number}: {reason}\nRepeat the command when that is mended; it skips who is there"
    )]
    ImportStopped { number: u64, unit: &'static str, reason: String },
    #[error(
        "all else was done, but {failed} sessions, which have ended at the gateway, are not logged out at back ends: \
         their logout could not be queued: {reason}\n`gateway-admin sessions logout` queues it again"
    )]
    LogoutsNotQueued { failed: usize, reason: String },
    #[error("there is no connector {name} in {}: it has {known}", .path.display())]
    NoConnector { name: ConnectorName, path: PathBuf, known: String },
    #[error("{connector} did not log in: {error}")]
    Connector { connector: ConnectorName, error: ConnectorError },
    #[error("{told}")]
    Remote { status: u16, told: String },
    #[error("{url} cannot be reached: {reason}")]
    Unreachable { url: String, reason: String },
    #[error(
        "the admin API does not do this: name the stack with --stack, for which AWS rights are needed, or use --local"
    )]
    NotRemote,
    #[error("{0} items were changed by others while they were migrated and stay as they are; repeat the command")]
    MigrationLeft(u64),
}

impl Error {
    /// The exit code, by which a script tells errors apart.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Fields(wrong) if !wrong.iter().any(|wrong| matches!(wrong.problem, Problem::Rule(_))) => Exit::Usage,
            Self::Remote { status, .. } => match status {
                400 | 413 | 415 => Exit::Usage,
                401 | 403 => Exit::Refused,
                404 => Exit::NotFound,
                409 | 412 => Exit::Conflict,
                429 | 502..=504 => Exit::Unavailable,
                _ => Exit::Failed,
            },
            Self::Unreachable { .. } => Exit::Unavailable,
            Self::NoTarget
            | Self::NotRemote
            | Self::Invalid(_)
            | Self::UserId(_)
            | Self::NoPassword
            | Self::PasswordsDiffer
            | Self::NotConfirmed
            | Self::AwsCli(AwsCliError::NoRegion)
            | Self::Start(StartError::Missing { .. }) => Exit::Usage,
            Self::NoUser(_)
            | Self::NoApp(_)
            | Self::NoSession
            | Self::NoDevice
            | Self::NoPasskey
            | Self::NoSubscription { .. }
            | Self::NoConnector { .. } => Exit::NotFound,
            Self::Connector { error, .. } => match error {
                ConnectorError::Refused | ConnectorError::NotLinked | ConnectorError::PasswordNeeded => Exit::Refused,
                ConnectorError::Unavailable(_) => Exit::Unavailable,
                ConnectorError::Misbehaved(_) | ConnectorError::Unfit(_) => Exit::Failed,
            },
            Self::Taken(_) | Self::Conflict(_) | Self::TwoUsers { .. } => Exit::Conflict,
            Self::Fields(_) | Self::Refused(_) | Self::Weak(_) | Self::AwsCli(AwsCliError::Refused { .. }) => {
                Exit::Refused
            }
            Self::NoLocalStack(_)
            | Self::NoResource { .. }
            | Self::AwsCli(AwsCliError::NotInstalled | AwsCliError::NotRun(_) | AwsCliError::Unexpected { .. }) => {
                Exit::Unavailable
            }
            Self::Start(StartError::Unavailable { reason, .. }) => unanswered(reason),
            Self::Store(store) | Self::NotAudited(store) => match store {
                StoreError::Unavailable { cause, .. } => unanswered(cause),
                StoreError::Corrupt { .. } | StoreError::Newer { .. } => Exit::Failed,
            },
            Self::File { .. }
            | Self::Config { .. }
            | Self::NotWritten { .. }
            | Self::Start(StartError::Invalid { .. })
            | Self::OutcomeNotAudited(_)
            | Self::Hash(_)
            | Self::Import { .. }
            | Self::ImportStopped { .. }
            | Self::LogoutsNotQueued { .. }
            | Self::MigrationLeft(_) => Exit::Failed,
        }
    }
}

impl From<ActError> for Error {
    fn from(error: ActError) -> Self {
        match error {
            ActError::Store(error) => Self::Store(error),
            ActError::NotAudited(error) => Self::NotAudited(error),
            ActError::OutcomeNotAudited(error) => Self::OutcomeNotAudited(error),
            ActError::NoApp(client_id) => Self::NoApp(client_id),
            ActError::NoSubscription { client_id, api } => Self::NoSubscription { client_id, api },
            ActError::Taken(what) => Self::Taken(what),
            ActError::Conflict(what) => Self::Conflict(what),
            ActError::NothingWaits => {
                Self::Refused("nothing waits for an approval: it was decided or withdrawn".to_owned())
            }
            ActError::Fields(wrong) => Self::Fields(wrong),
            ActError::NoEntropy(error) => Self::Start(error.into()),
        }
    }
}

/// What is wrong, with the arguments that say it otherwise.
fn in_words(wrong: &[WrongField]) -> String {
    let one = |WrongField { field, problem }: &WrongField| match (problem, field.as_str()) {
        (Problem::Unknown(_), _) => format!("{problem}. {OTHER_FILE}"),
        (Problem::Malformed(_), field) => format!("--{}: {problem}", field.replace('_', "-")),
        (Problem::Rule(_), "redirect_uris") => format!("{problem} (--redirect-uri)"),
        (Problem::Rule(_), "overlap") => format!("{problem} (`gateway-admin apps end-overlap`, or --now)"),
        (Problem::Rule(_), "kind") => problem.to_string(),
        (Problem::Rule(_), field) => format!("{problem} (--{})", field.replace('_', "-")),
    };
    wrong.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// Tells a refusal of these credentials by AWS from a service that does not answer as it should.
fn unanswered(cause: &str) -> Exit {
    let refusals = ["AccessDenied", "ExpiredToken", "UnrecognizedClient"];
    if refusals.iter().any(|sign| cause.contains(sign)) { Exit::Refused } else { Exit::Unavailable }
}

/// What to do about a store that did not answer as it should.
fn hint(error: &StoreError) -> &'static str {
    let cause = match error {
        StoreError::Unavailable { cause, .. } => cause,
        StoreError::Newer { .. } => {
            return "\nThis command is older than the gateway: use the gateway-admin of the version that is deployed";
        }
        StoreError::Corrupt { .. } => return "",
    };
    let known = [
        (
            "ResourceNotFoundException",
            "\nThe table is not there: deploy this version of template.yaml, and check the region",
        ),
        ("AccessDenied", "\nYour AWS identity may not do this: it needs read and write access to the gateway's tables"),
        ("ExpiredToken", "\nYour AWS credentials have expired: log in again, as with `aws sso login`"),
        ("UnrecognizedClient", "\nAWS does not know these credentials: check them with `aws sts get-caller-identity`"),
        ("Connection refused", "\nNobody answers there: is the local stack still running?"),
    ];
    known.iter().find(|(sign, _)| cause.contains(sign)).map_or("", |(_, hint)| hint)
}
