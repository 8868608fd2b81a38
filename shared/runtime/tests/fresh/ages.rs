//! Keys in memory: how often they are read, and what they are good for when they cannot be.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use gateway_domain::clock::Clock;
use gateway_domain::refresh_token::RefreshKeys;
use gateway_local::secrets_manager::SecretsManager;
use gateway_runtime::fresh::key_timing;
use gateway_runtime::{Aws, Environment, Fresh, Secrets, StartError};
use tokio::runtime::Runtime;

const HOUR: i64 = 3_600;

#[derive(Debug)]
struct HandClock(AtomicI64);

impl HandClock {
    fn forward(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now_millis(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Secrets Manager that can go away with all its connections, and come back where it was.
struct Server {
    address: SocketAddr,
    manager: SecretsManager,
    runtime: Option<Runtime>,
}

impl Server {
    fn start(value: &str) -> Self {
        let manager = SecretsManager::new(&[("RefreshKeys".to_owned(), value.to_owned())].into(), None, &[]);
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Self { address, manager, runtime: None };
        server.come_back();
        server
    }

    fn come_back(&mut self) {
        let listener = std::net::TcpListener::bind(self.address).unwrap();
        self.address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let runtime = Runtime::new().unwrap();
        let manager = self.manager.clone();
        runtime.spawn(async move {
            manager
                .serve(
                    tokio::net::TcpListener::from_std(listener).unwrap(),
                    gateway_local::access::Access::of_everybody(),
                )
                .await;
        });
        self.runtime = Some(runtime);
    }

    fn go_away(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.go_away();
    }
}

struct Site {
    server: Server,
    clock: Arc<HandClock>,
    keys: Fresh<RefreshKeys>,
}

fn value(current: &str) -> String {
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    format!(r#"{{"current":"{current}","keys":{{"{current}":"{key}"}}}}"#)
}

fn environment(address: &str) -> Environment {
    let pairs = [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", address),
        ("REFRESH_KEYS_SECRET", "RefreshKeys"),
    ];
    Environment::from_pairs(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())))
}

async fn read(environment: &Environment, clock: &Arc<HandClock>) -> Result<Fresh<RefreshKeys>, StartError> {
    let clock = Arc::clone(clock) as Arc<dyn Clock>;
    let secrets = Secrets::new(&Aws::new(environment).unwrap());
    Fresh::read(&secrets, environment, "REFRESH_KEYS_SECRET", &clock, RefreshKeys::parse).await
}

impl Site {
    async fn start() -> Self {
        let server = Server::start(&value("m1"));
        let clock = Arc::new(HandClock(AtomicI64::new(1_800_000_000_000)));
        let keys = read(&environment(&format!("http://{}", server.address)), &clock).await.unwrap();
        Self { server, clock, keys }
    }

    fn reads(&self) -> usize {
        self.server.manager.reads()
    }

    async fn current(&self) -> String {
        self.keys.fresh().await.unwrap().current_id().to_owned()
    }
}

/// What is logged on this thread.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn listen() -> (Self, tracing::subscriber::DefaultGuard) {
        let lines = Self::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
        (lines, tracing::subscriber::set_default(subscriber))
    }

    fn alarms(&self) -> usize {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let alarms = text.lines().filter(|line| line.contains(r#""alarm":"keys_stale""#));
        alarms.inspect(|line| assert!(line.contains(r#""target":"alarm""#), "{line}")).count()
    }
}

#[tokio::test]
async fn keys_are_read_once_in_a_cache_age_however_many_ask() {
    let site = Site::start().await;
    for minute in 0..60 {
        join_all((0..50).map(|_| site.current())).await;
        assert_eq!(site.reads(), 1 + minute / 5, "minute {minute}");
        site.clock.forward(60);
    }
}

#[tokio::test]
async fn a_new_version_is_seen_within_a_cache_age() {
    let site = Site::start().await;
    site.server.manager.set("RefreshKeys", &value("m2"));
    site.clock.forward(299);
    assert_eq!(site.current().await, "m1");
    site.clock.forward(1);
    assert_eq!(site.current().await, "m2");
}

/// Abuse case D5: whoever names unknown keys makes no more than one read in a tenth of the cache age.
#[tokio::test]
async fn a_thousand_unknown_keys_are_one_read_in_half_a_minute() {
    let site = Site::start().await;
    for _ in 0..10 {
        join_all((0..100).map(|_| async { site.keys.again().await.unwrap() })).await;
        site.clock.forward(2);
    }
    assert_eq!(site.reads(), 1, "what was read twenty seconds ago is not read again");
    site.server.manager.set("RefreshKeys", &value("m2"));
    site.clock.forward(10);
    join_all((0..1_000).map(|_| async { site.keys.again().await.unwrap() })).await;
    assert_eq!(site.reads(), 2);
    assert!(site.keys.value().knows("m2"));
}

/// Abuse case K2: unreachable.
#[tokio::test]
async fn without_secrets_manager_the_last_good_keys_do_for_a_day_and_every_attempt_is_an_alarm() {
    let (lines, _listening) = Lines::listen();
    let mut site = Site::start().await;
    site.server.go_away();
    site.clock.forward(300);
    assert_eq!(site.current().await, "m1");
    assert_eq!(lines.alarms(), 1);
    // Not tried again at once: a call does not wait for what is down.
    assert_eq!(site.current().await, "m1");
    assert_eq!(lines.alarms(), 1);
    // Whether an unknown key exists cannot be told.
    assert!(matches!(site.keys.again().await, Err(StartError::Unavailable { .. })));
    site.clock.forward(24 * HOUR - 301);
    assert_eq!(site.current().await, "m1");
    assert_eq!(lines.alarms(), 2);
    site.clock.forward(1);
    assert!(matches!(site.keys.fresh().await, Err(StartError::Unavailable { .. })));
    site.server.come_back();
    site.clock.forward(30);
    assert_eq!(site.current().await, "m1");
    assert!(site.keys.again().await.is_ok());
}

/// Abuse case K2: malformed.
#[tokio::test]
async fn a_malformed_version_is_ignored_with_an_alarm_and_the_next_good_one_is_taken() {
    let (lines, _listening) = Lines::listen();
    let site = Site::start().await;
    for malformed in ["{", "{}", r#"{"current":"m9","keys":{}}"#] {
        site.server.manager.set("RefreshKeys", malformed);
        site.clock.forward(300);
        assert_eq!(site.current().await, "m1");
    }
    assert_eq!(lines.alarms(), 3);
    site.server.manager.set("RefreshKeys", &value("m2"));
    site.clock.forward(30);
    assert_eq!((site.current().await.as_str(), lines.alarms()), ("m2", 3));
}

/// A container that was frozen for a week does not begin with keys of last week.
#[tokio::test]
async fn keys_that_are_too_old_are_waited_for_by_everybody() {
    let site = Site::start().await;
    site.server.manager.set("RefreshKeys", &value("m2"));
    site.clock.forward(7 * 24 * HOUR);
    for current in join_all((0..20).map(|_| site.current())).await {
        assert_eq!(current, "m2");
    }
    assert_eq!(site.reads(), 2);
}

#[tokio::test]
async fn a_clock_that_was_set_back_does_not_keep_keys_for_ever() {
    let site = Site::start().await;
    site.server.manager.set("RefreshKeys", &value("m2"));
    site.clock.forward(-HOUR);
    assert_eq!(site.current().await, "m2");
}

#[tokio::test]
async fn a_cold_start_without_secrets_manager_or_with_a_malformed_secret_has_no_keys() {
    let mut server = Server::start("{");
    let clock = Arc::new(HandClock(AtomicI64::new(0)));
    let environment = environment(&format!("http://{}", server.address));
    assert!(matches!(read(&environment, &clock).await, Err(StartError::Invalid { .. })));
    server.go_away();
    assert!(matches!(read(&environment, &clock).await, Err(StartError::Unavailable { .. })));
}

#[test]
fn the_cache_age_can_only_be_made_shorter() {
    let with = |seconds: &str| key_timing(&Environment::from_pairs([("KEY_CACHE_SECONDS".into(), seconds.into())]));
    assert_eq!(with("").unwrap().cache().as_u64(), 300);
    assert_eq!(with("2").unwrap().cache().as_u64(), 2);
    let error = with("301").unwrap_err().to_string();
    assert!(error.contains("KEY_CACHE_SECONDS") && error.contains("1 to 300"), "{error}");
}
