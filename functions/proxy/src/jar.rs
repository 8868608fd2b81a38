//! Cookies of a session that the gateway keeps for an app that keeps none: opened for a call, kept after it.

use gateway_connectors::CookieJar;
use gateway_domain::headers::{Reserved, may_be_shared};
use gateway_domain::ids::{ApiName, SessionId, SubjectKind};
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

/// What goes with a call.
#[derive(Default)]
pub(crate) struct Kept {
    /// The `Cookie` field.
    pub(crate) header: Option<HeaderValue>,
    /// The revision of the jar, if there is anything in it.
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
/// session for all whom it serves, and a device one for whoever holds it.
pub(crate) fn has_jar(call: &Call<'_>) -> bool {
    call.api.cookie_jar && call.admitted.as_ref().is_some_and(|admitted| admitted.user.kind() == SubjectKind::User)
}

impl Tokens {
    /// What is kept for a call.
    pub(crate) async fn kept_cookies(&self, keeping: Keeping<'_>) -> Result<Kept, Failure> {
        let Some((session, api)) = keeping.whose() else { return Ok(Kept::default()) };
        let OpenJar { mut jar, revision } = self.open_jar(session, api).await?;
        let revision = revision.filter(|_| !jar.is_empty());
        Ok(Kept { header: jar.header(keeping.sides.forwarded(), keeping.now, keeping.reserved), revision })
    }

    /// Keeps the cookies of a response, and forgets those that it deletes. What a cache could have kept for others may be somebody
    /// else's, and is not kept.
    pub(crate) async fn keep_cookies(&self, keeping: Keeping<'_>, answered: &Answered) {
        let (api, head) = (keeping.call.api, &answered.head);
        if keeping.whose().is_none() || !head.headers.contains_key(SET_COOKIE) {
            return;
        }
        let url = keeping.sides.forwarded();
        if may_be_shared(&keeping.call.method, head.status, &head.headers) {
            let api = keeping.call.api_name;
            tracing::warn!(%api, "a response with cookies could come from a cache: they are kept with Cache-Control: no-store or private");
            return self.change_jar(keeping, |jar| jar.delete(&head.headers, url, keeping.now)).await;
        }
        let bounds = (keeping.reserved, usize::try_from(api.max_header_bytes).unwrap_or(usize::MAX));
        self.change_jar(keeping, |jar| jar.keep(&head.headers, url, keeping.now, bounds)).await;
    }

    /// Forgets all that was kept when a call began: it was of a session at the back end that is over. What another call has kept
    /// since then is of the next one.
    pub(crate) async fn forget_cookies(&self, keeping: Keeping<'_>, kept: &Kept) {
        let (Some(whose), Some(revision)) = (keeping.whose(), kept.revision) else { return };
        let emptied = async {
            self.write_jar(keeping, whose, &CookieJar::default(), Some(revision)).await?;
            Ok(true)
        };
        in_time(keeping, whose, emptied).await;
    }

    /// Changes the jar, and writes it if `change` says so.
    async fn change_jar(&self, keeping: Keeping<'_>, change: impl Fn(&mut CookieJar) -> bool) {
        let Some(whose) = keeping.whose() else { return };
        in_time(keeping, whose, self.changed_jar(keeping, whose, change)).await;
    }

    async fn changed_jar(
        &self,
        keeping: Keeping<'_>,
        whose: (&SessionId, &ApiName),
        change: impl Fn(&mut CookieJar) -> bool,
    ) -> Result<bool, Failure> {
        for _ in 0..ATTEMPTS {
            let OpenJar { mut jar, revision } = self.open_jar(whose.0, whose.1).await?;
            if !change(&mut jar) || self.write_jar(keeping, whose, &jar, revision).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Writes a jar, unless another call has written it since it had this revision. Returns whether it was written.
    async fn write_jar(
        &self,
        keeping: Keeping<'_>,
        (session, api): (&SessionId, &ApiName),
        jar: &CookieJar,
        revision: Option<u64>,
    ) -> Result<bool, Failure> {
        let plain = jar.write().ok_or(Failure::Configuration("a cookie jar that can be written"))?;
        let nonce = self.entropy().bytes().map_err(StartError::from)?;
        let sealed = self.keys().value().seal_jar(session, api, nonce, &plain)?;
        Ok(self.jars().put(session, api, (&sealed, revision), keeping.until).await?)
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

/// Waits for a change of a jar no longer than the call may take. The call has been carried: neither a failure nor a wait fails it.
async fn in_time(
    keeping: Keeping<'_>,
    (session, api): (&SessionId, &ApiName),
    change: impl Future<Output = Result<bool, Failure>>,
) {
    let left = keeping.deadline.saturating_duration_since(Instant::now()).saturating_sub(SPARE);
    match tokio::time::timeout(left, change).await {
        Ok(Ok(true)) => {}
        Ok(Ok(false)) => {
            tracing::warn!(%session, %api, "cookies were not kept: other calls of the session set some at the same time");
        }
        Ok(Err(error)) => tracing::warn!(%session, %api, %error, "cookies were not kept"),
        Err(_) => tracing::warn!(%session, %api, "cookies were not kept in time"),
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
