//! The APIs that are offered, with their documentation; and the plans.

use super::plans::words;
use super::{Content, Visit, Visitor, shown};
use crate::Portal;
use crate::documents::{Document, Operation, Parameter};
use crate::error::Failure;
use gateway_config::{Api, ApiOffer};
use gateway_domain::event::ApiResponse;
use gateway_domain::ids::ApiName;
use gateway_web::pages::portal::{Block, Cell, Table, TryIt};
use std::collections::BTreeSet;

impl Portal {
    pub(super) fn catalogue_page(&self, visit: &Visit<'_>, visitor: &Visitor) -> ApiResponse {
        let mut content = Content::new("APIs");
        let rows = self.gateway.offered_apis().map(|(name, _, offer)| {
            vec![
                Cell::Link(name.to_string(), visit.site.path(&format!("/gateway/catalogue/{name}"))),
                Cell::Text(offer.about.as_str().to_owned()),
                Cell::Text(approval(offer.approval).to_owned()),
            ]
        });
        content.blocks.push(Block::Table(Table {
            caption: "APIs".to_owned(),
            columns: vec!["API", "What it is for", "A subscription"],
            rows: rows.collect(),
            empty: "None is offered.",
        }));
        content.blocks.push(Block::Heading("Plans".to_owned()));
        let own = self.gateway.developer_portal().map(|portal| &portal.plan);
        let plan = own.and_then(|name| Some((name, self.gateway.plan(name)?)));
        if let Some((name, plan)) = plan {
            let limits = plan.limits.iter().map(|(limit, of)| format!("{limit}: {}", words(of))).collect::<Vec<_>>();
            let text = format!(
                "Every app has the plan {name}: {}. A subscription can have another one beside it.",
                limits.join("; ")
            );
            content.blocks.push(Block::Text(text));
        }
        let rows = self.gateway.offered_plans().map(|(name, plan, offer)| {
            let limits = plan.limits.iter().map(|(limit, of)| format!("{limit}: {}", words(of))).collect::<Vec<_>>();
            vec![
                Cell::Text(name.to_string()),
                Cell::Text(offer.about.as_str().to_owned()),
                Cell::Text(limits.join("; ")),
                Cell::Text(approval(offer.approval).to_owned()),
            ]
        });
        content.blocks.push(Block::Table(Table {
            caption: "Plans".to_owned(),
            columns: vec!["Plan", "What it is for", "Limits", "A subscription with it"],
            rows: rows.collect(),
            empty: "No plan is offered for subscriptions.",
        }));
        shown(visit, Some(visitor), 200, content)
    }

    pub(super) fn api_page(&self, visit: &Visit<'_>, visitor: &Visitor, name: &str) -> Result<ApiResponse, Failure> {
        let found = self.gateway.offered_apis().find(|(offered, ..)| offered.as_str() == name);
        let (name, api, offer) = found.ok_or(Failure::NotFound)?;
        let mut content = Content::new(name.to_string());
        describe(&mut content, name, api, offer);
        match self.documents.of(name) {
            Some(document) => document_blocks(&mut content, document),
            None if offer.documentation.is_some() => {
                content.blocks.push(Block::Text("Its documentation cannot be read just now.".to_owned()));
            }
            None => {}
        }
        let protected: Vec<_> = api.routes.iter().filter(|route| !route.public).collect();
        if let Some(route) = protected.first() {
            let methods = protected.iter().flat_map(|route| route.methods.iter()).map(|(method, _)| *method);
            let methods: BTreeSet<_> = methods.collect();
            content.blocks.push(Block::Heading("Try it".to_owned()));
            content.blocks.push(Block::TryIt(TryIt {
                base: visit.site.path(""),
                methods: methods.into_iter().map(|method| http::Method::from(method).to_string()).collect(),
                path: route.written().to_owned(),
            }));
        }
        Ok(shown(visit, Some(visitor), 200, content))
    }
}

fn describe(content: &mut Content, name: &ApiName, api: &Api, offer: &ApiOffer) {
    content.blocks.push(Block::Text(offer.about.as_str().to_owned()));
    content.blocks.push(Block::Text(format!("A subscription {}.", approval(offer.approval))));
    let rows = api.routes.iter().flat_map(|route| {
        route.methods.iter().map(move |(method, scope)| {
            let needs = if route.public { "no token".to_owned() } else { scope.iter().collect::<Vec<_>>().join(" ") };
            let below = if route.prefix.is_some() { " and below" } else { "" };
            vec![
                Cell::Code(http::Method::from(*method).to_string()),
                Cell::Code(format!("{}{below}", route.written())),
                Cell::Text(needs),
                Cell::Text(route.weight.to_string()),
            ]
        })
    });
    content.blocks.push(Block::Heading("Routes".to_owned()));
    content.blocks.push(Block::Table(Table {
        caption: format!("Routes of {name}"),
        columns: vec!["Method", "Path", "Scopes", "Counts as"],
        rows: rows.collect(),
        empty: "There are none.",
    }));
}

fn document_blocks(content: &mut Content, document: &Document) {
    content.blocks.push(Block::Heading("Documentation".to_owned()));
    content.blocks.extend(document.description.clone().map(Block::Text));
    for operation in &document.operations {
        content.blocks.push(Block::Heading(format!("{} {}", operation.method, operation.path)));
        let texts = [&operation.summary, &operation.description];
        content.blocks.extend(texts.into_iter().flatten().cloned().map(Block::Text));
        parts(content, operation);
    }
}

fn parts(content: &mut Content, operation: &Operation) {
    let of = format!("of {} {}", operation.method, operation.path);
    if !operation.parameters.is_empty() {
        let row = |one: &Parameter| {
            let need = if one.required { "required" } else { "optional" };
            vec![
                Cell::Code(one.name.clone()),
                Cell::Text(format!("{}, {need}", one.place)),
                Cell::Text(one.description.clone().unwrap_or_default()),
            ]
        };
        content.blocks.push(Block::Table(Table {
            caption: format!("Parameters {of}"),
            columns: vec!["Parameter", "Where", "What it is"],
            rows: operation.parameters.iter().map(row).collect(),
            empty: "",
        }));
    }
    if !operation.body.is_empty() {
        content.blocks.push(Block::Text(format!("Body: {}", operation.body.join(", "))));
    }
    content.blocks.push(Block::Table(Table {
        caption: format!("Responses {of}"),
        columns: vec!["Status", "Response"],
        rows: operation
            .responses
            .iter()
            .map(|(status, text)| vec![Cell::Code(status.clone()), Cell::Text(text.clone())])
            .collect(),
        empty: "No response is described.",
    }));
}

fn approval(waits: bool) -> &'static str {
    if waits { "waits for an approval" } else { "holds at once" }
}
