//! Plans, and which applications use them.

use super::{Content, Visit, Visitor, shown};
use crate::Portal;
use crate::error::Failure;
use gateway_domain::event::ApiResponse;
use gateway_domain::ids::PlanName;
use gateway_domain::rate_limit::{Limit, Per, Period};
use gateway_store::App;
use gateway_web::pages::portal::{Block, Cell, Table};

/// How many applications are looked at: more would take longer than a page may.
const MOST: usize = 2_000;

impl Portal {
    pub(super) async fn plans_page(&self, visit: &Visit<'_>, administrator: &Visitor) -> Result<ApiResponse, Failure> {
        let apps = self.developers.apps.page(None, MOST).await?;
        let mut content = Content::new("Plans");
        let rows = self.gateway.plans().map(|(name, plan)| {
            let limits = plan.limits.iter().map(|(limit, of)| format!("{limit}: {}", words(of))).collect::<Vec<_>>();
            let users = apps.items.iter().filter(|(app, _)| uses(app, name));
            let users: Vec<_> = users.map(|(app, _)| app.client_id.to_string()).collect();
            vec![Cell::Text(name.to_string()), Cell::Text(limits.join("; ")), Cell::Text(users.join(", "))]
        });
        content.blocks.push(Block::Table(Table {
            caption: "Plans".to_owned(),
            columns: vec!["Plan", "Limits", "Apps that use it"],
            rows: rows.collect(),
            empty: "There are none.",
        }));
        if apps.more {
            content.blocks.push(Block::Text(format!("Only the first {MOST} apps were looked at.")));
        }
        Ok(shown(visit, Some(administrator), 200, content))
    }
}

fn uses(app: &App, plan: &PlanName) -> bool {
    app.plan == *plan || app.subscriptions.values().any(|one| one.plan.as_ref() == Some(plan))
}

pub(super) fn words(limit: &Limit) -> String {
    let time = match limit.period {
        Period::Window(length) => format!("in any {length} s"),
        Period::Day => "a day".to_owned(),
        Period::Month => "a month".to_owned(),
    };
    let per = match limit.per {
        Per::User => "for each user",
        Per::App => "for all users of an app",
    };
    let of = limit.api.as_ref().map(|api| format!(" of {api}")).unwrap_or_default();
    format!("{} calls{of} {time} {per}", limit.calls)
}
