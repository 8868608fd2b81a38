//! What every test needs: the table, keys, a carrier that keeps or refuses mails, and a clock moved by hand.

use std::sync::atomic::{AtomicI64, AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_domain::address::Address;
use gateway_domain::clock::Clock;
use gateway_domain::ids::OutboxId;
use gateway_domain::language::Language;
use gateway_domain::outbox::{Kind, deliver_event};
use gateway_domain::sealing::LetterKeys;
use gateway_domain::time::{Seconds, Timestamp};
use gateway_invoke::Function;
use gateway_mail::{Letter, Mail, Mailer, NotSent, Notice};
use gateway_outbox::{Destinations, Failure, Outbox, Permitted, PublicClient, handle};
use gateway_runtime::{Aws, Environment, Fresh};
use gateway_store::NewMail;
use serde_json::{Value, json};
use support::{DynamoDb, dynamodb};

use crate::recording_server::{RecordingServer, http_response};

const BEGIN: i64 = 1_800_000_000;

fn environment(lambda: &str) -> Environment {
    let pairs = [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "OutboxFunction"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_ENDPOINT_URL_LAMBDA", lambda),
    ];
    Environment::from_pairs(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())))
}

/// A clock moved by hand.
pub(crate) struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now_millis(&self) -> i64 {
        self.0.load(Ordering::SeqCst) * 1_000
    }
}

/// Keeps the ids and texts of mails, or fails as it is told.
#[derive(Default)]
pub(crate) struct Carrier {
    pub(crate) carried: Mutex<Vec<(String, Mail)>>,
    pub(crate) fails: Mutex<Option<NotSent>>,
}

#[async_trait]
impl Mailer for Carrier {
    async fn send(&self, mail: &Mail, id: &str) -> Result<(), NotSent> {
        if let Some(failure) = self.fails.lock().unwrap().clone() {
            return Err(failure);
        }
        self.carried.lock().unwrap().push((id.to_owned(), mail.clone()));
        Ok(())
    }
}

pub(crate) struct Fixture {
    pub(crate) db: DynamoDb,
    /// Stands for the queue of the renewal function, and for the token function.
    pub(crate) lambda: RecordingServer,
    /// The status with which the queue answers.
    pub(crate) queue: Arc<AtomicU16>,
    /// What the token function answers.
    pub(crate) signed: Arc<Mutex<Value>>,
    pub(crate) carrier: Arc<Carrier>,
    clock: Arc<HandClock>,
    outbox: Outbox,
}

pub(crate) fn keys() -> LetterKeys {
    let keys = json!({ "current": "k1", "keys": { "k1": STANDARD.encode([7; 32]) } });
    LetterKeys::parse(&keys.to_string()).unwrap()
}

pub(crate) fn address() -> Address {
    Address::parse("ada@example.com").unwrap()
}

pub(crate) fn reset() -> Notice {
    Notice::ResetPassword { code: "12345678".into(), link: "https://api.example.com/reset".into(), minutes: 60 }
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let (db, carrier) = (dynamodb().await, Arc::new(Carrier::default()));
        let clock = Arc::new(HandClock(AtomicI64::new(BEGIN)));
        let queue = Arc::new(AtomicU16::new(202));
        let answers = Arc::clone(&queue);
        let signed = Arc::<Mutex<Value>>::default();
        let signing = Arc::clone(&signed);
        let lambda = RecordingServer::start(move |_, request| {
            if request.line().contains("TokenFunction") {
                return http_response(200, &[], signing.lock().unwrap().to_string().as_bytes());
            }
            http_response(answers.load(Ordering::SeqCst), &[], b"")
        });
        let environment = environment(&lambda.origin());
        let outbox = Outbox {
            table: db.store.outbox.clone(),
            sessions: db.store.sessions.clone(),
            activity: db.store.activity.clone(),
            renewal: Function::new("RenewalFunction", &environment, &Aws::new(&environment).unwrap()),
            token: Function::new("TokenFunction", &environment, &Aws::new(&environment).unwrap()),
            public_client: PublicClient::new(Permitted::Loopback).unwrap(),
            destinations: Destinations::none(),
            users: db.store.users.clone(),
            deliveries: db.store.deliveries.clone(),
            letters: Fresh::of(keys()),
            mailer: carrier.clone(),
            clock: clock.clone(),
        };
        Self { db, lambda, queue, signed, carrier, clock, outbox }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn forward(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) fn fail(&self, failure: Option<NotSent>) {
        *self.carrier.fails.lock().unwrap() = failure;
    }

    /// Writes a mail that makes sense for an hour.
    pub(crate) async fn written(&self, byte: u8, notice: Notice) -> OutboxId {
        let id = OutboxId::from_random([byte; 16]);
        let letter = Letter { to: address(), language: Language::English, service: "Bank".into(), notice };
        let sealed = letter.seal(&keys(), &id, [byte; 12]).unwrap();
        let until = self.now().saturating_add(Seconds::new(3_600));
        self.db.store.outbox.add(&NewMail { id: id.clone(), sealed, due: self.now(), until }).await.unwrap();
        id
    }

    pub(crate) async fn handle(&self, event: Value) -> Result<Value, Failure> {
        handle(Ok(&self.outbox), event).await
    }

    /// What becomes of a mail that is asked for.
    pub(crate) async fn send(&self, id: &OutboxId) -> String {
        self.handle(deliver_event(Kind::Mail, id)).await.unwrap()["outcome"].as_str().unwrap().to_owned()
    }

    /// How many mails the schedule sends.
    pub(crate) async fn send_due(&self) -> Value {
        self.handle(json!({ "deliver_due": {} })).await.unwrap()["done"].clone()
    }

    /// Ids of the mails that were carried, in order.
    pub(crate) fn carried(&self) -> Vec<String> {
        self.carrier.carried.lock().unwrap().iter().map(|(id, _)| id.clone()).collect()
    }

    /// How many items the table has.
    pub(crate) async fn left(&self) -> usize {
        let scan = self.db.client.scan().table_name(&self.db.tables.outbox).consistent_read(true);
        scan.send().await.unwrap().items().len()
    }
}
