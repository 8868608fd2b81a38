//! The log of requests: each is a line when its response begins, and CloudWatch Logs brings the lines to their subscribers in batches.

use std::io::Write as _;
use std::time::Duration;

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use gateway_domain::clock::Clock as _;
use gateway_runtime::SystemClock;
use hyper::body::Body as _;
use serde_json::{Map, Value as Json, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::received::Received;
use crate::lambda::Lambda;
use crate::log::Log;
use crate::template::{ACCOUNT, AccessLog as Declared, ApiKind, LogSubscription, Part, Template};

/// How long lines are gathered. In AWS it is some seconds.
const GATHERED: Duration = Duration::from_millis(500);
/// The most lines of a batch, and how many wait at most.
const BATCH: usize = 2_000;
const WAITING: usize = 100_000;

/// What a value is that a request does not have.
const ABSENT: &str = "-";

/// What is known of a request beside what was received.
#[derive(Debug)]
pub(super) struct Seen {
    began: Instant,
    /// The path of its route.
    pub(super) route: Option<String>,
    /// The context that the authorizer returned.
    pub(super) context: Option<Map<String, Json>>,
    /// How long the integration took.
    pub(super) integration: Option<Duration>,
    /// The type of the response that the gateway gave by itself.
    pub(super) own: Option<&'static str>,
}

impl Seen {
    /// A request that begins now.
    pub(super) fn now() -> Self {
        Self { began: Instant::now(), route: None, context: None, integration: None, own: None }
    }
}

/// The log of an API. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct AccessLog {
    kind: ApiKind,
    format: Vec<Part>,
    lines: mpsc::Sender<String>,
    log: Log,
}

impl AccessLog {
    /// The log of the template's API, if somebody gets its lines.
    pub(super) fn of(template: &Template, lambda: &Lambda, log: &Log) -> Option<Self> {
        let Declared { group, format } = template.api.access_log.clone()?;
        let subscriptions = template.log_subscriptions.iter().filter(|one| one.group == group);
        let subscriptions: Vec<_> = subscriptions.cloned().collect();
        if subscriptions.is_empty() {
            return None;
        }
        let (lines, received) = mpsc::channel(WAITING);
        tokio::spawn(deliver(received, subscriptions, lambda.clone()));
        Some(Self { kind: template.api.kind, format, lines, log: log.clone() })
    }

    /// Writes the line of a request.
    pub(super) fn write(&self, received: &Received, seen: &Seen, response: &Response) {
        let line = self.format.iter().map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Variable(name) => {
                variable(self.kind, name, received, seen, response).unwrap_or_else(|| ABSENT.to_owned())
            }
        });
        if self.lines.try_send(line.collect()).is_err() {
            self.log.push("api-gateway", "a line of the access log was dropped: too many wait");
        }
    }
}

fn variable(kind: ApiKind, name: &str, received: &Received, seen: &Seen, response: &Response) -> Option<String> {
    let millis = |length: Duration| length.as_millis().to_string();
    match name {
        "requestId" => Some(received.request_id.clone()),
        "requestTimeEpoch" => Some(match kind {
            ApiKind::Rest => received.time.to_string(),
            // An HTTP API writes seconds.
            ApiKind::Http => received.time.div_euclid(1_000).to_string(),
        }),
        "identity.sourceIp" => Some(received.source.ip().to_string()),
        "httpMethod" => Some(received.method.clone()),
        "resourcePath" => seen.route.clone(),
        "routeKey" => seen.route.as_ref().map(|route| format!("{} {route}", received.method)),
        "status" => Some(response.status().as_u16().to_string()),
        "responseLength" => response.body().size_hint().exact().map(|length| length.to_string()),
        "responseLatency" => Some(millis(seen.began.elapsed())),
        "integrationLatency" => seen.integration.map(millis),
        "error.responseType" => seen.own.map(str::to_owned),
        "authorizer.status" => seen.context.as_ref().map(|_| "200".to_owned()),
        _ => {
            let name = name.strip_prefix("authorizer.")?;
            seen.context.as_ref()?.get(name)?.as_str().map(str::to_owned)
        }
    }
}

/// Brings lines to their subscribers until the log is gone.
async fn deliver(mut lines: mpsc::Receiver<String>, subscriptions: Vec<LogSubscription>, lambda: Lambda) {
    loop {
        let mut batch = Vec::new();
        if lines.recv_many(&mut batch, BATCH).await == 0 {
            return;
        }
        tokio::time::sleep(GATHERED).await;
        let room = BATCH.saturating_sub(batch.len());
        if room > 0 && !lines.is_empty() {
            lines.recv_many(&mut batch, room).await;
        }
        for subscription in &subscriptions {
            if let Some(event) = event(subscription, &batch) {
                lambda.queue(&subscription.function, event);
            }
        }
    }
}

/// The event with those of these lines that a subscriber gets; `None` if there are none.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html>
fn event(subscription: &LogSubscription, lines: &[String]) -> Option<Bytes> {
    let (member, value) = &subscription.filter;
    let passes = |line: &&String| {
        let line: Json = serde_json::from_str(line).unwrap_or_default();
        line.get(member).is_some_and(|found| found != value.as_str())
    };
    let timestamp = SystemClock.now_millis();
    let events = lines.iter().filter(passes).map(|line| {
        let id = crate::random::request_id();
        json!({ "id": id, "timestamp": timestamp, "message": line })
    });
    let events: Vec<Json> = events.collect();
    if events.is_empty() {
        return None;
    }
    let data = json!({
        "messageType": "DATA_MESSAGE",
        "owner": ACCOUNT,
        "logGroup": subscription.group,
        "logStream": "local",
        "subscriptionFilters": ["local"],
        "logEvents": events,
    });
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(data.to_string().as_bytes()).ok()?;
    let data = STANDARD.encode(packed.finish().ok()?);
    Some(Bytes::from(json!({ "awslogs": { "data": data } }).to_string()))
}
