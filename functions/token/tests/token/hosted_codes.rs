//! Authorization codes: redeemed once, by who can prove it, and never lost to a crash.

use gateway_domain::ids::{SessionId, UserId};
use serde_json::json;

use crate::fixture::{Fixture, NOTES, SECRET, send};
use crate::hosted::{Browser, VERIFIER, asking, native, redemption};
use crate::renewing::Mood;
use crate::request::{Request, Tokens};
use support::{Last, Verdict, dying};

async fn code(fixture: &Fixture, scope: &str) -> String {
    Browser::new(fixture).logs_in(&native(scope)).await["code"].clone()
}

async fn redeem(fixture: &Fixture, request: Request) -> Result<Tokens, String> {
    let response = fixture.send(request).await;
    if response.status == 200 { Ok(response.tokens()) } else { Err(response.refusal().1.to_owned()) }
}

fn refused() -> Result<Tokens, String> {
    Err("invalid_grant".to_owned())
}

/// Logouts that reached the back end.
fn logouts(fixture: &Fixture) -> usize {
    fixture.legacy.recorded().iter().filter(|request| request.target == "/logout").count()
}

async fn sweep(fixture: &Fixture) -> Result<serde_json::Value, String> {
    let event = json!({ "log_out_lapsed_logins": {} });
    gateway_renewal::handle(Ok(&fixture.renewal()), event).await.map_err(|failure| failure.to_string())
}

/// Abuse case J2; checklist G-18, O-06: a second use with the right proof ends what the first one made.
#[tokio::test]
async fn a_code_is_redeemed_once_and_a_second_use_ends_its_session() {
    let fixture = Fixture::new().await;
    let code = code(&fixture, "vault:read").await;
    let first = redeem(&fixture, redemption("native", &code, &[])).await.unwrap();
    assert!(fixture.calls(&first.access).await);
    assert_eq!(redeem(&fixture, redemption("native", &code, &[])).await, refused());
    assert!(!fixture.calls(&first.access).await);
    assert_eq!(fixture.refresh("native", &first.refresh).await.status, 400);
    assert_eq!(logouts(&fixture), 1, "and at the legacy system");
}

/// A lost response logs nobody out: the same attempt gets the same tokens for a minute.
#[tokio::test]
async fn the_same_attempt_gets_the_same_tokens_for_a_minute() {
    let fixture = Fixture::new().await;
    let code = code(&fixture, NOTES).await;
    let attempt = |key: &str| redemption("native", &code, &[]).header("Idempotency-Key", key);
    let first = redeem(&fixture, attempt("one")).await.unwrap();
    fixture.clock.forward(59);
    let again = redeem(&fixture, attempt("one")).await.unwrap();
    assert_eq!(first.refresh, again.refresh);
    assert!(fixture.calls(&again.access).await);
    fixture.clock.forward(1);
    assert_eq!(redeem(&fixture, attempt("one")).await, refused());
    assert!(fixture.calls(&first.access).await, "a late copy of the client's own request is no theft");
    assert_eq!(redeem(&fixture, attempt("two")).await, refused());
    assert!(!fixture.calls(&first.access).await);
}

/// Once refreshed, the application has had the response: its code gives nothing more, and costs it nothing.
#[tokio::test]
async fn a_repetition_after_a_refresh_is_refused_and_the_session_lives() {
    let fixture = Fixture::new().await;
    let code = code(&fixture, NOTES).await;
    let attempt = redemption("native", &code, &[]).header("Idempotency-Key", "one");
    let tokens = redeem(&fixture, attempt.clone()).await.unwrap();
    let newer = fixture.refresh("native", &tokens.refresh).await.tokens();
    assert_eq!(redeem(&fixture, attempt).await, refused());
    assert_eq!(fixture.refresh("native", &newer.refresh).await.status, 200);
}

/// Abuse cases J2, J3; checklist G-16, G-17, K-01, K-05, O-05: whoever intercepts a code can neither redeem it nor take it
/// from its owner.
#[tokio::test]
async fn a_code_without_its_proof_gives_nothing_and_stays_good() {
    let fixture = Fixture::new().await;
    let code = code(&fixture, NOTES).await;
    let other_verifier = "x".repeat(43);
    let wrong: [&[(&str, &str)]; 7] = [
        &[("code_verifier", &other_verifier)],
        &[("code_verifier", "")],
        &[("code_verifier", "short")],
        &[("redirect_uri", "http://127.0.0.1/cb")],
        &[("client_id", "third")],
        &[("code", "mgc_x")],
        &[("code", &code[..code.len() - 1])],
    ];
    for changes in wrong {
        assert_eq!(redeem(&fixture, redemption("native", &code, changes)).await, refused(), "{changes:?}");
    }
    let without = redemption("native", &code, &[("code", "")]);
    assert_eq!(redeem(&fixture, without).await, Err("invalid_request".to_owned()));
    // The verifier proves more than the address, which OAuth 2.1 no longer wants here.
    assert!(redeem(&fixture, redemption("native", &code, &[("redirect_uri", "")])).await.is_ok());
}

/// Abuse case J2; checklist G-19.
#[tokio::test]
async fn a_code_lives_for_a_minute() {
    let fixture = Fixture::new().await;
    let (in_time, late) = (code(&fixture, NOTES).await, code(&fixture, NOTES).await);
    fixture.clock.forward(59);
    assert!(redeem(&fixture, redemption("native", &in_time, &[])).await.is_ok());
    fixture.clock.forward(1);
    assert_eq!(redeem(&fixture, redemption("native", &late, &[])).await, refused());
}

/// Checklist K-06, K-07: a confidential client that is exempt from PKCE may still use it, and then has to.
#[tokio::test]
async fn a_confidential_client_proves_itself_by_its_secret() {
    let fixture = Fixture::new().await;
    let uri = "https://web.example/cb";
    let without = [("code_challenge", ""), ("code_challenge_method", "")];
    let plain = Browser::new(&fixture).logs_in(&asking("web", uri, NOTES, &without)).await["code"].clone();
    let fields: &[(&str, &str)] = &[("client_id", ""), ("redirect_uri", uri), ("code_verifier", "")];
    let redeem_as = |secret: &str| redemption("web", &plain, fields).basic("web", secret);
    assert_eq!(fixture.send(redeem_as("wrong")).await.refusal(), (401, "invalid_client"));
    let stray = redemption("web", &plain, &[("client_id", ""), ("redirect_uri", uri)]).basic("web", SECRET);
    assert_eq!(fixture.send(stray).await.refusal(), (400, "invalid_grant"), "a verifier without a challenge");
    let no_uri = redemption("web", &plain, &[("client_id", ""), ("redirect_uri", ""), ("code_verifier", "")]);
    assert_eq!(fixture.send(no_uri.basic("web", SECRET)).await.refusal(), (400, "invalid_grant"));
    assert_eq!(fixture.send(redeem_as(SECRET)).await.status, 200);
    let proved = Browser::new(&fixture).logs_in(&asking("web", uri, NOTES, &[])).await["code"].clone();
    let fields: &[(&str, &str)] = &[("client_id", ""), ("redirect_uri", uri), ("code_verifier", "")];
    let unproved = redemption("web", &proved, fields).basic("web", SECRET);
    assert_eq!(fixture.send(unproved).await.refusal(), (400, "invalid_grant"));
    let fields: &[(&str, &str)] = &[("client_id", ""), ("redirect_uri", uri), ("code_verifier", VERIFIER)];
    assert_eq!(fixture.send(redemption("web", &proved, fields).basic("web", SECRET)).await.status, 200);
}

/// The function dies at every write of a redemption: the same attempt finishes it.
#[tokio::test]
async fn a_redemption_that_dies_is_finished_by_the_same_attempt() {
    for most in 0..10 {
        for last in [Last::Unanswered, Last::Answered] {
            let fixture = Fixture::new().await;
            let request =
                redemption("native", &code(&fixture, "vault:read").await, &[]).header("Idempotency-Key", "one");
            fixture.wire.script(dying(most, last));
            let response = send(&fixture.container(), request.clone()).await;
            fixture.wire.calm();
            if response.status == 200 && matches!(last, Last::Answered) {
                assert_eq!(most, 4, "redeemed, written, live, handed over");
                return;
            }
            assert!(response.status == 503 || response.status == 200, "{most} {}", response.text);
            let tokens = redeem(&fixture, request).await.unwrap_or_else(|error| panic!("{most} {last:?}: {error}"));
            assert!(fixture.calls(&tokens.access).await, "{most} {last:?}");
            assert_eq!(fixture.refresh("native", &tokens.refresh).await.status, 200);
            fixture.clock.forward(600);
            sweep(&fixture).await.unwrap();
            assert_eq!(fixture.vault.ends(), 0, "the session keeps its internal token");
        }
    }
    panic!("a redemption has no end");
}

/// Of many attempts at once, one session comes; repetitions of one attempt all get its tokens.
#[tokio::test]
async fn concurrent_repetitions_of_one_attempt_share_one_session() {
    let fixture = Fixture::new().await;
    let request = redemption("native", &code(&fixture, "vault:read").await, &[]).header("Idempotency-Key", "one");
    let containers: Vec<_> = (0..8).map(|_| fixture.container()).collect();
    let all = futures_util::future::join_all(containers.iter().map(|container| send(container, request.clone())));
    let tokens: Vec<_> = all.await.into_iter().map(|response| response.tokens().refresh).collect();
    assert!(tokens.iter().all(|token| *token == tokens[0]));
    assert_eq!(fixture.sessions_of("u_alice", "native").await, 1);
}

/// Redemption reads again what may have changed since the login.
#[tokio::test]
async fn a_code_gives_nothing_after_its_user_was_disabled() {
    let fixture = Fixture::new().await;
    let alice = UserId::parse("u_alice").unwrap();
    let code = code(&fixture, "vault:read").await;
    fixture.db.store.users.change_credentials(&alice, None, false).await.unwrap();
    assert_eq!(redeem(&fixture, redemption("native", &code, &[])).await, refused());
    assert_eq!(fixture.sessions_of("u_alice", "native").await, 0);
    assert_eq!(fixture.vault.ends(), 1, "its session at the legacy system is over");
}

/// A login that nobody finishes is logged out of the legacy systems; one that was finished is not.
#[tokio::test]
async fn a_code_that_is_never_redeemed_is_logged_out_when_it_has_lapsed() {
    let fixture = Fixture::new().await;
    let (kept, lost) = (code(&fixture, "vault:read").await, code(&fixture, "vault:read").await);
    let tokens = redeem(&fixture, redemption("native", &kept, &[])).await.unwrap();
    fixture.clock.forward(59);
    sweep(&fixture).await.unwrap();
    assert_eq!(fixture.vault.ends(), 0, "it may still be redeemed");
    fixture.clock.forward(1);
    fixture.vault.is(Mood::IsDown);
    assert!(sweep(&fixture).await.unwrap_err().contains("could not be ended"));
    fixture.vault.is(Mood::Renews);
    sweep(&fixture).await.unwrap();
    assert_eq!(fixture.vault.ends(), 1);
    fixture.clock.forward(120);
    sweep(&fixture).await.unwrap();
    assert_eq!(fixture.vault.ends(), 1, "once, and not that of the session");
    assert_eq!(redeem(&fixture, redemption("native", &lost, &[])).await, refused());
    assert_eq!(fixture.refresh("native", &tokens.refresh).await.status, 200);
    let sid = SessionId::parse(kept["mgc_".len()..].split('.').next().unwrap()).unwrap();
    assert!(fixture.db.store.pending.get(&sid).await.unwrap().unwrap().tokens.is_empty(), "they are the session's");
    fixture.wire.since_last();
    sweep(&fixture).await.unwrap();
    assert_eq!(fixture.wire.since_last(), ["Scan PendingSessions"; 2], "nothing is left to do");
}

/// A redemption that died behind the session's write gave nobody a token: what there is of it ends.
#[tokio::test]
async fn a_redemption_that_nobody_finishes_is_ended_and_logged_out() {
    for most in 1..4 {
        let fixture = Fixture::new().await;
        let request = redemption("native", &code(&fixture, "vault:read").await, &[]);
        fixture.wire.script(dying(most, Last::Answered));
        assert_eq!(send(&fixture.container(), request).await.status, 503, "{most}");
        fixture.wire.calm();
        fixture.clock.forward(119);
        sweep(&fixture).await.unwrap();
        assert_eq!(fixture.vault.ends(), 0, "{most}: the attempt may be repeated, or still be under way");
        fixture.clock.forward(1);
        sweep(&fixture).await.unwrap();
        assert_eq!(fixture.vault.ends(), 1, "{most}");
        assert_eq!(fixture.sessions_of("u_alice", "native").await, 0, "{most}");
    }
}

/// Two uses of one code at the same moment, stopped before each of the first one's operations in turn: whatever the first has
/// done, no token of it works once the second was told.
#[tokio::test]
async fn a_second_use_at_any_moment_of_the_first_ends_the_session() {
    for before in 1..12 {
        let fixture = Fixture::new().await;
        let request = redemption("native", &code(&fixture, "vault:read").await, &[]);
        let (first, second) = (fixture.container(), fixture.container());
        let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
        let (mut seen, held) = (0, gate.clone());
        fixture.wire.script(move |_| {
            seen += 1;
            if seen == before { Verdict::Hold(held.clone()) } else { Verdict::Forward }
        });
        let uses = futures_util::future::join(send(&first, request.clone()), async {
            // The first is held by now, or done.
            for _ in 0..50 {
                tokio::task::yield_now().await;
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
            let response = send(&second, request.clone()).await;
            gate.add_permits(1);
            response
        });
        let (first, second) = Box::pin(uses).await;
        fixture.wire.calm();
        let given: Vec<_> = [&first, &second].into_iter().filter(|response| response.status == 200).collect();
        assert!(given.len() <= 1, "{before}");
        for response in given {
            let other = if response.status == first.status { &second } else { &first };
            if other.status == 400 {
                let tokens = response.tokens();
                assert!(!fixture.calls(&tokens.access).await, "before operation {before}");
                assert_eq!(fixture.refresh("native", &tokens.refresh).await.status, 400, "before operation {before}");
            }
        }
    }
}

/// A legacy system that does not take the logout keeps no other from being told.
#[tokio::test]
async fn one_system_that_is_down_does_not_keep_the_others_from_being_told() {
    let fixture = Fixture::new().await;
    for _ in 0..3 {
        code(&fixture, "vault:read").await;
        code(&fixture, "orders:read").await;
    }
    fixture.clock.forward(60);
    fixture.vault.is(Mood::IsDown);
    assert!(sweep(&fixture).await.unwrap_err().contains("3 legacy sessions"));
    assert_eq!(logouts(&fixture), 3);
}
