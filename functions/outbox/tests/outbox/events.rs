//! Events whose destination another container knows, with a newer configuration or an older one, wait for it.

use gateway_domain::domain_event::{DomainEvent, EventType, Queue, Subject};
use gateway_domain::ids::DestinationName;
use serde_json::{Map, json};

use crate::fixture::Fixture;

#[tokio::test]
async fn what_has_no_destination_here_waits_for_a_container_that_has_it() {
    let fixture = Fixture::new().await;
    let subject = Subject::new("user", "u_1").unwrap();
    let queue = Queue { destination: DestinationName::parse("crm").unwrap(), subject: subject.clone() };
    let event = DomainEvent {
        id: "evt_1".to_owned(),
        kind: EventType::UserCreated,
        timestamp: fixture.now(),
        subject,
        data: Map::new(),
    };
    let deliveries = fixture.db.store.deliveries.clone();
    deliveries.add(&queue.destination, ("1", &event), fixture.now()).await.unwrap();
    let keys = json!({ "kind": { "S": "events#crm" }, "id": { "S": "user:u_1" } });
    let record = json!({ "eventSource": "aws:dynamodb", "dynamodb": { "Keys": keys } });
    let event = json!({ "Records": [record] });
    assert_eq!(fixture.handle(event.clone()).await.unwrap(), json!({ "done": 0 }));
    let waiting = deliveries.queues(&queue.destination, 9).await.unwrap().items;
    let [one] = &waiting[..] else { panic!("{waiting:?}") };
    assert_eq!((one.attempts, one.reason.as_deref()), (1, Some("there is no such destination here")));
    // Not before its time.
    assert_eq!(fixture.handle(event.clone()).await.unwrap(), json!({ "done": 0 }));
    assert_eq!(deliveries.queues(&queue.destination, 9).await.unwrap().items, waiting);
    fixture.forward(61);
    assert_eq!(fixture.handle(event).await.unwrap(), json!({ "done": 0 }));
    assert_eq!(deliveries.queues(&queue.destination, 9).await.unwrap().items[0].attempts, 2);
    assert_eq!(deliveries.waiting(&queue, 9).await.unwrap().len(), 1);
}
