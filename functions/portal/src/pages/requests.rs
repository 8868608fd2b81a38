//! What developers wait for, and the decision on it.

use super::organizations::{first, form};
use super::{Content, Visit, Visitor, mistakes, shown, time};
use crate::error::Failure;
use crate::requests::Decision;
use crate::{Portal, own_apps};
use gateway_domain::event::ApiResponse;
use gateway_domain::form::Form;
use gateway_domain::ids::ClientId;
use gateway_store::Revision;
use gateway_web::pages::portal::{Block, Cell, Field, Input, Table};
use gateway_web::see_other;
use std::collections::BTreeMap;

/// How many requests a page has.
const MOST: usize = 50;

impl Portal {
    pub(super) async fn requests_page(&self, visit: &Visit<'_>, visitor: &Visitor) -> Result<ApiResponse, Failure> {
        let parameter = |name| visit.asked.request.parameter(name).ok().flatten().unwrap_or_default();
        let after = ClientId::parse(&parameter("after")).ok();
        let page = self.developers.organizations.waiting(after.as_ref(), MOST).await?;
        let mut content = Content::new("Requests");
        content.done = Some(parameter("done")).filter(|done| !done.is_empty()).map(|_| "It is decided.");
        let mut rows = Vec::new();
        let mut items: Vec<_> = page.items.iter().collect();
        items.sort_by_key(|waiting| waiting.since);
        for waiting in items {
            let app = self.developers.apps.get(&waiting.client_id).await?;
            let Some((app, requested)) = app.as_ref().and_then(|app| Some((app, app.requested.as_ref()?))) else {
                continue;
            };
            let what = own_apps::wanted(app, requested).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
            rows.push(vec![
                Cell::Link(app.name.clone(), visit.site.path(&format!("/gateway/requests/{}", app.client_id))),
                Cell::Code(app.client_id.to_string()),
                Cell::Text(what.join(", ")),
                Cell::Text(time(waiting.since)),
            ]);
        }
        content.blocks.push(Block::Table(Table {
            caption: "Requests".to_owned(),
            columns: vec!["App", "Client id", "What is wanted", "Since (UTC)"],
            rows,
            empty: "Nothing waits for an approval.",
        }));
        if let Some(last) = page.items.last().filter(|_| page.more) {
            let url = visit.site.path(&format!("/gateway/requests?after={}", last.client_id));
            content.blocks.push(Block::Links(vec![("More".to_owned(), url)]));
        }
        Ok(shown(visit, Some(visitor), 200, content))
    }

    pub(super) async fn request_page(
        &self,
        visit: &Visit<'_>,
        visitor: &Visitor,
        id: &str,
        sent: Option<Form>,
    ) -> Result<ApiResponse, Failure> {
        let client_id = ClientId::parse(id).map_err(|_| Failure::NotFound)?;
        let found = self.developers.apps.get_to_change(&client_id).await?;
        let (app, revision) = found.ok_or(Failure::NotFound)?;
        let mut content = Content::new(format!("Request for {}", app.name));
        let mut status = 200;
        if let Some(sent) = &sent {
            // What is approved gives lasting access.
            visitor.is_fresh(visit.asked.now)?;
            let decision = match sent.get("act") {
                Some("approve") => Decision::Approve,
                Some("refuse") => Decision::Refuse(sent.get("reason").unwrap_or_default().to_owned()),
                _ => return Err(Failure::NotFound),
            };
            let seen = sent.get("revision").and_then(Revision::parse).ok_or(Failure::NotFound)?;
            let of = (&client_id, seen);
            match Box::pin(self.decide(visit.asked, visitor.who(), of, &decision)).await {
                Ok(_) => return Ok(see_other(&visit.site.path("/gateway/requests?done=yes"))),
                Err(failure) => {
                    status = failure.response().status;
                    content.mistakes = mistakes(failure)?;
                }
            }
        }
        let mut members = BTreeMap::new();
        if let Some(organization) = &app.organization {
            let found = self.developers.organizations.get(organization).await?;
            members = found.as_ref().map(|(one, _)| one.members.clone()).unwrap_or_default();
            let name = found.map_or_else(|| organization.to_string(), |(one, _)| one.name);
            let link = visit.site.path(&format!("/gateway/organizations/{organization}"));
            content.blocks.push(Block::Facts(vec![("Organization".to_owned(), Cell::Link(name, link))]));
        }
        match &app.requested {
            Some(requested) => {
                let by = self.users.get(&requested.by).await?;
                let by = by.map_or_else(|| "a closed account".to_owned(), |user| user.email.to_string());
                let left = if members.contains_key(&requested.by) { "" } else { ", who is no member any more," };
                content.blocks.push(Block::Text(format!("Asked for by {by}{left} on {} UTC.", time(requested.at))));
                content.blocks.push(Block::Facts(own_apps::wanted(&app, requested)));
                let hidden = |act: &str| vec![("act", act.to_owned()), ("revision", revision.to_string())];
                content.blocks.push(first(form(&content, Vec::new(), "Approve", hidden("approve"))));
                let typed = sent.as_ref().and_then(|sent| sent.get("reason")).unwrap_or_default().to_owned();
                let reason = Field::new("reason", "Reason", Input::Lines(typed)).hint("The developers are told");
                content.blocks.push(form(&content, vec![reason], "Refuse", hidden("refuse")));
            }
            None => content.blocks.push(Block::Text("Nothing waits: it was decided or withdrawn.".to_owned())),
        }
        content.blocks.push(Block::Heading("The app as it is".to_owned()));
        content.blocks.push(Block::Facts(own_apps::facts(&app)));
        let link = visit.site.path(&format!("/gateway/apps/{client_id}"));
        content.blocks.push(Block::Links(vec![("The page of the app".to_owned(), link)]));
        Ok(shown(visit, Some(visitor), status, content))
    }
}
