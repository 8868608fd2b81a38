//! Refreshing: one successor, however often and concurrently it is asked for.

use futures_util::future::join_all;

use crate::fixture::{Fixture, NOTES, SECRET, refresh, send};
use crate::request::{Request, Response, post};

const MINUTE: i64 = 60;
/// The window, and the time after it in which a late copy has no consequence.
const WINDOW: i64 = 5 * MINUTE;
const LATE: i64 = 10 * MINUTE;

fn refused(response: &Response) -> bool {
    response.refusal() == (400, "invalid_grant")
}

fn attempt(token: &str, id: &str) -> Request {
    refresh("pub1", token).header("Idempotency-Key", id)
}

/// Abuse case F1: and each response has an access token that works.
#[tokio::test]
async fn fifty_refreshes_at_once_make_one_successor() {
    let fixture = Fixture::new().await;
    let first = fixture.login("pub1", NOTES).await;
    let containers: Vec<_> = (0..5).map(|_| fixture.container()).collect();
    let responses = join_all((0..50).map(|i| send(&containers[i % 5], refresh("pub1", &first.refresh)))).await;
    let successor = responses[0].tokens().refresh;
    assert_ne!(successor, first.refresh);
    for response in &responses {
        assert_eq!(response.tokens().refresh, successor);
        assert!(fixture.calls(&response.tokens().access).await);
    }
    assert_eq!(fixture.refresh("pub1", &successor).await.status, 200);
}

/// Abuse case F2; checklist S-05, Z-33: the reused token ends the family, refresh and access tokens alike.
#[tokio::test]
async fn a_token_used_long_ago_ends_the_session() {
    let fixture = Fixture::new().await;
    let first = fixture.login("pub1", NOTES).await;
    let second = fixture.refresh("pub1", &first.refresh).await.tokens();
    let third = fixture.refresh("pub1", &second.refresh).await.tokens();
    fixture.clock.forward(WINDOW + LATE + 1);
    let fourth = fixture.refresh("pub1", &third.refresh).await.tokens();
    assert!(fixture.calls(&fourth.access).await, "the twin: without reuse the session goes on");
    assert!(refused(&fixture.refresh("pub1", &first.refresh).await));
    for token in [&fourth.refresh, &third.refresh, &second.refresh, &first.refresh] {
        assert!(refused(&fixture.refresh("pub1", token).await));
    }
    assert!(!fixture.calls(&fourth.access).await);
    assert_eq!(fixture.sessions_of("u_alice", "pub1").await, 0);
}

/// Abuse case F3: inside the window, once and again, and from another container.
#[tokio::test]
async fn a_lost_response_is_repeated_inside_the_window() {
    let fixture = Fixture::new().await;
    let first = fixture.login("pub1", NOTES).await;
    let lost = fixture.refresh("pub1", &first.refresh).await.tokens();
    for seconds in [0, 1, 100, WINDOW - 101] {
        fixture.clock.forward(seconds);
        let again = send(&fixture.container(), refresh("pub1", &first.refresh)).await.tokens();
        assert_eq!(again.refresh, lost.refresh);
    }
    fixture.clock.forward(1);
    assert!(refused(&fixture.refresh("pub1", &first.refresh).await));
    assert_eq!(fixture.refresh("pub1", &lost.refresh).await.status, 200, "the late copy had no consequence");
}

/// Abuse case F3: with an attempt id, for as long as the session lives; with another id it is reuse.
#[tokio::test]
async fn the_same_attempt_is_repeated_at_any_time() {
    let fixture = Fixture::new().await;
    let first = fixture.login("pub1", NOTES).await;
    let lost = fixture.send(attempt(&first.refresh, "attempt-1")).await.tokens();
    for seconds in [1, 3_600, 80_000] {
        fixture.clock.forward(seconds);
        assert_eq!(fixture.send(attempt(&first.refresh, "attempt-1")).await.tokens().refresh, lost.refresh);
    }
    let second = fixture.send(attempt(&lost.refresh, "attempt-2")).await.tokens();
    assert!(refused(&fixture.send(attempt(&first.refresh, "attempt-1")).await), "its successor was used");
    fixture.clock.forward(WINDOW + LATE + 1);
    assert!(refused(&fixture.send(attempt(&lost.refresh, "attempt-3")).await));
    assert!(refused(&fixture.send(attempt(&second.refresh, "attempt-4")).await), "the reuse ended the session");
    let odd = fixture.send(attempt(&second.refresh, "two words")).await;
    assert_eq!(odd.refusal(), (400, "invalid_request"));
}

/// Abuse case F4.
#[tokio::test]
async fn a_grandparent_is_refused_also_inside_the_window() {
    let fixture = Fixture::new().await;
    let first = fixture.login("pub1", NOTES).await;
    let second = fixture.refresh("pub1", &first.refresh).await.tokens();
    let third = fixture.refresh("pub1", &second.refresh).await.tokens();
    assert!(refused(&fixture.refresh("pub1", &first.refresh).await));
    assert_eq!(fixture.refresh("pub1", &second.refresh).await.tokens().refresh, third.refresh);
    assert_eq!(fixture.refresh("pub1", &third.refresh).await.status, 200);
}

/// Abuse case F5: containers remember nothing that counts. The application has a window of zero.
#[tokio::test]
async fn a_used_token_stays_used_in_a_new_container() {
    let fixture = Fixture::new().await;
    let first = fixture.login("strict", NOTES).await;
    let second = fixture.refresh("strict", &first.refresh).await.tokens();
    assert!(refused(&fixture.refresh("strict", &first.refresh).await));
    assert!(refused(&send(&fixture.container(), refresh("strict", &first.refresh)).await));
    assert_eq!(send(&fixture.container(), refresh("strict", &second.refresh)).await.status, 200);
}

/// Abuse case F8; checklist Z-24: rotation never moves the absolute end.
#[tokio::test]
async fn a_session_refreshed_every_hour_ends_at_its_absolute_end() {
    let fixture = Fixture::new().await;
    let mut token = fixture.login("pub1", NOTES).await.refresh;
    for _ in 0..7 * 24 - 1 {
        fixture.clock.forward(3_600);
        let response = fixture.refresh("pub1", &token).await;
        assert!(response.body["expires_in"].as_u64().unwrap() <= 600);
        token = response.tokens().refresh;
    }
    fixture.clock.forward(3_599);
    assert_eq!(fixture.refresh("pub1", &token).await.body["expires_in"], 1);
    fixture.clock.forward(1);
    assert!(refused(&fixture.refresh("pub1", &token).await));
}

/// Checklist S-12, Z-24: the session idles out after a day; a day less a second is no day.
#[tokio::test]
async fn an_unused_session_ends() {
    let fixture = Fixture::new().await;
    let first = fixture.login("pub1", NOTES).await;
    fixture.clock.forward(86_399);
    let second = fixture.refresh("pub1", &first.refresh).await.tokens();
    fixture.clock.forward(86_400);
    assert!(refused(&fixture.refresh("pub1", &second.refresh).await));
}

/// Abuse case E7; checklist G-13, T-21, S-11: to others it is no token, and they do it no harm.
#[tokio::test]
async fn a_refresh_token_belongs_to_its_application() {
    let fixture = Fixture::new().await;
    let first = fixture.login("pub1", NOTES).await;
    assert!(refused(&fixture.refresh("pub2", &first.refresh).await));
    let form = [("grant_type", "refresh_token"), ("refresh_token", first.refresh.as_str())];
    assert!(refused(&fixture.send(post("/oauth2/token", &form).basic("conf1", SECRET)).await));
    let second = fixture.refresh("pub1", &first.refresh).await.tokens();
    fixture.clock.forward(WINDOW + LATE + 1);
    assert!(refused(&fixture.refresh("pub2", &first.refresh).await), "also when it is used already");
    assert_eq!(fixture.refresh("pub1", &second.refresh).await.status, 200);
}

/// Checklist G-15, T-21: one changed character and it is no token; the real one stays good.
#[tokio::test]
async fn a_changed_refresh_token_is_refused_and_harms_nobody() {
    let fixture = Fixture::new().await;
    let first = fixture.login("pub1", NOTES).await;
    let other = fixture.login("pub1", NOTES).await;
    for position in (0..first.refresh.len()).step_by(3).chain([first.refresh.len() - 1]) {
        let mut bytes = first.refresh.clone().into_bytes();
        bytes[position] ^= 1;
        let Ok(changed) = String::from_utf8(bytes) else { continue };
        assert!(refused(&fixture.refresh("pub1", &changed).await), "{position}");
    }
    let parts: Vec<_> = first.refresh.split('.').collect();
    let others: Vec<_> = other.refresh.split('.').collect();
    let swapped = format!("{}.{}.{}", parts[0], parts[1], others[2]);
    let later = format!("{}.2.{}", parts[0], parts[2]);
    let long = format!("{}{}", first.refresh, "x".repeat(5_000));
    for made in [swapped.as_str(), &later, "mgr_", "mgr_..", &first.access, "x", "mgr_a.1.b", &long] {
        assert!(refused(&fixture.refresh("pub1", made).await), "{made}");
    }
    assert_eq!(fixture.refresh("pub1", &first.refresh).await.status, 200);
}
