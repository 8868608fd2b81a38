//! Connects to a gateway: a stack in AWS, the local stack, or resources named in the environment.

use crate::aws_cli::{self, Resources};
use crate::cli::Target;
use crate::error::Error;
use crate::logouts::Logouts;
use gateway_invoke::Function;
use gateway_runtime::{Aws, Environment, Secrets};
use gateway_store::{Store, Tables};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Tables, secrets and the renewal function: the logical id of each in the template, and the variable that holds its name.
pub(crate) const RESOURCES: [(&str, &str); 22] = [
    ("UsersTable", "USERS_TABLE"),
    ("AppsTable", "APPS_TABLE"),
    ("SessionsTable", "SESSIONS_TABLE"),
    ("ActivityTable", "ACTIVITY_TABLE"),
    ("LoginAttemptsTable", "LOGIN_ATTEMPTS_TABLE"),
    ("PendingSessionsTable", "PENDING_SESSIONS_TABLE"),
    ("BrowserLoginsTable", "BROWSER_LOGINS_TABLE"),
    ("ConsentsTable", "CONSENTS_TABLE"),
    ("AuditTable", "AUDIT_TABLE"),
    ("OutboxTable", "OUTBOX_TABLE"),
    ("CodesTable", "CODES_TABLE"),
    ("OrganizationsTable", "ORGANIZATIONS_TABLE"),
    ("UsageTable", "USAGE_TABLE"),
    ("DevicesTable", "DEVICES_TABLE"),
    ("SigningKeys", "SIGNING_KEYS_SECRET"),
    ("PublicKeys", "PUBLIC_KEYS_SECRET"),
    ("IdTokenKeys", "ID_TOKEN_KEYS_SECRET"),
    ("SealingKeys", "SEALING_KEYS_SECRET"),
    ("LetterKeys", "LETTER_KEYS_SECRET"),
    ("RefreshKeys", "REFRESH_KEYS_SECRET"),
    ("Pepper", "PEPPER_SECRET"),
    ("RenewalFunction", "RENEWAL_FUNCTION"),
];

/// A gateway that can be operated, and who operates it.
pub(crate) struct Connection {
    pub(crate) store: Store,
    pub(crate) secrets: Secrets,
    pub(crate) logouts: Logouts,
    pub(crate) resources: Resources,
    /// The stack's name, `local`, or `the environment`; for messages.
    pub(crate) place: String,
    /// The operator, as the audit table names them.
    pub(crate) who: String,
    /// The configuration that the local stack serves; `None` for a gateway in AWS.
    pub(crate) config: Option<PathBuf>,
}

/// `stack.json`, which a local stack writes while it runs.
#[derive(Deserialize)]
struct LocalStack {
    region: String,
    access_key_id: String,
    secret_access_key: String,
    dynamodb_url: String,
    secrets_url: String,
    lambda_url: String,
    resources: Resources,
    config: PathBuf,
}

/// Finds the gateway that was asked for.
pub(crate) async fn connect(target: &Target, environment: Environment) -> Result<Connection, Error> {
    let by_name = environment.get("USERS_TABLE").is_some();
    if let Some(directory) = &target.local {
        return local(directory.as_deref(), &environment);
    }
    let Some(stack) = target.stack.clone().filter(|name| !name.is_empty()) else {
        if !by_name {
            return Err(Error::NoTarget);
        }
        let named = |(id, variable): (&str, &str)| Some((id.to_owned(), environment.get(variable)?.to_owned()));
        let resources = RESOURCES.into_iter().filter_map(named).collect();
        let environment = aws_cli::signed_in(environment).await?;
        let who = caller(&environment).await?;
        return connection(&environment, resources, "the environment".to_owned(), who, None);
    };
    let environment = aws_cli::signed_in(environment).await?;
    let resources = aws_cli::resources(&stack).await?;
    let who = caller(&environment).await?;
    connection(&environment, resources, stack, who, None)
}

/// The ARN of the operator. Without the AWS CLI it is the id of the access key, by which `CloudTrail` finds the operator.
async fn caller(environment: &Environment) -> Result<String, Error> {
    match aws_cli::caller().await {
        Err(aws_cli::AwsCliError::NotInstalled) => {
            Ok(format!("access key {}", environment.get("AWS_ACCESS_KEY_ID").unwrap_or_default()))
        }
        caller => Ok(caller?),
    }
}

fn local(directory: Option<&Path>, environment: &Environment) -> Result<Connection, Error> {
    let path = match directory {
        Some(directory) => directory.join("stack.json"),
        None => above(Path::new(".local/stack.json")).unwrap_or_else(|| PathBuf::from(".local/stack.json")),
    };
    let text = std::fs::read_to_string(&path).map_err(|_| Error::NoLocalStack(path.clone()))?;
    let stack: LocalStack =
        serde_json::from_str(&text).map_err(|error| Error::File { path, reason: error.to_string() })?;
    let pairs = [
        ("AWS_REGION", stack.region.as_str()),
        ("AWS_ACCESS_KEY_ID", &stack.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &stack.secret_access_key),
        ("AWS_ENDPOINT_URL_DYNAMODB", &stack.dynamodb_url),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &stack.secrets_url),
        ("AWS_ENDPOINT_URL_LAMBDA", &stack.lambda_url),
    ];
    let user = environment.get("USER").or_else(|| environment.get("LOGNAME")).unwrap_or("somebody");
    let environment = Environment::from_pairs(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
    connection(&environment, stack.resources, "local".to_owned(), format!("local user {user}"), Some(stack.config))
}

fn connection(
    environment: &Environment,
    resources: Resources,
    place: String,
    who: String,
    config: Option<PathBuf>,
) -> Result<Connection, Error> {
    let named = |id: &'static str| match resources.get(id) {
        Some(name) => Ok(name.clone()),
        None => Err(Error::NoResource { place: place.clone(), resource: id }),
    };
    let tables = Tables::named(named)?;
    let function = named("RenewalFunction")?;
    let aws = Aws::patient(environment)?;
    Ok(Connection {
        store: Store::new(aws.dynamodb(), tables),
        secrets: Secrets::new(&aws),
        logouts: Logouts::new(Function::new(function, environment, &aws)),
        resources,
        place,
        who,
        config,
    })
}

/// The path of this file in the current directory, or in the nearest directory above that has it.
pub(crate) fn above(file: &Path) -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    here.ancestors().map(|directory| directory.join(file)).find(|path| path.is_file())
}
