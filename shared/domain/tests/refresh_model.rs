//! A model of the refresh protocol, explored exhaustively: the rule under test is the one that runs.
//!
//! The network loses, copies, delays and reorders requests and responses; handlers read and commit in separate steps,
//! so any two may interleave. The stated bounds of an honest app are: one refresh at a time, a lost response repeated
//! inside the window (or with the same attempt id at any time), at most one refresh in a tick, and no copy of a request
//! arriving more than one access-token lifetime after it was sent.
//!
//! A session can also begin with the refresh token of another issuer that is traded in: that token is the generation before the first one, and
//! what is promised of a refresh token holds for it. How the issuer is asked once, `trade_in_model.rs` explores.
//!
//! An app with a key may repeat at any time, and nothing is asked of it but one refresh at a time: a session that is bound to its key is no
//! thief's, whatever the thief has copied.

use gateway_domain::holder_key::Thumbprint;
use gateway_domain::session::{Decision, Family, Holder, ReusePolicy, Shown, judge};
use gateway_domain::time::{Seconds, Timestamp};
use stateright::{Checker, Model, Property};
use std::collections::BTreeSet;

const REUSE_POLICY: ReusePolicy = ReusePolicy { window: Seconds::new(1), late: Seconds::new(2) };
const FOR_EVER: Seconds = Seconds::new(1_000);

/// Everything that can be true at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    now: i64,
    session: Session,
    app: App,
    /// Requests under way; a copy may be delivered, and delivered again, or never.
    requests: BTreeSet<Request>,
    /// Handlers that have read the session and not committed yet, with what they read and when.
    handlers: Vec<(Request, Session, i64)>,
    /// Responses under way to the app.
    responses: BTreeSet<Response>,
    /// Generations served in response to each generation: the successors of a parent.
    served: BTreeSet<(u64, u64)>,
    ended_at_generation: Option<u64>,
    thief: Option<u64>,
    thief_presented: u64,
    thief_served: bool,
    /// Whether the thief was served after the app had bound the session to its key.
    thief_served_of_app: bool,
}

/// What is stored.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Session {
    /// Not yet, while nobody has traded in the token of before.
    begun: bool,
    family: Family,
    holder: Option<Holder>,
}

/// Whose key a request proves. Nobody has the other's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Key {
    App,
    Thief,
}

impl Key {
    #[expect(clippy::unwrap_used, reason = "it is the base64url of 32 bytes")]
    fn thumbprint(self) -> Thumbprint {
        let letter = match self {
            Self::App => "A",
            Self::Thief => "B",
        };
        Thumbprint::parse(&format!("{}A", letter.repeat(42))).unwrap()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct App {
    holds: u64,
    /// The attempt it waits for: its number, and when it was first sent.
    waiting: Option<(u64, i64)>,
    attempts: u64,
    refreshed_at: i64,
    logged_out: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Request {
    generation: u64,
    attempt: u64,
    sent: i64,
    from_thief: bool,
    key: Option<Key>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Response {
    attempt: u64,
    successor: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Step {
    Tick,
    Refresh,
    Repeat,
    Read(Request),
    Lose(Request),
    Commit(usize),
    Deliver(Response),
    LoseResponse(Response),
    Steal,
    Present(Option<Key>),
}

/// Whether the app has a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Binding {
    None,
    /// It has logged in with it.
    FromBegin,
    /// It got it after the login, and its next refresh binds the session.
    Later,
}

/// What is explored.
struct Protocol {
    attempt_ids: bool,
    binding: Binding,
    thief: bool,
    /// The app holds another issuer's refresh token first.
    trade_in: bool,
    until: i64,
    most_refreshes: u64,
    handlers: usize,
}

impl Protocol {
    fn attempt(&self, request: &Request) -> Option<String> {
        (self.attempt_ids && !request.from_thief).then(|| request.attempt.to_string())
    }

    /// An app with a key repeats what is lost, so that no more is explored than has to be: what is not lost may arrive twice anyway.
    fn may_repeat(&self, world: &World) -> bool {
        self.binding == Binding::None || world.requests.iter().all(|request| request.attempt != world.app.attempts)
    }

    /// Decides on what the handler read, and commits on the condition that it is still so. `false`: read again.
    fn response(&self, world: &mut World, request: &Request, read: &Session, at: i64) -> bool {
        let now = Timestamp::from_secs(at);
        let attempt = self.attempt(request);
        let key = request.key.map(Key::thumbprint);
        let shown = Shown { generation: request.generation, attempt: attempt.as_deref(), key: key.as_ref() };
        let is_apps = world.session.holder.as_ref().is_some_and(|holder| holder.key == Key::App.thumbprint());
        if !read.begun {
            if world.session.begun {
                return false;
            }
            let family = Family::traded_in(attempt, now, FOR_EVER, FOR_EVER);
            world.session = Session { begun: true, family, holder: key.map(Holder::from_begin) };
            world.told(request, Some(1), is_apps);
            return true;
        }
        let family = &mut world.session.family;
        let successor = match judge(read.holder.as_ref(), &read.family, shown, REUSE_POLICY, now) {
            Decision::Rotate if family.generation != read.family.generation || family.ended => return false,
            Decision::Rotate => {
                *family = family.rotated(attempt, FOR_EVER, now);
                let since = family.generation;
                world.session.holder = read.holder.clone().or(key.map(|key| Holder { key, since }));
                Some(since)
            }
            Decision::Replay => Some(read.family.generation),
            Decision::Refuse | Decision::Unproved => None,
            Decision::Revoke => {
                world.ended_at_generation.get_or_insert(family.generation);
                family.ended = true;
                None
            }
        };
        world.told(request, successor, is_apps);
        true
    }
}

impl World {
    /// What was served in response to a request, and to whom.
    fn told(&mut self, request: &Request, successor: Option<u64>, is_apps: bool) {
        if let Some(successor) = successor {
            self.served.insert((request.generation, successor));
        }
        if request.from_thief {
            self.thief_served |= successor.is_some();
            self.thief_served_of_app |= successor.is_some() && is_apps;
            self.thief = successor.or(self.thief);
        } else {
            self.responses.insert(Response { attempt: request.attempt, successor });
        }
    }
}

impl Model for Protocol {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            now: 0,
            session: Session {
                begun: !self.trade_in,
                family: Family::begin(Timestamp::from_secs(0), FOR_EVER, FOR_EVER),
                holder: (self.binding == Binding::FromBegin).then(|| Holder::from_begin(Key::App.thumbprint())),
            },
            app: App {
                holds: u64::from(!self.trade_in),
                waiting: None,
                attempts: 0,
                refreshed_at: -1,
                logged_out: false,
            },
            requests: BTreeSet::new(),
            handlers: Vec::new(),
            responses: BTreeSet::new(),
            served: BTreeSet::new(),
            ended_at_generation: None,
            thief: None,
            thief_presented: 0,
            thief_served: false,
            thief_served_of_app: false,
        }]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        // Without attempt ids or a key, an honest app repeats inside the window: time does not pass it by.
        let must_hurry = !self.attempt_ids && self.binding == Binding::None;
        let overdue =
            world.app.waiting.is_some_and(|(_, first)| must_hurry && world.now - first >= REUSE_POLICY.window.as_i64());
        if world.now < self.until && !overdue {
            steps.push(Step::Tick);
        }
        if !world.app.logged_out {
            match world.app.waiting {
                None if world.app.attempts < self.most_refreshes && world.app.refreshed_at < world.now => {
                    steps.push(Step::Refresh);
                }
                Some(_) if self.may_repeat(world) => steps.push(Step::Repeat),
                Some(_) | None => {}
            }
        }
        for request in &world.requests {
            steps.push(Step::Lose(request.clone()));
            if world.handlers.len() < self.handlers {
                steps.push(Step::Read(request.clone()));
            }
        }
        steps.extend((0..world.handlers.len()).map(Step::Commit));
        for response in &world.responses {
            steps.push(Step::Deliver(response.clone()));
            steps.push(Step::LoseResponse(response.clone()));
        }
        if self.thief {
            match world.thief {
                None => steps.push(Step::Steal),
                Some(_) if world.thief_presented < 2 => {
                    steps.push(Step::Present(None));
                    if self.binding != Binding::None {
                        steps.push(Step::Present(Some(Key::Thief)));
                    }
                }
                Some(_) => {}
            }
        }
    }

    fn next_state(&self, last: &World, step: Step) -> Option<World> {
        let mut world = last.clone();
        match step {
            Step::Tick => {
                world.now += 1;
                // A copy that has travelled longer than an access token lives does not arrive any more.
                let oldest = world.now - REUSE_POLICY.late.as_i64();
                world.requests.retain(|request| request.from_thief || request.sent >= oldest);
            }
            Step::Refresh => {
                world.app.attempts += 1;
                world.app.waiting = Some((world.app.attempts, world.now));
                world.app.refreshed_at = world.now;
                world.requests.insert(world.app.request(world.now, self.binding));
            }
            Step::Repeat => {
                world.requests.insert(world.app.request(world.now, self.binding));
            }
            Step::Lose(request) => {
                world.requests.remove(&request);
            }
            // The request stays: it may arrive a second time.
            Step::Read(request) => {
                world.handlers.push((request, world.session.clone(), world.now));
                world.handlers.sort_by_key(|(request, read, at)| (request.clone(), read.family.generation, *at));
            }
            Step::Commit(position) => {
                let (request, read, at) = world.handlers.remove(position);
                if !self.response(&mut world, &request, &read, at) {
                    let read = world.session.clone();
                    self.response(&mut world, &request, &read, at);
                }
            }
            Step::Deliver(response) => {
                world.responses.remove(&response);
                let waits = world.app.waiting.is_some_and(|(attempt, _)| attempt == response.attempt);
                match response.successor {
                    Some(successor) if waits => {
                        world.app.holds = successor;
                        world.app.waiting = None;
                    }
                    None if waits => world.app.logged_out = true,
                    _ => {}
                }
            }
            Step::LoseResponse(response) => {
                world.responses.remove(&response);
            }
            Step::Steal => world.thief = Some(world.app.holds),
            Step::Present(key) => {
                let generation = world.thief?;
                world.thief_presented += 1;
                world.requests.insert(Request { generation, attempt: 0, sent: world.now, from_thief: true, key });
            }
        }
        (world != *last).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::<Self>::always("one successor per parent", |_, world| {
                world.served.iter().all(|(parent, successor)| *successor == parent + 1)
            }),
            Property::<Self>::always("nothing is served after revocation", |_, world| {
                world.ended_at_generation.is_none_or(|generation| world.session.family.generation == generation)
            }),
            Property::<Self>::always("one live leaf: nobody holds more than the family's newest", |_, world| {
                let newest = world.session.family.generation;
                world.app.holds <= newest && world.thief.is_none_or(|holds| holds <= newest)
            }),
            Property::<Self>::always("of a session that the app has bound no thief gets a token", |_, world| {
                !world.thief_served_of_app
            }),
        ];
        if self.binding == Binding::FromBegin {
            properties.push(Property::<Self>::always("no thief gets a token", |_, world| !world.thief_served));
        }
        if self.thief && self.binding != Binding::FromBegin {
            // What is left to a thief of a bearer token is declared in docs/security.md.
            properties.push(Property::<Self>::sometimes("a thief inside the window is served", |_, world| {
                world.thief_served
            }));
            properties.push(Property::<Self>::sometimes("a thief's late use ends the session", |_, world| {
                world.session.family.ended
            }));
        } else {
            properties.push(Property::<Self>::always("an honest app is never logged out", |_, world| {
                !world.app.logged_out && !world.session.family.ended
            }));
            properties.push(Property::<Self>::sometimes("a lost response is made up for", |protocol, world| {
                world.app.holds == protocol.most_refreshes + u64::from(!protocol.trade_in)
                    && world.now == protocol.until
            }));
        }
        properties
    }
}

impl App {
    fn request(&self, now: i64, binding: Binding) -> Request {
        let key = (binding != Binding::None).then_some(Key::App);
        Request { generation: self.holds, attempt: self.attempts, sent: now, from_thief: false, key }
    }
}

fn explore(protocol: Protocol) {
    let checker = protocol.checker().threads(2).spawn_bfs().join();
    checker.assert_properties();
}

/// Abuse cases F1, F3, F4; checklist O-01.
#[test]
fn an_honest_app_that_repeats_in_time_is_never_logged_out() {
    explore(Protocol {
        attempt_ids: false,
        binding: Binding::None,
        thief: false,
        trade_in: false,
        until: 2,
        most_refreshes: 2,
        handlers: 2,
    });
}

/// Abuse case F3.
#[test]
fn an_honest_app_with_attempt_ids_may_repeat_at_any_time() {
    explore(Protocol {
        attempt_ids: true,
        binding: Binding::None,
        thief: false,
        trade_in: false,
        until: 2,
        most_refreshes: 2,
        handlers: 2,
    });
}

/// Checklist S-05.
#[test]
fn what_a_thief_can_and_cannot_do_is_as_declared() {
    explore(Protocol {
        attempt_ids: false,
        binding: Binding::None,
        thief: true,
        trade_in: false,
        until: 4,
        most_refreshes: 1,
        handlers: 1,
    });
}

/// Abuse cases F3, F9: a lost response costs the holder nothing, however late it is repeated.
#[test]
fn a_holder_that_repeats_at_any_time_is_never_logged_out() {
    for binding in [Binding::FromBegin, Binding::Later] {
        explore(Protocol {
            attempt_ids: false,
            binding,
            thief: false,
            trade_in: false,
            until: 4,
            most_refreshes: 2,
            handlers: 1,
        });
    }
}

/// Abuse case F9: and neither does a thief who has every token and not the key.
#[test]
fn a_thief_without_the_key_gets_nothing_and_ends_nothing() {
    for (until, most_refreshes) in [(4, 1), (2, 2)] {
        explore(Protocol {
            attempt_ids: false,
            binding: Binding::FromBegin,
            thief: true,
            trade_in: false,
            until,
            most_refreshes,
            handlers: 1,
        });
    }
}

/// Abuse case F9: what was stolen before the session was bound is good until it is, and no longer.
#[test]
fn what_a_thief_has_from_before_the_binding_is_good_until_the_app_binds() {
    explore(Protocol {
        attempt_ids: false,
        binding: Binding::Later,
        thief: true,
        trade_in: false,
        until: 4,
        most_refreshes: 1,
        handlers: 1,
    });
}

/// Abuse case N6: the app that trades a token in, and then refreshes, is never logged out.
#[test]
fn an_app_that_trades_in_and_repeats_in_time_is_never_logged_out() {
    for attempt_ids in [false, true] {
        explore(Protocol {
            attempt_ids,
            binding: Binding::None,
            thief: false,
            trade_in: true,
            until: 2,
            most_refreshes: 2,
            handlers: 2,
        });
    }
}

/// Abuse case N6: with a key it may repeat the trade-in at any time.
#[test]
fn a_holder_that_trades_in_repeats_at_any_time() {
    explore(Protocol {
        attempt_ids: false,
        binding: Binding::FromBegin,
        thief: false,
        trade_in: true,
        until: 4,
        most_refreshes: 2,
        handlers: 1,
    });
}

/// Abuse case N6: what a thief has of the old token is what a thief has of a refresh token of ours, and not more.
#[test]
fn a_thief_of_the_old_token_is_as_one_of_ours() {
    explore(Protocol {
        attempt_ids: false,
        binding: Binding::None,
        thief: true,
        trade_in: true,
        until: 4,
        most_refreshes: 1,
        handlers: 1,
    });
}
