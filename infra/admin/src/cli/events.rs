//! The commands `events …`.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use gateway_domain::ids::DestinationName;
use gateway_domain::time::Timestamp;

/// `events …`
#[derive(Debug, Subcommand)]
pub(crate) enum Events {
    /// Show what became of the events of a day, the latest first
    List(ListEvents),
    /// Show of whom or what events wait, when they are tried next, and why the last attempt failed
    Waiting {
        /// Only at this destination
        #[arg(long, value_name = "NAME", value_parser = DestinationName::parse)]
        destination: Option<DestinationName>,
    },
    /// Send again all events that a destination was told of in a time, or not told of because they were given up
    Replay(ReplayEvents),
}

/// `events list`
#[derive(Debug, Args)]
pub(crate) struct ListEvents {
    /// The day in UTC, such as 2026-03-01 [default: today]
    #[arg(long)]
    pub(crate) day: Option<String>,
    /// Only those to this destination
    #[arg(long, value_name = "NAME")]
    pub(crate) destination: Option<String>,
    /// Only those that ended so: `delivered` or `given_up`
    #[arg(long)]
    pub(crate) outcome: Option<String>,
    /// Show at most so many
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) limit: u16,
    /// Go on after this one, which the list before named as its end
    #[arg(long, value_name = "AT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) after: Option<String>,
}

/// `events replay`
#[derive(Debug, Args)]
pub(crate) struct ReplayEvents {
    /// To which destination
    #[arg(long, value_name = "NAME", value_parser = DestinationName::parse)]
    pub(crate) destination: DestinationName,
    /// Those that were delivered or given up from this time on, such as 2026-03-01T09:30:00Z
    #[arg(long, value_name = "TIME", value_parser = crate::date_time::parse)]
    pub(crate) from: Timestamp,
    /// And until this time, at most a day later
    #[arg(long, value_name = "TIME", value_parser = crate::date_time::parse)]
    pub(crate) to: Timestamp,
}
