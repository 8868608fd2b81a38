//! The forms in which a back end may read a segment if it does not compare paths byte for byte.
//!
//! Servers fold case, normalise Unicode, trim spaces and trailing dots, and cut off parameters, streams and extensions. A
//! form too many does no harm: it matters only if it equals the literal of another route.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::best_fit::best_fit;
use super::segment::has_encoding;

/// Where readers cut a segment: parameters (RFC 3986 §3.3), NTFS streams (`::$DATA`), the method of an action (`!delete`),
/// and a query or a fragment, for readers that decode before they split.
const CUTS: [char; 5] = [';', ':', '!', QUERY, FRAGMENT];

/// With [`FRAGMENT`], a character that ends the path for readers that decode before they split.
const QUERY: char = '?';
const FRAGMENT: char = '#';

/// Characters that Unicode does not normalise to a slash, but that may become one on conversion to another character set:
/// Japanese and Korean sets have a currency sign in the place of the backslash, the Greek one an accent in the place of the
/// slash.
const SLASHES: [char; 9] =
    ['\u{2044}', '\u{2215}', '\u{2216}', '\u{29f5}', '\u{29f8}', '\u{29f9}', '\u{a5}', '\u{20a9}', '\u{b4}'];

/// Extensions by which frameworks choose the format of a representation: the same action answers with and without them.
/// Others, as in `orders.aspx` and `users.list`, are part of the action's name.
const FORMATS: [&str; 33] = [
    "atom", "bmp", "css", "csv", "geojson", "gif", "gz", "gzip", "htm", "html", "ics", "jpeg", "jpg", "js", "json",
    "jsonld", "jsonp", "md", "pdf", "png", "rss", "svg", "tsv", "txt", "vcf", "webp", "xhtml", "xls", "xlsx", "xml",
    "yaml", "yml", "zip",
];

/// The form in which lax readers compare: Unicode's compatibility form in lower case, without marks and invisible
/// characters, with ASCII letters for those that look like them, with spaces for `+`, without spaces around it or dots
/// behind it.
pub fn loose(text: &str) -> String {
    let visible = |character: &char| !is_combining_mark(*character) && !is_invisible(*character);
    let folded: String = if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        // Upper case and back joins letters that differ only in lower case, such as `i` and the dotless `ı`. Lower case
        // comes first for the capital `ẞ`, which stays as it is in upper case, while `ß` becomes `SS`.
        let lower = text.nfkd().filter(visible).flat_map(char::to_lowercase);
        lower.flat_map(char::to_uppercase).flat_map(char::to_lowercase).map(best_fit).collect()
    };
    trimmed(&folded.replace('+', " ")).to_owned()
}

fn trimmed(text: &str) -> &str {
    text.trim_start().trim_end_matches(is_trailing)
}

fn is_trailing(character: char) -> bool {
    character == '.' || character.is_whitespace()
}

/// Characters that file systems and comparisons ignore: soft hyphens, zero-width and directional characters, variation
/// selectors.
const fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// The readings of one segment of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readings {
    decoded: String,
    /// Its [`loose`] form, if lax readers are considered.
    whole: Option<String>,
}

impl Readings {
    /// Only the decoded text: the reading of a back end that decodes once and compares byte for byte.
    pub fn exact(decoded: &str) -> Self {
        Self { decoded: decoded.to_owned(), whole: None }
    }

    /// Every form that a lax reader may see. `None` if some reader would see no segment, or more than one.
    pub fn lax(decoded: &str) -> Option<Self> {
        let whole = loose(decoded);
        let splits = whole.contains(['/', '\\']) || decoded.contains(SLASHES);
        let nothing = whole.is_empty() && !decoded.is_empty();
        if splits || nothing || is_only_parameters(&whole) || has_cookieless_session(&whole) || has_encoding(&whole) {
            return None;
        }
        Some(Self { decoded: decoded.to_owned(), whole: Some(whole) })
    }

    /// Whether one of the readings is this literal. The literal is given decoded, or in its [`loose`] form.
    pub fn are(&self, literal: &str) -> bool {
        let lax = |whole: &str| {
            let same = |literal| begins_with(whole, literal);
            same(literal) || without_extension(literal).is_some_and(same) || is_short_for(whole, literal)
        };
        self.decoded == literal || self.whole.as_deref().is_some_and(lax)
    }

    /// The readings for a reader that decodes before it splits, to which the path ends inside this segment at a `?` or `#`.
    /// `None` if the segment has neither, or only its exact text counts.
    pub fn as_last(&self) -> Option<Self> {
        let (before, _) = self.whole.as_deref()?.split_once([QUERY, FRAGMENT])?;
        let before = trimmed(before).to_owned();
        Some(Self { decoded: before.clone(), whole: Some(before) })
    }
}

/// Whether a reader that cuts this text somewhere gets the literal: frameworks that take an extension for a format read
/// `export.json` as `export`. It does not try each cut, since a path may have thousands.
fn begins_with(whole: &str, literal: &str) -> bool {
    let Some(rest) = whole.strip_prefix(literal).filter(|_| !literal.is_empty() || whole.is_empty()) else {
        return false;
    };
    let behind = rest.trim_start_matches(is_trailing);
    let ignored = rest.strip_suffix(behind).unwrap_or_default();
    behind.is_empty() || behind.starts_with(CUTS) || ignored.contains('.')
}

/// A literal without its extension, since `export.json` and `export.xml` may be two formats of one action. An extension
/// begins with a letter, so the number in `v1.2` is none.
fn without_extension(literal: &str) -> Option<&str> {
    let (stem, extension) = literal.rsplit_once('.')?;
    let is_extension = extension.starts_with(|first: char| first.is_ascii_alphabetic());
    (is_extension && !stem.is_empty()).then_some(stem)
}

/// A literal in its [`loose`] form without the extension that names its format, if it has one.
pub fn without_format(literal: &str) -> &str {
    match literal.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() && FORMATS.contains(&extension) => stem,
        Some(_) | None => literal,
    }
}

/// Whether a reader that cuts parameters off first, as servlet containers do, gets an empty segment (`;a`) or a dot segment
/// (`..;a`).
fn is_only_parameters(whole: &str) -> bool {
    whole
        .split_once(CUTS)
        .is_some_and(|(before, _)| trimmed(before).is_empty() && (!before.is_empty() || whole.starts_with(';')))
}

/// Whether it holds a mark such as `(S(…))`, which ASP.NET removes from a path, with its slash, as a cookieless session.
fn has_cookieless_session(whole: &str) -> bool {
    let mut marks = whole.as_bytes().windows(3);
    marks.any(|mark| matches!(mark, [b'(', letter, b'('] if letter.is_ascii_alphabetic()))
}

/// Whether it may be a short name (8.3) that Windows makes for the literal: from its first six characters (`EXPORT~1`), or
/// from its first two and four digits of a hash.
fn is_short_for(whole: &str, literal: &str) -> bool {
    let Some((stem, number)) = whole.split_once('~') else { return false };
    if !(1..=6).contains(&stem.len()) || !number.starts_with(|digit: char| digit.is_ascii_digit()) {
        return false;
    }
    let long: String = literal.chars().filter(|character| !matches!(character, ' ' | '.')).collect();
    let hashed = stem.get(2..).filter(|digits| digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_hexdigit()));
    long.starts_with(stem) || (hashed.is_some() && stem.get(..2).is_some_and(|two| long.starts_with(two)))
}
