//! Guessing passwords: nobody learns who exists, nobody gets many tries, nobody is locked out.

use std::collections::BTreeSet;

use domain::password::Cost;
use futures_util::future::join_all;

use crate::request::Answer;
use crate::stage::{NOTES, PASSWORD, Stage, guess, login, send};

fn evaluated(answers: &[Answer]) -> usize {
    answers.iter().filter(|answer| answer.refusal() == (400, "invalid_grant")).count()
}

fn wait(answer: &Answer) -> u64 {
    assert_eq!(answer.refusal(), (429, "too_many_requests"));
    answer.header("Retry-After").unwrap().parse().unwrap()
}

/// Abuse case G1; checklist Z-15: unknown, wrong and disabled are answered alike and cost the same work. The time is printed: how well
/// the best threshold on it tells an unknown person from a known one, 0.5 being not at all.
#[tokio::test]
async fn nothing_tells_whether_a_person_exists() {
    const ROUNDS: usize = 60;
    let stage = Stage::new().await;
    let app = stage.container_at(Cost::default());
    // Alice and Dora have hashes of the default cost, as the unknown person's decoy has.
    stage.rehash_everyone(&app.passwords.value()).await;
    let mut times = [const { Vec::new() }; 3];
    let mut seen = BTreeSet::new();
    stage.wire.since_last();
    for round in 0..ROUNDS {
        // Another source and another minute each time, so that nobody has to wait; fewer than a day allows.
        stage.clock.forward(61);
        let source = format!("203.0.113.{round}");
        let requests = [guess("nobody", "pub1", "x"), guess("alice", "pub1", "x"), login("dora", "pub1", NOTES)];
        for (times, request) in times.iter_mut().zip(requests) {
            let request = request.from(&source);
            let start = tokio::time::Instant::now();
            let answer = send(&app, request).await;
            times.push(start.elapsed());
            assert_eq!(answer.refusal(), (400, "invalid_grant"));
            let work = stage.wire.since_last().join(",");
            seen.insert(format!(
                "{} {} {}",
                answer.headers,
                answer.text,
                if round < 30 { work } else { String::new() }
            ));
        }
    }
    assert!(seen.len() <= 2, "one answer and one amount of work: {seen:?}");
    let [unknown, wrong, disabled] = &times;
    println!("AUC unknown/wrong {:.2}, unknown/disabled {:.2}", auc(unknown, wrong), auc(unknown, disabled));
}

/// How often a time of one kind is longer than one of the other.
fn auc<T: PartialOrd>(one: &[T], other: &[T]) -> f64 {
    let pairs = one.iter().flat_map(|a| other.iter().map(move |b| if b > a { 1.0 } else { 0.0 }));
    pairs.sum::<f64>() / f64::from(u32::try_from(one.len() * other.len()).unwrap())
}

/// Abuse case G2: the count does not lose a guess, however many race.
#[tokio::test]
async fn of_two_hundred_guesses_at_once_hardly_more_than_ten_are_evaluated() {
    let stage = Stage::new().await;
    let containers: Vec<_> = (0..4).map(|_| stage.container()).collect();
    let guesses = (0..200).map(|number| send(&containers[number % 4], guess("alice", "pub1", "x")));
    let answers = join_all(guesses).await;
    assert!((10..=12).contains(&evaluated(&answers)), "{}", evaluated(&answers));
    let right = stage.send(guess("alice", "pub1", PASSWORD)).await;
    stage.clock.forward(i64::try_from(wait(&right)).unwrap());
    assert_eq!(stage.send(guess("alice", "pub1", PASSWORD)).await.status, 200);
    assert_eq!(evaluated(&[stage.send(guess("alice", "pub1", "x")).await]), 1, "a success forgives the failures");
}

/// Abuse case G3: strangers do not lock the owner out, and end no session.
#[tokio::test]
async fn two_hundred_failures_of_strangers_do_not_keep_the_owner_out() {
    let stage = Stage::new().await;
    let session = stage.login("pub1", NOTES).await;
    let strangers = (0..200).map(|number| stage.send(guess("alice", "pub1", "x").from(&format!("203.0.113.{number}"))));
    let answers = join_all(strangers).await;
    assert!(evaluated(&answers) <= 32, "{}", evaluated(&answers));
    assert_eq!(stage.send(login("alice", "pub1", NOTES)).await.status, 200, "from where she always logs in");
    assert_eq!(stage.refresh("pub1", &session.refresh).await.status, 200);
    let elsewhere = stage.send(login("alice", "pub1", NOTES).from("192.0.2.77")).await;
    assert!(elsewhere.status == 200 || wait(&elsewhere) <= 60, "from a new place, a minute at most");
    let other = stage.send(login("bob", "pub1", NOTES).from("203.0.113.9")).await;
    assert_eq!(other.status, 200, "a stranger's address is no offence of others behind it");
}

/// Checklist G-04, Z-12: ten sources side by side, each as often as it is let.
#[tokio::test]
async fn an_account_has_a_hundred_failures_from_strange_sources_and_no_more() {
    let stage = Stage::new().await;
    let mut all = 0;
    for _ in 0..75 {
        stage.clock.forward(61);
        let sources =
            (0..10).map(|number| stage.send(guess("alice", "pub1", "x").from(&format!("203.0.113.{number}"))));
        all += evaluated(&join_all(sources).await);
    }
    assert!((95..=100).contains(&all), "{all}");
    stage.clock.forward(86_400);
    assert_eq!(stage.send(login("alice", "pub1", NOTES).from("203.0.113.1")).await.status, 200);
}

/// Checklist G-04: spraying one password over many accounts is slowed down by its source.
#[tokio::test]
async fn one_source_does_not_try_every_account() {
    let stage = Stage::new().await;
    let mut evaluated_at_once = 0;
    for number in 0..130 {
        let answer = stage.send(guess(&format!("person{number}"), "pub1", "Summer2026").from("203.0.113.5")).await;
        evaluated_at_once += evaluated(&[answer]);
    }
    assert!((100..=102).contains(&evaluated_at_once), "{evaluated_at_once}");
    assert_eq!(stage.send(login("alice", "pub1", NOTES)).await.status, 200, "from another source");
}

/// A guess that was not evaluated is not counted against anybody else.
#[tokio::test]
async fn a_refused_guess_gives_back_what_it_reserved_on_the_way() {
    let stage = Stage::new().await;
    for _ in 0..40 {
        stage.send(guess("alice", "pub1", "x")).await;
    }
    let dump = stage.dump().await;
    let source = dump.split("source#198.51.100.7").nth(1).unwrap_or_default();
    assert_eq!(evaluated(&[stage.send(guess("bob", "pub1", "x")).await]), 1, "{source}");
    assert!(stage.failures("source#198.51.100.7").await <= 13);
}
