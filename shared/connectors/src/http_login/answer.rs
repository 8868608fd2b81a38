//! What the answers of a login say: refused, broken, or a session and its end.

use std::borrow::Cow;
use std::cell::OnceCell;

use bytes::Bytes;
use config::connector::{Condition, End, ExpiryForm, Extract, Preflight, Statuses};
use domain::time::{Seconds, Timestamp};
use http::{Response, StatusCode};
use serde_json::Value;
use zeroize::Zeroizing;

use super::cookies::{self, Jar};
use super::state::{State, is_value};
use super::{HttpLogin, misbehaved};
use crate::{Acquired, ConnectorError, rfc3339};

/// How much of a body patterns are looked for in, in bytes: that takes time, and what a login answers is small.
const SEARCHED: usize = 256 * 1024;

/// What the preflight gave.
#[derive(Default)]
pub(super) struct Before {
    pub(super) jar: Jar,
    pub(super) csrf: Option<Zeroizing<String>>,
}

/// What a status says where the configuration does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// 2xx.
    Fine,
    /// A redirect, which is not followed, or no final answer.
    Elsewhere,
    /// Any other 4xx.
    Refused,
    /// There is nothing at this URL, or nothing that reads what was sent: a right password would be answered alike.
    NotThere,
    /// It may go better later.
    Later,
}

pub(super) fn kind(status: StatusCode) -> Kind {
    match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Kind::Later,
        StatusCode::NOT_FOUND
        | StatusCode::METHOD_NOT_ALLOWED
        | StatusCode::GONE
        | StatusCode::UNSUPPORTED_MEDIA_TYPE => Kind::NotThere,
        _ if status.is_success() => Kind::Fine,
        _ if status.is_client_error() => Kind::Refused,
        _ if status.is_server_error() => Kind::Later,
        _ => Kind::Elsewhere,
    }
}

pub(super) fn by_status(what: &str, status: StatusCode, error: fn(String) -> ConnectorError) -> ConnectorError {
    error(format!("{what} was answered with status {}", status.as_u16()))
}

/// Whether an answer is good, refused or neither, by its status alone.
pub(super) fn judge_by_status(answer: &Response<Bytes>, what: &str) -> Result<(), ConnectorError> {
    let status = answer.status();
    match kind(status) {
        Kind::Fine => Ok(()),
        Kind::Refused => Err(ConnectorError::Refused),
        Kind::Later => Err(by_status(what, status, ConnectorError::Unavailable)),
        Kind::Elsewhere | Kind::NotThere => Err(by_status(what, status, ConnectorError::Misbehaved)),
    }
}

/// Reads the answer to the preflight. Nobody has given a password yet, so nothing there is a refusal.
pub(super) fn preflight(
    settings: &Preflight,
    answer: &Response<Bytes>,
    now: Timestamp,
) -> Result<Before, ConnectorError> {
    let status = answer.status();
    match kind(status) {
        Kind::Fine => {}
        Kind::Later => return Err(by_status("the preflight", status, ConnectorError::Unavailable)),
        Kind::Elsewhere | Kind::Refused | Kind::NotThere => {
            return Err(by_status("the preflight", status, ConnectorError::Misbehaved));
        }
    }
    let mut jar = Jar::default();
    jar.keep(answer.headers(), now);
    let csrf = settings.csrf.as_ref().map(|csrf| {
        let found = Content::of(answer, &jar).value(csrf).map(Zeroizing::new);
        let found = found.ok_or_else(|| misbehaved("the preflight's answer has no CSRF value where it should be"))?;
        if is_value(&found) { Ok(found) } else { Err(misbehaved("the CSRF value is no header value")) }
    });
    let csrf = csrf.transpose()?;
    Ok(Before { jar, csrf })
}

impl HttpLogin {
    /// Whether the answer to a login is good, refused or neither.
    pub(super) fn judge(&self, answer: &Response<Bytes>, now: Timestamp) -> Result<(), ConnectorError> {
        let login = &self.settings.login;
        let status = answer.status();
        let good = match login.success.as_ref().and_then(|success| success.status.as_ref()) {
            Some(statuses) => statuses.contains(status),
            None => status == login.success_status.unwrap_or(StatusCode::OK),
        };
        if good && login.success.as_ref().is_none_or(|success| holds(success, answer, now)) {
            return Ok(());
        }
        let kind = match &login.refused {
            Some(refused) if holds(refused, answer, now) => Kind::Refused,
            Some(_) if kind(status) == Kind::Refused => Kind::NotThere,
            _ => kind(status),
        };
        match kind {
            Kind::Refused => Err(ConnectorError::Refused),
            Kind::Later => Err(by_status("the login", status, ConnectorError::Unavailable)),
            Kind::Fine | Kind::Elsewhere | Kind::NotThere => {
                Err(by_status("the login", status, ConnectorError::Misbehaved))
            }
        }
    }

    /// Reads the good answer to a login.
    pub(super) fn read(
        &self,
        answer: &Response<Bytes>,
        before: Before,
        now: Timestamp,
    ) -> Result<Acquired, ConnectorError> {
        let Before { mut jar, csrf: _ } = before;
        jar.keep(answer.headers(), now);
        let renew_until = self.settings.renew.as_ref().map(|renew| now.saturating_add(renew.lasting));
        self.session(&Content::of(answer, &jar), None, renew_until, now)
    }

    /// Reads the good answer to a renewal: what it does not have stays as it was.
    pub(super) fn read_renewal(
        &self,
        answer: &Response<Bytes>,
        kept: &State<'_>,
        now: Timestamp,
    ) -> Result<Acquired, ConnectorError> {
        let mut jar = Jar::default();
        jar.keep(answer.headers(), now);
        self.session(&Content::of(answer, &jar), Some(kept), kept.renew_until, now)
    }

    fn session(
        &self,
        content: &Content<'_>,
        kept: Option<&State<'_>>,
        renew_until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Acquired, ConnectorError> {
        let find = |extract: &Extract, name: &str| {
            let old = || kept.and_then(|kept| kept.value(name)).map(str::to_owned);
            let found = content.value(extract).or_else(old).map(Zeroizing::new);
            let found =
                found.ok_or_else(|| misbehaved("the login's answer has no session token where it should be"))?;
            if is_value(&found) { Ok(found) } else { Err(misbehaved("the session token is no header value")) }
        };
        let token = find(&self.settings.extract, "token")?;
        let also = self.settings.extract_also.iter();
        let also = also.map(|(name, extract)| Ok((name.as_str(), find(extract, name.as_str())?)));
        let also = also.collect::<Result<Vec<_>, ConnectorError>>()?;
        let also = also.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let state = State { token: &token, also, renew_until }.write();
        let ends = match &self.settings.expires.end {
            Some(end) => {
                let ends = self.ends(end, content, now);
                Some(ends.ok_or_else(|| misbehaved("the login's answer does not say when the session ends"))?)
            }
            None => None,
        };
        if ends.is_some_and(|ends| ends <= now) {
            return Err(misbehaved("the session has ended already"));
        }
        Ok(Acquired {
            state: state.ok_or_else(|| misbehaved("the session token is no header value"))?,
            ends,
            idle: self.settings.expires.idle,
            renew_until,
        })
    }

    fn ends(&self, end: &End, content: &Content<'_>, now: Timestamp) -> Option<Timestamp> {
        match end {
            End::Fixed(length) => Some(now.saturating_add(*length)),
            End::Cookie => match &self.settings.extract {
                Extract::Cookie(name) => content.jar.get(name.as_str())?.ends,
                Extract::JsonPointer(_) | Extract::Header(..) | Extract::Body(_) => None,
            },
            End::JsonPointer { pointer, form } => {
                let value = content.json()?.pointer(pointer.as_str())?;
                match form {
                    ExpiryForm::Seconds => seconds(value).map(|length| now.saturating_add(length)),
                    ExpiryForm::Rfc3339 => value.as_str().and_then(rfc3339::parse),
                }
            }
        }
    }
}

/// Whether all of a condition holds. Its status is looked at where there is one.
fn holds(condition: &Condition, answer: &Response<Bytes>, now: Timestamp) -> bool {
    let Condition { status, header, cookie, body_has, body_lacks } = condition;
    let header_holds = header.as_ref().is_none_or(|header| {
        let mut values = answer.headers().get_all(&header.name).iter();
        values.any(|value| match &header.pattern {
            None => true,
            Some(pattern) => value.to_str().is_ok_and(|value| pattern.is_in(value)),
        })
    });
    status.as_ref().is_none_or(|statuses: &Statuses| statuses.contains(answer.status()))
        && header_holds
        && cookie.as_ref().is_none_or(|cookie| cookies::sets(answer.headers(), cookie.as_str(), now))
        && body_has.as_ref().is_none_or(|marker| marker.is_in(answer.body()))
        && body_lacks.as_ref().is_none_or(|marker| !marker.is_in(answer.body()))
}

/// A number of seconds, as a JSON number or a text of digits.
fn seconds(value: &Value) -> Option<Seconds> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).map(Seconds::new)
}

/// An answer with the cookies so far, read once in each form that is asked for.
struct Content<'a> {
    answer: &'a Response<Bytes>,
    jar: &'a Jar,
    json: OnceCell<Option<Value>>,
    text: OnceCell<Cow<'a, str>>,
}

impl<'a> Content<'a> {
    fn of(answer: &'a Response<Bytes>, jar: &'a Jar) -> Self {
        Self { answer, jar, json: OnceCell::new(), text: OnceCell::new() }
    }

    fn json(&self) -> Option<&Value> {
        self.json.get_or_init(|| serde_json::from_slice(self.answer.body()).ok()).as_ref()
    }

    fn value(&self, extract: &Extract) -> Option<String> {
        match extract {
            Extract::Cookie(name) => Some(self.jar.get(name.as_str())?.value.clone()),
            Extract::JsonPointer(pointer) => Some(self.json()?.pointer(pointer.as_str())?.as_str()?.to_owned()),
            Extract::Header(name, pattern) => {
                let value = self.answer.headers().get(name)?.to_str().ok()?;
                match pattern {
                    None => Some(value.to_owned()),
                    Some(pattern) => pattern.group(value).map(str::to_owned),
                }
            }
            Extract::Body(pattern) => {
                let body = self.answer.body();
                let searched = body.get(..SEARCHED).unwrap_or(body);
                let text = self.text.get_or_init(|| String::from_utf8_lossy(searched));
                pattern.group(text).map(str::to_owned)
            }
        }
    }
}
