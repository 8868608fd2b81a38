//! Where the requests of a login may go, and what is sent after a redirect.

use bytes::Bytes;
use gateway_config::connector::HttpLogin as Settings;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use http::{Method, Request, StatusCode};
use url::Url;

use super::content::Content;
use crate::reference;

/// The addresses that the configuration names. Nothing is sent to any other.
pub(super) struct Origins(Vec<Url>);

/// Why a request is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotPermitted {
    #[error("leads to an address that is neither the connector's own nor in `also_at`")]
    Elsewhere,
    #[error("leads from https to http")]
    Downgrade,
    #[error("would send the password to another host again")]
    Password,
}

impl Origins {
    pub(super) fn of(settings: &Settings) -> Self {
        let also = settings.also_at.iter().filter_map(|origin| Url::parse(&origin.to_string()).ok());
        Self(reference::url(settings.login.url().uri()).into_iter().chain(also).collect())
    }

    /// Whether a page at `from` may lead to `to`.
    pub(super) fn permit(&self, from: Option<&Url>, to: &Url) -> Result<(), NotPermitted> {
        if !self.0.iter().any(|origin| reference::same_origin(origin, to)) {
            return Err(NotPermitted::Elsewhere);
        }
        if from.is_some_and(|from| from.scheme() == "https") && to.scheme() != "https" {
            return Err(NotPermitted::Downgrade);
        }
        Ok(())
    }
}

/// A request of a login, without its cookies.
pub(super) struct Outgoing {
    pub(super) url: Url,
    request: Request<Bytes>,
    has_password: bool,
}

impl Outgoing {
    /// The request, if its URL is one that can be resolved against.
    pub(super) fn new(request: Request<Bytes>, has_password: bool) -> Option<Self> {
        Some(Self { url: reference::url(request.uri())?, request, has_password })
    }

    pub(super) fn request(&self) -> Request<Bytes> {
        self.request.clone()
    }

    /// Where a response redirects to, if it is a redirect that can be followed. `Err` if its location is no address.
    pub(super) fn target(content: &Content) -> Option<Result<Url, NotPermitted>> {
        let follows = matches!(
            content.status,
            StatusCode::MOVED_PERMANENTLY
                | StatusCode::FOUND
                | StatusCode::SEE_OTHER
                | StatusCode::TEMPORARY_REDIRECT
                | StatusCode::PERMANENT_REDIRECT
        );
        let location = content.headers.get(LOCATION).filter(|_| follows)?;
        let target = location.to_str().ok().and_then(|location| reference::resolved(&content.url, location));
        Some(target.ok_or(NotPermitted::Elsewhere))
    }

    /// The request after a redirect with this status to this URL (WHATWG Fetch §4.4): 303 makes it a GET, and 301 and 302 make
    /// a POST one; otherwise it is sent as it was. Configured headers stay within the host.
    pub(super) fn redirected(&self, status: StatusCode, to: &Url) -> Result<Self, NotPermitted> {
        let same = reference::same_origin(&self.url, to);
        let method = self.request.method();
        let becomes_get = match status {
            StatusCode::SEE_OTHER => *method != Method::HEAD,
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => *method == Method::POST,
            _ => false,
        };
        let mut request = self.request.clone();
        if becomes_get {
            *request.method_mut() = Method::GET;
            *request.body_mut() = Bytes::new();
            request.headers_mut().remove(CONTENT_TYPE);
            request.headers_mut().remove(CONTENT_LENGTH);
        } else if self.has_password && !same {
            return Err(NotPermitted::Password);
        }
        if !same {
            let kept = [ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE];
            let kept = kept.map(|name| (name.clone(), request.headers().get(&name).cloned()));
            *request.headers_mut() = kept.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        }
        *request.uri_mut() = reference::uri(to).ok_or(NotPermitted::Elsewhere)?;
        Ok(Self { url: to.clone(), request, has_password: self.has_password && !becomes_get })
    }
}
