//! Tests of people's own changes to accounts under races: one address has one owner, and a code is used once.

use crate::users::user;
use crate::{NOW, at_once, outbox};
use gateway_domain::address::Address;
use gateway_domain::code::{LIFETIME, TRIES, UNPROVED, token_hash};
use gateway_domain::ids::{CodeId, OutboxId, UserId};
use gateway_domain::outbox::{ENDING, Which};
use gateway_domain::password::PasswordHash;
use gateway_store::{ChangeUser, Code, Following, Holder, NewEnding, NewMail, Purpose, Store, StoreError, User};
use support::{DynamoDb, dynamodb};

const ADA: &str = "ada@example.com";

pub(crate) fn code(byte: u8, purpose: Purpose, user: &str) -> Code {
    Code {
        id: CodeId::from_random([byte; 16]),
        purpose,
        user_id: UserId::parse(user).unwrap(),
        digits: PasswordHash::from_stored("p1$digits".into()),
        token: token_hash("token"),
        ticket: token_hash("ticket"),
        email: Address::parse(ADA).unwrap(),
        credential_epoch: 0,
        address: None,
        ends: NOW.saturating_add(LIFETIME),
    }
}

pub(crate) fn mail(byte: u8) -> NewMail {
    NewMail { id: OutboxId::from_random([byte; 16]), ..outbox::mail(byte) }
}

/// The end of the sessions that began under the credentials that the user has.
pub(crate) fn ending(byte: u8, user: &User) -> NewEnding {
    let (id, due, until) = (OutboxId::from_random([byte; 16]), NOW, NOW.saturating_add(ENDING));
    let which = Which::BegunBefore(user.credential_epoch + 1);
    NewEnding { id, user_id: user.user_id.clone(), which, due, until }
}

pub(crate) fn unproved(id: &str) -> User {
    User { email_verified: false, ..user(id, ADA) }
}

/// A sign-up for the address, as its holder is now.
async fn sign_up(store: &Store, byte: u8) -> Result<ChangeUser, StoreError> {
    let account = unproved(&format!("u{byte}"));
    let held = store.users.by_email(ADA).await?;
    let holder = match &held {
        None => Holder::Nobody,
        Some(held) if held.email_verified => Holder::Owner(&held.user_id),
        Some(held) => Holder::Unproved(&held.user_id),
    };
    let code = code(byte, Purpose::VerifyAddress, &format!("u{byte}"));
    let until = NOW.saturating_add(UNPROVED);
    store.accounts.sign_up(&account, until, holder, (&code, &mail(byte))).await
}

async fn verify(store: &Store, byte: u8) -> Result<ChangeUser, StoreError> {
    let held = store.users.by_email(ADA).await?.map(|held| held.user_id);
    let Some(account) = store.users.get(&UserId::parse(&format!("u{byte}")).unwrap()).await? else {
        return Ok(ChangeUser::Conflict);
    };
    store.accounts.verify(&CodeId::from_random([byte; 16]), &account, held.as_ref()).await
}

pub(crate) async fn counted(db: &DynamoDb, table: &str) -> usize {
    crate::versions::items(db, table).await.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_sign_ups_for_a_free_address_at_once_one_holds_it_and_each_leaves_all_or_nothing() {
    let db = dynamodb().await;
    let outcomes = at_once(6, |index| {
        let (store, byte) = (db.store.clone(), u8::try_from(index).unwrap() + 1);
        let account = unproved(&format!("u{byte}"));
        async move {
            let code = code(byte, Purpose::VerifyAddress, &format!("u{byte}"));
            let until = NOW.saturating_add(UNPROVED);
            store.accounts.sign_up(&account, until, Holder::Nobody, (&code, &mail(byte))).await
        }
    });
    let done = outcomes.await.into_iter().filter(|outcome| *outcome == Ok(ChangeUser::Done)).count();
    assert_eq!(done, 1);
    assert_eq!((counted(&db, &db.tables.users).await, counted(&db, &db.tables.codes).await), (2, 1));
    assert_eq!(counted(&db, &db.tables.outbox).await, 1);
    assert_eq!(sign_up(&db.store, 9).await, Ok(ChangeUser::Done), "whoever reads the holder signs up beside it");
}

/// An account that has not proved its address yields to whoever proves it, and never to somebody else.
#[tokio::test]
async fn the_address_is_of_who_proves_it_first() {
    let db = dynamodb().await;
    for byte in 1..4 {
        assert_eq!(sign_up(&db.store, byte).await, Ok(ChangeUser::Done));
    }
    assert_eq!(db.store.users.by_email(ADA).await.unwrap().unwrap().user_id.as_str(), "u1");
    assert_eq!(verify(&db.store, 2).await, Ok(ChangeUser::Done));
    let owner = db.store.users.by_email(ADA).await.unwrap().unwrap();
    assert_eq!((owner.user_id.as_str(), owner.email_verified), ("u2", true));
    assert_eq!(db.store.users.get(&UserId::parse("u1").unwrap()).await, Ok(None), "the holder has yielded");
    assert_eq!(verify(&db.store, 3).await, Ok(ChangeUser::Conflict), "a proved address yields to nobody");
    assert_eq!(verify(&db.store, 2).await, Ok(ChangeUser::Conflict), "its code was used");
    assert_eq!(db.store.users.by_email(ADA).await.unwrap().unwrap(), owner);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_proofs_of_one_address_at_once_one_wins() {
    let db = dynamodb().await;
    for byte in 1..5 {
        assert_eq!(sign_up(&db.store, byte).await, Ok(ChangeUser::Done));
    }
    let outcomes = at_once(8, |index| {
        let store = db.store.clone();
        async move { verify(&store, u8::try_from(index % 4).unwrap() + 1).await }
    });
    let done = outcomes.await.into_iter().filter(|outcome| *outcome == Ok(ChangeUser::Done)).count();
    assert_eq!(done, 1);
    assert!(db.store.users.by_email(ADA).await.unwrap().unwrap().email_verified);
}

/// A sign-up for an address with an owner leaves a code of nobody and a mail, and no account.
#[tokio::test]
async fn a_sign_up_for_an_address_with_an_owner_makes_no_account() {
    let db = dynamodb().await;
    db.store.users.create(&user("owner", ADA)).await.unwrap();
    assert_eq!(sign_up(&db.store, 1).await, Ok(ChangeUser::Done));
    assert_eq!(db.store.users.get(&UserId::parse("u1").unwrap()).await, Ok(None));
    assert_eq!((counted(&db, &db.tables.codes).await, counted(&db, &db.tables.outbox).await), (1, 1));
    assert_eq!(db.store.users.by_email(ADA).await.unwrap().unwrap().user_id.as_str(), "owner");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_is_tried_no_more_often_than_allowed_and_for_its_purpose_alone() {
    let db = dynamodb().await;
    let reset = code(1, Purpose::ResetPassword, "u1");
    db.store.accounts.send_code(&reset, &mail(1)).await.unwrap();
    let other = db.store.codes.try_code(&reset.id, Purpose::VerifyAddress, NOW).await;
    assert_eq!(other, Ok(None));
    assert_eq!(db.store.codes.try_code(&reset.id, Purpose::ResetPassword, reset.ends).await, Ok(None), "it is over");
    let tries = at_once(12, |_| {
        let (codes, id) = (db.store.codes.clone(), reset.id.clone());
        async move { codes.try_code(&id, Purpose::ResetPassword, NOW).await.unwrap() }
    });
    let granted: Vec<_> = tries.await.into_iter().flatten().collect();
    assert_eq!(granted.len(), usize::try_from(TRIES).unwrap());
    assert!(granted.iter().all(|found| *found == reset));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_resets_with_one_code_at_once_one_sets_the_password() {
    let db = dynamodb().await;
    let ada = unproved("u1");
    db.store.users.create(&ada).await.unwrap();
    let reset = code(1, Purpose::ResetPassword, "u1");
    db.store.accounts.send_code(&reset, &mail(1)).await.unwrap();
    let outcomes = at_once(6, |index| {
        let (store, ada, id) = (db.store.clone(), ada.clone(), reset.id.clone());
        async move {
            let hash = PasswordHash::from_stored(format!("p1$new{index}"));
            let byte = u8::try_from(index).unwrap() + 10;
            let (ending, mail) = (ending(byte, &ada), mail(byte));
            let following = Following { ending: &ending, mail: &mail };
            store.accounts.reset_password(&id, &ada, &hash, following).await
        }
    });
    let outcomes = outcomes.await;
    let won: Vec<_> = (0..6).filter(|index| outcomes[*index] == Ok(ChangeUser::Done)).collect();
    assert_eq!(won.len(), 1);
    let after = db.store.users.get(&ada.user_id).await.unwrap().unwrap();
    assert_eq!(after.password, Some(PasswordHash::from_stored(format!("p1$new{}", won[0]))));
    assert_eq!((after.credential_epoch, after.email_verified), (ada.credential_epoch + 1, true));
    assert_eq!(
        counted(&db, &db.tables.outbox).await,
        3,
        "the mail with the code, one that tells of the change, and the end of sessions"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_uses_of_a_code_that_changes_nothing_one_counts() {
    let db = dynamodb().await;
    let unlock = code(1, Purpose::Unlock, "u1");
    db.store.accounts.send_code(&unlock, &mail(1)).await.unwrap();
    let uses = at_once(6, |_| {
        let (codes, id) = (db.store.codes.clone(), unlock.id.clone());
        async move { codes.use_up(&id).await.unwrap() }
    });
    assert_eq!(uses.await.into_iter().filter(|used| *used).count(), 1);
    assert_eq!(db.store.codes.try_code(&unlock.id, Purpose::Unlock, NOW).await, Ok(None), "it is gone");
}

/// Disabling and a reset at once: whoever was disabled stays out.
#[tokio::test]
async fn a_disabled_user_sets_no_password() {
    let db = dynamodb().await;
    let ada = user("u1", ADA);
    db.store.users.create(&ada).await.unwrap();
    let reset = code(1, Purpose::ResetPassword, "u1");
    db.store.accounts.send_code(&reset, &mail(1)).await.unwrap();
    db.store.users.change_credentials(&ada.user_id, None, false).await.unwrap();
    let hash = PasswordHash::from_stored("p1$new".into());
    let outcome = {
        let (ending, mail) = (ending(2, &ada), mail(2));
        let following = Following { ending: &ending, mail: &mail };
        db.store.accounts.reset_password(&reset.id, &ada, &hash, following).await
    };
    assert_eq!(outcome, Ok(ChangeUser::Conflict));
    assert!(
        db.store.codes.get(&reset.id, Purpose::ResetPassword, NOW).await.unwrap().is_some(),
        "nothing is half done"
    );
}

/// What waits for its address to be proved is swept, and what is proved is not.
#[tokio::test]
async fn an_account_loses_its_end_when_its_address_is_proved() {
    let db = dynamodb().await;
    sign_up(&db.store, 1).await.unwrap();
    let ends = async || {
        let items = crate::versions::items(&db, &db.tables.users).await;
        items.iter().filter(|item| item.contains_key("ttl")).count()
    };
    assert_eq!(ends().await, 2, "the account and its claim");
    verify(&db.store, 1).await.unwrap();
    assert_eq!(ends().await, 0);
}
