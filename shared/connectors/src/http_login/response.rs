//! Reads the responses of a login: a refusal, a failure, or a session and its end.

use std::borrow::Cow;
use std::cell::OnceCell;

use bytes::Bytes;
use gateway_config::connector::{Condition, End, ExpiryForm, Extract, Preflight, Statuses};
use gateway_domain::time::{Seconds, Timestamp};
use http::header::CONTENT_ENCODING;
use http::{Response, StatusCode};
use serde_json::Value;
use zeroize::Zeroizing;

use super::cookies::{self, Jar};
use super::state::{State, is_value};
use super::{HttpLogin, misbehaved};
use crate::{Acquired, ConnectorError, rfc3339};

/// How much of a body is searched for a pattern, in bytes. A search takes time, and responses to a login are small.
const SEARCHED: usize = 256 * 1024;

/// The result of the preflight.
#[derive(Default)]
pub(super) struct Before {
    pub(super) jar: Jar,
    pub(super) csrf: Option<Zeroizing<String>>,
}

/// What a status means if the configuration does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// 2xx.
    Fine,
    /// 3xx, which is not followed, or no final status.
    Elsewhere,
    /// Any other 4xx.
    Refused,
    /// 404, 405, 410 or 415: nothing at this URL accepts the request, so the status says nothing about the password.
    NotThere,
    /// 408, 429 or 5xx: a later attempt may succeed.
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

/// Whether a response is a success, a refusal or neither, by its status alone.
pub(super) fn judge_by_status(response: &Response<Bytes>, what: &str) -> Result<(), ConnectorError> {
    let status = response.status();
    match kind(status) {
        Kind::Fine => Ok(()),
        Kind::Refused => Err(ConnectorError::Refused),
        Kind::Later => Err(by_status(what, status, ConnectorError::Unavailable)),
        Kind::Elsewhere | Kind::NotThere => Err(by_status(what, status, ConnectorError::Misbehaved)),
    }
}

/// Reads the response to the preflight. No password has been sent yet, so no response is a refusal.
pub(super) fn preflight(
    settings: &Preflight,
    response: &Response<Bytes>,
    now: Timestamp,
) -> Result<Before, ConnectorError> {
    let status = response.status();
    match kind(status) {
        Kind::Fine => {}
        Kind::Later => return Err(by_status("the preflight", status, ConnectorError::Unavailable)),
        Kind::Elsewhere | Kind::Refused | Kind::NotThere => {
            return Err(by_status("the preflight", status, ConnectorError::Misbehaved));
        }
    }
    let mut jar = Jar::default();
    jar.keep(response.headers(), now);
    let csrf = settings.csrf.as_ref().map(|csrf| {
        let found = Content::of(response, &jar).value(csrf).map(Zeroizing::new);
        let found = found.map_err(|absent| misbehaved(&format!("the CSRF value of the preflight: {absent}")))?;
        if is_value(&found) { Ok(found) } else { Err(misbehaved("the CSRF value is no header value")) }
    });
    let csrf = csrf.transpose()?;
    Ok(Before { jar, csrf })
}

impl HttpLogin {
    /// Whether the response to a login is a success, a refusal or neither.
    pub(super) fn judge(&self, response: &Response<Bytes>, now: Timestamp) -> Result<(), ConnectorError> {
        let login = &self.settings.login;
        let status = response.status();
        let reads_body = |condition: &Condition| condition.body_has.is_some() || condition.body_lacks.is_some();
        // A text cannot be found in a compressed body: a wrong password could look like a right one, or the reverse.
        if is_compressed(response) && login.success.iter().chain(&login.refused).any(reads_body) {
            return Err(misbehaved(&format!("the login: {}", Absent::Compressed)));
        }
        let good = match login.success.as_ref().and_then(|success| success.status.as_ref()) {
            Some(statuses) => statuses.contains(status),
            None => status == login.success_status.unwrap_or(StatusCode::OK),
        };
        if good && login.success.as_ref().is_none_or(|success| holds(success, response, now)) {
            return Ok(());
        }
        let kind = match &login.refused {
            Some(refused) if holds(refused, response, now) => Kind::Refused,
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

    /// Reads the session from the successful response to a login.
    pub(super) fn read(
        &self,
        response: &Response<Bytes>,
        before: Before,
        now: Timestamp,
    ) -> Result<Acquired, ConnectorError> {
        let Before { mut jar, csrf: _ } = before;
        jar.keep(response.headers(), now);
        let renew_until = self.settings.renew.as_ref().map(|renew| now.saturating_add(renew.lasting));
        self.session(&Content::of(response, &jar), None, renew_until, now)
    }

    /// Reads the session from the successful response to a renewal. A value that it does not have is kept.
    pub(super) fn read_renewal(
        &self,
        response: &Response<Bytes>,
        kept: &State<'_>,
        now: Timestamp,
    ) -> Result<Acquired, ConnectorError> {
        let mut jar = Jar::default();
        jar.keep(response.headers(), now);
        self.session(&Content::of(response, &jar), Some(kept), kept.renew_until, now)
    }

    fn session(
        &self,
        content: &Content<'_>,
        kept: Option<&State<'_>>,
        renew_until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Acquired, ConnectorError> {
        let find = |extract: &Extract, name: &str| {
            let old = |absent| kept.and_then(|kept| kept.value(name)).map(str::to_owned).ok_or(absent);
            let found = content.value(extract).or_else(old).map(Zeroizing::new);
            let found = found.map_err(|absent| misbehaved(&format!("{name}: {absent}")))?;
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
                Some(ends.map_err(|absent| misbehaved(&format!("when the session ends: {absent}")))?)
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

    fn ends(&self, end: &End, content: &Content<'_>, now: Timestamp) -> Result<Timestamp, Absent> {
        match end {
            End::Fixed(length) => Ok(now.saturating_add(*length)),
            End::Cookie => match &self.settings.extract {
                Extract::Cookie(name) => content.jar.get(name.as_str()).and_then(|cookie| cookie.ends),
                Extract::JsonPointer(_) | Extract::Header(..) | Extract::Body(_) => None,
            }
            .ok_or(Absent::NotThere),
            End::JsonPointer { pointer, form } => {
                let value = content.json()?.pointer(pointer.as_str()).ok_or(Absent::NotThere)?;
                match form {
                    ExpiryForm::Seconds => seconds(value).map(|length| now.saturating_add(length)),
                    ExpiryForm::Rfc3339 => value.as_str().and_then(rfc3339::parse),
                }
                .ok_or(Absent::NoTime)
            }
        }
    }
}

/// Whether all parts of a condition hold. A part that is not configured always holds.
fn holds(condition: &Condition, response: &Response<Bytes>, now: Timestamp) -> bool {
    let Condition { status, header, cookie, body_has, body_lacks } = condition;
    let header_holds = header.as_ref().is_none_or(|header| {
        let mut values = response.headers().get_all(&header.name).iter();
        values.any(|value| match &header.pattern {
            None => true,
            Some(pattern) => value.to_str().is_ok_and(|value| pattern.is_in(value)),
        })
    });
    status.as_ref().is_none_or(|statuses: &Statuses| statuses.contains(response.status()))
        && header_holds
        && cookie.as_ref().is_none_or(|cookie| cookies::sets(response.headers(), cookie.as_str(), now))
        && body_has.as_ref().is_none_or(|marker| marker.is_in(response.body()))
        && body_lacks.as_ref().is_none_or(|marker| !marker.is_in(response.body()))
}

/// The longest accepted lifetime of a session, in seconds: a thousand years.
const LONGEST: f64 = 3.2e10;

/// A number of seconds that is not negative: a JSON number in any form (`300`, `300.0`, `3e2`), or a text with such a
/// number. A fraction of a second is dropped, so the session never seems to last longer than it does.
fn seconds(value: &Value) -> Option<Seconds> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        // It is read by the grammar of JSON, which has no infinity.
        Value::String(text) => serde_json::from_str::<f64>(text.trim()).ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let number = number.filter(|number| (0.0..=LONGEST).contains(number))?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it lies between 0 and the longest; the fraction is left out"
    )]
    let whole = number as u64;
    Some(Seconds::new(whole))
}

/// Why a response has no value at the configured place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Absent {
    #[error("the response has nothing there")]
    NotThere,
    #[error("the response has neither a text nor a whole number there")]
    NoText,
    #[error("the response has a number there that JSON readers round: it must be a text")]
    Rounded,
    #[error("the response has no time there that can be read")]
    NoTime,
    #[error("the response's body is compressed (Content-Encoding), although Accept-Encoding asks for identity")]
    Compressed,
    #[error("the response's body is JSON in UTF-16 or UTF-32: it must be UTF-8 (RFC 8259 §8.1)")]
    Wide,
    #[error("the response's body is not UTF-8, as JSON must be (RFC 8259 §8.1), whatever charset it names")]
    NotUtf8,
    #[error("the response's body is not JSON")]
    NoJson,
}

/// Whether the body has a content coding (RFC 9110 §8.4). Every request asks for none.
fn is_compressed(response: &Response<Bytes>) -> bool {
    let lines = response.headers().get_all(CONTENT_ENCODING).iter();
    let mut codings = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    codings.any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))
}

/// The JSON of a body. A byte order mark before it is ignored (RFC 8259 §8.1).
fn json(response: &Response<Bytes>) -> Result<Value, Absent> {
    if is_compressed(response) {
        return Err(Absent::Compressed);
    }
    let body = response.body().as_ref();
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    // No JSON text in UTF-8 begins with these bytes.
    if matches!(body, [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, ..] | [_, 0, ..]) {
        return Err(Absent::Wide);
    }
    let not_utf8 = std::str::from_utf8(body).is_err();
    serde_json::from_slice(body).map_err(|_| if not_utf8 { Absent::NotUtf8 } else { Absent::NoJson })
}

/// A response and the cookies so far. The body is parsed at most once as JSON and once as text.
struct Content<'a> {
    response: &'a Response<Bytes>,
    jar: &'a Jar,
    json: OnceCell<Result<Value, Absent>>,
    text: OnceCell<Cow<'a, str>>,
}

impl<'a> Content<'a> {
    fn of(response: &'a Response<Bytes>, jar: &'a Jar) -> Self {
        Self { response, jar, json: OnceCell::new(), text: OnceCell::new() }
    }

    fn json(&self) -> Result<&Value, Absent> {
        self.json.get_or_init(|| json(self.response)).as_ref().map_err(|absent| *absent)
    }

    fn value(&self, extract: &Extract) -> Result<String, Absent> {
        match extract {
            Extract::Cookie(name) => {
                self.jar.get(name.as_str()).map(|cookie| cookie.value.clone()).ok_or(Absent::NotThere)
            }
            Extract::JsonPointer(pointer) => match self.json()?.pointer(pointer.as_str()) {
                Some(Value::String(text)) => Ok(text.clone()),
                // Whole numbers of up to 64 bits keep all their digits.
                Some(Value::Number(number)) if number.is_u64() || number.is_i64() => Ok(number.to_string()),
                Some(Value::Number(_)) => Err(Absent::Rounded),
                Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) => Err(Absent::NoText),
                None => Err(Absent::NotThere),
            },
            Extract::Header(name, pattern) => {
                let value = self.response.headers().get(name).and_then(|value| value.to_str().ok());
                let value = value.ok_or(Absent::NotThere)?;
                match pattern {
                    None => Ok(value.to_owned()),
                    Some(pattern) => pattern.group(value).map(str::to_owned).ok_or(Absent::NotThere),
                }
            }
            Extract::Body(pattern) => {
                if is_compressed(self.response) {
                    return Err(Absent::Compressed);
                }
                let body = self.response.body();
                let searched = body.get(..SEARCHED).unwrap_or(body);
                let text = self.text.get_or_init(|| String::from_utf8_lossy(searched));
                pattern.group(text).map(str::to_owned).ok_or(Absent::NotThere)
            }
        }
    }
}
