//! The admin API: JSON under `/gateway/api/v1`. Each area has a scope to read and one to write.

mod apps;
mod audit;
mod catalogue;
mod deliveries;
mod devices;
mod requests;
mod subscriptions;
mod usage;
mod users;

use crate::error::Failure;
use crate::principal::Principal;
use crate::{Asked, Portal};
use gateway_administration::ActError;
use gateway_domain::event::ApiResponse;
use gateway_domain::form::decode;
use gateway_store::Revision;
use serde_json::{Value, json};

/// The most items of a list in one response, and how many there are if nobody says so.
const MOST: usize = 100;

/// The longest parameter of a query, in bytes.
const LONGEST: usize = 254;

impl Portal {
    /// Answers a request to `/gateway/api/v1…`, of which `path` is what follows.
    pub(crate) async fn administered(&self, asked: &Asked<'_>, path: &str) -> Result<ApiResponse, Failure> {
        let principal = self.principal(asked).await?;
        let segments = segments(path).ok_or(Failure::NotFound)?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let (area, rest) = segments.split_first().ok_or(Failure::NotFound)?;
        match (*area, rest) {
            ("apps", [client_id, "subscriptions", rest @ ..]) => {
                Box::pin(self.subscriptions(asked, &principal, client_id, rest)).await
            }
            ("apps", [client_id, "usage"]) => self.usage_of(asked, &principal, client_id).await,
            ("apps", rest) => Box::pin(self.apps(asked, &principal, rest)).await,
            ("users", rest) => Box::pin(self.users(asked, &principal, rest)).await,
            ("devices", rest) => Box::pin(self.devices(asked, &principal, rest)).await,
            ("requests", rest) => Box::pin(self.requests(asked, &principal, rest)).await,
            ("deliveries", rest) => Box::pin(self.events(asked, &principal, rest)).await,
            ("usage", []) => self.usage_on(asked, &principal).await,
            ("audit", []) => Box::pin(self.audit(asked, &principal)).await,
            ("apis", []) => self.apis(asked, &principal),
            ("plans", []) => self.plans(asked, &principal),
            _ => Err(Failure::NotFound),
        }
    }
}

/// The segments of a path, each decoded, as an HTTP API decodes all of it. `None` if one cannot be, or holds a slash.
pub(crate) fn segments(path: &str) -> Option<Vec<String>> {
    let decoded = |segment: &str| {
        let text = decode(&segment.replace('+', "%2B")).ok()?;
        (!text.contains('/') && !text.chars().any(char::is_control)).then_some(text)
    };
    path.split('/').skip(1).map(decoded).collect()
}

/// The revision at which alone something is to be changed (RFC 9110 §13.1.1).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Any, or none yet.
    Any,
    /// Any, and it has to be there.
    There,
    /// This one.
    At(Revision),
    /// It must not be there (RFC 9110 §13.1.2).
    Absent,
}

impl Expected {
    fn of(asked: &Asked<'_>) -> Result<Self, Failure> {
        let malformed = |name: &str| Failure::malformed(name, "send one ETag, or *");
        let matches = asked.request.header("If-Match").map_err(|_| malformed("If-Match"))?;
        let none = asked.request.header("If-None-Match").map_err(|_| malformed("If-None-Match"))?;
        match (matches, none) {
            (None, None) => Ok(Self::Any),
            (Some("*"), None) => Ok(Self::There),
            (Some(tag), None) => {
                let number = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).and_then(Revision::parse);
                number.map(Self::At).ok_or_else(|| malformed("If-Match"))
            }
            (None, Some("*")) => Ok(Self::Absent),
            (_, Some(_)) => Err(malformed("If-None-Match")),
        }
    }

    /// The revision, for whoever compares it when writing.
    fn revision(self) -> Option<Revision> {
        if let Self::At(revision) = self { Some(revision) } else { None }
    }

    /// Fails if it is not as it has to be.
    fn check(self, is_there: bool) -> Result<(), Failure> {
        match (self, is_there) {
            (Self::There | Self::At(_), false) | (Self::Absent, true) => Err(Failure::Precondition),
            (Self::Any, _) | (Self::There | Self::At(_), true) | (Self::Absent, false) => Ok(()),
        }
    }

    /// A conflict with what a request expects is a failed precondition.
    fn stale(self) -> impl Fn(ActError) -> Failure {
        move |error| {
            let is_stale = self.revision().is_some() && matches!(error, ActError::Conflict(_));
            if is_stale { Failure::Precondition } else { error.into() }
        }
    }
}

/// How many items a request wants, and after which.
fn paging(asked: &Asked<'_>) -> Result<(usize, Option<String>), Failure> {
    let most = match parameter(asked, "limit")? {
        None => MOST,
        Some(text) => {
            let most = text.parse().ok().filter(|most| (1..=MOST).contains(most));
            most.ok_or_else(|| Failure::malformed("limit", format!("it is a number from 1 to {MOST}")))?
        }
    };
    Ok((most, parameter(asked, "after")?))
}

/// The value of a parameter of the query.
fn parameter(asked: &Asked<'_>, name: &str) -> Result<Option<String>, Failure> {
    let value = asked.request.parameter(name).map_err(|_| Failure::malformed(name, "it comes twice"))?;
    if value.as_ref().is_some_and(|value| value.len() > LONGEST) {
        return Err(Failure::malformed(name, format!("it has more than {LONGEST} bytes")));
    }
    Ok(value)
}

/// One thing.
fn shown(status: u16, value: &Value) -> ApiResponse {
    ApiResponse::json(status, "application/json", value)
}

/// A list; `next` is what the next request sends as `after`.
fn listed(items: &[Value], next: Option<&str>) -> ApiResponse {
    shown(200, &json!({ "items": items, "next": next }))
}

/// Fails for another method than these.
fn only(asked: &Asked<'_>, methods: &'static str) -> Result<(), Failure> {
    let known = methods.split(", ").any(|method| method == asked.request.method);
    if known { Ok(()) } else { Err(Failure::MethodNotAllowed(methods)) }
}

/// The first of these scopes to look, the second for everything else.
fn allowed(
    asked: &Asked<'_>,
    principal: &Principal,
    (read, write): (&'static str, &'static str),
) -> Result<(), Failure> {
    principal.may(if asked.request.method == "GET" { read } else { write })
}
