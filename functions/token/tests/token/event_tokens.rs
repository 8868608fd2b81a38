//! What the outbox function asks: the token that tells an application of an event of itself.

use gateway_domain::domain_event::{DomainEvent, EventType, Subject};
use gateway_domain::ids::ClientId;
use gateway_domain::notification_uri::NotificationUri;
use gateway_domain::provider_event::{EventTokenRequest, HintRequest};
use gateway_domain::time::Timestamp;
use gateway_store::AppWebhook;
use gateway_token::handle;
use serde_json::{Map, Value, json};

use crate::fixture::{Fixture, ISSUER};
use crate::id_tokens::verified;

fn event(subject: Subject) -> DomainEvent {
    DomainEvent {
        id: "evt_1".to_owned(),
        kind: EventType::SubscriptionApproved,
        timestamp: Timestamp::from_secs(1_700_000_000),
        subject,
        data: Map::from_iter([("api".to_owned(), json!("orders"))]),
    }
}

async fn asked(fixture: &Fixture, subject: Subject) -> Value {
    handle(Ok(&fixture.app), EventTokenRequest { event: event(subject) }.to_event()).await.unwrap()
}

/// Gives an application a webhook.
async fn told(fixture: &Fixture, client: &str, enabled: bool) -> Subject {
    let id = ClientId::parse(client).unwrap();
    let mut app = fixture.db.store.apps.get(&id).await.unwrap().unwrap();
    let uri = NotificationUri::parse("https://app.example/told").unwrap();
    // The issuer of the configuration is the one, whichever it was when the webhook was registered.
    (app.webhook, app.enabled) = (Some(AppWebhook { uri, issuer: "https://before.example".to_owned() }), enabled);
    fixture.db.store.apps.put(&app).await.unwrap();
    Subject::of_app(&id)
}

#[tokio::test]
async fn an_event_is_signed_as_the_id_tokens_of_its_app_are_also_of_one_that_is_disabled() {
    let fixture = Fixture::new().await;
    for (client, algorithm, enabled) in [("oidc", "RS256", true), ("oidc-es256", "ES256", false)] {
        let subject = told(&fixture, client, enabled).await;
        let notice = asked(&fixture, subject.clone()).await;
        assert_eq!(notice["uri"], "https://app.example/told");
        let (header, claims) = verified(&fixture, notice["event_token"].as_str().unwrap()).await;
        assert_eq!((&header["alg"], &header["typ"]), (&json!(algorithm), &json!("secevent+jwt")));
        let expected = json!({
            "iss": ISSUER, "aud": client, "iat": fixture.now().as_secs(), "jti": "evt_1", "toe": 1_700_000_000,
            "sub_id": { "format": "opaque", "id": subject },
            "events": { "urn:mobile-api-gateway:event:subscription.approved": { "api": "orders" } },
        });
        assert_eq!(claims, expected);
        let hint =
            HintRequest { id_token: notice["event_token"].as_str().unwrap().to_owned(), issuer: ISSUER.to_owned() };
        assert_eq!(handle(Ok(&fixture.app), hint.to_event()).await.unwrap(), Value::Null, "it is no ID token");
    }
}

#[tokio::test]
async fn nobody_is_told_who_has_no_webhook_or_is_no_app() {
    let fixture = Fixture::new().await;
    told(&fixture, "oidc", true).await;
    let without = Subject::of_app(&ClientId::parse("oidc-es256").unwrap());
    let gone = Subject::of_app(&ClientId::parse("gone").unwrap());
    for subject in [without, gone, Subject::parse("user:oidc").unwrap(), Subject::parse("key:oidc").unwrap()] {
        assert_eq!(asked(&fixture, subject.clone()).await, Value::Null, "{subject}");
    }
}
