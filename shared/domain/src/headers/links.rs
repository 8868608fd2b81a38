//! Removes the parameters that hold the back end's session from references in its responses.

use super::{Injected, Reserved, squash};
use crate::query::decoded;

/// The path parameter in which servlet containers put a session if they do not rely on cookies.
const PATH_PARAMETER: &str = "jsessionid";

/// The sessions that must not be in a reference.
#[derive(Clone, Copy)]
pub(super) struct Sessions<'a> {
    pub(super) reserved: &'a Reserved,
    pub(super) injected: &'a Injected,
}

impl Sessions<'_> {
    fn is_none(&self) -> bool {
        self.injected.is_empty() && self.reserved.cookies.is_empty() && self.reserved.headers.is_empty()
    }

    /// Whether a parameter of a path, query or fragment holds a session, by its name or its value.
    fn has(&self, parameter: &str) -> bool {
        let name = decoded(parameter.split('=').next().unwrap_or_default());
        let squashed = squash(&name);
        squashed == PATH_PARAMETER
            || self.injected.has_parameter(&name)
            || self.reserved.cookies.iter().any(|cookie| squash(cookie) == squashed && !squashed.is_empty())
            || self.injected.is_in(parameter.as_bytes())
    }

    /// A reference (RFC 3986 §4.1) without the parameters that hold a session. Where there is no connector's, and the reference leads
    /// to a back end, its path is without one all the same: no call can have it.
    pub(super) fn without(&self, reference: &str, is_inner: impl FnOnce() -> bool) -> String {
        if self.is_none() {
            let path = reference.split(['?', '#']).next().unwrap_or_default();
            let behind = reference.get(path.len()..).unwrap_or_default();
            let has_any = path.contains(';') && is_inner();
            return if has_any { format!("{}{behind}", self.path(path)) } else { reference.to_owned() };
        }
        let (rest, fragment) = split(reference, '#');
        let (path, query) = split(rest, '?');
        let mut text = self.path(path);
        for (mark, parameters) in [('?', query), ('#', fragment)] {
            let kept = parameters.map(|parameters| self.parameters(parameters));
            if let Some(kept) = kept.filter(|kept| !kept.is_empty()) {
                text.push(mark);
                text.push_str(&kept);
            }
        }
        text
    }

    fn path(&self, path: &str) -> String {
        path.split('/').map(|segment| self.path_segment(segment)).collect::<Vec<_>>().join("/")
    }

    fn path_segment(&self, segment: &str) -> String {
        let mut parts = segment.split(';');
        let first = parts.next().unwrap_or_default();
        let kept = parts.filter(|parameter| !self.has(parameter));
        std::iter::once(first).chain(kept).collect::<Vec<_>>().join(";")
    }

    fn parameters(&self, text: &str) -> String {
        let without = |pair: &str| -> Option<String> {
            let parts: Vec<&str> = pair.split(';').collect();
            let kept: Vec<&str> = parts.iter().copied().filter(|part| !self.has(part)).collect();
            (!kept.is_empty()).then(|| kept.join(";"))
        };
        text.split('&').filter_map(without).collect::<Vec<_>>().join("&")
    }
}

/// A `Link` field (RFC 8288 §3) with other references between its angle brackets, and other parameters behind them. A link whose
/// reference has no other is left out; `None` if none is left.
pub(super) fn link(
    value: &str,
    reference: impl Fn(&str) -> Option<String>,
    parameters: impl Fn(&str) -> String,
) -> Option<String> {
    let one = |link: &str| {
        let target = link.split_once('<').and_then(|(before, rest)| Some((before, rest.split_once('>')?)));
        let Some((before, (target, after))) = target else { return Some(parameters(link)) };
        Some(format!("{}<{}>{}", parameters(before), reference(target)?, parameters(after)))
    };
    let kept: Vec<_> = links(value).into_iter().filter_map(one).collect();
    (!kept.is_empty()).then(|| kept.join(","))
}

/// The links of a field, which commas divide outside angle brackets and quotes.
fn links(value: &str) -> Vec<&str> {
    let (mut links, mut begin, mut inside) = (Vec::new(), 0, None);
    for (at, char) in value.char_indices() {
        inside = match (inside, char) {
            (None, '<') => Some('>'),
            (None, '"') => Some('"'),
            (Some(end), char) if char == end => None,
            (None, ',') => {
                links.extend(value.get(begin..at));
                begin = at.saturating_add(1);
                None
            }
            (inside, _) => inside,
        };
    }
    links.extend(value.get(begin..));
    links
}

/// A `Refresh` field with another reference: `5; url=/there`, or without `url=`, and with a space in place of the semicolon, which
/// browsers also accept, in quotes or not (WHATWG HTML, shared declarative refresh steps). `None` if its reference has no other.
pub(super) fn refresh(value: &str, reference: impl Fn(&str) -> Option<String>) -> Option<String> {
    let time = value.trim_start().trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').trim_start();
    let target = time.strip_prefix([';', ',']).unwrap_or(time).trim_start();
    let target = match target.get(..3) {
        Some(url) if url.eq_ignore_ascii_case("url") => {
            let after = target.get(3..).unwrap_or_default().trim_start();
            after.strip_prefix('=').map_or(target, str::trim_start)
        }
        _ => target,
    };
    let (target, end) = match target.strip_prefix(['"', '\'']) {
        Some(inside) => (inside, inside.find(target.get(..1)?).unwrap_or(inside.len())),
        None => (target, target.trim_end().len()),
    };
    // What stands around the target stays: it begins where the rest of the value does.
    let (before, (target, after)) =
        (value.get(..value.len().checked_sub(target.len())?)?, target.split_at_checked(end)?);
    if target.is_empty() {
        return Some(value.to_owned());
    }
    Some(format!("{before}{}{after}", reference(target)?))
}

fn split(text: &str, mark: char) -> (&str, Option<&str>) {
    text.split_once(mark).map_or((text, None), |(before, after)| (before, Some(after)))
}
