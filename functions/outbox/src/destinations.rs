//! Who is told of events: a webhook of the company or of an application, an event bus, or the hook `registered`.

use crate::SIGNED_WITHIN;
use crate::public_client::{NotTold, PublicClient};
use aws_sdk_eventbridge::config::{BehaviorVersion, Builder, timeout::TimeoutConfig};
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use gateway_config::{Destination as Settings, Gateway};
use gateway_domain::causes;
use gateway_domain::domain_event::DomainEvent;
use gateway_domain::ids::{DestinationName, UserId};
use gateway_domain::provider_event::{EventNotice, EventTokenRequest, Links, RegisteredRequest};
use gateway_domain::time::Timestamp;
use gateway_domain::webhook::WebhookKeys;
use gateway_invoke::{Function, NotInvoked};
use gateway_runtime::{Late, Platform, StartError};
use gateway_store::{StoreError, Users};
use http::header::CONTENT_TYPE;
use http::{HeaderName, Request, Uri};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long an event bus may take.
const BUS_WITHIN: Duration = Duration::from_secs(5);
/// The media type of a token that tells of an event (RFC 8935 §2).
const SECURITY_EVENT: &str = "application/secevent+jwt";
/// How long the token function may take to ask the hook, which has 10 s at most, and to note what it answers.
const REGISTERED_WITHIN: Duration = Duration::from_secs(14);
/// The source of events on a bus.
const SOURCE: &str = "mobile-api-gateway";

/// Why a destination does not have an event. The text has nothing of the event, and nothing that was answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotDelivered {
    #[error(transparent)]
    Webhook(#[from] NotTold),
    #[error("{0}")]
    App(NotTold),
    #[error("its secret is not there, or no key")]
    NoKey(#[from] StartError),
    #[error("the event bus: {0}")]
    Bus(String),
    #[error("{0}: its log says why")]
    Token(#[from] NotInvoked),
    #[error("the token function answered as another version")]
    OtherVersion,
    #[error("store: {0}")]
    Store(#[from] StoreError),
}

impl NotDelivered {
    /// Why, as it is shown where the event waits. Developers see what their own servers answered, and nothing of how the gateway works.
    pub(crate) fn reason(&self, destination: &DestinationName) -> String {
        match self {
            Self::App(_) => self.to_string(),
            Self::Webhook(_) | Self::NoKey(_) | Self::Bus(_) | Self::Token(_) | Self::OtherVersion | Self::Store(_) => {
                let of_apps = *destination == DestinationName::of_apps();
                if of_apps { "the gateway could not send it".to_owned() } else { self.to_string() }
            }
        }
    }

    /// Whether other events fare no better. A receiver that refuses one may take the next, and each application is a receiver of its own.
    pub(crate) fn is_outage(&self) -> bool {
        match self {
            Self::Webhook(NotTold::Status(status)) => !(400..500).contains(status) || [408, 429].contains(status),
            Self::App(_) => false,
            Self::Token(_) | Self::Webhook(_) | Self::NoKey(_) | Self::Bus(_) | Self::OtherVersion | Self::Store(_) => {
                true
            }
        }
    }
}

/// What became of an attempt that did not fail.
pub(crate) enum Told {
    /// The destination has the event.
    Delivered,
    /// There is nobody any more who would be told.
    Nobody,
    /// There is no such destination here.
    Unknown,
}

/// The destinations of the configuration.
pub struct Destinations(BTreeMap<DestinationName, Destination>);

enum Destination {
    Webhook(Box<Webhook>),
    Bus(Box<Bus>),
    /// The token function asks the hook: it has its network and its key.
    Registered,
    /// The webhook of the application that an event is about. The token function knows the address, and signs.
    Apps,
}

struct Webhook {
    uri: Uri,
    keys: Late<WebhookKeys>,
    timeout: Duration,
}

struct Bus {
    name: String,
    client: aws_sdk_eventbridge::Client,
}

impl Destinations {
    /// Those of this configuration.
    pub async fn of(platform: &Platform, gateway: &Gateway) -> Self {
        let mut all = BTreeMap::new();
        for (name, settings) in gateway.destinations() {
            all.extend(Destination::of(platform, settings).await.map(|one| (name.clone(), one)));
        }
        let registered = gateway.hooks().registered.as_ref();
        all.extend(registered.map(|_| (DestinationName::of_registered(), Destination::Registered)));
        all.extend(gateway.has_app_webhooks().then(|| (DestinationName::of_apps(), Destination::Apps)));
        Self(all)
    }

    /// Nobody.
    pub fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// Their names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &DestinationName> {
        self.0.keys()
    }

    /// Tells a destination of an event.
    pub(crate) async fn tell(
        &self,
        name: &DestinationName,
        event: &DomainEvent,
        (client, token, users): (&PublicClient, &Function, &Users),
        now: Timestamp,
    ) -> Result<Told, NotDelivered> {
        let Some(destination) = self.0.get(name) else { return Ok(Told::Unknown) };
        match destination {
            Destination::Webhook(webhook) => webhook.tell(client, event, now).await?,
            Destination::Bus(bus) => bus.tell(event).await?,
            Destination::Registered => {
                let user = event.data.get("user_id").and_then(|id| UserId::parse(id.as_str()?).ok());
                let Some(user_id) = user else { return Ok(Told::Nobody) };
                let asked = RegisteredRequest { user_id: user_id.clone(), event: event.id.clone() }.to_event();
                linked(users, &user_id, token.ask(&asked, REGISTERED_WITHIN).await).await?;
            }
            Destination::Apps => {
                let asked = EventTokenRequest { event: event.clone() }.to_event();
                let notice = serde_json::from_value(token.ask(&asked, SIGNED_WITHIN).await?);
                let notice = notice.map_err(|_| NotDelivered::OtherVersion)?;
                let Some(EventNotice { uri, event_token }) = notice else { return Ok(Told::Nobody) };
                client.post(&uri, SECURITY_EVENT, event_token).await.map_err(NotDelivered::App)?;
            }
        }
        Ok(Told::Delivered)
    }
}

/// Notes the names that the hook says. Those that are there stay: an operator's are the better ones. Sessions that began before keep the
/// names with which they began.
async fn linked(users: &Users, user_id: &UserId, answer: Result<Value, NotInvoked>) -> Result<(), NotDelivered> {
    let Links { links } = serde_json::from_value(answer?).map_err(|_| NotDelivered::OtherVersion)?;
    if !links.is_empty() {
        users.add_links(user_id, &links).await?;
    }
    Ok(())
}

impl Destination {
    async fn of(platform: &Platform, settings: &Settings) -> Option<Self> {
        if let Some(bus) = &settings.event_bus {
            let timeouts = TimeoutConfig::builder().connect_timeout(Duration::from_secs(2));
            let timeouts = timeouts.operation_attempt_timeout(BUS_WITHIN).operation_timeout(BUS_WITHIN).build();
            let mut config = Builder::from(platform.aws.shared())
                .behavior_version(BehaviorVersion::latest())
                .timeout_config(timeouts);
            config.set_endpoint_url(platform.environment.get("AWS_ENDPOINT_URL_EVENTBRIDGE").map(str::to_owned));
            let client = aws_sdk_eventbridge::Client::from_conf(config.build());
            return Some(Self::Bus(Box::new(Bus { name: bus.as_str().to_owned(), client })));
        }
        let (url, secret) = (settings.url.as_ref()?, settings.secret.as_ref()?);
        let parse = |text: &str| WebhookKeys::parse(text).map_err(|error| error.to_string());
        let keys = Late::of(platform, secret.as_str(), parse).await;
        let (uri, timeout) = (url.uri().clone(), Duration::from_secs(settings.timeout.as_u64()));
        Some(Self::Webhook(Box::new(Webhook { uri, keys, timeout })))
    }
}

impl Webhook {
    /// The id is that of the event, so that a receiver knows what it has had; the time is that of the attempt, which it can bound.
    async fn tell(&self, client: &PublicClient, event: &DomainEvent, now: Timestamp) -> Result<(), NotDelivered> {
        let (keys, body) = (self.keys.fresh().await?, event.to_text());
        let request = Request::post(self.uri.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(HeaderName::from_static("webhook-id"), &event.id)
            .header(HeaderName::from_static("webhook-timestamp"), now.as_secs())
            .header(HeaderName::from_static("webhook-signature"), keys.sign(&event.id, now, body.as_bytes()));
        Ok(client.send(request, body, self.timeout).await?)
    }
}

impl Bus {
    async fn tell(&self, event: &DomainEvent) -> Result<(), NotDelivered> {
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(SOURCE)
            .detail_type(event.kind.as_str())
            .time(DateTime::from_secs(event.timestamp.as_secs()))
            .resources(event.subject.as_str())
            .detail(event.to_text())
            .build();
        let sent = self.client.put_events().entries(entry).send().await;
        let answered = sent.map_err(|error| NotDelivered::Bus(causes(&error)))?;
        // EventBridge answers 200 also for an entry that it did not take.
        match answered.entries().first().and_then(|entry| entry.error_code()) {
            Some(code) => Err(NotDelivered::Bus(code.to_owned())),
            None if answered.failed_entry_count() > 0 => Err(NotDelivered::Bus("it was not taken".to_owned())),
            None => Ok(()),
        }
    }
}
