//! What is measured: the one list of names, dimensions and units, which alarms and dashboards refer to.

/// Something that happened in an invocation. Names of grants, reasons and outcomes come from closed sets; nothing a
/// caller chooses is ever a dimension, and neither is a user.
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
    /// A refresh token was presented.
    Refresh {
        /// `rotated`, `replayed` or `refused`.
        outcome: &'static str,
    },
    /// A refresh token was used after its time, so its session was ended.
    ReuseDetected,
    /// A request was not answered as asked.
    Refusal {
        /// Why, from the function's own list of failures.
        reason: &'static str,
    },
    /// The authorizer decided about a call.
    Decision {
        /// What it decided; [`ADMITTED`] is the usual one.
        outcome: &'static str,
    },
    /// A call was refused because its limit was reached.
    ThrottledCall,
    /// Write units the authorizer's count cost.
    WriteUnits(f64),
    /// A legacy system was asked for a session, or to end one.
    Connector {
        /// The connector's name in the configuration.
        connector: &'a str,
        /// How long it took, in milliseconds.
        millis: i64,
        /// Whether it could not do its part. A wrong password is no failure.
        failed: bool,
    },
    /// A call was carried to its back end.
    BackEnd {
        /// The API's name in the configuration.
        api: &'a str,
        /// How long it took, in milliseconds.
        millis: i64,
        /// Whether there was no response to pass on, or one of 500 and above.
        failed: bool,
    },
    /// Keys could not be read anew and old ones are used on.
    KeysStale,
    /// The container's clock is wrong beyond what is corrected.
    ClockOff,
}

/// The outcome of a decision that can wait to be told.
pub const ADMITTED: &str = "admitted";

/// When a metric has to leave the container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Urgency {
    /// With others, when there are many or some time has passed.
    Leisurely,
    /// At the end of its invocation, unless a line was written just before.
    Soon,
    /// At the end of its invocation.
    Now,
}

/// How values are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Added up.
    Count,
    /// Each kept, for percentiles.
    Milliseconds,
}

impl Unit {
    /// As CloudWatch writes it.
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
    /// Sets of dimensions under which the values are kept; all names are in `dimensions`, or `Function`.
    pub(crate) sets: &'static [&'static [&'static str]],
    pub(crate) dimensions: Vec<(&'static str, &'a str)>,
    pub(crate) values: Vec<(&'static str, Unit, f64)>,
}

/// The dimension every function fills in itself.
pub(crate) const FUNCTION: &str = "Function";

impl<'a> Metric<'a> {
    /// The list; `docs/operations-metrics.md` tells what to make of it.
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
            Self::Refresh { outcome } => one(Now, &[&["Outcome"]], vec![("Outcome", outcome)], "Refreshes"),
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
            Self::KeysStale => one(Now, &[&[], &[FUNCTION]], vec![], "KeysStale"),
            Self::ClockOff => one(Now, &[&[], &[FUNCTION]], vec![], "ClockOff"),
        }
    }
}

/// Milliseconds as CloudWatch wants them: not negative, and far below what a float holds exactly.
fn whole(millis: i64) -> f64 {
    f64::from(u32::try_from(millis.max(0)).unwrap_or(u32::MAX))
}
