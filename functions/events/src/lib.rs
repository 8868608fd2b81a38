//! Notes what has happened, for those who are told of it. DynamoDB's streams bring the changes of items, at least once and in the order of
//! each item, so that no function that changes one writes more for it, and none can forget to. The outbox function delivers.

mod error;
mod happened;
mod record;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use gateway_config::Gateway;
use gateway_domain::clock::Clock;
use gateway_domain::domain_event::{DomainEvent, EventType, KeyRotated, Subject};
use gateway_domain::ids::DestinationName;
use gateway_domain::secret::sha256_hex;
use gateway_domain::time::{Seconds, Timestamp};
use gateway_runtime::{Platform, StartError};
use gateway_store::Deliveries;
use record::Change;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::future::{Ready, ready};
use std::sync::Arc;

pub use error::Failure;

/// How many subjects are noted at once.
const AT_ONCE: usize = 10;
const HOUR: i64 = 3_600;

/// Everything the function works with.
pub struct Events {
    gateway: Gateway,
    deliveries: Deliveries,
    tables: Tables,
    clock: Arc<dyn Clock>,
}

/// The names of the tables whose streams come. The function cannot read the tables.
struct Tables {
    users: String,
    sessions: String,
    apps: String,
    devices: String,
    login_attempts: String,
}

/// What is to be noted.
enum Noted {
    /// An event, with its place among those of its subject, and whether an application is told of itself.
    Event { order: String, event: DomainEvent, to_app: bool },
    /// One more or less of what an event tells of; by the same token the same.
    Count { order: String, event: DomainEvent, by: i64, token: String },
}

/// Reads the configuration.
pub fn start(platform: Platform) -> Ready<Result<Events, StartError>> {
    ready(Events::of(platform))
}

impl Events {
    fn of(platform: Platform) -> Result<Self, StartError> {
        let name = |variable| platform.environment.require(variable, "the name of a table").map(str::to_owned);
        Ok(Self {
            gateway: platform.environment.config_file()?.load(Gateway::load)?,
            deliveries: platform.table("OUTBOX_TABLE", Deliveries::new)?,
            tables: Tables {
                users: name("USERS_TABLE")?,
                sessions: name("SESSIONS_TABLE")?,
                apps: name("APPS_TABLE")?,
                devices: name("DEVICES_TABLE")?,
                login_attempts: name("LOGIN_ATTEMPTS_TABLE")?,
            },
            clock: platform.clock,
        })
    }
}

/// Handles an event. One that fails comes again, and then adds what is missing.
pub async fn handle(started: Result<&Events, StartError>, event: Value) -> Result<Value, Failure> {
    let handled = async {
        let events = started?;
        let noted = events.read(&event)?;
        events.note(noted).await
    };
    handled.await.inspect_err(|failure: &Failure| tracing::error!(%failure, "what has happened is not noted yet"))
}

impl Events {
    /// What an event says, in its order.
    fn read(&self, event: &Value) -> Result<Vec<Noted>, Failure> {
        if let Some(key) = KeyRotated::parse(event) {
            return Ok(rotated(&key).into_iter().collect());
        }
        let records = event.get("Records").and_then(Value::as_array).ok_or(Failure::Unknown)?;
        let mut all = Vec::new();
        for record in records {
            if let Some(change) = Change::read(record)? {
                all.extend(self.changed(&change));
            } else {
                let id = record.get("eventID");
                tracing::error!(?id, "a record of a stream is of no known form: it is not told");
            }
        }
        Ok(summed(all))
    }

    fn changed(&self, change: &Change) -> Vec<Noted> {
        let Tables { users, sessions, apps, devices, login_attempts } = &self.tables;
        let (old, new) = (change.old.as_ref(), change.new.as_ref());
        let happened = match change.table.as_str() {
            table if table == users => {
                let mut all = happened::to_user(old, new);
                all.extend(happened::to_passkeys(old, new));
                all
            }
            table if table == sessions => happened::to_session(old, new),
            table if table == apps => happened::to_app(old, new),
            table if table == devices => happened::to_device(old, new),
            table if table == login_attempts => {
                let attempt = happened::to_account(old, new);
                return attempt.and_then(|attempt| failed(&attempt, change)).into_iter().collect();
            }
            _ => Vec::new(),
        };
        let to_app = new.is_some_and(happened::has_webhook) && change.table == *apps && self.gateway.has_app_webhooks();
        let events = happened.into_iter().enumerate().map(|(at, one)| Noted::Event {
            to_app,
            order: format!("{}#{at}", change.order),
            event: DomainEvent {
                id: id(&format!("{}#{at}", change.id)),
                kind: one.kind,
                timestamp: change.at,
                subject: one.subject,
                data: one.data,
            },
        });
        events.collect()
    }

    /// Notes events of different subjects side by side, and those of one in their order.
    async fn note(&self, noted: Vec<Noted>) -> Result<Value, Failure> {
        let mut by_subject: BTreeMap<Subject, Vec<Noted>> = BTreeMap::new();
        let count = noted.len();
        for one in noted {
            let (Noted::Event { event, .. } | Noted::Count { event, .. }) = &one;
            by_subject.entry(event.subject.clone()).or_default().push(one);
        }
        let each = stream::iter(by_subject.into_values()).map(async |of_one| {
            for one in of_one {
                Box::pin(self.note_one(&one)).await?;
            }
            Ok::<_, Failure>(())
        });
        each.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        Ok(json!({ "events": count }))
    }

    async fn note_one(&self, one: &Noted) -> Result<(), Failure> {
        let (Noted::Event { event, .. } | Noted::Count { event, .. }) = one;
        let now = self.clock.now();
        let app = matches!(one, Noted::Event { to_app: true, .. }).then(DestinationName::of_apps);
        for destination in self.gateway.told_of(event.kind).chain(app) {
            match one {
                Noted::Event { order, event, .. } => self.deliveries.add(&destination, (order, event), now).await?,
                Noted::Count { order, event, by, token } => {
                    let token =
                        sha256_hex(format!("{token}#{destination}").as_bytes()).chars().take(32).collect::<String>();
                    self.deliveries.count(&destination, (order, event), *by, &token).await?;
                }
            }
        }
        Ok(())
    }
}

/// The version of a secret is current once, so that the same rotation is the same event.
fn rotated(KeyRotated { secret, version, at }: &KeyRotated) -> Option<Noted> {
    let subject = Subject::new("key", secret)?;
    let event = DomainEvent {
        id: id(&format!("{secret}#{version}")),
        kind: EventType::KeyRotated,
        timestamp: *at,
        subject,
        data: Map::from_iter([("key".to_owned(), json!(secret))]),
    };
    Some(Noted::Event { order: format!("{:0>40}#{version}", at.as_secs()), event, to_app: false })
}

/// The same with one count of each event: what a batch brings of an account under attack is one write.
fn summed(all: Vec<Noted>) -> Vec<Noted> {
    let mut counts: BTreeMap<String, Noted> = BTreeMap::new();
    let mut rest = Vec::new();
    for one in all {
        match one {
            Noted::Event { .. } => rest.push(one),
            Noted::Count { order, event, by, token } => match counts.get_mut(&event.id) {
                Some(Noted::Count { by: sum, token: tokens, .. }) => {
                    *sum = sum.saturating_add(by);
                    *tokens = sha256_hex(format!("{tokens}#{token}").as_bytes());
                }
                Some(Noted::Event { .. }) | None => {
                    counts.insert(event.id.clone(), Noted::Count { order, event, by, token });
                }
            },
        }
    }
    // Most logins succeed.
    rest.extend(counts.into_values().filter(|one| !matches!(one, Noted::Count { by: 0, .. })));
    rest
}

/// The event of the hour in which a login failed. It is told when the hour is over.
fn failed(attempt: &happened::Attempt, change: &Change) -> Option<Noted> {
    let from = change.at.as_secs().div_euclid(HOUR).saturating_mul(HOUR);
    let (from, length) = (Timestamp::from_secs(from), Seconds::new(3_600));
    let to = from.saturating_add(length);
    let user_id = attempt.user_id.as_deref();
    let subject = Subject::new("logins", user_id.unwrap_or("unknown"))?;
    let data = json!({ "user_id": user_id, "from": from, "to": to });
    let Value::Object(data) = data else { return None };
    let id = id(&format!("{subject}#{from}"));
    let event = DomainEvent { id, kind: EventType::LoginFailed, timestamp: to, subject, data };
    Some(Noted::Count { order: format!("{:0>40}", to.as_secs()), event, by: attempt.by, token: change.id.clone() })
}

/// The id of an event, which is the same whenever the event is made of the same.
fn id(of: &str) -> String {
    format!("evt_{}", sha256_hex(of.as_bytes()).chars().take(32).collect::<String>())
}

#[cfg(test)]
mod tests;
