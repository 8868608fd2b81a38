//! What the store guarantees under races, tested against a real DynamoDB: the embedded one, or the one at
//! `DYNAMODB_TEST_ENDPOINT`.

mod accounts;
mod activity;
mod apps;
mod browser_logins;
mod consents;
mod deliveries;
mod devices;
mod login_attempts;
mod migrations;
mod organizations;
mod outbox;
mod owners;
mod passkeys;
mod pending_sessions;
mod sessions;
mod sign_ons;
mod trade_ins;
mod ttl;
mod usage;
mod users;
mod versions;

use gateway_domain::holder_key::Thumbprint;
use gateway_domain::ids::{ClientId, ConnectorName, SessionId, UserId};
use gateway_domain::rate_limit::CounterName;
use gateway_domain::session::{Family, InternalToken, Session};
use gateway_domain::time::{Seconds, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const DAY: Seconds = Seconds::new(86_400);

fn user() -> UserId {
    UserId::parse("user-1").unwrap()
}

fn app() -> ClientId {
    ClientId::parse("demo-app").unwrap()
}

/// The one counter of this name.
fn counter(name: &str) -> BTreeSet<CounterName> {
    BTreeSet::from([CounterName::parse(name).expect("a counter's name")])
}

fn sid(byte: u8) -> SessionId {
    SessionId::from_random([byte; 16])
}

fn legacy() -> ConnectorName {
    ConnectorName::parse("orders-login").unwrap()
}

fn token(version: u64) -> InternalToken {
    InternalToken {
        version,
        sealed: gateway_domain::sealing::SealedToken::parse("k1.c2VhbGVk"),
        since: NOW,
        ends: Some(NOW.saturating_add(DAY)),
        idle: None,
        renew_until: None,
    }
}

fn session(byte: u8) -> Session {
    Session {
        sid: sid(byte),
        user_id: user(),
        client_id: app(),
        scope: gateway_domain::scope::Scope::parse("orders:read").unwrap(),
        family: Family::begin(NOW, DAY, Seconds::new(10 * 86_400)),
        holder: None,
        salt: [byte; 16],
        mac_key: "m1".into(),
        credential_epoch: 3,
        auth_time: Some(Timestamp::from_secs(1)),
        origin: gateway_domain::session::Origin::default(),
        issuer: Some("https://auth.example.com".to_owned()),
        sign_on: None,
        tokens: BTreeMap::from([(legacy(), token(1))]),
    }
}

/// The name of a key that somebody holds: that of RFC 9449, figure 9.
fn key() -> Thumbprint {
    Thumbprint::parse("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I").unwrap()
}

/// Runs this many tasks at once and returns every outcome.
async fn at_once<T, F>(times: usize, mut each: impl FnMut(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let tasks: Vec<_> = (0..times).map(|index| tokio::spawn(each(index))).collect();
    let mut outcomes = Vec::with_capacity(times);
    for task in tasks {
        outcomes.push(task.await.expect("no panic"));
    }
    outcomes
}
