//! What an operator is shown of a login: which requests were sent and what came back, without any value of it.
//!
//! Names come from the configuration and from the system: of cookies, fields and parameters. What they hold is left out, but
//! for how long it is and of which characters. Nothing here is made while users log in.

use std::collections::BTreeSet;

use gateway_config::connector::{Extract, HttpLogin as Settings};
use gateway_domain::time::Timestamp;
use http::Method;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, LOCATION};
use serde::Serialize;
use url::Url;
use zeroize::Zeroizing;

use super::content::{Absent, Content};
use super::cookies::{Change, ChangeKind, Jar};
use super::judge::{self, At, Part};
use super::response::described;
use super::shown_url;
use crate::reference;

/// The longest name that is shown, in characters.
const LONGEST: usize = 80;

/// Records a login for an operator, or nothing.
pub(super) struct Recorder<'a>(pub(super) Option<&'a mut Walk>);

/// What was seen of a login, in order.
#[derive(Debug, Default, Serialize)]
pub struct Walk {
    /// The events.
    pub events: Vec<Event>,
    /// The segments of paths that the configuration has: what stands there is no secret.
    #[serde(skip)]
    written: BTreeSet<String>,
}

/// One thing that was seen.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A request and its response.
    Exchange(Exchange),
    /// What the response of a step was compared with.
    Judged {
        /// The step, from 1.
        step: usize,
        /// The parts of `success`.
        success: Vec<Compared>,
        /// The parts of `refused`, if it is written.
        refused: Vec<Compared>,
        /// Why they could not be compared.
        problem: Option<String>,
    },
    /// A value that the configuration asks for.
    Value {
        /// What the configuration calls it.
        field: String,
        /// Where it is looked for.
        place: String,
        /// Its length and characters, or why it is not there.
        found: String,
        /// Whether it was found.
        good: bool,
    },
}

/// A request and its response.
#[derive(Debug, Serialize)]
pub struct Exchange {
    /// The step, from 1.
    pub step: usize,
    /// The method.
    pub method: String,
    /// The URL without the values of its query.
    pub url: String,
    /// The names of the cookies that went along.
    pub cookies_sent: Vec<String>,
    /// The status.
    pub status: u16,
    /// The type of the content.
    pub content_type: String,
    /// How its body was compressed.
    pub content_coding: Option<String>,
    /// The size of the body as it was received, in bytes.
    pub bytes: usize,
    /// The cookies that the response set or deleted.
    pub cookies: Vec<SeenCookie>,
    /// The forms of the page.
    pub forms: Vec<SeenForm>,
    /// Where it redirects to, resolved, without the values of its query.
    pub redirect: Option<String>,
}

/// A cookie that a response set, deleted, or tried to set.
#[derive(Debug, Serialize)]
pub struct SeenCookie {
    /// Its name.
    pub name: String,
    /// Its path.
    pub path: String,
    /// `set`, `deleted` or `ignored`.
    pub what: &'static str,
    /// In how many seconds it ends, if the response says.
    pub ends_in: Option<i64>,
}

/// A form of a page.
#[derive(Debug, Serialize)]
pub struct SeenForm {
    /// Its id, or else its name.
    pub id: Option<String>,
    /// Where it is sent, resolved, without the values of its query.
    pub action: String,
    /// Whether it asks for a password.
    pub password: bool,
    /// The names of its fields and buttons.
    pub fields: Vec<String>,
}

/// One part of a condition, and whether it holds.
#[derive(Debug, Serialize)]
pub struct Compared {
    /// In words of the configuration.
    pub what: String,
    /// Whether it holds.
    pub holds: bool,
}

impl Walk {
    /// A login with these settings, of which nothing was seen yet.
    pub(super) fn of(settings: &Settings) -> Self {
        Self { events: Vec::new(), written: shown_url::written(settings) }
    }

    /// The last response.
    pub fn last(&self) -> Option<&Exchange> {
        self.events.iter().rev().find_map(|event| match event {
            Event::Exchange(exchange) => Some(exchange),
            Event::Judged { .. } | Event::Value { .. } => None,
        })
    }
}

impl Recorder<'_> {
    /// Whether anybody looks.
    pub(super) fn records(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn exchanged(
        &mut self,
        at: At<'_>,
        method: &Method,
        content: &Content,
        sent: &[String],
        changes: &[Change],
        now: Timestamp,
    ) {
        let Some(walk) = &mut self.0 else { return };
        let location = content.header(LOCATION).filter(|_| content.status.is_redirection());
        let resolved = |reference: &str| reference::resolved(&content.url, reference);
        let written = &walk.written;
        let address = |url: &Url| shown_url::address(url, written);
        let shown_or =
            |url: Option<Url>| url.map_or_else(|| "no address that can be called".to_owned(), |url| address(&url));
        let exchange = Exchange {
            step: at.number,
            method: method.to_string(),
            url: address(&content.url),
            cookies_sent: sent.iter().map(|name| shown(name)).collect(),
            status: content.status.as_u16(),
            content_type: content.header(CONTENT_TYPE).map_or_else(|| "no type".to_owned(), media_type),
            content_coding: content.header(CONTENT_ENCODING).map(shown),
            bytes: content.received(),
            cookies: changes.iter().map(|change| cookie(change, written, now)).collect(),
            forms: forms(content, &address),
            redirect: location.map(|location| shown_or(resolved(location))),
        };
        walk.events.push(Event::Exchange(exchange));
    }

    pub(super) fn judged(&mut self, at: At<'_>, content: &Content) {
        let Some(walk) = &mut self.0 else { return };
        let compared = |parts: Vec<Part>| {
            parts.into_iter().map(|Part { what, holds }| Compared { what, holds }).collect::<Vec<_>>()
        };
        let (success, refused) = (judge::success(at, content), judge::refused(at, content));
        let problem = success.as_ref().err().or(refused.as_ref().err()).map(ToString::to_string);
        walk.events.push(Event::Judged {
            step: at.number,
            success: compared(success.unwrap_or_default()),
            refused: compared(refused.ok().flatten().unwrap_or_default()),
            problem,
        });
    }

    pub(super) fn kept(&mut self, name: &str, place: &Extract, found: &Result<Zeroizing<String>, Absent>) {
        if let Some(walk) = &mut self.0 {
            walk.events.push(value(format!("keep.{name}"), place, found));
        }
    }

    pub(super) fn extracted(&mut self, settings: &Settings, content: &Content, jar: &Jar) {
        let Some(walk) = &mut self.0 else { return };
        let also = settings.extract_also.iter().map(|(name, place)| (format!("extract_also.{}", name.as_str()), place));
        for (field, place) in [("extract".to_owned(), &settings.extract)].into_iter().chain(also) {
            walk.events.push(value(field, place, &content.value(jar, place)));
        }
    }
}

fn value(field: String, place: &Extract, found: &Result<Zeroizing<String>, Absent>) -> Event {
    let good = found.is_ok();
    let found = found.as_ref().map_or_else(ToString::to_string, |value| characters(value));
    Event::Value { field, place: described(place), found, good }
}

/// The length of a value and the narrowest class of characters that has all of it.
fn characters(value: &str) -> String {
    let all = |is: fn(char) -> bool| value.chars().all(is);
    let class = if all(|char| char.is_ascii_digit()) {
        "0-9"
    } else if all(|char| char.is_ascii_digit() || matches!(char, 'a'..='f')) {
        "0-9 a-f"
    } else if all(|char| char.is_ascii_alphanumeric()) {
        "letters and digits"
    } else if all(|char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_')) {
        "letters, digits, - and _"
    } else if all(|char| char.is_ascii_graphic() && char != ';') {
        "visible ASCII"
    } else {
        "text, which a header cannot carry"
    };
    format!("{} characters: {class}", value.chars().count())
}

fn cookie(change: &Change, written: &BTreeSet<String>, now: Timestamp) -> SeenCookie {
    let (what, ends) = match change.kind {
        ChangeKind::Set(ends) => ("set", ends),
        ChangeKind::Deleted => ("deleted", None),
        ChangeKind::Ignored => ("ignored, since it is for another domain or too large", None),
    };
    let ends_in = ends.map(|ends| ends.as_secs().saturating_sub(now.as_secs()));
    SeenCookie { name: shown(&change.name), path: shown_url::path(&change.path, written), what, ends_in }
}

fn forms(content: &Content, address: &dyn Fn(&Url) -> String) -> Vec<SeenForm> {
    let Ok(page) = content.page() else { return Vec::new() };
    let base = page.base.as_ref().and_then(|base| reference::resolved(&content.url, base));
    let base = base.unwrap_or_else(|| content.url.clone());
    page.forms
        .iter()
        .map(|form| SeenForm {
            id: form.id.as_deref().or(form.name.as_deref()).map(shown),
            action: match form.action.as_deref().map(str::trim).filter(|action| !action.is_empty()) {
                None => address(&content.url),
                Some(action) => reference::resolved(&base, action)
                    .map_or_else(|| "no address that can be called".to_owned(), |url| address(&url)),
            },
            password: form.has_password(),
            fields: form.controls.iter().map(|control| shown(&control.name)).filter(|name| !name.is_empty()).collect(),
        })
        .collect()
}

fn media_type(content_type: &str) -> String {
    shown(content_type.split(';').next().unwrap_or_default().trim())
}

/// A name from the system, without what a terminal would obey.
pub(super) fn shown(name: &str) -> String {
    shown_up_to(name, LONGEST)
}

pub(super) fn shown_up_to(name: &str, most: usize) -> String {
    let mut shown: String =
        name.chars().take(most).map(|char| if char.is_control() { '\u{fffd}' } else { char }).collect();
    if name.chars().nth(most).is_some() {
        shown.push('…');
    }
    shown
}
