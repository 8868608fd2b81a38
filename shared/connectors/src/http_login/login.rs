//! Walks through the requests of a login: what is sent, where it leads, and what is kept for the next.

use std::collections::BTreeMap;

use bytes::Bytes;
use gateway_config::connector::{Extract, Step, StepRequest};
use gateway_domain::secret::Secret;
use gateway_domain::time::Timestamp;
use http::Request;
use http::header::COOKIE;
use zeroize::Zeroizing;

use super::content::Content;
use super::cookies::{ChangeKind, Cookie, Jar};
use super::judge::{self, At};
use super::outgoing::{NotPermitted, Origins, Outgoing};
use super::response::described;
use super::state::State;
use super::walk::Recorder;
use super::{HttpLogin, request, submit};
use crate::back_end::BackEndClient;
use crate::{Acquired, ConnectorError, Credentials, reference};

/// The longest value that is kept for a later request, in bytes. The state of a page can be long.
const MAX_KEPT: usize = 256 * 1024;

/// One login, as far as it has come.
pub(super) struct Run<'a> {
    connector: &'a HttpLogin,
    client: BackEndClient,
    credentials: Credentials<'a>,
    now: Timestamp,
    origins: Origins,
    jar: Jar,
    kept: BTreeMap<&'a str, Zeroizing<String>>,
    recorder: Recorder<'a>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        connector: &'a HttpLogin,
        credentials: Credentials<'a>,
        now: Timestamp,
        recorder: Recorder<'a>,
    ) -> Self {
        let (client, origins) = (connector.client.with_own_connections(), Origins::of(&connector.settings));
        Self { connector, client, credentials, now, origins, jar: Jar::default(), kept: BTreeMap::new(), recorder }
    }

    /// The session that the system seems to have begun, if its token is a cookie: what a login that fails later leaves there.
    pub(super) fn begun(&self) -> Option<Zeroizing<Vec<u8>>> {
        let settings = &self.connector.settings;
        let url = reference::url(settings.login.url().uri())?;
        let cookie = |place: &Extract| match place {
            Extract::Cookie(name) => self.jar.get(name.as_str(), &url).and_then(Cookie::value),
            Extract::JsonPointer(_) | Extract::Header(..) | Extract::Body(_) | Extract::Input(_) => None,
        };
        let token = cookie(&settings.extract)?;
        let also = settings.extract_also.iter();
        let also = also.filter_map(|(name, place)| Some((name.as_str(), cookie(place)?))).collect();
        State { token, also, renew_until: None, path: None }.write()
    }

    /// Does the whole login.
    pub(super) async fn log_in(&mut self) -> Result<Acquired, ConnectorError> {
        self.credentials.password()?;
        let steps = self.connector.settings.login.steps();
        let mut page = None;
        for (position, step) in steps.iter().enumerate() {
            let number = position.saturating_add(1);
            let at = At { step, number, last: number == steps.len() };
            let outgoing = self.outgoing(at, page.as_ref())?;
            let content = self.exchange(at, outgoing).await?;
            self.recorder.judged(at, &content);
            judge::judge(at, &content)?;
            self.keep(at, &content)?;
            if at.last {
                self.recorder.extracted(&self.connector.settings, &content, &self.jar);
                return self.connector.read(at, &content, &self.jar, self.now);
            }
            page = Some(content);
        }
        Err(super::misbehaved("the login has no request"))
    }

    /// The request of a step, which comes after this page.
    fn outgoing(&self, at: At<'_>, page: Option<&Content>) -> Result<Outgoing, ConnectorError> {
        let values = |name: &str| match name {
            "username" => Some(self.credentials.name()),
            "password" => self.credentials.password.map(Secret::expose),
            _ => self.kept.get(name).map(|value| value.as_str()),
        };
        let has_password = request::sends_password(at.step);
        let (built, from) = match (&at.step.request, page) {
            (StepRequest::Url(wanted), _) => (request::of_url(wanted, &at.step.headers, &values), None),
            (StepRequest::Submit(wanted), Some(page)) => {
                let submission = submit::submission(wanted, page, &values, has_password);
                let submission = submission.map_err(|reason| {
                    at.misbehaved(&format!("expected a form to send: {reason}; got {}", judge::seen(page)))
                })?;
                (request::of_form(submission, &page.url, &at.step.headers, &values), Some(&page.url))
            }
            (StepRequest::Submit(_), None) => (None, None),
        };
        let outgoing = built.and_then(|request| Outgoing::new(request, has_password));
        let outgoing = outgoing.ok_or_else(|| at.misbehaved("the request cannot be built from the values so far"))?;
        let permitted = self.origins.permit(from, &outgoing.url);
        permitted.map_err(|reason| at.misbehaved(&format!("the form {reason}")))?;
        Ok(outgoing)
    }

    /// Sends the request of a step and follows redirects as far as the step says.
    async fn exchange(&mut self, at: At<'_>, mut outgoing: Outgoing) -> Result<Content, ConnectorError> {
        let mut set: Vec<String> = Vec::new();
        let mut redirects = 0;
        loop {
            let request = self.with_cookies(&outgoing);
            let method = request.method().clone();
            let cookies = if self.recorder.records() { self.jar.names(&outgoing.url) } else { Vec::new() };
            let response = self.connector.send(&self.client, request).await.map_err(|error| in_step(at, error))?;
            let changes = self.jar.keep(response.headers(), &outgoing.url, self.now);
            for change in &changes {
                set.retain(|name| *name != change.name || change.kind == ChangeKind::Ignored);
                if let ChangeKind::Set(_) = change.kind {
                    set.push(change.name.clone());
                }
            }
            let content = Content::new(outgoing.url.clone(), response, set.clone(), redirects);
            self.recorder.exchanged(at, &method, &content, &cookies, &changes, self.now);
            if redirects >= at.step.follow || judge::is_expected(at, &content) {
                return Ok(content);
            }
            let Some(target) = Outgoing::target(&content) else { return Ok(content) };
            let next = target.and_then(|target| {
                self.origins.permit(Some(&content.url), &target)?;
                outgoing.redirected(content.status, &target)
            });
            outgoing = next.map_err(|reason| not_followed(at, &content, reason))?;
            redirects = redirects.saturating_add(1);
        }
    }

    fn with_cookies(&self, outgoing: &Outgoing) -> Request<Bytes> {
        let mut request = outgoing.request();
        request.headers_mut().extend(self.jar.header(&outgoing.url).map(|cookies| (COOKIE, cookies)));
        request
    }

    /// Keeps what later requests need of a response.
    fn keep(&mut self, at: At<'a>, content: &Content) -> Result<(), ConnectorError> {
        let step: &'a Step = at.step;
        for (name, place) in &step.keep {
            let found = content.value(&self.jar, place);
            self.recorder.kept(name.as_str(), place, &found);
            let value = found.map_err(|absent| {
                let (name, place, seen) = (name.as_str(), described(place), judge::seen(content));
                at.misbehaved(&format!("expected {place} of `keep.{name}`: {absent}; got {seen}"))
            })?;
            if value.is_empty() || value.len() > MAX_KEPT {
                let name = name.as_str();
                return Err(at.misbehaved(&format!("expected `keep.{name}` to have 1 to {MAX_KEPT} bytes")));
            }
            self.kept.insert(name.as_str(), value);
        }
        Ok(())
    }
}

fn not_followed(at: At<'_>, content: &Content, reason: NotPermitted) -> ConnectorError {
    at.misbehaved(&format!("a redirect {reason}; got {}", judge::seen(content)))
}

fn in_step(at: At<'_>, error: ConnectorError) -> ConnectorError {
    match error {
        ConnectorError::Unavailable(reason) => ConnectorError::Unavailable(format!("step {}: {reason}", at.number)),
        ConnectorError::Misbehaved(reason) => at.misbehaved(&reason),
        other @ (ConnectorError::Refused
        | ConnectorError::NotLinked
        | ConnectorError::PasswordNeeded
        | ConnectorError::Unfit(_)) => other,
    }
}
