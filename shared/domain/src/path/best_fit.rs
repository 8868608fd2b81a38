//! The ASCII characters by which Windows replaces characters that a code page lacks.

/// The ASCII character, in lower case, by which one of the ANSI code pages 874 to 1258 replaces this one, if that is a
/// letter, a digit, a percent sign, or one that ends a segment for some readers. Characters that Unicode's compatibility
/// form makes ASCII are left out. Source: Microsoft's tables,
/// <https://www.unicode.org/Public/MAPPINGS/VENDORS/MICSFT/WindowsBestFit/>.
pub(super) const fn best_fit(character: char) -> char {
    match character {
        'æ' | 'α' => 'a',
        'ƀ' => 'b',
        '¢' | '©' => 'c',
        'ð' | 'đ' | 'ɖ' | 'δ' | '♪' | '♫' => 'd',
        'ε' | 'ℇ' | '℮' => 'e',
        'ƒ' | 'φ' => 'f',
        'ǥ' | 'ɡ' | 'γ' => 'g',
        'ħ' | 'һ' => 'h',
        'ɨ' => 'i',
        'ł' | 'ƚ' | '£' | '∟' | '└' | '╘' | '╙' | '╚' => 'l',
        '∩' => 'n',
        'ø' | 'œ' | 'ɵ' | 'ω' | '☺' | '☻' => 'o',
        'π' | '℘' | '₧' => 'p',
        '®' => 'r',
        'σ' => 's',
        'þ' | 'ŧ' | 'ƫ' | 'ʈ' | 'θ' | 'τ' | '┬' | '╤' | '╥' | '╦' => 't',
        '√' | '↓' => 'v',
        'ƶ' => 'z',
        '○' | '◙' | '☼' | '٠' => '0',
        '١' => '1',
        '٢' => '2',
        '٣' => '3',
        '٤' => '4',
        '٥' => '5',
        '٦' => '6',
        '٧' => '7',
        '∞' | '٨' => '8',
        '٩' => '9',
        '¡' | 'ǃ' => '!',
        '٪' => '%',
        '։' | '∶' => ':',
        '¿' => '?',
        other => other,
    }
}
