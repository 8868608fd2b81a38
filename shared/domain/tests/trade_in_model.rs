//! A model of a trade-in up to its session, explored exhaustively: the rule under test is the one that runs.
//!
//! The issuer rotates: it answers a refresh token once, and refuses it after that. Requests with the same token arrive at any time, each is
//! handled step by step beside others, and any of them may die before or after each of its steps. A function runs for less time than a lease
//! lasts. What happens with the session afterwards, `refresh_model.rs` explores.

use gateway_domain::ids::{ClientId, SessionId, UserId};
use gateway_domain::sealing::SealedToken;
use gateway_domain::time::Timestamp;
use gateway_domain::trade_in::{LEASE, Next, Progress, TradeIn, Traded, next};
use stateright::{Checker, Model, Property};
use std::collections::BTreeSet;

/// A tick is half a lease: whoever has begun two ticks ago is gone.
const TICK: i64 = 15;

/// Everything that can be true at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    now: i64,
    /// How often the issuer has answered: it does once.
    answered: u8,
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
    /// It is to take the lease: to ask, or to find out whose an answer is.
    Leasing,
    /// It has the lease, and asks.
    Asking,
    /// The issuer has answered it.
    Answered,
    /// The answer is kept: it finds out whose it is, and keeps which session it becomes.
    Kept,
    /// It begins this session, or finds it begun, and serves it.
    Serving(u8),
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
    fn advance(&mut self, handler: &Handler) -> Option<Stage> {
        let id = handler.id;
        let is_leased = self.holder == Some(id);
        match handler.stage {
            Stage::Arrived => match next(self.record.as_ref(), self.at()) {
                Next::Ask | Next::Identify(_) => Some(Stage::Leasing),
                Next::Serve(traded) => Some(Stage::Serving((0..9).find(|number| sid(*number) == traded.sid)?)),
                // It looks again, or the app repeats the request.
                Next::Wait => None,
            },
            Stage::Leasing => {
                let free = match next(self.record.as_ref(), self.at()) {
                    Next::Ask => Stage::Asking,
                    Next::Identify(_) => Stage::Kept,
                    Next::Serve(_) | Next::Wait => return Some(Stage::Arrived),
                };
                let progress = self.record.take().map_or(Progress::Asked, |record| record.progress);
                let leased_until = Some(self.at().saturating_add(LEASE));
                self.record = Some(TradeIn { leased_until, progress });
                self.holder = Some(id);
                Some(free)
            }
            Stage::Asking if self.answered > 0 => {
                self.refused = true;
                self.release(id);
                None
            }
            Stage::Asking => {
                self.answered += 1;
                Some(Stage::Answered)
            }
            Stage::Answered => {
                let record = self.record.as_mut().filter(|_| is_leased)?;
                record.progress = Progress::Answered(SealedToken::parse("k.x"));
                Some(Stage::Kept)
            }
            Stage::Kept => {
                let record = self.record.as_mut().filter(|_| is_leased)?;
                *record = TradeIn { leased_until: None, progress: Progress::Traded(traded(id)) };
                self.holder = None;
                Some(Stage::Serving(id))
            }
            Stage::Serving(session) => {
                self.sessions.insert(session);
                self.served.insert(session);
                None
            }
        }
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
                match world.advance(&handler) {
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
            Property::<Self>::always("a token becomes one session", |_, world| {
                world.sessions.len() <= 1 && world.served == world.sessions
            }),
            Property::<Self>::always("only in the gap is a token lost", |_, world| !world.refused || world.lost),
            Property::<Self>::always("nobody asks again what was answered and kept", |_, world| world.answered <= 1),
            Property::<Self>::sometimes("a session is served", |_, world| !world.served.is_empty()),
        ];
        if self.deaths {
            properties
                .push(Property::<Self>::sometimes("what died after the answer was kept is finished", |_, world| {
                    !world.served.is_empty() && world.now >= 2 * TICK && !world.lost
                }));
            properties.push(Property::<Self>::sometimes("the gap is there, as declared", |_, world| world.refused));
        } else {
            properties.push(Property::<Self>::always("nobody is refused", |_, world| !world.refused));
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
    explore(Protocol { deaths: false, until: 2 * TICK, requests: 3 });
}

/// Abuse case N5: and a death at any step loses nothing but in the gap.
#[test]
fn a_death_at_any_step_is_made_up_for_by_a_repetition() {
    explore(Protocol { deaths: true, until: 4 * TICK, requests: 3 });
}
