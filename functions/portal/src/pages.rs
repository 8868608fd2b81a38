//! The pages of administrators and developers, under `/gateway`. Each is one URL: `GET` shows it and changes nothing, `POST` does
//! something.
//!
//! An administrator is a user with that role who has logged in on the account pages, and has shown a code of an authenticator app in
//! this browser. A developer is a user who may make an organization, belongs to one or is invited to one. Who is not, is told that
//! there is nothing.

mod apps;
mod audit;
mod catalogue;
mod events;
mod history;
mod organizations;
mod own_app;
mod plans;
mod requests;
mod second_factor;
mod told;
mod usage;
mod users;
mod wished;

use crate::error::Failure;
use crate::{Asked, Portal, told};
use gateway_administration::{ActError, WrongField};
use gateway_credentials::LoggedIn;
use gateway_domain::event::ApiResponse;
use gateway_domain::form::Form;
use gateway_domain::role::Role;
use gateway_domain::time::{Seconds, Timestamp};
use gateway_store::User;
use gateway_web::pages::portal::{Block, Portal as Page, Tab};
use gateway_web::pages::{self, Reason};
use gateway_web::{Browser, Site, same_origin, see_other};

/// For so long after a proof it is not asked for again.
pub(crate) const FRESH: Seconds = Seconds::new(600);

/// Where the pages are.
const PAGES: &str = "/gateway";
/// The purpose of all forms here: each is for this browser, and each administrator may do what all of them do.
const PURPOSE: &str = "gateway";

/// The parts for administrators, with what each is called.
const ADMINISTRATION: [(&str, &str); 7] = [
    ("/gateway/requests", "Requests"),
    ("/gateway/users", "Users"),
    ("/gateway/apps", "Apps"),
    ("/gateway/plans", "Plans"),
    ("/gateway/usage", "Usage"),
    ("/gateway/events", "Events"),
    ("/gateway/audit", "Audit trail"),
];
/// The parts for developers.
const DEVELOPMENT: [(&str, &str); 2] = [("/gateway/organizations", "Organizations"), ("/gateway/catalogue", "APIs")];

/// A request to a page.
pub(crate) struct Visit<'a> {
    pub(crate) asked: &'a Asked<'a>,
    issuer: String,
    pub(crate) site: Site,
    pub(crate) browser: Browser,
    pub(crate) form_token: String,
}

/// A user who administers or develops.
pub(crate) struct Visitor {
    pub(crate) user: User,
    /// When the password was shown in this browser.
    auth_time: Timestamp,
    /// When an administrator has shown the code of the authenticator app in this browser. `None` is no administrator, or not yet.
    pub(crate) proved_at: Option<Timestamp>,
    /// Whether there are pages for developers.
    develops: bool,
}

impl Visitor {
    /// Fails unless the strongest proof was shown a short time ago: what gives lasting access is not for whoever finds a browser that is
    /// logged in.
    pub(crate) fn is_fresh(&self, now: Timestamp) -> Result<(), Failure> {
        match self.proved_at {
            Some(proved_at) if now >= proved_at.saturating_add(FRESH) => Err(Failure::SecondFactor),
            None if now >= self.auth_time.saturating_add(FRESH) => Err(Failure::NotLoggedIn),
            Some(_) | None => Ok(()),
        }
    }

    /// As the audit table names who acts.
    pub(crate) fn who(&self) -> String {
        format!("user {}", self.user.user_id)
    }
}

/// What a page consists of.
pub(crate) struct Content {
    pub(crate) heading: String,
    pub(crate) done: Option<&'static str>,
    pub(crate) mistakes: Vec<(Option<String>, String)>,
    pub(crate) blocks: Vec<Block>,
}

impl Content {
    pub(crate) fn new(heading: impl Into<String>) -> Self {
        Self { heading: heading.into(), done: None, mistakes: Vec::new(), blocks: Vec::new() }
    }
}

impl Portal {
    /// Answers a request to `/gateway…`.
    pub(crate) async fn page(&self, asked: &Asked<'_>) -> ApiResponse {
        let visit = match self.visit(asked) {
            Ok(visit) => visit,
            Err(failure) => return told(&failure, failure.response()),
        };
        let shown = Box::pin(self.visited(&visit)).await;
        let response = shown.unwrap_or_else(|failure| refused(&visit, &failure));
        let ours = asked.request.method == "GET" || same_origin(&visit.issuer, asked.request);
        match visit.browser.set_cookie().filter(|_| ours) {
            Some(cookie) => response.header("Set-Cookie", cookie),
            None => response,
        }
    }

    fn visit<'a>(&self, asked: &'a Asked<'a>) -> Result<Visit<'a>, Failure> {
        let issuer = self.gateway.token_parties(&asked.request.stage_variables)?.issuer().to_owned();
        let site = Site::of(&self.gateway, &issuer, asked.request, None).in_english();
        let browser = Browser::of(&site, asked.request, &*self.entropy)?;
        let form_token = browser.form_token(PURPOSE);
        Ok(Visit { asked, issuer, site, browser, form_token })
    }

    async fn visited(&self, visit: &Visit<'_>) -> Result<ApiResponse, Failure> {
        let sent = match visit.asked.request.method.as_str() {
            "GET" => None,
            "POST" => Some(form(visit)?),
            _ => return Err(Failure::NotFound),
        };
        let path = visit.asked.request.path.strip_prefix(PAGES).unwrap_or_default();
        let segments = crate::admin::segments(path).ok_or(Failure::NotFound)?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        if segments == ["second-factor"] {
            return Box::pin(self.second_factor_page(visit, sent)).await;
        }
        if let ["organizations" | "catalogue", ..] = segments.as_slice() {
            return Box::pin(self.developed(visit, &segments, sent)).await;
        }
        if let [] | [""] = segments.as_slice() {
            return self.home(visit).await;
        }
        let administrator = self.administrator(visit).await?;
        match (segments.as_slice(), sent) {
            (["requests"], None) => Box::pin(self.requests_page(visit, &administrator)).await,
            (["requests", id], sent) => Box::pin(self.request_page(visit, &administrator, id, sent)).await,
            (["users"], None) => Box::pin(self.users_page(visit, &administrator)).await,
            (["users", id], sent) => Box::pin(self.user_page(visit, &administrator, id, sent)).await,
            (["apps"], None) => Box::pin(self.apps_page(visit, &administrator)).await,
            (["apps", id], sent) => Box::pin(self.app_page(visit, &administrator, id, sent)).await,
            (["apps", id, "usage"], None) => Box::pin(self.app_usage_page(visit, &administrator, id)).await,
            (["usage"], None) => Box::pin(self.usage_page(visit, &administrator)).await,
            (["events"], sent) => Box::pin(self.events_page(visit, &administrator, sent)).await,
            (["plans"], None) => Box::pin(self.plans_page(visit, &administrator)).await,
            (["audit"], None) => Box::pin(self.audit_page(visit, &administrator)).await,
            (["audit.csv"], None) => Box::pin(self.audit_file(visit)).await,
            _ => Err(Failure::NotFound),
        }
    }

    /// The pages of developers.
    async fn developed(
        &self,
        visit: &Visit<'_>,
        segments: &[&str],
        sent: Option<Form>,
    ) -> Result<ApiResponse, Failure> {
        let visitor = self.visitor(visit).await?;
        if !visitor.develops {
            let may_be_later = visitor.user.roles.contains(&Role::Administrator) && visitor.proved_at.is_none();
            let there = self.gateway.developer_portal().is_some();
            return Err(if may_be_later && there { Failure::SecondFactor } else { Failure::NotFound });
        }
        if sent.is_some() {
            self.developer_attempts.change(&visitor.user.user_id, visit.asked.now).await?;
        }
        match (segments, sent) {
            (["organizations"], sent) => Box::pin(self.organizations_page(visit, &visitor, sent)).await,
            (["organizations", id], sent) => Box::pin(self.organization_page(visit, &visitor, id, sent)).await,
            (["organizations", id, "register"], sent) => Box::pin(self.register_page(visit, &visitor, id, sent)).await,
            (["organizations", id, "apps", app], sent) => {
                Box::pin(self.own_app_page(visit, &visitor, (id, app), sent)).await
            }
            (["organizations", id, "apps", app, "usage"], None) => {
                Box::pin(self.own_usage_page(visit, &visitor, (id, app))).await
            }
            (["catalogue"], None) => Ok(self.catalogue_page(visit, &visitor)),
            (["catalogue", api], None) => self.api_page(visit, &visitor, api),
            _ => Err(Failure::NotFound),
        }
    }

    /// Leads to where a visitor has something to do.
    async fn home(&self, visit: &Visit<'_>) -> Result<ApiResponse, Failure> {
        let visitor = self.visitor(visit).await?;
        let is_administrator = visitor.user.roles.contains(&Role::Administrator);
        match (is_administrator, visitor.develops) {
            (true, _) => Ok(see_other(&visit.site.path("/gateway/requests"))),
            (false, true) => Ok(see_other(&visit.site.path("/gateway/organizations"))),
            (false, false) => Err(Failure::NotFound),
        }
    }

    /// Who is logged in in this browser, with an address that is proved: nobody has shown that another one is theirs.
    async fn logged_in(&self, visit: &Visit<'_>) -> Result<LoggedIn, Failure> {
        let cookie = visit.site.login_cookie(visit.asked.request);
        let logged_in = self.browsers.logged_in(cookie, visit.asked.now).await?.ok_or(Failure::NotLoggedIn)?;
        if logged_in.user.email_verified { Ok(logged_in) } else { Err(Failure::NotFound) }
    }

    async fn visitor(&self, visit: &Visit<'_>) -> Result<Visitor, Failure> {
        let LoggedIn { user, login, auth_time } = self.logged_in(visit).await?;
        // What was proved with an app before this one does not count.
        let since = user.second_factor.as_ref().map(|factor| factor.since);
        let proved_at = login.second_factor_at.filter(|proved_at| since.is_some_and(|since| *proved_at >= since));
        let proved_at = proved_at.filter(|_| user.roles.contains(&Role::Administrator));
        let develops = self.develops(visit.asked, &user, proved_at.is_some()).await?;
        Ok(Visitor { user, auth_time, proved_at, develops })
    }

    /// Whether there are pages for developers that are for this user.
    async fn develops(&self, asked: &Asked<'_>, user: &User, administers: bool) -> Result<bool, Failure> {
        if self.gateway.developer_portal().is_none() {
            return Ok(false);
        }
        if administers || self.may_make_organizations(user) {
            return Ok(true);
        }
        let (member_of, invited_to) = self.organizations_of(asked, user).await?;
        Ok(!member_of.is_empty() || !invited_to.is_empty())
    }

    /// An administrator with both proofs.
    async fn administrator(&self, visit: &Visit<'_>) -> Result<Visitor, Failure> {
        let visitor = self.visitor(visit).await?;
        match (visitor.user.roles.contains(&Role::Administrator), visitor.proved_at) {
            (true, Some(_)) => Ok(visitor),
            (true, None) => Err(Failure::SecondFactor),
            (false, _) => Err(Failure::NotFound),
        }
    }
}

/// A form that was sent by this browser and from this site.
fn form(visit: &Visit<'_>) -> Result<Form, Failure> {
    let request = visit.asked.request;
    let content_type = request.header("Content-Type").ok().flatten();
    let form = Form::parse(content_type, &request.body).map_err(|_| Failure::OtherBrowser)?;
    let ours = same_origin(&visit.issuer, request) && visit.browser.check(PURPOSE, form.get("form_token"));
    if ours { Ok(form) } else { Err(Failure::OtherBrowser) }
}

/// A page, with the parts that there are for a visitor.
pub(crate) fn shown(visit: &Visit<'_>, who: Option<&Visitor>, status: u16, content: Content) -> ApiResponse {
    let path = visit.asked.request.path.as_str();
    let tab = |(url, label): (&'static str, &'static str)| Tab {
        label,
        url: visit.site.path(url),
        current: path == url || path.starts_with(&format!("{url}/")),
    };
    let Content { heading, done, mistakes, blocks } = content;
    let page = Page {
        site: &visit.site,
        heading: &heading,
        tabs: who.map(parts).unwrap_or_default().into_iter().map(tab).collect(),
        who: who.map(|who| who.user.email.as_str()),
        form_token: &visit.form_token,
        done,
        mistakes,
        blocks,
    };
    visit.site.respond(status, &page, &[])
}

fn parts(visitor: &Visitor) -> Vec<(&'static str, &'static str)> {
    let administration = ADMINISTRATION.into_iter().filter(|_| visitor.proved_at.is_some());
    administration.chain(DEVELOPMENT.into_iter().filter(|_| visitor.develops)).collect()
}

/// What is wrong, for the top of a page; other failures than wrong input and conflicts are pages of their own.
pub(crate) fn mistakes(failure: Failure) -> Result<Vec<(Option<String>, String)>, Failure> {
    let one = |wrong: &WrongField| (Some(wrong.field.clone()), wrong.problem.to_string());
    if !failure.fields().is_empty() {
        return Ok(failure.fields().iter().map(one).collect());
    }
    let told = matches!(
        &failure,
        Failure::Act(
            ActError::Conflict(_) | ActError::Taken(_) | ActError::NothingWaits | ActError::NoSubscription { .. }
        )
    );
    if told { Ok(vec![(None, format!("{failure}."))]) } else { Err(failure) }
}

/// The page for what cannot go on.
fn refused(visit: &Visit<'_>, failure: &Failure) -> ApiResponse {
    let to = |path: &str| {
        // Only a path of ours is led back to: the account pages and the second factor check it.
        let back =
            form_urlencoded::Serializer::new(String::new()).append_pair("to", &visit.asked.request.path).finish();
        see_other(&visit.site.path(&format!("{path}?{back}")))
    };
    if matches!(failure, Failure::NotLoggedIn) {
        return to("/account/log-in");
    }
    if matches!(failure, Failure::SecondFactor) {
        return to("/gateway/second-factor");
    }
    let status = failure.response().status;
    let reason = match status {
        404 | 405 => Reason::NotFound,
        429 => Reason::TooManyRequests,
        400..=499 => Reason::Expired,
        _ => Reason::Unavailable,
    };
    let reference = visit.asked.request.request_id.as_deref();
    let page = pages::Failure { site: &visit.site, reason, detail: None, reference };
    told(failure, failure.with_headers(visit.site.respond(status, &page, &[])))
}

/// A time as people read it, in UTC.
pub(crate) fn time(at: Timestamp) -> String {
    gateway_administration::text(at).replace('T', " ").trim_end_matches('Z').to_owned()
}
