//! Containers whose clocks are wrong: corrected by what DynamoDB answers, or told and not used.

use std::sync::Arc;

use gateway_credentials::PasswordCheck;
use gateway_domain::clock::Clock as _;
use gateway_domain::ids::{ClientId, ConnectorName, SessionId};
use gateway_domain::renewal::RenewalRequest;
use gateway_renewal::Renewal;
use gateway_runtime::{Aws, CorrectedClock, Secrets, SystemClock};
use gateway_store::Store;
use gateway_token::AuthorizationServer;
use support::WrongClock;

use crate::container::{build, build_renewal, entropy, environment, key_set, pepper, secrets_manager};
use crate::fixture::{CHEAP, Fixture, NOTES, SECRET, login, password_login, refresh, send};
use crate::request::{decoded, post, request};

/// A container whose wall clock is wrong by this many milliseconds, and the clock. Like every container, it has read
/// something before its first request.
async fn container_off_by(fixture: &Fixture, error_ms: i64) -> (AuthorizationServer, Renewal, Arc<WrongClock>) {
    let machine = WrongClock::by(error_ms);
    let clock = CorrectedClock::new(machine.clone());
    let (_, secrets_manager) = secrets_manager(&key_set("k1", 1)).await;
    let environment = environment(&fixture.wire.endpoint, &[("AWS_ENDPOINT_URL_SECRETS_MANAGER", &secrets_manager)]);
    let aws = Aws::dated(&environment, &clock).unwrap();
    let store = Store::new(aws.dynamodb(), fixture.db.tables.clone());
    assert_eq!(store.apps.get(&ClientId::parse("-").unwrap()).await.unwrap(), None);
    let passwords = pepper(&Secrets::new(&aws), clock.clone()).await;
    let renewal = build_renewal(&store, clock.clone(), &fixture.vault, &fixture.config);
    let texts = (fixture.config.as_str(), fixture.signing.as_str(), fixture.public.as_str());
    let passwords = PasswordCheck::new(store.users.clone(), passwords, store.attempts.clone(), entropy());
    (AuthorizationServer { passwords, ..build(store, clock, &fixture.vault, texts, CHEAP) }, renewal, machine)
}

/// A clock beyond what is corrected decides nothing, and is believed as soon as it is right.
#[tokio::test]
async fn a_clock_beyond_the_bound_is_to_try_again_at_every_endpoint() {
    let fixture = Fixture::new().await;
    let asked = RenewalRequest {
        session: SessionId::from_random([1; 16]),
        connector: ConnectorName::parse("vault-login").unwrap(),
        version: 1,
        request_id: None,
    };
    for error_ms in [-310_000, 310_000, 86_400_000] {
        let (app, renewal, machine) = container_off_by(&fixture, error_ms).await;
        for request in [
            login("alice", "pub1", NOTES),
            password_login("alice", "pub1", "x"),
            refresh("pub1", "mgr_x"),
            post("/oauth2/token", &[("grant_type", "client_credentials")]).basic("conf1", SECRET),
            post("/oauth2/revoke", &[("client_id", "pub1"), ("token", "x")]),
            post("/oauth2/introspect", &[("token", "x")]).basic("conf1", SECRET),
            request("GET", "/.well-known/jwks.json"),
        ] {
            let response = send(&app, request).await;
            assert_eq!(response.refusal(), (503, "temporarily_unavailable"), "{error_ms}");
            assert!(response.header("Retry-After").is_some());
        }
        assert_eq!(gateway_renewal::handle(Ok(&renewal), asked.to_event()).await.unwrap(), "later", "{error_ms}");
        machine.set(0);
        assert_eq!(send(&app, login("alice", "pub1", NOTES)).await.status, 200, "{error_ms}");
    }
}

/// What is issued bears the right time, whatever the container's clock says and however it is set.
#[tokio::test]
async fn a_token_bears_the_right_time_whatever_the_clock_says() {
    /// Seconds that the shortest of exchanges that count leaves open, and the longest.
    const OPEN: i64 = 12;
    let fixture = Fixture::new().await;
    for (error_ms, then_ms) in [(-250_000, -250_000), (250_000, 250_000), (0, -60_000), (100_000, -100_000)] {
        let (app, _, machine) = container_off_by(&fixture, error_ms).await;
        // Its keys never look old, so that nothing is asked of AWS before the time is.
        let app = AuthorizationServer { passwords: fixture.container().passwords, ..app };
        machine.set(then_ms);
        let before = SystemClock.now().as_secs();
        let tokens = send(&app, login("alice", "pub1", NOTES)).await.tokens();
        let issued = decoded(&tokens.access).1["iat"].as_i64().unwrap();
        let after = SystemClock.now().as_secs();
        assert!((before - OPEN..=after + OPEN).contains(&issued), "{error_ms} {then_ms}: {before} {issued} {after}");
    }
}
