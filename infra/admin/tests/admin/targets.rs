//! Which gateway is meant: the local stack, a stack in AWS, names in the environment; each mistake says what to do.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use support::Gateway;

use crate::operator::{Operator, run};

const LIST: [&str; 4] = ["users", "list", "-o", "json"];

#[tokio::test]
async fn the_local_stack_is_found_from_any_directory_of_the_project() {
    let project = tempfile::tempdir().unwrap();
    let data = project.path().join(".local");
    let gateway = Gateway::start_with(|options| options.data = Some(data.clone())).await;
    let below = project.path().join("src/deep");
    std::fs::create_dir_all(&below).unwrap();
    let listed = run(&[&["--local"], &LIST[..]].concat(), "", |command| command.current_dir(&below)).await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    let keys =
        run(&["--local", "keys", "status", "-o", "json"], "", |command| command.current_dir(&below)).await.json();
    let keys = keys["items"].as_array().unwrap().clone();
    let sets: std::collections::BTreeSet<_> = keys.iter().map(|key| key["set"].as_str().unwrap()).collect();
    assert_eq!(
        sets,
        ["IdTokenKeys", "LetterKeys", "Pepper", "PublicKeys", "RefreshKeys", "SealingKeys", "SigningKeys"].into()
    );
    assert!(keys.iter().all(|key| key["id"].is_string()), "{keys:?}");
    for name in ["Pepper", "SigningKeys"] {
        let value: serde_json::Value = serde_json::from_str(&gateway.stack.secrets().value(name).unwrap()).unwrap();
        let value = value.pointer("/keys/k1").or_else(|| value.pointer("/keys/0/private_key")).unwrap();
        let value = value.as_str().or_else(|| value.get("key")?.as_str()).unwrap().to_owned();
        assert!(!serde_json::json!(keys).to_string().contains(&value), "no value of a key is shown");
    }

    drop(gateway);
    assert!(!data.join("stack.json").exists(), "a stack that ends is not found");
    let gone = run(&[&["--local"], &LIST[..]].concat(), "", |command| command.current_dir(&below)).await;
    assert!(gone.problem().contains("cargo run"), "{gone:?}");
}

#[tokio::test]
async fn a_stack_that_was_killed_is_told_as_such() {
    let gateway = Gateway::start().await;
    let directory = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(gateway.stack.data_directory().join("stack.json")).unwrap();
    let text = text.replace(gateway.stack.dynamodb_url(), "http://127.0.0.1:1");
    std::fs::write(directory.path().join("stack.json"), text).unwrap();
    let local = format!("--local={}", directory.path().display());
    let refused = run(&[&[local.as_str()], &LIST[..]].concat(), "", |command| command).await;
    assert!(refused.problem().contains("still running"), "{refused:?}");
}

#[tokio::test]
async fn without_a_target_all_ways_to_name_one_are_told() {
    let refused = run(&LIST, "", |command| command).await;
    for way in ["--stack", "GATEWAY_STACK", "--local", "USERS_TABLE"] {
        assert!(refused.problem().contains(way), "{refused:?}");
    }
    let both = run(&[&["--local", "--stack", "gw"], &LIST[..]].concat(), "", |command| command).await;
    assert!(!both.good && both.err.contains("cannot be used with"), "{both:?}");
}

/// An `aws` that answers as the AWS CLI does, with the resources and the credentials of a local stack.
fn aws(directory: &Path, gateway: &Gateway, resources: &str) {
    let owner = gateway.stack.owner();
    let (id, key) = (owner.access_key_id(), owner.secret_access_key());
    let list = format!("echo '{{\"StackResourceSummaries\":[{resources}]}}'");
    let script = format!(
        "#!/bin/sh\ncase \"$1 $2\" in\n\
         'configure export-credentials') echo '{{\"Version\":1,\"AccessKeyId\":\"{id}\",\"SecretAccessKey\":\"{key}\"}}';;\n\
         'configure get') echo us-east-1;;\n\
         'sts get-caller-identity') echo '{{\"Arn\":\"arn:aws:iam::123456789012:user/olga\"}}';;\n\
         'cloudformation list-stack-resources') [ \"$3\" = --stack-name=gw ] || {{ echo \"Stack does not exist\" >&2; exit 254; }}; {list};;\n\
         *) echo \"unknown: $*\" >&2; exit 252;;\nesac\n"
    );
    let path = directory.join("aws");
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn a_stack_in_aws_gives_its_tables_and_the_operators_identity() {
    let gateway = Gateway::start().await;
    let tools = tempfile::tempdir().unwrap();
    let template = gateway.stack.template();
    let functions = template.functions.iter().map(|function| &function.id);
    let names = template.tables.iter().map(|table| &table.name).chain(&template.secrets).chain(functions);
    let resource = |id: &String| {
        format!(r#"{{"LogicalResourceId":"{id}","PhysicalResourceId":"{id}","ResourceStatus":"CREATE_COMPLETE"}}"#)
    };
    let all: Vec<_> = names.map(resource).collect();
    aws(tools.path(), &gateway, &all.join(","));
    let aws_environment = |command: &mut tokio::process::Command| {
        command.env("PATH", format!("{}:/bin:/usr/bin", tools.path().display()));
        command.env("AWS_ENDPOINT_URL_DYNAMODB", gateway.stack.dynamodb_url());
        command.env("AWS_ENDPOINT_URL_SECRETS_MANAGER", gateway.stack.secrets_url());
        command.env("AWS_ENDPOINT_URL_LAMBDA", gateway.stack.lambda_url());
    };
    let run = async |arguments: &[&str]| {
        run(arguments, "", |command| {
            aws_environment(command);
            command
        })
        .await
    };
    gateway.login(support::ADA).await;
    let disabled = run(&["--stack", "gw", "users", "disable", "ada@example.com", "-o", "json"]).await.json();
    assert_eq!(disabled["logouts_queued"], 1);
    let rows = run(&["--stack", "gw", "audit", "list", "-o", "json"]).await.json();
    assert_eq!(rows["items"][0]["who"], "arn:aws:iam::123456789012:user/olga");
    assert!(run(&["--stack", "other", "users", "list"]).await.problem().contains("Stack does not exist"));

    let without_audit: Vec<_> = all.into_iter().filter(|resource| !resource.contains("AuditTable")).collect();
    aws(tools.path(), &gateway, &without_audit.join(","));
    let refused = run(&["--stack", "gw", "users", "list"]).await;
    assert!(refused.problem().contains("gw has no AuditTable"), "{refused:?}");
}

#[tokio::test]
async fn names_in_the_environment_are_a_target_too() {
    let gateway = Gateway::start().await;
    let olga = Operator::of(&gateway);
    let with = |command: &mut tokio::process::Command| {
        for (name, table) in [
            ("USERS_TABLE", "UsersTable"),
            ("APPS_TABLE", "AppsTable"),
            ("SESSIONS_TABLE", "SessionsTable"),
            ("ACTIVITY_TABLE", "ActivityTable"),
            ("LOGIN_ATTEMPTS_TABLE", "LoginAttemptsTable"),
            ("PENDING_SESSIONS_TABLE", "PendingSessionsTable"),
            ("BROWSER_LOGINS_TABLE", "BrowserLoginsTable"),
            ("CONSENTS_TABLE", "ConsentsTable"),
            ("AUDIT_TABLE", "AuditTable"),
            ("OUTBOX_TABLE", "OutboxTable"),
            ("CODES_TABLE", "CodesTable"),
            ("ORGANIZATIONS_TABLE", "OrganizationsTable"),
            ("USAGE_TABLE", "UsageTable"),
            ("DEVICES_TABLE", "DevicesTable"),
            ("RENEWAL_FUNCTION", "RenewalFunction"),
        ] {
            command.env(name, table);
        }
        command.env("AWS_REGION", "us-east-1").envs(gateway.owner());
        command.env("AWS_ENDPOINT_URL_DYNAMODB", gateway.stack.dynamodb_url());
        command.env("PATH", "/nowhere");
    };
    let disabled = run(&["users", "disable", "ada@example.com"], "", |command| {
        with(command);
        command
    });
    disabled.await.text();
    let rows = olga.json(&["audit", "list"]).await;
    let who = format!("access key {}", gateway.stack.owner().access_key_id());
    assert_eq!(rows["items"][0]["who"], who, "without the AWS CLI the key's id says who it was");
    let unnamed = run(&LIST, "", |command| command.env("GATEWAY_STACK", "gw").env("PATH", "/nowhere")).await;
    assert!(unnamed.problem().contains("the AWS CLI is not installed"), "{unnamed:?}");
}
