//! Tests of what owners do with their accounts, under races: an address goes to one account, and what follows a change is
//! written with it or not at all.

use crate::accounts::{code, counted, ending, mail, unproved};
use crate::users::user;
use crate::{NOW, at_once};
use gateway_domain::address::Address;
use gateway_domain::ids::{CodeId, UserId};
use gateway_domain::password::PasswordHash;
use gateway_store::{ChangeUser, Code, Following, Purpose, User};
use support::{DynamoDb, dynamodb};

const NEW: &str = "new@example.com";

fn new() -> Address {
    Address::parse(NEW).unwrap()
}

fn change(byte: u8, purpose: Purpose, of: &str, to: &str) -> Code {
    Code { address: Some(Address::parse(to).unwrap()), ..code(byte, purpose, of) }
}

async fn read(db: &DynamoDb, id: &str) -> User {
    db.store.users.get(&UserId::parse(id).unwrap()).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_change_to_one_address_at_once_one_gets_it() {
    let db = dynamodb().await;
    for byte in 1..=4 {
        db.store.users.create(&user(&format!("u{byte}"), &format!("u{byte}@example.com"))).await.unwrap();
        let asked = change(byte, Purpose::ChangeAddress, &format!("u{byte}"), NEW);
        db.store.accounts.send_code(&asked, &mail(byte)).await.unwrap();
    }
    let outcomes = at_once(4, |index| {
        let (store, byte) = (db.store.clone(), u8::try_from(index).unwrap() + 1);
        async move {
            let id = format!("u{byte}");
            let owner = user(&id, &format!("u{byte}@example.com"));
            let back = change(byte + 10, Purpose::TakeBackAddress, &id, owner.email.as_str());
            let (asked, told) = (code(byte, Purpose::ChangeAddress, &id).id, mail(byte + 10));
            store.accounts.change_address(&asked, (&owner, &new()), None, Some((&back, &told)), NOW).await
        }
    });
    let outcomes = outcomes.await;
    let won: Vec<_> = (0..4).filter(|index| outcomes[*index] == Ok(ChangeUser::Done)).collect();
    assert_eq!(won.len(), 1, "{outcomes:?}");
    let owner = db.store.users.by_email(NEW).await.unwrap().unwrap();
    assert_eq!(owner.user_id.as_str(), format!("u{}", won[0] + 1));
    assert_eq!(counted(&db, &db.tables.outbox).await, 5, "four mails with codes, and one that tells of the change");
    assert_eq!(counted(&db, &db.tables.codes).await, 4, "three codes, and the way back");
    assert_eq!(
        db.store.users.by_email(&format!("u{}@example.com", won[0] + 1)).await,
        Ok(None),
        "the one before is free"
    );
}

/// An account without a proof yields to whoever proves the address, and one that proves another address is no longer swept.
#[tokio::test]
async fn an_account_without_a_proof_yields_and_is_kept_once_it_has_one() {
    let db = dynamodb().await;
    let (ada, squatter) = (unproved("u1"), User { email: new(), ..unproved("u2") });
    for (account, byte) in [(&ada, 1), (&squatter, 2)] {
        let sent = code(byte, Purpose::VerifyAddress, account.user_id.as_str());
        let until = NOW.saturating_add(gateway_domain::code::UNPROVED);
        let holder = gateway_store::Holder::Nobody;
        let made = db.store.accounts.sign_up(account, until, holder, (&sent, &mail(byte))).await;
        assert_eq!(made, Ok(ChangeUser::Done));
    }
    let asked = change(3, Purpose::ChangeAddress, "u1", NEW);
    db.store.accounts.send_code(&asked, &mail(3)).await.unwrap();
    let holder = Some(&squatter.user_id);
    let changed = db.store.accounts.change_address(&asked.id, (&ada, &new()), holder, None, NOW).await;
    assert_eq!(changed, Ok(ChangeUser::Done));
    assert_eq!(db.store.users.get(&squatter.user_id).await, Ok(None));
    assert!(read(&db, "u1").await.email_verified);
    let swept = crate::versions::items(&db, &db.tables.users).await.into_iter().filter(|item| item.contains_key("ttl"));
    assert_eq!(swept.count(), 0, "neither the account nor its claim ends");
    let again = db.store.accounts.change_address(&asked.id, (&ada, &new()), None, None, NOW).await;
    assert_eq!(again, Ok(ChangeUser::Conflict), "a code is used once");
}

/// Whoever has changed the password meanwhile, or was disabled, is not overruled by what was read before.
#[tokio::test]
async fn a_change_of_an_account_that_has_changed_does_nothing() {
    let db = dynamodb().await;
    let ada = user("u1", "ada@example.com");
    db.store.users.create(&ada).await.unwrap();
    let hash = |text: &str| PasswordHash::from_stored(text.to_owned());
    let (end, told) = (ending(1, &ada), mail(1));
    let following = Following { ending: &end, mail: &told };
    let accounts = &db.store.accounts;
    assert_eq!(accounts.change_password(&ada, &hash("p1$one"), following).await, Ok(ChangeUser::Done));
    let now = read(&db, "u1").await;
    assert_eq!(now.credential_epoch, ada.credential_epoch + 1);
    for stale in [
        accounts.change_password(&ada, &hash("p1$two"), following).await,
        accounts.disable(&ada, following).await,
        accounts.delete(&ada, following).await,
    ] {
        assert_eq!(stale, Ok(ChangeUser::Conflict));
    }
    assert_eq!(read(&db, "u1").await, now);
    assert_eq!(counted(&db, &db.tables.outbox).await, 2, "the mail and the ends of the one that was made");
    assert_eq!(accounts.delete(&now, following).await, Ok(ChangeUser::Done));
    assert_eq!(counted(&db, &db.tables.users).await, 0, "the account and its claim are gone");
}

/// Changes the address of the only user, with a way back, as whoever is logged in does.
async fn moved(db: &DynamoDb, byte: u8, to: &str) -> CodeId {
    let owner = read(db, "u1").await;
    let asked = change(byte, Purpose::ChangeAddress, "u1", to);
    let back = change(byte + 100, Purpose::TakeBackAddress, "u1", owner.email.as_str());
    let back = Code { ends: NOW.saturating_add(gateway_domain::code::TAKE_BACK), ..back };
    db.store.accounts.send_code(&asked, &mail(byte)).await.unwrap();
    let (to, told) = (Address::parse(to).unwrap(), mail(byte + 100));
    let done = db.store.accounts.change_address(&asked.id, (&owner, &to), None, Some((&back, &told)), NOW).await;
    assert_eq!(done, Ok(ChangeUser::Done));
    back.id
}

async fn taken_back(db: &DynamoDb, by: &CodeId, to: &str) -> ChangeUser {
    let (user, to) = (read(db, "u1").await, Address::parse(to).unwrap());
    let (end, told, displaced) = (ending(200, &user), mail(201), mail(202));
    let following = Following { ending: &end, mail: &told };
    let hash = PasswordHash::from_stored("p1$back".to_owned());
    db.store.accounts.take_back_address(by, (&user, &to), None, &hash, (following, &displaced)).await.unwrap()
}

/// Whoever took an account over and moved it twice has no word after the owner of the first address, and cannot close that
/// owner's way back by using one of their own.
#[tokio::test]
async fn an_older_way_back_closes_the_later_ones_and_no_later_one_an_older() {
    let [a, b, c, d] = ["a@example.com", "b@example.com", "c@example.com", "d@example.com"];
    let db = dynamodb().await;
    db.store.users.create(&user("u1", a)).await.unwrap();
    let (first, second, third) = (moved(&db, 1, b).await, moved(&db, 2, c).await, moved(&db, 3, d).await);
    assert_eq!(taken_back(&db, &second, b).await, ChangeUser::Done, "the thief hurries");
    assert_eq!(read(&db, "u1").await.email.as_str(), b);
    assert_eq!(taken_back(&db, &third, c).await, ChangeUser::Conflict, "a later one is closed");
    let fourth = moved(&db, 4, d).await;
    assert_eq!(taken_back(&db, &first, a).await, ChangeUser::Done, "the owner is not kept out");
    for later in [&second, &third, &fourth] {
        assert_eq!(taken_back(&db, later, b).await, ChangeUser::Conflict);
    }
    let ada = read(&db, "u1").await;
    assert_eq!((ada.email.as_str(), ada.ways_back.len()), (a, 0));
}

/// Of two who take an address back at once, the state of the account tells which one was later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_ways_back_at_once_the_older_one_is_the_last_word() {
    for _ in 0..10 {
        let db = dynamodb().await;
        db.store.users.create(&user("u1", "a@example.com")).await.unwrap();
        let ways = [moved(&db, 1, "b@example.com").await, moved(&db, 2, "c@example.com").await];
        let outcomes = at_once(2, |index| {
            let (store, way) = (db.store.clone(), ways[index].clone());
            async move {
                // Each tries until the account stays as it was read, as the function does.
                for _ in 0..10 {
                    let user = store.users.get(&UserId::parse("u1").unwrap()).await.unwrap().unwrap();
                    if !user.ways_back.iter().any(|open| open.id == way) {
                        return ChangeUser::Conflict;
                    }
                    let to = Address::parse(["a@example.com", "b@example.com"][index]).unwrap();
                    let byte = 210 + 3 * u8::try_from(index).unwrap();
                    let (end, told, displaced) = (ending(byte, &user), mail(byte + 1), mail(byte + 2));
                    let then = (Following { ending: &end, mail: &told }, &displaced);
                    let hash = PasswordHash::from_stored(format!("p1$back{index}"));
                    let done = store.accounts.take_back_address(&way, (&user, &to), None, &hash, then).await.unwrap();
                    if done == ChangeUser::Done {
                        return done;
                    }
                }
                panic!("it never succeeds");
            }
        });
        assert_eq!(outcomes.await[0], ChangeUser::Done);
        let ada = read(&db, "u1").await;
        assert_eq!((ada.email.as_str(), ada.password.unwrap().as_str()), ("a@example.com", "p1$back0"));
    }
}
