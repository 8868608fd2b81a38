//! Who did what, with filters, and as a file.

use super::{Content, Visit, Visitor, shown};
use crate::Portal;
use crate::error::Failure;
use gateway_administration::{Found, acts_of};
use gateway_domain::event::ApiResponse;
use gateway_store::{AuditRow, Outcome};
use gateway_web::pages::portal::{Block, Cell, Field, Form as FormBlock, Input, Table};

const DAY_MILLIS: i64 = 86_400_000;
/// The longest time that is looked at, in days: each is a query.
const MOST_DAYS: i64 = 31;
/// How many acts a page has, and a file.
const ON_PAGE: usize = 200;
const IN_FILE: usize = 10_000;
/// How many characters a page has of one state of what was changed.
const MOST_SHOWN: usize = 2_000;
/// The most bytes of a file: a response of a function has 6 MB.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// What is looked for.
struct Filter {
    days: i64,
    act: String,
    subject: String,
    who: String,
    after: Option<String>,
}

impl Filter {
    fn of(visit: &Visit<'_>) -> Self {
        let parameter = |name| visit.asked.request.parameter(name).ok().flatten().unwrap_or_default();
        let days = parameter("days").parse().ok().filter(|days| (1..=MOST_DAYS).contains(days)).unwrap_or(1);
        let text = |name| parameter(name).trim().to_owned();
        Self {
            days,
            act: text("act"),
            subject: text("subject"),
            who: text("who"),
            after: Some(text("after")).filter(|after| !after.is_empty()),
        }
    }

    fn takes(&self, row: &AuditRow) -> bool {
        row.act.starts_with(&self.act) && row.subject.contains(&self.subject) && row.who.contains(&self.who)
    }

    fn query(&self) -> String {
        form_urlencoded::Serializer::new(String::new())
            .append_pair("days", &self.days.to_string())
            .append_pair("act", &self.act)
            .append_pair("subject", &self.subject)
            .append_pair("who", &self.who)
            .finish()
    }
}

impl Portal {
    async fn acts_for(&self, filter: &Filter, most: usize) -> Result<Found, Failure> {
        let now = self.clock.now_millis();
        let from = now.saturating_sub(filter.days.saturating_mul(DAY_MILLIS));
        Ok(acts_of(&self.audit, (from, now), (filter.after.as_deref(), most), |row| filter.takes(row)).await?)
    }

    pub(super) async fn audit_page(&self, visit: &Visit<'_>, administrator: &Visitor) -> Result<ApiResponse, Failure> {
        let filter = Filter::of(visit);
        let acts = self.acts_for(&filter, ON_PAGE).await?;
        let mut content = Content::new("Audit trail");
        let days = [1, 7, MOST_DAYS]
            .map(|days| (days.to_string(), if days == 1 { "a day".to_owned() } else { format!("{days} days") }));
        content.blocks.push(Block::Form(FormBlock {
            fields: vec![
                Field::new("days", "The last", Input::Choice(days.into(), filter.days.to_string())),
                Field::new("act", "Act begins with", Input::Line(filter.act.clone())),
                Field::new("subject", "Subject has", Input::Line(filter.subject.clone())),
                Field::new("who", "Who has", Input::Line(filter.who.clone())),
            ],
            button: "Look",
            hidden: Vec::new(),
            asks: true,
            second: true,
        }));
        let file = visit.site.path(&format!("/gateway/audit.csv?{}", filter.query()));
        content.blocks.push(Block::Links(vec![("As a file (CSV)".to_owned(), file)]));
        content.blocks.push(Block::Table(Table {
            caption: "Acts, the latest first".to_owned(),
            columns: vec!["When (UTC)", "Who", "Act", "Subject", "Outcome", "Before", "After"],
            rows: acts.rows.iter().map(|row| columns(row).map(cut).map(Cell::Text).into()).collect(),
            empty: if acts.next.is_some() {
                "Nothing that fits is among the acts that were looked at; there are more."
            } else {
                "Nothing was done in that time that fits."
            },
        }));
        if let Some(next) = &acts.next {
            let after = form_urlencoded::Serializer::new(filter.query()).append_pair("after", next).finish();
            let url = visit.site.path(&format!("/gateway/audit?{after}"));
            content.blocks.push(Block::Links(vec![("Earlier acts".to_owned(), url)]));
        }
        Ok(shown(visit, Some(administrator), 200, content))
    }

    pub(super) async fn audit_file(&self, visit: &Visit<'_>) -> Result<ApiResponse, Failure> {
        let acts = self.acts_for(&Filter::of(visit), IN_FILE).await?;
        let mut file = "when,who,act,subject,outcome,before,after\r\n".to_owned();
        let mut next = acts.next.as_deref();
        for row in &acts.rows {
            if file.len() > MOST_BYTES {
                next = Some("");
                break;
            }
            file.push_str(&columns(row).map(|text| quoted(&text)).join(","));
            file.push_str("\r\n");
        }
        if next.is_some() {
            file.push_str("\"this is not all: narrow what is looked for\",,,,,,\r\n");
        }
        Ok(ApiResponse::new(200)
            .header("Content-Type", "text/csv; charset=utf-8")
            .header("Content-Disposition", "attachment; filename=\"audit.csv\"")
            .header("Cache-Control", "no-store")
            .header("X-Content-Type-Options", "nosniff")
            .with_body(file))
    }
}

/// What a page has of a text; a file has all of it.
fn cut(text: String) -> String {
    match text.char_indices().nth(MOST_SHOWN) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}

fn columns(row: &AuditRow) -> [String; 7] {
    let time = row.at.split_once('#').map_or(row.at.as_str(), |(time, _)| time);
    let outcome = match (row.outcome, &row.reason) {
        (Outcome::Begun, _) => "begun".to_owned(),
        (Outcome::Done, _) => "done".to_owned(),
        (Outcome::Failed, None) => "failed".to_owned(),
        (Outcome::Failed, Some(reason)) => format!("failed: {reason}"),
    };
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    [
        format!("{} {}", row.day, time.trim_end_matches('Z')),
        row.who.clone(),
        row.act.clone(),
        row.subject.clone(),
        outcome,
        text(&row.before),
        text(&row.after),
    ]
}

/// A field of a file (RFC 4180). What a spreadsheet would take for a formula begins with an apostrophe.
fn quoted(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    format!("\"{}{}\"", if formula { "'" } else { "" }, text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_field_of_a_file_ends_nowhere_else_and_is_no_formula() {
        for (text, field) in [
            ("a", "\"a\""),
            ("a \"b\", c\nd", "\"a \"\"b\"\", c\nd\""),
            ("=1+1", "\"'=1+1\""),
            ("@x", "\"'@x\""),
            ("-1", "\"'-1\""),
        ] {
            assert_eq!(quoted(text), field);
        }
    }
}
