//! Sessions that are bound to a key (RFC 9449 §5): who has a refresh token and not the key gets nothing, and changes nothing.

use futures_util::future::join_all;
use serde_json::json;
use support::{Last, dying};

use crate::dpop::{Keyed, NO_PROOF, bound_to};
use crate::fixture::{Fixture, NOTES, PASSWORD, login, refresh};
use crate::request::{Request, post};

const REFUSED: (u64, &str) = (400, "invalid_grant");
/// The window, and the time after it in which a late copy has no consequence.
const WINDOW: i64 = 300;
const LATE: i64 = 600;

/// The refresh of a token by whoever has it alone, with a key of their own and without.
async fn steal(fixture: &Fixture, token: &str) {
    for request in [refresh("pub1", token), refresh("pub1", token).header("Idempotency-Key", "one")] {
        let without = fixture.send(request.clone()).await;
        assert_eq!(without.refusal(), NO_PROOF);
        assert!(without.body["error_description"].as_str().unwrap().contains("header DPoP"), "what to do");
        assert_eq!(Keyed::new(fixture).send(request).await.refusal(), REFUSED);
    }
}

/// Abuse case F9; checklist D-13: at no time there is anything for a thief, who logs nobody out either.
#[tokio::test]
async fn a_refresh_token_is_worth_nothing_without_the_key() {
    let fixture = Fixture::new().await;
    let phone = Keyed::new(&fixture);
    let first = phone.send(login("alice", "pub1", NOTES)).await.tokens();
    steal(&fixture, &first.refresh).await;
    let second = phone.send(refresh("pub1", &first.refresh)).await.tokens();
    for seconds in [0, WINDOW, LATE, 50_000] {
        fixture.clock.forward(seconds);
        steal(&fixture, &first.refresh).await;
        steal(&fixture, &second.refresh).await;
    }
    fixture.wire.since_last();
    steal(&fixture, &second.refresh).await;
    let operations = fixture.wire.since_last();
    let writes = operations.iter().filter(|one| one.ends_with(" Sessions") && *one != "GetItem Sessions");
    assert_eq!(writes.count(), 0, "{operations:?}");
    let third = phone.send(refresh("pub1", &second.refresh)).await.tokens();
    steal(&fixture, &first.refresh).await;
    assert!(fixture.calls(&third.access).await, "the holder goes on");
    assert_eq!(phone.send(refresh("pub1", &third.refresh)).await.status, 200);
}

/// Abuse case F3: whoever proves the key needs no window.
#[tokio::test]
async fn the_holder_gets_a_lost_response_again_at_any_time() {
    let fixture = Fixture::new().await;
    let phone = Keyed::new(&fixture);
    let first = phone.send(login("alice", "pub1", NOTES)).await.tokens();
    let lost = phone.send(refresh("pub1", &first.refresh)).await.tokens();
    for seconds in [0, WINDOW + 1, LATE, 80_000] {
        fixture.clock.forward(seconds);
        let again = phone.send_to(&fixture.container(), refresh("pub1", &first.refresh)).await.tokens();
        assert_eq!(
            (again.refresh.as_str(), bound_to(&again.access)),
            (lost.refresh.as_str(), json!(phone.key.thumbprint()))
        );
        assert!(fixture.calls(&again.access).await);
    }
    // Once its successor was used, the token gives nothing, and that is all.
    let next = phone.send(refresh("pub1", &lost.refresh)).await.tokens();
    fixture.clock.forward(WINDOW + LATE + 1);
    assert_eq!(phone.send(refresh("pub1", &first.refresh)).await.refusal(), REFUSED);
    assert_eq!(phone.send(refresh("pub1", &next.refresh)).await.status, 200);
}

#[tokio::test]
async fn many_refreshes_of_the_holder_at_once_make_one_successor() {
    let fixture = Fixture::new().await;
    let phone = Keyed::new(&fixture);
    let first = phone.send(login("alice", "pub1", NOTES)).await.tokens();
    let containers: Vec<_> = (0..5).map(|_| fixture.container()).collect();
    let all = (0..20).map(|at| phone.send_to(&containers[at % 5], refresh("pub1", &first.refresh)));
    let tokens: Vec<_> = join_all(all).await.into_iter().map(|response| response.tokens().refresh).collect();
    assert!(tokens.iter().all(|token| *token == tokens[0] && *token != first.refresh));
}

/// Checklist D-12: an app that learns to prove its key needs no login for it.
#[tokio::test]
async fn a_session_is_bound_by_the_first_refresh_with_a_proof() {
    let fixture = Fixture::new().await;
    let phone = Keyed::new(&fixture);
    let first = fixture.login("pub1", NOTES).await;
    let second = phone.send(refresh("pub1", &first.refresh)).await;
    assert_eq!(second.body["token_type"], "DPoP");
    let second = second.tokens();
    let holder = fixture.session(&second.access).await.holder.unwrap();
    assert_eq!((holder.key.to_string(), holder.since), (phone.key.thumbprint(), 2));
    // The token of before was anybody's. Its window is over for all but the holder.
    assert_eq!(fixture.refresh("pub1", &first.refresh).await.refusal(), REFUSED);
    assert_eq!(Keyed::new(&fixture).send(refresh("pub1", &first.refresh)).await.refusal(), REFUSED);
    assert_eq!(phone.send(refresh("pub1", &first.refresh)).await.tokens().refresh, second.refresh, "a lost response");
    steal(&fixture, &second.refresh).await;
    let third = phone.send(refresh("pub1", &second.refresh)).await.tokens();
    assert_eq!(fixture.session(&third.access).await.holder.unwrap().since, 2);
    // The owner's use of it, long after, may be the sign that it was a thief who bound the session: it ends.
    fixture.clock.forward(WINDOW + LATE + 1);
    assert!(fixture.calls(&phone.send(refresh("pub1", &third.refresh)).await.tokens().access).await);
    assert_eq!(fixture.refresh("pub1", &first.refresh).await.refusal(), REFUSED);
    assert_eq!(phone.send(refresh("pub1", &third.refresh)).await.refusal(), REFUSED);
    assert_eq!(fixture.sessions_of("u_alice", "pub1").await, 0);
}

/// Of two keys that would bind one session at the same time, one does.
#[tokio::test]
async fn a_session_has_one_holder() {
    let fixture = Fixture::new().await;
    let phones: Vec<_> = (0..6).map(|_| Keyed::new(&fixture)).collect();
    let first = fixture.login("pub1", NOTES).await;
    let containers: Vec<_> = phones.iter().map(|_| fixture.container()).collect();
    let all = phones
        .iter()
        .zip(&containers)
        .map(|(phone, container)| phone.send_to(container, refresh("pub1", &first.refresh)));
    let responses = join_all(all).await;
    let served: Vec<_> = responses.iter().zip(&phones).filter(|(response, _)| response.status == 200).collect();
    let [(response, phone)] = served[..] else { panic!("{} keys", served.len()) };
    assert!(responses.iter().filter(|response| response.status != 200).all(|response| response.refusal() == REFUSED));
    assert_eq!(phone.send(refresh("pub1", &response.tokens().refresh)).await.status, 200);
}

/// A login of alice into the session of this refresh token.
fn again(token: &str) -> Request {
    let user = [("username", "alice@example.com"), ("password", PASSWORD), ("refresh_token", token)];
    post("/oauth2/token", &[&[("grant_type", "password"), ("client_id", "pub1")], &user[..]].concat())
}

/// Abuse case F9: not even with the password.
#[tokio::test]
async fn a_login_into_a_bound_session_takes_its_key() {
    let fixture = Fixture::new().await;
    let phone = Keyed::new(&fixture);
    let first = phone.send(login("alice", "pub1", NOTES)).await.tokens();
    assert_eq!(fixture.send(again(&first.refresh)).await.refusal(), NO_PROOF);
    assert_eq!(Keyed::new(&fixture).send(again(&first.refresh)).await.refusal(), REFUSED);
    let second = phone.send(again(&first.refresh)).await.tokens();
    assert_eq!(fixture.session(&second.access).await.family.generation, 2);
    // And it binds one that was not.
    let unbound = fixture.login("pub1", NOTES).await;
    let bound = phone.send(again(&unbound.refresh)).await.tokens();
    assert_eq!(fixture.session(&bound.access).await.holder.unwrap().since, 2);
}

/// The holder of a session that was served by a container which died goes on with any proof of the key.
#[tokio::test]
async fn a_container_that_dies_at_any_operation_costs_the_holder_nothing() {
    for most in 0..12 {
        let fixture = Fixture::new().await;
        let phone = Keyed::new(&fixture);
        let first = fixture.login("pub1", NOTES).await;
        fixture.wire.script(dying(most, Last::Unanswered));
        let response = phone.send_to(&fixture.container(), refresh("pub1", &first.refresh)).await;
        fixture.wire.calm();
        let tokens = phone.send(refresh("pub1", &first.refresh)).await.tokens();
        assert_eq!(phone.send(refresh("pub1", &tokens.refresh)).await.status, 200, "{most}");
        assert_eq!(fixture.refresh("pub1", &tokens.refresh).await.refusal(), NO_PROOF, "{most}");
        if response.status == 200 {
            return;
        }
    }
    panic!("a refresh has no end");
}
