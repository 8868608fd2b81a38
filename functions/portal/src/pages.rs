//! The pages of administrators, under `/gateway`. Each is one URL: `GET` shows it and changes nothing, `POST` does something.
//!
//! An administrator is a user with that role who has logged in on the account pages, and has shown a code of an authenticator app in
//! this browser. Who is not, is told that there is nothing.

mod apps;
mod audit;
mod plans;
mod second_factor;
mod users;

use crate::error::Failure;
use crate::{Asked, Portal, told};
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

/// The parts, with what each is called.
const PARTS: [(&str, &str); 4] = [
    ("/gateway/users", "Users"),
    ("/gateway/apps", "Apps"),
    ("/gateway/plans", "Plans"),
    ("/gateway/audit", "Audit trail"),
];

/// A request to a page.
pub(crate) struct Visit<'a> {
    pub(crate) asked: &'a Asked<'a>,
    issuer: String,
    pub(crate) site: Site,
    pub(crate) browser: Browser,
    pub(crate) form_token: String,
}

/// A user who administers, with the proofs that it takes.
pub(crate) struct Administrator {
    pub(crate) user: User,
    /// When the code of the authenticator app was shown in this browser.
    proved_at: Timestamp,
}

impl Administrator {
    /// Fails unless the code was shown a short time ago: what gives lasting access is not for whoever finds a browser that is logged in.
    pub(crate) fn is_fresh(&self, now: Timestamp) -> Result<(), Failure> {
        if now < self.proved_at.saturating_add(FRESH) { Ok(()) } else { Err(Failure::SecondFactor) }
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
        let administrator = self.administrator(visit).await?;
        match (segments.as_slice(), sent) {
            ([] | [""], None) => Ok(see_other(&visit.site.path("/gateway/users"))),
            (["users"], None) => Box::pin(self.users_page(visit, &administrator)).await,
            (["users", id], sent) => Box::pin(self.user_page(visit, &administrator, id, sent)).await,
            (["apps"], None) => Box::pin(self.apps_page(visit, &administrator)).await,
            (["apps", id], sent) => Box::pin(self.app_page(visit, &administrator, id, sent)).await,
            (["plans"], None) => Box::pin(self.plans_page(visit, &administrator)).await,
            (["audit"], None) => Box::pin(self.audit_page(visit, &administrator)).await,
            (["audit.csv"], None) => Box::pin(self.audit_file(visit)).await,
            _ => Err(Failure::NotFound),
        }
    }

    /// Who is logged in in this browser, if that is somebody who may administer once all proofs are there.
    async fn logged_in(&self, visit: &Visit<'_>) -> Result<LoggedIn, Failure> {
        let cookie = visit.site.login_cookie(visit.asked.request);
        let logged_in = self.browsers.logged_in(cookie, visit.asked.now).await?.ok_or(Failure::NotLoggedIn)?;
        let user = &logged_in.user;
        // Nobody has shown that an unproved address is theirs.
        if user.roles.contains(&Role::Administrator) && user.email_verified {
            Ok(logged_in)
        } else {
            Err(Failure::NotFound)
        }
    }

    async fn administrator(&self, visit: &Visit<'_>) -> Result<Administrator, Failure> {
        let LoggedIn { user, login, .. } = self.logged_in(visit).await?;
        // What was proved with an app before this one does not count.
        let since = user.second_factor.as_ref().map(|factor| factor.since);
        match (login.second_factor_at, since) {
            (Some(proved_at), Some(since)) if proved_at >= since => Ok(Administrator { user, proved_at }),
            (None | Some(_), None | Some(_)) => Err(Failure::SecondFactor),
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

/// A page, with the parts that there are for an administrator.
pub(crate) fn shown(visit: &Visit<'_>, who: Option<&Administrator>, status: u16, content: Content) -> ApiResponse {
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
        tabs: who.map(|_| PARTS.map(tab).into()).unwrap_or_default(),
        who: who.map(|who| who.user.email.as_str()),
        form_token: &visit.form_token,
        done,
        mistakes,
        blocks,
    };
    visit.site.respond(status, &page, &[])
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
