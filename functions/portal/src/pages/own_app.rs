//! An application of an organization: registered and changed by its developers.

use super::organizations::{first, form};
use super::wished::{Wished, wish};
use super::{Content, Visit, Visitor, mistakes, shown, time};
use crate::app_fields::Fields;
use crate::error::Failure;
use crate::organizations::Seen;
use crate::{Portal, own_apps};
use gateway_administration::{self as administration, AppActs, NewOwn, Registered, Rotation};
use gateway_domain::event::ApiResponse;
use gateway_domain::form::Form;
use gateway_domain::ids::{ApiName, ClientId, PlanName};
use gateway_domain::time::Seconds;
use gateway_store::{App, AppKind, GrantType, Revision};
use gateway_web::pages::portal::{Block, Button, Cell, Field, Input, Table};
use gateway_web::see_other;

/// For how long a secret before can work on.
const OVERLAPS: [(&str, &str, u64); 4] = [
    ("0", "No, it ends at once", 0),
    ("3600", "For an hour", 3_600),
    ("86400", "For a day", 86_400),
    ("604800", "For a week", 604_800),
];

impl Portal {
    pub(super) async fn register_page(
        &self,
        visit: &Visit<'_>,
        visitor: &Visitor,
        organization: &str,
        sent: Option<Form>,
    ) -> Result<ApiResponse, Failure> {
        let seen = self.organization(visitor, organization).await?;
        let mut content = Content::new("Register an app");
        let mut status = 200;
        if let Some(sent) = &sent {
            match self.register(visit, visitor, &seen, sent).await {
                Ok(Registered { app, revision, secret }) => {
                    let Some(secret) = secret else {
                        return Ok(see_other(&visit.site.path(&format!("{}?done=yes", path(&seen, &app.client_id)))));
                    };
                    content.heading.clone_from(&app.name);
                    content.done = Some("The app is registered.");
                    content
                        .blocks
                        .push(Block::Text("This is its secret. Copy it now: it is not shown again.".to_owned()));
                    content.blocks.push(Block::Code(secret.expose().to_owned()));
                    self.describe_own(visit, &mut content, &seen, (&app, revision), None).await?;
                    return Ok(shown(visit, Some(visitor), 201, content));
                }
                Err(failure) => {
                    status = failure.response().status;
                    content.mistakes = mistakes(failure)?;
                }
            }
        }
        let acts = self.acts(visitor.who());
        let fields = self.wish_fields(&self.app_acts(&acts), &Wished::of(sent.as_ref()));
        content.blocks.push(first(form(&content, fields, "Register", Vec::new())));
        Ok(shown(visit, Some(visitor), status, content))
    }

    async fn register(
        &self,
        visit: &Visit<'_>,
        visitor: &Visitor,
        seen: &Seen,
        sent: &Form,
    ) -> Result<Registered, Failure> {
        let plan = self.gateway.developer_portal().map(|portal| portal.plan.clone()).ok_or(Failure::NotFound)?;
        let mut fields = Fields::default();
        let wish = wish(sent, &self.issuer(visit.asked)?, None, &mut fields);
        fields.done()?;
        let wish = wish.ok_or(Failure::NotFound)?;
        let client_id = self.new_id()?;
        let acts = self.acts(visitor.who());
        let mut apps = self.own_acts(&acts, visitor, seen);
        let named = (&client_id, wish.name.as_str());
        apps.on_request = self.to_be_decided(visit.asked, &visitor.user.user_id, named, &seen.organization).await?;
        let organization = seen.organization.organization_id.clone();
        let (registered, _) = apps.register(NewOwn { client_id, organization, plan, wish }).await?;
        self.nudge(&apps, &registered.app).await;
        Ok(registered)
    }

    pub(super) async fn own_app_page(
        &self,
        visit: &Visit<'_>,
        visitor: &Visitor,
        (organization, id): (&str, &str),
        sent: Option<Form>,
    ) -> Result<ApiResponse, Failure> {
        let (seen, app, revision) = self.own_app(visitor, (organization, id)).await?;
        let client_id = app.client_id.clone();
        let mut content = Content::new(app.name.clone());
        content.done = match visit.asked.request.parameter("done").ok().flatten().as_deref() {
            None => None,
            Some("again") => Some("The event is sent again."),
            Some(_) if app.requested.is_some() => Some("It is written down. What waits for an approval is below."),
            Some(_) => Some("It is done, and felt within 30 seconds."),
        };
        let Some(sent) = sent else {
            self.describe_own(visit, &mut content, &seen, (&app, revision), None).await?;
            return Ok(shown(visit, Some(visitor), 200, content));
        };
        content.done = None;
        let acts = self.acts(visitor.who());
        let mut apps = self.own_acts(&acts, visitor, &seen);
        // What is changed is what was seen.
        apps.only_at = Some(sent.get("revision").and_then(Revision::parse).unwrap_or(revision));
        match self.change_own(visit, visitor, (&mut apps, &seen), &app, &sent).await {
            Ok(Changed::Seen) => Ok(see_other(&visit.site.path(&format!("{}?done=yes", path(&seen, &client_id))))),
            Ok(Changed::Again) => Ok(see_other(&visit.site.path(&format!("{}?done=again", path(&seen, &client_id))))),
            Ok(Changed::Deleted) => Ok(see_other(
                &visit.site.path(&format!("/gateway/organizations/{}?done=yes", seen.organization.organization_id)),
            )),
            Ok(Changed::Secret(registered)) => {
                let Registered { app, revision, secret } = *registered;
                content.done = Some("The app has a new secret.");
                content.blocks.push(Block::Text("Copy it now: it is not shown again.".to_owned()));
                content.blocks.extend(secret.map(|secret| Block::Code(secret.expose().to_owned())));
                self.describe_own(visit, &mut content, &seen, (&app, revision), None).await?;
                Ok(shown(visit, Some(visitor), 200, content))
            }
            Err(failure) => {
                let status = failure.response().status;
                content.mistakes = mistakes(failure)?;
                self.describe_own(visit, &mut content, &seen, (&app, revision), Some(&sent)).await?;
                Ok(shown(visit, Some(visitor), status, content))
            }
        }
    }

    pub(super) async fn own_usage_page(
        &self,
        visit: &Visit<'_>,
        visitor: &Visitor,
        (organization, id): (&str, &str),
    ) -> Result<ApiResponse, Failure> {
        let (seen, app, _) = self.own_app(visitor, (organization, id)).await?;
        let above = format!("/gateway/organizations/{}/apps", seen.organization.organization_id);
        self.usage_of_app(visit, visitor, (&app.client_id, Some(&app)), &above).await
    }

    /// An application of an organization whose member asks.
    async fn own_app(
        &self,
        visitor: &Visitor,
        (organization, id): (&str, &str),
    ) -> Result<(Seen, App, Revision), Failure> {
        let seen = self.organization(visitor, organization).await?;
        let client_id = ClientId::parse(id).map_err(|_| Failure::NotFound)?;
        let found = self.developers.apps.get_to_change(&client_id).await?;
        let own = found.filter(|(app, _)| app.organization.as_ref() == Some(&seen.organization.organization_id));
        let (app, revision) = own.ok_or(Failure::NotFound)?;
        Ok((seen, app, revision))
    }

    async fn change_own(
        &self,
        visit: &Visit<'_>,
        visitor: &Visitor,
        (apps, seen): (&mut AppActs<'_>, &Seen),
        app: &App,
        sent: &Form,
    ) -> Result<Changed, Failure> {
        let client_id = &app.client_id;
        let mut fields = Fields::default();
        match sent.get("act").unwrap_or_default() {
            "change" => {
                let wish = wish(sent, &self.issuer(visit.asked)?, Some(app), &mut fields);
                fields.done()?;
                let wish = wish.ok_or(Failure::NotFound)?;
                apps.on_request = self
                    .to_be_decided(visit.asked, &visitor.user.user_id, (client_id, &app.name), &seen.organization)
                    .await?;
                let (after, ..) = apps.say(client_id, &wish).await?;
                self.nudge(apps, &after).await;
            }
            "subscribe" => {
                let api = fields.one("api", sent.get("api"), ApiName::parse);
                let plan = sent.get("plan").filter(|plan| !plan.is_empty());
                let plan = fields.one("plan", plan, PlanName::parse);
                fields.done()?;
                let api = api.ok_or_else(|| Failure::malformed("api", "choose one of the list"))?;
                apps.on_request = self
                    .to_be_decided(visit.asked, &visitor.user.user_id, (client_id, &app.name), &seen.organization)
                    .await?;
                let (after, ..) = apps.ask_subscription(client_id, &api, plan.as_ref()).await?;
                self.nudge(apps, &after).await;
            }
            "withdraw" => drop(apps.withdraw(client_id).await?),
            "rotate-secret" => {
                visitor.is_fresh(visit.asked.now)?;
                let overlap = OVERLAPS.iter().find(|(value, ..)| Some(*value) == sent.get("overlap"));
                let (.., overlap) = overlap.ok_or_else(|| Failure::malformed("overlap", "choose one of the list"))?;
                let rotation = if *overlap == 0 { Rotation::Now } else { Rotation::Overlap(Seconds::new(*overlap)) };
                return Ok(Changed::Secret(Box::new(apps.rotate_secret(client_id, rotation).await?)));
            }
            "end-overlap" => drop(apps.end_overlap(client_id).await?),
            "delete" => {
                visitor.is_fresh(visit.asked.now)?;
                if sent.get("confirm") != Some(client_id.as_str()) {
                    return Err(Failure::malformed("confirm", "type the client id of this app to delete it"));
                }
                let (now, revision) = apps.registered(client_id).await?;
                apps.acts.audited(AppActs::deleting(&now), apps.delete(&now, revision)).await?;
                return Ok(Changed::Deleted);
            }
            act => {
                if let Some(place) = act.strip_prefix("again ") {
                    let sent = self.replays(apps.acts).one_of_app(client_id, place).await?;
                    return sent.map(|_| Changed::Again).ok_or(Failure::NotFound);
                }
                let api = act.strip_prefix("unsubscribe ").and_then(|api| ApiName::parse(api).ok());
                drop(apps.end_subscription(client_id, &api.ok_or(Failure::NotFound)?).await?);
            }
        }
        Ok(Changed::Seen)
    }

    async fn describe_own(
        &self,
        visit: &Visit<'_>,
        content: &mut Content,
        seen: &Seen,
        (app, revision): (&App, Revision),
        sent: Option<&Form>,
    ) -> Result<(), Failure> {
        let hidden = |act: &str| vec![("act", act.to_owned()), ("revision", revision.to_string())];
        let button = |label: &str, act: String| Button {
            label: label.to_owned(),
            of: format!("of {}", app.name),
            sends: ("act", act),
        };
        content.blocks.push(Block::Facts(own_apps::facts(app)));
        if app.grants.contains(&GrantType::Password) {
            content.blocks.push(Block::Text(
                "The app has the password grant, which RFC 9700 discourages and which operators alone give and take: the way from it is the challenge endpoint, for which an operator gives it the grant challenge as well.".to_owned(),
            ));
        }
        let usage = visit.site.path(&format!("{}/usage", path(seen, &app.client_id)));
        content.blocks.push(Block::Links(vec![("Usage".to_owned(), usage)]));
        if let Some(requested) = &app.requested {
            content.blocks.push(Block::Heading("Waits for an approval".to_owned()));
            content.blocks.push(Block::Text(format!(
                "Asked for on {} UTC. An administrator decides, and whoever asked gets a mail.",
                time(requested.at)
            )));
            content.blocks.push(Block::Facts(own_apps::wanted(app, requested)));
            content.blocks.push(Block::Facts(vec![(
                "What can be done".to_owned(),
                Cell::Buttons(vec![button("Withdraw", "withdraw".to_owned())]),
            )]));
        }
        self.subscription_blocks(content, app, sent, &hidden("subscribe"));
        let issuer = self.issuer(visit.asked)?;
        let call = app.subscriptions.keys().find_map(|name| self.gateway.api(name));
        content.blocks.push(Block::Heading("A first call".to_owned()));
        content.blocks.push(Block::Code(own_apps::curl(app, &issuer, call)));
        if app.kind == AppKind::Confidential && app.jwks.is_none() {
            content.blocks.push(Block::Heading("Secret".to_owned()));
            let choices = OVERLAPS.map(|(value, label, _)| (value.to_owned(), label.to_owned()));
            let field = Field::new(
                "overlap",
                "Shall the secret before work on?",
                Input::Choice(choices.into(), "86400".to_owned()),
            );
            content.blocks.push(form(content, vec![field], "New secret", hidden("rotate-secret")));
            if app.previous_secret.is_some() {
                let end = button("End the secret before", "end-overlap".to_owned());
                content.blocks.push(Block::Facts(vec![("Two secrets work".to_owned(), Cell::Buttons(vec![end]))]));
            }
        }
        content.blocks.push(Block::Heading("Settings".to_owned()));
        if !app.subscriptions.is_empty() {
            content.blocks.push(Block::Text(
                "The app is subscribed to an API: what adds to these waits for an approval, what only takes away holds at once.".to_owned(),
            ));
        }
        let said = sent.filter(|sent| sent.get("act") == Some("change"));
        let wished = said.map_or_else(|| Wished::from(app), |sent| Wished::of(Some(sent)));
        let acts = self.acts(String::new());
        let fields = self.wish_fields(&self.app_acts(&acts), &wished);
        content.blocks.push(form(content, fields, "Save", hidden("change")));
        if app.webhook.is_some() && self.gateway.has_app_webhooks() {
            self.told(content, app).await?;
        }
        self.history(content, seen, &app.client_id).await?;
        content.blocks.push(Block::Heading("Delete the app".to_owned()));
        let confirm = Field::new("confirm", "Its client id", Input::Line(String::new()))
            .hint("Its calls are refused within 30 seconds, and nobody can bring it back");
        content.blocks.push(form(content, vec![confirm], "Delete", hidden("delete")));
        Ok(())
    }

    fn subscription_blocks(
        &self,
        content: &mut Content,
        app: &App,
        sent: Option<&Form>,
        hidden: &[(&'static str, String)],
    ) {
        content.blocks.push(Block::Heading("Subscriptions".to_owned()));
        let rows = app.subscriptions.iter().map(|(api, one)| {
            let button = Button {
                label: "Unsubscribe".to_owned(),
                of: format!("from {api}"),
                sends: ("act", format!("unsubscribe {api}")),
            };
            vec![
                Cell::Text(api.to_string()),
                Cell::Text(one.plan.as_ref().map_or_else(|| "that of the app".to_owned(), PlanName::to_string)),
                Cell::Badge(if one.enabled { "open" } else { "closed by an administrator" }.to_owned()),
                Cell::Buttons(vec![button]),
            ]
        });
        content.blocks.push(Block::Table(Table {
            caption: "Subscriptions".to_owned(),
            columns: vec!["API", "Plan", "State", ""],
            rows: rows.collect(),
            empty: "The app may call no API yet.",
        }));
        let typed = |name: &str| sent.and_then(|sent| sent.get(name)).unwrap_or_default().to_owned();
        let waits = |label: String, waits: bool| if waits { format!("{label} (waits for an approval)") } else { label };
        let apis = self.gateway.offered_apis();
        let apis: Vec<_> =
            apis.map(|(name, _, offer)| (name.to_string(), waits(name.to_string(), offer.approval))).collect();
        let of_app = std::iter::once((String::new(), format!("{}, that of the app", app.plan)));
        let plans = self.gateway.offered_plans();
        let plans = plans.map(|(name, _, offer)| (name.to_string(), waits(name.to_string(), offer.approval)));
        let fields = vec![
            Field::new("api", "API", Input::Choice(apis, typed("api"))),
            Field::new("plan", "Plan", Input::Choice(of_app.chain(plans).collect(), typed("plan"))),
        ];
        content.blocks.push(form(content, fields, "Subscribe", hidden.to_vec()));
    }

    fn own_acts<'a>(&'a self, acts: &'a administration::Acts<'a>, visitor: &'a Visitor, seen: &Seen) -> AppActs<'a> {
        AppActs { member: seen.member(visitor), by: Some(&visitor.user.user_id), ..self.app_acts(acts) }
    }

    /// Has the mail sent that says that something waits.
    async fn nudge(&self, apps: &AppActs<'_>, after: &App) {
        if let (Some(mail), Some(_)) = (&apps.on_request, &after.requested) {
            self.outbox.send(&mail.id).await;
        }
    }
}

/// What was changed.
enum Changed {
    /// Something that the page shows.
    Seen,
    /// Nothing: an event is sent again.
    Again,
    /// The secret, which is told once.
    Secret(Box<Registered>),
    /// The application is gone.
    Deleted,
}

fn path(seen: &Seen, client_id: &ClientId) -> String {
    format!("/gateway/organizations/{}/apps/{client_id}", seen.organization.organization_id)
}
