//! Tests of applications: of several concurrent changes one is written, and every stored name can be sent in a header.

use crate::{app, at_once};
use aws_sdk_dynamodb::types::AttributeValue;
use gateway_domain::ids::{ClientId, PlanName};
use gateway_domain::redirect_uri::RedirectUri;
use gateway_domain::time::Timestamp;
use gateway_store::{App, AppKind, AppWrite, CallingApp, Dpop, GrantType, PreviousSecret, Store, StoreError, WriteApp};
use support::dynamodb;

pub(crate) fn demo(client_id: ClientId) -> App {
    App {
        secret_hash: Some("00".into()),
        previous_secret: Some(PreviousSecret { hash: "11".into(), until: Timestamp::from_secs(7) }),
        ..App::new(client_id, "Demo", AppKind::Confidential, PlanName::parse("standard").unwrap())
    }
}

/// Writes an application with what follows from it.
pub(crate) async fn write(store: &Store, write: AppWrite<'_>) -> Result<WriteApp, StoreError> {
    store.developers.write_app(write, None, &[]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_change_an_app_at_once_one_does() {
    let db = dynamodb().await;
    // `put` is for filling an empty store, so the application has no revision yet.
    db.store.apps.put(&demo(app())).await.unwrap();
    let (read, from) = db.store.apps.get_to_change(&app()).await.unwrap().unwrap();
    assert_eq!(read, demo(app()));
    let outcomes = at_once(8, |index| {
        let store = db.store.clone();
        let (read, changed) = (read.clone(), App { name: format!("Demo {index}"), ..read.clone() });
        async move { write(&store, AppWrite::Change { before: &read, from, after: &changed }).await.unwrap() }
    });
    let written = outcomes.await.into_iter().filter(|outcome| *outcome != WriteApp::Conflict).count();
    assert_eq!(written, 1);
    assert_eq!(write(&db.store, AppWrite::Delete(&read, from)).await, Ok(WriteApp::Conflict), "it was changed");
    let (_, latest) = db.store.apps.get_to_change(&app()).await.unwrap().unwrap();
    assert_eq!(write(&db.store, AppWrite::Create(&demo(app()))).await, Ok(WriteApp::Conflict), "it is there");
    assert_eq!(write(&db.store, AppWrite::Delete(&read, latest)).await, Ok(WriteApp::Written(latest)));
    assert_eq!(
        write(&db.store, AppWrite::Change { before: &read, from: latest, after: &read }).await,
        Ok(WriteApp::Conflict),
        "a deleted app does not come back"
    );
}

#[tokio::test]
async fn a_call_reads_of_its_app_what_was_written_and_nothing_about_secrets() {
    let db = dynamodb().await;
    assert_eq!(db.store.apps.calling(&app()).await, Ok(None));
    let written = demo(app());
    db.store.apps.put(&written).await.unwrap();
    let App { client_id, name, plan, subscriptions, enabled, .. } = written;
    let read = CallingApp { client_id, name, plan, subscriptions, enabled };
    assert_eq!(db.store.apps.calling(&app()).await, Ok(Some(read)));
}

/// An item of before says nothing of keys.
#[tokio::test]
async fn which_tokens_are_bound_is_read_as_it_was_written() {
    let db = dynamodb().await;
    for dpop in [Dpop::Optional, Dpop::RefreshTokens, Dpop::Required] {
        let written = App { dpop, ..demo(app()) };
        db.store.apps.put(&written).await.unwrap();
        assert_eq!(db.store.apps.get(&app()).await, Ok(Some(written)));
        let read =
            db.client.get_item().table_name(&db.tables.apps).key("client_id", AttributeValue::S(app().to_string()));
        let item = read.send().await.unwrap().item.unwrap();
        assert_eq!(item.contains_key("dpop"), dpop != Dpop::Optional);
    }
}

#[tokio::test]
async fn the_authorization_endpoint_reads_of_an_app_what_was_written_but_secrets_and_keys() {
    let db = dynamodb().await;
    assert_eq!(db.store.apps.asking(&app()).await, Ok(None));
    let written = App {
        grants: [GrantType::AuthorizationCode].into(),
        redirect_uris: [RedirectUri::parse("com.example.demo:/signed-in").unwrap()].into(),
        pkce_optional: true,
        jwks: Some("{}".into()),
        ..demo(app())
    };
    db.store.apps.put(&written).await.unwrap();
    let read = App { secret_hash: None, previous_secret: None, jwks: None, ..written };
    assert_eq!(db.store.apps.asking(&app()).await, Ok(Some(read)));
}

#[tokio::test]
async fn a_name_that_can_be_no_header_is_never_stored() {
    let db = dynamodb().await;
    for name in ["", "Caf\u{e9}", "a\nb"] {
        let odd = App { name: name.into(), ..demo(app()) };
        assert!(matches!(write(&db.store, AppWrite::Create(&odd)).await, Err(StoreError::Corrupt { .. })), "{name:?}");
        assert!(matches!(db.store.apps.put(&odd).await, Err(StoreError::Corrupt { .. })), "{name:?}");
    }
    assert_eq!(db.store.apps.get(&app()).await, Ok(None));
}

#[tokio::test]
async fn pages_of_a_table_hold_everything_once() {
    let db = dynamodb().await;
    let mut names: Vec<_> = (0..7).map(|number| format!("app-{number}")).collect();
    for name in &names {
        write(&db.store, AppWrite::Create(&demo(ClientId::parse(name).unwrap()))).await.unwrap();
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = db.store.apps.page(after.as_ref(), 3).await.unwrap();
        after = page.items.last().map(|(app, _)| app.client_id.clone());
        seen.extend(page.items.into_iter().map(|(app, _)| app.client_id.to_string()));
        if !page.more {
            break;
        }
    }
    seen.sort();
    names.sort();
    assert_eq!(seen, names);
}
