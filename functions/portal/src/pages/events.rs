//! Events: what waits for each destination, what became of those of a day, and events that are sent again.

use super::{Content, Visit, Visitor, mistakes, shown, time};
use crate::Portal;
use crate::error::Failure;
use crate::usage::day_of;
use gateway_administration::{DeliveryFilter, deliveries_of, destinations, time_of, waiting_at};
use gateway_domain::event::ApiResponse;
use gateway_domain::form::Form;
use gateway_domain::ids::DestinationName;
use gateway_store::{Delivery, DeliveryOutcome, WaitingQueue};
use gateway_web::pages::portal::{Block, Button, Cell, Field, Form as FormBlock, Input, Table};
use gateway_web::see_other;
use std::collections::BTreeSet;

/// How many deliveries a page has, and how many subjects of each destination.
const MOST: usize = 100;
/// What makes a destination.
const EXAMPLE: &str = "events:\n  company:\n    url: https://systems.example.com/events\n    secret: gateway-events\n";

/// What is looked for, as it was typed.
struct Typed {
    day: Option<String>,
    destination: Option<String>,
    outcome: Option<String>,
}

impl Typed {
    fn of(visit: &Visit<'_>) -> Self {
        let [day, destination, outcome] = ["day", "destination", "outcome"].map(|name| parameter(visit, name));
        Self { day, destination, outcome }
    }

    /// The address of a page that looks for the same.
    fn url(&self, visit: &Visit<'_>, (name, value): (&str, &str)) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, typed) in [("day", &self.day), ("destination", &self.destination), ("outcome", &self.outcome)] {
            if let Some(typed) = typed {
                query.append_pair(name, typed);
            }
        }
        visit.site.path(&format!("/gateway/events?{}", query.append_pair(name, value).finish()))
    }
}

fn parameter(visit: &Visit<'_>, name: &str) -> Option<String> {
    visit.asked.request.parameter(name).ok().flatten().filter(|text| !text.is_empty())
}

impl Portal {
    /// Events that wait, and the deliveries of a day; what is sent is a delivery whose event is to be sent again.
    pub(super) async fn events_page(
        &self,
        visit: &Visit<'_>,
        administrator: &Visitor,
        sent: Option<Form>,
    ) -> Result<ApiResponse, Failure> {
        let mut typed = Typed::of(visit);
        let (mut content, mut status) = (Content::new("Events"), 200);
        content.done = parameter(visit, "done").filter(|_| sent.is_none()).map(|_| "The event is sent again.");
        if let Some(sent) = &sent {
            match Box::pin(self.replay_shown(administrator, sent)).await {
                Ok(()) => return Ok(see_other(&typed.url(visit, ("done", "yes")))),
                Err(failure) => {
                    status = failure.response().status;
                    // It is wrong with the delivery, and not with a field of this page.
                    content.mistakes = mistakes(failure)?.into_iter().map(|(_, text)| (None, text)).collect();
                }
            }
        }
        let looked_for = day_of(visit.asked, typed.day.as_deref())
            .and_then(|day| Ok((day, DeliveryFilter::of(typed.destination.as_deref(), typed.outcome.as_deref())?)));
        let (day, filter) = match looked_for {
            Ok(looked_for) => looked_for,
            Err(failure) => {
                (status, content.mistakes) = (400, mistakes(failure)?);
                (day_of(visit.asked, None)?, DeliveryFilter::default())
            }
        };
        let day = typed.day.get_or_insert_with(|| day.to_string()).clone();
        let told = destinations(&self.gateway);
        if told.is_empty() {
            let text = "Nobody is told of events. Whoever runs this gateway names who is, in gateway.yaml:";
            content.blocks.push(Block::Text(text.to_owned()));
            content.blocks.push(Block::Code(EXAMPLE.to_owned()));
        } else {
            content.blocks.push(Block::Heading("What waits".to_owned()));
            let page = waiting_at(&self.deliveries, &told, MOST).await?;
            content.blocks.push(waiting_table(&page.items));
            if page.more {
                let text = format!("More waits: of each destination the first {MOST} subjects are here.");
                content.blocks.push(Block::Text(text));
            }
        }
        content.blocks.push(Block::Heading("Deliveries".to_owned()));
        content.blocks.push(Block::Form(question(&typed, told, &content.mistakes)));
        if status == 200 || sent.is_some() {
            let after = parameter(visit, "after");
            let found = deliveries_of(&self.deliveries, &day, (after.as_deref(), MOST), &filter).await?;
            content.blocks.push(Block::Table(Table {
                caption: format!("Deliveries of {day}, the latest first"),
                columns: vec!["Time (UTC)", "Destination", "Type", "Subject", "Outcome", "Attempts", ""],
                rows: found.items.iter().map(row).collect(),
                empty: if found.next.is_some() {
                    "Nothing that fits is among the deliveries that were looked at; there are more."
                } else {
                    "Nothing that fits was delivered or given up on that day."
                },
            }));
            if let Some(next) = &found.next {
                let url = typed.url(visit, ("after", next));
                content.blocks.push(Block::Links(vec![("More".to_owned(), url)]));
            }
        }
        Ok(shown(visit, Some(administrator), status, content))
    }

    async fn replay_shown(&self, administrator: &Visitor, sent: &Form) -> Result<(), Failure> {
        let (day, at) = sent.get("again").and_then(|place| place.split_once('T')).ok_or(Failure::NotFound)?;
        let acts = self.acts(administrator.who());
        let delivery = self.replays(&acts).one(day, at).await?;
        delivery.map(drop).ok_or(Failure::NotFound)
    }
}

/// What can be looked for.
fn question(typed: &Typed, told: BTreeSet<DestinationName>, mistakes: &[(Option<String>, String)]) -> FormBlock {
    let text = |typed: &Option<String>| typed.clone().unwrap_or_default();
    let gone = typed.destination.as_deref().and_then(|name| DestinationName::parse(name).ok());
    // What was told once can be looked for when it is told no more.
    let named: BTreeSet<_> = told.into_iter().chain(gone).collect();
    let all = || std::iter::once((String::new(), "All".to_owned()));
    let named = named.into_iter().map(|name| (name.to_string(), name.to_string()));
    let outcomes = DeliveryOutcome::ALL.into_iter().map(|one| (one.as_str().to_owned(), words(one)));
    let mut fields = vec![
        Field::new("day", "Day (UTC)", Input::Line(text(&typed.day))),
        Field::new("destination", "Destination", Input::Choice(all().chain(named).collect(), text(&typed.destination))),
        Field::new("outcome", "Outcome", Input::Choice(all().chain(outcomes).collect(), text(&typed.outcome))),
    ];
    for field in &mut fields {
        let wrong = mistakes.iter().find(|(at, _)| at.as_deref() == Some(field.name.as_str()));
        field.mistake = wrong.map(|(_, text)| text.clone());
    }
    FormBlock { fields, button: "Look", hidden: Vec::new(), asks: true, second: true }
}

fn words(outcome: DeliveryOutcome) -> String {
    outcome.as_str().replace('_', " ")
}

fn waiting_table(waiting: &[(DestinationName, WaitingQueue)]) -> Block {
    let rows = waiting.iter().map(|(destination, queue)| {
        vec![
            Cell::Text(destination.to_string()),
            Cell::Code(queue.subject.to_string()),
            Cell::Text(queue.attempts.to_string()),
            Cell::Text(time(queue.due_at)),
            Cell::Text(queue.reason.clone().unwrap_or_default()),
        ]
    });
    Block::Table(Table {
        caption: "What waits".to_owned(),
        columns: vec!["Destination", "Subject", "Attempts", "Next attempt (UTC)", "Why the last one failed"],
        rows: rows.collect(),
        empty: "Nothing waits.",
    })
}

fn row(delivery: &Delivery) -> Vec<Cell> {
    let Delivery { day, at, destination, event, outcome, attempts, .. } = delivery;
    vec![
        Cell::Text(time_of(delivery).replace('T', " ").trim_end_matches('Z').to_owned()),
        Cell::Text(destination.to_string()),
        Cell::Text(event.kind.as_str().to_owned()),
        Cell::Code(event.subject.to_string()),
        Cell::Badge(words(*outcome)),
        Cell::Text(attempts.to_string()),
        Cell::Buttons(vec![Button {
            label: "Send again".to_owned(),
            of: format!("{} of {} to {destination}", event.kind.as_str(), event.subject),
            sends: ("again", format!("{day}T{at}")),
        }]),
    ]
}
