//! What developers ask for an application of theirs: some of it holds at once, the rest waits until an administrator approves it.

use crate::app_acts::AppActs;
use crate::changes::unsound;
use crate::{Act, ActError, Problem, Registered, WrongField, subscriptions};
use gateway_config::{ApiOffer, PlanOffer};
use gateway_domain::admin_scope;
use gateway_domain::id_token;
use gateway_domain::ids::{ApiName, ClientId, HeaderText, OrganizationId, PlanName};
use gateway_domain::notification_uri::NotificationUri;
use gateway_domain::redirect_uri::RedirectUri;
use gateway_domain::scope::{ACCOUNT, Scope};
use gateway_store::{App, AppKind, AppLogout, AppSettings, AppWebhook, GrantType, Requested, Revision, Subscription};
use serde_json::json;
use std::collections::BTreeSet;

/// The longest reason of a refusal, in characters.
const MAX_REASON: usize = 500;

/// What developers say of an application. It is whole: what is not here is taken away.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Its name.
    pub name: HeaderText,
    /// Whether it can keep a secret.
    pub kind: AppKind,
    /// Where codes are sent.
    pub redirect_uris: BTreeSet<RedirectUri>,
    /// Where browsers go after a logout.
    pub post_logout_redirect_uris: BTreeSet<RedirectUri>,
    /// Where it is told of logouts.
    pub backchannel_logout_uri: Option<NotificationUri>,
    /// Where it is told of what happens to it.
    pub webhook: Option<AppWebhook>,
    /// The most it can be given.
    pub scopes: Scope,
    /// Whether it calls without a user.
    pub acts_for_itself: bool,
    /// Whether its devices do.
    pub has_devices: bool,
    /// Whether it asks users for their passwords itself, by the challenge endpoint.
    pub trusted: bool,
}

/// An application that developers register.
pub struct NewOwn {
    /// Its id.
    pub client_id: ClientId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// The plan that limits each of its users.
    pub plan: PlanName,
    /// All else.
    pub wish: Wish,
}

/// When something holds that developers ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// At once.
    Now,
    /// When an administrator has approved it.
    AfterApproval,
}

impl Wish {
    /// As what an application is to have. Grants that only operators give stay, as far as they fit; and who is trusted without the grant
    /// `challenge` does not get it by a change of something else.
    fn settings(&self, app: &App) -> AppSettings {
        let has = |grant| app.grants.contains(&grant);
        let by_code = !self.redirect_uris.is_empty();
        let keeps_password = self.trusted && has(GrantType::Password);
        // What an operator has trusted without it goes on without it, and an app on a server has it from an operator alone.
        let may_ask = has(GrantType::Challenge) || (self.kind == AppKind::Public && !app.trusted);
        let asks_itself = self.trusted && may_ask;
        let shares_logins = self.trusted && self.kind == AppKind::Public && has(GrantType::NativeSso);
        let grants = [
            (GrantType::AuthorizationCode, by_code),
            (GrantType::Challenge, by_code && asks_itself),
            (GrantType::RefreshToken, by_code || (keeps_password && has(GrantType::RefreshToken))),
            (GrantType::ClientCredentials, self.acts_for_itself),
            (GrantType::JwtBearer, self.has_devices),
            (GrantType::Password, keeps_password),
            (GrantType::TokenExchange, self.kind == AppKind::Confidential && has(GrantType::TokenExchange)),
            (GrantType::NativeSso, shares_logins),
        ];
        AppSettings {
            name: self.name.to_string(),
            kind: Some(self.kind),
            trusted: self.trusted,
            grants: grants.into_iter().filter_map(|(grant, is_wanted)| is_wanted.then_some(grant)).collect(),
            scope: self.scopes.clone(),
            redirect_uris: self.redirect_uris.clone(),
            logout: AppLogout {
                post_logout_redirect_uris: self.post_logout_redirect_uris.clone(),
                backchannel_logout_uri: self.backchannel_logout_uri.clone(),
            },
            webhook: self.webhook.clone(),
        }
    }
}

/// Whether settings give an application nothing that it does not have.
fn takes_away(settings: &AppSettings, app: &App) -> bool {
    let logout = &settings.logout;
    settings.name == app.name
        && settings.kind.is_none_or(|kind| kind == app.kind)
        && (app.trusted || !settings.trusted)
        && settings.grants.is_subset(&app.grants)
        && settings.scope.is_subset(&app.scope)
        && settings.redirect_uris.is_subset(&app.redirect_uris)
        && logout.post_logout_redirect_uris.is_subset(&app.logout.post_logout_redirect_uris)
        && (logout.backchannel_logout_uri.is_none()
            || logout.backchannel_logout_uri == app.logout.backchannel_logout_uri)
        // The address alone is what developers say.
        && settings.webhook.as_ref().is_none_or(|webhook| app.webhook.as_ref().is_some_and(|has| has.uri == webhook.uri))
}

/// When settings hold: at once until the application is established, or if they only take away; but that it sees passwords is
/// always approved.
fn settings_hold(settings: &AppSettings, app: &App) -> Holds {
    let waits = (settings.trusted && !app.trusted) || (is_established(app) && !takes_away(settings, app));
    if waits { Holds::AfterApproval } else { Holds::Now }
}

/// Whether somebody has given an application what developers cannot give themselves, or it could call an API.
fn is_established(app: &App) -> bool {
    app.established
        || app.trusted
        || !app.subscriptions.is_empty()
        || app.grants.contains(&GrantType::TokenExchange)
        || app.grants.contains(&GrantType::NativeSso)
        || app.scope.contains(ACCOUNT)
}

fn subscription_holds(app: &App, api: &ApiOffer, plan: Option<&PlanOffer>) -> Holds {
    let is_to_be_trusted = app.requested.iter().flat_map(|requested| &requested.settings).any(|wanted| wanted.trusted);
    let waits = app.trusted || is_to_be_trusted || api.approval || plan.is_some_and(|plan| plan.approval);
    if waits { Holds::AfterApproval } else { Holds::Now }
}

/// What follows from every change of an application of an organization. Once established it stays so. What developers wait for is
/// a whole, made of what the application was: if it has become another one by a change of somebody else, an approval would bring back what that
/// change has taken away, so they ask again.
pub(crate) fn keep(before: &App, app: &mut App) {
    if app.organization.is_none() {
        return;
    }
    app.established = is_established(before) || is_established(app);
    let same_request = before.requested == app.requested;
    if same_request && AppSettings::from(before) != AppSettings::from(&*app) {
        forget(app, |requested| requested.settings = None);
    }
    if same_request {
        let gone: Vec<_> =
            before.subscriptions.keys().filter(|api| !app.subscriptions.contains_key(*api)).cloned().collect();
        forget(app, |requested| requested.subscriptions.retain(|api, _| !gone.contains(api)));
    }
}

impl AppActs<'_> {
    /// The scopes that developers can ask for: those of OpenID Connect, and of the APIs that are offered.
    pub fn offered_scopes(&self) -> BTreeSet<String> {
        let needed = self.names.gateway.into_iter().flat_map(|gateway| {
            gateway.offered_apis().flat_map(|(_, api, _)| api.needed().flat_map(Scope::iter).collect::<Vec<_>>())
        });
        let all = id_token::SCOPES.into_iter().chain(needed);
        all.filter(|scope| *scope != ACCOUNT && !admin_scope::is_one(scope)).map(str::to_owned).collect()
    }

    /// Registers an application of an organization.
    ///
    /// # Errors
    /// As [`AppActs::create`]; [`ActError::Taken`] also if the organization has as many applications as it may have.
    pub async fn register(&self, new: NewOwn) -> Result<(Registered, Holds), ActError> {
        let NewOwn { client_id, organization, plan, wish } = new;
        let mut app = App::new(client_id, wish.name.to_string(), wish.kind, plan);
        app.organization = Some(organization);
        let settings = self.sound(&app, &wish)?;
        let holds = settings_hold(&settings, &app);
        if holds == Holds::AfterApproval {
            // All but the passwords holds at once.
            let mut now = settings.clone();
            now.trusted = false;
            now.grants.remove(&GrantType::Challenge);
            app.set(now);
            self.request(&mut app)?.settings = Some(settings);
        } else {
            app.set(settings);
        }
        Ok((self.add(app).await?, holds))
    }

    /// Says what an application of an organization is to be.
    ///
    /// # Errors
    /// [`ActError::Fields`] with everything that is wrong; and those of [`AppActs::change_with`].
    pub async fn say(&self, client_id: &ClientId, wish: &Wish) -> Result<(App, Revision, Holds), ActError> {
        let mut holds = Holds::Now;
        let set = |app: &mut App| {
            let settings = self.sound(app, wish)?;
            holds = settings_hold(&settings, app);
            if holds == Holds::AfterApproval {
                if app.requested.as_ref().and_then(|requested| requested.settings.as_ref()) != Some(&settings) {
                    self.request(app)?.settings = Some(settings);
                }
            } else {
                app.set(settings);
                // What is said now is what is wanted.
                forget(app, |requested| requested.settings = None);
            }
            Ok(())
        };
        let (app, revision) = self.change_with(client_id, "apps change", set).await?;
        Ok((app, revision, holds))
    }

    /// Asks for a subscription to an API that is offered, with a plan that is offered or that of the application.
    ///
    /// # Errors
    /// [`ActError::Fields`] if one of them is not offered; [`ActError::Taken`] if it is there; and those of [`AppActs::change_with`].
    pub async fn ask_subscription(
        &self,
        client_id: &ClientId,
        api: &ApiName,
        plan: Option<&PlanName>,
    ) -> Result<(App, Revision, Holds), ActError> {
        let gateway = self.names.gateway;
        let offer = gateway.and_then(|gateway| gateway.offered_apis().find(|(name, ..)| *name == api));
        let (_, _, offer) = offer.ok_or_else(|| not_offered("api", "API"))?;
        let plan_offer = match plan {
            None => None,
            Some(plan) => {
                let found = gateway.and_then(|gateway| gateway.offered_plans().find(|(name, ..)| *name == plan));
                Some(found.ok_or_else(|| not_offered("plan", "plan"))?.2)
            }
        };
        let mut holds = Holds::Now;
        let set = |app: &mut App| {
            let there = app.subscriptions.get(api);
            if there.is_some_and(|one| one.plan.as_ref() == plan) {
                return Err(ActError::Taken(format!("a subscription to {api} with this plan")));
            }
            if let Some(one) = there {
                self.not_by_administrator(one)?;
            }
            holds = subscription_holds(app, offer, plan_offer);
            if holds == Holds::AfterApproval {
                self.request(app)?.subscriptions.insert(api.clone(), plan.cloned());
            } else {
                subscribe(app, api, plan.cloned());
                forget(app, |requested| drop(requested.subscriptions.remove(api)));
            }
            Ok(())
        };
        let (app, revision) = self.change_with(client_id, "subscriptions ask", set).await?;
        Ok((app, revision, holds))
    }

    /// Ends a subscription of an application of an organization. What an administrator has closed or limited stays, so that it is not
    /// opened or freed by another subscription.
    ///
    /// # Errors
    /// [`ActError::Fields`] for such a one; and those of [`AppActs::unsubscribe`].
    pub async fn end_subscription(&self, client_id: &ClientId, api: &ApiName) -> Result<App, ActError> {
        let (app, _) = self.registered(client_id).await?;
        if let Some(one) = app.subscriptions.get(api) {
            self.not_by_administrator(one)?;
        }
        self.unsubscribe(client_id, api).await
    }

    /// Fails if an administrator has closed a subscription, or given it a plan that nobody is offered.
    fn not_by_administrator(&self, one: &Subscription) -> Result<(), ActError> {
        let is_offered = |plan: &PlanName| {
            self.names.gateway.is_some_and(|gateway| gateway.offered_plans().any(|(name, ..)| name == plan))
        };
        if one.enabled && one.plan.as_ref().is_none_or(is_offered) {
            return Ok(());
        }
        Err(ActError::rule("api", "an administrator has closed or limited this subscription: ask them"))
    }

    /// Takes back what an application waits for.
    ///
    /// # Errors
    /// [`ActError::NothingWaits`]; and those of [`AppActs::change_with`].
    pub async fn withdraw(&self, client_id: &ClientId) -> Result<(App, Revision), ActError> {
        let set = |app: &mut App| app.requested.take().map(drop).ok_or(ActError::NothingWaits);
        self.change_with(client_id, "requests withdraw", set).await
    }

    /// Makes an application what its developers wait for.
    ///
    /// # Errors
    /// [`ActError::NothingWaits`]; [`ActError::Fields`] if the configuration no longer has something of it; and those of
    /// [`AppActs::change_with`].
    pub async fn approve(&self, client_id: &ClientId) -> Result<(App, Revision), ActError> {
        let set = |app: &mut App| {
            let requested = app.requested.take().ok_or(ActError::NothingWaits)?;
            let mut wrong: Vec<_> =
                requested.settings.iter().filter_map(|one| self.names.scope("scopes", &one.scope)).collect();
            if let Some(settings) = requested.settings {
                // An older version has noted it as what a developer wants.
                if settings.grants.contains(&GrantType::Password) && !app.grants.contains(&GrantType::Password) {
                    let text = "operators alone give the password grant: refuse this, and have it asked for again, which \
                                is then the grant challenge";
                    wrong.push(WrongField { field: "grants".to_owned(), problem: Problem::Rule(text.to_owned()) });
                }
                wrong.extend(self.names.webhook(settings.webhook.as_ref(), app.webhook.as_ref()));
                app.set(settings);
                wrong.extend(unsound(app));
            }
            for (api, plan) in requested.subscriptions {
                wrong.extend(self.names.api("api", &api));
                wrong.extend(plan.as_ref().and_then(|plan| self.names.plan("plan", plan)));
                subscribe(app, &api, plan);
            }
            if wrong.is_empty() { Ok(()) } else { Err(ActError::Fields(wrong)) }
        };
        self.change_with(client_id, "requests approve", set).await
    }

    /// Refuses what an application waits for, for a reason that its developers are told.
    ///
    /// # Errors
    /// [`ActError::Fields`] for no reason or a long one; [`ActError::NothingWaits`]; and those of [`AppActs::change_with`].
    pub async fn refuse(&self, client_id: &ClientId, reason: &str) -> Result<(App, Revision), ActError> {
        let reason = reason.trim();
        let plain = !reason.chars().any(|c| c.is_control() && !c.is_whitespace());
        if reason.is_empty() || reason.chars().count() > MAX_REASON || !plain {
            let words = format!("write a reason, which the developers are told, of 1 to {MAX_REASON} characters");
            let problem = Problem::Malformed(words);
            return Err(ActError::Fields(vec![WrongField { field: "reason".to_owned(), problem }]));
        }
        let (before, from) = self.registered(client_id).await?;
        if self.only_at.is_some_and(|expected| expected != from) {
            return Err(ActError::Conflict(crate::app_acts::subject(client_id)));
        }
        if before.requested.is_none() {
            return Err(ActError::NothingWaits);
        }
        let app = App { requested: None, ..before.clone() };
        let shown = crate::described(&before).get("requested").cloned();
        let act = Act {
            act: "requests refuse",
            subject: crate::app_acts::subject(client_id),
            before: shown.map(|requested| json!({ "requested": requested })),
            after: Some(json!({ "reason": reason })),
        };
        let revision = self.write_change(act, (&before, from), &app).await?.0;
        Ok((app, revision))
    }

    /// What an application waits for, noted as asked by this user now.
    fn request<'app>(&self, app: &'app mut App) -> Result<&'app mut Requested, ActError> {
        let by = self.by.cloned().ok_or(ActError::NothingWaits)?;
        let now = self.acts.now();
        let requested = app.requested.get_or_insert_with(|| Requested::new(by.clone(), now));
        (requested.by, requested.at) = (by, now);
        Ok(requested)
    }

    /// The settings that a wish is, if they can work.
    fn sound(&self, app: &App, wish: &Wish) -> Result<AppSettings, ActError> {
        let mut settings = wish.settings(app);
        // Where there is no field for it, nothing is said of it.
        if settings.webhook.is_none() && self.names.forbids_webhooks() {
            settings.webhook.clone_from(&app.webhook);
        }
        let mut wrong = Vec::new();
        let mut rule = |field: &str, text: String| {
            wrong.push(WrongField { field: field.to_owned(), problem: Problem::Rule(text) });
        };
        let offered = self.offered_scopes();
        for scope in wish.scopes.iter().filter(|scope| !offered.contains(*scope) && !app.scope.contains(scope)) {
            rule("scopes", format!("{scope} is offered to nobody: choose among those that are"));
        }
        if settings.grants.is_empty() {
            let way = "without a redirect URI it could do nothing: write one";
            let other = if wish.kind == AppKind::Confidential { ", or let it call for itself" } else { "" };
            rule("redirect_uris", format!("{way}{other}"));
        }
        let web = |uri: &RedirectUri| ["https://", "http://"].iter().any(|scheme| uri.as_str().starts_with(scheme));
        if wish.kind == AppKind::Confidential && !settings.redirect_uris.iter().all(web) {
            rule(
                "redirect_uris",
                "a scheme of its own has a native app alone: an app on a server has https".to_owned(),
            );
        }
        if wish.trusted && wish.kind == AppKind::Confidential && !app.trusted {
            rule("trusted", "an app on a server sends its users to the login page: leave this out".to_owned());
        }
        if !wish.trusted && app.grants.contains(&GrantType::Password) {
            let text = "the password grant, which the app has, needs this: ask an operator to take it away first";
            rule("trusted", text.to_owned());
        }
        wrong.extend(self.names.webhook(settings.webhook.as_ref(), app.webhook.as_ref()));
        let mut changed = app.clone();
        changed.set(settings.clone());
        wrong.extend(unsound(&changed));
        if wrong.is_empty() { Ok(settings) } else { Err(ActError::Fields(wrong)) }
    }
}

fn not_offered(field: &'static str, kind: &str) -> ActError {
    ActError::Fields(vec![WrongField {
        field: field.to_owned(),
        problem: Problem::Unknown(format!("no such {kind} is offered: choose one of the list")),
    }])
}

fn subscribe(app: &mut App, api: &ApiName, plan: Option<PlanName>) {
    let new = || subscriptions::new(&app.client_id, api);
    app.subscriptions.entry(api.clone()).or_insert_with(new).plan = plan;
}

/// Drops a part of what an application waits for.
fn forget(app: &mut App, part: impl FnOnce(&mut Requested)) {
    if let Some(requested) = &mut app.requested {
        part(requested);
        if requested.subscriptions.is_empty() && requested.settings.is_none() {
            app.requested = None;
        }
    }
}
