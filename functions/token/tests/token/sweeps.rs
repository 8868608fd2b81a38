//! TTL is a broom: whether DynamoDB removes what it may at once or never, every response is the same.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::FutureExt as _;
use gateway_domain::clock::Clock as _;

use crate::container::tables;
use crate::fixture::{Fixture, NOTES, PASSWORD, SECRET, login, password_login, refresh};
use crate::request::{HOME, Request, Response, Tokens, post};

/// Who logs in where, and from which address.
const PLACES: [(&str, &str, &str); 3] =
    [("alice", "pub1", HOME), ("alice", "pub1", "203.0.113.1"), ("bob", "pub2", "2001:db8::1")];
/// Lengths of time, in seconds: within and beyond the windows, lock-outs, sessions and known sources there are.
const PAUSES: [i64; 16] = [0, 0, 0, 1, 1, 1, 7, 59, 61, 400, 1_079, 20_000, 80_000, 100_000, 600_000, 7_700_000];

/// A sequence that is the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

/// A session of the journey: the tokens it was given, the newest last.
struct Device {
    client: &'static str,
    tokens: Vec<Tokens>,
}

impl Fixture {
    /// From now on an item whose `ttl` is over is gone before the next operation. Returns the count of those that went.
    pub(crate) fn swept(&self) -> Arc<AtomicUsize> {
        let count = Arc::new(AtomicUsize::new(0));
        let (client, clock, counted) = (self.db.client.clone(), self.clock.clone(), count.clone());
        let tables = [
            ("Sessions", self.db.tables.sessions.clone(), &["sid"][..]),
            ("Activity", self.db.tables.activity.clone(), &["user_id", "client_id"]),
            ("LoginAttempts", self.db.tables.login_attempts.clone(), &["pk"]),
        ];
        // Only a later time, or a write before, leaves something to be swept.
        let unswept = Mutex::new((clock.now(), BTreeSet::new()));
        self.wire.before_each(move |operation| {
            let (client, counted, now) = (client.clone(), counted.clone(), clock.now());
            let mut unswept = unswept.lock().unwrap();
            let due = |name: &str| unswept.0 != now || unswept.1.contains(name);
            let due: Vec<_> = tables.iter().filter(|(name, ..)| due(name)).cloned().collect();
            *unswept = (now, operation.writes().then(|| operation.table.clone()).into_iter().collect());
            async move {
                for (_, table, key) in due {
                    counted.fetch_add(sweep(&client, &table, key, now.as_secs()).await, Ordering::SeqCst);
                }
            }
            .boxed()
        });
        count
    }
}

async fn sweep(client: &aws_sdk_dynamodb::Client, table: &str, key: &[&str], now: i64) -> usize {
    let ttl = |item: &HashMap<String, AttributeValue>| item["ttl"].as_n().unwrap().parse::<i64>().unwrap();
    let scanned = client.scan().table_name(table).consistent_read(true).send().await.unwrap();
    assert_eq!(scanned.last_evaluated_key, None);
    let over: Vec<_> = scanned.items().iter().filter(|item| ttl(item) < now).collect();
    for item in &over {
        let key = key.iter().map(|name| ((*name).to_owned(), item[*name].clone())).collect();
        client.delete_item().table_name(table).set_key(Some(key)).send().await.unwrap();
    }
    over.len()
}

/// What an app is told, without what is random.
fn told(response: &Response) -> String {
    let wait = response.header("Retry-After").unwrap_or_default();
    let body = ["error", "error_description", "expires_in", "refresh_token_timeout", "authorization_expires_in"]
        .map(|name| response.body[name].to_string());
    format!("{} {wait} {}", response.status, body.join(" "))
}

fn revoke(client: &str, token: &str) -> Request {
    post("/oauth2/revoke", &[("client_id", client), ("token", token)])
}

fn again(name: &str, client: &str, password: &str, token: &str) -> Request {
    let username = format!("{name}@example.com");
    let form = [("grant_type", "password"), ("client_id", client), ("username", &username), ("password", password)];
    post("/oauth2/token", &[&form[..], &[("refresh_token", token)]].concat())
}

/// Attempts one after the other, and what came of each.
async fn login_attempts(fixture: &Fixture, requests: impl Iterator<Item = Request>) -> String {
    let mut all = Vec::new();
    for request in requests {
        all.push(told(&fixture.send(request).await));
    }
    all.join("; ")
}

/// One step of a journey: what was done and what came of it.
async fn step(fixture: &Fixture, dice: &mut Dice, devices: &mut Vec<Device>) -> String {
    let (name, client, source) = PLACES[dice.below(PLACES.len())];
    let scope = [NOTES, "vault:read"][dice.below(2)];
    let (what, which) = (dice.below(20), dice.below(1_000));
    // Mostly one of the last, since the others are over, and its newest token.
    let at = devices.len().checked_sub(1 + which % 8 / 6);
    let token = at.map(|at| &devices[at].tokens[devices[at].tokens.len().saturating_sub(1 + which % 7 / 6)]);
    let device = at.map_or(client, |at| devices[at].client);
    let (access, newest) = token.map_or(("none", "none"), |token| (token.access.as_str(), token.refresh.as_str()));
    let request = match what {
        0..3 => login(name, client, scope).from(source),
        3..6 => password_login(name, client, "x").from(source),
        6 => return login_attempts(fixture, (0..12).map(|_| password_login(name, client, "x").from(source))).await,
        7 => {
            let strangers = (0..34).map(|number| password_login(name, client, "x").from(&format!("192.0.2.{number}")));
            return login_attempts(fixture, strangers).await;
        }
        8..12 => refresh(device, newest),
        12 => revoke(device, [access, newest][which % 2]),
        13..16 => {
            // The call itself does not pass over the wire.
            tables(&fixture.db, &fixture.wire.endpoint).users.by_email("nobody@example.com").await.unwrap();
            return format!("called: {}", fixture.calls(access).await);
        }
        16 | 17 => again(name, device, [PASSWORD, "x"][which % 2], newest).from(source),
        18 => post("/oauth2/token", &[("grant_type", "client_credentials")]).basic("conf1", SECRET),
        _ => {
            return login_attempts(
                fixture,
                (0..22).map(|_| post("/oauth2/revoke", &[("token", "x")]).basic("conf1", "x")),
            )
            .await;
        }
    };
    let response = fixture.send(request).await;
    if response.status == 200 && response.body["refresh_token"].is_string() {
        match at {
            Some(at) if what > 2 => devices[at].tokens.push(response.tokens()),
            _ => devices.push(Device { client, tokens: vec![response.tokens()] }),
        }
    }
    format!("{what} {name} {client} {device} {source}: {}", told(&response))
}

/// Logins, attempts, refreshes with new and used tokens, revocations and calls over years.
#[tokio::test]
async fn a_swept_table_answers_like_one_that_is_never_swept() {
    let (kept, swept) = (Box::pin(Fixture::new()).await, Box::pin(Fixture::new()).await);
    let count = swept.swept();
    let (mut dice, mut same_dice) = (Dice(1), Dice(1));
    let (mut devices, mut same_devices) = (Vec::new(), Vec::new());
    let mut seen = String::new();
    for number in 0..130 {
        let pause = PAUSES[dice.below(PAUSES.len())];
        same_dice.below(PAUSES.len());
        kept.clock.forward(pause);
        swept.clock.forward(pause);
        let one = Box::pin(step(&kept, &mut dice, &mut devices)).await;
        let other = Box::pin(step(&swept, &mut same_dice, &mut same_devices)).await;
        println!("{number} +{pause} {one}");
        assert_eq!(one, other, "step {number}, after {pause} s");
        seen.push_str(&one);
    }
    // The journey has met what it is about.
    for met in ["called: true", "called: false", "200 ", "429 ", "401 ", "is unknown, expired, used or revoked"] {
        assert!(seen.contains(met), "{met}");
    }
    assert!(count.load(Ordering::SeqCst) > 20, "{count:?} items were swept");
}

/// What is kept longest: a session that is refreshed to its end, and the source that its user logged in from.
#[tokio::test]
async fn a_session_and_a_known_source_last_to_their_ends_whatever_is_swept() {
    let fixture = Fixture::new().await;
    let count = fixture.swept();
    let mut tokens = fixture.login("pub1", NOTES).await;
    for _ in 0..7 {
        fixture.clock.forward(80_000);
        tokens = fixture.refresh("pub1", &tokens.refresh).await.tokens();
        assert!(fixture.calls(&tokens.access).await);
    }
    // The session is over long since; its user is known for 90 days from the login on.
    fixture.clock.forward(7_000_000);
    for number in 0..34 {
        fixture.send(password_login("alice", "pub1", "x").from(&format!("192.0.2.{number}"))).await;
    }
    assert_eq!(fixture.send(login("alice", "pub1", NOTES).from("192.0.2.99")).await.status, 429);
    assert_eq!(fixture.send(login("alice", "pub1", NOTES)).await.status, 200);
    assert!(count.load(Ordering::SeqCst) > 1, "the session and its activity were swept");
}
