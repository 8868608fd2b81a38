//! Reads the session from the last response of a login, or from that to a renewal.

use gateway_config::connector::{End, Extract};
use gateway_domain::time::Timestamp;
use http::StatusCode;

use super::content::{Absent, Content};
use super::cookies::{Cookie, Jar};
use super::judge::{At, Kind, kind, seen};
use super::state::{State, is_value};
use super::{HttpLogin, json, misbehaved};
use crate::{Acquired, ConnectorError};

pub(super) fn by_status(what: &str, status: StatusCode, error: fn(String) -> ConnectorError) -> ConnectorError {
    error(format!("{what} was answered with status {}", status.as_u16()))
}

/// Whether a response is a success, a refusal or neither, by its status alone.
pub(super) fn judge_by_status(status: StatusCode, what: &str) -> Result<(), ConnectorError> {
    match kind(status) {
        Kind::Fine => Ok(()),
        Kind::Refused => Err(ConnectorError::Refused),
        Kind::Later => Err(by_status(what, status, ConnectorError::Unavailable)),
        Kind::Elsewhere | Kind::NotThere => Err(by_status(what, status, ConnectorError::Misbehaved)),
    }
}

impl HttpLogin {
    /// Reads the session from the last response of a login.
    pub(super) fn read(
        &self,
        at: At<'_>,
        content: &Content,
        jar: &Jar,
        now: Timestamp,
    ) -> Result<Acquired, ConnectorError> {
        let renew_until = self.settings.renew.as_ref().map(|renew| now.saturating_add(renew.lasting));
        let told = |reason: String| at.misbehaved(&format!("{reason}; got {}", seen(content)));
        self.session(content, jar, None, renew_until, now).map_err(told)
    }

    /// Reads the session from the successful response to a renewal. A value that it does not have is kept.
    pub(super) fn read_renewal(
        &self,
        content: &Content,
        jar: &Jar,
        kept: &State<'_>,
        now: Timestamp,
    ) -> Result<Acquired, ConnectorError> {
        let told = |reason: String| misbehaved(&format!("the renewal: {reason}; got {}", seen(content)));
        self.session(content, jar, Some(kept), kept.renew_until, now).map_err(told)
    }

    fn session(
        &self,
        content: &Content,
        jar: &Jar,
        kept: Option<&State<'_>>,
        renew_until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Acquired, String> {
        let find = |place: &Extract, name: &str, field: &str| {
            let found = content.value(jar, place).or_else(|absent| {
                let old = kept.and_then(|kept| kept.value(name));
                old.map(|old| old.to_owned().into()).ok_or(absent)
            });
            let found = found.map_err(|absent| format!("expected {} of {field}: {absent}", described(place)))?;
            if is_value(&found) {
                Ok(found)
            } else {
                Err(format!("expected {} of {field} as a value that a header can carry", described(place)))
            }
        };
        let token = find(&self.settings.extract, "token", "`extract`")?;
        let also = self.settings.extract_also.iter();
        let also = also.map(|(name, place)| {
            let name = name.as_str();
            Ok((name, find(place, name, &format!("`extract_also.{name}`"))?))
        });
        let also = also.collect::<Result<Vec<_>, String>>()?;
        let also = also.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let set = if let (Extract::Cookie(name), Some(_)) = (&self.settings.extract, &self.settings.moves) {
            jar.get(name.as_str(), &content.url)
        } else {
            None
        };
        let path = set.map_or(kept.and_then(|kept| kept.path), Cookie::named_path);
        let state = State { token: &token, also, renew_until, path }.write();
        let ends = self.settings.expires.end.as_ref();
        let ends = ends.map(|end| self.ends(end, content, jar, now)).transpose();
        let ends = ends.map_err(|absent| format!("expected the end of the session as `expires` says: {absent}"))?;
        if ends.is_some_and(|ends| ends <= now) {
            return Err("the session has ended already".to_owned());
        }
        Ok(Acquired {
            state: state.ok_or_else(|| "expected a value that a header can carry".to_owned())?,
            ends,
            idle: self.settings.expires.idle,
            renew_until,
        })
    }

    fn ends(&self, end: &End, content: &Content, jar: &Jar, now: Timestamp) -> Result<Timestamp, Absent> {
        match end {
            End::Fixed(length) => Ok(now.saturating_add(*length)),
            End::Cookie => match &self.settings.extract {
                Extract::Cookie(name) => jar.get(name.as_str(), &content.url).and_then(|cookie| cookie.ends),
                Extract::JsonPointer(_) | Extract::Header(..) | Extract::Body(_) | Extract::Input(_) => None,
            }
            .ok_or(Absent::NotThere),
            End::JsonPointer { pointer, form } => content.json(pointer.as_str(), |value| json::end(value, *form, now)),
        }
    }
}

/// A place in words. The names are those of the configuration.
pub(super) fn described(place: &Extract) -> String {
    match place {
        Extract::Cookie(name) => format!("the cookie {}", name.as_str()),
        Extract::JsonPointer(pointer) => format!("a JSON body with {}", pointer.as_str()),
        Extract::Header(name, None) => format!("the header {name}"),
        Extract::Header(name, Some(_)) => format!("the header {name} that matches its pattern"),
        Extract::Body(_) => "a body that matches the pattern".to_owned(),
        Extract::Input(name) => format!("a form with the field {name}"),
    }
}
