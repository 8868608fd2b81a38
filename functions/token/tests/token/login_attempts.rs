//! Guessing passwords: nobody learns who exists, nobody gets many tries, nobody is locked out.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use gateway_domain::password::Cost;
use gateway_domain::secret::Secret;

use crate::container::hasher;
use crate::fixture::{CHEAP, Fixture, NOTES, PASSWORD, login, password_login, send};
use crate::request::{Response, post};

fn evaluated(responses: &[Response]) -> usize {
    responses.iter().filter(|response| response.refusal() == (400, "invalid_grant")).count()
}

fn wait(response: &Response) -> u64 {
    assert_eq!(response.refusal(), (429, "too_many_requests"));
    response.header("Retry-After").unwrap().parse().unwrap()
}

/// Guesses at alice's password until an attempt has to wait, each by the way in of its number. All ways in have as many attempts
/// together as one of them has alone.
pub(crate) async fn guessed_together(mut guess: impl AsyncFnMut(usize) -> Response) {
    let mut attempts = 0;
    while guess(attempts).await.header("Retry-After").is_none() {
        attempts += 1;
        assert!(attempts < 100, "nobody waits");
    }
    let alone = Fixture::new().await;
    let mut at_one = 0;
    while alone.send(password_login("alice", "pub1", "wrong")).await.status != 429 {
        at_one += 1;
    }
    assert_eq!(attempts, at_one, "all ways together get what one of them gets");
}

/// Abuse case G1; checklist Z-15: unknown, wrong and disabled are answered alike and cost the same work. The time is printed: how well
/// the best threshold on it tells an unknown user from a known one, 0.5 being not at all.
#[tokio::test]
async fn nothing_tells_whether_a_person_exists() {
    const ROUNDS: usize = 60;
    let fixture = Fixture::new().await;
    let app = fixture.container_at(Cost::default());
    // Alice and Dora have hashes of the default cost, as the unknown user's decoy has.
    fixture.rehash_everyone(&hasher(Cost::default())).await;
    let mut times = [const { Vec::new() }; 3];
    let mut seen = BTreeSet::new();
    fixture.wire.since_last();
    for round in 0..ROUNDS {
        // Another source and another minute each time, so that nobody has to wait; fewer than a day allows.
        fixture.clock.forward(61);
        let source = format!("203.0.113.{round}");
        let requests =
            [password_login("nobody", "pub1", "x"), password_login("alice", "pub1", "x"), login("dora", "pub1", NOTES)];
        for (times, request) in times.iter_mut().zip(requests) {
            let request = request.from(&source);
            let start = tokio::time::Instant::now();
            let response = send(&app, request).await;
            times.push(start.elapsed());
            assert_eq!(response.refusal(), (400, "invalid_grant"));
            let work = fixture.wire.since_last().join(",");
            seen.insert(format!(
                "{} {} {}",
                response.headers,
                response.text,
                if round < 30 { work } else { String::new() }
            ));
        }
    }
    assert!(seen.len() <= 2, "one response and one amount of work: {seen:?}");
    let [unknown, wrong, disabled] = &times;
    println!("AUC unknown/wrong {:.2}, unknown/disabled {:.2}", auc(unknown, wrong), auc(unknown, disabled));
}

/// How often a time of one kind is longer than one of the other.
fn auc<T: PartialOrd>(one: &[T], other: &[T]) -> f64 {
    let pairs = one.iter().flat_map(|a| other.iter().map(move |b| if b > a { 1.0 } else { 0.0 }));
    pairs.sum::<f64>() / f64::from(u32::try_from(one.len() * other.len()).unwrap())
}

/// Abuse case G2: the count does not lose an attempt, however many race.
#[tokio::test]
async fn of_two_hundred_attempts_at_once_hardly_more_than_ten_are_evaluated() {
    let fixture = Fixture::new().await;
    let containers: Vec<_> = (0..4).map(|_| fixture.container()).collect();
    let login_attempts = (0..200).map(|number| send(&containers[number % 4], password_login("alice", "pub1", "x")));
    let responses = join_all(login_attempts).await;
    assert!((10..=11).contains(&evaluated(&responses)), "{}", evaluated(&responses));
    let right = fixture.send(password_login("alice", "pub1", PASSWORD)).await;
    fixture.clock.forward(i64::try_from(wait(&right)).unwrap());
    assert_eq!(fixture.send(password_login("alice", "pub1", PASSWORD)).await.status, 200);
    assert_eq!(
        evaluated(&[fixture.send(password_login("alice", "pub1", "x")).await]),
        1,
        "a success forgives the failures"
    );
}

/// Abuse case G3: strangers do not lock the owner out, and end no session.
#[tokio::test]
async fn two_hundred_failures_of_strangers_do_not_keep_the_owner_out() {
    let fixture = Fixture::new().await;
    let session = fixture.login("pub1", NOTES).await;
    let strangers =
        (0..200).map(|number| fixture.send(password_login("alice", "pub1", "x").from(&format!("203.0.113.{number}"))));
    let responses = join_all(strangers).await;
    assert!(evaluated(&responses) <= 32, "{}", evaluated(&responses));
    assert_eq!(fixture.send(login("alice", "pub1", NOTES)).await.status, 200, "from where she always logs in");
    assert_eq!(fixture.refresh("pub1", &session.refresh).await.status, 200);
    let elsewhere = fixture.send(login("alice", "pub1", NOTES).from("192.0.2.77")).await;
    assert!(elsewhere.status == 200 || wait(&elsewhere) <= 60, "from a new place, a minute at most");
    let other = fixture.send(login("bob", "pub1", NOTES).from("203.0.113.9")).await;
    assert_eq!(other.status, 200, "a stranger's address is no offence of others behind it");
}

/// Checklist G-04, Z-12: ten sources side by side, each as often as it is let. A hundred are the most of a day, and no other day
/// begins with more than one, until the owner has another password. Known sources log in all the while.
#[tokio::test]
async fn after_a_hundred_failures_from_strange_sources_only_a_new_password_lets_new_sources_in() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.send(login("alice", "pub1", NOTES)).await.status, 200, "known from here on");
    let mut count = 0;
    for _ in 0..90 {
        fixture.clock.forward(61);
        let sources = (0..10)
            .map(|number| fixture.send(password_login("alice", "pub1", "x").from(&format!("203.0.113.{number}"))));
        count += evaluated(&join_all(sources).await);
    }
    assert!((95..=100).contains(&count), "{count}");
    fixture.clock.forward(3_600);
    let elsewhere = fixture.send(login("alice", "pub1", NOTES).from("203.0.113.77")).await;
    assert!(elsewhere.text.contains("prove by a mail that it is you"), "{}", elsewhere.text);
    assert!(wait(&elsewhere) > 3_600);
    assert_eq!(
        fixture.send(login("alice", "pub1", NOTES)).await.status,
        200,
        "known sources have a counter of their own"
    );

    let alice = gateway_domain::ids::UserId::parse("u_alice").unwrap();
    let new = hasher(CHEAP).hash(&Secret::new("a new one".to_owned()), [9; 16]).unwrap();
    assert_eq!(fixture.db.store.users.set_password(&alice, &new).await, Ok(true));
    let now = fixture.send(password_login("alice", "pub1", "a new one").from("203.0.113.77")).await;
    assert_eq!(now.status, 200, "the counter is that of the new credentials");
}

/// Whoever has just proved by mail to own the account gets in from there, however many strangers fill the new counter meanwhile.
#[tokio::test]
async fn the_source_of_a_proof_by_mail_is_no_strangers() {
    let fixture = Fixture::new().await;
    let alice = fixture.db.store.users.by_email("alice@example.com").await.unwrap().unwrap();
    let source = gateway_domain::source::Source::of(Some("203.0.113.77"));
    let attempts = gateway_credentials::AccountAttempts::new(fixture.db.store.attempts.clone(), false);
    attempts.proved(&alice, &source, fixture.now()).await.unwrap();
    for number in 0..40 {
        fixture.send(password_login("alice", "pub1", "x").from(&format!("192.0.2.{number}"))).await;
    }
    wait(&fixture.send(login("alice", "pub1", NOTES).from("203.0.113.78")).await);
    assert_eq!(evaluated(&[fixture.send(password_login("alice", "pub1", "x").from("203.0.113.77")).await]), 1);
    assert_eq!(fixture.send(login("alice", "pub1", NOTES).from("203.0.113.77")).await.status, 200);
    fixture.clock.forward(86_401);
    assert_eq!(fixture.send(login("alice", "pub1", NOTES).from("203.0.113.77")).await.status, 200, "by its own login");
}

/// Abuse case G7: wrong codes and passwords on the pages of accounts leave fewer attempts for logins, and are refused as those are.
#[tokio::test]
async fn attempts_on_the_pages_of_accounts_count_as_logins_do() {
    let fixture = Fixture::new().await;
    let alice = fixture.db.store.users.by_email("alice@example.com").await.unwrap().unwrap();
    let source = |number: u32| gateway_domain::source::Source::of(Some(&format!("203.0.113.{number}")));
    let attempts = gateway_credentials::AccountAttempts::new(fixture.db.store.attempts.clone(), false);
    for number in 0..15 {
        attempts.wrong_code(&alice.user_id, Some(&alice), &source(number), fixture.now()).await.unwrap();
        attempts.reserve(&alice, &source(number + 100), fixture.now()).await.unwrap();
    }
    // The first beyond the free ones is evaluated, and then one a minute.
    assert_eq!(evaluated(&[fixture.send(password_login("alice", "pub1", "x").from("192.0.2.1")).await]), 1);
    wait(&fixture.send(password_login("alice", "pub1", "x").from("192.0.2.2")).await);
    let refused = attempts.reserve(&alice, &source(200), fixture.now()).await;
    assert!(matches!(refused, Err(gateway_credentials::CredentialsError::TooManyAttempts(_))));
    attempts.wrong_code(&alice.user_id, Some(&alice), &source(201), fixture.now()).await.unwrap();
}

/// Checklist G-04: spraying one password over many accounts is slowed down by its source, and nobody whom the gateway
/// knows from there is stopped by it, mistyping or not.
#[tokio::test]
async fn one_source_does_not_try_every_account_and_keeps_nobody_out_who_is_known_there() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.send(login("alice", "pub1", NOTES).from("203.0.113.5")).await.status, 200);
    let mut evaluated_at_once = 0;
    for number in 0..210 {
        let response =
            fixture.send(password_login(&format!("person{number}"), "pub1", "Summer2026").from("203.0.113.5")).await;
        evaluated_at_once += evaluated(&[response]);
    }
    assert_eq!(evaluated_at_once, 200);
    assert!(wait(&fixture.send(login("bob", "pub1", NOTES).from("203.0.113.5")).await) <= 300);
    for same in ["203.0.113.5", "::ffff:203.0.113.5", "64:ff9b::203.0.113.5"] {
        assert_eq!(evaluated(&[fixture.send(password_login("alice", "pub1", "x").from(same)).await]), 1, "{same}");
        assert_eq!(fixture.send(login("alice", "pub1", NOTES).from(same)).await.status, 200, "{same}");
    }
    assert_eq!(fixture.send(login("alice", "pub1", NOTES)).await.status, 200, "from another source");
}

/// Checklist G-04: with a new password every source is new, so that whoever knew the one before is a stranger everywhere;
/// a stronger hash of the same password changes nothing.
#[tokio::test]
async fn a_source_is_known_for_the_password_that_logged_in_from_there() {
    let fixture = Fixture::new().await;
    let stronger = fixture.container_at(Cost { memory: 128, passes: 1 });
    let (once_known, home) = ("203.0.113.5", "203.0.113.6");
    for source in [once_known, home] {
        assert_eq!(send(&stronger, login("alice", "pub1", NOTES).from(source)).await.status, 200, "hashed anew");
    }
    for number in 0..40 {
        fixture.send(password_login("alice", "pub1", "x").from(&format!("192.0.2.{number}"))).await;
    }
    wait(&fixture.send(login("alice", "pub1", NOTES).from("192.0.2.77")).await);
    assert_eq!(evaluated(&[fixture.send(password_login("alice", "pub1", "x").from(once_known)).await]), 1);

    let alice = gateway_domain::ids::UserId::parse("u_alice").unwrap();
    let new = hasher(CHEAP).hash(&Secret::new("a new one".to_owned()), [9; 16]).unwrap();
    assert_eq!(fixture.db.store.users.set_password(&alice, &new).await, Ok(true));
    for number in 0..40 {
        fixture.send(password_login("alice", "pub1", "x").from(&format!("198.51.100.{number}"))).await;
    }
    let own = wait(&fixture.send(password_login("alice", "pub1", "a new one").from(home)).await);
    wait(&fixture.send(password_login("alice", "pub1", PASSWORD).from(once_known)).await);
    fixture.clock.forward(i64::try_from(own).unwrap());
    assert_eq!(fixture.send(password_login("alice", "pub1", "a new one").from(home)).await.status, 200);
    for number in 0..2 {
        fixture.send(password_login("alice", "pub1", "x").from(&format!("192.0.2.{number}"))).await;
    }
    wait(&fixture.send(password_login("alice", "pub1", "x").from(once_known)).await);
    assert_eq!(evaluated(&[fixture.send(password_login("alice", "pub1", "x").from(home)).await]), 1, "known again");
}

/// A right login leaves nothing for the next one behind the same address, who is not known there yet.
#[tokio::test]
async fn right_logins_behind_an_address_that_is_nearly_full_do_not_stop_each_other() {
    let fixture = Fixture::new().await;
    for number in 0..199 {
        fixture.send(password_login(&format!("person{number}"), "pub1", "x").from("203.0.113.5")).await;
    }
    for client in ["pub1", "pub2", "strict", "login-only"] {
        for name in ["alice", "bob"] {
            assert_eq!(
                fixture.send(login(name, client, NOTES).from("203.0.113.5")).await.status,
                200,
                "{name} {client}"
            );
        }
    }
}

/// An attempt that is refused writes nothing, whoever refuses it.
#[tokio::test]
async fn a_refused_attempt_writes_nothing() {
    let fixture = Fixture::new().await;
    for number in 0..40 {
        fixture.send(password_login("alice", "pub1", "x")).await;
        fixture.send(password_login("bob", "pub1", "x").from(&format!("203.0.113.{number}"))).await;
    }
    for number in 0..200 {
        fixture.send(password_login(&format!("person{number}"), "pub1", "x").from("192.0.2.9")).await;
    }
    let before = fixture.dump().await;
    fixture.wire.since_last();
    for request in [
        password_login("alice", "pub1", PASSWORD),
        password_login("bob", "pub1", PASSWORD).from("203.0.113.250"),
        password_login("dora", "pub1", PASSWORD).from("192.0.2.9"),
    ] {
        wait(&fixture.send(request).await);
    }
    assert!(fixture.wire.since_last().iter().all(|operation| operation.starts_with("GetItem ")));
    assert_eq!(fixture.dump().await.len(), before.len());
}

/// Whoever shows a session of the account is no stranger to it; a session of somebody else opens no way round.
#[tokio::test]
async fn a_login_into_a_session_does_not_wait_for_strangers() {
    let fixture = Fixture::new().await;
    let again = |name: &str, password: &str, token: &str| {
        let username = format!("{name}@example.com");
        let form = [("grant_type", "password"), ("client_id", "pub1"), ("username", &username), ("password", password)];
        post("/oauth2/token", &[&form[..], &[("refresh_token", token)]].concat()).from("203.0.113.5")
    };
    let (alice, bob) = (fixture.login("pub1", NOTES).await, fixture.send(login("bob", "pub1", NOTES)).await.tokens());
    for number in 0..40 {
        fixture.send(password_login("alice", "pub1", "x").from("203.0.113.5")).await;
        fixture.send(password_login("alice", "pub1", "x").from(&format!("192.0.2.{number}"))).await;
    }
    wait(&fixture.send(login("alice", "pub1", NOTES).from("203.0.113.5")).await);
    for token in [&bob.refresh, &alice.access, "mgr_x"] {
        wait(&fixture.send(again("alice", PASSWORD, token)).await);
    }
    assert_eq!(fixture.send(again("alice", PASSWORD, &alice.refresh)).await.status, 200);
    let stolen = fixture.send(again("alice", PASSWORD, &alice.refresh)).await.tokens().refresh;
    let mut login_attempts = 0;
    for _ in 0..30 {
        login_attempts += evaluated(&[fixture.send(again("alice", "x", &stolen).from("198.18.0.9")).await]);
    }
    assert_eq!(login_attempts, 11, "with it there are the attempts of one source");
}

/// Nobody is found where nobody is, whatever ids people have.
#[tokio::test]
async fn no_user_id_answers_for_addresses_that_are_nobodys() {
    let fixture = Fixture::new().await;
    let alice = fixture.db.store.users.by_email("alice@example.com").await.unwrap().unwrap();
    for id in ["nobody", "nobody@example.com", "unknown", "-", "none"] {
        let email = gateway_domain::address::Address::parse(&format!("mallory{}@example.com", id.len())).unwrap();
        let user_id = gateway_domain::ids::UserId::parse(id).unwrap();
        fixture.db.store.users.create(&gateway_store::User { user_id, email, ..alice.clone() }).await.unwrap();
    }
    for name in ["nobody", "unknown", "somebody"] {
        assert_eq!(
            fixture.send(password_login(name, "pub1", PASSWORD)).await.refusal(),
            (400, "invalid_grant"),
            "{name}"
        );
    }
    let form = [("grant_type", "password"), ("client_id", "pub1"), ("username", "no address"), ("password", PASSWORD)];
    assert_eq!(fixture.send(post("/oauth2/token", &form)).await.refusal(), (400, "invalid_grant"));
    let app = gateway_store::User { user_id: gateway_domain::ids::UserId::parse("app:pub1").unwrap(), ..alice };
    assert_eq!(
        fixture.db.store.users.create(&app).await,
        Ok(gateway_store::CreateUser::Taken),
        "an application's id is no person's"
    );
}
