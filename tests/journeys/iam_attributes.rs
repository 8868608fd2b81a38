//! The attributes in the roles of the template: a request with a function's own credentials that names one more is denied.
//!
//! What is allowed here is not needed by the function in this form: it shows that the attribute was what the other was denied
//! for.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{AttributeAction, AttributeValue, AttributeValueUpdate, TransactWriteItem, Update};
use gateway_store::User;
use support::{ADA, Gateway};

const KEYS: [(&str, &[&str]); 5] = [
    ("UsersTable", &["pk"]),
    ("AppsTable", &["client_id"]),
    ("SessionsTable", &["sid"]),
    ("ActivityTable", &["user_id", "client_id"]),
    ("DevicesTable", &["pk", "sk"]),
];

/// The key of an item that is not there.
fn key(table: &str) -> impl Iterator<Item = (&'static str, AttributeValue)> {
    let (_, names) = KEYS.into_iter().find(|(known, _)| *known == table).expect("a table");
    names.iter().map(|name| (*name, AttributeValue::S("nobody".to_owned())))
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// Whether the role allowed a request, whatever became of it then.
fn is_allowed<T, E: ProvideErrorMetadata, R>(sent: &Result<T, SdkError<E, R>>) -> bool {
    let Err(error) = sent else { return true };
    error.as_service_error().expect("a response").code() != Some("AccessDeniedException")
}

/// Whether a function may write this attribute, and name it in a condition. Both are one right.
async fn may_write(client: &Client, table: &str, name: &str) -> bool {
    let update = || {
        let update = client.update_item().table_name(table).expression_attribute_names("#n", name);
        key(table).fold(update, |update, (name, value)| update.key(name, value))
    };
    let written = update().update_expression("SET #n.x = :x").expression_attribute_values(":x", text("x")).send().await;
    let asked = update().condition_expression("attribute_exists(#n.x)").send().await;
    assert_eq!(is_allowed(&written), is_allowed(&asked), "{table} {name}");
    is_allowed(&written)
}

/// Whether a function may read this attribute.
async fn may_read(client: &Client, table: &str, name: &str) -> bool {
    let read = client.get_item().table_name(table).projection_expression("#n").expression_attribute_names("#n", name);
    is_allowed(&key(table).fold(read, |read, (name, value)| read.key(name, value)).send().await)
}

/// Whether a function may read an item without saying which attributes.
async fn may_read_all(client: &Client, table: &str) -> bool {
    let read = client.get_item().table_name(table);
    is_allowed(&key(table).fold(read, |read, (name, value)| read.key(name, value)).send().await)
}

#[tokio::test]
async fn a_function_writes_only_the_attributes_of_its_role() {
    let gateway = Gateway::start().await;
    let rights: [(&str, &str, &[&str], &[&str]); 14] = [
        (
            "PortalFunction",
            "UsersTable",
            &["enabled", "roles", "second_factor"],
            &["password", "email", "links", "profile"],
        ),
        ("TokenFunction", "UsersTable", &["password"], &["enabled", "links", "credential_epoch", "email", "user_id"]),
        // It hashes a password anew, and notes the use of a passkey.
        (
            "AuthorizeFunction",
            "UsersTable",
            &["password", "passkeys"],
            &["enabled", "credential_epoch", "email", "links"],
        ),
        (
            "AccountFunction",
            "UsersTable",
            &["password", "passkeys", "credential_epoch"],
            &["links", "roles", "second_factor", "directory_subject"],
        ),
        (
            "TokenFunction",
            "SessionsTable",
            &["tokens", "ended", "members", "exchanges", "answer", "traded"],
            &["user_id", "scope", "salt", "absolute_end", "sign_on"],
        ),
        ("OutboxFunction", "SessionsTable", &["ended"], &["members", "exchanges", "tokens", "user_id"]),
        ("TokenFunction", "ActivityTable", &["s1", "n", "ttl"], &["b1", "x"]),
        ("AuthorizerFunction", "ActivityTable", &["b1", "d20261128", "j1", "m202611", "s1"], &["n", "ttl"]),
        ("ProxyFunction", "SessionsTable", &["tokens"], &["generation", "lease", "idle_end", "salt"]),
        ("RenewalFunction", "SessionsTable", &["tokens", "lease"], &["idle_end", "salt", "mac_key"]),
        ("RenewalFunction", "ActivityTable", &["s1"], &["b1", "n", "ttl"]),
        // Whoever registers a device gives it its key once; whoever revokes it gives it to nobody.
        ("TokenFunction", "DevicesTable", &["user_id", "devices", "used_at"], &["key", "client_id", "name"]),
        ("AccountFunction", "DevicesTable", &["name", "devices"], &["key", "client_id", "used_at", "created_at"]),
        ("PortalFunction", "DevicesTable", &["revoked_at", "devices"], &["key", "client_id", "used_at", "created_at"]),
    ];
    for (function, table, allowed, denied) in rights {
        let client = gateway.dynamodb_as(function);
        for name in allowed {
            assert!(may_write(&client, table, name).await, "{function} {table} {name}");
        }
        for name in denied {
            assert!(!may_write(&client, table, name).await, "{function} {table} {name}");
        }
    }
}

#[tokio::test]
async fn a_function_reads_only_the_attributes_of_its_role() {
    let gateway = Gateway::start().await;
    let rights: [(&str, &str, &[&str], &[&str]); 6] = [
        ("AccountFunction", "SessionsTable", &["auth_time", "login_by"], &["tokens", "salt", "user_id"]),
        ("OutboxFunction", "SessionsTable", &["members", "issuer"], &["tokens", "salt", "user_id"]),
        ("TokenFunction", "ActivityTable", &["s1", "v"], &["b1", "n"]),
        ("AuthorizerFunction", "AppsTable", &["name", "plan"], &["secret_hash", "previous_secret", "activity"]),
        ("ProxyFunction", "SessionsTable", &["tokens", "ended"], &["salt", "user_id", "generation"]),
        ("RenewalFunction", "UsersTable", &["enabled", "credential_epoch"], &["password", "email", "links"]),
    ];
    for (function, table, allowed, denied) in rights {
        let client = gateway.dynamodb_as(function);
        for name in allowed {
            assert!(may_read(&client, table, name).await, "{function} {table} {name}");
        }
        for name in denied {
            assert!(!may_read(&client, table, name).await, "{function} {table} {name}");
        }
        assert!(!may_read_all(&client, table).await, "{function} {table}");
    }
    assert!(may_read_all(&gateway.dynamodb_as("TokenFunction"), "UsersTable").await);
}

/// The kind is the key: a function that ends sessions sends no mail, and the outbox function, which does, writes none.
#[tokio::test]
async fn a_function_writes_only_the_kinds_of_its_role_into_the_outbox() {
    let gateway = Gateway::start().await;
    let kinds = ["mail", "end_sessions", "logout_notice", "undeliverable", "event#company#user:u_1"];
    let rights: [(&str, &[&str]); 4] = [
        ("AuthorizeFunction", &["end_sessions"]),
        ("AccountFunction", &["mail", "end_sessions"]),
        ("PortalFunction", &["mail", "end_sessions", "event#company#user:u_1"]),
        ("OutboxFunction", &["logout_notice"]),
    ];
    for (function, allowed) in rights {
        let client = gateway.dynamodb_as(function);
        for kind in kinds {
            let put = || client.put_item().table_name("OutboxTable").item("kind", text(kind));
            assert_eq!(
                is_allowed(&put().item("id", text("1")).send().await),
                allowed.contains(&kind),
                "{function} {kind}"
            );
        }
    }
    // Whoever takes mails up notes what became of them, and reads of nothing but addresses that take none.
    let outbox = gateway.dynamodb_as("OutboxFunction");
    for kind in kinds {
        let read = outbox.get_item().table_name("OutboxTable").projection_expression("ends_at");
        let read = read.key("kind", text(kind)).key("id", text("1")).send().await;
        let delete = outbox.delete_item().table_name("OutboxTable").key("kind", text(kind)).key("id", text("1"));
        let query = outbox.query().table_name("OutboxTable").key_condition_expression("kind = :kind");
        let query = query.expression_attribute_values(":kind", text(kind)).projection_expression("id").send().await;
        let waits = kind != "undeliverable";
        assert_eq!((is_allowed(&read), is_allowed(&query)), (!waits, waits), "{kind}");
        assert_eq!(is_allowed(&delete.send().await), waits, "{kind}: who bounced stays noted");
    }
}

/// What operators set of a user stays, in whatever form the token function might write it.
#[tokio::test]
async fn the_token_function_disables_nobody_and_links_nobody() {
    let gateway = Gateway::start().await;
    let token = gateway.dynamodb_as("TokenFunction");
    let ada = gateway.store().users.by_email(ADA.name).await.expect("a read").expect("a user");
    let pk = text(&format!("user#{}", ada.user_id));

    for expression in
        ["SET enabled = :x", "SET links = :x", "SET password = :x, #n = :x", "REMOVE links", "ADD enabled :x"]
    {
        let update = token.update_item().table_name("UsersTable").key("pk", pk.clone()).update_expression(expression);
        let update =
            if expression.contains(":x") { update.expression_attribute_values(":x", text("x")) } else { update };
        let update = if expression.contains("#n") { update.expression_attribute_names("#n", "links") } else { update };
        assert!(!is_allowed(&update.send().await), "{expression}");
    }
    // A transaction is each of its writes.
    let in_transaction = |expression: &str| {
        let update = Update::builder().table_name("UsersTable").update_expression(expression);
        let update = update.condition_expression("attribute_exists(pk)");
        let update = update.key("pk", text("user#nobody")).expression_attribute_values(":x", text("x")).build();
        let write = TransactWriteItem::builder().update(update.expect("an update")).build();
        token.transact_write_items().transact_items(write).send()
    };
    assert!(!is_allowed(&in_transaction("SET links = :x").await));
    assert!(is_allowed(&in_transaction("SET password = :x").await));
    // Names in parameters from before expressions are read by nobody: no such request is taken.
    let value = AttributeValueUpdate::builder().action(AttributeAction::Put).value(text("x")).build();
    let legacy = token.update_item().table_name("UsersTable").key("pk", pk).attribute_updates("links", value);
    let refused = legacy.send().await.expect_err("refused");
    assert_eq!(refused.as_service_error().and_then(ProvideErrorMetadata::code), Some("ValidationException"));

    let User { enabled, links, .. } = gateway.store().users.get(&ada.user_id).await.expect("a read").expect("a user");
    assert_eq!((enabled, links), (ada.enabled, ada.links));
}

/// The usage function says which batches it has counted, and adds to what others are; it replaces no number.
#[tokio::test]
async fn the_usage_function_writes_each_kind_of_item_in_its_way() {
    let gateway = Gateway::start().await;
    let client = gateway.dynamodb_as("UsageFunction");
    for (pk, puts) in [("batch#x", true), ("app#x", false), ("day#2026-03-01", false)] {
        let put = client.put_item().table_name("UsageTable").item("pk", text(pk)).item("sk", text("0")).send().await;
        assert_eq!(is_allowed(&put), puts, "{pk}");
        let add = client.update_item().table_name("UsageTable").key("pk", text(pk)).key("sk", text("1"));
        let add = add
            .update_expression("ADD succeeded :one")
            .expression_attribute_values(":one", AttributeValue::N("1".into()));
        assert_eq!(is_allowed(&add.send().await), !puts, "{pk}");
    }
    let read = client.get_item().table_name("UsageTable").key("pk", text("app#x")).key("sk", text("1")).send().await;
    assert!(!is_allowed(&read));
}
