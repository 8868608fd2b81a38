//! What was done with an application, as members of its organization may know it.

use super::Content;
use crate::Portal;
use crate::error::Failure;
use crate::organizations::Seen;
use gateway_domain::ids::ClientId;
use gateway_store::{AuditRow, Outcome};
use gateway_web::pages::portal::{Block, Cell, Table};
use serde_json::Value;

/// How many acts the page of an application has.
const MOST: usize = 50;

impl Portal {
    pub(super) async fn history(
        &self,
        content: &mut Content,
        seen: &Seen,
        client_id: &ClientId,
    ) -> Result<(), Failure> {
        let page = self.audit.of_app(client_id, MOST).await?;
        let mut rows = Vec::new();
        for row in &page.items {
            rows.push(vec![
                Cell::Text(row.at.split(['.', '#']).next().unwrap_or_default().replace('T', " ")),
                Cell::Text(self.actor(seen, row).await?),
                Cell::Text(row.act.clone()),
                Cell::Text(what(row)),
            ]);
        }
        content.blocks.push(Block::Heading("What was done".to_owned()));
        content.blocks.push(Block::Table(Table {
            caption: "What was done".to_owned(),
            columns: vec!["When (UTC)", "By whom", "What", "Details"],
            rows,
            empty: "Nothing is recorded.",
        }));
        Ok(())
    }

    /// Who did it, as members may know it: a member by address, and nobody else by name.
    async fn actor(&self, seen: &Seen, row: &AuditRow) -> Result<String, Failure> {
        let member = seen.organization.members.keys().find(|user| row.who == format!("user {user}"));
        Ok(match member {
            Some(user) => {
                self.users.get(user).await?.map_or_else(|| "a closed account".to_owned(), |user| user.email.to_string())
            }
            None if row.who == format!("app {}", row.subject.trim_start_matches("app ")) => "the app itself".to_owned(),
            None => "an administrator or former member".to_owned(),
        })
    }
}

/// What an act changed, in short.
fn what(row: &AuditRow) -> String {
    let outcome = match row.outcome {
        Outcome::Done => None,
        Outcome::Begun => Some("not known how it ended".to_owned()),
        // Why is for who operates the gateway.
        Outcome::Failed => Some("it failed".to_owned()),
    };
    let after = row.after.as_deref().filter(|_| row.act != "apps create");
    let after = after.and_then(|text| serde_json::from_str(text).ok()).map(|value: Value| in_words(&value));
    let text = outcome.into_iter().chain(after).collect::<Vec<_>>().join(": ");
    text.chars().take(300).collect()
}

/// A value as people read it.
fn in_words(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(values) => values.iter().map(in_words).collect::<Vec<_>>().join(", "),
        Value::Object(members) => {
            let one = |(name, value): (&String, &Value)| match value {
                Value::Object(_) => format!("{name} ({})", in_words(value)),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                    format!("{name}: {}", in_words(value))
                }
            };
            // Who and when stand beside it, and ids say nothing to people.
            let told = members.iter().filter(|(name, _)| !["at", "by", "id"].contains(&name.as_str()));
            told.map(one).collect::<Vec<_>>().join("; ")
        }
    }
}
