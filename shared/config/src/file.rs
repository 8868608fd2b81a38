//! The fields of gateway.yaml, as the file writes them.

use crate::accounts::Accounts;
use crate::api::Api;
use crate::app_families::AppFamily;
use crate::connector::ConnectorConfig;
use crate::cors::CorsFields;
use crate::devices::Devices;
use crate::duration;
use crate::events::Destination;
use crate::hooks::Hooks;
use crate::issuers::ForeignIssuer;
use crate::localized::{LocalizedText, WrittenText};
use crate::pages::Pages;
use crate::passkeys::Passkeys;
use crate::portal::{DeveloperPortal, PlanOffer};
use crate::registration::Registration;
use crate::text::{Audience, ScopeToken};
use crate::url::Issuer;
use gateway_domain::ids::{ApiName, ConnectorName, DestinationName, FamilyName, IssuerName, LimitName, PlanName};
use gateway_domain::rate_limit::{Limit, Per, Period, Plan, TimeZone};
use gateway_domain::time::Seconds;
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::collections::{BTreeMap, BTreeSet};

/// The configuration of a mobile API gateway.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "gateway.yaml")]
pub(crate) struct File {
    /// Who issues the tokens (RFC 8414 §2). Without it, the value of the stage variable `issuer`.
    pub(crate) issuer: Option<Issuer>,
    /// Who the access tokens are for (RFC 9068 §2.2, `aud`). Without it, the issuer.
    pub(crate) audience: Option<Audience>,
    /// How long tokens and sessions live.
    #[serde(default)]
    pub(crate) lifetimes: Lifetimes,
    /// How many sessions one user may have in one application at once, 1 to 16. When there are more, the least recently
    /// refreshed one ends.
    #[serde(default = "default_sessions")]
    #[schemars(range(min = 1, max = 16))]
    pub(crate) sessions_per_user_and_app: u32,
    /// The scopes that exist, each with a sentence for users, or one for each language. When present, routes can use no
    /// others.
    #[schemars(with = "Option<BTreeMap<ScopeToken, WrittenText>>")]
    pub(crate) scopes: Option<BTreeMap<ScopeToken, LocalizedText>>,
    /// How the pages for users look, and where they lead for help.
    #[serde(default)]
    pub(crate) pages: Pages,
    /// Which accounts people can make for themselves.
    #[serde(default)]
    pub(crate) accounts: Accounts,
    /// Systems of the company that are asked before tokens are given out.
    #[serde(default)]
    pub(crate) hooks: Hooks,
    /// Systems that are told of events. Without it, none is.
    #[serde(default)]
    #[schemars(with = "BTreeMap<Name, Destination>", extend("maxProperties" = 8))]
    pub(crate) events: BTreeMap<DestinationName, Destination>,
    /// Other issuers, whose refresh tokens apps trade in for tokens of the gateway. Without it, none is taken.
    #[serde(default)]
    #[schemars(with = "BTreeMap<Name, ForeignIssuer>", extend("maxProperties" = 4))]
    pub(crate) issuers: BTreeMap<IssuerName, ForeignIssuer>,
    /// Devices that apps register by keys of their own. Without it, none does.
    pub(crate) devices: Option<Devices>,
    /// Passkeys, by which people log in without a password. Without it, there are none.
    pub(crate) passkeys: Option<Passkeys>,
    /// Families of apps that share logins on one device, by a name of your own. Without it, each app has logins of its own.
    #[serde(default)]
    #[schemars(with = "BTreeMap<Name, AppFamily>")]
    pub(crate) app_families: BTreeMap<FamilyName, AppFamily>,
    /// Applications that register themselves (RFC 7591). Without it, none does.
    pub(crate) registration: Option<Registration>,
    /// Developers, who register applications by themselves. Without it, operators alone register them.
    pub(crate) portal: Option<DeveloperPortal>,
    /// The web pages that may call. Without it, no page of another origin may.
    pub(crate) cors: Option<CorsFields>,
    /// The time zone of days and months, by its name in the IANA database, such as `Europe/Rome`.
    #[serde(default = "utc", deserialize_with = "time_zone")]
    #[schemars(with = "String", extend("default" = "UTC"))]
    pub(crate) time_zone: TimeZone,
    /// What applications may use in which time.
    #[serde(deserialize_with = "plans")]
    #[schemars(with = "BTreeMap<Name, PlanFields>", extend("minProperties" = 1))]
    pub(crate) plans: BTreeMap<PlanName, PlanEntry>,
    /// The legacy systems that the gateway logs in to.
    #[serde(default)]
    #[schemars(with = "BTreeMap<Name, ConnectorConfig>")]
    pub(crate) connectors: BTreeMap<ConnectorName, ConnectorConfig>,
    /// The APIs that the gateway serves.
    #[schemars(with = "BTreeMap<Name, Api>", extend("minProperties" = 1))]
    pub(crate) apis: BTreeMap<ApiName, Api>,
}

impl File {
    /// Every scope that is declared or that a route needs.
    pub(crate) fn known_scopes(&self) -> BTreeSet<&str> {
        let declared = self.scopes.iter().flatten().map(|(token, _)| token.as_str());
        let routes = self.apis.values().flat_map(|api| &api.routes);
        let needed = routes.flat_map(|route| route.methods.iter()).flat_map(|(_, needed)| needed.iter());
        declared.chain(needed).collect()
    }
}

/// How long tokens and sessions live.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Lifetimes {
    /// How long an access token is valid, 1 s to 1 h. Short lifetimes limit what a stolen token can do (RFC 9700 §2.2.1).
    #[serde(deserialize_with = "duration::seconds")]
    #[schemars(with = "duration::Text", extend("default" = "10m"))]
    pub access_token: Seconds,
    /// How long a session lasts without a refresh.
    #[serde(deserialize_with = "duration::seconds")]
    #[schemars(with = "duration::Text", extend("default" = "30d"))]
    pub session_idle: Seconds,
    /// How long a session lasts at most, however often it is refreshed.
    #[serde(deserialize_with = "duration::seconds")]
    #[schemars(with = "duration::Text", extend("default" = "90d"))]
    pub session_absolute: Seconds,
    /// How long a used refresh token still returns the successor that it returned first, 0 s to 24 h. A client whose
    /// response was lost can so repeat the request.
    #[serde(deserialize_with = "duration::seconds")]
    #[schemars(with = "duration::Text", extend("default" = "5m"))]
    pub refresh_retry_window: Seconds,
    /// How long a browser in which a user has logged in on the gateway's pages stays logged in without use.
    #[serde(deserialize_with = "duration::seconds")]
    #[schemars(with = "duration::Text", extend("default" = "1h"))]
    pub browser_idle: Seconds,
    /// How long it stays logged in at most.
    #[serde(deserialize_with = "duration::seconds")]
    #[schemars(with = "duration::Text", extend("default" = "12h"))]
    pub browser_absolute: Seconds,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            access_token: Seconds::new(600),
            session_idle: Seconds::new(30 * 86_400),
            session_absolute: Seconds::new(90 * 86_400),
            refresh_retry_window: Seconds::new(300),
            browser_idle: Seconds::new(3_600),
            browser_absolute: Seconds::new(12 * 3_600),
        }
    }
}

/// What a plan allows.
#[derive(Debug)]
pub(crate) struct PlanEntry {
    pub(crate) plan: Plan,
    pub(crate) sessions: Option<u32>,
    pub(crate) offer: Option<PlanOffer>,
    /// Further limits as they are written.
    pub(crate) written: BTreeMap<LimitName, LimitFields>,
}

/// A plan as the file writes it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Plan")]
struct PlanFields {
    /// The calls that are allowed in any window of this length, per user and application. This limit has the name `default`.
    #[schemars(range(min = 1))]
    calls: u32,
    /// The window's length, 12 s to 1 h.
    #[serde(deserialize_with = "duration::seconds")]
    #[schemars(with = "duration::Text")]
    window: Seconds,
    /// How many sessions one user may have at once in an application with this plan, 1 to 16, if other than
    /// `sessions_per_user_and_app`.
    #[schemars(range(min = 1, max = 16))]
    sessions: Option<u32>,
    /// Further limits, at most 7, by names of up to 16 characters that clients are told. All of them hold.
    #[serde(default)]
    #[schemars(with = "BTreeMap<ShortName, LimitFields>", extend("maxProperties" = 7))]
    limits: BTreeMap<LimitName, LimitFields>,
    /// Offers the plan to developers, for a subscription.
    offer: Option<PlanOffer>,
}

/// A further limit of a plan.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Limit")]
pub(crate) struct LimitFields {
    /// The calls that are allowed in the window or period.
    #[schemars(range(min = 1))]
    pub(crate) calls: u32,
    /// The length of a window that slides, 1 s to 1 h.
    #[serde(default, deserialize_with = "duration::optional_seconds")]
    #[schemars(with = "Option<duration::Text>")]
    pub(crate) window: Option<Seconds>,
    /// Instead of `window`: a day or a month of the calendar, in the `time_zone` of the gateway.
    pub(crate) every: Option<Every>,
    /// Who shares the limit: one user in the application, or all users of the application.
    #[serde(default)]
    pub(crate) per: Sharing,
    /// The API whose calls count. Without it, those to all APIs do.
    #[schemars(with = "Option<Name>")]
    pub(crate) api: Option<ApiName>,
}

/// A period of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Every {
    Day,
    Month,
}

/// Who shares a limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sharing {
    #[default]
    User,
    App,
}

impl LimitFields {
    /// The limit; a period that is not written, which the check refuses, is a day.
    fn to_limit(&self) -> Limit {
        let period = match (self.window, self.every) {
            (Some(length), _) => Period::Window(length),
            (None, Some(Every::Month)) => Period::Month,
            (None, Some(Every::Day) | None) => Period::Day,
        };
        let per = match self.per {
            Sharing::User => Per::User,
            Sharing::App => Per::App,
        };
        Limit { calls: self.calls, period, per, api: self.api.clone() }
    }
}

/// A name: up to 32 characters of a-z, 0-9 and -.
#[derive(JsonSchema, PartialEq, Eq, PartialOrd, Ord)]
#[schemars(extend("pattern" = "^[a-z0-9-]{1,32}$"))]
pub(crate) struct Name(String);

/// A name: up to 16 characters of a-z, 0-9 and -.
#[derive(JsonSchema, PartialEq, Eq, PartialOrd, Ord)]
#[schemars(extend("pattern" = "^[a-z0-9-]{1,16}$"))]
struct ShortName(String);

/// The name of a plan's own limit.
pub(crate) const DEFAULT: &str = "default";

const fn default_sessions() -> u32 {
    8
}

fn plans<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<PlanName, PlanEntry>, D::Error> {
    let written = BTreeMap::<PlanName, PlanFields>::deserialize(deserializer)?;
    let default = LimitName::parse(DEFAULT).map_err(D::Error::custom)?;
    let entry = |PlanFields { calls, window, sessions, limits: written, offer }| {
        let own = Limit { calls, period: Period::Window(window), per: Per::User, api: None };
        let further = written.iter().map(|(name, limit)| (name.clone(), limit.to_limit()));
        let limits = std::iter::once((default.clone(), own)).chain(further).collect();
        PlanEntry { plan: Plan { limits }, sessions, offer, written }
    };
    Ok(written.into_iter().map(|(name, fields)| (name, entry(fields))).collect())
}

fn utc() -> TimeZone {
    TimeZone::UTC
}

fn time_zone<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TimeZone, D::Error> {
    let name = String::deserialize(deserializer)?;
    TimeZone::get(&name).map_err(|_| {
        D::Error::custom(format!(
            "`{name}` is not a time zone: write its name in the IANA database, such as Europe/Rome"
        ))
    })
}
