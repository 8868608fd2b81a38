//! The commands of the README, run as a reader would run them, so that it cannot lie.

use std::collections::BTreeMap;

use gateway_local::binaries::WORKSPACE;
use support::{ADA, Gateway};
use tokio::process::Command;

/// The address that the README speaks of.
const ADDRESS: &str = "http://127.0.0.1:3000";

/// A journey of the README: its commands, and what it says they print.
pub(crate) struct Journey {
    name: String,
    commands: String,
    printed: String,
}

/// Every block of shell commands with a name, in order, and the block of output after it, if one follows at once.
pub(crate) fn journeys(readme: &str) -> Vec<Journey> {
    let mut journeys = Vec::new();
    for part in readme.split("<!-- journey: ").skip(1) {
        let (name, rest) = part.split_once(" -->").expect("an end of the journey's name");
        let rest = rest.trim_start().strip_prefix("```sh\n").expect("shell commands after the journey's name");
        let (commands, rest) = rest.split_once("\n```").expect("an end of the commands");
        let output = rest.trim_start_matches('\n').strip_prefix("```").and_then(|rest| rest.split_once('\n'));
        let printed = output.and_then(|(_, rest)| rest.split_once("```")).map_or("", |(printed, _)| printed);
        journeys.push(Journey { name: name.to_owned(), commands: commands.to_owned(), printed: printed.to_owned() });
    }
    journeys
}

/// What each journey prints, in one shell, since later commands use the variables of earlier ones.
pub(crate) async fn run(gateway: &Gateway, journeys: &[Journey]) -> BTreeMap<String, String> {
    let mut script = "set -eu -o pipefail\n".to_owned();
    for journey in journeys {
        let commands = journey.commands.replace(ADDRESS, gateway.stack.base_url());
        assert!(!commands.contains("127.0.0.1:3000"), "{commands}");
        script.push_str(&format!("printf '\\n=== %s\\n' '{}'\n{commands}\n", journey.name));
    }
    let output = Command::new("bash").args(["-c", &script]).output().await.expect("bash");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{printed}\n{}", String::from_utf8_lossy(&output.stderr));
    let parts = printed.split("\n=== ").skip(1).filter_map(|part| part.split_once('\n'));
    parts.map(|(name, text)| (name.to_owned(), text.to_owned())).collect()
}

/// The value of a member of a JSON object in a text.
pub(crate) fn member(text: &str, name: &str) -> String {
    let object: serde_json::Value = serde_json::from_str(text.trim()).unwrap_or_else(|_| panic!("no JSON: {text}"));
    object[name].as_str().map_or_else(|| object[name].to_string(), str::to_owned)
}

#[tokio::test]
async fn every_journey_of_the_readme_works_as_it_says() {
    let readme = std::fs::read_to_string(format!("{WORKSPACE}/README.md")).expect("README.md");
    let journeys = journeys(&readme);
    let gateway = Gateway::start().await;
    let printed = run(&gateway, &journeys).await;
    let names: Vec<_> = journeys.iter().map(|journey| journey.name.as_str()).collect();
    assert_eq!(names, ["login", "call", "echo", "refresh", "limit", "revoke"], "a new journey needs a check here");

    let login = &printed["login"];
    let access = member(login, "access_token");
    assert!(access.starts_with("ey") && member(login, "refresh_token").starts_with("mgr_"), "{login}");
    assert_eq!((member(login, "token_type").as_str(), member(login, "expires_in").as_str()), ("Bearer", "600"));
    assert_eq!(member(login, "scope"), "orders:read orders:write");

    let call = &printed["call"];
    // The members of an object have no order.
    let object = |line: &str| serde_json::from_str::<serde_json::Value>(line).ok();
    let is_printed = |line: &str| {
        call.contains(line)
            || object(line).is_some_and(|said| call.lines().any(|line| object(line).as_ref() == Some(&said)))
    };
    for line in journeys[1].printed.lines().filter(|line| !line.contains(";t=")) {
        assert!(is_printed(line), "the README says {line:?}, but: {call}");
    }
    assert!(call.contains("ratelimit: \"default\";r=59;t="), "{call}");

    let echo = &printed["echo"];
    assert!(echo.contains(r#"["cookie","LEGACYSESSID="#) && echo.contains(r#"["x-consumer-username","Demo App"]"#));
    assert!(echo.contains(r#"["x-authenticated-scope","orders:read orders:write"]"#), "{echo}");
    assert!(!echo.contains("somebody-else") && !echo.contains(&access), "{echo}");

    let refresh = &printed["refresh"];
    assert_ne!(member(refresh, "refresh_token"), member(login, "refresh_token"));

    // Two calls were made before.
    let statuses: Vec<_> = printed["limit"].split_whitespace().collect();
    assert_eq!(statuses, [vec!["200"; 58], vec!["429"; 12]].concat());
    assert!(printed["revoke"].starts_with("HTTP/1.1 200"), "{}", printed["revoke"]);
    // A container that has just refused a caller for its limit says so again without asking the store.
    gateway.restart_functions();
    assert_eq!(gateway.call("GET", "/orders", &access).await.status, 401);
    let again = gateway.login(ADA).await;
    assert_eq!(gateway.call("GET", "/orders", &again.access).await.status, 429, "logging in again is no new limit");
}

#[test]
fn comments_and_blocks_without_a_name_are_read_as_such() {
    let readme = "```sh\ncargo run # all\n```\n<!-- journey: a -->\n```sh\n# one\nx=1 # two\n```\n```json\n{}\n```\n\
                  text\n<!-- journey: b -->\n```sh\necho $x\n```\n\nend\n\n```\nno output of b\n```\n";
    let found = journeys(readme);
    let found: Vec<_> = found.iter().map(|j| (j.name.as_str(), j.commands.as_str(), j.printed.as_str())).collect();
    assert_eq!(found, [("a", "# one\nx=1 # two", "{}\n"), ("b", "echo $x", "")]);
}
