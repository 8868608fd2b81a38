//! `usage …`: how often applications have called.

use crate::cli::{ShowUsage, Usage};
use crate::context::Context;
use crate::date_time;
use crate::error::Error;
use gateway_administration::{Time, WrongTime, shown_usage};
use gateway_domain::ids::ClientId;
use serde_json::Value as Json;

/// The columns of its lists.
pub(crate) const COLUMNS: [(&str, &str); 8] = [
    ("TIME (UTC)", "/time"),
    ("APP", "/client_id"),
    ("API", "/api"),
    ("PLAN", "/plan"),
    ("SUCCEEDED", "/succeeded"),
    ("LIMITED", "/limited"),
    ("REFUSED", "/refused"),
    ("FAILED", "/failed"),
];

pub(crate) async fn run(context: &Context, command: Usage) -> Result<(), Error> {
    let now = date_time::now();
    let table = &context.connection.store.usage;
    let malformed = |(field, reason): WrongTime| Error::Invalid(format!("--{field}: {reason}"));
    match command {
        Usage::Day { day, after } => {
            let day =
                Time::day(now, day.as_deref()).map_err(|(_, reason)| Error::Invalid(format!("the day: {reason}")))?;
            let page = table.of_day(day, after.as_ref(), Time::ROWS).await?;
            let items: Vec<Json> = page.rows.iter().map(shown_usage).collect();
            context.print.list(&COLUMNS, &items, page.next.as_ref().map(ClientId::as_str));
        }
        Usage::Show(ShowUsage { client_id, by, from, to }) => {
            let time = Time::of(now, Some(by.name()), from.as_deref(), to.as_deref()).map_err(malformed)?;
            let page = table.of_app(&client_id, (time.from, time.to), Time::ROWS).await?;
            if page.more {
                return Err(malformed(Time::too_much()));
            }
            let items: Vec<Json> = page.items.iter().map(shown_usage).collect();
            context.print.list(&COLUMNS, &items, None);
        }
    }
    Ok(())
}
