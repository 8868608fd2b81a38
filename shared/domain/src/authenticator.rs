//! Codes of an authenticator app (RFC 6238): six digits that change every 30 seconds.

use crate::time::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// How long a code is shown, in seconds.
const STEP: u64 = 30;
/// How many codes before and after the present one are taken, since clocks of phones differ (RFC 6238 §5.2).
const SKEW: u16 = 1;

/// An authenticator app that shares a seed with the gateway.
pub struct Authenticator(totp_rs::Totp);

impl Authenticator {
    /// The one with this seed.
    pub fn of(seed: [u8; 20]) -> Self {
        let builder = totp_rs::Builder::new().with_algorithm(totp_rs::Algorithm::SHA1).with_digits(6);
        // The seed has the length that RFC 4226 §4 wants, so that nothing is left to check.
        Self(builder.with_skew(SKEW).with_step_duration(STEP).with_secret(seed).build_noncompliant())
    }

    /// The step of a code that is right, in units of 30 seconds since 1970. A step is used once, and none before it later
    /// (RFC 6238 §5.2).
    pub fn step_of(&self, typed: &str, now: Timestamp) -> Option<u64> {
        let digits: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
        let plain = digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
        let now = u64::try_from(now.as_secs()).ok()?;
        self.0.check(&digits, now).filter(|_| plain)
    }

    /// The code at a time.
    pub fn code(&self, at: Timestamp) -> String {
        self.0.generate(u64::try_from(at.as_secs()).unwrap_or_default()).to_string()
    }

    /// The seed as people type it: base32.
    pub fn key(&self) -> String {
        self.0.secret().to_base32()
    }

    /// What an app reads from a picture: the seed, and for which account it is.
    pub fn uri(&self, issuer: &str, account: &str) -> String {
        let [issuer, account] = [issuer, account].map(|text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string());
        format!("otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}", self.key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, Appendix B, of which the last six digits are shown here.
    #[test]
    fn codes_are_those_of_the_standard() {
        let app = Authenticator::of(*b"12345678901234567890");
        for (at, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (2_000_000_000, "279037")]
        {
            assert_eq!(app.code(Timestamp::from_secs(at)), code);
        }
    }

    #[test]
    fn a_code_is_taken_a_step_early_or_late_and_says_which_it_is() {
        let app = Authenticator::of([7; 20]);
        let now = Timestamp::from_secs(1_800_000_015);
        let step = |seconds: i64| app.step_of(&app.code(Timestamp::from_secs(1_800_000_015 + seconds)), now);
        assert_eq!([-30, 0, 30].map(step), [59_999_999, 60_000_000, 60_000_001].map(Some));
        assert_eq!([-60, 60].map(step), [None, None]);
        let code = app.code(now);
        let spaced = format!(" {} {} ", &code[..3], &code[3..]);
        assert_eq!(app.step_of(&spaced, now), Some(60_000_000));
        for odd in ["", "12345", "1234567", "abcdef", "１２３４５６"] {
            assert_eq!(app.step_of(odd, now), None, "{odd}");
        }
    }

    #[test]
    fn an_app_reads_for_whom_it_is() {
        let uri = Authenticator::of([0; 20]).uri("Example Bank", "ada@example.com");
        let key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        assert_eq!(
            uri,
            format!("otpauth://totp/Example%20Bank:ada%40example%2Ecom?secret={key}&issuer=Example%20Bank")
        );
    }
}
