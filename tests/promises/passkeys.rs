//! Tests of passkeys: nobody has more than the bound, a signature that was counted is counted once, and a removal ends what began with it.

use crate::accounts::{code, ending, mail};
use crate::users::user as person;
use crate::versions::{items, versioned};
use crate::{DAY, NOW, at_once, user};
use gateway_domain::ids::UserId;
use gateway_domain::passkey::{Algorithm, CredentialId, MAX_PASSKEYS, Passkey, PublicKey, uuid};
use gateway_domain::password::PasswordHash;
use gateway_store::{AddPasskey, ChangeUser, Following, Purpose, Store, StoreError, User};
use support::{DynamoDb, dynamodb};

/// A passkey with this number in its id.
fn passkey(number: u16) -> Passkey {
    Passkey {
        id: CredentialId::of_bytes([&number.to_be_bytes()[..], &[7; 40]].concat()).unwrap(),
        public_key: PublicKey::new(Algorithm::Es256, number.to_be_bytes().to_vec()).unwrap(),
        sign_count: 0,
        name: format!("Phone {number}"),
        since: NOW,
        used_at: None,
        backed_up: true,
        aaguid: uuid([0; 16]),
    }
}

/// The tables with two people, whose credentials are of epoch 1.
async fn with_people() -> DynamoDb {
    let db = dynamodb().await;
    for (id, email) in [(user().as_str(), "ada@example.com"), ("user-2", "bob@example.com")] {
        db.store.users.create(&person(id, email)).await.unwrap();
    }
    db
}

async fn add(store: &Store, number: u16) -> Result<AddPasskey, StoreError> {
    store.users.add_passkey((&user(), 1), &passkey(number)).await
}

async fn read(store: &Store) -> User {
    store.users.get(&user()).await.unwrap().unwrap()
}

/// The items of passkeys.
async fn kept(db: &DynamoDb) -> usize {
    let all = items(db, &db.tables.users).await;
    all.iter().filter(|item| item["pk"].as_s().unwrap().starts_with("passkeys#")).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_has_more_passkeys_than_the_bound() {
    let db = with_people().await;
    let most = u16::try_from(MAX_PASSKEYS).unwrap();
    for number in 1..most {
        assert_eq!(add(&db.store, number).await, Ok(AddPasskey::Done), "{number}");
    }
    let outcomes = at_once(4, |number| {
        let store = db.store.clone();
        async move { add(&store, 100 + u16::try_from(number).unwrap()).await.unwrap() }
    });
    let outcomes = outcomes.await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == AddPasskey::Done).count(), 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == AddPasskey::Full).count(), 3, "{outcomes:?}");
    assert_eq!(db.store.users.passkeys(&user()).await.unwrap().len(), MAX_PASSKEYS);
    assert_eq!(add(&db.store, 1).await, Ok(AddPasskey::Done), "the same again is the same");
    // Somebody else has room, and a place that is given up is taken again.
    let bob = UserId::parse("user-2").unwrap();
    assert_eq!(db.store.users.add_passkey((&bob, 1), &passkey(200)).await, Ok(AddPasskey::Done));
    assert_eq!(db.store.users.remove_passkey((&user(), 1), &passkey(1).id).await, Ok(ChangeUser::Done));
    assert_eq!(db.store.users.add_passkey((&user(), 2), &passkey(300)).await, Ok(AddPasskey::Done));
    assert_eq!(db.store.users.passkeys(&user()).await.unwrap().len(), MAX_PASSKEYS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_first_passkeys_at_once_none_is_lost() {
    let db = with_people().await;
    let outcomes = at_once(3, |number| {
        let store = db.store.clone();
        async move { add(&store, u16::try_from(number).unwrap()).await.unwrap() }
    });
    assert_eq!(outcomes.await, [AddPasskey::Done; 3]);
    let all = db.store.users.passkeys(&user()).await.unwrap();
    assert_eq!(all, [passkey(0), passkey(1), passkey(2)]);
    assert_eq!(db.store.users.passkey(&user(), &passkey(1).id).await, Ok(Some(passkey(1))));
    assert_eq!(db.store.users.passkey(&user(), &passkey(9).id).await, Ok(None));
    assert_eq!(db.store.users.passkey(&UserId::parse("nobody").unwrap(), &passkey(1).id).await, Ok(None));
}

/// Whoever took an account over and lost it again enrols nothing; nor does who may not log in, or has proved no address.
#[tokio::test]
async fn a_passkey_of_other_credentials_is_not_written() {
    let db = with_people().await;
    let nobody = UserId::parse("nobody").unwrap();
    assert_eq!(db.store.users.add_passkey((&nobody, 1), &passkey(1)).await, Ok(AddPasskey::UserChanged));
    db.store.users.change_credentials(&user(), None, true).await.unwrap();
    assert_eq!(add(&db.store, 1).await, Ok(AddPasskey::UserChanged));
    db.store.users.change_credentials(&user(), None, false).await.unwrap();
    assert_eq!(db.store.users.add_passkey((&user(), 3), &passkey(1)).await, Ok(AddPasskey::UserChanged));
    let unproved = User { email_verified: false, ..person("user-3", "carol@example.com") };
    db.store.users.create(&unproved).await.unwrap();
    assert_eq!(db.store.users.add_passkey((&unproved.user_id, 1), &passkey(1)).await, Ok(AddPasskey::Unproved));
    assert_eq!(kept(&db).await, 0);
    let bob = UserId::parse("user-2").unwrap();
    assert_eq!(db.store.users.add_passkey((&bob, 1), &passkey(1)).await, Ok(AddPasskey::Done), "the harmless twin");
    let other_key = Passkey { public_key: passkey(2).public_key, ..passkey(1) };
    assert_eq!(db.store.users.add_passkey((&bob, 1), &other_key).await, Ok(AddPasskey::Taken));
    assert_eq!(db.store.users.passkey(&bob, &passkey(1).id).await, Ok(Some(passkey(1))), "it stays as it was");
}

/// Abuse case M5: of two copies of one key, which count alike, one logs in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_count_goes_forward_alone_and_once() {
    let db = with_people().await;
    assert_eq!(add(&db.store, 1).await, Ok(AddPasskey::Done));
    let later = NOW.saturating_add(DAY);
    let use_at = async |count| db.store.users.note_passkey_use(&user(), &passkey(1).id, count, later).await;
    assert_eq!((use_at(0).await, use_at(0).await), (Ok(true), Ok(true)), "one that does not count");
    let outcomes = at_once(4, |_| {
        let store = db.store.clone();
        async move { store.users.note_passkey_use(&user(), &passkey(1).id, 5, later).await.unwrap() }
    });
    assert_eq!(outcomes.await.into_iter().filter(|noted| *noted).count(), 1);
    for count in [5, 4, 0] {
        assert_eq!(use_at(count).await, Ok(false), "{count}");
    }
    assert_eq!(use_at(6).await, Ok(true));
    let noted = db.store.users.passkey(&user(), &passkey(1).id).await.unwrap().unwrap();
    assert_eq!((noted.sign_count, noted.used_at), (6, Some(later)));
    let unknown = db.store.users.note_passkey_use(&user(), &passkey(2).id, 9, later).await;
    assert_eq!(unknown, Ok(false), "one that is not there is not made");
}

/// Abuse case M7.
#[tokio::test]
async fn a_removal_raises_the_epoch_and_is_one_with_what_follows() {
    let db = with_people().await;
    for number in 1..=2 {
        assert_eq!(add(&db.store, number).await, Ok(AddPasskey::Done));
    }
    assert_eq!(db.store.users.rename_passkey(&user(), &passkey(1).id, "Key").await, Ok(true));
    assert_eq!(db.store.users.rename_passkey(&user(), &passkey(3).id, "Key").await, Ok(false));
    let ada = read(&db.store).await;
    let remove = async |user: &User, number, byte| {
        let (ending, mail) = (ending(byte, user), mail(byte));
        let following = Following { ending: &ending, mail: &mail };
        db.store.accounts.remove_passkey(user, &passkey(number).id, following).await
    };
    assert_eq!(remove(&ada, 3, 1).await, Ok(ChangeUser::Conflict), "there is no such passkey");
    assert_eq!((read(&db.store).await.credential_epoch, items(&db, &db.tables.outbox).await.len()), (1, 0));
    assert_eq!(remove(&ada, 1, 2).await, Ok(ChangeUser::Done));
    assert_eq!((read(&db.store).await.credential_epoch, items(&db, &db.tables.outbox).await.len()), (2, 2));
    assert_eq!(remove(&ada, 2, 3).await, Ok(ChangeUser::Conflict), "by credentials that are over");
    assert_eq!(db.store.users.passkeys(&user()).await, Ok(vec![passkey(2)]));
    assert_eq!(db.store.users.note_passkey_use(&user(), &passkey(1).id, 1, NOW).await, Ok(false));
    assert_eq!(remove(&read(&db.store).await, 2, 4).await, Ok(ChangeUser::Done));
    let last = Passkey { name: "Again".to_owned(), ..passkey(2) };
    assert_eq!(db.store.users.add_passkey((&user(), 3), &last).await, Ok(AddPasskey::Done));
    assert_eq!(db.store.users.passkeys(&user()).await, Ok(vec![last]));
}

#[tokio::test]
async fn with_a_user_all_passkeys_go() {
    let db = with_people().await;
    assert_eq!(add(&db.store, 1).await, Ok(AddPasskey::Done));
    let bob = db.store.users.get(&UserId::parse("user-2").unwrap()).await.unwrap().unwrap();
    assert_eq!(db.store.users.add_passkey((&bob.user_id, 1), &passkey(2)).await, Ok(AddPasskey::Done));
    assert_eq!(db.store.users.delete(&read(&db.store).await).await, Ok(ChangeUser::Done));
    assert_eq!(kept(&db).await, 1);
    let (ending, mail) = (ending(1, &bob), mail(1));
    let following = Following { ending: &ending, mail: &mail };
    assert_eq!(db.store.accounts.delete(&bob, following).await, Ok(ChangeUser::Done));
    assert_eq!(kept(&db).await, 0);
}

/// Abuse case M13: whoever gets an account back by a mail has no passkey of somebody else in it; a reset that fails removes none.
#[tokio::test]
async fn with_a_reset_by_mail_all_passkeys_go() {
    let db = with_people().await;
    let (ada, bob) = (read(&db.store).await, UserId::parse("user-2").unwrap());
    assert_eq!(add(&db.store, 1).await, Ok(AddPasskey::Done));
    assert_eq!(db.store.users.add_passkey((&bob, 1), &passkey(2)).await, Ok(AddPasskey::Done));
    let hash = PasswordHash::from_stored("p1$new".into());
    let reset = code(1, Purpose::ResetPassword, user().as_str());
    let sets = async |user: &User, byte| {
        let (ending, mail) = (ending(byte, user), mail(byte));
        let following = Following { ending: &ending, mail: &mail };
        db.store.accounts.reset_password(&reset.id, user, &hash, following).await
    };
    assert_eq!(sets(&ada, 2).await, Ok(ChangeUser::Conflict), "there is no such code");
    assert_eq!(kept(&db).await, 2);
    db.store.accounts.send_code(&reset, &mail(3)).await.unwrap();
    assert_eq!(sets(&ada, 4).await, Ok(ChangeUser::Done));
    assert_eq!(db.store.users.passkeys(&user()).await, Ok(vec![]));
    assert_eq!(kept(&db).await, 1, "those of somebody else stay");
    // A challenge of before enrols nothing, and whoever has none is reset all the same.
    assert_eq!(add(&db.store, 1).await, Ok(AddPasskey::UserChanged));
    let again = code(5, Purpose::ResetPassword, user().as_str());
    db.store.accounts.send_code(&again, &mail(6)).await.unwrap();
    let now = read(&db.store).await;
    let (ending, mail) = (ending(7, &now), mail(8));
    let following = Following { ending: &ending, mail: &mail };
    assert_eq!(db.store.accounts.reset_password(&again.id, &now, &hash, following).await, Ok(ChangeUser::Done));
    assert_eq!(db.store.users.add_passkey((&user(), 3), &passkey(1)).await, Ok(AddPasskey::Done), "the harmless twin");
}

/// Who knew the password before changes it alone.
#[tokio::test]
async fn with_another_password_passkeys_stay() {
    let db = with_people().await;
    assert_eq!(add(&db.store, 1).await, Ok(AddPasskey::Done));
    let (ada, hash) = (read(&db.store).await, PasswordHash::from_stored("p1$new".into()));
    let (ending, mail) = (ending(1, &ada), mail(2));
    let following = Following { ending: &ending, mail: &mail };
    assert_eq!(db.store.accounts.change_password(&ada, &hash, following).await, Ok(ChangeUser::Done));
    assert_eq!(db.store.users.passkeys(&user()).await, Ok(vec![passkey(1)]));
}

/// The mail that tells the owner of a new passkey is written with it, and not again with the same one.
#[tokio::test]
async fn an_owner_is_told_of_a_new_passkey_once() {
    let db = with_people().await;
    let ada = read(&db.store).await;
    for byte in 1..=2 {
        assert_eq!(db.store.accounts.add_passkey(&ada, &passkey(1), &mail(byte)).await, Ok(AddPasskey::Done));
        assert_eq!(items(&db, &db.tables.outbox).await.len(), 1);
    }
}

/// An older function neither uses nor changes what a newer one has written.
#[tokio::test]
async fn passkeys_of_a_newer_version_are_left_alone() {
    let db = with_people().await;
    assert_eq!(add(&db.store, 1).await, Ok(AddPasskey::Done));
    versioned(&db, Some("2")).await;
    let before = items(&db, &db.tables.users).await;
    let is_newer = |error: StoreError| matches!(error, StoreError::Newer { .. });
    assert!(is_newer(db.store.users.passkeys(&user()).await.unwrap_err()));
    assert!(is_newer(db.store.users.passkey(&user(), &passkey(1).id).await.unwrap_err()));
    assert!(is_newer(add(&db.store, 2).await.unwrap_err()));
    assert!(is_newer(db.store.users.rename_passkey(&user(), &passkey(1).id, "x").await.unwrap_err()));
    assert!(is_newer(db.store.users.note_passkey_use(&user(), &passkey(1).id, 1, NOW).await.unwrap_err()));
    assert!(is_newer(db.store.users.remove_passkey((&user(), 1), &passkey(1).id).await.unwrap_err()));
    assert_eq!(items(&db, &db.tables.users).await, before);
}
