//! Applications are told of the sessions that the outbox ends, at least once, and nobody else is told anything.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use gateway_domain::ids::OutboxId;
use gateway_domain::outbox::{AppSession, Kind, PATIENCE, Which, deliver_event};
use gateway_domain::provider_event::ProviderEvent;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::ending::{app, sid};
use crate::fixture::Fixture;
use crate::recording_server::{RecordingServer, http_response};

/// An application that answers with this status.
fn listener(fixture: &Fixture) -> (RecordingServer, Arc<AtomicU16>) {
    let status = Arc::new(AtomicU16::new(200));
    let answers = Arc::clone(&status);
    let elsewhere = [("Location", "http://127.0.0.1:1/elsewhere")];
    let server = RecordingServer::start(move |_, _| http_response(answers.load(Ordering::SeqCst), &elsewhere, b"x"));
    *fixture.signed.lock().unwrap() = json!({ "uri": format!("{}/out?a=b", server.origin()), "logout_token": "a.b.c" });
    (server, status)
}

impl Fixture {
    /// Begins a session with ID tokens, and ends it.
    async fn end_with_issuer(&self, byte: u8) -> Value {
        self.begun_for(byte, "shop", 1, Some("https://auth.example.com")).await;
        let id = self.ending(Which::These(vec![AppSession { client_id: app("shop"), sid: sid(byte) }])).await;
        self.end(&id).await
    }

    async fn tell(&self, byte: u8) -> Value {
        let event = deliver_event(Kind::LogoutNotice, &OutboxId::of_session(&sid(byte)));
        self.handle(event).await.unwrap()["outcome"].clone()
    }
}

#[tokio::test]
async fn an_application_is_told_at_once_by_a_form() {
    let fixture = Fixture::new().await;
    let (server, _) = listener(&fixture);
    assert_eq!(fixture.end_with_issuer(1).await, "done");
    let requests = server.requests();
    let [request] = &requests[..] else { panic!("{requests:?}") };
    assert_eq!((request.line(), request.body.as_slice()), ("POST /out?a=b HTTP/1.1", &b"logout_token=a.b.c"[..]));
    assert_eq!(request.values("content-type"), ["application/x-www-form-urlencoded"]);
    assert_eq!(fixture.left().await, 0);
    let asked = fixture.lambda.requests().into_iter().find(|asked| asked.line().contains("TokenFunction")).unwrap();
    let asked = ProviderEvent::parse(&serde_json::from_slice(&asked.body).unwrap());
    assert!(matches!(asked, Some(ProviderEvent::SignLogoutToken(asked)) if asked.session == sid(1)));
}

#[tokio::test]
async fn who_does_not_answer_is_told_later_and_in_the_end_no_more() {
    let fixture = Fixture::new().await;
    let (server, status) = listener(&fixture);
    for (byte, refusal) in [(1, 500), (2, 302), (3, 400)] {
        status.store(refusal, Ordering::SeqCst);
        assert_eq!(fixture.end_with_issuer(byte).await, "done", "the end does not wait for it");
        assert_eq!(fixture.tell(byte).await, "not_due");
    }
    assert_eq!(server.requests().len(), 3, "no redirect is followed");
    fixture.forward(60);
    assert_eq!(fixture.send_due().await, 0, "it still refuses");
    status.store(204, Ordering::SeqCst);
    fixture.forward(119);
    assert_eq!(fixture.send_due().await, 0, "the second wait is longer");
    fixture.forward(1);
    assert_eq!((fixture.send_due().await, fixture.left().await), (json!(3), 0));
    status.store(500, Ordering::SeqCst);
    fixture.end_with_issuer(4).await;
    fixture.forward(i64::try_from(PATIENCE.as_u64()).unwrap());
    assert_eq!((fixture.tell(4).await, fixture.left().await), (json!("given_up"), 0));
}

/// The function may die behind any step: the notice is there before the session ends.
#[tokio::test]
async fn a_notice_whose_session_did_not_end_waits_for_it() {
    let fixture = Fixture::new().await;
    let (server, _) = listener(&fixture);
    fixture.begun_for(1, "shop", 1, Some("https://auth.example.com")).await;
    let until = fixture.now().saturating_add(PATIENCE);
    fixture.db.store.outbox.add_notice(&sid(1), fixture.now(), until).await.unwrap();
    // The token function refuses a session that lives.
    *fixture.signed.lock().unwrap() = json!({ "errorMessage": "the session has not ended" });
    assert_eq!((fixture.tell(1).await, fixture.left().await), (json!("deferred"), 1));
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn nobody_is_told_of_sessions_that_had_ended_or_that_have_no_id_token() {
    let fixture = Fixture::new().await;
    let (server, _) = listener(&fixture);
    fixture.begun_for(1, "shop", 1, None).await;
    fixture.begun_for(2, "shop", 1, Some("https://auth.example.com")).await;
    fixture.db.store.sessions.end(&sid(2)).await.unwrap();
    let session = |byte| AppSession { client_id: app("shop"), sid: sid(byte) };
    let id = fixture.ending(Which::These(vec![session(1), session(2), session(9)])).await;
    assert_eq!(fixture.end(&id).await, "done");
    // Who has registered no address is told nothing.
    *fixture.signed.lock().unwrap() = Value::Null;
    assert_eq!(fixture.end_with_issuer(3).await, "done");
    assert_eq!((server.requests().len(), fixture.left().await), (0, 0));
}

/// An application that takes a request and answers when it is let go.
fn hanging(fixture: &Fixture) -> (RecordingServer, mpsc::UnboundedReceiver<()>, std::sync::mpsc::Sender<()>) {
    let (asked, is_asked) = mpsc::unbounded_channel();
    let (let_go, waits) = std::sync::mpsc::channel();
    let waits = Mutex::new(waits);
    let server = RecordingServer::start(move |_, _| {
        let _ = asked.send(());
        let _ = waits.lock().unwrap().recv();
        http_response(200, &[], b"")
    });
    *fixture.signed.lock().unwrap() = json!({ "uri": format!("{}/out", server.origin()), "logout_token": "a.b.c" });
    (server, is_asked, let_go)
}

#[tokio::test]
async fn an_application_that_hangs_does_not_hold_up_the_end_of_its_session() {
    let fixture = Fixture::new().await;
    let (_server, mut is_asked, let_go) = hanging(&fixture);
    let meanwhile = async {
        is_asked.recv().await.unwrap();
        assert_eq!(fixture.left().await, 1, "the notice alone");
        let_go.send(()).unwrap();
    };
    let (outcome, ()) = tokio::join!(fixture.end_with_issuer(1), meanwhile);
    assert_eq!((outcome, fixture.left().await), (json!("done"), 0));
}

#[tokio::test]
async fn an_application_that_hangs_holds_up_neither_other_ends_nor_mails() {
    let fixture = Fixture::new().await;
    let (_server, mut is_asked, let_go) = hanging(&fixture);
    for byte in [1, 2] {
        fixture.begun_for(byte, "shop", 1, Some("https://auth.example.com")).await;
        let session = AppSession { client_id: app("shop"), sid: sid(byte) };
        fixture.ending_of(byte, Which::These(vec![session])).await;
    }
    fixture.written(3, crate::fixture::reset()).await;
    let meanwhile = async {
        is_asked.recv().await.unwrap();
        for byte in [1, 2] {
            assert!(fixture.db.store.sessions.get(&sid(byte)).await.unwrap().unwrap().family.ended);
        }
        assert_eq!((fixture.left().await, fixture.carried().len()), (2, 1), "two notices");
        for _ in 0..2 {
            let_go.send(()).unwrap();
        }
    };
    let (done, ()) = tokio::join!(fixture.send_due(), meanwhile);
    assert_eq!((done, fixture.left().await), (json!(5), 0));
}
