//! Cookies of a session that the gateway keeps for an app that keeps none: opened for a call, kept after it.

use gateway_connectors::CookieJar;
use gateway_domain::headers::{Reserved, may_be_shared};
use gateway_domain::ids::{ApiName, SessionId};
use gateway_domain::time::Timestamp;
use gateway_runtime::StartError;
use gateway_store::StoredJar;
use http::header::{COOKIE, HeaderValue, SET_COOKIE};

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
}

impl<'c> Keeping<'c> {
    /// The session and the API, if the API's cookies are kept and somebody is logged in.
    fn whose(&self) -> Option<(&'c SessionId, &'c ApiName)> {
        let admitted = self.call.admitted.as_ref().filter(|_| self.call.api.cookie_jar)?;
        Some((&admitted.session, self.call.api_name))
    }
}

impl Tokens {
    /// The `Cookie` field of a call, of what is kept for it.
    pub(crate) async fn kept_cookies(&self, keeping: Keeping<'_>) -> Result<Option<HeaderValue>, Failure> {
        let Some((session, api)) = keeping.whose() else { return Ok(None) };
        let mut open = self.open_jar(session, api).await?;
        Ok(open.jar.header(keeping.sides.forwarded(), keeping.now))
    }

    /// Keeps the cookies of a response. What a cache could have kept for others may be somebody else's, and is not kept. A failure
    /// does not fail the call, which has been carried.
    pub(crate) async fn keep_cookies(&self, keeping: Keeping<'_>, answered: &Answered) {
        let Some((session, api)) = keeping.whose() else { return };
        let head = &answered.head;
        if !head.headers.contains_key(SET_COOKIE) {
            return;
        }
        if may_be_shared(&keeping.call.method, head.status, &head.headers) {
            tracing::warn!(%api, "a response with cookies could come from a cache: they are kept with Cache-Control: no-store or private");
            return;
        }
        match self.add_cookies(keeping, (session, api), answered).await {
            Ok(true) => {}
            Ok(false) => {
                tracing::warn!(%session, %api, "cookies were not kept: other calls of the session set some at the same time");
            }
            Err(error) => tracing::warn!(%session, %api, %error, "cookies were not kept"),
        }
    }

    async fn add_cookies(
        &self,
        keeping: Keeping<'_>,
        (session, api): (&SessionId, &ApiName),
        answered: &Answered,
    ) -> Result<bool, Failure> {
        let bounds = (keeping.reserved, usize::try_from(keeping.call.api.max_header_bytes).unwrap_or(usize::MAX));
        for _ in 0..ATTEMPTS {
            let OpenJar { mut jar, revision } = self.open_jar(session, api).await?;
            if !jar.keep(&answered.head.headers, keeping.sides.forwarded(), keeping.now, bounds) {
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

/// One `Cookie` field of both: what a connector injects comes first.
pub(crate) fn beside(injected: &mut Vec<(http::HeaderName, HeaderValue)>, kept: &HeaderValue) -> Result<(), Failure> {
    let joined = match injected.iter().position(|(name, _)| *name == COOKIE) {
        Some(place) => [injected.remove(place).1.as_bytes(), kept.as_bytes()].join(&b"; "[..]),
        None => kept.as_bytes().to_vec(),
    };
    let mut value = HeaderValue::from_bytes(&joined).map_err(|_| Failure::Configuration("a Cookie field"))?;
    value.set_sensitive(true);
    injected.push((COOKIE, value));
    Ok(())
}
