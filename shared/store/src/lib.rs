//! DynamoDB, one file per table; the condition expressions are the logic.

mod apps;
mod audit;
mod error;
mod grants;
mod guesses;
mod migrate;
mod page;
mod sessions;
mod ttl;
mod users;
mod version;

pub use apps::{App, AppKind, GrantType, PreviousSecret, Revision, Subscription, WriteApp};
pub use audit::{AuditRow, Outcome};
pub use error::StoreError;
pub use grants::{Counted, Entry, GrantView, LiveSession, NewEntry};
pub use guesses::{Guesses, Reservation};
pub use migrate::{Migrated, Older, OlderItem, Position, Table};
pub use page::Page;
pub use sessions::EndedSession;
pub use users::{ChangeUser, CreateUser, CredentialVersion, User};

use aws_sdk_dynamodb::types::AttributeValue;

/// The names of the tables. A function that does not use a table has no name for it, and no right to it.
#[derive(Debug, Clone, Default)]
pub struct Tables {
    /// People, by id and by email.
    pub users: String,
    /// Registered applications.
    pub apps: String,
    /// Logins and their sealed internal tokens.
    pub sessions: String,
    /// What a user and an application share: the call counters, and which sessions are alive.
    pub grants: String,
    /// Failed logins.
    pub guesses: String,
    /// What operators did.
    pub audit: String,
}

/// The gateway's state.
#[derive(Debug, Clone)]
pub struct Store {
    client: aws_sdk_dynamodb::Client,
    tables: Tables,
}

impl Store {
    /// A store over these tables.
    pub fn new(client: aws_sdk_dynamodb::Client, tables: Tables) -> Self {
        Self { client, tables }
    }
}

/// A number as DynamoDB writes it.
fn number(value: impl Into<i128>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}
