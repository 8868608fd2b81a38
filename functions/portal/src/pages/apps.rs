//! Applications: seen, enabled and disabled, their plan and subscriptions, their secret.

use super::{Content, Visit, Visitor, mistakes, shown};
use crate::app_fields::Fields;
use crate::error::Failure;
use crate::{Portal, own_apps};
use gateway_administration::{AppActs, AppChanges, Registered, Rotation, SubscriptionChanges};
use gateway_domain::event::ApiResponse;
use gateway_domain::form::Form;
use gateway_domain::ids::{ApiName, ClientId, HeaderText, PlanName};
use gateway_domain::time::Seconds;
use gateway_store::{App, AppKind, Revision, Subscription};
use gateway_web::pages::portal::{Block, Button, Cell, Field, Form as FormBlock, Input, Table};
use gateway_web::see_other;

/// How many applications a page has.
const MOST: usize = 50;
/// For how long the secret before works on.
const OVERLAP: Seconds = Seconds::new(86_400);

impl Portal {
    pub(super) async fn apps_page(&self, visit: &Visit<'_>, administrator: &Visitor) -> Result<ApiResponse, Failure> {
        let parameter = |name| visit.asked.request.parameter(name).ok().flatten().unwrap_or_default();
        let after = ClientId::parse(&parameter("after")).ok();
        let page = self.developers.apps.page(after.as_ref(), MOST).await?;
        let mut content = Content::new("Apps");
        let rows = page.items.iter().map(|(app, _)| {
            vec![
                Cell::Link(app.name.clone(), visit.site.path(&format!("/gateway/apps/{}", app.client_id))),
                Cell::Code(app.client_id.to_string()),
                Cell::Text(kind(app).to_owned()),
                Cell::Badge(state(app.enabled).to_owned()),
                Cell::Text(app.plan.to_string()),
                Cell::Text(app.subscriptions.keys().map(ApiName::as_str).collect::<Vec<_>>().join(", ")),
            ]
        });
        content.blocks.push(Block::Table(Table {
            caption: "Apps".to_owned(),
            columns: vec!["Name", "Client id", "Kind", "State", "Plan", "APIs"],
            rows: rows.collect(),
            empty: "There are none.",
        }));
        if let Some((last, _)) = page.items.last().filter(|_| page.more) {
            let url = visit.site.path(&format!("/gateway/apps?after={}", last.client_id));
            content.blocks.push(Block::Links(vec![("More".to_owned(), url)]));
        }
        Ok(shown(visit, Some(administrator), 200, content))
    }

    pub(super) async fn app_page(
        &self,
        visit: &Visit<'_>,
        administrator: &Visitor,
        id: &str,
        sent: Option<Form>,
    ) -> Result<ApiResponse, Failure> {
        let client_id = ClientId::parse(id).map_err(|_| Failure::NotFound)?;
        let acts = self.acts(administrator.who());
        // An administrator may do all that the admin API can.
        let mut apps = AppActs { gives_admin_scopes: true, ..self.app_acts(&acts) };
        let (app, revision) = apps.registered(&client_id).await?;
        let mut content = Content::new(app.name.clone());
        content.done = visit.asked.request.parameter("done").ok().flatten().map(|_| "It is done.");
        let Some(sent) = sent else {
            self.describe(&mut content, &app, revision, None);
            let usage = visit.site.path(&format!("/gateway/apps/{client_id}/usage"));
            content.blocks.insert(1, Block::Links(vec![("Usage".to_owned(), usage)]));
            return Ok(shown(visit, Some(administrator), 200, content));
        };
        if sent.get("act") == Some("rotate-secret") {
            administrator.is_fresh(visit.asked.now)?;
        }
        // What is changed is what was seen.
        apps.only_at = sent.get("revision").and_then(Revision::parse);
        match self.change_app(&apps, &app, &sent).await {
            Ok(None) => Ok(see_other(&visit.site.path(&format!("/gateway/apps/{client_id}?done=yes")))),
            Ok(Some(Registered { app, revision, secret })) => {
                content.done = Some("The app has a new secret. The one before works for a day.");
                content.blocks.push(Block::Text("Copy it now: it is not shown again.".to_owned()));
                content.blocks.extend(secret.map(|secret| Block::Code(secret.expose().to_owned())));
                self.describe(&mut content, &app, revision, None);
                Ok(shown(visit, Some(administrator), 200, content))
            }
            Err(failure) => {
                let status = failure.response().status;
                content.mistakes = mistakes(failure)?;
                self.describe(&mut content, &app, revision, Some(&sent));
                Ok(shown(visit, Some(administrator), status, content))
            }
        }
    }

    async fn change_app(&self, apps: &AppActs<'_>, app: &App, sent: &Form) -> Result<Option<Registered>, Failure> {
        let client_id = &app.client_id;
        let enable = |enabled| AppChanges { enabled: Some(enabled), ..AppChanges::default() };
        let mut fields = Fields::default();
        match sent.get("act").unwrap_or_default() {
            "enable" => drop(apps.change(client_id, "apps enable", enable(true)).await?),
            "disable" => drop(apps.change(client_id, "apps disable", enable(false)).await?),
            "change" => {
                let name = fields.one("name", sent.get("name"), HeaderText::parse);
                let plan = fields.one("plan", sent.get("plan"), PlanName::parse);
                fields.done()?;
                let changes = AppChanges { name, plan, ..AppChanges::default() };
                apps.change(client_id, "apps change", changes).await?;
            }
            "rotate-secret" => {
                return Ok(Some(apps.rotate_secret(client_id, Rotation::Overlap(OVERLAP)).await?));
            }
            "end-overlap" => drop(apps.end_overlap(client_id).await?),
            "subscribe" => {
                let api = fields.one("api", sent.get("api"), ApiName::parse);
                fields.done()?;
                if let Some(api) = api {
                    apps.subscribe(client_id, &api, SubscriptionChanges::default()).await?;
                }
            }
            act => {
                let (act, api) = act.split_once(' ').ok_or(Failure::NotFound)?;
                let api = ApiName::parse(api).map_err(|_| Failure::NotFound)?;
                let change = |enabled| SubscriptionChanges { enabled: Some(enabled), ..SubscriptionChanges::default() };
                match act {
                    "open" => drop(apps.change_subscription(client_id, &api, change(true)).await?),
                    "close" => drop(apps.change_subscription(client_id, &api, change(false)).await?),
                    "unsubscribe" => drop(apps.unsubscribe(client_id, &api).await?),
                    _ => return Err(Failure::NotFound),
                }
            }
        }
        Ok(None)
    }

    fn describe(&self, content: &mut Content, app: &App, revision: Revision, sent: Option<&Form>) {
        let button = |label: &str, act: String| Button {
            label: label.to_owned(),
            of: format!("of {}", app.name),
            sends: ("act", act),
        };
        let mut buttons = vec![if app.enabled {
            button("Disable", "disable".to_owned())
        } else {
            button("Enable", "enable".to_owned())
        }];
        if app.kind == AppKind::Confidential && app.jwks.is_none() {
            buttons.push(button("New secret", "rotate-secret".to_owned()));
        }
        if app.previous_secret.is_some() {
            buttons.push(button("End the secret before", "end-overlap".to_owned()));
        }
        content.blocks.push(Block::Facts(facts(app)));
        content.blocks.push(Block::Facts(vec![("What can be done".to_owned(), Cell::Buttons(buttons))]));
        content.blocks.push(Block::Heading("Subscriptions".to_owned()));
        content.blocks.push(Block::Table(Table {
            caption: "Subscriptions".to_owned(),
            columns: vec!["API", "Id", "Plan", "State", ""],
            rows: app.subscriptions.iter().map(|(api, one)| subscription(api, one)).collect(),
            empty: "The app may call no API.",
        }));
        let apis: Vec<_> = self.gateway.apis().filter(|(name, _)| !app.subscriptions.contains_key(*name)).collect();
        let choice = |name: &str| (name.to_owned(), name.to_owned());
        let form = |fields, button, act: &str| {
            let hidden = vec![("act", act.to_owned()), ("revision", revision.to_string())];
            Block::Form(FormBlock { fields, button, hidden, asks: false, second: true })
        };
        if !apis.is_empty() {
            let values: Vec<_> = apis.iter().map(|(name, _)| choice(name.as_str())).collect();
            let first = values.first().map(|(value, _)| value.clone()).unwrap_or_default();
            content.blocks.push(form(
                vec![Field::new("api", "API", Input::Choice(values, first))],
                "Subscribe",
                "subscribe",
            ));
        }
        content.blocks.push(Block::Heading("Name and plan".to_owned()));
        let typed = |name: &str, there: &str| sent.and_then(|sent| sent.get(name)).unwrap_or(there).to_owned();
        let plans = self.gateway.plans().map(|(name, _)| choice(name.as_str())).collect();
        let mut name = Field::new("name", "Name", Input::Line(typed("name", &app.name)))
            .hint("For people and back ends, which get it in a header");
        let mut plan = Field::new("plan", "Plan", Input::Choice(plans, typed("plan", app.plan.as_str())));
        for field in [&mut name, &mut plan] {
            let wrong = content.mistakes.iter().find(|(at, _)| at.as_deref() == Some(field.name.as_str()));
            field.mistake = wrong.map(|(_, text)| text.clone());
        }
        content.blocks.push(form(vec![name, plan], "Save", "change"));
    }
}

fn state(enabled: bool) -> &'static str {
    if enabled { "enabled" } else { "disabled" }
}

fn kind(app: &App) -> &'static str {
    match app.kind {
        AppKind::Public => "public",
        AppKind::Confidential => "confidential",
    }
}

fn facts(app: &App) -> Vec<(String, Cell)> {
    let text = |name: &str, text: String| (name.to_owned(), Cell::Text(text));
    let mut facts = vec![
        ("Client id".to_owned(), Cell::Code(app.client_id.to_string())),
        ("State".to_owned(), Cell::Badge(state(app.enabled).to_owned())),
        text("Kind", kind(app).to_owned()),
        text(own_apps::SEES_PASSWORDS, own_apps::sees_passwords(app.trusted, &app.grants).to_owned()),
        text("Grants", app.grants.iter().copied().map(grant).collect::<Vec<_>>().join(", ")),
        text("Scopes", app.scope.iter().collect::<Vec<_>>().join(" ")),
        text("Plan", app.plan.to_string()),
    ];
    for uri in &app.redirect_uris {
        facts.push(("Redirect URI".to_owned(), Cell::Code(uri.to_string())));
    }
    if let Some(previous) = &app.previous_secret {
        facts.push(text("The secret before works until", format!("{} UTC", super::time(previous.until))));
    }
    if app.registration_hash.is_some() {
        facts.push(text("Registered", "by itself".to_owned()));
    }
    facts
}

fn grant(grant: gateway_store::GrantType) -> String {
    serde_json::to_value(grant).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

fn subscription(api: &ApiName, one: &Subscription) -> Vec<Cell> {
    let button = |label: &str, act: &str| Button {
        label: label.to_owned(),
        of: format!("the subscription to {api}"),
        sends: ("act", format!("{act} {api}")),
    };
    let toggle = if one.enabled { button("Close", "close") } else { button("Open", "open") };
    vec![
        Cell::Text(api.to_string()),
        Cell::Code(one.id.clone()),
        Cell::Text(one.plan.as_ref().map(PlanName::to_string).unwrap_or_default()),
        Cell::Badge(state(one.enabled).to_owned()),
        Cell::Buttons(vec![toggle, button("Remove", "unsubscribe")]),
    ]
}
