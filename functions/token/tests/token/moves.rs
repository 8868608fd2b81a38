//! Sessions that a back end moves: what the renewal function keeps of them, at which price, and beside whom.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use gateway_domain::ids::ConnectorName;
use gateway_domain::renewal::{NextToken, ReplaceRequest};
use gateway_domain::sealing::SealingKeys;
use gateway_domain::session::Session;
use gateway_domain::time::Seconds;
use serde_json::Value;

use crate::container::key_set;
use crate::fixture::Fixture;

fn connector() -> ConnectorName {
    ConnectorName::parse("orders-login").unwrap()
}

/// The proxy's request to keep this value as the next version of the session's token.
fn request(session: &Session, value: &str) -> Value {
    let (keys, version) = (SealingKeys::parse(&key_set("k1", 2)).unwrap(), session.tokens[&connector()].version);
    let sealed = keys.seal(&session.sid, &connector(), version + 1, [9; 12], value.as_bytes()).unwrap();
    let token = Some(NextToken { sealed, ends: None });
    let (session, connector) = (session.sid.clone(), connector());
    ReplaceRequest { session, connector, version, token, request_id: None }.to_event()
}

async fn ask(fixture: &Fixture, event: &Value) -> Value {
    gateway_renewal::handle(Ok(&fixture.renewal()), event.clone()).await.unwrap()
}

/// With the operations of the proxy, this is the price of a call that moves its session.
#[tokio::test]
async fn to_keep_a_move_costs_a_read_and_two_writes() {
    let fixture = Fixture::new().await;
    let tokens = fixture.login("pub1", "orders:read").await;
    let session = fixture.session(&tokens.access).await;
    let event = request(&session, "moved");
    fixture.wire.since_last();
    assert_eq!(ask(&fixture, &event).await, "replaced");
    assert_eq!(fixture.wire.since_last(), ["GetItem Sessions", "UpdateItem Sessions", "UpdateItem Activity"]);
    assert_eq!(fixture.versions(&tokens.access).await, [2]);
    // Another response that moved the same version comes too late, and is told so by a read.
    fixture.wire.since_last();
    assert_eq!(ask(&fixture, &request(&session, "another")).await, "kept");
    assert_eq!(fixture.wire.since_last(), ["GetItem Sessions"]);
}

/// A refresh may hold the lease for as long as its connectors take. The move is kept when it is over, however often that
/// was looked up, and not lost after the two seconds that a refresh waits for another one.
#[tokio::test]
async fn a_move_waits_for_a_refresh_that_takes_long() {
    let fixture = Fixture::new().await;
    let tokens = fixture.login("pub1", "orders:read").await;
    let session = fixture.session(&tokens.access).await;
    let (sessions, now) = (fixture.db.store.sessions.clone(), fixture.now());
    assert!(sessions.lease(&session, "refresh", now.saturating_add(Seconds::new(30)), now).await.unwrap());
    let (attempts, sid) = (Arc::new(AtomicU32::new(0)), session.sid.clone());
    let counted = Arc::clone(&attempts);
    fixture.wire.before_each(move |operation| {
        let nth = if operation.is("UpdateItem", "Sessions") { counted.fetch_add(1, Ordering::SeqCst) + 1 } else { 0 };
        let (sessions, sid) = (sessions.clone(), sid.clone());
        Box::pin(async move {
            // By then more than two seconds have passed.
            if nth == 7 {
                sessions.release(&sid, "refresh").await.unwrap();
            }
        })
    });
    let begun = tokio::time::Instant::now();
    assert_eq!(ask(&fixture, &request(&session, "moved")).await, "replaced");
    assert_eq!(attempts.load(Ordering::SeqCst), 7);
    assert!(begun.elapsed() > std::time::Duration::from_secs(2));
    assert_eq!(fixture.session(&tokens.access).await.tokens[&connector()].version, 2);
}
