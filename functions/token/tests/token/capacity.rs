//! How many sessions a person has in an application.

use crate::request::Tokens;
use crate::stage::{NOTES, Stage};

async fn logins(stage: &Stage, number: usize) -> Vec<Tokens> {
    let mut all = Vec::new();
    for _ in 0..number {
        stage.clock.forward(1);
        all.push(stage.login("pub1", NOTES).await);
    }
    all
}

/// Checklist Z-24: the first login was refreshed since, so the second goes.
#[tokio::test]
async fn a_ninth_login_ends_the_session_least_recently_refreshed() {
    let stage = Stage::new().await;
    let mut sessions = logins(&stage, 8).await;
    stage.clock.forward(1);
    sessions[0] = stage.refresh("pub1", &sessions[0].refresh).await.tokens();
    sessions.extend(logins(&stage, 1).await);
    assert_eq!(stage.sessions_of("u_alice", "pub1").await, 8);
    for (number, session) in sessions.iter().enumerate() {
        assert_eq!(stage.calls(&session.access).await, number != 1, "{number}");
        let refreshed = stage.refresh("pub1", &session.refresh).await.status;
        assert_eq!(refreshed, if number == 1 { 400 } else { 200 }, "{number}");
    }
}

#[tokio::test]
async fn sessions_of_other_people_and_applications_do_not_count() {
    let stage = Stage::new().await;
    let mine = logins(&stage, 8).await;
    for _ in 0..9 {
        stage.login("pub2", NOTES).await;
        stage.send(crate::stage::login("bob", "pub1", NOTES)).await.tokens();
    }
    for session in &mine {
        assert!(stage.calls(&session.access).await);
    }
}

#[tokio::test]
async fn a_session_that_is_over_already_goes_first() {
    let stage = Stage::new().await;
    let sessions = logins(&stage, 8).await;
    // Ended, but a crash kept its entry.
    let last = stage.session(&sessions[7].access).await;
    stage.db.store.sessions.end(&last.sid).await.unwrap();
    logins(&stage, 1).await;
    for session in &sessions[..7] {
        assert!(stage.calls(&session.access).await);
    }
    assert!(!stage.calls(&sessions[7].access).await);
}
