//! What an application was told at its webhook, and what waits there.

use super::{Content, time};
use crate::Portal;
use crate::error::Failure;
use gateway_administration::time_of;
use gateway_domain::domain_event::{Queue, Subject};
use gateway_domain::ids::DestinationName;
use gateway_store::{App, Delivery};
use gateway_web::pages::portal::{Block, Button, Cell, Table};

/// How many deliveries the page of an application has.
const MOST: usize = 20;

impl Portal {
    pub(super) async fn told(&self, content: &mut Content, app: &App) -> Result<(), Failure> {
        let (destination, subject) = (DestinationName::of_apps(), Subject::of_app(&app.client_id));
        content.blocks.push(Block::Heading("Webhook".to_owned()));
        if let Some(waiting) = self.deliveries.queue(&Queue { destination, subject: subject.clone() }).await? {
            let next = format!("Events wait. The next attempt is at {} UTC.", time(waiting.due_at));
            let last = waiting.reason.map(|reason| format!(" The last of {} failed: {reason}.", waiting.attempts));
            content.blocks.push(Block::Text(next + &last.unwrap_or_default()));
        }
        let told = self.deliveries.told(&subject, MOST).await?;
        content.blocks.push(Block::Table(Table {
            caption: "What the app was told".to_owned(),
            columns: vec!["When (UTC)", "Event", "Outcome", "Attempts", ""],
            rows: told.items.iter().map(row).collect(),
            empty: "Nothing was delivered yet, or given up.",
        }));
        if told.more {
            content.blocks.push(Block::Text(format!("There were more: the last {MOST} are here.")));
        }
        Ok(())
    }
}

fn row(delivery: &Delivery) -> Vec<Cell> {
    let Delivery { day, at, event, outcome, attempts, .. } = delivery;
    let kind = event.kind.as_str();
    let again = Button {
        label: "Send again".to_owned(),
        of: format!("{kind}, {}", event.id),
        sends: ("act", format!("again {day}T{at}")),
    };
    vec![
        Cell::Text(time_of(delivery).replace('T', " ").trim_end_matches('Z').to_owned()),
        Cell::Text(kind.to_owned()),
        Cell::Badge(outcome.as_str().replace('_', " ")),
        Cell::Text(attempts.to_string()),
        Cell::Buttons(vec![again]),
    ]
}
