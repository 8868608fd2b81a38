//! Cookies of a session that the gateway keeps for an app that keeps none: opened for a call, kept after it.

use gateway_connectors::CookieJar;
use gateway_domain::headers::{Reserved, may_be_shared};
use gateway_domain::ids::{ApiName, SessionId};
use gateway_domain::time::Timestamp;
use gateway_runtime::StartError;
use gateway_store::StoredJar;
use http::header::{COOKIE, HeaderName, HeaderValue, SET_COOKIE};
use tokio::time::Instant;

use crate::SPARE;
use crate::call::Call;
use crate::failure::Failure;
use crate::outside::Sides;
use crate::response::Answered;
use crate::tokens::Tokens;

/// How often cookies are added to a jar that other calls of the session are writing, before they are given up.
const ATTEMPTS: u32 = 4;

/// A jar, and the revision from which it was opened.
#[derive(Default)]
struct OpenJar {
    jar: CookieJar,
    revision: Option<u64>,
}

/// Whose cookies are kept where.
#[derive(Clone, Copy)]
pub(crate) struct Keeping<'c> {
    pub(crate) call: &'c Call<'c>,
    pub(crate) sides: &'c Sides<'c>,
    pub(crate) reserved: &'c Reserved,
    /// When no call of the session can come any more.
    pub(crate) until: Timestamp,
    pub(crate) now: Timestamp,
    pub(crate) deadline: Instant,
}

impl<'c> Keeping<'c> {
    /// The session and the API, if its cookies are kept for the caller.
    fn whose(&self) -> Option<(&'c SessionId, &'c ApiName)> {
        let admitted = self.call.admitted.as_ref().filter(|_| has_jar(self.call))?;
        Some((&admitted.session, self.call.api_name))
    }
}

/// Whether the gateway keeps the cookies of this call: for a person who is logged in. An application that calls for itself has one
/// session for all whom it serves.
pub(crate) fn has_jar(call: &Call<'_>) -> bool {
    call.api.cookie_jar && call.admitted.as_ref().is_some_and(|admitted| !admitted.user.is_app())
}

impl Tokens {
    /// The `Cookie` field of a call, of what is kept for it.
    pub(crate) async fn kept_cookies(&self, keeping: Keeping<'_>) -> Result<Option<HeaderValue>, Failure> {
        let Some((session, api)) = keeping.whose() else { return Ok(None) };
        let mut open = self.open_jar(session, api).await?;
        Ok(open.jar.header(keeping.sides.forwarded(), keeping.now, keeping.reserved))
    }

    /// Keeps the cookies of a response, and forgets those that it deletes. What a cache could have kept for others may be somebody
    /// else's, and is not kept.
    pub(crate) async fn keep_cookies(&self, keeping: Keeping<'_>, answered: &Answered) {
        let (api, head) = (keeping.call.api, &answered.head);
        if !api.cookie_jar || !head.headers.contains_key(SET_COOKIE) {
            return;
        }
        let url = keeping.sides.forwarded();
        if may_be_shared(&keeping.call.method, head.status, &head.headers) {
            let api = keeping.call.api_name;
            tracing::warn!(%api, "a response with cookies could come from a cache: they are kept with Cache-Control: no-store or private");
            return self.delete_cookies(keeping, answered).await;
        }
        let bounds = (keeping.reserved, usize::try_from(api.max_header_bytes).unwrap_or(usize::MAX));
        self.change_jar(keeping, |jar| jar.keep(&head.headers, url, keeping.now, bounds)).await;
    }

    /// Forgets the cookies that a response deletes: nobody gets anything by them.
    pub(crate) async fn delete_cookies(&self, keeping: Keeping<'_>, answered: &Answered) {
        let (headers, url) = (&answered.head.headers, keeping.sides.forwarded());
        if headers.contains_key(SET_COOKIE) {
            self.change_jar(keeping, |jar| jar.delete(headers, url, keeping.now)).await;
        }
    }

    /// Forgets all cookies: they were of a session at the back end that is over.
    pub(crate) async fn forget_cookies(&self, keeping: Keeping<'_>) {
        self.change_jar(keeping, |jar| !std::mem::take(jar).is_empty()).await;
    }

    /// Changes the jar, and writes it if `change` says so. The call has been carried: neither a failure nor a wait fails it.
    async fn change_jar(&self, keeping: Keeping<'_>, change: impl Fn(&mut CookieJar) -> bool) {
        let Some((session, api)) = keeping.whose() else { return };
        let left = keeping.deadline.saturating_duration_since(Instant::now()).saturating_sub(SPARE);
        let changed = tokio::time::timeout(left, self.changed_jar(keeping, (session, api), change)).await;
        match changed {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => {
                tracing::warn!(%session, %api, "cookies were not kept: other calls of the session set some at the same time");
            }
            Ok(Err(error)) => tracing::warn!(%session, %api, %error, "cookies were not kept"),
            Err(_) => tracing::warn!(%session, %api, "cookies were not kept in time"),
        }
    }

    async fn changed_jar(
        &self,
        keeping: Keeping<'_>,
        (session, api): (&SessionId, &ApiName),
        change: impl Fn(&mut CookieJar) -> bool,
    ) -> Result<bool, Failure> {
        for _ in 0..ATTEMPTS {
            let OpenJar { mut jar, revision } = self.open_jar(session, api).await?;
            if !change(&mut jar) {
                return Ok(true);
            }
            let plain = jar.write().ok_or(Failure::Configuration("a cookie jar that can be written"))?;
            let nonce = self.entropy().bytes().map_err(StartError::from)?;
            let sealed = self.keys().value().seal_jar(session, api, nonce, &plain)?;
            if self.jars().put(session, api, (&sealed, revision), keeping.until).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Opens the jar of a session. One whose key is gone is empty: it held what a new login brings again.
    async fn open_jar(&self, session: &SessionId, api: &ApiName) -> Result<OpenJar, Failure> {
        let Some(StoredJar { sealed, revision }) = self.jars().get(session, api).await? else {
            return Ok(OpenJar::default());
        };
        let keys = self.keys().having(|keys| keys.knows(&sealed)).await?;
        let jar = if keys.knows(&sealed) {
            CookieJar::read(&keys.open_jar(session, api, &sealed)?).unwrap_or_default()
        } else {
            CookieJar::default()
        };
        Ok(OpenJar { jar, revision: Some(revision) })
    }
}

/// What is injected, with one `Cookie` field of both: what a connector injects comes first.
pub(crate) fn beside(
    injected: &[(HeaderName, HeaderValue)],
    kept: &HeaderValue,
) -> Result<Vec<(HeaderName, HeaderValue)>, Failure> {
    let (cookies, mut both): (Vec<_>, Vec<_>) = injected.iter().cloned().partition(|(name, _)| *name == COOKIE);
    let joined: Vec<_> = cookies.iter().map(|(_, value)| value).chain([kept]).map(HeaderValue::as_bytes).collect();
    let mut value =
        HeaderValue::from_bytes(&joined.join(&b"; "[..])).map_err(|_| Failure::Configuration("a Cookie field"))?;
    value.set_sensitive(true);
    both.push((COOKIE, value));
    Ok(both)
}
