//! The gateway's DynamoDB tables, one file each; their condition expressions decide races.

mod accounts;
mod activity;
mod apps;
mod audit;
mod browser_logins;
mod codes;
mod consents;
mod deliveries;
mod developers;
mod devices;
mod error;
mod jars;
mod login_attempts;
mod migrate;
mod organizations;
mod outbox;
mod page;
mod pending_sessions;
mod projection;
mod refusal;
mod sessions;
mod trade_ins;
mod ttl;
mod turns;
mod usage;
mod users;
mod version;

pub use accounts::{Accounts, Following, Holder};
pub use activity::{Activity, ActivityView, Counted, Entry, LiveSession, NewEntry};
pub use apps::{
    App, AppKind, AppLogout, AppSettings, AppWebhook, Apps, CallingApp, Dpop, GrantType, PreviousSecret, Requested,
    Revision, Subscription, WriteApp,
};
pub use audit::{Audit, AuditRow, Outcome, day_and_time};
pub use browser_logins::{BegunSession, BrowserLogin, BrowserLogins, MAX_SESSIONS};
pub use codes::{Code, Codes, Purpose};
pub use consents::{Consent, Consents};
pub use deliveries::{ClaimedQueue, Deliveries, Delivery, DeliveryOutcome, WaitingEvent, WaitingQueue};
pub use developers::{AppWrite, Developers};
pub use devices::{Device, Devices, Linked, MAX_DEVICES};
pub use error::StoreError;
pub use jars::{Jars, StoredJar};
pub use login_attempts::{CountedAttempts, LoginAttempts, Reservation};
pub use migrate::{Migrated, Older, OlderItem, Position, Table};
pub use organizations::{
    Invitation, MAX_APPS, MAX_MEMBERS, MAX_ORGANIZATIONS, Member, MemberRole, Organization, Organizations, Waiting,
};
pub use outbox::{NewEnding, NewMail, Outbox, Queued, QueuedEnding, QueuedMail, QueuedNotice, Undeliverable};
pub use page::Page;
pub use pending_sessions::PendingSessions;
pub use sessions::{EndedSession, SessionLogin, Sessions, ShownSession};
pub use trade_ins::TradeIns;
pub use turns::Turns;
pub use usage::{Added, DayOfUsage, Usage, Used};
pub use users::{
    AddPasskey, ChangeUser, CreateUser, CredentialVersion, KnownUser, SecondFactor, SubjectHolder, User, UserState,
    Users, WayBack,
};
pub use version::CURRENT as ITEM_VERSION;

use aws_sdk_dynamodb::types::AttributeValue;

/// The names of all tables.
#[derive(Debug, Clone, Default)]
pub struct Tables {
    /// As [`Store::users`].
    pub users: String,
    /// As [`Store::apps`].
    pub apps: String,
    /// As [`Store::sessions`].
    pub sessions: String,
    /// As [`Store::activity`].
    pub activity: String,
    /// As [`Store::attempts`].
    pub login_attempts: String,
    /// As [`Store::pending`].
    pub pending_sessions: String,
    /// As [`Store::browser_logins`].
    pub browser_logins: String,
    /// As [`Store::consents`].
    pub consents: String,
    /// As [`Store::audit`].
    pub audit: String,
    /// As [`Store::outbox`].
    pub outbox: String,
    /// As [`Store::codes`].
    pub codes: String,
    /// As [`Developers::organizations`].
    pub organizations: String,
    /// As [`Store::usage`].
    pub usage: String,
    /// As [`Store::devices`].
    pub devices: String,
}

impl Tables {
    /// The names of the tables with these logical ids in `template.yaml`.
    ///
    /// # Errors
    /// The first error of `name`.
    pub fn named<E>(mut name: impl FnMut(&'static str) -> Result<String, E>) -> Result<Self, E> {
        Ok(Self {
            users: name("UsersTable")?,
            apps: name("AppsTable")?,
            sessions: name("SessionsTable")?,
            activity: name("ActivityTable")?,
            login_attempts: name("LoginAttemptsTable")?,
            pending_sessions: name("PendingSessionsTable")?,
            browser_logins: name("BrowserLoginsTable")?,
            consents: name("ConsentsTable")?,
            outbox: name("OutboxTable")?,
            codes: name("CodesTable")?,
            audit: name("AuditTable")?,
            organizations: name("OrganizationsTable")?,
            usage: name("UsageTable")?,
            devices: name("DevicesTable")?,
        })
    }

    /// The tables whose names are these logical ids behind a prefix.
    pub fn prefixed(prefix: &str) -> Self {
        let named = Self::named(|id| Ok::<_, std::convert::Infallible>(format!("{prefix}{id}")));
        named.unwrap_or_else(|never| match never {})
    }
}

/// All tables, for operators, migrations and tests. A function holds only the tables that its role allows.
#[derive(Debug, Clone)]
pub struct Store {
    client: aws_sdk_dynamodb::Client,
    /// Users, by id and by address.
    pub users: Users,
    /// Registered applications.
    pub apps: Apps,
    /// Sessions and their sealed internal tokens.
    pub sessions: Sessions,
    /// What has become of refresh tokens of other issuers.
    pub trade_ins: TradeIns,
    /// Call counters and live sessions of each pair of user and application.
    pub activity: Activity,
    /// Login attempts, counted before they are evaluated.
    pub attempts: LoginAttempts,
    /// Logins on the gateway's pages whose codes are not redeemed.
    pub pending: PendingSessions,
    /// Browsers in which a user is logged in on the gateway's pages.
    pub browser_logins: BrowserLogins,
    /// What users let applications do.
    pub consents: Consents,
    /// The acts of operators.
    pub audit: Audit,
    /// Mails to send, and addresses that take none.
    pub outbox: Outbox,
    /// Events on their way to destinations.
    pub deliveries: Deliveries,
    /// Codes and links of mails.
    pub codes: Codes,
    /// What people do with their own accounts.
    pub accounts: Accounts,
    /// Changes of applications, and organizations of developers.
    pub developers: Developers,
    /// How often applications have called APIs.
    pub usage: Usage,
    /// Devices of applications, and whose they are.
    pub devices: Devices,
}

impl Store {
    /// The store over these tables.
    pub fn new(client: aws_sdk_dynamodb::Client, tables: Tables) -> Self {
        let users = Users::new(client.clone(), tables.users);
        let deliveries = Deliveries::new(client.clone(), tables.outbox.clone());
        let outbox = Outbox::new(client.clone(), tables.outbox);
        let codes = Codes::new(client.clone(), tables.codes);
        let apps = Apps::new(client.clone(), tables.apps);
        let organizations = Organizations::new(client.clone(), tables.organizations);
        Self {
            developers: Developers::new(client.clone(), apps.clone(), organizations, outbox.clone()),
            accounts: Accounts::new(client.clone(), users.clone(), codes.clone(), outbox.clone()),
            users,
            apps,
            trade_ins: TradeIns::new(client.clone(), tables.sessions.clone()),
            sessions: Sessions::new(client.clone(), tables.sessions),
            activity: Activity::new(client.clone(), tables.activity),
            attempts: LoginAttempts::new(client.clone(), tables.login_attempts),
            pending: PendingSessions::new(client.clone(), tables.pending_sessions),
            browser_logins: BrowserLogins::new(client.clone(), tables.browser_logins),
            consents: Consents::new(client.clone(), tables.consents),
            audit: Audit::new(client.clone(), tables.audit),
            outbox,
            deliveries,
            codes,
            usage: Usage::new(client.clone(), tables.usage),
            devices: Devices::new(client.clone(), tables.devices),
            client,
        }
    }
}

/// A number as DynamoDB writes it.
fn number(value: impl Into<i128>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}
