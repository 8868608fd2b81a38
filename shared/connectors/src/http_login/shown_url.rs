//! URLs and paths as an operator is shown them: without what may be a secret.
//!
//! Systems write sessions into paths: `/app;jsessionid=…`, `/(S(…))/app`, `/app/9f86d081884c…`. So a segment is shown if the
//! configuration has it, or if it is made of words; anything else is `…`.

use std::collections::BTreeSet;

use gateway_config::connector::{HttpLogin as Settings, StepRequest};
use percent_encoding::percent_decode_str;
use url::Url;

use super::walk::{shown, shown_up_to};

/// What stands for a part that is not shown.
const HIDDEN: &str = "…";

/// The longest part of a name that counts as a word, in letters. Ids of sessions that hold are longer.
const LONGEST_WORD: usize = 16;
/// The same in capitals, of which some ids consist.
const LONGEST_CAPITALS: usize = 10;
/// The longest segment of words, in bytes.
const LONGEST_SEGMENT: usize = 48;

/// The segments of all paths that the configuration has.
pub(super) fn written(settings: &Settings) -> BTreeSet<String> {
    let steps = settings.login.steps().iter().filter_map(|step| match &step.request {
        StepRequest::Url(wanted) => Some(&wanted.url),
        StepRequest::Submit(_) => None,
    });
    let more = settings.renew.iter().map(|renew| &renew.url).chain(settings.logout.iter().map(|logout| &logout.url));
    let segments = steps.chain(more).flat_map(|url| url.uri().path().split('/'));
    segments.map(str::to_owned).collect()
}

/// A URL without the values of its query and without the sessions in its path.
pub(super) fn address(url: &Url, written: &BTreeSet<String>) -> String {
    let mut text = format!("{}{}", url.origin().ascii_serialization(), path(url.path(), written));
    if let Some(query) = url.query() {
        let names = query.split('&').map(|pair| match pair.split_once('=') {
            Some((name, _)) if is_name(&decoded(name)) => format!("{}={HIDDEN}", shown(name)),
            Some(_) => format!("{HIDDEN}={HIDDEN}"),
            None => HIDDEN.to_owned(),
        });
        text.push('?');
        text.push_str(&names.collect::<Vec<_>>().join("&"));
    }
    shown_up_to(&text, 512)
}

/// A path without the sessions in it.
pub(super) fn path(path: &str, written: &BTreeSet<String>) -> String {
    let segments: Vec<_> = path.split('/').map(|segment| self::segment(segment, written)).collect();
    shown_up_to(&segments.join("/"), 256)
}

fn segment(text: &str, written: &BTreeSet<String>) -> String {
    if written.contains(text) {
        return text.to_owned();
    }
    // Systems decode a path before they look for parameters in it.
    let decoded = decoded(text);
    let (name, parameters) =
        decoded.split_once(';').map_or((decoded.as_str(), None), |(name, rest)| (name, Some(rest)));
    let name = if name.is_empty() || written.contains(name) || is_words(name) { name } else { HIDDEN };
    match parameters.map(|parameters| parameters.split_once('=')) {
        None => name.to_owned(),
        Some(Some((parameter, _))) if is_words(parameter) => format!("{name};{parameter}={HIDDEN}"),
        Some(_) => format!("{name};{HIDDEN}"),
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Whether a name of a parameter is made of words, also with what frameworks put between them (`ctl00$Login`).
fn is_name(text: &str) -> bool {
    is_words(&text.replace(['$', ':', '[', ']'], "."))
}

/// Whether a text is made of words and small numbers: `j_security_check`, `Login.aspx`, `v2`, `oauth2`.
fn is_words(text: &str) -> bool {
    text.len() <= LONGEST_SEGMENT && text.split(['.', '-', '_']).all(is_word)
}

/// A word with a number of at most two digits behind it, or a number of at most four.
fn is_word(text: &str) -> bool {
    let letters = text.trim_end_matches(|char: char| char.is_ascii_digit());
    let digits = text.len().saturating_sub(letters.len());
    if letters.is_empty() {
        return digits <= 4;
    }
    let capitals = letters.bytes().filter(u8::is_ascii_uppercase).count();
    let is_cased = capitals <= 2 + letters.len() / 4 || (capitals == letters.len() && capitals <= LONGEST_CAPITALS);
    digits <= 2 && letters.len() <= LONGEST_WORD && letters.bytes().all(|byte| byte.is_ascii_alphabetic()) && is_cased
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown_as(path: &str, expected: &str) {
        let written = BTreeSet::from(["a1b2c3d4e5".to_owned()]);
        assert_eq!(super::path(path, &written), expected, "{path}");
    }

    #[test]
    fn words_are_shown() {
        for path in [
            "/",
            "",
            "/accounts/login/",
            "/Login.aspx",
            "/j_security_check",
            "/oauth2/v1/authorize",
            "/simplesaml/saml2/idp/SSOService.php",
            "/WebGoat/LoginServlet",
            "/users/7",
            "/a1b2c3d4e5/x",
        ] {
            shown_as(path, path);
        }
    }

    #[test]
    fn sessions_in_paths_are_not() {
        for (path, expected) in [
            ("/app;jsessionid=1A530637289A03B07199A44E8D531427", "/app;jsessionid=…"),
            ("/app;1A530637289A03B07199A44E8D531427", "/app;…"),
            ("/app;1A530637289A03B07199A44E8D531427=x", "/app;…"),
            ("/app%3Bjsessionid%3D1A530637289A03B07199A44E8D531427/x", "/app;jsessionid=…/x"),
            ("/app%3b1A530637289A03B0", "/app;…"),
            ("/a;sid=secret;other=secret/b;x", "/a;sid=…/b;…"),
            ("/(S(lit3py55t21z5v55vlm25s55))/orders.aspx", "/…/orders.aspx"),
            ("/%28S%28lit3py55t21z5v55vlm25s55%29%29/", "/…/"),
            ("/s/9f86d081884c7d659a2feaa0c55ad015/home", "/s/…/home"),
            ("/s/5f2b6b0e-7d5c-4a52-9d0b-0f6a1c0d3e11", "/s/…"),
            ("/s/qWeRtYuIoPaSdFgH", "/s/…"),
            ("/s/QWERTYUIOPASDFGH", "/s/…"),
            ("/s/abcdefghijklmnopqrstuvwxyz", "/s/…"),
            ("/s/123456789", "/s/…"),
            ("/s/AAECAwQFBgc=", "/s/…"),
            ("/s/\u{1b}[2J", "/s/…"),
            ("/a1b2c3d4e5;sid=x", "/a1b2c3d4e5;sid=…"),
            ("/a1b2c3d4e5f6", "/…"),
        ] {
            shown_as(path, expected);
        }
        let url = "https://x.test/a?ctl00$Login=1&9f86d081884c7d659a2feaa0c55ad015=&9f86d081884c&__VIEWSTATE=x#9f86";
        let shown = address(&Url::parse(url).unwrap(), &BTreeSet::new());
        assert_eq!(shown, "https://x.test/a?ctl00$Login=…&…=…&…&__VIEWSTATE=…");
    }
}
