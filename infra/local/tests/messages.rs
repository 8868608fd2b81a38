//! A start that cannot succeed ends at once, with exit code 1 and a message that says what to do.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

fn start(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gateway-local")).args(arguments).output().unwrap()
}

fn message(output: &Output) -> String {
    let message = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.starts_with("error: "), "{message}");
    message
}

fn in_directory(directory: &Path, more: &[&str]) -> String {
    let mut arguments = vec!["--listen", "127.0.0.1:0", "--data", directory.to_str().unwrap()];
    arguments.extend(more);
    message(&start(&arguments))
}

#[test]
fn a_taken_port_is_told_with_the_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let message = message(&start(&["--ephemeral", "--listen", &address]));
    assert!(message.contains(&address) && message.contains("--listen"), "{message}");
}

#[test]
fn an_address_that_nobody_can_be_told_is_told_with_its_option() {
    // 198.51.100.0/24 is for documentation (RFC 5737).
    for address in ["0.0.0.0", "198.51.100.77"] {
        let message = message(&start(&["--ephemeral", "--listen", "127.0.0.1:0", "--services", address]));
        assert!(message.contains(address) && message.contains("--services"), "{message}");
    }
}

#[test]
fn a_damaged_database_is_told_with_the_way_out() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("dynamodb.sqlite"), "this is no database ".repeat(500)).unwrap();
    let message = in_directory(directory.path(), &[]);
    assert!(message.contains("dynamodb.sqlite") && message.contains("move the data directory aside"), "{message}");
}

#[test]
fn damaged_secrets_are_told_with_the_way_out() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("secrets.json"), "{\"SigningKeys\":").unwrap();
    let message = in_directory(directory.path(), &[]);
    assert!(message.contains("secrets.json") && message.contains("move the data directory aside"), "{message}");
}

#[test]
fn a_directory_in_use_is_told_with_the_way_out() {
    let directory = tempfile::tempdir().unwrap();
    let _held = gateway_local::data_directory::DataDirectory::open(Some(directory.path())).unwrap();
    let message = in_directory(directory.path(), &[]);
    assert!(message.contains("another local stack") && message.contains("--data"), "{message}");
}

#[test]
fn a_wrong_configuration_is_told_with_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("mine.yaml");
    std::fs::write(&config, "aspis: {}\n").unwrap();
    let message = in_directory(directory.path(), &["--config", config.to_str().unwrap()]);
    assert!(message.contains("mine.yaml") && message.contains("aspis"), "{message}");
}

#[test]
fn a_missing_seed_is_told_with_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let message = in_directory(directory.path(), &["--seed", "/nowhere/seed.yaml"]);
    assert!(message.contains("/nowhere/seed.yaml"), "{message}");
}
