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

    /// A reference (RFC 3986 §4.1) without the parameters that hold a session.
    pub(super) fn without(&self, reference: &str) -> String {
        if self.is_none() {
            return reference.to_owned();
        }
        let (rest, fragment) = split(reference, '#');
        let (path, query) = split(rest, '?');
        let mut segments = path.split('/');
        let mut text = segments.next().map(|first| self.path_segment(first)).unwrap_or_default();
        for segment in segments {
            text.push('/');
            text.push_str(&self.path_segment(segment));
        }
        for (mark, parameters) in [('?', query), ('#', fragment)] {
            let kept = parameters.map(|parameters| self.parameters(parameters));
            if let Some(kept) = kept.filter(|kept| !kept.is_empty()) {
                text.push(mark);
                text.push_str(&kept);
            }
        }
        text
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

/// A `Link` field (RFC 8288 §3) with other references between its angle brackets. A link whose reference has no other is left out;
/// `None` if none is left.
pub(super) fn link(value: &str, reference: impl Fn(&str) -> Option<String>) -> Option<String> {
    let one = |link: &str| {
        let target = link.split_once('<').and_then(|(before, rest)| Some((before, rest.split_once('>')?)));
        let Some((before, (target, after))) = target else { return Some(link.to_owned()) };
        Some(format!("{before}<{}>{after}", reference(target)?))
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

/// A `Refresh` field with another reference: `5; url=/there`, or without `url=`, which browsers also accept, in quotes or not.
/// `None` if its reference has no other.
pub(super) fn refresh(value: &str, reference: impl Fn(&str) -> Option<String>) -> Option<String> {
    let Some(at) = value.find([';', ',']) else { return Some(value.to_owned()) };
    let rest = value.get(at.saturating_add(1)..).unwrap_or_default();
    let target = rest.trim_start();
    let target = match target.get(..3) {
        Some(url) if url.eq_ignore_ascii_case("url") => {
            let after = target.get(3..).unwrap_or_default().trim_start();
            after.strip_prefix('=').map_or(target, str::trim_start)
        }
        _ => target,
    };
    let quote = target.chars().next().filter(|c| matches!(c, '"' | '\''));
    let target = quote.map_or(target.trim_end(), |quote| {
        let inside = target.get(1..).unwrap_or_default();
        inside.split(quote).next().unwrap_or_default()
    });
    // Where the target begins in the value, so that whatever stands around it stays.
    let begin = value.len().saturating_sub(rest.len()).saturating_add(rest.find(target).unwrap_or_default());
    let (before, after) = (value.get(..begin)?, value.get(begin.saturating_add(target.len())..)?);
    if target.is_empty() {
        return Some(value.to_owned());
    }
    Some(format!("{before}{}{after}", reference(target)?))
}

fn split(text: &str, mark: char) -> (&str, Option<&str>) {
    text.split_once(mark).map_or((text, None), |(before, after)| (before, Some(after)))
}
