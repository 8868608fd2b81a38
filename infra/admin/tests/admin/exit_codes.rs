//! Exit codes that scripts can tell apart, and messages that are none of Rust's values.

use axum::Router;
use axum::http::StatusCode;
use support::Gateway;
use tokio::net::TcpListener;

use crate::operator::{Operator, PASSWORD, Printed, run};

const MANUAL: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/admin.md"));

fn ends_with(printed: &Printed, code: i32) {
    printed.problem();
    assert_eq!(printed.code, Some(code), "{printed:?}");
}

#[tokio::test]
async fn scripts_can_tell_why_a_command_failed() {
    let gateway = Gateway::start().await;
    let olga = Operator::of(&gateway);
    let partner = "partner-app";
    let usage: [&[&str]; 5] = [
        &["users", "link", "ada@example.com", "nowhere", "ada"],
        &["users", "create", "no-address", "--no-password"],
        &["users", "create", "carla@example.com"],
        &["sessions", "end", "--all"],
        &["apps", "rotate-secret", partner, "--overlap", "91d"],
    ];
    let not_found: [&[&str]; 6] = [
        &["users", "show", "nobody@example.com"],
        &["users", "delete", "nobody", "--yes"],
        &["apps", "show", "no-app"],
        &["subscriptions", "list", "no-app"],
        &["subscriptions", "disable", "notes-app", "echo"],
        &["sessions", "end", "AAAAAAAAAAAAAAAAAAAAAA"],
    ];
    let conflict: [&[&str]; 3] = [
        &["users", "create", "ada@example.com", "--no-password"],
        &[
            "apps",
            "create",
            partner,
            "--name",
            "P",
            "--kind",
            "confidential",
            "--grants",
            "client_credentials",
            "--scopes",
            "orders:read",
            "--plan",
            "standard",
        ],
        &["subscriptions", "add", "demo-app", "orders"],
    ];
    let refused: [&[&str]; 2] =
        [&["apps", "rotate-secret", "demo-app"], &["apps", "change", "untrusted-app", "--grants", "password"]];
    let notes = ["apps", "create", "notes-app", "--name", "N", "--kind", "public", "--grants", "refresh_token"];
    olga.does(&[&notes[..], &["--scopes", "orders:read", "--plan", "standard"]].concat()).await.text();
    let all = [(2, &usage[..]), (3, &not_found[..]), (4, &conflict[..]), (5, &refused[..])];
    for (code, commands) in all {
        for command in commands {
            ends_with(&olga.does(command).await, code);
        }
    }
    ends_with(&olga.run(&["users", "set-password", "ada@example.com"], "too short").await, 5);
    let set = olga.run(&["users", "set-password", "ada@example.com"], PASSWORD).await;
    assert_eq!(set.code, Some(0), "{set:?}");
    let broken = tempfile::tempdir().unwrap();
    std::fs::write(broken.path().join("people.csv"), "email\nnobody\n").unwrap();
    let file = broken.path().join("people.csv").display().to_string();
    ends_with(&olga.does(&["users", "import", &file]).await, 1);
}

#[tokio::test]
async fn a_command_line_that_is_not_understood_ends_with_2() {
    for command in [&["users"][..], &["--no-such-option"], &["users", "list", "--limit", "0"], &["users", "list"], &[]]
    {
        let printed = run(command, "", |command| command).await;
        assert_eq!(printed.code, Some(2), "{printed:?}");
        assert!(!printed.err.is_empty());
    }
}

/// A local stack whose tables are at this address.
fn stack_at(address: &str) -> tempfile::TempDir {
    let tables = [
        "UsersTable",
        "AppsTable",
        "SessionsTable",
        "ActivityTable",
        "LoginAttemptsTable",
        "AuditTable",
        "OutboxTable",
        "CodesTable",
    ];
    let all = tables.iter().chain(&["Pepper", "RenewalFunction"]);
    let resources: serde_json::Map<_, _> = all.map(|id| ((*id).to_owned(), (*id).into())).collect();
    let stack = serde_json::json!({
        "region": "us-east-1", "dynamodb_url": address, "secrets_url": address, "lambda_url": address,
        "resources": resources, "config": "/nowhere/gateway.yaml", "access_key_id": "AKIAEXAMPLE", "secret_access_key": "secret",
    });
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("stack.json"), stack.to_string()).unwrap();
    directory
}

/// An AWS that answers every request with this error.
async fn aws_that_says(error: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let response = format!(r#"{{"__type":"com.amazon.coral.service#{error}","message":"words of AWS"}}"#);
    let response = move || async move { (StatusCode::BAD_REQUEST, response) };
    tokio::spawn(async { axum::serve(listener, Router::new().fallback(response)).await });
    address
}

#[tokio::test]
async fn what_aws_refuses_is_not_what_does_not_answer() {
    for (error, code) in [("AccessDeniedException", 5), ("ResourceNotFoundException", 6), ("SomeNewException", 6)] {
        let stack = stack_at(&aws_that_says(error).await);
        let local = format!("--local={}", stack.path().display());
        // A table, and the secret with the pepper.
        for command in [&["users", "list"][..], &["users", "create", "carla@example.com"]] {
            let printed = run(&[&[local.as_str()], command].concat(), PASSWORD, |command| command).await;
            ends_with(&printed, code);
            assert!(printed.err.contains(&format!("{error}: words of AWS")), "{printed:?}");
        }
    }
    let closed = stack_at("http://127.0.0.1:1");
    let local = format!("--local={}", closed.path().display());
    let printed = run(&[&local, "users", "list"], "", |command| command).await;
    ends_with(&printed, 6);
    assert!(printed.err.contains("Connection refused"), "{printed:?}");
    let none = run(&["--local=/nowhere", "users", "list"], "", |command| command).await;
    ends_with(&none, 6);
}

#[tokio::test]
async fn help_and_the_manual_list_the_same_exit_codes() {
    let help = run(&["--help"], "", |command| command).await;
    let (_, codes) = help.text().split_once("Exit codes:\n").unwrap();
    let codes: Vec<_> = codes.lines().take_while(|line| line.starts_with("  ")).collect();
    assert_eq!(codes.len(), 7, "{codes:?}");
    for line in codes {
        let (code, meaning) = line.trim().split_once("  ").unwrap();
        let row = format!("| {code} | {meaning} |");
        assert!(MANUAL.contains(&row), "docs/admin.md lacks {row}");
    }
}
