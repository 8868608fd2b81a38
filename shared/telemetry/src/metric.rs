//! The one list of metrics: names, dimensions and units, to which alarms and dashboards refer.

/// Something that happened in an invocation. Grants, reasons and outcomes come from closed sets. No dimension is a user, or
/// a text that a client chooses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Metric<'a> {
    /// A container handles its first invocation.
    ColdStart,
    /// Tokens were issued for a login.
    Login {
        /// The grant, as `grant_type` names it.
        grant: &'static str,
        /// The registered application.
        app: &'a str,
    },
    /// A service asked for a token of a legacy system.
    Exchange {
        /// The API's name in the configuration.
        api: &'a str,
        /// `handed_out`, `refused` or `failed`.
        outcome: &'static str,
    },
    /// A refresh token was presented.
    Refresh {
        /// `rotated`, `replayed` or `refused`.
        outcome: &'static str,
    },
    /// A refresh token of another issuer was presented.
    TradeIn {
        /// The issuer's name in the configuration.
        issuer: &'a str,
        /// `traded`, `repeated`, `refused`, `unknown_user`, `limited`, `waiting` or `failed`.
        outcome: &'static str,
    },
    /// A replaced refresh token was used too late to be a repeated request, so its session was ended (RFC 9700 §4.14.2).
    ReuseDetected,
    /// A request was refused or failed.
    Refusal {
        /// The kind of failure, from the function's closed set.
        reason: &'static str,
    },
    /// The authorizer decided about a call.
    Decision {
        /// The decision; [`ADMITTED`] is the usual one.
        outcome: &'static str,
    },
    /// A call was refused because its limit was reached.
    ThrottledCall,
    /// Write units that counting a call in the authorizer consumed.
    WriteUnits(f64),
    /// A request to a legacy system: to begin, renew or end a session.
    Connector {
        /// The connector's name in the configuration.
        connector: &'a str,
        /// How long it took, in milliseconds.
        millis: i64,
        /// Whether the legacy system failed. A refusal, such as of a wrong password, is no failure.
        failed: bool,
    },
    /// A call was forwarded to its back end.
    BackEnd {
        /// The API's name in the configuration.
        api: &'a str,
        /// How long it took until the head of the response was there, in milliseconds.
        millis: i64,
        /// Whether there was no response to pass on, or one with a status of 500 or above.
        failed: bool,
    },
    /// A response of a back end was cut off in its body: the client knows that it is not complete.
    BackEndCut {
        /// The API's name in the configuration.
        api: &'a str,
    },
    /// A mail left the outbox, or could not.
    Mail {
        /// `sent`, `deferred`, `suppressed`, `refused` or `given_up`.
        outcome: &'static str,
    },
    /// An application was told that a session has ended, or could not be.
    LogoutNotice {
        /// `done`, `deferred` or `given_up`.
        outcome: &'static str,
    },
    /// An event was delivered to a destination, or could not be.
    Event {
        /// The destination's name.
        destination: &'a str,
        /// Whether operators name it. What developers name is counted by itself alone, so that no alarm of operators rings for a server of
        /// theirs.
        operated: bool,
        /// `delivered`, `deferred` or `given_up`.
        outcome: &'static str,
    },
    /// A response moved the session at a back end to another id, or ended it.
    MovedSession {
        /// `replaced`, `kept` (another response was first), `cacheable` (it was not believed) or `failed`.
        outcome: &'static str,
    },
    /// Keys could not be read again or cannot be used; the last good ones stay in use.
    KeysStale,
    /// The container's clock is wrong beyond what is corrected.
    ClockOff,
}

/// The outcome of an admitted call: the only decision whose metric can wait.
pub const ADMITTED: &str = "admitted";

/// When a metric must be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Urgency {
    /// With others, after many values or some time.
    Leisurely,
    /// At the end of its invocation, unless a line was written for this urgency a moment ago: it may come in masses.
    Soon,
    /// At the end of its invocation.
    Now,
}

/// How values of a metric are combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Added up.
    Count,
    /// Each value is kept, for percentiles.
    Milliseconds,
}

impl Unit {
    /// The name of the unit in CloudWatch.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Milliseconds => "Milliseconds",
        }
    }
}

/// A metric as CloudWatch sees it.
pub(crate) struct Described<'a> {
    pub(crate) urgency: Urgency,
    /// The sets of dimensions under which CloudWatch keeps the values. Each name is in `dimensions`, or is [`FUNCTION`].
    pub(crate) sets: &'static [&'static [&'static str]],
    pub(crate) dimensions: Vec<(&'static str, &'a str)>,
    pub(crate) values: Vec<(&'static str, Unit, f64)>,
}

/// The dimension that holds the function's own name.
pub(crate) const FUNCTION: &str = "Function";

impl<'a> Metric<'a> {
    /// The list of metrics; `docs/operations-metrics.md` says how to use them.
    pub(crate) fn described(self) -> Described<'a> {
        use Unit::{Count, Milliseconds};
        use Urgency::{Leisurely, Now, Soon};
        let one =
            |urgency, sets, dimensions, name| Described { urgency, sets, dimensions, values: vec![(name, Count, 1.0)] };
        let exchange = |sets, dimension, latency, failures, millis, failed: bool| Described {
            urgency: if failed { Soon } else { Leisurely },
            sets,
            dimensions: vec![dimension],
            values: vec![(latency, Milliseconds, whole(millis)), (failures, Count, if failed { 1.0 } else { 0.0 })],
        };
        match self {
            Self::ColdStart => one(Now, &[&[FUNCTION]], vec![], "ColdStarts"),
            Self::Login { grant, app } => {
                one(Now, &[&["Grant"], &["Grant", "App"]], vec![("Grant", grant), ("App", app)], "Logins")
            }
            Self::Exchange { api, outcome } => {
                one(Now, &[&["Api"], &["Api", "Outcome"]], vec![("Api", api), ("Outcome", outcome)], "Exchanges")
            }
            Self::Refresh { outcome } => one(Now, &[&["Outcome"]], vec![("Outcome", outcome)], "Refreshes"),
            Self::TradeIn { issuer, outcome } => {
                let dimensions = vec![("Issuer", issuer), ("Outcome", outcome)];
                one(Now, &[&["Outcome"], &["Issuer", "Outcome"]], dimensions, "TradeIns")
            }
            Self::ReuseDetected => one(Now, &[&[]], vec![], "ReuseDetected"),
            Self::Refusal { reason } => {
                one(Soon, &[&[FUNCTION], &[FUNCTION, "Reason"]], vec![("Reason", reason)], "Refusals")
            }
            Self::Decision { outcome } => {
                let urgency = if outcome == ADMITTED { Leisurely } else { Soon };
                one(urgency, &[&[], &["Outcome"]], vec![("Outcome", outcome)], "Decisions")
            }
            Self::ThrottledCall => one(Soon, &[&[]], vec![], "ThrottledCalls"),
            Self::WriteUnits(units) => Described {
                urgency: Leisurely,
                sets: &[&[]],
                dimensions: vec![],
                values: vec![("AuthorizerWriteUnits", Count, units)],
            },
            Self::Connector { connector, millis, failed } => Described {
                urgency: Now,
                ..exchange(
                    &[&["Connector"]],
                    ("Connector", connector),
                    "ConnectorLatency",
                    "ConnectorFailures",
                    millis,
                    failed,
                )
            },
            Self::BackEnd { api, millis, failed } => {
                exchange(&[&["Api"]], ("Api", api), "BackEndLatency", "BackEndFailures", millis, failed)
            }
            Self::BackEndCut { api } => one(Soon, &[&["Api"]], vec![("Api", api)], "BackEndCuts"),
            Self::Mail { outcome } => one(Now, &[&["Outcome"]], vec![("Outcome", outcome)], "Mails"),
            Self::LogoutNotice { outcome } => one(Now, &[&["Outcome"]], vec![("Outcome", outcome)], "LogoutNotices"),
            Self::Event { destination, operated, outcome } => one(
                Soon,
                if operated { &[&["Outcome"], &["Destination", "Outcome"]] } else { &[&["Destination", "Outcome"]] },
                vec![("Destination", destination), ("Outcome", outcome)],
                "Events",
            ),
            Self::MovedSession { outcome } => {
                let urgency = if matches!(outcome, "failed" | "cacheable") { Soon } else { Leisurely };
                one(urgency, &[&["Outcome"]], vec![("Outcome", outcome)], "MovedSessions")
            }
            Self::KeysStale => one(Now, &[&[], &[FUNCTION]], vec![], "KeysStale"),
            Self::ClockOff => one(Now, &[&[], &[FUNCTION]], vec![], "ClockOff"),
        }
    }
}

/// Milliseconds for CloudWatch: not negative, and small enough for a float to hold exactly.
fn whole(millis: i64) -> f64 {
    f64::from(u32::try_from(millis.max(0)).unwrap_or(u32::MAX))
}
