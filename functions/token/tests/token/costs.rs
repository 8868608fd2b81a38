//! What each journey costs, in operations on DynamoDB and in the units that it charges for.

use crate::challenge::{ALICE, App, code, redemption};
use crate::container::tables;
use crate::fixture::{Fixture, ISSUER, NOTES, PASSWORD, SECRET};
use crate::hosted::VERIFIER;
use crate::passkeys::{endpoint, enrolled};
use crate::request::{Request, Response, Tokens, post};
use support::ClientKey;

struct Journeys {
    fixture: Fixture,
    /// Of which requests have proofs, if there is one.
    key: Option<ClientKey>,
    wrong: Vec<String>,
    units: Vec<String>,
}

impl Journeys {
    /// Sends a request of `conf1` and compares what it cost.
    async fn cost(&mut self, name: &str, expected: &[&str], path: &str, fields: &[(&str, &str)]) -> Tokens {
        self.answered(name, expected, path, fields, 200).await.tokens()
    }

    async fn answered(
        &mut self,
        name: &str,
        expected: &[&str],
        path: &str,
        fields: &[(&str, &str)],
        status: u64,
    ) -> Response {
        let request: Request = post(path, fields).basic("conf1", SECRET);
        let proof =
            |key: &ClientKey| key.proof("POST", &format!("{ISSUER}{path}"), self.fixture.now().as_secs()).signed();
        let request = match self.key.as_ref().map(proof) {
            Some(proof) => request.header("DPoP", &proof),
            None => request,
        };
        self.measured(name, (expected, status), async move |fixture: &Fixture| fixture.send(request).await).await
    }

    /// Compares the cost of what is sent.
    async fn measured(
        &mut self,
        name: &str,
        (expected, status): (&[&str], u64),
        sends: impl AsyncFnOnce(&Fixture) -> Response,
    ) -> Response {
        self.fixture.wire.since_last();
        self.fixture.wire.units_since_last();
        let response = sends(&self.fixture).await;
        let operations = self.fixture.wire.since_last();
        if operations != expected || response.status != status {
            self.wrong.push(format!("{name}: {} {} {operations:?}", response.status, operations.len()));
        }
        self.units.push(format!("{name}: {}", self.fixture.wire.units_since_last()));
        response
    }

    /// The write by which the authorizer counts a call and looks whether its session is alive.
    async fn call(&mut self, access: &str) {
        let (fixture, session) = (&self.fixture, self.fixture.session(access).await);
        fixture.wire.since_last();
        fixture.wire.units_since_last();
        let store = tables(&fixture.db, &fixture.wire.endpoint);
        let counters = crate::tables::one_counter();
        let counted = store.activity.count_call(
            &session.user_id,
            &session.client_id,
            &session.sid,
            (&counters, 1),
            fixture.now(),
        );
        assert!(matches!(counted.await, Ok(gateway_store::Counted::Live(_))));
        assert_eq!(fixture.wire.since_last(), [ENTRY]);
        self.units.push(format!("call: {}", fixture.wire.units_since_last()));
    }

    /// Logins of alice on the screens of `first`, and the redemption of a code. A source is known for its application.
    async fn challenges(&mut self) {
        let app = App::of(&self.fixture);
        let step = async |_: &Fixture| app.asks(&[]).await;
        self.measured("challenge without a password", (&[APP], 403), step).await;
        let user = [APP, USER, USER];
        let unknown = [&user[..], &[LOOK; 4], &[ATTEMPT; 6], &[PENDING]].concat();
        let login = async |_: &Fixture| app.asks(&ALICE).await;
        let given = self.measured("challenge from an unknown source", (&unknown, 200), login).await;
        let redeemed = [APP, WAITS, "UpdateItem PendingSessions", COMMIT, SESSION, ENTRY, USER, WAITS, SESSION];
        let request = redemption("first", code(&given), Some(VERIFIER));
        let redeems = async move |fixture: &Fixture| fixture.send(request).await;
        self.measured("redemption of its code", (&redeemed, 200), redeems).await;
        let known = [&user[..], &[LOOK, ATTEMPT, ATTEMPT, PENDING]].concat();
        let login = async |_: &Fixture| app.asks(&ALICE).await;
        self.measured("challenge from a known source", (&known, 200), login).await;
    }

    /// Logins of bob by a passkey that does not count: its use is noted once a day.
    async fn passkeys(&mut self) {
        let app = App(endpoint(&self.fixture));
        let mut bob = enrolled(&self.fixture, "bob").await;
        let wanted = app.asks(&[]).await;
        let first = bob.get(&wanted.body["passkey"]).await;
        let noted = [APP, USER, USER, ATTEMPT, "UpdateItem Users", PENDING];
        let login = async |_: &Fixture| app.goes_on(&wanted, &[("passkey", &first)]).await;
        self.measured("challenge by a passkey", (&noted, 200), login).await;
        let junk = async |_: &Fixture| app.goes_on(&wanted, &[("passkey", "{}")]).await;
        self.measured("challenge by what is none", (&[APP, LOOK, ATTEMPT], 403), junk).await;
        let wanted = app.asks(&[]).await;
        let second = bob.get(&wanted.body["passkey"]).await;
        let known = [APP, USER, USER, ATTEMPT, PENDING];
        let login = async |_: &Fixture| app.goes_on(&wanted, &[("passkey", &second)]).await;
        self.measured("challenge by a passkey, again", (&known, 200), login).await;
    }

    async fn login(&mut self, name: &str, expected: &[&str], scope: &str) -> Tokens {
        let user = [("grant_type", "password"), ("username", "alice@example.com"), ("password", PASSWORD)];
        self.cost(name, expected, "/oauth2/token", &[&user[..], &[("scope", scope)]].concat()).await
    }

    async fn refresh(&mut self, name: &str, expected: &[&str], token: &str) -> Tokens {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.cost(name, expected, "/oauth2/token", &form).await
    }
}

const APP: &str = "GetItem Apps";
const ATTEMPT: &str = "UpdateItem LoginAttempts";
const LOOK: &str = "GetItem LoginAttempts";
const USER: &str = "GetItem Users";
const SESSION: &str = "GetItem Sessions";
const COMMIT: &str = "PutItem Sessions";
const LEASE: &str = "UpdateItem Sessions";
const END: &str = "UpdateItem Sessions";
const ENTRY: &str = "UpdateItem Activity";
const ACTIVITY: &str = "GetItem Activity";
const PENDING: &str = "PutItem PendingSessions";
const WAITS: &str = "GetItem PendingSessions";

/// The same in units: one writes 1 KB and reads 4 KB, and each item here is smaller. DynamoDB also charges for a write that a
/// condition refuses, without saying so: one more where a session is ended twice, and where an application has its standing one.
const UNITS: [&str; 25] = [
    "login from an unknown source: 8 read, 8 write",
    "login from a known source, second session: 5 read, 4 write",
    "call: 0 read, 1 write",
    "refresh: 3 read, 1 write",
    "repeated refresh: 3 read, 0 write",
    "refresh with a proof: 3 read, 2 write",
    "introspect refresh: 4 read, 0 write",
    "introspect access: 2 read, 0 write",
    "revoke refresh: 2 read, 2 write",
    "revoke access: 1 read, 1 write",
    "revoke again: 3 read, 0 write",
    "refused refresh: 3 read, 0 write",
    "login with a connector: 5 read, 4 write",
    "refresh with renewal: 3 read, 3 write",
    "refresh after a renewal: 3 read, 2 write",
    "client credentials, first: 1 read, 1 write",
    "client credentials, again: 1 read, 1 write",
    "challenge without a password: 1 read, 0 write",
    "challenge from an unknown source: 7 read, 7 write",
    "redemption of its code: 6 read, 3 write",
    "challenge from a known source: 4 read, 3 write",
    "challenge by a passkey: 3 read, 3 write",
    "challenge by what is none: 2 read, 1 write",
    "challenge by a passkey, again: 3 read, 2 write",
    "client credentials with a proof: 1 read, 2 write",
];

/// The exact price of every journey: a change here is a change of the bill.
#[tokio::test]
async fn every_journey_costs_what_it_should() {
    let mut journeys = Journeys { fixture: Fixture::new().await, key: None, wrong: Vec::new(), units: Vec::new() };
    let begin = [COMMIT, ENTRY, USER];

    let unknown =
        [&[APP, USER, USER, LOOK, LOOK, LOOK, LOOK, ATTEMPT, ATTEMPT, ATTEMPT, ATTEMPT, ATTEMPT, ATTEMPT][..], &begin]
            .concat();
    let first = journeys.login("login from an unknown source", &unknown, NOTES).await;
    let known = [&[APP, USER, USER, LOOK, ATTEMPT, ATTEMPT][..], &begin].concat();
    let with_second = [&known[..known.len() - 1], &[ENTRY, USER]].concat();
    journeys.login("login from a known source, second session", &with_second, NOTES).await;

    journeys.call(&first.access).await;
    let second = journeys.refresh("refresh", &[APP, SESSION, COMMIT, USER], &first.refresh).await;
    journeys.refresh("repeated refresh", &[APP, SESSION, USER], &first.refresh).await;
    journeys.key = Some(ClientKey::new());
    let proved = [APP, ATTEMPT, SESSION, COMMIT, USER];
    let second = journeys.refresh("refresh with a proof", &proved, &second.refresh).await;
    journeys.key = None;
    let token = [("token", second.refresh.as_str())];
    journeys.cost("introspect refresh", &[APP, SESSION, ACTIVITY, USER], "/oauth2/introspect", &token).await;
    let access = [("token", second.access.as_str())];
    journeys.cost("introspect access", &[APP, ACTIVITY], "/oauth2/introspect", &access).await;
    journeys.cost("revoke refresh", &[APP, SESSION, END, ENTRY], "/oauth2/revoke", &token).await;
    journeys.cost("revoke access", &[APP, END, ENTRY], "/oauth2/revoke", &access).await;
    journeys.cost("revoke again", &[APP, SESSION, ACTIVITY], "/oauth2/revoke", &token).await;
    let ended = [("grant_type", "refresh_token"), ("refresh_token", second.refresh.as_str())];
    journeys.answered("refused refresh", &[APP, SESSION, ACTIVITY], "/oauth2/token", &ended, 400).await;

    let vault = journeys.login("login with a connector", &with_second, "vault:read").await;
    journeys.fixture.clock.forward(1_500);
    let renewing = [APP, SESSION, LEASE, COMMIT, USER, ENTRY];
    let renewed = journeys.refresh("refresh with renewal", &renewing, &vault.refresh).await;
    journeys.refresh("refresh after a renewal", &[APP, SESSION, COMMIT, USER, ENTRY], &renewed.refresh).await;

    let itself = [("grant_type", "client_credentials"), ("scope", NOTES)];
    journeys.cost("client credentials, first", &[APP, ENTRY], "/oauth2/token", &itself).await;
    journeys.cost("client credentials, again", &[APP, ENTRY, ENTRY], "/oauth2/token", &itself).await;
    journeys.challenges().await;
    journeys.passkeys().await;
    journeys.key = Some(ClientKey::new());
    let proved = [APP, ATTEMPT, ENTRY, ENTRY];
    journeys.cost("client credentials with a proof", &proved, "/oauth2/token", &itself).await;
    assert!(journeys.wrong.is_empty(), "{:#?}", journeys.wrong);
    assert_eq!(journeys.units, UNITS);
}
