//! Browser logins: they know the sessions that began from them, and an ended one begins none.

use gateway_domain::ids::{OutboxId, SessionId};
use gateway_domain::outbox::{Kind, Which};
use gateway_store::{BegunSession, BrowserLogin, MAX_SESSIONS, NewEnding};

use crate::{DAY, NOW, app, at_once, sid, user};

fn begun(second: u64) -> BegunSession {
    BegunSession { client_id: app(), at: NOW.saturating_add(gateway_domain::time::Seconds::new(second)) }
}

fn login() -> BrowserLogin {
    let mut login = BrowserLogin {
        id: "id".into(),
        user_id: user(),
        credential_epoch: 1,
        browser_epoch: 0,
        auth_time: NOW,
        by: gateway_domain::session::LoginMethod::Passkey,
        idle_end: NOW,
        absolute_end: NOW.saturating_add(DAY),
        sessions: std::collections::BTreeMap::new(),
        newest: None,
        second_factor_at: None,
    };
    login.add(sid(0), begun(0));
    login
}

#[tokio::test]
async fn sessions_that_begin_at_once_are_all_known() {
    let db = support::dynamodb().await;
    let logins = db.store.browser_logins.clone();
    logins.create(&login()).await.unwrap();
    let noted = at_once(8, |index| {
        let logins = logins.clone();
        let sid = sid(u8::try_from(index + 1).unwrap());
        async move { logins.note_session(&login(), &sid, &begun(1)).await }
    })
    .await;
    assert!(noted.iter().all(|noted| *noted == Ok(true)), "{noted:?}");
    let read = logins.get("id").await.unwrap().unwrap();
    assert_eq!(read.sessions.len(), 9);
    assert!(read.sessions.contains_key(&read.newest.unwrap()));
}

#[tokio::test]
async fn an_ended_login_is_told_once_and_begins_no_session() {
    let db = support::dynamodb().await;
    let logins = &db.store.browser_logins;
    logins.create(&login()).await.unwrap();
    assert_eq!(logins.end("id").await, Ok(Some(login())));
    assert_eq!(logins.end("id").await, Ok(None));
    assert_eq!(logins.note_session(&login(), &sid(1), &begun(1)).await, Ok(false));
    assert_eq!(logins.get("id").await, Ok(None), "it is not made anew");
}

#[tokio::test]
async fn of_too_many_sessions_the_oldest_is_forgotten() {
    let db = support::dynamodb().await;
    let logins = &db.store.browser_logins;
    logins.create(&login()).await.unwrap();
    let id = |index: usize| SessionId::from_random([u8::try_from(index).unwrap(); 16]);
    for index in 1..=MAX_SESSIONS + 1 {
        let read = logins.get("id").await.unwrap().unwrap();
        let noted = logins.note_session(&read, &id(index), &begun(u64::try_from(index).unwrap())).await;
        assert_eq!(noted, Ok(true));
    }
    let sessions = logins.get("id").await.unwrap().unwrap().sessions;
    assert_eq!(sessions.len(), MAX_SESSIONS);
    assert!(!sessions.contains_key(&sid(0)) && !sessions.contains_key(&id(1)) && sessions.contains_key(&id(2)));
    let mut login = BrowserLogin { sessions, ..login() };
    login.add(sid(0), begun(99));
    assert!(login.sessions.len() == MAX_SESSIONS && !login.sessions.contains_key(&id(2)));
}

/// A logout and a session that begins at the same moment: the session is among those that end, or it does not begin.
#[tokio::test]
async fn a_logout_misses_no_session_that_begins_meanwhile() {
    let db = support::dynamodb().await;
    let (logins, outbox) = (&db.store.browser_logins, &db.store.outbox);
    logins.create(&login()).await.unwrap();
    let ending = |byte| NewEnding {
        id: OutboxId::from_random([byte; 16]),
        user_id: user(),
        which: Which::These(Vec::new()),
        due: NOW,
        until: NOW.saturating_add(DAY),
    };
    assert_eq!(logins.note_session(&login(), &sid(1), &begun(1)).await, Ok(true));
    assert_eq!(logins.end_with_sessions(&login(), outbox, &ending(1)).await, Ok(false), "it was read before");
    assert_eq!(outbox.due(Kind::EndSessions, NOW, 9).await, Ok(Vec::new()), "both or neither");
    let read = logins.get("id").await.unwrap().unwrap();
    assert_eq!(logins.end_with_sessions(&read, outbox, &ending(2)).await, Ok(true));
    assert_eq!(outbox.due(Kind::EndSessions, NOW, 9).await, Ok(vec![ending(2).id]));
    assert_eq!(logins.note_session(&read, &sid(2), &begun(2)).await, Ok(false));
    assert_eq!(logins.end_with_sessions(&read, outbox, &ending(3)).await, Ok(false));
    let without = BrowserLogin { sessions: std::collections::BTreeMap::new(), newest: None, ..login() };
    logins.create(&without).await.unwrap();
    assert_eq!(logins.end_with_sessions(&without, outbox, &ending(4)).await, Ok(true));
}

#[tokio::test]
async fn a_logout_everywhere_else_keeps_no_login_that_has_ended() {
    let db = support::dynamodb().await;
    let (users, logins) = (db.store.users.clone(), db.store.browser_logins.clone());
    assert_eq!(users.end_browsers(&user(), None).await, Ok(None), "nobody is made");
    db.store.users.create(&crate::users::user(user().as_str(), "ada@example.com")).await.unwrap();
    let epochs = at_once(8, |_| {
        let users = users.clone();
        async move { users.end_browsers(&user(), None).await.unwrap().unwrap() }
    });
    let mut epochs = epochs.await;
    epochs.sort_unstable();
    assert_eq!(epochs, (1..=8).collect::<Vec<u64>>());
    // Of several that ask from logins of one epoch, the first ends the others.
    for before in [8, 0] {
        let at_once = at_once(4, |_| {
            let users = users.clone();
            async move { users.end_browsers(&user(), Some(before)).await.unwrap() }
        });
        let raised: Vec<u64> = at_once.await.into_iter().flatten().collect();
        assert_eq!(raised, if before == 8 { vec![9] } else { vec![] });
    }
    assert_eq!(logins.keep("id", 8).await, Ok(false));
    assert_eq!(logins.get("id").await, Ok(None));
    logins.create(&login()).await.unwrap();
    assert_eq!(logins.keep("id", 8).await, Ok(true));
    assert_eq!(logins.get("id").await.unwrap().unwrap().browser_epoch, 8);
    assert_eq!(logins.ids().await, Ok(vec!["id".to_owned()]));
}
