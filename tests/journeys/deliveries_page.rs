//! Events as administrators and programs see them: what waits, what was delivered, and what is sent again.

use std::time::Duration;

use gateway_domain::admin_scope::{AUDIT_READ, EVENTS_READ, EVENTS_WRITE};
use gateway_domain::clock::Clock as _;
use gateway_domain::domain_event::{DomainEvent, EventType, Queue, Subject};
use gateway_domain::ids::DestinationName;
use gateway_runtime::SystemClock;
use gateway_store::{Delivery, DeliveryOutcome, WaitingEvent};
use serde_json::{Value as Json, json};
use support::{ADA, BOB, Gateway};

use crate::accounts::Browser;
use crate::admin_api::{ask, operator};
use crate::administrators::{administrator, logged_in};
use crate::deliveries::{Receiver, start};
use crate::developers::organization;

const PAGE: &str = "/gateway/events";

/// What a receiver was sent with this id, or at all, once there is so much.
async fn has_had(receiver: &Receiver, id: Option<&str>, count: usize) -> Vec<(String, Json)> {
    for _ in 0..150 {
        let had = receiver.had().into_iter().filter(|(had, _)| id.is_none_or(|id| id == had));
        let had: Vec<_> = had.collect();
        if had.len() >= count {
            return had;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{id:?}: {:?}", receiver.had());
}

/// The items of a list that have this, once there are so many.
async fn listed(gateway: &Gateway, token: &str, path: &str, has: impl Fn(&Json) -> bool, count: usize) -> Vec<Json> {
    let mut last = Json::Null;
    for _ in 0..150 {
        let response = ask(gateway, token, "GET", path, None).await;
        assert_eq!(response.status, 200, "{}", response.text());
        last = response.json();
        let items = last["items"].as_array().expect("a list").iter().filter(|item| has(item));
        let items: Vec<_> = items.cloned().collect();
        if items.len() >= count {
            return items;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{path}: {last}");
}

/// Notes a delivery to a destination that the configuration does not have any more.
async fn note_one_of_the_past(gateway: &Gateway) -> Delivery {
    let subject = Subject::new("user", "u_past").expect("a subject");
    let queue = Queue { destination: DestinationName::parse("gone").expect("a name"), subject: subject.clone() };
    let event = DomainEvent {
        id: "evt_past".to_owned(),
        kind: EventType::UserDeleted,
        timestamp: SystemClock.now(),
        subject,
        data: serde_json::Map::new(),
    };
    let waiting = WaitingEvent { order: "1".to_owned(), event, count: None };
    let delivery = Delivery::of(&queue, waiting, (DeliveryOutcome::GivenUp, 7), SystemClock.now_millis());
    gateway.store().deliveries.end(&queue, ("1", None), Some(&delivery), SystemClock.now()).await.expect("a write");
    delivery
}

/// What the first button of a page sends.
fn again(page: &str) -> String {
    let rest = page.split("name=\"again\" value=\"").nth(1).expect("a button");
    rest.split('"').next().expect("a value").to_owned()
}

#[tokio::test]
async fn an_administrator_sees_what_waits_and_sends_again_what_was_delivered() {
    let ((receiver, url), (down, down_url)) = (Receiver::start().await, Receiver::start().await);
    down.answers(500, &json!({}), Duration::ZERO);
    let lines = format!(
        "events:\n  company: {{ TO, types: [session.began] }}\n  down: {{ url: '{down_url}', secret: company, types: [session.began] }}"
    );
    let (gateway, _files) = start(&url, &lines).await;
    gateway.login(BOB).await;
    let (id, event) = has_had(&receiver, None, 1).await.remove(0);
    let subject = event["subject"].as_str().expect("a text").to_owned();

    // Neither developers nor others find the page.
    let mut nobody = Browser::default();
    assert!(nobody.get(&gateway, PAGE).await.header("location").starts_with("/account/log-in?to="));
    let mut stranger = logged_in(&gateway, BOB, "/account").await;
    let (mut developer, _) = organization(&gateway, BOB).await;
    for browser in [&mut stranger, &mut developer] {
        assert_eq!(browser.get(&gateway, PAGE).await.status, 404);
    }

    let (mut ada, _) = administrator(&gateway, ADA).await;
    let mut page = String::new();
    for _ in 0..100 {
        page = ada.get(&gateway, &format!("{PAGE}?destination=company&outcome=delivered")).await.text();
        // Once as what waits, and in the row of the delivery and its button.
        if page.contains("it answered with the status 500") && page.matches(&subject).count() == 3 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(page.contains("it answered with the status 500"), "{page}");
    assert_eq!(page.matches(&subject).count(), 3, "{page}");
    for other in ["outcome=given_up", "destination=down", "day=2026-01-01"] {
        let other = ada.get(&gateway, &format!("{PAGE}?{other}")).await;
        assert!(other.status == 200 && !other.text().contains("name=\"again\""), "{}", other.text());
    }
    for wrong in ["day=today", "destination=No", "outcome=lost"] {
        let wrong = ada.get(&gateway, &format!("{PAGE}?{wrong}")).await;
        assert!(wrong.status == 400 && wrong.text().contains("role=\"alert\""), "{}", wrong.text());
    }

    let done = ada.submit(&gateway, PAGE, &[("again", &again(&page))]).await;
    assert_eq!((done.status, done.header("location")), (303, "/gateway/events?done=yes"), "{}", done.text());
    let had = has_had(&receiver, Some(&id), 2).await;
    assert_eq!(had[0], had[1]);
    let trail = ada.get(&gateway, "/gateway/audit?act=events").await.text();
    assert!(trail.contains("events replay") && trail.contains(&format!("event {id}")), "{trail}");

    // What is not there any more is not told again.
    let past = note_one_of_the_past(&gateway).await;
    let place = format!("{}T{}", past.day, past.at);
    let refused = ada.submit(&gateway, PAGE, &[("again", &place)]).await;
    assert!(refused.status == 400 && refused.text().contains("has no destination gone"), "{}", refused.text());
    for nothing in ["", "2026-01-01", "2026-01-01T", "2026-01-01T09:00:00.000Z#company#evt_none"] {
        assert_eq!(ada.submit(&gateway, PAGE, &[("again", nothing)]).await.status, 404, "{nothing}");
    }
}

#[tokio::test]
async fn a_program_sends_again_one_event_or_all_of_a_time() {
    let (receiver, url) = Receiver::start().await;
    let (gateway, _files) = start(&url, "events:\n  company: { TO, types: [session.began] }").await;
    gateway.login(BOB).await;
    let (id, event) = has_had(&receiver, None, 1).await.remove(0);
    let token = operator(&gateway, &[EVENTS_READ, EVENTS_WRITE]).await;
    let path = "/deliveries?destination=company&outcome=delivered";
    let told = |item: &Json| item["event"]["id"] == json!(id);
    let item = listed(&gateway, &token, path, told, 1).await.remove(0);
    assert_eq!(
        (&item["event"], &item["attempts"], &item["outcome"]),
        (&event, &json!(1), &json!("delivered")),
        "{item}"
    );
    let one = json!({ "day": item["day"], "at": item["at"] });
    let sent = ask(&gateway, &token, "POST", "/deliveries", Some(&one)).await;
    assert_eq!((sent.status, &sent.json()["event"]["id"]), (202, &json!(id)), "{}", sent.text());
    has_had(&receiver, Some(&id), 2).await;
    // Until it is noted that the receiver has it, it waits, and cannot be added again.
    listed(&gateway, &token, path, told, 2).await;

    let within = |from: &Json, to: &Json| json!({ "destination": "company", "from": from, "to": to });
    let all = within(&item["time"], &item["time"]);
    let replayed = ask(&gateway, &token, "POST", "/deliveries/replay", Some(&all)).await;
    assert_eq!((replayed.status, replayed.json()), (202, json!({ "sent": 1, "more": false, "next": null })));
    has_had(&receiver, Some(&id), 3).await;

    // Pages of a list have no delivery twice.
    let first = ask(&gateway, &token, "GET", "/deliveries?limit=1", None).await.json();
    let next = first["next"].as_str().expect("more").replace('#', "%23");
    let second = ask(&gateway, &token, "GET", &format!("/deliveries?limit=1&after={next}"), None).await.json();
    assert!(first["items"][0]["at"] != second["items"][0]["at"], "{first} {second}");

    let past = note_one_of_the_past(&gateway).await;
    let mut more = one.clone();
    more["destination"] = json!("company");
    for (path, body, status, words) in [
        ("/deliveries", more, 400, "unknown field"),
        ("/deliveries", json!({ "day": item["day"] }), 400, "missing field"),
        ("/deliveries", json!({ "day": item["day"], "at": "" }), 404, ""),
        ("/deliveries", json!({ "day": "2026-01-01", "at": item["at"] }), 404, ""),
        ("/deliveries", json!({ "day": past.day, "at": past.at }), 400, "has no destination gone; it has company"),
        ("/deliveries/replay", json!({ "destination": "company" }), 400, "missing field"),
        (
            "/deliveries/replay",
            within(&json!("2026-03-01T00:00:00Z"), &json!("2026-03-02T00:00:01Z")),
            400,
            "a day before",
        ),
        (
            "/deliveries/replay",
            within(&json!("2026-03-01T00:00:00Z"), &json!("2026-02-28T00:00:00Z")),
            400,
            "a day before",
        ),
        ("/deliveries/replay", within(&json!("yesterday"), &item["time"]), 400, "2026-03-01T09:30:00Z"),
    ] {
        let refused = ask(&gateway, &token, "POST", path, Some(&body)).await;
        let text = refused.text();
        assert!(refused.status == status && text.contains(words), "{path} {body}: {} {text}", refused.status);
    }
    for query in ["day=today", "destination=No", "outcome=lost", "after=", "limit=0"] {
        let refused = ask(&gateway, &token, "GET", &format!("/deliveries?{query}"), None).await;
        assert_eq!(refused.status, 400, "{query}");
    }
    let trail = operator(&gateway, &[AUDIT_READ]).await;
    let acts = ask(&gateway, &trail, "GET", "/audit?act=events%20replay", None).await.json();
    let acts = acts["items"].as_array().expect("a list").clone();
    let of = |subject: &str| acts.iter().filter(|act| act["subject"] == subject && act["outcome"] == "done").count();
    assert_eq!((of(&format!("event {id}")), of("events at company"), acts.len()), (1, 1, 2), "{acts:?}");
    // Who may read sends nothing, and who has another scope neither.
    for (scope, read) in [(EVENTS_READ, 200), (AUDIT_READ, 403)] {
        let token = operator(&gateway, &[scope]).await;
        for path in ["/deliveries", "/deliveries/waiting"] {
            assert_eq!(ask(&gateway, &token, "GET", path, None).await.status, read, "{scope} {path}");
        }
        for (path, body) in [("/deliveries", &one), ("/deliveries/replay", &all)] {
            assert_eq!(ask(&gateway, &token, "POST", path, Some(body)).await.status, 403, "{scope} {path}");
        }
    }
}

#[tokio::test]
async fn a_program_sees_what_waits_and_why() {
    let (receiver, url) = Receiver::start().await;
    receiver.answers(500, &json!({}), Duration::ZERO);
    let (gateway, _files) = start(&url, "events:\n  company: { TO, types: [session.began] }").await;
    gateway.login(BOB).await;
    let token = operator(&gateway, &[EVENTS_READ]).await;
    let has_failed = |item: &Json| item["reason"] == "it answered with the status 500" && item["attempts"] == 1;
    let item = listed(&gateway, &token, "/deliveries/waiting", has_failed, 1).await.remove(0);
    assert_eq!(item["destination"], "company");
    assert!(item["subject"].as_str().expect("a text").starts_with("session:"), "{item}");
    let other = ask(&gateway, &token, "GET", "/deliveries/waiting?destination=other", None).await;
    assert_eq!((other.status, other.json()), (200, json!({ "items": [], "more": false })));
}

#[tokio::test]
async fn where_nobody_is_told_the_page_says_how_it_begins() {
    let gateway = Gateway::start().await;
    let (mut ada, _) = administrator(&gateway, ADA).await;
    let page = ada.get(&gateway, PAGE).await;
    assert!(page.status == 200 && page.text().contains("Nobody is told of events"), "{}", page.text());
    assert!(page.text().contains("href=\"/gateway/events\" aria-current=\"page\""), "{}", page.text());
}
