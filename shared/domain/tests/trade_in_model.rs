//! A model of a trade-in up to its session, explored exhaustively: the rule under test is the one that runs.
//!
//! The issuer rotates: it answers a refresh token once, and refuses it after that. Requests with the same token arrive at any time, each is
//! handled step by step beside others, and any of them may die before or after each of its steps. A function runs for less time than a lease
//! lasts. The writes have the conditions that the table gives them. What happens with the session afterwards, `refresh_model.rs` explores.
//!
//! Each property is one that can fail: with a fault in the place of one rule, the exploration finds how.

use gateway_domain::ids::{ClientId, SessionId, UserId};
use gateway_domain::sealing::SealedToken;
use gateway_domain::time::Timestamp;
use gateway_domain::trade_in::{LEASE, Next, Progress, TradeIn, Traded, next};
use stateright::{Checker, Model, Property};
use std::collections::BTreeSet;

/// A tick is half a lease: whoever has begun two ticks ago is gone.
const TICK: i64 = 15;

const ONE_SESSION: &str = "a token becomes one session";
const NAMED: &str = "the session that has begun is the one that is named";
const BEGUN: &str = "what is served has begun";
const LOST: &str = "only in the gap is a token lost";
const AGAIN: &str = "nobody asks again what was answered and kept";
const REFUSED: &str = "nobody is refused";

/// Everything that can be true at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    now: i64,
    /// How often the issuer has answered: it does once.
    answered: u8,
    /// Somebody has asked although there was an answer.
    asked_again: bool,
    record: Option<TradeIn>,
    /// Who has the lease.
    holder: Option<u8>,
    handlers: Vec<Handler>,
    /// How many requests have come.
    requests: u8,
    sessions: BTreeSet<u8>,
    served: BTreeSet<u8>,
    refused: bool,
    /// A function has died between the answer of the issuer and the write that keeps it.
    lost: bool,
}

/// A request under way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Handler {
    /// Which request; the session that it would begin has the same number.
    id: u8,
    began: i64,
    stage: Stage,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Stage {
    /// It has read nothing yet.
    Arrived,
    /// It is to take the lease of a record that it has read so: without an answer to ask, with one to find out whose that is.
    Leasing { is_answered: bool },
    /// It has the lease, and asks.
    Asking,
    /// The issuer has answered it.
    Answered,
    /// The answer is kept: it finds out whose it is, and keeps which session it becomes.
    Kept,
    /// It begins this session, or finds it begun.
    Beginning(u8),
    /// It serves this session.
    Serving(u8),
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// The lease is had by everybody who wants it.
    SharedLease,
    /// The lease is taken of a record that has come further since it was read.
    StaleLease,
    /// What became a session is forgotten.
    Forgotten,
    /// A session begins before it is kept which.
    Unnamed,
    /// What is named counts as begun.
    Trusting,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Step {
    Tick,
    Request,
    Go(usize),
    Die(usize),
}

struct Protocol {
    deaths: bool,
    until: i64,
    requests: u8,
    fault: Option<Fault>,
}

fn sid(number: u8) -> SessionId {
    SessionId::from_random([number; 16])
}

#[expect(clippy::unwrap_used, reason = "they are ids")]
fn traded(number: u8) -> Traded {
    Traded {
        user_id: UserId::parse("u_ada").unwrap(),
        client_id: ClientId::parse("app").unwrap(),
        sid: sid(number),
        ends: Timestamp::from_secs(1_000),
        credential_epoch: 1,
    }
}

impl World {
    fn at(&self) -> Timestamp {
        Timestamp::from_secs(self.now)
    }

    /// The next stage of a handler; `None` if it is done.
    fn advance(&mut self, handler: &Handler, fault: Option<Fault>) -> Option<Stage> {
        let id = handler.id;
        let is_leased = self.holder == Some(id) || fault == Some(Fault::SharedLease);
        match handler.stage {
            Stage::Arrived => match next(self.record.as_ref(), self.at()) {
                Next::Ask => Some(Stage::Leasing { is_answered: false }),
                Next::Identify(_) => Some(Stage::Leasing { is_answered: true }),
                Next::Serve(traded) => {
                    let session = (0..9).find(|number| sid(*number) == traded.sid)?;
                    let trusts = fault == Some(Fault::Trusting);
                    Some(if trusts { Stage::Serving(session) } else { Stage::Beginning(session) })
                }
                // It looks again, or the app repeats the request.
                Next::Wait => None,
            },
            Stage::Leasing { is_answered } => Some(self.lease(id, is_answered, fault)),
            Stage::Asking => {
                let kept = self.record.as_ref().map(|record| &record.progress);
                self.asked_again |= !matches!(kept, None | Some(Progress::Asked));
                if self.answered > 0 {
                    self.refused = true;
                    self.release(id);
                    return None;
                }
                self.answered += 1;
                Some(Stage::Answered)
            }
            Stage::Answered => {
                let record = self.record.as_mut().filter(|_| is_leased)?;
                record.progress = Progress::Answered(SealedToken::parse("k.x"));
                if fault == Some(Fault::Unnamed) {
                    self.sessions.insert(id);
                }
                Some(Stage::Kept)
            }
            Stage::Kept => {
                let record = self.record.as_mut().filter(|_| is_leased)?;
                *record = TradeIn { leased_until: None, progress: Progress::Traded(traded(id)) };
                self.holder = None;
                Some(Stage::Beginning(id))
            }
            Stage::Beginning(session) => {
                self.sessions.insert(session);
                if fault == Some(Fault::Forgotten) {
                    self.record = None;
                }
                Some(Stage::Serving(session))
            }
            Stage::Serving(session) => {
                self.served.insert(session);
                None
            }
        }
    }

    /// Takes the lease by the condition of its write, and says what is done with it; or to look again.
    fn lease(&mut self, id: u8, is_answered: bool, fault: Option<Fault>) -> Stage {
        let now = self.at();
        let record = self.record.clone().unwrap_or(TradeIn { leased_until: None, progress: Progress::Asked });
        let is_free = record.leased_until.is_none_or(|until| until <= now) || fault == Some(Fault::SharedLease);
        let is_as_read = match record.progress {
            Progress::Asked => !is_answered,
            Progress::Answered(_) => is_answered,
            Progress::Traded(_) => false,
        };
        let holds = is_free && (is_as_read || fault == Some(Fault::StaleLease));
        if !holds {
            return Stage::Arrived;
        }
        self.record = Some(TradeIn { leased_until: Some(now.saturating_add(LEASE)), ..record });
        self.holder = Some(id);
        if is_answered { Stage::Kept } else { Stage::Asking }
    }

    fn release(&mut self, id: u8) {
        if self.holder == Some(id) {
            self.holder = None;
            if let Some(record) = &mut self.record {
                record.leased_until = None;
            }
        }
    }

    fn die(&mut self, position: usize) {
        let handler = self.handlers.remove(position);
        self.lost |= handler.stage == Stage::Answered;
    }
}

impl Model for Protocol {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            now: 0,
            answered: 0,
            asked_again: false,
            record: None,
            holder: None,
            handlers: Vec::new(),
            requests: 0,
            sessions: BTreeSet::new(),
            served: BTreeSet::new(),
            refused: false,
            lost: false,
        }]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        if world.now < self.until {
            steps.push(Step::Tick);
        }
        if world.requests < self.requests && world.handlers.len() < 2 {
            steps.push(Step::Request);
        }
        steps.extend((0..world.handlers.len()).map(Step::Go));
        if self.deaths {
            steps.extend((0..world.handlers.len()).map(Step::Die));
        }
    }

    fn next_state(&self, last: &World, step: Step) -> Option<World> {
        let mut world = last.clone();
        match step {
            Step::Tick => {
                let then = world.now + TICK;
                let is_over = move |handler: &Handler| handler.began + LEASE.as_i64() <= then;
                // Without deaths, nobody is so slow.
                if !self.deaths && world.handlers.iter().any(is_over) {
                    return None;
                }
                while let Some(position) = world.handlers.iter().position(is_over) {
                    world.die(position);
                }
                world.now = then;
            }
            Step::Request => {
                world.requests += 1;
                world.handlers.push(Handler { id: world.requests, began: world.now, stage: Stage::Arrived });
            }
            Step::Go(position) => {
                let handler = world.handlers.get(position)?.clone();
                match world.advance(&handler, self.fault) {
                    Some(stage) => world.handlers.get_mut(position)?.stage = stage,
                    None => drop(world.handlers.remove(position)),
                }
            }
            Step::Die(position) => world.die(position),
        }
        (world != *last).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::<Self>::always(ONE_SESSION, |_, world| world.sessions.len() <= 1),
            Property::<Self>::always(NAMED, |_, world| {
                let named = world.record.as_ref().map(|record| &record.progress);
                let is_named = |session: &u8| named == Some(&Progress::Traded(traded(*session)));
                world.sessions.iter().all(is_named)
            }),
            Property::<Self>::always(BEGUN, |_, world| world.served.is_subset(&world.sessions)),
            Property::<Self>::always(LOST, |_, world| !world.refused || world.lost),
            Property::<Self>::always(AGAIN, |_, world| !world.asked_again),
            Property::<Self>::sometimes("a session is served", |_, world| !world.served.is_empty()),
        ];
        if self.deaths {
            properties
                .push(Property::<Self>::sometimes("what died after the answer was kept is finished", |_, world| {
                    !world.served.is_empty() && world.now >= 2 * TICK && !world.lost
                }));
            properties.push(Property::<Self>::sometimes("the gap is there, as declared", |_, world| world.refused));
        } else {
            properties.push(Property::<Self>::always(REFUSED, |_, world| !world.refused));
        }
        properties
    }
}

fn explore(protocol: Protocol) {
    let checker = protocol.checker().threads(2).spawn_bfs().join();
    checker.assert_properties();
}

/// Abuse case N5.
#[test]
fn of_many_at_once_one_asks_and_all_get_one_session() {
    explore(Protocol { deaths: false, until: 2 * TICK, requests: 3, fault: None });
}

/// Abuse case N5: and a death at any step loses nothing but in the gap.
#[test]
fn a_death_at_any_step_is_made_up_for_by_a_repetition() {
    explore(Protocol { deaths: true, until: 4 * TICK, requests: 3, fault: None });
}

/// Abuse case N5: the twin, that the exploration would find it.
#[test]
fn each_rule_is_needed() {
    for (fault, broken) in [
        (Fault::SharedLease, &[ONE_SESSION, NAMED, LOST, REFUSED][..]),
        (Fault::StaleLease, &[AGAIN, LOST, REFUSED]),
        (Fault::Forgotten, &[NAMED, LOST, REFUSED]),
        (Fault::Unnamed, &[NAMED]),
        (Fault::Trusting, &[BEGUN]),
    ] {
        let protocol = Protocol { deaths: false, until: 2 * TICK, requests: 3, fault: Some(fault) };
        let checker = protocol.checker().threads(2).spawn_bfs().join();
        for property in broken {
            assert!(checker.discovery(property).is_some(), "{fault:?} breaks: {property}");
        }
    }
}
