//! URLs as browsers resolve them: RFC 3986 §5 by the rules of WHATWG URL, which read what is malformed in one way only.

use http::Uri;
use url::Url;

/// The URL of a request, without a fragment. `None` if it is none of `http` or `https`.
pub(crate) fn url(uri: &Uri) -> Option<Url> {
    bare(Url::parse(&uri.to_string()).ok()?)
}

/// The URL that a reference means on the page at this URL. `None` if it is not `http` or `https`, or names a user.
pub(crate) fn resolved(base: &Url, reference: &str) -> Option<Url> {
    bare(base.join(reference).ok()?)
}

fn bare(mut url: Url) -> Option<Url> {
    let sound = matches!(url.scheme(), "http" | "https") && url.has_host();
    url.set_fragment(None);
    (sound && url.username().is_empty() && url.password().is_none()).then_some(url)
}

/// The URL in the form in which it is requested.
pub(crate) fn uri(url: &Url) -> Option<Uri> {
    Uri::try_from(url.as_str()).ok()
}

/// Whether two URLs have one scheme, host and port.
pub(crate) fn same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host() == other.host()
        && one.port_or_known_default() == other.port_or_known_default()
}

/// Path and query.
pub(crate) fn path_and_query(url: &Url) -> &str {
    url.as_str().get(url[..url::Position::BeforePath].len()..).unwrap_or_default()
}
