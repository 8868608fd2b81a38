//! A process that fails is reported, replaced, and not waited for.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::*;
use crate::template::Function;

fn program(directory: &Path, script: &str) -> Program {
    let path = directory.join("bootstrap");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    let (id, binary) = ("TokenFunction".to_owned(), "token".to_owned());
    let environment = BTreeMap::from([("GREETING".to_owned(), "hello".to_owned())]);
    Program {
        function: Function {
            id,
            role: String::new(),
            binary,
            memory: 256,
            timeout: Duration::from_secs(5),
            retries: 2,
            environment,
        },
        path,
        credentials: None,
    }
}

async fn start(script: &str, start_timeout: Duration) -> (String, Log) {
    let (directory, log) = (tempfile::tempdir().unwrap(), Log::default());
    let functions = Functions::new(vec![program(directory.path(), script)], 2, start_timeout, &log);
    (functions.warm_up().await.unwrap_err().to_string(), log)
}

const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_function_that_ends_at_its_start_is_told_with_its_last_lines() {
    let (message, log) = start("echo one; echo \"no table\" >&2; exit 3", SOON).await;
    assert!(message.contains("function `token#1` ended at its start (exit status: 3)"), "{message}");
    assert!(message.contains("no table"), "{message}");
    assert!(log.lines().contains(&"[token#1] no table".to_owned()), "{:?}", log.lines());
}

#[tokio::test]
async fn a_function_that_never_asks_for_work_is_not_waited_for() {
    let (message, _) = start("exec sleep 60", Duration::from_millis(100)).await;
    assert!(message.contains("asked for no invocation within 100ms"), "{message}");
}

#[tokio::test]
async fn a_binary_that_is_not_there_is_told() {
    let (directory, log) = (tempfile::tempdir().unwrap(), Log::default());
    let functions = Functions::new(vec![program(directory.path(), "")], 2, SOON, &log);
    let missing = Functions::new(vec![program(tempfile::tempdir().unwrap().path(), "")], 2, SOON, &log);
    assert!(missing.warm_up().await.unwrap_err().to_string().contains("could not be started"));
    assert!(functions.warm_up().await.unwrap_err().to_string().contains("ended at its start"));
}

/// A process gets the variables that Lambda would give it, and none of this machine's environment.
#[tokio::test]
async fn a_process_sees_only_the_environment_of_its_function() {
    let (_, log) = start("env; exit 1", SOON).await;
    let lines = log.lines().join("\n");
    for expected in ["GREETING=hello", "AWS_LAMBDA_FUNCTION_NAME=TokenFunction", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256"]
    {
        assert!(lines.contains(expected), "{expected}: {lines}");
    }
    assert!(!lines.contains("CARGO"), "{lines}");
}

/// Takes invocations; the event says whether it responds, hangs, ends, or first responds under another id.
async fn work(runtime_api: String) {
    let client = reqwest::Client::new();
    let base = format!("http://{runtime_api}/2018-06-01/runtime/invocation");
    while let Ok(next) = client.get(format!("{base}/next")).send().await {
        let id = next.headers()["lambda-runtime-aws-request-id"].to_str().unwrap().to_owned();
        let deadline: i64 = next.headers()["lambda-runtime-deadline-ms"].to_str().unwrap().parse().unwrap();
        assert!(deadline > 1_700_000_000_000);
        match next.text().await.unwrap().as_str() {
            "end" => return,
            "hang" => std::future::pending().await,
            "other id" => {
                let response = client.post(format!("{base}/0/response")).body("x").send().await.unwrap();
                assert_eq!(response.status(), 400);
            }
            _ => {}
        }
        client.post(format!("{base}/{id}/response")).body("done").send().await.unwrap();
    }
}

fn tasks(timeout: Duration) -> Functions {
    let mut functions = Functions::default();
    functions.add_task("F", timeout, &Log::default(), |endpoint| tokio::spawn(work(endpoint)));
    functions
}

#[tokio::test]
async fn a_process_that_ends_during_a_call_is_replaced_for_the_next() {
    let functions = tasks(SOON);
    let error = functions.invoke("F", Bytes::from_static(b"end")).await.unwrap_err();
    assert!(matches!(error, InvokeError::Crashed { .. }), "{error}");
    assert_eq!(functions.invoke("F", Bytes::from_static(b"work")).await.unwrap(), "done");
}

#[tokio::test]
async fn a_call_longer_than_the_functions_timeout_is_given_up() {
    let functions = tasks(Duration::from_millis(200));
    let error = functions.invoke("F", Bytes::from_static(b"hang")).await.unwrap_err();
    assert!(matches!(error, InvokeError::TimedOut(_)), "{error}");
    assert_eq!(functions.invoke("F", Bytes::from_static(b"work")).await.unwrap(), "done");
}

#[tokio::test]
async fn a_response_to_another_invocation_is_refused() {
    let functions = tasks(SOON);
    assert_eq!(functions.invoke("F", Bytes::from_static(b"other id")).await.unwrap(), "done");
}

#[tokio::test]
async fn calls_beyond_the_bound_wait_their_turn() {
    let functions = tasks(SOON);
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let functions = functions.clone();
            tokio::spawn(async move { functions.invoke("F", Bytes::from_static(b"work")).await.unwrap() })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), "done");
    }
    assert_eq!(functions.invocations("F"), 20);
    functions.end_idle("F");
    assert_eq!(functions.invoke("F", Bytes::from_static(b"work")).await.unwrap(), "done");
}
