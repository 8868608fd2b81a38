//! Asks the AWS CLI for the operator's identity and a stack's resources, so profiles, roles and single sign-on work.

use gateway_runtime::Environment;
use serde::Deserialize;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use tokio::process::Command;

/// The AWS CLI gave no usable output.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AwsCliError {
    /// It is not installed.
    #[error(
        "the AWS CLI is not installed, which knows who you are and what the stack has made: install version 2 from \
         https://docs.aws.amazon.com/cli, or use --local for the local stack"
    )]
    NotInstalled,
    /// It could not be run.
    #[error("the AWS CLI could not be run: {0}")]
    NotRun(std::io::Error),
    /// It ended with an error.
    #[error("`aws {command}` says: {problem}")]
    Refused { command: String, problem: String },
    /// Its output is not of the expected form.
    #[error("`aws {command}` printed something unexpected: version 2 of the AWS CLI is needed")]
    Unexpected { command: String },
    /// No region is configured.
    #[error("no AWS region is configured: set AWS_REGION, or run `aws configure`")]
    NoRegion,
}

/// Physical names of resources by their logical id in the template.
pub(crate) type Resources = BTreeMap<String, String>;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Exported {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
}

/// Adds credentials and region to the environment if they are missing, under the names that Lambda uses.
pub(crate) async fn signed_in(environment: Environment) -> Result<Environment, AwsCliError> {
    let mut found = Vec::new();
    if environment.get("AWS_ACCESS_KEY_ID").is_none() || environment.get("AWS_SECRET_ACCESS_KEY").is_none() {
        const EXPORT: [&str; 4] = ["configure", "export-credentials", "--format", "process"];
        let keys: Exported = serde_json::from_str(&run(&EXPORT).await?).map_err(|_| unexpected(&EXPORT))?;
        found.push(("AWS_ACCESS_KEY_ID".to_owned(), keys.access_key_id));
        found.push(("AWS_SECRET_ACCESS_KEY".to_owned(), keys.secret_access_key));
        found.push(("AWS_SESSION_TOKEN".to_owned(), keys.session_token.unwrap_or_default()));
    }
    if environment.get("AWS_REGION").is_none() {
        let region = match environment.get("AWS_DEFAULT_REGION") {
            Some(region) => region.to_owned(),
            None => run(&["configure", "get", "region"]).await.unwrap_or_default().trim().to_owned(),
        };
        if region.is_empty() {
            return Err(AwsCliError::NoRegion);
        }
        found.push(("AWS_REGION".to_owned(), region));
    }
    Ok(environment.with(found))
}

/// The ARN of the operator.
pub(crate) async fn caller() -> Result<String, AwsCliError> {
    const IDENTITY: [&str; 4] = ["sts", "get-caller-identity", "--output", "json"];
    let identity: Json = serde_json::from_str(&run(&IDENTITY).await?).map_err(|_| unexpected(&IDENTITY))?;
    identity.get("Arn").and_then(Json::as_str).map(str::to_owned).ok_or_else(|| unexpected(&IDENTITY))
}

/// The resources of a stack. The AWS CLI reads all pages of the list.
pub(crate) async fn resources(stack: &str) -> Result<Resources, AwsCliError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Listed {
        stack_resource_summaries: Vec<Resource>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Resource {
        logical_resource_id: String,
        physical_resource_id: Option<String>,
    }
    let stack = format!("--stack-name={stack}");
    let list = ["cloudformation", "list-stack-resources", &stack, "--output", "json"];
    let listed: Listed = serde_json::from_str(&run(&list).await?).map_err(|_| unexpected(&list))?;
    let named = |resource: Resource| Some((resource.logical_resource_id, resource.physical_resource_id?));
    Ok(listed.stack_resource_summaries.into_iter().filter_map(named).collect())
}

async fn run(arguments: &[&str]) -> Result<String, AwsCliError> {
    let output = Command::new("aws").args(arguments).stdin(std::process::Stdio::null()).output().await;
    let output = output.map_err(|error| {
        let missing = error.kind() == std::io::ErrorKind::NotFound;
        if missing { AwsCliError::NotInstalled } else { AwsCliError::NotRun(error) }
    })?;
    if !output.status.success() {
        let problem = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(AwsCliError::Refused { command: arguments.join(" "), problem });
    }
    String::from_utf8(output.stdout).map_err(|_| unexpected(arguments))
}

fn unexpected(arguments: &[&str]) -> AwsCliError {
    AwsCliError::Unexpected { command: arguments.join(" ") }
}
