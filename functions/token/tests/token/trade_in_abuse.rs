//! What somebody could try with refresh tokens of another issuer, each with a harmless twin.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use gateway_domain::ids::{IssuerName, UserId};
use serde_json::{Value, json};
use support::{Last, Manner, OldIssuer, Verdict, dying};
use tokio::sync::Semaphore;

use crate::fixture::{Fixture, NOTES, SECRET, login, refresh, send};
use crate::old_issuer::{configured, old_issuer, trade};
use crate::request::post;

const REFUSED: (u64, &str) = (400, "invalid_grant");
const LATER: (u64, &str) = (503, "temporarily_unavailable");
const DAY: i64 = 86_400;
/// The end of the last day of these tests, 2027-06-30.
const UNTIL: i64 = 1_814_400_000;

async fn stage() -> (Fixture, OldIssuer) {
    let mut fixture = Fixture::new().await;
    let issuer = old_issuer(&mut fixture).await;
    (fixture, issuer)
}

/// Abuse case N1.
#[tokio::test]
async fn what_is_ours_is_sent_to_no_other_issuer() {
    let (fixture, issuer) = stage().await;
    let theirs = fixture.login("pub2", NOTES).await;
    let mine = fixture.login("pub1", NOTES).await;
    let most = [theirs.refresh.as_str(), &format!("{}x", mine.refresh), "mgr_x.1.y", "mgc_abc.def", &mine.access];
    // A device secret, the secret of a client, and our access token as somebody spells it who decodes leniently.
    let padded = format!("{}==", mine.access);
    for ours in most.into_iter().chain(["mgd_x.y", "mgs_0123", "mgt_0123", &padded]) {
        assert_eq!(fixture.refresh("pub1", ours).await.refusal(), REFUSED, "{ours}");
    }
    assert!(issuer.asked().is_empty());
    assert_eq!(fixture.refresh("pub2", &theirs.refresh).await.status, 200, "the other app's goes on");
    assert_eq!(fixture.send(trade("pub1", &issuer.issue("u_alice"))).await.status, 200, "the twin");
}

/// Abuse case N2: neither another application nor somebody who says to be one.
#[tokio::test]
async fn only_a_mapped_client_that_authenticated_trades_in() {
    let (fixture, issuer) = stage().await;
    let old = issuer.issue("u_alice");
    assert_eq!(fixture.send(trade("pub2", &old)).await.refusal(), REFUSED);
    let confidential = |secret: &str| {
        post("/oauth2/token", &[("grant_type", "refresh_token"), ("refresh_token", &old)]).basic("conf1", secret)
    };
    assert_eq!(fixture.send(confidential("wrong")).await.refusal(), (401, "invalid_client"));
    assert_eq!(fixture.send(trade("login-only", &old)).await.refusal(), (400, "unauthorized_client"));
    assert!(issuer.asked().is_empty());
    assert_eq!(fixture.send(confidential(SECRET)).await.status, 200, "the twin");
    assert_eq!(fixture.send(trade("pub1", &old)).await.refusal(), REFUSED, "it is that application's now");
    assert_eq!(issuer.asked().len(), 1);
}

/// Abuse case N3: of another client it is refused; of whom it is cannot be told where it does not verify, and the phone comes again.
#[tokio::test]
async fn an_id_token_of_another_issuer_client_or_kind_logs_nobody_in() {
    let (fixture, issuer) = stage().await;
    let claims = |claims: Value| Manner::Claims(claims);
    let of_another_client = [
        claims(json!({ "aud": "other" })),
        claims(json!({ "aud": ["shop", "other"] })),
        claims(json!({ "azp": "other" })),
    ];
    let unverified = [
        claims(json!({ "iss": "https://other.example" })),
        claims(json!({ "exp": 1 })),
        claims(json!({ "exp": null })),
        claims(json!({ "iat": fixture.now().as_secs() + 1_000 })),
        Manner::Header(json!({ "alg": "none" })),
        Manner::Header(json!({ "alg": "HS256", "kid": "one" })),
        Manner::Header(json!({ "alg": "RS256", "kid": "one" })),
        Manner::Header(json!({ "alg": "ES256", "kid": "one", "typ": "at+jwt" })),
        Manner::Header(json!({ "alg": "ES256", "kid": "other" })),
        Manner::Forged,
    ];
    let expected = of_another_client.map(|manner| (manner, REFUSED)).into_iter();
    for (manner, refused) in expected.chain(unverified.map(|manner| (manner, LATER))) {
        issuer.behaves(manner.clone());
        assert_eq!(fixture.send(trade("pub1", &issuer.issue("u_alice"))).await.refusal(), refused, "{manner:?}");
    }
    assert_eq!(fixture.sessions_of("u_alice", "pub1").await, 0);
    issuer.behaves(Manner::Right);
    assert_eq!(fixture.send(trade("pub1", &issuer.issue("u_alice"))).await.status, 200, "the twin");
}

/// Abuse case N4.
#[tokio::test]
async fn an_address_logs_nobody_in() {
    let (fixture, issuer) = stage().await;
    // The claim `email` is alice's here, in whatever token.
    for subject in ["stranger", "alice@example.com", "app:pub1", "device:x", "u_alice\n", "é"] {
        let response = fixture.send(trade("pub1", &issuer.issue(subject))).await;
        assert_eq!(response.refusal(), REFUSED, "{subject:?}");
    }
    issuer.behaves(Manner::Claims(json!({ "sub": null })));
    assert_eq!(fixture.send(trade("pub1", &issuer.issue("u_alice"))).await.refusal(), REFUSED);
    assert_eq!(fixture.sessions_of("u_alice", "pub1").await, 0);
    issuer.behaves(Manner::Claims(json!({ "email": "nobody@example.com" })));
    assert_eq!(fixture.send(trade("pub1", &issuer.issue("u_alice"))).await.status, 200, "the twin: by the subject");
}

/// Abuse case N5.
#[tokio::test]
async fn of_many_at_once_in_several_containers_one_asks_and_all_get_one_session() {
    let (fixture, issuer) = stage().await;
    let old = issuer.issue("u_alice");
    let containers = [fixture.container(), fixture.container()];
    let all = join_all((0..8).map(|at| send(&containers[at % 2], trade("pub1", &old)))).await;
    let pairs: Vec<_> = all.iter().filter(|response| response.status == 200).map(|one| one.tokens().refresh).collect();
    assert!(!pairs.is_empty() && pairs.iter().all(|pair| *pair == pairs[0]), "{all:?}");
    for waits in all.iter().filter(|response| response.status != 200) {
        assert_eq!(waits.refusal(), (503, "temporarily_unavailable"), "it comes again");
    }
    assert_eq!((issuer.asked().len(), fixture.sessions_of("u_alice", "pub1").await), (1, 1));
    let [one, other] = ["u_alice", "u_bob"].map(|subject| issuer.issue(subject));
    let twins =
        join_all([send(&containers[0], trade("pub1", &one)), send(&containers[1], trade("pub1", &other))]).await;
    assert_ne!(twins[0].tokens().refresh, twins[1].tokens().refresh, "the twin: two tokens");
}

/// Abuse case N6.
#[tokio::test]
async fn a_thief_who_comes_later_gets_nothing_and_is_noticed() {
    let (fixture, issuer) = stage().await;
    issuer.keeps_tokens();
    let old = issuer.issue("u_alice");
    let phone = fixture.send(trade("pub1", &old).header("Idempotency-Key", "phone")).await.tokens();
    fixture.clock.forward(301);
    let thief = async || fixture.send(trade("pub1", &old).header("Idempotency-Key", "thief")).await;
    assert_eq!(thief().await.refusal(), REFUSED);
    let next = fixture.refresh("pub1", &phone.refresh).await.tokens();
    assert!(fixture.calls(&next.access).await, "a late copy ends nothing");
    fixture.clock.forward(1_000);
    assert_eq!(thief().await.refusal(), REFUSED);
    assert!(!fixture.calls(&next.access).await, "but so long after, it is reuse: as of a refresh token of ours");
    assert_eq!(fixture.refresh("pub1", &next.refresh).await.refusal(), REFUSED);
    // Neither is the end undone by the old token, though its issuer takes it still.
    fixture.clock.forward(700_000);
    assert_eq!(fixture.send(trade("pub1", &old)).await.refusal(), REFUSED);
    assert_eq!((issuer.asked().len(), fixture.sessions_of("u_alice", "pub1").await), (1, 0));
}

/// Abuse case N6: an issuer that decodes leniently would take each of them, and each would be a session.
#[tokio::test]
async fn a_jwt_in_another_spelling_is_no_second_token() {
    let (fixture, issuer) = stage().await;
    issuer.keeps_tokens();
    let header = "eyJhbGciOiJIUzUxMiJ9";
    let old = format!("{header}.e30.-w");
    for spelling in ["+w", "-w=", "-w==", "-x", "-w.", "-w.."].map(|signature| format!("{header}.e30.{signature}")) {
        issuer.issue_as(&spelling, "u_alice");
        assert_eq!(fixture.send(trade("pub1", &spelling)).await.refusal(), REFUSED, "{spelling}");
    }
    assert_eq!((issuer.asked().len(), fixture.sessions_of("u_alice", "pub1").await), (0, 0));
    issuer.issue_as(&old, "u_alice");
    assert_eq!(fixture.send(trade("pub1", &old)).await.status, 200, "the twin: as it was issued");
}

/// Abuse case N6: a logout is one, whatever the phone still has.
#[tokio::test]
async fn a_logout_is_not_undone_by_the_old_token() {
    let (fixture, issuer) = stage().await;
    issuer.keeps_tokens();
    let old = issuer.issue("u_alice");
    let phone = fixture.send(trade("pub1", &old)).await.tokens();
    let revoke = post("/oauth2/revoke", &[("client_id", "pub1"), ("token", &phone.refresh)]);
    assert_eq!(fixture.send(revoke).await.status, 200);
    assert_eq!(fixture.send(trade("pub1", &old)).await.refusal(), REFUSED);
    assert_eq!(fixture.send(login("alice", "pub1", NOTES)).await.status, 200, "the twin: a login");
}

/// Abuse case N6: whoever revokes the token that the phone had ends what it became, and nobody else does.
#[tokio::test]
async fn revoking_the_old_token_ends_the_session_that_it_became() {
    let (fixture, issuer) = stage().await;
    issuer.keeps_tokens();
    let (old, unused) = (issuer.issue("u_alice"), issuer.issue("u_bob"));
    let phone = fixture.send(trade("pub1", &old)).await.tokens();
    let revoke = |client: &str, token: &str| post("/oauth2/revoke", &[("client_id", client), ("token", token)]);
    for (client, token) in [("pub2", old.as_str()), ("oidc", &old), ("pub1", &unused), ("pub1", "nothing of anybody")] {
        let response = fixture.send(revoke(client, token)).await;
        assert_eq!((response.status, response.text.as_str()), (200, "{}"), "{client}");
        assert!(fixture.calls(&phone.access).await, "{client}: the twin");
    }
    assert_eq!(issuer.asked().len(), 1, "nobody is asked for it");
    assert_eq!(
        fixture.send(trade("pub1", &unused)).await.status,
        200,
        "what is no session yet is revoked at its issuer"
    );
    fixture.wire.since_last();
    fixture.send(revoke("pub2", "nothing of anybody")).await;
    assert_eq!(fixture.wire.since_last(), ["GetItem Apps"]);
    fixture.send(revoke("pub1", "nothing of anybody")).await;
    assert_eq!(fixture.wire.since_last(), ["GetItem Apps", "GetItem Sessions"], "one read where an issuer is mapped");
    for _ in 0..2 {
        let response = fixture.send(revoke("pub1", &old)).await;
        assert_eq!((response.status, response.text.as_str()), (200, "{}"));
        assert!(!fixture.calls(&phone.access).await);
    }
    assert_eq!(fixture.refresh("pub1", &phone.refresh).await.refusal(), REFUSED);
    assert_eq!(fixture.send(trade("pub1", &old)).await.refusal(), REFUSED);
}

/// Abuse case N6: a phone whose login at the legacy systems takes long, or whose function has died, is logged out before its session begins.
#[tokio::test]
async fn a_session_that_is_named_and_revoked_never_begins() {
    let (fixture, issuer) = stage().await;
    issuer.keeps_tokens();
    let revoke = |token: &str| post("/oauth2/revoke", &[("client_id", "pub1"), ("token", token)]);
    let [old, twin] = ["u_alice", "u_bob"].map(|subject| issuer.issue(subject));
    for token in [&old, &twin] {
        // The counter, the lease, the answer, the counter, and which session it becomes.
        fixture.wire.script(dying(5, Last::Answered));
        assert_eq!(fixture.send(trade("pub1", token)).await.status, 503);
        fixture.wire.calm();
    }
    for _ in 0..2 {
        assert_eq!(fixture.send(revoke(&old)).await.status, 200);
        assert_eq!(fixture.send(trade("pub1", &old)).await.refusal(), REFUSED);
    }
    assert_eq!(fixture.sessions_of("u_alice", "pub1").await, 0);
    assert_eq!(fixture.send(trade("pub1", &twin)).await.status, 200, "the twin");

    // The same while the session is about to be written.
    let old = issuer.issue("u_alice");
    let (gate, mut written) = (Arc::new(Semaphore::new(0)), 0);
    let held = Arc::clone(&gate);
    fixture.wire.since_last();
    fixture.wire.script(move |operation| {
        written += u32::from(operation.is("PutItem", "Sessions"));
        let is_first = written == 1 && operation.is("PutItem", "Sessions");
        if is_first { Verdict::Hold(Arc::clone(&held)) } else { Verdict::Forward }
    });
    let container = fixture.container();
    let revoked = async {
        while !fixture.wire.seen("PutItem", "Sessions") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let revoked = send(&container, revoke(&old)).await;
        gate.add_permits(1);
        revoked
    };
    let (traded, revoked) = tokio::join!(fixture.send(trade("pub1", &old)), revoked);
    fixture.wire.calm();
    assert_eq!((traded.refusal(), revoked.status), (REFUSED, 200));
    assert_eq!(fixture.send(trade("pub1", &old)).await.refusal(), REFUSED);
    assert_eq!(fixture.sessions_of("u_alice", "pub1").await, 0);
}

/// Abuse case N6: the operator gives phones more time, and what has become of tokens before is known still.
#[tokio::test]
async fn a_later_last_day_lets_no_ended_session_begin_again() {
    let mut fixture = Fixture::new().await;
    let issuer = configured(&mut fixture, "subject", "until: 2027-01-15,").await;
    issuer.keeps_tokens();
    let (old, unused) = (issuer.issue("u_alice"), issuer.issue("u_bob"));
    let phone = fixture.send(trade("pub1", &old)).await.tokens();
    let revoke = post("/oauth2/revoke", &[("client_id", "pub1"), ("token", &phone.refresh)]);
    assert_eq!(fixture.send(revoke).await.status, 200);
    fixture.swept();
    fixture.clock.forward(300 * DAY);
    issuer.is_at(fixture.now().as_secs());
    let later = fixture.container_with(|config| config.replace("until: 2027-01-15", "until: 2027-12-31"));
    assert_eq!(send(&later, trade("pub1", &old)).await.refusal(), REFUSED);
    assert_eq!(fixture.sessions_of("u_alice", "pub1").await, 0);
    assert_eq!(send(&later, trade("pub1", &unused)).await.status, 200, "the twin");
}

/// Abuse case N7: what no issuer has answered is forgotten after a day, and nothing of what it has is.
#[tokio::test]
async fn texts_of_nobody_are_not_kept() {
    let (fixture, issuer) = stage().await;
    for manner in [Manner::Right, Manner::Says(503, String::new()), Manner::Says(401, String::new())] {
        issuer.behaves(manner);
        for _ in 0..2 {
            assert_ne!(fixture.send(trade("pub1", "a text of nobody")).await.status, 200);
            assert_eq!(fixture.trade_ins_kept("sid").await, [fixture.now().as_secs() + DAY]);
            fixture.clock.forward(100);
        }
    }
    issuer.behaves(Manner::Right);
    let unknown = issuer.issue("u_carol");
    issuer.is_at(fixture.now().as_secs());
    // Also after it was looked at again, and after what it was asked again with was refused.
    for refuses in [false, false, true] {
        if refuses {
            fixture.clock.forward(1_000);
            issuer.behaves(Manner::Says(400, json!({ "error": "invalid_grant" }).to_string()));
        }
        assert_eq!(fixture.send(trade("pub1", &unknown)).await.refusal(), REFUSED);
        assert_eq!(fixture.trade_ins_kept("answer").await, [UNTIL + DAY], "the twin: an answer");
    }
    issuer.behaves(Manner::Right);
    issuer.is_at(fixture.now().as_secs());
    fixture.send(trade("pub1", &issuer.issue("u_alice"))).await.tokens();
    assert_eq!(fixture.trade_ins_kept("traded").await, [UNTIL + 366 * DAY], "the twin: a session");
}

/// Abuse case N7.
#[tokio::test]
async fn guesses_do_not_flood_the_issuer() {
    let (fixture, issuer) = stage().await;
    let guess = |number: usize| trade("pub1", &format!("guess-{number}"));
    for number in 0..20 {
        assert_eq!(fixture.send(guess(number)).await.refusal(), REFUSED, "{number}");
    }
    let limited = fixture.send(guess(20)).await;
    assert_eq!((limited.refusal(), limited.header("Retry-After").is_some()), ((429, "too_many_requests"), true));
    assert_eq!(issuer.asked().len(), 20);
    assert_eq!(fixture.send(guess(0)).await.status, 429, "also what was refused before");
    let elsewhere = trade("pub1", &issuer.issue("u_alice")).from("203.0.113.77");
    assert_eq!(fixture.send(elsewhere).await.status, 200, "phones elsewhere do not wait");
    // Whoever has many addresses stops nobody but those.
    let counters = fixture.dump().await;
    assert!(counters.contains("trade-ins-from#") && !counters.contains("trade-ins-of#"), "{counters}");
    let ours = fixture.login("pub1", NOTES).await;
    assert_eq!(fixture.refresh("pub1", &ours.refresh).await.status, 200, "nor do tokens of ours");
    fixture.clock.forward(61);
    assert_eq!(fixture.send(trade("pub1", &issuer.issue("u_alice"))).await.status, 200, "nor for long");
}

/// Abuse case N7: an issuer that refuses in words of its own is guarded as well.
#[tokio::test]
async fn guesses_that_the_issuer_does_not_call_guesses_are_counted() {
    let (fixture, issuer) = stage().await;
    let guess = |number: usize| trade("pub1", &format!("guess-{number}"));
    issuer.behaves(Manner::Says(503, String::new()));
    for number in 0..30 {
        assert_eq!(fixture.send(guess(number)).await.status, 503, "{number}: the twin, an issuer that is down");
    }
    issuer.behaves(Manner::Says(400, json!({ "error": "invalid_request" }).to_string()));
    for number in 0..20 {
        assert_eq!(fixture.send(guess(number)).await.status, 503, "{number}");
    }
    assert_eq!(fixture.send(guess(20)).await.refusal(), (429, "too_many_requests"));
    assert_eq!(issuer.asked().len(), 50);
}

/// Abuse case N7: an issuer that wants to be asked less is asked less by whoever asks so often.
#[tokio::test]
async fn an_issuer_that_is_asked_too_often_is_asked_less() {
    let (fixture, issuer) = stage().await;
    issuer.behaves(Manner::Says(429, String::new()));
    for number in 0..20 {
        assert_eq!(fixture.send(trade("pub1", &format!("guess-{number}"))).await.refusal(), LATER, "{number}");
    }
    assert_eq!(fixture.send(trade("pub1", "guess-20")).await.refusal(), (429, "too_many_requests"));
    assert_eq!(issuer.asked().len(), 20);
    let elsewhere = trade("pub1", &issuer.issue("u_alice")).from("203.0.113.77");
    issuer.behaves(Manner::Right);
    assert_eq!(fixture.send(elsewhere).await.status, 200, "the twin");
}

/// Abuse case N7: the twin, a house full of phones.
#[tokio::test]
async fn phones_that_share_an_address_do_not_wait_for_each_other() {
    let (fixture, issuer) = stage().await;
    for number in 0..30 {
        let response = fixture.send(trade("pub1", &issuer.issue("u_alice"))).await;
        assert_eq!(response.status, 200, "{number}: {}", response.text);
    }
}

/// Abuse case N8: to disable ends what the issuer knew; to enable brings back logins alone.
#[tokio::test]
async fn a_disabled_user_gets_nothing_and_logs_in_when_enabled() {
    let (fixture, issuer) = stage().await;
    let old = issuer.issue("u_dora");
    assert_eq!(fixture.send(trade("pub1", &old)).await.refusal(), REFUSED);
    assert_eq!(fixture.sessions_of("u_dora", "pub1").await, 0);
    let [dora, bob] = ["u_dora", "u_bob"].map(|id| UserId::parse(id).unwrap());
    fixture.db.store.users.change_credentials(&dora, None, true).await.unwrap();
    assert_eq!(fixture.send(trade("pub1", &old)).await.refusal(), REFUSED);
    assert_eq!(fixture.send(login("dora", "pub1", NOTES)).await.status, 200);
    let old = issuer.issue("u_bob");
    let tokens = fixture.send(trade("pub1", &old)).await.tokens();
    fixture.db.store.users.change_credentials(&bob, None, false).await.unwrap();
    assert_eq!(fixture.send(trade("pub1", &old)).await.refusal(), REFUSED, "nor is it served again");
    assert_eq!(fixture.send(refresh("pub1", &tokens.refresh)).await.refusal(), REFUSED);
}

/// Abuse case N8: whoever had the account at the issuer, unproved, and whoever has stolen the phone's token is shut out by a reset.
#[tokio::test]
async fn a_new_password_ends_what_the_issuer_knew() {
    for users in ["subject", "links"] {
        let mut fixture = Fixture::new().await;
        let issuer = configured(&mut fixture, users, "").await;
        let (name, store) = (IssuerName::parse("old").unwrap(), &fixture.db.store.users);
        let [alice, bob] = ["u_alice", "u_bob"].map(|id| UserId::parse(id).unwrap());
        for user in [&alice, &bob] {
            assert!(users == "subject" || store.link_to_issuer(user, &name, user.as_str()).await.unwrap());
        }
        let [old, bobs] = ["u_alice", "u_bob"].map(|subject| issuer.issue(subject));
        let new = store.get(&bob).await.unwrap().unwrap().password.unwrap();
        store.change_credentials(&alice, Some(&new), true).await.unwrap();
        for _ in 0..2 {
            let refused = fixture.send(trade("pub1", &old)).await;
            assert_eq!(refused.refusal(), REFUSED, "{users}");
            assert!(refused.body["error_description"].as_str().unwrap().contains("log in"), "{}", refused.text);
        }
        assert_eq!(fixture.sessions_of("u_alice", "pub1").await, 0, "{users}");
        // The twins: a stronger hash of the same password is no new one; and an operator links anew.
        let hash = store.get(&bob).await.unwrap().unwrap().password.unwrap();
        store.rehash(&bob, &hash, &new).await.unwrap();
        assert_eq!(fixture.send(trade("pub1", &bobs)).await.status, 200, "{users}");
        assert_eq!(store.link_to_issuer(&alice, &name, "u_alice").await, Ok(true));
        assert_eq!(fixture.send(trade("pub1", &old)).await.status, 200, "{users}");
    }
}

/// Abuse case N8: the function dies before the session begins, and the password is another one when it could.
#[tokio::test]
async fn no_session_begins_under_a_new_password() {
    let (fixture, issuer) = stage().await;
    let [alices, bobs] = ["u_alice", "u_bob"].map(|subject| issuer.issue(subject));
    for old in [&alices, &bobs] {
        // The counter, the lease, the answer, the counter, and which session it becomes.
        fixture.wire.script(dying(5, Last::Answered));
        assert_eq!(fixture.send(trade("pub1", old)).await.status, 503);
        fixture.wire.calm();
    }
    let alice = UserId::parse("u_alice").unwrap();
    fixture.db.store.users.change_credentials(&alice, None, true).await.unwrap();
    assert_eq!(fixture.send(trade("pub1", &alices)).await.refusal(), REFUSED);
    assert_eq!(fixture.sessions_of("u_alice", "pub1").await, 0);
    assert_eq!(fixture.send(trade("pub1", &bobs)).await.status, 200, "the twin");
    assert_eq!(issuer.asked().len(), 2);
}

/// Abuse case N9: the clock of these tests begins at 2027-01-15T08:00:00Z. What was traded in by then is served a day longer, since a response
/// may have been lost.
#[tokio::test]
async fn after_the_last_day_nothing_is_traded_in() {
    let mut fixture = Fixture::new().await;
    let issuer = configured(&mut fixture, "subject", "until: 2027-01-15,").await;
    let unknown = issuer.issue("u_carol");
    assert_eq!(fixture.send(trade("pub1", &unknown)).await.refusal(), REFUSED);
    fixture.add_user("carol").await;
    fixture.clock.forward(16 * 3_600 - 1);
    issuer.is_at(fixture.now().as_secs());
    let early = |token: &str| trade("pub1", token).header("Idempotency-Key", "early");
    let (old, late) = (issuer.issue("u_alice"), issuer.issue("u_bob"));
    let tokens = fixture.send(early(&old)).await.tokens();
    fixture.clock.forward(1);
    for token in [&late, &unknown] {
        assert_eq!(fixture.send(trade("pub1", token)).await.refusal(), REFUSED);
    }
    assert_eq!(issuer.asked().len(), 2);
    for seconds in [0, DAY - 2] {
        fixture.clock.forward(seconds);
        assert_eq!(fixture.send(early(&old)).await.tokens().refresh, tokens.refresh, "after {seconds} s");
    }
    let revoke = post("/oauth2/revoke", &[("client_id", "pub1"), ("token", &late)]);
    assert_eq!(fixture.send(revoke).await.status, 200);
    assert_eq!(fixture.refresh("pub1", &tokens.refresh).await.status, 200, "the session goes on");
    fixture.clock.forward(2);
    fixture.wire.since_last();
    assert_eq!(fixture.send(early(&old)).await.refusal(), REFUSED);
    let looked = fixture.wire.since_last();
    assert_eq!(
        looked,
        ["GetItem Apps", "GetItem Sessions", "GetItem Activity"],
        "as for any text that is no token of ours"
    );
}
