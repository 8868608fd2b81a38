//! Whether the time of a response tells if an address has an account: each class of addresses against the others.
//!
//! Every sample has an address and a source of its own, so that no limit is reached. Each round has all classes in an order
//! of its own, so that what else the machine does, and what the sample before left to do, meets all of them alike.

mod auc;

use crate::{Failure, events, print, site};
use bytes::Bytes;
use gateway_domain::address::Address;
use gateway_domain::ids::UserId;
use gateway_local::credentials;
use gateway_local::stack::Running;
use gateway_runtime::{Aws, Environment};
use gateway_store::{Store, Tables, User};
use serde_json::{Value, json};
use std::path::Path;
use tokio::time::Instant;

/// Samples of each class.
const SAMPLES: u32 = 300;
const PASSWORD: &str = "wobbly lantern cactus tuesday";

/// A class of addresses at one route.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    SignUpFree,
    SignUpUnproved,
    SignUpOwned,
    ForgottenKnown,
    ForgottenUnknown,
    LoginUnknown,
    LoginWrong,
    LoginDisabled,
    ChallengeUnknown,
    ChallengeWrong,
}

use Class::{
    ChallengeUnknown, ChallengeWrong, ForgottenKnown, ForgottenUnknown, LoginDisabled, LoginUnknown, LoginWrong,
    SignUpFree, SignUpOwned, SignUpUnproved,
};

const CLASSES: [Class; 10] = [
    SignUpFree,
    SignUpUnproved,
    SignUpOwned,
    ForgottenKnown,
    ForgottenUnknown,
    LoginUnknown,
    LoginWrong,
    LoginDisabled,
    ChallengeUnknown,
    ChallengeWrong,
];
/// What must not be told apart.
const PAIRS: [(Class, Class, &str); 8] = [
    (SignUpFree, SignUpUnproved, "sign-up: free, unproved"),
    (SignUpFree, SignUpOwned, "sign-up: free, owned"),
    (SignUpUnproved, SignUpOwned, "sign-up: unproved, owned"),
    (ForgottenUnknown, ForgottenKnown, "forgotten: unknown, known"),
    (LoginUnknown, LoginWrong, "login: unknown, wrong password"),
    (LoginUnknown, LoginDisabled, "login: unknown, disabled"),
    (LoginWrong, LoginDisabled, "login: wrong password, disabled"),
    (ChallengeUnknown, ChallengeWrong, "challenge: unknown, wrong"),
];

/// Samples all classes and prints, for each pair, how well the time tells them apart: the area under the ROC curve, 0.5 for
/// not at all, and its interval of 95 %.
pub(crate) async fn print_table(directory: &Path) -> Result<(), Failure> {
    let stack = site::start(|name| directory.join(name)).await?;
    people(&stack).await?;
    let mut times = CLASSES.map(|class| (class, Vec::new()));
    let mut dice = auc::Dice::new();
    // The first round starts the processes, and is not counted.
    for round in 0..=SAMPLES {
        sample(&stack, SignUpUnproved, round, round * 16).await?;
        for last in (1..times.len()).rev() {
            times.swap(last, dice.below(last + 1));
        }
        for (source, (class, times)) in (round * 16 + 1..).zip(&mut times) {
            let micros = sample(&stack, *class, round, source).await?;
            if round > 0 {
                times.push(micros);
            }
        }
        progress(round);
    }
    let of = |class| times.iter().find(|(one, _)| *one == class).map_or(&[][..], |(_, times)| times);
    print("what is compared                      median ms       AUC   of 95 %");
    for (one, other, name) in PAIRS {
        let (one, other) = (of(one), of(other));
        let (auc, [low, high]) = (auc::area(one, other), auc::interval(one, other));
        let (first, second) = (auc::median(one) / 1e3, auc::median(other) / 1e3);
        print(&format!("{name:<32} {first:>7.2} {second:>7.2}   {auc:>7.3}   {low:.3} to {high:.3}"));
    }
    Ok(())
}

/// Accounts with a proved address, and disabled ones, one for each sample. Their hash is that of a user of the demo.
async fn people(stack: &Running) -> Result<(), Failure> {
    let endpoint = ("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), stack.dynamodb_url().to_owned());
    let owner = credentials::variables(stack.owner()).map(|(name, value)| (name.to_owned(), value.to_owned()));
    let region = ("AWS_REGION".to_owned(), "us-east-1".to_owned());
    let aws = Aws::patient(&Environment::from_pairs([endpoint, region].into_iter().chain(owner)))?;
    let users = Store::new(aws.dynamodb(), Tables::prefixed("")).users;
    let model = users.by_email("ada@example.com").await?.ok_or("the demo has no ada")?;
    for number in 0..=SAMPLES {
        for (name, enabled) in [("known", true), ("disabled", false)] {
            let (user_id, email) = (UserId::parse(&format!("{name}-{number}"))?, address(name, number));
            let user = User { user_id, email: Address::parse(&email)?, enabled, ..model.clone() };
            users.create(&user).await?;
        }
    }
    Ok(())
}

fn address(name: &str, number: u32) -> String {
    format!("{name}{number}@example.org")
}

/// Microseconds from the event to the response of one request.
async fn sample(stack: &Running, class: Class, number: u32, source: u32) -> Result<f64, Failure> {
    let sign_up =
        |name| ("sign-up", json!({ "email": address(name, number), "password": PASSWORD, "profile": { "name": "N" } }));
    let forgotten = |name| ("forgotten", json!({ "email": address(name, number) }));
    let (function, event, expected) = match class {
        SignUpFree => account(stack, sign_up("free"), source)?,
        SignUpUnproved => account(stack, sign_up("unproved"), source)?,
        SignUpOwned => account(stack, sign_up("known"), source)?,
        ForgottenKnown => account(stack, forgotten("known"), source)?,
        ForgottenUnknown => account(stack, forgotten("nobody"), source)?,
        LoginUnknown => login(stack, &address("nobody", number), source)?,
        LoginWrong => login(stack, &address("known", number), source)?,
        LoginDisabled => login(stack, &address("disabled", number), source)?,
        ChallengeUnknown => challenge(stack, &address("nobody", number), source)?,
        ChallengeWrong => challenge(stack, &address("known", number), source)?,
    };
    let begun = Instant::now();
    let response = stack.functions().invoke(function, event).await?;
    let taken = begun.elapsed();
    let response: Value = serde_json::from_slice(&response)?;
    if response.get("statusCode").and_then(Value::as_u64) != Some(expected) {
        return Err(format!("expected {expected}: {response}").into());
    }
    Ok(taken.as_secs_f64() * 1e6)
}

type Asked = (&'static str, Bytes, u64);

fn account(stack: &Running, (path, body): (&str, Value), source: u32) -> Result<Asked, Failure> {
    let path = format!("/account/api/v1/{path}");
    Ok(("AccountFunction", events::post(stack, &path, "application/json", &body.to_string(), &ip(source))?, 202))
}

fn login(stack: &Running, username: &str, source: u32) -> Result<Asked, Failure> {
    let form = format!("grant_type=password&client_id=demo-app&username={username}&password=wrong-wrong-wrong");
    let event = events::post(stack, "/oauth2/token", "application/x-www-form-urlencoded", &form, &ip(source))?;
    Ok(("TokenFunction", event, 400))
}

fn challenge(stack: &Running, username: &str, source: u32) -> Result<Asked, Failure> {
    let form = format!(
        "response_type=code&client_id=demo-app&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM\
         &code_challenge_method=S256&username={username}&password=wrong-wrong-wrong"
    );
    let event = events::post(stack, "/oauth2/challenge", "application/x-www-form-urlencoded", &form, &ip(source))?;
    Ok(("AuthorizeFunction", event, 403))
}

/// An address for each source.
fn ip(source: u32) -> String {
    std::net::Ipv4Addr::from_bits(0x0a00_0000 | source).to_string()
}

/// Shows on a terminal, in one line, how far it is.
#[expect(clippy::print_stderr, reason = "the bar is no part of the result")]
fn progress(round: u32) {
    let done = usize::try_from(round * 40 / SAMPLES).unwrap_or_default();
    let end = if round == SAMPLES { "\n" } else { "" };
    eprint!("\r[{:<40}] {round}/{SAMPLES}{end}", "#".repeat(done));
}
