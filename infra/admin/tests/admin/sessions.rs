//! `sessions …`: who is logged in, and ending it is felt by the next call, and by the back end.

use std::time::Duration;

use bytes::Bytes;
use gateway_domain::outbox::Kind;
use gateway_domain::renewal::LogoutRequest;
use gateway_domain::time::Timestamp;
use serde_json::Value;
use support::{ADA, BOB, DEMO_APP, Gateway, UNTRUSTED_APP, Verdict, Visitor, Wire};
use tempfile::TempDir;

use crate::operator::{Operator, PASSWORD, run};

async fn calls(gateway: &Gateway, access: &str) -> bool {
    match gateway.call("GET", "/orders", access).await.status {
        200 => true,
        401 => false,
        other => panic!("{other}"),
    }
}

/// Waits until every session that has ended is logged out.
async fn logged_out(gateway: &Gateway) {
    let store = gateway.store();
    let done = async { while !store.sessions.ended_with_tokens().await.unwrap().is_empty() {} };
    tokio::time::timeout(Duration::from_secs(30), done).await.expect("the queue is worked off");
}

/// Logouts that the back end was asked for.
fn heard(gateway: &Gateway) -> usize {
    gateway.stack.legacy().recorded().iter().filter(|request| request.target == "/logout").count()
}

/// Checklist Z-28.
#[tokio::test]
async fn one_session_all_of_a_user_and_all_of_an_app_can_be_ended() {
    let gateway = Gateway::start().await;
    let olga = Operator::of(&gateway);
    let (one, two, bob) = (gateway.login(ADA).await, gateway.login(ADA).await, gateway.login(BOB).await);
    let listed = olga.json(&["sessions", "list", ADA.name]).await;
    let listed = listed["items"].as_array().unwrap();
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().all(|session| session["client_id"] == DEMO_APP && session["last_refresh"].is_string()));
    assert!(listed.iter().all(|session| session["began"].is_string()), "{listed:?}");
    assert_eq!(
        olga.json(&["sessions", "list", ADA.name, "--app", UNTRUSTED_APP]).await["items"],
        serde_json::json!([])
    );

    let sid = listed[0]["session_id"].as_str().unwrap();
    assert_eq!(olga.json(&["sessions", "end", sid]).await["sessions_ended"], 1);
    let alive = [calls(&gateway, &one.access).await, calls(&gateway, &two.access).await];
    assert_eq!(alive.iter().filter(|alive| **alive).count(), 1);
    logged_out(&gateway).await;
    assert!(olga.does(&["sessions", "end", sid]).await.problem().contains("it is over"));

    assert_eq!(olga.json(&["sessions", "end", "--user", ADA.name, "--app", UNTRUSTED_APP]).await["sessions_ended"], 0);
    assert_eq!(olga.json(&["sessions", "end", "--user", ADA.name]).await["sessions_ended"], 1);
    assert!(!calls(&gateway, &one.access).await && !calls(&gateway, &two.access).await);
    assert_eq!(gateway.try_refresh(DEMO_APP, &two.refresh).await.status, 400);
    assert!(calls(&gateway, &bob.access).await);

    let again = gateway.login(ADA).await;
    assert_eq!(olga.json(&["sessions", "end", "--app", UNTRUSTED_APP]).await["sessions_ended"], 0);
    assert_eq!(olga.json(&["sessions", "end", "--app", DEMO_APP]).await["sessions_ended"], 2);
    assert!(!calls(&gateway, &again.access).await && !calls(&gateway, &bob.access).await);
}

#[tokio::test]
async fn everybody_is_logged_out_only_when_it_is_meant() {
    let gateway = Gateway::start().await;
    let olga = Operator::of(&gateway);
    let (ada, bob) = (gateway.login(ADA).await, gateway.login(BOB).await);
    assert!(!olga.does(&["sessions", "end"]).await.good);
    assert!(!olga.does(&["sessions", "end", "--all", "--user", ADA.name]).await.good);
    assert!(olga.does(&["sessions", "end", "--all"]).await.problem().contains("--yes"));
    assert!(calls(&gateway, &ada.access).await && calls(&gateway, &bob.access).await);
    assert_eq!(olga.json(&["sessions", "end", "--all", "--yes"]).await["sessions_ended"], 2);
    assert!(!calls(&gateway, &ada.access).await && !calls(&gateway, &bob.access).await);
    gateway.login(ADA).await;
}

/// A proxy to the gateway's DynamoDB, and a directory for `--local` by which commands go through it.
pub(crate) async fn watched(gateway: &Gateway) -> (Wire, TempDir) {
    let wire = Wire::signed_to(gateway.stack.dynamodb_url()).await;
    let text = std::fs::read_to_string(gateway.stack.data_directory().join("stack.json")).unwrap();
    let mut stack: Value = serde_json::from_str(&text).unwrap();
    stack["dynamodb_url"] = wire.endpoint.as_str().into();
    let files = tempfile::tempdir().unwrap();
    std::fs::write(files.path().join("stack.json"), stack.to_string()).unwrap();
    (wire, files)
}

/// Abuse case O4: no app comes in by a session that is still to end, also when all of them are.
#[tokio::test]
async fn everybody_is_shut_out_before_the_sessions_that_end_are_listed() {
    let gateway = Gateway::start().await;
    let (wire, files) = watched(&gateway).await;
    let local = format!("--local={}", files.path().display());
    let (ada, bob) = (gateway.login(ADA).await, gateway.login(BOB).await);
    wire.since_last();
    let end = [local.as_str(), "sessions", "end", "--all", "--yes"];
    run(&end, "", |command| command.env("USER", "olga")).await.text();
    let (list, shut_out, ended) = ("Scan Activity", "UpdateItem Users", "UpdateItem Sessions");
    let order = wire.since_last().into_iter().filter(|did| [list, shut_out, ended].contains(&did.as_str()));
    // The first list is for the audit, the last one for the end.
    assert_eq!(order.collect::<Vec<_>>(), [list, list, shut_out, shut_out, list, ended, ended]);
    assert!(!calls(&gateway, &ada.access).await && !calls(&gateway, &bob.access).await);
}

/// What ends the sessions is not kept from it by what keeps others from beginning.
#[tokio::test]
async fn all_sessions_end_although_nobody_could_be_shut_out() {
    let gateway = Gateway::start().await;
    let (wire, files) = watched(&gateway).await;
    let local = format!("--local={}", files.path().display());
    let (ada, bob) = (gateway.login(ADA).await, gateway.login(BOB).await);
    let end = [local.as_str(), "sessions", "end", "--all", "--yes"];
    wire.script(|operation| if operation.is("UpdateItem", "Users") { Verdict::Fail } else { Verdict::Forward });
    let told = run(&end, "", |command| command.env("USER", "olga")).await;
    assert!(!told.good, "{told:?}");
    assert!(!calls(&gateway, &ada.access).await && !calls(&gateway, &bob.access).await);
    assert_eq!(gateway.try_refresh(DEMO_APP, &ada.refresh).await.status, 400);
    wire.calm();
    run(&end, "", |command| command.env("USER", "olga")).await.text();
}

/// Abuse case O4: what begins until the browsers have ended is among what is listed then, and ends as well.
#[tokio::test]
async fn browsers_end_before_the_sessions_that_end_are_listed() {
    let gateway = Gateway::start().await;
    let (wire, files) = watched(&gateway).await;
    let local = format!("--local={}", files.path().display());
    let mut orders = Vec::new();
    for more in [&[][..], &["--app", DEMO_APP]] {
        let tokens = gateway.login(ADA).await;
        wire.since_last();
        let end = [&[local.as_str(), "sessions", "end", "--user", ADA.name][..], more].concat();
        run(&end, "", |command| command.env("USER", "olga")).await.text();
        let order = wire.since_last().into_iter();
        orders.push(order.filter(|did| did == "UpdateItem Users" || did == "Query Activity").collect::<Vec<_>>());
        assert!(!calls(&gateway, &tokens.access).await);
    }
    assert_eq!(orders[0].last_chunk(), Some(&["UpdateItem Users", "Query Activity"].map(str::to_owned)), "{orders:?}");
    // The twin: whoever is logged out of one app stays in the browser.
    assert_eq!(orders[1], ["Query Activity"]);
}

#[tokio::test]
async fn logins_in_browsers_end_with_all_sessions_of_a_user_and_with_all() {
    let gateway = Gateway::start().await;
    let olga = Operator::of(&gateway);
    let all_of_ada = ["sessions", "end", "--user", ADA.name];
    for (end, bob_stays) in [(&all_of_ada[..], true), (&["sessions", "end", "--all", "--yes"], false)] {
        let (mut ada, mut bob) = (Visitor::of(&gateway), Visitor::of(&gateway));
        for (browser, user) in [(&mut ada, ADA), (&mut bob, BOB)] {
            browser.fill("/account/log-in", &[("username", user.name), ("password", user.password)]).await;
        }
        olga.json(&["sessions", "end", "--user", ADA.name, "--app", DEMO_APP]).await;
        assert_eq!(ada.get("/account").await.status, 200, "only an app is ended");
        olga.json(end).await;
        assert_eq!(ada.get("/account").await.status, 303, "{end:?}");
        assert_eq!(bob.get("/account").await.status, if bob_stays { 200 } else { 303 }, "{end:?}");
    }
}

/// Checklist Z-28: whatever ends sessions gets them logged out at the back end, though no operator holds what leads there.
#[tokio::test]
async fn whatever_ends_sessions_logs_them_out_at_the_back_end() {
    let gateway = Gateway::start().await;
    let olga = Operator::of(&gateway);
    let acts = [
        (ADA, &["users", "link", ADA.name, "orders-login", ADA.name][..]),
        (ADA, &["sessions", "end", "--user", ADA.name]),
        (ADA, &["users", "set-password", ADA.name]),
        (BOB, &["apps", "delete", DEMO_APP, "--yes"]),
    ];
    for (at, (user, arguments)) in acts.into_iter().enumerate() {
        gateway.login(user).await;
        let done = olga.run(&[arguments, &["-o", "json"]].concat(), PASSWORD).await.json();
        assert_eq!((&done["sessions_ended"], &done["logouts_queued"]), (&1.into(), &1.into()), "{arguments:?}");
        logged_out(&gateway).await;
        assert_eq!(heard(&gateway), at + 1, "{arguments:?}");
    }
    let rows = olga.json(&["audit", "list"]).await;
    assert_eq!(rows["items"][0]["after"], serde_json::json!({ "sessions_ended": 1, "logouts_queued": 1 }));
}

#[tokio::test]
async fn a_back_end_that_is_down_hears_of_a_logout_when_it_is_repeated() {
    let gateway = Gateway::start().await;
    let olga = Operator::of(&gateway);
    gateway.login(ADA).await;
    gateway.stack.legacy().fail_logouts(1);
    assert_eq!(olga.json(&["sessions", "end", "--user", ADA.name]).await["logouts_queued"], 1);
    logged_out(&gateway).await;
    assert_eq!(heard(&gateway), 2);
    assert_eq!(olga.json(&["sessions", "logout"]).await["logouts_queued"], 0, "there is nothing left to do");
}

#[tokio::test]
async fn a_logout_that_was_not_queued_is_told_and_queued_by_the_next_command() {
    let gateway = Gateway::start().await;
    let olga = Operator::of(&gateway);
    let text = std::fs::read_to_string(gateway.stack.data_directory().join("stack.json")).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let broken = text.replace(gateway.stack.lambda_url(), "http://127.0.0.1:1");
    assert_ne!(broken, text);
    std::fs::write(elsewhere.path().join("stack.json"), broken).unwrap();
    let local = format!("--local={}", elsewhere.path().display());
    let tokens = gateway.login(ADA).await;

    let refused = run(&[&local, "users", "disable", ADA.name], "", |command| command).await;
    assert_eq!(refused.code, Some(1));
    for words in ["all else was done", "1 sessions", "could not be queued", "Connection refused", "sessions logout"] {
        assert!(refused.problem().contains(words), "{words}: {refused:?}");
    }
    assert!(!calls(&gateway, &tokens.access).await);
    assert_eq!(olga.json(&["users", "show", ADA.name]).await["enabled"], false);
    let row = olga.json(&["audit", "list"]).await["items"][0].clone();
    assert_eq!((&row["act"], &row["outcome"]), (&"users disable".into(), &"failed".into()));
    assert!(row["reason"].as_str().unwrap().contains("could not be queued"), "{row}");
    let again = run(&[&local, "sessions", "logout"], "", |command| command).await;
    assert_eq!((again.code, heard(&gateway)), (Some(1), 0));

    assert_eq!(olga.json(&["sessions", "logout"]).await["logouts_queued"], 1);
    logged_out(&gateway).await;
    assert_eq!(heard(&gateway), 1);

    // One session is ended again by its id, as long as it is not logged out.
    gateway.login(BOB).await;
    let listed = olga.json(&["sessions", "list", BOB.name]).await;
    let sid = listed["items"][0]["session_id"].as_str().unwrap();
    assert_eq!(run(&[&local, "sessions", "end", sid], "", |command| command).await.code, Some(1));
    assert_eq!(olga.json(&["sessions", "end", sid]).await["logouts_queued"], 1);
    logged_out(&gateway).await;
    assert_eq!(heard(&gateway), 2);
}

/// Whoever may invoke the function cannot end sessions with it, and what is no request of its is refused.
#[tokio::test]
async fn the_function_logs_out_no_live_session_and_takes_no_other_event() {
    let gateway = Gateway::start().await;
    let tokens = gateway.login(ADA).await;
    let listed = Operator::of(&gateway).json(&["sessions", "list", ADA.name]).await;
    let session = serde_json::from_value(listed["items"][0]["session_id"].clone()).unwrap();
    let more = serde_json::json!({ "log_out_ended_session": { "session": session, "user": "ada" } });
    for (event, words) in [(LogoutRequest { session }.to_event(), "has not ended"), (more, "no request")] {
        let event = Bytes::from(event.to_string());
        let refused = gateway.stack.functions().invoke("RenewalFunction", event).await.unwrap_err().to_string();
        assert!(refused.contains(words), "{refused}");
    }
    assert!(calls(&gateway, &tokens.access).await);
    assert_eq!(heard(&gateway), 0);
}

/// OpenID Connect Back-Channel Logout: what operators end, applications are told by the outbox.
#[tokio::test]
async fn an_app_that_is_told_of_logouts_is_told_of_what_operators_end() {
    let gateway = Gateway::start().await;
    let olga = Operator::of(&gateway);
    let told = ["--backchannel-logout-uri", "https://app.example.com/logged-out"];
    let change = |more: &[&'static str]| [&["apps", "change", DEMO_APP], &told[..], more].concat();
    assert!(olga.does(&change(&[])).await.problem().contains("the scopes need openid"));
    let returns = ["--scopes", "openid orders:read", "--post-logout-redirect-uri", "https://app.example.com/"];
    let app = olga.json(&change(&returns)).await;
    assert_eq!(
        (&app["backchannel_logout_uri"], &app["post_logout_redirect_uris"][0]),
        (&told[1].into(), &returns[3].into())
    );
    let login = |scope| {
        let user = [("username", ADA.name), ("password", ADA.password), ("scope", scope)];
        [&[("grant_type", "password"), ("client_id", DEMO_APP)], &user[..]].concat()
    };
    for (scope, expected) in [("orders:read", 0), ("openid", 1)] {
        assert_eq!(gateway.post_form("/oauth2/token", &login(scope)).await.status, 200);
        assert_eq!(olga.json(&["sessions", "end", "--user", ADA.name]).await["sessions_ended"], 1);
        let due = gateway.store().outbox.due(Kind::LogoutNotice, Timestamp::from_secs(i64::MAX / 2), 9).await;
        assert_eq!(due.map(|due| due.len()), Ok(expected), "{scope}");
    }
    let webhook = ["apps", "change", DEMO_APP, "--webhook-uri", "https://app.example.com/told"];
    assert!(olga.does(&webhook).await.problem().contains("gateway.yaml has none: use --url"));
    assert_eq!(olga.json(&["apps", "change", DEMO_APP, "--webhook-uri", "none"]).await["webhook_uri"], Value::Null);
    let none = ["apps", "change", DEMO_APP, "--backchannel-logout-uri", "none", "--post-logout-redirect-uri", "none"];
    let app = olga.json(&none).await;
    assert_eq!(
        (&app["backchannel_logout_uri"], &app["post_logout_redirect_uris"]),
        (&Value::Null, &Value::Array(vec![]))
    );
}
