//! The command line: each command is a noun and a verb. No argument is a secret, since other users can see arguments.

mod apps;
mod devices;
mod events;
mod users;

pub(crate) use apps::{
    AppChanges, Apps, Bound, CreateApp, Grant, IdTokenAlg, Kind, NotificationUriOrNone, RedirectUriOrNone, Requests,
    RotateSecret, Subscriptions, Window,
};
pub(crate) use devices::{Devices, RevokeDevices};
pub(crate) use events::{Events, ListEvents, ReplayEvents};
pub(crate) use users::{ChangeUser, CreateUser, FileFormat, Import, RoleName, Users, WhichPasskeys};

use crate::duration::Length;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use gateway_domain::ids::{ApiName, ClientId, ConnectorName, PlanName, SessionId};
use gateway_domain::time::Timestamp;
use gateway_store::Table;
use std::path::PathBuf;

/// Operates a mobile API gateway: its users, apps, sessions and keys.
#[derive(Debug, Parser)]
#[command(name = "gateway-admin", version, arg_required_else_help = true)]
#[command(after_help = "Variables and exit codes: gateway-admin --help", after_long_help = crate::shell::long_help())]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) target: Target,
    /// How results are printed
    #[arg(long, short, global = true, value_enum, default_value_t = Format::Table)]
    pub(crate) output: Format,
    /// Do what cannot be undone without asking
    #[arg(long, short, global = true)]
    pub(crate) yes: bool,
    /// The gateway.yaml that names of APIs, plans and scopes are checked against [default: that of the local stack, or
    /// infra/config/gateway.yaml here or above]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Arguments {
    /// Parses the command line. If it is wrong, prints why and ends the process.
    ///
    /// `--local` takes precedence over the variable `GATEWAY_STACK`, and either over `GATEWAY_URL`. Two of the options together are an
    /// error.
    pub(crate) fn read() -> Self {
        let mut command = Self::command();
        let matches = command.get_matches_mut();
        let mut arguments = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        if arguments.target.local.is_some() && matches.value_source("stack") == Some(ValueSource::CommandLine) {
            command
                .error(ErrorKind::ArgumentConflict, "the argument '--local' cannot be used with '--stack <NAME>'")
                .exit();
        }
        let by_name = ["stack", "local"].map(|name| matches.value_source(name) == Some(ValueSource::CommandLine));
        if matches.value_source("url") == Some(ValueSource::CommandLine) && by_name.contains(&true) {
            let words = "the argument '--url <URL>' cannot be used with '--stack' or '--local'";
            command.error(ErrorKind::ArgumentConflict, words).exit();
        }
        // What is said on the command line counts more than the environment.
        if by_name.contains(&true) {
            arguments.target.url = None;
        }
        arguments
    }
}

/// Which gateway.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// The stack of the gateway in AWS
    #[arg(long, global = true, value_name = "NAME", env = "GATEWAY_STACK", hide_env_values = true)]
    pub(crate) stack: Option<String>,
    /// A gateway, by its admin API: without AWS rights, as an app that the environment names
    #[arg(long, global = true, value_name = "URL", env = "GATEWAY_URL", hide_env_values = true)]
    pub(crate) url: Option<String>,
    /// The local stack that runs on this machine [default directory: .local here or above]
    #[arg(long, global = true, value_name = "DIR", num_args = 0..=1, require_equals = true)]
    #[expect(clippy::option_option, reason = "how clap says that an option may have a value")]
    pub(crate) local: Option<Option<PathBuf>>,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Users, who log in
    #[command(subcommand)]
    Users(Users),
    /// Applications, and the secrets of those that can keep one
    #[command(subcommand)]
    Apps(Apps),
    /// Which APIs an app may call
    #[command(subcommand)]
    Subscriptions(Subscriptions),
    /// What developers wait for
    #[command(subcommand)]
    Requests(Requests),
    /// Who is logged in where
    #[command(subcommand)]
    Sessions(Sessions),
    /// Devices of apps, each with a key of its own
    #[command(subcommand)]
    Devices(Devices),
    /// The keys of the gateway, never their values
    #[command(subcommand)]
    Keys(Keys),
    /// What operators did
    #[command(subcommand)]
    Audit(Audit),
    /// How often apps have called APIs
    #[command(subcommand)]
    Usage(Usage),
    /// Events on their way to systems of the company, and what became of them
    #[command(subcommand)]
    Events(Events),
    /// The configuration, before it is deployed
    #[command(subcommand)]
    Config(Config),
    /// What a request would meet, by a gateway.yaml
    #[command(subcommand)]
    Routes(Routes),
    /// Show what a plan does to traffic before it is used; asks no gateway
    SimulatePlan(SimulatePlan),
    /// Logins at legacy systems, as gateway.yaml has them
    #[command(subcommand)]
    Connector(Connector),
    /// Rewrite items of older versions as this version writes them; can be stopped and repeated
    Migrate(Migrate),
    /// Print what a shell needs to complete commands and options
    Completions {
        /// Which shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Write the manual pages
    Man {
        /// Where to, as man1 of a directory in MANPATH
        directory: PathBuf,
    },
}

/// `config …`
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Say whether a gateway.yaml is good, as the functions read it; asks no gateway
    Check {
        /// The file [default: --config, or infra/config/gateway.yaml here or above]
        file: Option<PathBuf>,
    },
}

/// `simulate-plan`
#[derive(Debug, Args)]
pub(crate) struct SimulatePlan {
    /// A plan of gateway.yaml
    #[arg(value_parser = PlanName::parse)]
    pub(crate) plan: PlanName,
    /// How calls are spread over time
    #[arg(long, value_enum, default_value_t = TrafficShape::Random)]
    pub(crate) shape: TrafficShape,
    /// Calls of a burst, with `--shape bursts`
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) burst: u32,
    /// How many calls are tried per second, minute or hour; of a day, at its peak
    #[arg(long, default_value = "2/s")]
    pub(crate) rate: Rate,
    /// How long it lasts, such as 10m or 24h
    #[arg(long = "for", default_value = "10m")]
    pub(crate) length: Length,
    /// From how many users of the app
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) users: u32,
    /// Through how many containers of the authorizer
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) containers: u32,
    /// To which API [default: the first]
    #[arg(long, value_parser = ApiName::parse)]
    pub(crate) api: Option<ApiName>,
    /// What each call weighs
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) weight: u32,
    /// When it begins, which days and months depend on [default: 2026-01-01T00:00:00Z]
    #[arg(long, value_name = "TIME", value_parser = crate::date_time::parse)]
    pub(crate) from: Option<Timestamp>,
    /// Write a plot to this file, as SVG
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
}

/// How calls are spread over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TrafficShape {
    /// One after the other at one pace
    Steady,
    /// With gaps from none to twice the mean
    Random,
    /// Many at once, and then a pause
    Bursts,
    /// Rising to the peak and falling again
    Day,
}

/// A number of calls in a time, such as `2/s`, `90/m` or `5000/h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) per_1000_s: u64,
}

impl std::str::FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = || {
            let (calls, unit) = text.split_once('/')?;
            let calls: u64 = calls.parse().ok().filter(|calls| (1..=1_000_000).contains(calls))?;
            let seconds = match unit {
                "s" => 1,
                "m" => 60,
                "h" => 3_600,
                _ => return None,
            };
            Some(Self { per_1000_s: calls.saturating_mul(1_000).div_ceil(seconds) })
        };
        parsed()
            .ok_or_else(|| format!("`{text}` is not a rate: write calls per s, m or h, such as 2/s, 90/m or 5000/h"))
    }
}

/// `routes …`
#[derive(Debug, Subcommand)]
pub(crate) enum Routes {
    /// Say which route a request has, what it needs and where it goes, or why it is refused; asks no gateway
    Check {
        /// The method, such as GET
        method: String,
        /// The path as it is sent, with or without a query
        path: String,
    },
    /// All routes, with what they ask for and where they lead
    List,
}

/// `connector …`
#[derive(Debug, Subcommand)]
pub(crate) enum Connector {
    /// Log in at a legacy system from here, show what each request and response was like without any secret, and log out
    /// again; the password is asked for, or read as one line from standard input. Asks no gateway
    Try(TryConnector),
}

/// `connector try`
#[derive(Debug, Args)]
pub(crate) struct TryConnector {
    /// Its name in gateway.yaml
    #[arg(value_parser = ConnectorName::parse)]
    pub(crate) name: ConnectorName,
    /// Whom to log in: the name at the legacy system
    #[arg(long, value_name = "NAME")]
    pub(crate) user: String,
    /// Also call this path of an API with this connector by GET, as the proxy would
    #[arg(long, value_name = "PATH")]
    pub(crate) call: Option<String>,
    /// Secrets that gateway.yaml names for it (TLS, Kerberos): each file of this directory is one, by its name
    #[arg(long, value_name = "DIR")]
    pub(crate) secrets: Option<PathBuf>,
}

/// `migrate`
#[derive(Debug, Args)]
pub(crate) struct Migrate {
    /// Only this table
    #[arg(long, value_enum, default_value_t = MigrateTable::All)]
    pub(crate) table: MigrateTable,
    /// Only count what would be rewritten
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What to migrate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MigrateTable {
    All,
    Users,
    Apps,
    Sessions,
    Activity,
    LoginAttempts,
    PendingSessions,
    BrowserLogins,
    Consents,
    Audit,
    Outbox,
    Codes,
    Organizations,
    Usage,
    Devices,
}

impl MigrateTable {
    pub(crate) const fn tables(self) -> &'static [Table] {
        match self {
            Self::All => &Table::ALL,
            Self::Users => &[Table::Users],
            Self::Apps => &[Table::Apps],
            Self::Sessions => &[Table::Sessions],
            Self::Activity => &[Table::Activity],
            Self::LoginAttempts => &[Table::LoginAttempts],
            Self::PendingSessions => &[Table::PendingSessions],
            Self::BrowserLogins => &[Table::BrowserLogins],
            Self::Consents => &[Table::Consents],
            Self::Audit => &[Table::Audit],
            Self::Outbox => &[Table::Outbox],
            Self::Codes => &[Table::Codes],
            Self::Organizations => &[Table::Organizations],
            Self::Usage => &[Table::Usage],
            Self::Devices => &[Table::Devices],
        }
    }
}

/// `sessions …`
#[derive(Debug, Subcommand)]
pub(crate) enum Sessions {
    /// Show the live sessions of a user
    List {
        /// E-mail address or user id
        user: String,
        /// Only those in this app
        #[arg(long, value_name = "CLIENT_ID", value_parser = ClientId::parse)]
        app: Option<ClientId>,
    },
    /// End sessions: the next call with them is refused, and they are logged out at back ends
    End(EndSessions),
    /// Queue again the logouts at back ends that are not done for sessions that have ended
    Logout,
}

/// `sessions end`
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct EndSessions {
    /// One session
    #[arg(value_parser = SessionId::parse, conflicts_with_all = ["user", "app", "all"])]
    pub(crate) session: Option<SessionId>,
    /// All sessions of this user (e-mail address or user id); with --app only those in that app
    #[arg(long, conflicts_with = "all")]
    pub(crate) user: Option<String>,
    /// All sessions in this app
    #[arg(long, value_name = "CLIENT_ID", value_parser = ClientId::parse, conflicts_with = "all")]
    pub(crate) app: Option<ClientId>,
    /// All sessions of everybody
    #[arg(long)]
    pub(crate) all: bool,
}

/// `keys …`
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum Keys {
    /// Show which keys there are and which are in use
    Status,
}

/// `audit …`
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Show what was done, the latest first
    List(AuditFilter),
}

/// `usage …`
#[derive(Debug, Subcommand)]
pub(crate) enum Usage {
    /// Show all apps that called on a day
    Day {
        /// The day in UTC, such as 2026-03-01 [default: today]
        day: Option<String>,
        /// Go on after this app
        #[arg(long, value_name = "CLIENT_ID", value_parser = ClientId::parse)]
        after: Option<ClientId>,
    },
    /// Show one app by hours or days
    Show(ShowUsage),
}

/// `usage show`
#[derive(Debug, Args)]
pub(crate) struct ShowUsage {
    /// The app
    #[arg(value_parser = ClientId::parse)]
    pub(crate) client_id: ClientId,
    /// Hours or days, both in UTC
    #[arg(long, value_enum, default_value_t = UsageStep::Day)]
    pub(crate) by: UsageStep,
    /// The first, such as 2026-03-01 or 2026-03-01T09 [default: 30 days or 48 hours before the last]
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// The last [default: that of now]
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
}

/// What usage is shown by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum UsageStep {
    /// Hours
    Hour,
    /// Days
    Day,
}

impl UsageStep {
    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }
}

/// `audit list`
#[derive(Debug, Args)]
pub(crate) struct AuditFilter {
    /// How far to look back, as 12h or 30d
    #[arg(long, value_name = "TIME", default_value = "7d")]
    pub(crate) since: Length,
    /// Only acts that begin with this, as "users" or "apps rotate-secret"
    #[arg(long)]
    pub(crate) act: Option<String>,
    /// Only acts on a subject that contains this, as a user id or a client id
    #[arg(long)]
    pub(crate) subject: Option<String>,
    /// Show at most so many
    #[arg(long, default_value_t = 100)]
    pub(crate) limit: usize,
}
