//! `events …`: what became of events, what waits, and events that are sent again.

use crate::cli::{Events, ListEvents, ReplayEvents};
use crate::context::Context;
use crate::date_time;
use crate::error::Error;
use crate::output::{self, Printer};
use gateway_administration::{
    DeliveryFilter, Replayed, Replays, Time, deliveries_of, destinations, millis, shown_delivery, shown_queue,
    waiting_at,
};
use gateway_domain::ids::DestinationName;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// How many subjects of each destination are shown.
const MOST_WAITING: usize = 1_000;

/// The columns of its lists.
pub(crate) const COLUMNS: [(&str, &str); 7] = [
    ("TIME (UTC)", "/time"),
    ("DESTINATION", "/destination"),
    ("TYPE", "/event/type"),
    ("SUBJECT", "/event/subject"),
    ("ID", "/event/id"),
    ("OUTCOME", "/outcome"),
    ("ATTEMPTS", "/attempts"),
];
const WAITING: [(&str, &str); 5] = [
    ("DESTINATION", "/destination"),
    ("SUBJECT", "/subject"),
    ("ATTEMPTS", "/attempts"),
    ("NEXT ATTEMPT", "/due_at"),
    ("WHY THE LAST ONE FAILED", "/reason"),
];

pub(crate) async fn run(context: &Context, command: Events) -> Result<(), Error> {
    let table = &context.connection.store.deliveries;
    match command {
        Events::List(wanted) => list(context, wanted).await,
        Events::Waiting { destination } => {
            let page = waiting_at(table, &these(context, destination)?, MOST_WAITING).await?;
            let items: Vec<Json> = page.items.iter().map(|(name, queue)| shown_queue(name, queue)).collect();
            print_waiting(context.print, &items, page.more);
            Ok(())
        }
        Events::Replay(wanted) => {
            let acts = context.acts();
            let replays = Replays { acts: &acts, deliveries: table, names: context.catalogue.names()? };
            let part = async |from: String, to: String| -> Result<(u64, Option<String>), Error> {
                let within = (time(&from)?, time(&to)?);
                let Replayed { sent, next } = replays.all(&wanted.destination, within).await?;
                Ok((u64::try_from(sent).unwrap_or(u64::MAX), next))
            };
            replay(context.print, &wanted, part).await
        }
    }
}

async fn list(context: &Context, wanted: ListEvents) -> Result<(), Error> {
    let ListEvents { day, destination, outcome, limit, after } = wanted;
    let day = Time::day(date_time::now(), day.as_deref());
    let day = day.map_err(|(field, reason)| Error::Invalid(format!("--{field}: {reason}")))?.to_string();
    let filter = DeliveryFilter::of(destination.as_deref(), outcome.as_deref())?;
    let (mut items, mut next): (Vec<Json>, _) = (Vec::new(), after);
    loop {
        let left = usize::from(limit).saturating_sub(items.len());
        let table = &context.connection.store.deliveries;
        let found = deliveries_of(table, &day, (next.as_deref(), left), &filter).await?;
        items.extend(found.items.iter().map(shown_delivery));
        next = found.next;
        if next.is_none() || items.len() >= usize::from(limit) {
            break;
        }
    }
    context.print.list(&COLUMNS, &items, next.as_deref());
    Ok(())
}

/// The destination that was named, or all that are configured.
fn these(context: &Context, named: Option<DestinationName>) -> Result<BTreeSet<DestinationName>, Error> {
    if let Some(one) = named {
        return Ok(BTreeSet::from([one]));
    }
    let unknown =
        || Error::Invalid("at which destination? Name it with --destination, or gateway.yaml with --config".to_owned());
    context.catalogue.names()?.gateway.map(destinations).ok_or_else(unknown)
}

/// Prints what waits.
pub(crate) fn print_waiting(print: Printer, items: &[Json], more: bool) {
    print.list(&WAITING, items, None);
    if more {
        output::note("more waits: this is the beginning of each destination");
    }
}

/// Sends again part by part: `part` sends what it can between two times, and says how much that was and where to go on.
pub(crate) async fn replay(
    print: Printer,
    wanted: &ReplayEvents,
    part: impl AsyncFn(String, String) -> Result<(u64, Option<String>), Error>,
) -> Result<(), Error> {
    // What is sent again is delivered later than now, and is no part of what is sent again.
    let to = date_time::text(wanted.to.min(date_time::now()));
    let bar = bar();
    let (mut sent, mut next) = (0_u64, Some(date_time::text(wanted.from)));
    while let Some(from) = next.take() {
        let (now, then) = part(from, to.clone()).await?;
        sent = sent.saturating_add(now);
        bar.set_message(format!("{sent} events are sent again"));
        next = then;
    }
    bar.finish_and_clear();
    let words = format!("{sent} events are sent again to {}", wanted.destination);
    print.done(&words, &json!({ "destination": wanted.destination, "sent": sent }));
    Ok(())
}

/// A time that is written as the gateway writes it.
fn time(text: &str) -> Result<i64, Error> {
    millis(text).ok_or_else(|| Error::Invalid(format!("`{text}` is not a time")))
}

/// Shows how many there are so far and no total, which nobody knows before. Drawn only on a terminal.
fn bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
