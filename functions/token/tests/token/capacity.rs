//! How many sessions a user has in an application.

use crate::fixture::{Fixture, NOTES};
use crate::request::Tokens;

async fn logins(fixture: &Fixture, number: usize) -> Vec<Tokens> {
    let mut all = Vec::new();
    for _ in 0..number {
        fixture.clock.forward(1);
        all.push(fixture.login("pub1", NOTES).await);
    }
    all
}

/// Checklist Z-24: the first login was refreshed since, so the second goes.
#[tokio::test]
async fn a_ninth_login_ends_the_session_least_recently_refreshed() {
    let fixture = Fixture::new().await;
    let mut sessions = logins(&fixture, 8).await;
    fixture.clock.forward(1);
    sessions[0] = fixture.refresh("pub1", &sessions[0].refresh).await.tokens();
    sessions.extend(logins(&fixture, 1).await);
    assert_eq!(fixture.sessions_of("u_alice", "pub1").await, 8);
    for (number, session) in sessions.iter().enumerate() {
        assert_eq!(fixture.calls(&session.access).await, number != 1, "{number}");
        let refreshed = fixture.refresh("pub1", &session.refresh).await.status;
        assert_eq!(refreshed, if number == 1 { 400 } else { 200 }, "{number}");
    }
}

/// A plan may allow fewer, and the next login of its applications keeps to that.
#[tokio::test]
async fn a_plan_has_a_number_of_sessions_of_its_own() {
    let fixture = Fixture::new().await;
    let sessions = logins(&fixture, 3).await;
    let app = fixture.container_with(|config| config.replace("calls: 60,", "calls: 60, sessions: 2,"));
    fixture.clock.forward(1);
    let last = crate::fixture::send(&app, crate::fixture::login("alice", "pub1", NOTES)).await.tokens();
    assert_eq!(fixture.sessions_of("u_alice", "pub1").await, 2);
    assert!(fixture.calls(&last.access).await && fixture.calls(&sessions[2].access).await);
}

#[tokio::test]
async fn sessions_of_other_people_and_applications_do_not_count() {
    let fixture = Fixture::new().await;
    let mine = logins(&fixture, 8).await;
    for _ in 0..9 {
        fixture.login("pub2", NOTES).await;
        fixture.send(crate::fixture::login("bob", "pub1", NOTES)).await.tokens();
    }
    for session in &mine {
        assert!(fixture.calls(&session.access).await);
    }
}

#[tokio::test]
async fn a_session_that_is_over_already_goes_first() {
    let fixture = Fixture::new().await;
    let sessions = logins(&fixture, 8).await;
    // Ended, but a crash kept its entry.
    let last = fixture.session(&sessions[7].access).await;
    fixture.db.store.sessions.end(&last.sid).await.unwrap();
    logins(&fixture, 1).await;
    for session in &sessions[..7] {
        assert!(fixture.calls(&session.access).await);
    }
    assert!(!fixture.calls(&sessions[7].access).await);
}

/// The absolute end counts as well: the last refresh of a session that is over was later than those of all others.
#[tokio::test]
async fn a_session_past_its_absolute_end_goes_first_however_lately_it_was_refreshed() {
    const HOURS: i64 = 3_600;
    let fixture = Fixture::new().await;
    let mut first = logins(&fixture, 1).await.remove(0);
    for _ in 0..8 {
        fixture.clock.forward(20 * HOURS);
        first = fixture.refresh("pub1", &first.refresh).await.tokens();
    }
    // 160 of 168 hours have passed, so that the others live on behind the end of the first.
    let others = logins(&fixture, 7).await;
    fixture.clock.forward(7 * HOURS);
    first = fixture.refresh("pub1", &first.refresh).await.tokens();
    fixture.clock.forward(HOURS + 60);
    logins(&fixture, 1).await;
    for other in &others {
        assert_eq!(fixture.refresh("pub1", &other.refresh).await.status, 200);
    }
    assert_eq!(fixture.refresh("pub1", &first.refresh).await.status, 400);
}
