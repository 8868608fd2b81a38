//! Sessions whose end was written end completely, whatever fails on the way.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use gateway_domain::ids::{ClientId, OutboxId, SessionId, UserId};
use gateway_domain::outbox::{AppSession, ENDING, Kind, Which, deliver_event};
use gateway_domain::renewal::RenewalEvent;
use gateway_domain::scope::Scope;
use gateway_domain::session::{Family, Session};
use gateway_domain::sign_on::{Member, SignOn};
use gateway_domain::time::Seconds;
use gateway_store::{Entry, NewEnding, NewEntry};
use serde_json::{Value, json};

use crate::fixture::Fixture;

pub(crate) fn user() -> UserId {
    UserId::parse("ada").unwrap()
}

pub(crate) fn app(name: &str) -> ClientId {
    ClientId::parse(name).unwrap()
}

pub(crate) fn sid(byte: u8) -> SessionId {
    SessionId::from_random([byte; 16])
}

impl Fixture {
    /// Begins a session under these credentials.
    async fn begun(&self, byte: u8, client: &str, credential_epoch: u64) {
        self.begun_for(byte, client, credential_epoch, None).await;
    }

    /// The same for an application that knows this server by this issuer.
    pub(crate) async fn begun_for(&self, byte: u8, client: &str, credential_epoch: u64, issuer: Option<&str>) {
        let ends = self.now().saturating_add(Seconds::new(86_400));
        let family = Family {
            generation: 1,
            served_at: self.now(),
            parent_served_at: self.now(),
            attempt: None,
            parent_attempt: None,
            idle_end: ends,
            absolute_end: ends,
            ended: false,
        };
        let session = Session {
            sid: sid(byte),
            user_id: user(),
            client_id: app(client),
            scope: Scope::parse("orders:read").unwrap(),
            family,
            holder: None,
            salt: [byte; 16],
            mac_key: "m1".into(),
            credential_epoch,
            auth_time: None,
            origin: gateway_domain::session::Origin::default(),
            issuer: issuer.map(str::to_owned),
            sign_on: None,
            tokens: BTreeMap::new(),
        };
        self.db.store.sessions.create(&session).await.unwrap();
        let entry = Entry { sid: sid(byte), ends };
        let (user, client, none) = (user(), app(client), BTreeMap::new());
        let added = self.db.store.activity.add_entry(&user, &client, &entry, &none, 8);
        assert_eq!(added.await, Ok(NewEntry::Added));
    }

    pub(crate) async fn ending(&self, which: Which) -> OutboxId {
        self.ending_of(9, which).await
    }

    pub(crate) async fn ending_of(&self, byte: u8, which: Which) -> OutboxId {
        let id = OutboxId::from_random([byte; 16]);
        let until = self.now().saturating_add(ENDING);
        let ending = NewEnding { id: id.clone(), user_id: user(), which, due: self.now(), until };
        self.db.store.outbox.add_ending(&ending).await.unwrap();
        id
    }

    pub(crate) async fn end(&self, id: &OutboxId) -> Value {
        self.handle(deliver_event(Kind::EndSessions, id)).await.unwrap()["outcome"].clone()
    }

    /// The sessions that calls are admitted for.
    async fn live(&self) -> Vec<SessionId> {
        let mut live: Vec<_> = self
            .db
            .store
            .activity
            .sessions_of_user(&user(), self.now())
            .await
            .unwrap()
            .into_iter()
            .map(|live| live.entry.sid)
            .collect();
        live.sort();
        live
    }

    async fn has_ended(&self, byte: u8) -> bool {
        self.db.store.sessions.get(&sid(byte)).await.unwrap().unwrap().family.ended
    }

    /// The sessions whose logout at legacy systems was queued.
    fn queued(&self) -> Vec<SessionId> {
        let requests = self.lambda.requests();
        let mut queued: Vec<_> = requests
            .iter()
            .map(|request| match RenewalEvent::parse(&serde_json::from_slice(&request.body).unwrap()) {
                Some(RenewalEvent::LogOut(asked)) => asked.session,
                other => panic!("{other:?}"),
            })
            .collect();
        queued.sort();
        queued
    }
}

fn sorted(bytes: &[u8]) -> Vec<SessionId> {
    let mut sids: Vec<_> = bytes.iter().map(|byte| sid(*byte)).collect();
    sids.sort();
    sids
}

#[tokio::test]
async fn all_sessions_of_older_credentials_end_and_those_of_the_new_ones_stay() {
    let fixture = Fixture::new().await;
    fixture.begun(1, "shop", 4).await;
    fixture.begun(2, "bank", 3).await;
    fixture.begun(3, "bank", 5).await;
    let id = fixture.ending(Which::BegunBefore(5)).await;
    assert_eq!(fixture.end(&id).await, "done");
    assert_eq!(fixture.live().await, [sid(3)]);
    assert!(fixture.has_ended(1).await && fixture.has_ended(2).await && !fixture.has_ended(3).await);
    assert_eq!(fixture.queued(), sorted(&[1, 2]));
    assert_eq!((fixture.end(&id).await, fixture.left().await), (json!("not_due"), 0));
}

#[tokio::test]
async fn these_sessions_end_and_no_others() {
    let fixture = Fixture::new().await;
    for byte in 1..4 {
        fixture.begun(byte, "shop", 1).await;
    }
    let session = |byte| AppSession { client_id: app("shop"), sid: sid(byte) };
    let id = fixture.ending(Which::These(vec![session(2), session(7)])).await;
    assert_eq!(fixture.end(&id).await, "done", "one that is gone keeps back none");
    assert_eq!(fixture.live().await, sorted(&[1, 3]));
    assert!(fixture.has_ended(2).await);
}

/// The sessions are in no list of live ones any more when the queue works again.
#[tokio::test]
async fn a_logout_that_could_not_be_queued_is_queued_later() {
    let fixture = Fixture::new().await;
    fixture.begun(1, "shop", 1).await;
    fixture.queue.store(403, Ordering::SeqCst);
    let id = fixture.ending(Which::BegunBefore(2)).await;
    assert_eq!(fixture.end(&id).await, "deferred");
    assert!(fixture.live().await.is_empty() && fixture.has_ended(1).await, "the end does not wait for it");
    fixture.queue.store(202, Ordering::SeqCst);
    let before = fixture.queued().len();
    fixture.forward(60);
    assert_eq!(fixture.send_due().await, 1);
    assert_eq!((fixture.queued().len(), fixture.left().await), (before + 1, 0));
}

#[tokio::test]
async fn what_cannot_be_done_for_days_is_given_up() {
    let fixture = Fixture::new().await;
    fixture.begun(1, "shop", 1).await;
    fixture.queue.store(403, Ordering::SeqCst);
    let id = fixture.ending(Which::BegunBefore(2)).await;
    assert_eq!(fixture.end(&id).await, "deferred");
    fixture.forward(i64::try_from(ENDING.as_u64()).unwrap());
    assert_eq!(fixture.end(&id).await, "given_up");
    assert_eq!(fixture.left().await, 0);
    assert!(fixture.has_ended(1).await);
}

/// Abuse case O4: a logout ends what other apps have by the same login, also what begins at that moment; an end of one session does not.
#[tokio::test]
async fn sessions_of_one_login_end_together_or_alone() {
    for (which, ended) in [(Which::These as fn(_) -> _, false), (Which::Together, true)] {
        let fixture = Fixture::new().await;
        fixture.begun(1, "shop", 4).await;
        fixture.begun(2, "stock", 4).await;
        fixture.begun(3, "stock", 4).await;
        let sessions = &fixture.db.store.sessions;
        let first = sessions.get(&sid(1)).await.unwrap().unwrap();
        sessions.create_sign_on(&SignOn::begin(&first, 0)).await.unwrap();
        let place = Member { sid: sid(2), at: fixture.now(), attempt: None, before: None };
        assert_eq!(sessions.take_place(&sid(1), &app("stock"), &place, None).await, Ok(true));
        let id = fixture.ending(which(vec![AppSession { client_id: app("shop"), sid: sid(1) }])).await;
        fixture.end(&id).await;
        assert_eq!(fixture.live().await, if ended { sorted(&[3]) } else { sorted(&[2, 3]) });
        assert_eq!(fixture.has_ended(2).await, ended);
        assert_eq!(sessions.sign_on(&sid(1)).await.unwrap().unwrap().ended, ended);
        assert_eq!(fixture.queued(), if ended { sorted(&[1, 2]) } else { sorted(&[1]) });
    }
}
