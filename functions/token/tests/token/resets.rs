//! A password is set anew while somebody logs in with the one before: whatever moment that is, nobody is logged in by the old one
//! afterwards.

use std::sync::Arc;

use gateway_domain::code::token_hash;
use gateway_domain::ids::{CodeId, OutboxId, UserId};
use gateway_domain::outbox::Which;
use gateway_domain::sealing::SealedToken;
use gateway_domain::secret::Secret;
use gateway_domain::time::{Seconds, Timestamp};
use gateway_store::{ChangeUser, Code, Following, NewEnding, NewMail, Purpose, Store};
use support::Verdict;
use tokio::sync::{Semaphore, mpsc};

use crate::container::hasher;
use crate::fixture::{CHEAP, Fixture, NOTES, PASSWORD, login, send};
use crate::hosted::{Browser, asking, native, redemption, redirected};

fn alice() -> UserId {
    UserId::parse("u_alice").unwrap()
}

fn mail(byte: u8, now: Timestamp) -> NewMail {
    let (id, sealed) = (OutboxId::from_random([byte; 16]), SealedToken::parse("k1.c2VhbGVk"));
    NewMail { id, sealed, due: now, until: now.saturating_add(Seconds::new(3_600)) }
}

/// Sets alice's password anew, and ends her sessions as the outbox function does then.
async fn reset(store: &Store, now: Timestamp) {
    let password = &hasher(CHEAP).hash(&Secret::new("a new one".to_owned()), [9; 16]).unwrap();
    let user = store.users.get(&alice()).await.unwrap().unwrap();
    let until = now.saturating_add(Seconds::new(3_600));
    let code = Code {
        id: CodeId::from_random([1; 16]),
        purpose: Purpose::ResetPassword,
        user_id: alice(),
        digits: password.clone(),
        token: token_hash("token"),
        ticket: token_hash("ticket"),
        email: user.email.clone(),
        credential_epoch: user.credential_epoch,
        address: None,
        ends: until,
    };
    store.accounts.send_code(&code, &mail(1, now)).await.unwrap();
    let (epoch, id) = (user.credential_epoch + 1, OutboxId::from_random([2; 16]));
    let ending = NewEnding { id, user_id: alice(), which: Which::BegunBefore(epoch), due: now, until };
    let following = Following { ending: &ending, mail: &mail(3, now) };
    assert_eq!(store.accounts.reset_password(&code.id, &user, password, following).await, Ok(ChangeUser::Done));
    for live in store.activity.sessions_of_user(&alice(), now).await.unwrap() {
        let sid = live.entry.sid;
        if store.sessions.credential_epoch(&sid).await.unwrap().is_none_or(|began| began < epoch) {
            store.sessions.mark_ended(&sid).await.unwrap();
            store.activity.remove_entry(&alice(), &live.client_id, &sid).await.unwrap();
        }
    }
}

impl Fixture {
    /// Sets the password anew before the operation of this number of what happens. Returns what came of that, and whether it had as
    /// many operations.
    async fn with_reset_before<T>(&self, number: usize, happens: impl Future<Output = T>) -> (T, bool) {
        let (told, mut held) = mpsc::unbounded_channel();
        let (gate, mut seen) = (Arc::new(Semaphore::new(0)), 0);
        let opened = gate.clone();
        self.wire.script(move |_| {
            seen += 1;
            if seen != number {
                return Verdict::Forward;
            }
            told.send(()).unwrap();
            Verdict::Hold(gate.clone())
        });
        let happens = async {
            let outcome = happens.await;
            self.wire.calm();
            outcome
        };
        let resets = async {
            let met = held.recv().await.is_some();
            if met {
                reset(&self.db.store, self.now()).await;
                opened.add_permits(1);
            }
            met
        };
        Box::pin(futures_util::future::join(happens, resets)).await
    }
}

#[tokio::test]
async fn a_login_that_meets_a_reset_leaves_no_session() {
    for number in 1.. {
        let fixture = Fixture::new().await;
        let app = fixture.container();
        let (response, met) = fixture.with_reset_before(number, send(&app, login("alice", "pub1", NOTES))).await;
        if !met {
            assert_eq!((response.status, fixture.sessions_of("u_alice", "pub1").await), (200, 1));
            return;
        }
        assert_eq!(fixture.sessions_of("u_alice", "pub1").await, 0, "before operation {number}");
        if response.status == 200 {
            let refresh = response.tokens().refresh;
            assert_eq!(fixture.refresh("pub1", &refresh).await.status, 400, "before operation {number}");
        }
    }
}

#[tokio::test]
async fn a_redemption_that_meets_a_reset_leaves_no_session() {
    for number in 1.. {
        let fixture = Fixture::new().await;
        let code = Browser::new(&fixture).logs_in(&native(NOTES)).await["code"].clone();
        let app = fixture.container();
        let (response, met) = fixture.with_reset_before(number, send(&app, redemption("native", &code, &[]))).await;
        if !met {
            assert_eq!((response.status, fixture.sessions_of("u_alice", "native").await), (200, 1));
            return;
        }
        assert_eq!(fixture.sessions_of("u_alice", "native").await, 0, "before operation {number}");
    }
}

/// Neither the login of the browser nor its code is good for anything.
#[tokio::test]
async fn a_login_form_that_meets_a_reset_leaves_no_login_and_no_code() {
    let silent = asking("web", "https://web.example/cb", NOTES, &[("prompt", "none")]);
    for number in 1.. {
        let fixture = Fixture::new().await;
        let mut browser = Browser::new(&fixture);
        let (query, page) = (native(NOTES), browser.get("/oauth2/authorize", &native(NOTES)).await);
        let typed = browser.types_into(&page, &query, "alice", PASSWORD);
        let (response, met) = fixture.with_reset_before(number, typed).await;
        let after = redirected(&browser.get("/oauth2/authorize", &silent).await);
        assert_eq!(after.contains_key("code"), !met, "before operation {number}");
        if response.status == 303 {
            let redeemed = fixture.send(redemption("native", &redirected(&response)["code"], &[])).await;
            assert_eq!(redeemed.status, if met { 400 } else { 200 }, "before operation {number}");
        }
        if !met {
            return;
        }
    }
}
