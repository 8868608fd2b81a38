//! What the answer to a login says: refused, broken, or a session token and its end.

use bytes::Bytes;
use config::connector::{Expires, ExpiryForm, Extract};
use domain::time::{Seconds, Timestamp};
use http::header::{HeaderMap, SET_COOKIE};
use http::{Response, StatusCode};
use serde_json::Value;
use zeroize::Zeroizing;

use super::HttpLogin;
use crate::{Acquired, ConnectorError, rfc3339};

/// The longest session token, in bytes: it must fit into a header beside others.
const MAX_TOKEN: usize = 4096;

impl HttpLogin {
    /// Reads the answer to a login.
    pub(super) fn read(&self, answer: &Response<Bytes>, now: Timestamp) -> Result<Acquired, ConnectorError> {
        self.judge(answer.status())?;
        let cookie = match &self.settings.extract {
            Extract::Cookie(name) => last_cookie(answer.headers(), name.as_str()),
            Extract::JsonPointer(_) => None,
        };
        let body = match (&self.settings.extract, &self.settings.expires) {
            (Extract::JsonPointer(_), _) | (_, Expires::JsonPointer { .. }) => {
                serde_json::from_slice(answer.body()).map_err(|_| misbehaved("the login's answer is not JSON"))?
            }
            (Extract::Cookie(_), Expires::CookieMaxAge | Expires::Fixed(_)) => Value::Null,
        };
        let token = match &self.settings.extract {
            Extract::Cookie(_) => cookie.as_ref().map(|cookie| cookie.value),
            Extract::JsonPointer(pointer) => body.pointer(pointer.as_str()).and_then(Value::as_str),
        };
        let token = token.ok_or_else(|| misbehaved("the login's answer has no session token where it should be"))?;
        if !is_token(token) {
            return Err(misbehaved("the session token is no header value"));
        }
        let ends = match &self.settings.expires {
            Expires::Fixed(length) => Some(now.saturating_add(*length)),
            Expires::CookieMaxAge => cookie.and_then(|cookie| cookie.max_age).map(|age| now.saturating_add(age)),
            Expires::JsonPointer { pointer, form } => body.pointer(pointer.as_str()).and_then(|value| match form {
                ExpiryForm::Seconds => seconds(value).map(|length| now.saturating_add(length)),
                ExpiryForm::Rfc3339 => value.as_str().and_then(rfc3339::parse),
            }),
        };
        let ends = ends.ok_or_else(|| misbehaved("the login's answer does not say when the session ends"))?;
        if ends <= now {
            return Err(misbehaved("the session has ended already"));
        }
        Ok(Acquired {
            state: Zeroizing::new(token.as_bytes().to_vec()),
            ends: Some(ends),
            idle: None,
            renew_until: None,
        })
    }

    fn judge(&self, status: StatusCode) -> Result<(), ConnectorError> {
        if status == self.settings.login.success_status {
            return Ok(());
        }
        let text = format!("the login was answered with status {}", status.as_u16());
        match status {
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Err(ConnectorError::Unavailable(text)),
            // There is no login at this URL, or none that reads JSON: a right password would be answered alike.
            StatusCode::NOT_FOUND
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::GONE
            | StatusCode::UNSUPPORTED_MEDIA_TYPE => Err(ConnectorError::Misbehaved(text)),
            _ if status.is_client_error() => Err(ConnectorError::Refused),
            _ if status.is_server_error() => Err(ConnectorError::Unavailable(text)),
            _ => Err(ConnectorError::Misbehaved(text)),
        }
    }
}

fn misbehaved(text: &str) -> ConnectorError {
    ConnectorError::Misbehaved(text.to_owned())
}

/// Whether a session token can travel in a header or a cookie without changing where either ends.
pub(super) fn is_token(token: &str) -> bool {
    !token.is_empty() && token.len() <= MAX_TOKEN && token.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';')
}

/// A number of seconds, as a JSON number or a text of digits.
fn seconds(value: &Value) -> Option<Seconds> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).map(Seconds::new)
}

struct Cookie<'a> {
    value: &'a str,
    max_age: Option<Seconds>,
}

/// The cookie of this name as a browser would keep it: the last one set (RFC 6265 section 5.3), unless it is a deletion.
fn last_cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<Cookie<'a>> {
    let cookies = headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies
        .filter_map(|text| {
            let mut parts = text.split(';');
            let (given, value) = parts.next()?.split_once('=')?;
            let max_age = parts
                .filter_map(|attribute| attribute.split_once('='))
                .filter(|(attribute, _)| attribute.trim().eq_ignore_ascii_case("max-age"))
                .filter_map(|(_, age)| age.trim().parse::<i64>().ok())
                .next_back();
            // A negative or zero age deletes the cookie: it has ended already.
            let max_age = max_age.map(|age| Seconds::new(u64::try_from(age).unwrap_or(0)));
            (given.trim() == name).then(|| Cookie { value: value.trim(), max_age })
        })
        .next_back()
        .filter(|cookie| !cookie.value.is_empty() && cookie.max_age != Some(Seconds::new(0)))
}
