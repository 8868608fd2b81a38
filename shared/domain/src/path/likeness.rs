//! What a segment may be to a back end that does not compare paths byte for byte.
//!
//! Servers fold case, normalise Unicode, trim spaces and trailing dots, cut off parameters, streams and extensions. The
//! more forms are tried, the fewer surprises: a form matters only when it equals the literal of another route.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Where readers cut a segment: parameters (RFC 3986 §3.3), NTFS streams (`::$DATA`), and what is a query or a fragment to
/// those that decode before they split.
const CUTS: [char; 4] = [';', ':', '?', '#'];

/// Characters that are no slashes in Unicode's tables and become slashes on their way to other character sets.
const SLASHES: [char; 6] = ['\u{2044}', '\u{2215}', '\u{2216}', '\u{29f5}', '\u{29f8}', '\u{29f9}'];

/// The form in which lax readers compare: Unicode's compatibility form without marks, invisible characters and case, `+`
/// as a space, without spaces around it and without dots behind it.
pub fn loose(text: &str) -> String {
    let visible = |character: &char| !is_combining_mark(*character) && !is_invisible(*character);
    let folded: String = if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        // Upper case first: some letters differ in lower case only, such as the dotless i.
        text.nfkd().filter(visible).flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
    };
    trimmed(&folded.replace('+', " ")).to_owned()
}

fn trimmed(text: &str) -> &str {
    text.trim_start().trim_end_matches(|character: char| character == '.' || character.is_whitespace())
}

/// Characters that file systems and comparisons ignore: soft hyphen, zero-width and directional ones, variation selectors.
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
            | '\u{fff0}'..='\u{fff8}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// The forms of one segment of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readings {
    forms: Vec<String>,
    /// What stands before the tilde of a DOS short name such as `EXPORT~1`.
    short: Option<String>,
}

impl Readings {
    /// Its decoded text alone: what a back end reads that decodes once and compares byte for byte.
    pub fn exact(decoded: &str) -> Self {
        Self { forms: vec![decoded.to_owned()], short: None }
    }

    /// Every form a lax reader may see. `None` if some would see no segment at all, or more than one.
    pub fn lax(decoded: &str) -> Option<Self> {
        let whole = loose(decoded);
        let splits = whole.contains(['/', '\\']) || decoded.contains(SLASHES);
        if splits || (whole.is_empty() && !decoded.is_empty()) {
            return None;
        }
        let mut forms = vec![decoded.to_owned()];
        let cuts = whole.match_indices(CUTS).map(|(at, _)| at).chain([whole.len()]);
        for cut in cuts {
            let part = trimmed(whole.get(..cut).unwrap_or(&whole));
            // `export.json` is `export` to frameworks that take the extension for a format.
            let extensions = part.match_indices('.').map(|(at, _)| at).chain([part.len()]);
            forms.extend(extensions.filter_map(|at| part.get(..at)).map(|form| trimmed(form).to_owned()));
        }
        forms.retain(|form| !form.is_empty() || decoded.is_empty());
        forms.sort_unstable();
        forms.dedup();
        let short = whole.split_once('~').filter(|(stem, number)| {
            (1..=6).contains(&stem.len()) && number.starts_with(|digit: char| digit.is_ascii_digit())
        });
        Some(Self { forms, short: short.map(|(stem, _)| stem.to_owned()) })
    }

    /// Whether one of them is this literal, given decoded or in its [`loose`] form.
    pub fn are(&self, literal: &str) -> bool {
        self.forms.iter().any(|form| form == literal) || self.is_short_for(literal)
    }

    /// Windows makes short names of the first six characters, or of two and four digits of a hash.
    fn is_short_for(&self, literal: &str) -> bool {
        let Some(stem) = &self.short else { return false };
        let long: String = literal.chars().filter(|character| !matches!(character, ' ' | '.')).collect();
        let hashed = stem.get(2..).filter(|digits| digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_hexdigit()));
        long.starts_with(stem.as_str()) || (hashed.is_some() && stem.get(..2).is_some_and(|two| long.starts_with(two)))
    }
}
