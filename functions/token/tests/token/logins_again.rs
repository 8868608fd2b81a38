//! A login into a session that is there: new internal tokens, the same session, and the refresh token as its proof.

use futures_util::future::join_all;
use gateway_domain::ids::UserId;

use crate::fixture::{Fixture, NOTES, PASSWORD, send};
use crate::renewing::Mood;
use crate::request::{Request, post};

/// A login of this user with the refresh token of a session.
fn again(name: &str, client: &str, refresh: &str) -> Request {
    let username = format!("{name}@example.com");
    let login = [("grant_type", "password"), ("client_id", client), ("username", &username), ("password", PASSWORD)];
    post("/oauth2/token", &[&login[..], &[("refresh_token", refresh)]].concat())
}

/// RFC 9470 §4: what the app does when a call needs a new login.
#[tokio::test]
async fn a_login_with_its_refresh_token_goes_on_with_the_session() {
    let fixture = Fixture::new().await;
    let first = fixture.login("pub1", "orders:read notes:read").await;
    let before = fixture.session(&first.access).await;
    fixture.clock.forward(1_801);
    let second = fixture.send(again("alice", "pub1", &first.refresh)).await;
    assert_eq!(second.body["scope"], "notes:read orders:read", "what was granted at the first login");
    let second = second.tokens();
    let after = fixture.session(&second.access).await;
    assert_eq!(
        (after.sid, after.family.generation, after.family.absolute_end),
        (before.sid, 2, before.family.absolute_end)
    );
    assert_eq!(after.tokens.values().map(|token| token.version).collect::<Vec<_>>(), [2]);
    assert_eq!(fixture.versions(&second.access).await, [2], "the authorizer hands on the new version");
    assert_eq!((fixture.sessions_of("u_alice", "pub1").await, fixture.legacy.logins()), (1, 2));
    assert!(fixture.calls(&second.access).await);
    fixture.refresh("pub1", &second.refresh).await.tokens();
}

/// The back end's old session is ended when the new one is there, and not before.
#[tokio::test]
async fn the_session_that_is_replaced_is_ended_at_the_back_end() {
    let fixture = Fixture::new().await;
    let first = fixture.login("pub1", "vault:read").await;
    fixture.send(again("alice", "pub1", &first.refresh)).await.tokens();
    assert_eq!(fixture.vault.ends(), 1);
    assert_eq!(fixture.send(again("alice", "pub1", "nonsense")).await.refusal(), (400, "invalid_grant"));
    assert_eq!(fixture.vault.ends(), 1);
}

/// A session id alone is no proof, nor is a session of somebody else or of another application.
#[tokio::test]
async fn nobody_logs_in_to_a_session_that_is_not_theirs() {
    let fixture = Fixture::new().await;
    let first = fixture.login("pub1", "orders:read").await;
    let sid = fixture.session(&first.access).await.sid.to_string();
    for request in [
        again("bob", "pub1", &first.refresh),
        again("alice", "pub2", &first.refresh),
        again("alice", "pub1", &sid),
        again("alice", "pub1", &first.access),
        again("alice", "pub1", ""),
    ] {
        let response = fixture.send(request.clone()).await;
        // A parameter without a value counts as absent (RFC 6749 §3.1), and is a login like any other.
        if response.status == 200 {
            assert_ne!(fixture.session(&response.tokens().access).await.sid.to_string(), sid, "{request:?}");
        } else {
            assert_eq!(response.refusal(), (400, "invalid_grant"), "{request:?}");
        }
    }
    assert_eq!(fixture.session(&first.access).await.family.generation, 1);
    fixture.refresh("pub1", &first.refresh).await.tokens();
}

#[tokio::test]
async fn a_wrong_password_changes_nothing_in_the_session() {
    let fixture = Fixture::new().await;
    let first = fixture.login("pub1", "orders:read").await;
    let form = [
        ("grant_type", "password"),
        ("client_id", "pub1"),
        ("username", "alice@example.com"),
        ("password", "wrong"),
        ("refresh_token", &first.refresh),
    ];
    assert_eq!(fixture.send(post("/oauth2/token", &form)).await.refusal(), (400, "invalid_grant"));
    assert_eq!((fixture.session(&first.access).await.family.generation, fixture.legacy.logins()), (1, 1));
}

/// Abuse case F3: a lost response, and twenty who ask at once: one login at the back end, one successor.
#[tokio::test]
async fn repeated_and_concurrent_logins_make_one_successor() {
    let fixture = Fixture::new().await;
    let first = fixture.login("pub1", "orders:read").await;
    let containers: Vec<_> = (0..4).map(|_| fixture.container()).collect();
    let responses = join_all((0..20).map(|i| send(&containers[i % 4], again("alice", "pub1", &first.refresh)))).await;
    let successors: Vec<_> =
        responses.iter().filter(|response| response.status == 200).map(|one| one.tokens().refresh).collect();
    assert!(successors.len() > 10 && successors.iter().all(|token| *token == successors[0]), "{responses:?}");
    // The attempt counter may have asked some to wait.
    assert!(responses.iter().all(|response| matches!(response.status, 200 | 429)), "{responses:?}");
    assert_eq!(fixture.legacy.logins(), 2);
    assert_eq!(fixture.send(again("alice", "pub1", &first.refresh)).await.tokens().refresh, successors[0]);
    assert_eq!(fixture.legacy.logins(), 2);
}

/// A used refresh token is a used refresh token, with a password or without.
#[tokio::test]
async fn an_old_refresh_token_is_reuse_here_too() {
    let fixture = Fixture::new().await;
    let first = fixture.login("pub1", NOTES).await;
    let second = fixture.refresh("pub1", &first.refresh).await.tokens();
    fixture.refresh("pub1", &second.refresh).await.tokens();
    fixture.clock.forward(3_600);
    assert_eq!(fixture.send(again("alice", "pub1", &first.refresh)).await.refusal(), (400, "invalid_grant"));
    assert_eq!(fixture.sessions_of("u_alice", "pub1").await, 0, "and ends the family");
}

/// A link that an administrator has set is the name at that back end, and the typed one stays the name here.
#[tokio::test]
async fn the_name_at_a_back_end_is_the_linked_one() {
    let fixture = Fixture::new().await;
    let carol = fixture.add_user("carol").await;
    let login = || crate::fixture::login("carol", "pub1", "orders:read");
    assert_eq!(fixture.send(login()).await.refusal(), (400, "invalid_grant"), "unknown there");
    let connector = gateway_domain::ids::ConnectorName::parse("orders-login").unwrap();
    assert!(fixture.db.store.users.set_link(&carol, &connector, Some("alice@example.com")).await.unwrap());
    fixture.send(login()).await.tokens();
    assert!(fixture.db.store.users.set_link(&carol, &connector, None).await.unwrap());
    assert_eq!(fixture.send(login()).await.refusal(), (400, "invalid_grant"));
    let nobody = UserId::parse("u_nobody").unwrap();
    assert!(!fixture.db.store.users.set_link(&nobody, &connector, Some("x")).await.unwrap());
}

/// A renewal that was refused took the token away; the next login brings another, which calls then carry.
#[tokio::test]
async fn a_login_after_a_refused_renewal_is_felt_by_the_next_call() {
    let fixture = Fixture::new().await;
    let first = fixture.login("pub1", "vault:read").await;
    fixture.vault.is(Mood::Refuses);
    let session = fixture.session(&first.access).await.sid;
    let connector = gateway_domain::ids::ConnectorName::parse("vault-login").unwrap();
    let event = gateway_domain::renewal::RenewalRequest { session, connector, version: 1, request_id: None }.to_event();
    assert_eq!(gateway_renewal::handle(Ok(&fixture.renewal()), event).await.unwrap(), "over");
    assert_eq!(fixture.versions(&first.access).await, [0; 0]);
    let again = fixture.send(again("alice", "pub1", &first.refresh)).await.tokens();
    let [version] = fixture.versions(&again.access).await[..] else { panic!("no internal token") };
    assert!(version > 1_000_000, "no version comes again: {version}");
    assert_eq!(fixture.session(&again.access).await.tokens.values().next().unwrap().version, version);
}

/// A refresh whose response was lost has made the successor: the login is done all the same.
#[tokio::test]
async fn a_login_after_a_lost_refresh_logs_in() {
    let fixture = Fixture::new().await;
    let first = fixture.login("pub1", "orders:read").await;
    fixture.clock.forward(60);
    let lost = fixture.refresh("pub1", &first.refresh).await.tokens();
    fixture.clock.forward(5);
    let again = fixture.send(again("alice", "pub1", &first.refresh)).await.tokens();
    assert_eq!((fixture.legacy.logins(), fixture.session(&again.access).await.family.generation), (2, 3));
    assert_ne!(again.refresh, lost.refresh);
    fixture.refresh("pub1", &again.refresh).await.tokens();
}

/// A system that does not take the user is named, also where it is optional, if nothing else is left that the session could do.
#[tokio::test]
async fn a_login_that_every_optional_system_refuses_is_told_so() {
    let fixture = Fixture::new().await;
    fixture.add_user("carol").await;
    let optional =
        |config: &str| config.replace("connector: orders-login\n", "connector: orders-login\n    optional: true\n");
    let up = fixture.container_with(optional);
    let down = fixture.container_with(|config| optional(config).replace("http://127.0.0.1:", "http://127.0.0.2:"));
    let asks = |scope: &str| crate::fixture::login("carol", "pub1", scope);
    let refused = send(&up, asks("orders:read")).await;
    assert_eq!(refused.refusal(), (400, "invalid_grant"));
    assert!(refused.text.contains("the back end of orders-login"), "{}", refused.text);
    assert_eq!(send(&down, asks("orders:read")).await.refusal(), (503, "temporarily_unavailable"), "the twin");
    assert_eq!(send(&up, asks("orders:read notes:read")).await.status, 200, "the twin: what is of use without it");
}

/// Nothing could be logged in to: the session waits for a better moment.
#[tokio::test]
async fn a_login_in_vain_costs_no_session() {
    let fixture = Fixture::new().await;
    let optional =
        |config: &str| config.replace("connector: orders-login\n", "connector: orders-login\n    optional: true\n");
    let up = fixture.container_with(optional);
    let down = fixture.container_with(|config| optional(config).replace("http://127.0.0.1:", "http://127.0.0.2:"));
    let first = send(&up, crate::fixture::login("alice", "pub1", "orders:read")).await.tokens();
    fixture.clock.forward(1_801);
    let refused = send(&down, again("alice", "pub1", &first.refresh)).await;
    assert_eq!(refused.refusal(), (503, "temporarily_unavailable"));
    assert_eq!(send(&up, again("alice", "pub1", &first.refresh)).await.status, 200);
}
