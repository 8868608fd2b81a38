//! Rewrites items of older versions as the current version writes them, page by page, each only if it is as it was read.

use crate::error::{Item, StoreError, unavailable};
use crate::refusal::refused_item;
use crate::{Store, version};
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use aws_smithy_types::retry::RetryConfig;
use std::collections::BTreeSet;
use std::time::Duration;

/// Items that one read scans: few enough that a page is done soon and a run can be stopped.
const PAGE: i32 = 500;
/// How often an item that changes between read and write is tried; after that it is left to the next run.
const ATTEMPTS: usize = 5;

/// A table of the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// [`Tables::users`](crate::Tables::users).
    Users,
    /// [`Tables::apps`](crate::Tables::apps).
    Apps,
    /// [`Tables::sessions`](crate::Tables::sessions).
    Sessions,
    /// [`Tables::activity`](crate::Tables::activity).
    Activity,
    /// [`Tables::login_attempts`](crate::Tables::login_attempts).
    LoginAttempts,
    /// [`Tables::pending_sessions`](crate::Tables::pending_sessions).
    PendingSessions,
    /// [`Tables::browser_logins`](crate::Tables::browser_logins).
    BrowserLogins,
    /// [`Tables::consents`](crate::Tables::consents).
    Consents,
    /// [`Tables::audit`](crate::Tables::audit).
    Audit,
    /// [`Tables::outbox`](crate::Tables::outbox).
    Outbox,
    /// [`Tables::codes`](crate::Tables::codes).
    Codes,
    /// [`Tables::organizations`](crate::Tables::organizations).
    Organizations,
    /// [`Tables::usage`](crate::Tables::usage).
    Usage,
    /// [`Tables::devices`](crate::Tables::devices).
    Devices,
}

/// Where a page ended and the next one begins.
pub struct Position(Item);

/// An item of an older version, as it was read.
pub struct OlderItem(Item);

/// The older items of a page of a table.
pub struct Older {
    /// The older items.
    pub items: Vec<OlderItem>,
    /// How many items were scanned.
    pub looked_at: u64,
    /// Where the next page begins; `None` after the last one.
    pub next: Option<Position>,
}

/// The result of rewriting an older item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Migrated {
    /// It has the current version now.
    Rewritten,
    /// It has the current version already, or is gone.
    NotNeeded,
    /// It changed between read and write in every attempt. The changes stand, and it still has an older version.
    Left,
}

impl Table {
    /// All tables.
    pub const ALL: [Self; 14] = [
        Self::Users,
        Self::Apps,
        Self::Sessions,
        Self::Activity,
        Self::LoginAttempts,
        Self::PendingSessions,
        Self::BrowserLogins,
        Self::Consents,
        Self::Audit,
        Self::Outbox,
        Self::Codes,
        Self::Organizations,
        Self::Usage,
        Self::Devices,
    ];

    /// Its name in messages to operators.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Apps => "apps",
            Self::Sessions => "sessions",
            Self::Activity => "activity",
            Self::LoginAttempts => "login-attempts",
            Self::PendingSessions => "pending-sessions",
            Self::BrowserLogins => "browser-logins",
            Self::Consents => "consents",
            Self::Audit => "audit",
            Self::Outbox => "outbox",
            Self::Codes => "codes",
            Self::Organizations => "organizations",
            Self::Usage => "usage",
            Self::Devices => "devices",
        }
    }

    const fn key(self) -> &'static [&'static str] {
        match self {
            Self::Users | Self::LoginAttempts => &["pk"],
            Self::Apps => &["client_id"],
            Self::Sessions | Self::PendingSessions => &["sid"],
            Self::Activity | Self::Consents => &["user_id", "client_id"],
            Self::BrowserLogins | Self::Codes => &["id"],
            Self::Audit => &["day", "at"],
            Self::Outbox => &["kind", "id"],
            Self::Organizations | Self::Usage | Self::Devices => &["pk", "sk"],
        }
    }

    /// An older item as the current version writes it, with the same key; `None` if it is current. A new version adds a
    /// function for its table here, which accepts every earlier version.
    fn upgrade(self, item: &Item, from: u32) -> Option<Item> {
        match self {
            // Version 1 differs from version 0 only in having the attribute `v`.
            Self::Users
            | Self::Apps
            | Self::Sessions
            | Self::Activity
            | Self::LoginAttempts
            | Self::PendingSessions
            | Self::BrowserLogins
            | Self::Consents
            | Self::Audit
            | Self::Outbox
            | Self::Codes
            | Self::Organizations
            | Self::Usage
            | Self::Devices => (from < version::CURRENT).then(|| version::stamped(item.clone())),
        }
    }

    /// Whether an attribute is a call counter. A counter may change between read and write, since every call changes one.
    fn counts(self, attribute: &str) -> bool {
        let bucket = attribute.strip_prefix('b').unwrap_or_default();
        self == Self::Activity && !bucket.is_empty() && bucket.bytes().all(|byte| byte.is_ascii_digit())
    }
}

impl Store {
    /// The older items on the next page of a table. An item of a newer version is an error.
    pub async fn older_items(&self, table: Table, after: Option<Position>) -> Result<Older, StoreError> {
        const OPERATION: &str = "older_items";
        let response = self
            .client
            .scan()
            .table_name(self.name_of(table))
            .consistent_read(true)
            .limit(PAGE)
            .filter_expression("attribute_not_exists(v) OR v <> :version")
            .expression_attribute_values(":version", version::current())
            .set_exclusive_start_key(after.map(|Position(key)| key))
            .customize()
            .config_override(patiently())
            .send()
            .await
            .map_err(unavailable(OPERATION))?;
        let items = response.items.unwrap_or_default();
        for item in &items {
            version::of(item, OPERATION)?;
        }
        Ok(Older {
            items: items.into_iter().map(OlderItem).collect(),
            looked_at: u64::try_from(response.scanned_count).unwrap_or_default(),
            next: response.last_evaluated_key.map(Position),
        })
    }

    /// Rewrites an older item. A change since the item was read is kept: the changed item is what is then rewritten.
    pub async fn migrate_item(&self, table: Table, item: OlderItem) -> Result<Migrated, StoreError> {
        const OPERATION: &str = "migrate_item";
        let OlderItem(mut old) = item;
        for _ in 0..ATTEMPTS {
            let Some(new) = table.upgrade(&old, version::of(&old, OPERATION)?) else { break };
            match self.replace(table, &old, &new, OPERATION).await? {
                None => return Ok(Migrated::Rewritten),
                Some(changed) => old = changed,
            }
            if old.is_empty() {
                return Ok(Migrated::NotNeeded);
            }
        }
        let left = version::of(&old, OPERATION)? < version::CURRENT;
        Ok(if left { Migrated::Left } else { Migrated::NotNeeded })
    }

    /// Writes only what differs, on the condition that every attribute is as it was read. A revision or a generation is not
    /// enough, since some changes raise neither (a new password hash, a lease, a login attempt). Counters that the upgrade
    /// does not change are left out of the condition; see [`Table::counts`]. If the condition does not hold, returns the
    /// stored item, empty if it is gone.
    async fn replace(
        &self,
        table: Table,
        old: &Item,
        new: &Item,
        operation: &'static str,
    ) -> Result<Option<Item>, StoreError> {
        let mut update = self
            .client
            .update_item()
            .table_name(self.name_of(table))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        for key in table.key() {
            if let Some(value) = old.get(*key) {
                update = update.key(*key, value.clone());
            }
        }
        let (mut conditions, mut changed, mut removed) = (Vec::new(), Vec::new(), Vec::new());
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for (at, name) in names.into_iter().enumerate() {
            let (before, after) = (old.get(name), new.get(name));
            if before == after && table.counts(name) {
                continue;
            }
            update = update.expression_attribute_names(format!("#a{at}"), name);
            match before {
                Some(value) => {
                    update = update.expression_attribute_values(format!(":old{at}"), value.clone());
                    conditions.push(format!("#a{at} = :old{at}"));
                }
                None => conditions.push(format!("attribute_not_exists(#a{at})")),
            }
            match after {
                _ if before == after => {}
                Some(value) => {
                    update = update.expression_attribute_values(format!(":new{at}"), value.clone());
                    changed.push(format!("#a{at} = :new{at}"));
                }
                None => removed.push(format!("#a{at}")),
            }
        }
        let clauses = [("SET", changed), ("REMOVE", removed)];
        let clauses = clauses.into_iter().filter(|(_, parts)| !parts.is_empty());
        let clauses: Vec<_> = clauses.map(|(word, parts)| format!("{word} {}", parts.join(", "))).collect();
        let sent = update
            .update_expression(clauses.join(" "))
            .condition_expression(conditions.join(" AND "))
            .customize()
            .config_override(patiently())
            .send()
            .await;
        match sent {
            Ok(_) => Ok(None),
            Err(error) => refused_item(error, operation).map(Some),
        }
    }

    fn name_of(&self, table: Table) -> &str {
        match table {
            Table::Users => &self.users.table,
            Table::Apps => &self.apps.table,
            Table::Sessions => &self.sessions.table,
            Table::Activity => &self.activity.table,
            Table::LoginAttempts => &self.attempts.table,
            Table::PendingSessions => &self.pending.table,
            Table::BrowserLogins => &self.browser_logins.table,
            Table::Consents => &self.consents.table,
            Table::Audit => &self.audit.table,
            Table::Outbox => &self.outbox.table,
            Table::Codes => &self.codes.table,
            Table::Organizations => &self.developers.organizations.table,
            Table::Usage => &self.usage.table,
            Table::Devices => &self.devices.table,
        }
    }
}

/// More retries than usual, with growing pauses, when a table throttles: no user waits for a migration.
fn patiently() -> aws_sdk_dynamodb::config::Builder {
    let retries = RetryConfig::standard()
        .with_max_attempts(10)
        .with_initial_backoff(Duration::from_millis(100))
        .with_max_backoff(Duration::from_secs(20));
    aws_sdk_dynamodb::Config::builder().retry_config(retries)
}
