//! The colour of buttons, which their white text must be readable on.

use crate::NotAllowed;
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt;

/// The least contrast of text (WCAG 2.2 §1.4.3).
const LEAST_CONTRAST: f64 = 4.5;

/// A colour that white text is readable on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = "^#[0-9A-Fa-f]{6}$", "default" = "#1f4f8f"))]
pub struct Colour([u8; 3]);

impl Default for Colour {
    fn default() -> Self {
        Self([0x1f, 0x4f, 0x8f])
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

impl TryFrom<String> for Colour {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6).filter(|digits| {
            // A sign is no digit here, although `from_str_radix` takes one.
            digits.bytes().all(|b| b.is_ascii_hexdigit())
        });
        let Some(value) = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) else {
            return Err(NotAllowed::new(format!(
                "`{text}` is not a colour: write # and six hexadecimal digits in quotes, such as \"#1f4f8f\""
            )));
        };
        let [_, red, green, blue] = value.to_be_bytes();
        let colour = Self([red, green, blue]);
        let contrast = colour.contrast_with_white();
        if contrast < LEAST_CONTRAST {
            return Err(NotAllowed::new(format!(
                "white text on `{text}` has a contrast of {:.1}:1, and people need {LEAST_CONTRAST}:1 to read it \
                 (WCAG 2.2 §1.4.3): write a darker colour",
                (contrast * 10.0).floor() / 10.0
            )));
        }
        Ok(colour)
    }
}

impl Colour {
    /// The contrast ratio of WCAG 2.2 to white, from 1 to 21.
    fn contrast_with_white(self) -> f64 {
        let [red, green, blue] = self.0.map(|channel| {
            let share = f64::from(channel) / 255.0;
            if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        });
        1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colour(text: &str) -> Result<Colour, NotAllowed> {
        Colour::try_from(text.to_owned())
    }

    #[test]
    fn contrast_is_that_of_wcag() {
        for (text, contrast) in [("#000000", 21.0), ("#767676", 4.54), ("#1f4f8f", 8.16), ("#b00020", 7.33)] {
            let found = colour(text).expect(text).contrast_with_white();
            assert!((found - contrast).abs() < 0.01, "{text}: {found}");
        }
    }

    #[test]
    fn white_text_is_readable_on_every_accepted_colour() {
        assert_eq!(Colour::default(), colour("#1F4F8F").expect("the default"));
        assert!(colour("#767676").is_ok());
        for light in ["#777777", "#ffcc00", "#ffffff", "#00aa00"] {
            let told = colour(light).expect_err(light).to_string();
            assert!(told.contains("write a darker colour"), "{told}");
        }
        assert!(colour("#777777").expect_err("light").to_string().contains("a contrast of 4.4:1"));
        for none in ["1f4f8f", "#1f4f8", "#fff", "#+f4f8f", "blue", ""] {
            assert!(colour(none).expect_err(none).to_string().contains("is not a colour"), "{none}");
        }
    }
}
