//! Refreshes in any order a network can make of them, against the handlers that run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use futures_util::future::join_all;
use gateway_token::AuthorizationServer;
use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::fixture::{Fixture, NOTES, PASSWORD, SECRET, refresh, send};
use crate::request::{Request, post};

const WINDOW: i64 = 300;
const LATE: i64 = 600;
/// A little more than half of both together.
const APART: i64 = 451;

/// What happens next.
#[derive(Debug, Clone)]
enum Step {
    /// The app refreshes, or repeats what it waits for; this many copies arrive at once; the response gets there or not.
    Refresh { copies: usize, lost: bool },
    /// A copy of an earlier request arrives once more.
    Late { request: prop::sample::Index },
    /// Time passes.
    Wait { seconds: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..5_usize, any::<bool>()).prop_map(|(copies, lost)| Step::Refresh { copies, lost }),
        2 => any::<prop::sample::Index>().prop_map(|request| Step::Late { request }),
        3 => (0..700_i64).prop_map(|seconds| Step::Wait { seconds }),
    ]
}

/// A request as it was sent: the token, the attempt, and when.
#[derive(Debug, Clone)]
struct Sent {
    token: String,
    attempt: u32,
    at: i64,
}

/// An app that keeps to the bounds of docs/security.md.
struct Honest {
    holds: String,
    waiting: bool,
    attempts: u32,
    began: i64,
    last_sent: i64,
    ids: bool,
}

struct World {
    fixture: Fixture,
    containers: Vec<AuthorizationServer>,
}

impl Sent {
    fn request(&self, ids: bool) -> Request {
        let request = refresh("pub1", &self.token);
        if ids { request.header("Idempotency-Key", &format!("attempt-{}", self.attempt)) } else { request }
    }
}

impl World {
    fn now(&self) -> i64 {
        self.fixture.now().as_secs()
    }

    /// Plays the steps, held to the bounds; the app must never be logged out, and every token has one successor.
    async fn play(&self, steps: &[Step], ids: bool) {
        let mut successors: BTreeMap<String, String> = BTreeMap::new();
        let mut sent: Vec<Sent> = Vec::new();
        let holds = self.fixture.login("pub1", NOTES).await.refresh;
        let mut app = Honest { holds, waiting: false, attempts: 0, began: 0, last_sent: 0, ids };
        for step in steps {
            match step {
                Step::Wait { seconds } => {
                    // Without attempt ids, the app repeats inside the window.
                    let left = if app.waiting && !ids { app.began + WINDOW - self.now() } else { i64::MAX };
                    self.fixture.clock.forward((*seconds).min(left));
                }
                Step::Refresh { copies, lost } => {
                    if !app.waiting {
                        // An access token lives for ten minutes; the app uses it for most of them. So it never
                        // refreshes twice while a copy of a request can still arrive.
                        let early = (app.last_sent + APART - self.now()).max(0);
                        self.fixture.clock.forward(early);
                        (app.waiting, app.began, app.attempts) = (true, self.now(), app.attempts + 1);
                    }
                    let request = Sent { token: app.holds.clone(), attempt: app.attempts, at: self.now() };
                    app.last_sent = request.at;
                    let copies = (0..*copies).map(|copy| send(&self.containers[copy % 2], request.request(app.ids)));
                    for response in join_all(copies).await {
                        let successor = response.tokens().refresh;
                        assert_eq!(successors.entry(request.token.clone()).or_insert(successor.clone()), &successor);
                    }
                    if !lost {
                        (app.holds, app.waiting) = (successors[&request.token].clone(), false);
                    }
                    sent.push(request);
                }
                Step::Late { request } if !sent.is_empty() => {
                    let request = request.get(&sent);
                    if self.now() - request.at <= LATE {
                        let response = send(&self.containers[0], request.request(app.ids)).await;
                        if response.status == 200 {
                            let successor = response.tokens().refresh;
                            assert_eq!(
                                successors.entry(request.token.clone()).or_insert(successor.clone()),
                                &successor
                            );
                        }
                    }
                }
                Step::Late { .. } => {}
            }
        }
        if app.waiting {
            let request = Sent { token: app.holds, attempt: app.attempts, at: self.now() };
            app.holds = self.fixture.send(request.request(ids)).await.tokens().refresh;
        }
        assert_eq!(self.fixture.refresh("pub1", &app.holds).await.status, 200, "the app is still logged in");
    }

    /// Anybody presents any token of a session at any time, several at once; at most one token is ever alive.
    async fn plunder(&self, steps: &[(prop::sample::Index, usize, i64)]) {
        let form =
            [("username", "bob@example.com"), ("password", PASSWORD), ("scope", NOTES), ("grant_type", "password")];
        let by = |fields: &[(&str, &str)]| post("/oauth2/token", fields).basic("conf1", SECRET);
        let mut tokens = vec![self.fixture.send(by(&form)).await.tokens().refresh];
        let mut successors: BTreeMap<String, String> = BTreeMap::new();
        for (which, copies, seconds) in steps {
            self.fixture.clock.forward(*seconds);
            let token = which.get(&tokens).clone();
            let fields = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
            let responses = (0..*copies).map(|copy| send(&self.containers[copy % 2], by(&fields)));
            for response in join_all(responses).await {
                if response.status == 200 {
                    let successor = response.tokens().refresh;
                    assert_eq!(successors.entry(token.clone()).or_insert(successor.clone()), &successor);
                    if !tokens.contains(&successor) {
                        tokens.push(successor);
                    }
                }
            }
            let mut alive = BTreeSet::new();
            for token in &tokens {
                let asked = post("/oauth2/introspect", &[("token", token)]).basic("conf1", SECRET);
                if self.fixture.send(asked).await.body["active"] == true {
                    alive.insert(token.clone());
                }
            }
            assert!(alive.len() <= 1 && alive.iter().all(|token| Some(token) == tokens.last()), "{alive:?}");
        }
    }
}

/// One database for all cases; each has a session of its own.
fn world() -> (&'static Runtime, &'static World) {
    static WORLD: OnceLock<(Runtime, World)> = OnceLock::new();
    let (runtime, world) = WORLD.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let world = runtime.block_on(async {
            let fixture = Fixture::new().await;
            let containers = vec![fixture.container(), fixture.container()];
            World { fixture, containers }
        });
        (runtime, world)
    });
    (runtime, world)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Abuse cases F1, F3, F4; checklist O-01, S-05. Cases share a clock, so they take turns.
    #[test]
    fn an_honest_app_is_never_logged_out(steps in prop::collection::vec(step(), 1..20), ids: bool) {
        let (runtime, world) = world();
        let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        runtime.block_on(world.play(&steps, ids));
    }

    /// Abuse cases F1, F2; checklist S-05.
    #[test]
    fn there_are_never_two_live_tokens(
        steps in prop::collection::vec((any::<prop::sample::Index>(), 1..4_usize, 0..700_i64), 1..8),
    ) {
        let (runtime, world) = world();
        let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        runtime.block_on(world.plunder(&steps));
    }
}

static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
