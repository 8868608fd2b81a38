//! The languages of pages and mails, and which of them a request asks for.

/// A language that pages and mails are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Language {
    /// English, for whoever asks for none of these.
    #[default]
    English,
    /// German.
    German,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// Its tag (BCP 47), as `lang` and `Content-Language` have it.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// The language of a tag, whatever its script or region: `de-AT` is German.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        Self::ALL.into_iter().find(|language| primary.eq_ignore_ascii_case(language.tag()))
    }

    /// The first known language of these tags.
    pub fn first_of(tags: &str) -> Option<Self> {
        tags.split_ascii_whitespace().find_map(Self::of_tag)
    }

    /// The first known language of `ui_locales` (OpenID Connect Core §3.1.2.1), otherwise the one that `Accept-Language`
    /// (RFC 9110 §12.5.4) weighs most, otherwise English.
    pub fn choose(ui_locales: Option<&str>, accept_language: Option<&str>) -> Self {
        let asked = ui_locales.and_then(Self::first_of);
        asked.or_else(|| accept_language.and_then(accepted)).unwrap_or_default()
    }
}

/// The known language of the highest weight that is not 0. The first of equal ones wins.
fn accepted(header: &str) -> Option<Language> {
    let mut best = None;
    for element in header.split(',') {
        let mut parts = element.split(';').map(str::trim);
        let Some(language) = parts.next().and_then(Language::of_tag) else { continue };
        let weight = match parts.next() {
            None => Some(1000),
            Some(parameter) => parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q=")).and_then(weight),
        };
        let weight = weight.unwrap_or(0);
        if weight > best.map_or(0, |(_, most)| most) {
            best = Some((language, weight));
        }
    }
    best.map(|(language, _)| language)
}

/// A weight (RFC 9110 §12.4.2) in thousandths: `0` to `1` with at most three decimals.
fn weight(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let known = ["0", "1"].contains(&whole) && decimals.len() <= 3 && decimals.bytes().all(|b| b.is_ascii_digit());
    let thousandths = format!("{whole}{decimals:0<3}").parse().ok().filter(|weight| *weight <= 1000);
    thousandths.filter(|_| known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Language::{English, German};

    #[test]
    fn ui_locales_win_over_the_browser() {
        for (ui_locales, accept_language, chosen) in [
            (None, None, English),
            (Some("de"), None, German),
            (Some("fr-CA DE-at en"), Some("en"), German),
            (Some("en"), Some("de"), English),
            (Some("fr"), Some("de"), German),
            (Some(""), Some("de"), German),
            (Some("deu"), None, English),
        ] {
            assert_eq!(Language::choose(ui_locales, accept_language), chosen, "{ui_locales:?} {accept_language:?}");
        }
    }

    #[test]
    fn the_browser_weighs_its_languages() {
        for (accept_language, chosen) in [
            ("de", German),
            ("de-DE,de;q=0.9,en;q=0.8", German),
            ("fr, en;q=0.4, de;q=0.7", German),
            ("en;q=0.8, de;q=0.8", English),
            ("de;q=0, en;q=0.001", English),
            ("de ; q=1.000", German),
            ("de;q=1.001, en;q=0.1", English),
            ("de;q=x, en", English),
            ("de;q=0.12345", English),
            ("*", English),
            ("fr", English),
            (",;=,", English),
        ] {
            assert_eq!(Language::choose(None, Some(accept_language)), chosen, "{accept_language}");
        }
    }
}
