//! How often applications have called, as charts and tables.

mod chart;

use super::plans::words;
use super::{Content, Visit, Visitor, mistakes, shown};
use crate::Portal;
use crate::error::Failure;
use crate::usage::{by, day_of, sum, time_of};
use gateway_administration::Time;
use gateway_domain::event::ApiResponse;
use gateway_domain::ids::{ClientId, PlanName};
use gateway_domain::usage::{Bucket, Calls, Outcome, Step};
use gateway_store::{App, DayOfUsage, Used};
use gateway_web::pages::portal::{Block, Cell, Field, Form as FormBlock, Input, Table};
use std::collections::BTreeSet;

/// What pages say of where the numbers come from.
const SOURCE: &str = "Counted from the log of requests, some seconds later. What was refused for its token, scope or path, or by API Gateway itself, is not among them.";
const NOT_COUNTED: &str = "Calls are not counted here: whoever runs this gateway can switch it on.";

impl Portal {
    /// The page of an administrator: all applications of a day.
    pub(super) async fn usage_page(&self, visit: &Visit<'_>, administrator: &Visitor) -> Result<ApiResponse, Failure> {
        let parameter =
            |name| visit.asked.request.parameter(name).ok().flatten().filter(|text: &String| !text.is_empty());
        let mut content = Content::new("Usage");
        let typed = parameter("day");
        let (day, status) = match day_of(visit.asked, typed.as_deref()) {
            Ok(day) => (day, 200),
            Err(failure) => {
                content.mistakes = mistakes(failure)?;
                (day_of(visit.asked, None)?, 400)
            }
        };
        let after = parameter("after").map(|after| ClientId::parse(&after)).transpose();
        let after = after.map_err(|_| Failure::NotFound)?;
        let DayOfUsage { rows, next } = self.used_on(day, after.as_ref()).await?;
        let mut field = Field::new("day", "Day (UTC)", Input::Line(typed.unwrap_or_else(|| day.to_string())));
        field.mistake = content.mistakes.first().map(|(_, text)| text.clone());
        content.blocks.push(Block::Form(FormBlock {
            fields: vec![field],
            button: "Look",
            hidden: Vec::new(),
            asks: true,
            second: true,
        }));
        let mut apps: Vec<_> = by(&rows, |row| row.caller.app.clone()).into_iter().collect();
        // Of more than a page, the busiest could be on another one.
        if after.is_none() && next.is_none() {
            apps.sort_by_key(|(app, calls)| (std::cmp::Reverse(calls.all()), app.clone()));
        }
        let rows = apps.iter().map(|(app, calls)| {
            let url = visit.site.path(&format!("/gateway/apps/{app}/usage?by=hour&to={day}T23&from={day}T00"));
            std::iter::once(Cell::Link(app.to_string(), url)).chain(numbers(*calls)).collect()
        });
        content.blocks.push(Block::Table(Table {
            caption: format!("Calls of {day} by app"),
            columns: vec!["App", "Calls", "Succeeded", "Limited (429)", "Refused (4xx)", "Failed (5xx)"],
            rows: rows.collect(),
            empty: "Nobody has called on that day.",
        }));
        if let Some(next) = next {
            let url = visit.site.path(&format!("/gateway/usage?day={day}&after={next}"));
            content.blocks.push(Block::Links(vec![("More".to_owned(), url)]));
        }
        content.blocks.push(self.source());
        Ok(shown(visit, Some(administrator), status, content))
    }

    /// The page of one application for an administrator.
    pub(super) async fn app_usage_page(
        &self,
        visit: &Visit<'_>,
        administrator: &Visitor,
        id: &str,
    ) -> Result<ApiResponse, Failure> {
        let client_id = ClientId::parse(id).map_err(|_| Failure::NotFound)?;
        let app = self.developers.apps.get_to_change(&client_id).await?.map(|(app, _)| app);
        self.usage_of_app(visit, administrator, (&client_id, app.as_ref()), "/gateway/apps").await
    }

    /// The page of one application, which may be gone; `above` is the path of the list of applications.
    pub(super) async fn usage_of_app(
        &self,
        visit: &Visit<'_>,
        visitor: &Visitor,
        (client_id, app): (&ClientId, Option<&App>),
        above: &str,
    ) -> Result<ApiResponse, Failure> {
        let parameter =
            |name| visit.asked.request.parameter(name).ok().flatten().filter(|text: &String| !text.is_empty());
        let [step, from, to] = ["by", "from", "to"].map(parameter);
        let name = app.map_or(client_id.as_str(), |app| app.name.as_str());
        let mut content = Content::new(format!("Usage of {name}"));
        let asked = time_of(visit.asked, step.as_deref(), from.as_deref(), to.as_deref());
        let found = match asked {
            Ok(time) => self.used(client_id, time).await.map(|rows| (time, rows)),
            Err(failure) => Err(failure),
        };
        let (time, rows, status) = match found {
            Ok((time, rows)) => (time, rows, 200),
            Err(failure) => {
                content.mistakes = mistakes(failure)?;
                (time_of(visit.asked, None, None, None)?, Vec::new(), 400)
            }
        };
        let page = format!("{above}/{client_id}");
        let (mut form, links) = questions(visit, &page, time, app.is_some());
        for field in &mut form.fields {
            let wrong = content.mistakes.iter().find(|(at, _)| at.as_deref() == Some(field.name.as_str()));
            field.mistake = wrong.map(|(_, text)| text.clone());
        }
        content.blocks.push(links);
        content.blocks.push(Block::Form(form));
        if status == 200 {
            let calls = by(&rows, |row| row.bucket.to_string());
            let bars: Vec<_> =
                time.buckets().map(|one| (one, calls.get(&one.to_string()).copied().unwrap_or_default())).collect();
            let all = sum(&rows);
            let unit = match time.from.step() {
                Step::Hour => "hour",
                Step::Day => "day",
            };
            let says = format!("{} calls from {} to {}, by {unit} and outcome", all.all(), time.from, time.to);
            match chart::draw(&bars, unit) {
                Ok(svg) => {
                    content.blocks.push(Block::Picture(svg, format!("{says}. The numbers are in the tables below")));
                }
                Err(reason) => tracing::error!(reason, "the chart of usage cannot be drawn"),
            }
            content.blocks.push(by_caller(&rows));
            content.blocks.push(by_bucket(&bars, unit));
            if let Some(app) = app {
                self.plan_blocks(&mut content, app);
            }
        }
        content.blocks.push(self.source());
        Ok(shown(visit, Some(visitor), status, content))
    }

    fn source(&self) -> Block {
        Block::Text(if self.counts { SOURCE } else { NOT_COUNTED }.to_owned())
    }

    /// The limits that the application has.
    fn plan_blocks(&self, content: &mut Content, app: &App) {
        let of_subscriptions = app.subscriptions.values().filter_map(|one| one.plan.as_ref());
        let plans: BTreeSet<&PlanName> = std::iter::once(&app.plan).chain(of_subscriptions).collect();
        let rows = plans.into_iter().filter_map(|name| Some((name, self.gateway.plan(name)?)));
        let rows = rows.map(|(name, plan)| {
            let limits = plan.limits.iter().map(|(limit, of)| format!("{limit}: {}", words(of))).collect::<Vec<_>>();
            vec![Cell::Text(name.to_string()), Cell::Text(limits.join("; "))]
        });
        content.blocks.push(Block::Heading("Limits".to_owned()));
        content.blocks.push(Block::Table(Table {
            caption: "Limits".to_owned(),
            columns: vec!["Plan", "Limits"],
            rows: rows.collect(),
            empty: "There are none.",
        }));
    }
}

/// What can be asked about: a form, and links to what usually is.
fn questions(visit: &Visit<'_>, page: &str, time: Time, is_there: bool) -> (FormBlock, Block) {
    let step = match time.from.step() {
        Step::Hour => "hour",
        Step::Day => "day",
    };
    let choices = [("hour", "Hours"), ("day", "Days")].map(|(value, label)| (value.to_owned(), label.to_owned()));
    let form = FormBlock {
        fields: vec![
            Field::new("by", "By", Input::Choice(choices.into(), step.to_owned())),
            Field::new("from", "From (UTC)", Input::Line(time.from.to_string())),
            Field::new("to", "To (UTC)", Input::Line(time.to.to_string())),
        ],
        button: "Look",
        hidden: Vec::new(),
        asks: true,
        second: true,
    };
    let to = |query: &str| visit.site.path(&format!("{page}{query}"));
    let mut links = vec![
        ("The last 48 hours".to_owned(), to("/usage?by=hour")),
        ("The last 30 days".to_owned(), to("/usage?by=day")),
    ];
    links.extend(is_there.then(|| ("The app".to_owned(), to(""))));
    (form, Block::Links(links))
}

fn by_caller(rows: &[Used]) -> Block {
    let sums = by(rows, |row| (row.caller.api.clone(), row.caller.plan.clone()));
    let rows = sums.into_iter().map(|((api, plan), calls)| {
        let named = [Cell::Text(api.to_string()), Cell::Text(plan.to_string())];
        named.into_iter().chain(numbers(calls)).collect()
    });
    Block::Table(Table {
        caption: "Calls by API and plan".to_owned(),
        columns: vec!["API", "Plan", "Calls", "Succeeded", "Limited (429)", "Refused (4xx)", "Failed (5xx)"],
        rows: rows.collect(),
        empty: "There are no calls in this time.",
    })
}

fn by_bucket(bars: &[(Bucket, Calls)], unit: &str) -> Block {
    let called = bars.iter().rev().filter(|(_, calls)| calls.all() > 0);
    let rows =
        called.map(|(bucket, calls)| std::iter::once(Cell::Text(bucket.to_string())).chain(numbers(*calls)).collect());
    Block::Table(Table {
        caption: format!("Calls by {unit}, the latest first"),
        columns: vec!["Time (UTC)", "Calls", "Succeeded", "Limited (429)", "Refused (4xx)", "Failed (5xx)"],
        rows: rows.collect(),
        empty: "",
    })
}

fn numbers(calls: Calls) -> impl Iterator<Item = Cell> {
    let by_outcome = Outcome::ALL.into_iter().map(move |outcome| calls.of(outcome));
    std::iter::once(calls.all()).chain(by_outcome).map(|number| Cell::Text(number.to_string()))
}
