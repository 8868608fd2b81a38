use super::*;
use crate::record::Image;
use proptest::prelude::*;

fn image(json: Value) -> Image {
    serde_json::from_value(json).unwrap()
}

fn told(events: &[happened::Happened]) -> Vec<(&'static str, &str, Value)> {
    events.iter().map(|one| (one.kind.as_str(), one.subject.as_str(), Value::Object(one.data.clone()))).collect()
}

fn user(more: Value) -> Image {
    let mut all = json!({
        "pk": { "S": "user#u_1" }, "user_id": { "S": "u_1" }, "email": { "S": "ada@example.com" }, "enabled": { "BOOL": true },
        "password": { "S": "k1$a" }, "credential_epoch": { "N": "1" }, "v": { "N": "1" },
    });
    if let (Value::Object(all), Value::Object(more)) = (&mut all, more) {
        all.extend(more);
    }
    image(all)
}

#[test]
fn an_account_is_there_when_its_address_is_proved() {
    let waits = user(json!({ "email_verified": { "BOOL": false }, "ttl": { "N": "1" } }));
    let proved = user(json!({}));
    let created = vec![("user.created", "user:u_1", json!({ "user_id": "u_1" }))];
    assert_eq!(told(&happened::to_user(None, Some(&waits))), []);
    assert_eq!(told(&happened::to_user(Some(&waits), Some(&proved))), created);
    assert_eq!(told(&happened::to_user(None, Some(&proved))), created);
    // It was swept, or another account has the address.
    assert_eq!(told(&happened::to_user(Some(&waits), None)), []);
    assert_eq!(told(&happened::to_user(Some(&proved), None))[0].0, "user.deleted");
    // The claim of an address is no user.
    let claim = image(json!({ "pk": { "S": "email#x" }, "user_id": { "S": "u_1" } }));
    assert_eq!(told(&happened::to_user(None, Some(&claim))), []);
}

#[test]
fn a_change_of_an_account_is_told_by_what_changed() {
    let before = user(json!({}));
    let names = |after: Value| -> Vec<_> {
        told(&happened::to_user(Some(&before), Some(&user(after)))).into_iter().map(|(name, _, _)| name).collect()
    };
    let epoch = json!({ "N": "2" });
    assert_eq!(names(json!({ "enabled": { "BOOL": false }, "credential_epoch": epoch })), ["user.disabled"]);
    assert_eq!(names(json!({ "email": { "S": "eve@example.com" } })), ["user.address_changed"]);
    assert_eq!(names(json!({ "password": { "S": "k1$b" }, "credential_epoch": epoch })), ["user.password_changed"]);
    assert_eq!(names(json!({ "password": { "S": "k2$b" } })), [""; 0], "hashed anew at a login");
    assert_eq!(names(json!({ "roles": { "SS": ["developer"] } })), ["user.roles_changed"]);
    assert_eq!(names(json!({ "profile": { "M": {} }, "links": { "M": {} } })), [""; 0]);
    let disabled = user(json!({ "enabled": { "BOOL": false } }));
    assert_eq!(told(&happened::to_user(Some(&disabled), Some(&before)))[0].0, "user.enabled");
}

#[test]
fn a_passkey_is_added_and_removed_and_nothing_of_it_is_told() {
    let of = |keys: &[&str]| {
        let one =
            |key: &&str| ((*key).to_owned(), json!({ "M": { "id": { "S": "secret-id" }, "name": { "S": "Phone" } } }));
        let all: serde_json::Map<_, _> = keys.iter().map(one).collect();
        image(json!({ "pk": { "S": "passkeys#u_1" }, "passkeys": { "M": all }, "v": { "N": "1" } }))
    };
    let tell = |old: Option<&Image>, new: Option<&Image>| {
        let all = happened::to_passkeys(old, new);
        assert!(!told(&all).iter().any(|(_, _, data)| data.to_string().contains("secret-id")), "{all:?}");
        told(&all).into_iter().map(|(kind, subject, data)| (kind, subject.to_owned(), data)).collect::<Vec<_>>()
    };
    let one = |kind, left: usize| vec![(kind, "user:u_1".to_owned(), json!({ "user_id": "u_1", "passkeys": left }))];
    let (none, a, both) = (of(&[]), of(&["a"]), of(&["a", "b"]));
    assert_eq!(tell(None, Some(&a)), one("passkey.added", 1));
    assert_eq!(tell(Some(&a), Some(&both)), one("passkey.added", 2));
    assert_eq!(tell(Some(&both), Some(&a)), one("passkey.removed", 1));
    assert_eq!(tell(Some(&a), Some(&none)), one("passkey.removed", 0));
    assert_eq!(tell(Some(&both), None), one("passkey.removed", 0), "all at once, with the account or its address");
    let mut used = of(&["a"]);
    assert_eq!(tell(Some(&a), Some(&used)), [], "a use, or another name");
    used = user(json!({}));
    for (old, new) in [(None, Some(&used)), (Some(&none), None), (None, Some(&none))] {
        assert_eq!(tell(old, new), [], "{new:?}");
    }
    assert_eq!(told(&happened::to_user(None, Some(&a))), [], "the passkeys of a user are no user");
}

#[test]
fn a_session_begins_and_ends_once() {
    let session = |more: Value| {
        let mut all = json!({ "sid": { "S": "s1" }, "user_id": { "S": "u_1" }, "client_id": { "S": "demo" } });
        if let (Value::Object(all), Value::Object(more)) = (&mut all, more) {
            all.extend(more);
        }
        image(all)
    };
    let (live, ended) = (session(json!({})), session(json!({ "ended": { "BOOL": true } })));
    let refreshed = session(json!({ "generation": { "N": "2" } }));
    let names = |old: Option<&Image>, new: Option<&Image>| -> Vec<_> {
        told(&happened::to_session(old, new)).into_iter().map(|(name, _, _)| name).collect()
    };
    assert_eq!(names(None, Some(&live)), ["session.began"]);
    assert_eq!(names(Some(&live), Some(&refreshed)), [""; 0]);
    assert_eq!(names(Some(&live), Some(&ended)), ["session.ended"]);
    assert_eq!(
        names(Some(&ended), Some(&session(json!({ "ended": { "BOOL": true }, "tokens": { "M": {} } })))),
        [""; 0]
    );
    assert_eq!(names(Some(&ended), None), [""; 0], "swept");
    assert_eq!(names(None, Some(&ended)), [""; 0], "it never began");
    assert_eq!(names(None, Some(&image(json!({ "sid": { "S": "turn#s1#a" }, "turn": { "S": "x" } })))), [""; 0]);
}

#[test]
fn a_device_is_linked_to_one_person_and_revoked_once() {
    let device = |more: Value| {
        let mut all = json!({ "pk": { "S": "device:d1" }, "sk": { "S": "device" }, "client_id": { "S": "demo" } });
        if let (Value::Object(all), Value::Object(more)) = (&mut all, more) {
            all.extend(more);
        }
        image(all)
    };
    let (new, of) =
        (device(json!({})), |user: Value| json!({ "device_id": "device:d1", "client_id": "demo", "user_id": user }));
    let linked = device(json!({ "user_id": { "S": "u_1" }, "linked_at": { "N": "1" } }));
    let named = device(json!({ "user_id": { "S": "u_1" }, "name": { "S": "Kitchen" } }));
    let revoked = device(json!({ "revoked_at": { "N": "2" } }));
    let tell = |old: Option<&Image>, new: Option<&Image>| {
        told(&happened::to_device(old, new))
            .into_iter()
            .map(|(kind, subject, data)| (kind, subject.to_owned(), data))
            .collect::<Vec<_>>()
    };
    let one = |kind, user: Value| vec![(kind, "device:d1".to_owned(), of(user))];
    assert_eq!(tell(Some(&new), Some(&linked)), one("device.linked", json!("u_1")));
    assert_eq!(tell(Some(&named), Some(&revoked)), one("device.revoked", json!("u_1")));
    assert_eq!(tell(Some(&new), Some(&revoked)), one("device.revoked", Value::Null), "it was nobody's");
    let listing =
        image(json!({ "pk": { "S": "user#u_1" }, "sk": { "S": "devices" }, "devices": { "SS": ["device:d1"] } }));
    for (old, new) in [
        (None, Some(&new)),
        (Some(&new), None),
        (Some(&linked), Some(&named)),
        (Some(&revoked), Some(&revoked)),
        (None, Some(&listing)),
        (Some(&listing), Some(&listing)),
    ] {
        assert_eq!(tell(old, new), [], "{new:?}");
    }
}

#[test]
fn a_subscription_is_requested_and_approved_or_added() {
    let app = |subscriptions: Value, requested: Value| {
        image(json!({
            "client_id": { "S": "demo" }, "organization": { "S": "org_1" }, "name": { "S": "Demo" }, "revision": { "N": "1" },
            "subscriptions": { "M": subscriptions }, "requested": { "M": requested }, "secret_hash": { "S": "a" },
        }))
    };
    let orders = |plan: &str| json!({ "orders": { "M": { "id": { "S": "1" }, "plan": { "S": plan } } } });
    let asks = json!({ "subscriptions": { "M": { "orders": { "S": "gold" } } } });
    let none = || json!({});
    let tell = |old: &Image, new: &Image| {
        told(&happened::to_app(Some(old), Some(new)))
            .into_iter()
            .map(|(kind, _, data)| (kind, data))
            .collect::<Vec<_>>()
    };
    let data = |more: Value| {
        let mut data = json!({ "client_id": "demo", "organization": "org_1", "api": "orders" });
        data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        data
    };
    let (nothing, waits) = (app(none(), none()), app(none(), asks.clone()));
    assert_eq!(tell(&nothing, &waits), [("subscription.requested", data(json!({ "plan": "gold" })))]);
    let has = app(orders("gold"), none());
    assert_eq!(tell(&waits, &has), [("subscription.approved", data(json!({ "plan": "gold" })))]);
    assert_eq!(tell(&nothing, &has), [("subscription.added", data(json!({ "plan": "gold" })))]);
    // A plan is asked for, of an API that it has.
    let more = app(orders("silver"), asks);
    assert_eq!(
        tell(&app(orders("silver"), none()), &more),
        [("subscription.requested", data(json!({ "plan": "gold" })))]
    );
    assert_eq!(tell(&more, &has), [("subscription.approved", data(json!({ "plan": "gold" })))]);
    let mut disabled = orders("gold");
    disabled["orders"]["M"]["enabled"] = json!({ "BOOL": false });
    let changed = json!({ "client_id": "demo", "organization": "org_1", "changed": ["subscriptions"] });
    assert_eq!(tell(&has, &app(disabled, none())), [("application.changed", changed)]);
    assert_eq!(tell(&has, &nothing), [("subscription.removed", data(json!({})))]);
    assert_eq!(tell(&waits, &nothing), [], "refused or withdrawn");
}

#[test]
fn an_application_is_told_by_the_names_of_what_changed() {
    let app = |name: &str, secret: &str, revision: &str| {
        image(json!({
            "client_id": { "S": "demo" }, "name": { "S": name }, "revision": { "N": revision }, "v": { "N": "1" },
            "subscriptions": { "M": {} }, "secret_hash": { "S": secret },
        }))
    };
    let before = app("Demo", "a", "1");
    assert_eq!(
        told(&happened::to_app(None, Some(&before))),
        [("application.created", "application:demo", json!({ "client_id": "demo" }))]
    );
    let after = app("Demo 2", "b", "2");
    assert_eq!(
        told(&happened::to_app(Some(&before), Some(&after))),
        [
            ("application.changed", "application:demo", json!({ "client_id": "demo", "changed": ["name"] })),
            ("application.secret_rotated", "application:demo", json!({ "client_id": "demo" })),
        ]
    );
    assert_eq!(told(&happened::to_app(Some(&before), Some(&app("Demo", "a", "2")))), []);
    assert_eq!(told(&happened::to_app(Some(&after), None))[0].0, "application.deleted");
}

#[test]
fn an_attempt_to_log_in_is_taken_back_when_it_succeeds() {
    let counter = |empty_at: Option<i64>| {
        let mut all = json!({ "pk": { "S": "account#hash#u_1#3" } });
        if let Some(at) = empty_at {
            all["empty_at"] = json!({ "N": at.to_string() });
        }
        image(all)
    };
    let by = |old: Option<Option<i64>>, new: Option<i64>| {
        let (old, new) = (old.map(counter), counter(new));
        happened::to_account(old.as_ref(), Some(&new)).map(|attempt| attempt.by)
    };
    assert_eq!((by(None, Some(5)), by(Some(Some(5)), Some(8)), by(Some(None), Some(5))), (Some(1), Some(1), Some(1)));
    assert_eq!(
        (by(Some(Some(8)), Some(5)), by(Some(Some(8)), Some(8)), by(Some(Some(8)), None)),
        (Some(-1), None, None)
    );
    let of = |pk: &str| {
        let new = image(json!({ "pk": { "S": pk }, "empty_at": { "N": "5" } }));
        happened::to_account(None, Some(&new)).map(|attempt| attempt.user_id)
    };
    assert_eq!(of("account#hash#u_1#3"), Some(Some("u_1".to_owned())));
    assert_eq!((of("account#hash"), of("pair#hash#demo#1.2.3.4"), of("source#1.2.3.4")), (Some(None), None, None));
}

#[test]
fn what_a_batch_brings_of_an_account_is_one_count_or_none() {
    let attempt = |user: &str, by: i64, id: &str| {
        let attempt = happened::Attempt { user_id: Some(user.to_owned()), by };
        let at = Timestamp::from_secs(1_700_000_000);
        let (id, table, order) = (id.to_owned(), "LoginAttemptsTable".to_owned(), "1".to_owned());
        failed(&attempt, &Change { id, table, order, at, old: None, new: None }).unwrap()
    };
    let counted = |all: Vec<Noted>| -> Vec<_> {
        let counts = summed(all).into_iter().map(|one| match one {
            Noted::Count { event, by, token, .. } => (event.subject.to_string(), by, token),
            Noted::Event { event, .. } => (event.subject.to_string(), 0, String::new()),
        });
        counts.collect()
    };
    let all = || vec![attempt("u_1", 1, "a"), attempt("u_2", 1, "b"), attempt("u_1", 1, "c"), attempt("u_2", -1, "d")];
    let sums = counted(all());
    let [(subject, 2, token)] = &sums[..] else { panic!("{sums:?}") };
    assert_eq!(subject, "logins:u_1");
    assert_eq!(counted(all())[0].2, *token, "the same batch has the same token");
    assert_ne!(counted(vec![attempt("u_1", 2, "a")])[0].2, *token);
}

fn record(sequence: &str, version: &str) -> Value {
    json!({
        "eventID": "e1", "eventName": "INSERT", "eventSource": "aws:dynamodb",
        "eventSourceARN": "arn:aws:dynamodb:eu-central-1:123456789012:table/Users-1/stream/2026-03-01T00:00:00.000",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_700_000_000.0, "SequenceNumber": sequence,
            "NewImage": { "pk": { "S": "user#u_1" }, "v": { "N": version } },
        },
    })
}

#[test]
fn a_record_is_read_or_waits_for_a_newer_function() {
    let change = Change::read(&record("111", "1")).unwrap().unwrap();
    assert_eq!((change.table.as_str(), change.at.as_secs(), change.order.len()), ("Users-1", 1_700_000_000, 40));
    assert!(matches!(Change::read(&record("111", "2")), Err(Failure::Newer(2))));
    for odd in [json!({}), record("", "1"), record("1x", "1"), record(&"1".repeat(41), "1"), json!(null)] {
        assert!(Change::read(&odd).unwrap().is_none(), "{odd}");
    }
}

proptest! {
    /// The order of texts is that of the numbers.
    #[test]
    fn records_keep_their_order(one: u128, other: u128) {
        let order = |number: u128| Change::read(&record(&number.to_string(), "1")).unwrap().unwrap().order;
        prop_assert_eq!(order(one).cmp(&order(other)), one.cmp(&other));
    }
}
