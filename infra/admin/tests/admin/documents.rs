//! The commands of docs/admin.md and docs/administration.md, run one after the other as a reader would, so that they cannot lie.

use support::Gateway;
use tokio::process::Command;

use crate::operator::PROGRAM;

const MANUAL: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/admin.md"));
const ADMIN_API: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/administration.md"));

/// The blocks of shell commands that are marked to be run.
fn blocks(manual: &str) -> Vec<&str> {
    let blocks = manual.split("<!-- run -->\n```sh\n").skip(1);
    blocks.map(|block| block.split_once("\n```").expect("an end of the commands").0).collect()
}

#[tokio::test]
async fn every_example_of_the_manual_works() {
    run(MANUAL).await;
}

#[tokio::test]
async fn every_example_of_the_admin_api_works() {
    run(ADMIN_API).await;
}

async fn run(manual: &str) {
    let gateway = Gateway::start().await;
    let here = tempfile::tempdir().unwrap();
    let script = format!("set -eu -o pipefail\n{}\n", blocks(manual).join("\n"));
    let program = std::path::Path::new(PROGRAM).parent().unwrap().display();
    let mut command = Command::new("bash");
    command.args(["-c", &script]).current_dir(here.path()).env("PATH", format!("{program}:/bin:/usr/bin"));
    command.env("GATEWAY", gateway.stack.base_url());
    std::fs::create_dir(here.path().join(".local")).unwrap();
    std::fs::copy(gateway.stack.data_directory().join("stack.json"), here.path().join(".local/stack.json")).unwrap();
    let output = command.output().await.expect("bash");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
}

/// A command that is not in the manual is not there for anybody.
#[tokio::test]
async fn every_command_has_an_example() {
    let commands = blocks(MANUAL).join("\n");
    for noun in ["users", "apps", "subscriptions", "sessions", "devices", "keys", "audit"] {
        let help = Command::new(PROGRAM).args([noun, "--help"]).output().await.unwrap();
        let help = String::from_utf8(help.stdout).unwrap();
        let (_, verbs) = help.split_once("Commands:\n").unwrap();
        let verbs: Vec<_> = verbs
            .split("\n\n")
            .next()
            .unwrap()
            .lines()
            .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
            .collect();
        assert!(!verbs.is_empty(), "{help}");
        for verb in verbs.iter().filter_map(|line| line.split_whitespace().next()).filter(|verb| *verb != "help") {
            let command = format!("gateway-admin --local {noun} {verb}");
            assert!(commands.contains(&command), "docs/admin.md has no example of `{command}`");
        }
    }
    for command in ["--local migrate", "completions", "man"] {
        assert!(commands.contains(&format!("gateway-admin {command}")), "docs/admin.md has no example of `{command}`");
    }
}
