//! Tests of consents: of several that are given at once none is lost, and one that was revoked does not come back.

use crate::{NOW, app, at_once, user};
use gateway_domain::scope::Scope;
use gateway_store::{Consent, Store};
use support::dynamodb;

fn consent(scope: &str) -> Consent {
    Consent { user_id: user(), client_id: app(), scope: Scope::parse(scope).unwrap(), given_at: NOW }
}

async fn scope(store: &Store) -> Option<String> {
    store.consents.get(&user(), &app()).await.unwrap().map(|consent| consent.scope.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_consents_at_once_none_is_lost() {
    let db = dynamodb().await;
    let given = at_once(8, |index| {
        let store = db.store.clone();
        async move { store.consents.give(&consent(&format!("scope{index}"))).await }
    });
    assert!(given.await.into_iter().all(|given| given.is_ok()));
    let all: Vec<_> = (0..8).map(|index| format!("scope{index}")).collect();
    assert_eq!(scope(&db.store).await, Some(all.join(" ")));
}

/// Whichever of the two comes first: what was given before is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_revoked_while_more_was_given_stays_revoked() {
    let db = dynamodb().await;
    for _ in 0..40 {
        db.store.consents.give(&consent("before")).await.unwrap();
        let outcomes = at_once(2, |index| {
            let store = db.store.clone();
            async move {
                match index {
                    0 => store.consents.give(&consent("after")).await,
                    _ => store.consents.revoke(&user(), &app()).await,
                }
            }
        });
        assert!(outcomes.await.into_iter().all(|outcome| outcome.is_ok()));
        let left = scope(&db.store).await;
        assert!(left.is_none() || left.as_deref() == Some("after"), "{left:?}");
        db.store.consents.revoke(&user(), &app()).await.unwrap();
    }
}
