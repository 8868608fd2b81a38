//! The audit trail: every act has a row, and without one nothing is done.

use serde_json::Value as Json;
use support::{DEMO_APP, Gateway};

use crate::operator::{Operator, PASSWORD, run};

async fn rows(olga: &Operator, arguments: &[&str]) -> Vec<Json> {
    olga.json(&[&["audit", "list"], arguments].concat()).await["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn every_act_tells_who_did_what_on_what_and_how_it_ended() {
    let gateway = Gateway::start().await;
    let olga = Operator::of(&gateway);
    olga.run(&["users", "create", "carla@example.com", "--id", "carla"], PASSWORD).await.text();
    olga.does(&["users", "disable", "carla"]).await.text();
    olga.does(&["apps", "change", DEMO_APP, "--name", "Renamed"]).await.text();
    olga.does(&["users", "create", "carla@example.com", "--no-password"]).await.problem();
    olga.does(&["users", "list"]).await.text();
    let rows = rows(&olga, &[]).await;
    let told: Vec<_> =
        rows.iter().map(|row| (row["act"].as_str().unwrap(), row["outcome"].as_str().unwrap())).collect();
    let expected =
        [("users create", "failed"), ("apps change", "done"), ("users disable", "done"), ("users create", "done")];
    assert_eq!(told, expected, "the latest first; looking is no act");
    assert!(rows.iter().all(|row| row["who"] == "local user olga"));
    assert_eq!((&rows[1]["before"]["name"], &rows[1]["after"]["name"]), (&"Demo App".into(), &"Renamed".into()));
    assert_eq!(rows[1]["before"].as_object().unwrap().len(), 1, "only what changed: {}", rows[1]);
    assert_eq!(
        (&rows[2]["subject"], &rows[2]["before"]["enabled"], &rows[2]["after"]["enabled"]),
        (&"user carla".into(), &true.into(), &false.into())
    );
    assert!(rows[0]["reason"].as_str().unwrap().contains("is taken"));
    let all = Json::from(rows).to_string();
    assert!(!all.contains(PASSWORD) && !all.contains("argon2"), "{all}");
}

#[tokio::test]
async fn the_trail_is_filtered_by_act_subject_time_and_number() {
    let gateway = Gateway::start().await;
    let olga = Operator::of(&gateway);
    for name in ["a", "b", "c"] {
        olga.json(&["users", "create", &format!("{name}@example.com"), "--no-password", "--id", name]).await;
    }
    olga.does(&["users", "disable", "b"]).await.text();
    assert_eq!(rows(&olga, &["--act", "users create"]).await.len(), 3);
    assert_eq!(rows(&olga, &["--subject", "user b"]).await.len(), 2);
    assert_eq!(rows(&olga, &["--limit", "2"]).await.len(), 2);
    assert_eq!(rows(&olga, &["--since", "0s"]).await.len(), 0);
    assert_eq!(rows(&olga, &["--since", "400d"]).await.len(), 4);
    let table = olga.does(&["audit", "list"]).await;
    assert!(table.text().starts_with("WHEN") && table.text().contains("users disable"), "{table:?}");
}

/// An act that cannot be written down is not done; the error says what to do.
#[tokio::test]
async fn without_its_audit_table_nothing_is_changed() {
    let gateway = Gateway::start().await;
    let olga = Operator::of(&gateway);
    let file = gateway.stack.data_directory().join("stack.json");
    let text = std::fs::read_to_string(&file).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let broken = text.replace("\"AuditTable\":\"AuditTable\"", "\"AuditTable\":\"NoSuchTable\"");
    assert_ne!(broken, text);
    std::fs::write(elsewhere.path().join("stack.json"), broken).unwrap();
    let local = format!("--local={}", elsewhere.path().display());
    for arguments in [
        &["users", "disable", "ada@example.com"][..],
        &["users", "create", "x@example.com", "--no-password"],
        &["apps", "disable", DEMO_APP],
        &["apps", "rotate-secret", "partner-app", "--now"],
        &["sessions", "end", "--all", "--yes"],
        &["users", "delete", "ada@example.com", "--yes"],
    ] {
        let refused = run(&[&[local.as_str()], arguments].concat(), "", |command| command).await;
        let problem = refused.problem();
        assert!(problem.contains("nothing was changed") && problem.contains("deploy this version"), "{problem}");
        assert!(!refused.out.contains("mgs_"), "no secret that does not work: {refused:?}");
    }
    assert_eq!(olga.json(&["users", "show", "ada@example.com"]).await["enabled"], true);
    assert_eq!(olga.json(&["apps", "show", DEMO_APP]).await["enabled"], true);
    assert!(olga.does(&["users", "show", "x@example.com"]).await.problem().contains("no user"));
}
