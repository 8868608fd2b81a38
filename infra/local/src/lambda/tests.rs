//! An asynchronous event is accepted at once, and repeated on failure as often as the template says.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;

use super::*;

/// A function that reports each event that it receives, and fails a given number of times.
struct Fixture {
    url: String,
    seen: mpsc::UnboundedReceiver<String>,
    log: Log,
}

async fn fixture(failures: u32, retries: u32) -> Fixture {
    let (sender, seen) = mpsc::unbounded_channel();
    let left = Arc::new(AtomicU32::new(failures));
    let log = Log::default();
    let mut functions = Functions::default();
    functions.add_task("F", Duration::from_secs(20), &log, move |endpoint| {
        tokio::spawn(work(endpoint, sender.clone(), Arc::clone(&left)))
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/2015-03-31/functions", listener.local_addr().unwrap());
    let lambda = Lambda::new(functions, Access::of_everybody(), [("F".to_owned(), retries)].into(), log.clone());
    tokio::spawn(lambda.serve(listener));
    Fixture { url, seen, log }
}

async fn work(runtime_api: String, seen: mpsc::UnboundedSender<String>, left: Arc<AtomicU32>) {
    let base = format!("http://{runtime_api}/2018-06-01/runtime/invocation");
    let client = reqwest::Client::new();
    while let Ok(next) = client.get(format!("{base}/next")).send().await {
        let id = next.headers()["lambda-runtime-aws-request-id"].to_str().unwrap().to_owned();
        seen.send(next.text().await.unwrap()).unwrap();
        let fails = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        let (end, body) = if fails { ("error", r#"{"errorMessage":"down"}"#) } else { ("response", "{}") };
        client.post(format!("{base}/{id}/{end}")).body(body).send().await.unwrap();
    }
}

impl Fixture {
    async fn invoke(&self, function: &str, kind: &str) -> (u16, String) {
        let request = reqwest::Client::new().post(format!("{}/{function}/invocations", self.url));
        let response = request.header("x-amz-invocation-type", kind).body("{\"n\":1}").send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// Waits for the next event that the function receives.
    async fn next(&mut self) -> String {
        tokio::time::timeout(Duration::from_secs(20), self.seen.recv()).await.expect("an event").unwrap()
    }

    fn dropped(&self) -> bool {
        self.log.lines().iter().any(|line| line.contains("the event is dropped"))
    }
}

#[tokio::test]
async fn an_event_is_accepted_without_a_response_and_runs() {
    let mut fixture = fixture(0, 2).await;
    assert_eq!(fixture.invoke("F", "Event").await, (202, String::new()));
    assert_eq!(fixture.next().await, "{\"n\":1}");
    assert_eq!(fixture.invoke("F", "RequestResponse").await, (200, "{}".to_owned()));
    assert_eq!(fixture.invoke("F", "DryRun").await.0, 400);
    assert_eq!(fixture.invoke("G", "Event").await.0, 404);
}

#[tokio::test]
async fn an_event_that_fails_is_repeated_until_it_succeeds() {
    let mut fixture = fixture(2, 2).await;
    assert_eq!(fixture.invoke("F", "Event").await.0, 202);
    for _ in 0..3 {
        assert_eq!(fixture.next().await, "{\"n\":1}");
    }
    // The function takes this event only after it has responded to the one before.
    assert_eq!(fixture.invoke("F", "RequestResponse").await.0, 200);
    assert!(!fixture.dropped());
}

#[tokio::test]
async fn an_event_that_fails_too_often_is_dropped() {
    let mut fixture = fixture(9, 1).await;
    assert_eq!(fixture.invoke("F", "Event").await.0, 202);
    for _ in 0..2 {
        fixture.next().await;
    }
    let told = async {
        while !fixture.dropped() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), told).await.expect("it is told");
    assert!(fixture.seen.try_recv().is_err(), "it is not repeated again");
}

#[tokio::test]
async fn a_full_queue_refuses() {
    let queue = Queue::new(Functions::default(), BTreeMap::new(), Log::default());
    // The runtime has one thread, so none of the events runs before this test waits.
    assert!((0..limits::QUEUED).all(|_| queue.push("F", Bytes::new())));
    assert!(!queue.push("F", Bytes::new()));
}
