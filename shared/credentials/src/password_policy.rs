//! The policy for new passwords: long, not common, not made of publicly known words of the account.
//!
//! A password is the only factor here, so SP 800-63B-4 §3.1.1.2 asks for 15 characters; no character is prescribed.

use gateway_domain::password::MAX_BYTES;
use unicode_normalization::UnicodeNormalization as _;

/// The least number of code points, in normal form C.
pub const MIN: usize = 15;
/// The least estimated number of guesses, as a power of ten. A password that needs fewer is refused, however long it is.
const MIN_GUESSES_LOG10: f64 = 10.0;
/// Words of the account shorter than this are ignored, since many good passwords contain them.
const WORD: usize = 4;

/// Why a password is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Weak {
    /// Too few code points.
    #[error("it has {0} characters; at least {MIN} are needed, and four or five unusual words are easy to remember")]
    Short(usize),
    /// Longer than the most bytes that are hashed.
    #[error("it has more than {MAX_BYTES} bytes")]
    Long,
    /// Common or regular, so that few guesses find it.
    #[error("it is common or repeats itself, so that it is guessed early ({0})")]
    Common(String),
    /// Too short without a word that everybody can know.
    #[error("without \"{0}\", which everybody can know, it has fewer than {MIN} characters")]
    Known(String),
}

/// Checks a new password. `known` is what everybody may know of the account: its address, names, what the service is called.
pub fn check(password: &str, known: &[&str]) -> Result<(), Weak> {
    if password.len() > MAX_BYTES {
        return Err(Weak::Long);
    }
    let normalised: String = password.nfc().collect();
    let length = normalised.chars().count();
    if length < MIN {
        return Err(Weak::Short(length));
    }
    let known: Vec<String> = known.iter().map(|text| text.trim().nfc().collect::<String>().to_lowercase()).collect();
    let parts = known.iter().flat_map(|text| text.split(|char: char| !char.is_alphanumeric()));
    let mut words: Vec<&str> =
        known.iter().map(String::as_str).chain(parts).chain(["gateway", "password", "passwort"]).collect();
    words.retain(|word| word.chars().count() >= WORD);
    // A whole address goes before its parts.
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    let mut left = normalised.to_lowercase();
    let mut found = None;
    for word in &words {
        if left.contains(word) {
            left = left.replace(word, "");
            found = found.or(Some(*word));
        }
    }
    if let Some(word) = found.filter(|_| left.chars().count() < MIN) {
        return Err(Weak::Known(word.to_owned()));
    }
    let estimate = zxcvbn::zxcvbn(&normalised, &words);
    if estimate.guesses_log10() < MIN_GUESSES_LOG10 {
        let warning = estimate.feedback().and_then(zxcvbn::feedback::Feedback::warning);
        return Err(Weak::Common(warning.map_or_else(|| "by its pattern".to_owned(), |warning| warning.to_string())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: &[&str] = &["ada.lovelace@example.com", "Demo Shop"];

    /// Checklist P-01, Z-03: code points are counted, in normal form.
    #[test]
    fn fourteen_characters_are_too_few_however_many_bytes_they_have() {
        assert_eq!(check("tv8#kqz!w2mxj4", ADA), Err(Weak::Short(14)));
        assert_eq!(check("äöüßéèêëñçåøæœ", ADA), Err(Weak::Short(14)));
        assert_eq!(check("tv8#kqz!w2mxje\u{301}", ADA), Err(Weak::Short(14)), "é is one letter however it is typed");
        assert_eq!(check("tv8#kqz!w2mxj4p", ADA), Ok(()));
    }

    /// Checklist P-02, P-03, Z-08, Z-10: no character is prescribed, and long passwords are accepted.
    #[test]
    fn any_characters_do_up_to_the_bound() {
        for good in [
            "wobbly lantern cactus tuesday",
            "рыба поёт в облаках тихо",
            "🐟🎷☁️🤫🌵🏮🧦🪁🦔🍯🎺🧭🥁🛶🪴",
            "  leading spaces count  xq",
        ] {
            assert_eq!(check(good, ADA), Ok(()), "{good}");
        }
        let long: String = "wobbly lantern cactus tuesday ".chars().cycle().take(1024).collect();
        assert_eq!(check(&long, ADA), Ok(()));
        assert_eq!(check(&format!("{long}x"), ADA), Err(Weak::Long));
    }

    /// Checklist P-05, Z-05, Z-06.
    #[test]
    fn common_and_repetitive_passwords_are_refused_with_the_reason() {
        for bad in [
            "aaaaaaaaaaaaaaaaaaaa",
            "123456789012345678",
            "qwertyuiopasdfghjkl",
            "passwordpassword",
            "abcabcabcabcabcabc",
        ] {
            assert!(matches!(check(bad, ADA), Err(Weak::Common(_) | Weak::Known(_))), "{bad}: {:?}", check(bad, ADA));
        }
    }

    /// Checklist Z-07.
    #[test]
    fn words_of_the_account_do_not_count() {
        for bad in [
            "Lovelace-7-xqzt-42",
            "ada.lovelace@example.com",
            "example#gateway#k7w",
            "Demo Shop Demo Shop 2026",
            "shop lovelace demo 2026",
        ] {
            assert!(matches!(check(bad, ADA), Err(Weak::Known(_))), "{bad}");
        }
        assert_eq!(check("Lovelace wobbly lantern cactus", ADA), Ok(()), "enough is left without it");
    }
}
