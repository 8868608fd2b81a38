//! Asks the operator for a new password, or to confirm what cannot be undone.

use crate::context::Context;
use crate::error::Error;
use gateway_domain::password::MAX_BYTES;
use gateway_domain::secret::Secret;
use std::io::{IsTerminal as _, Read as _};

/// Asks for a new password twice, or reads it as the one line of standard input.
pub(crate) fn new_password() -> Result<Secret, Error> {
    if !std::io::stdin().is_terminal() {
        return piped();
    }
    let ask = |text: &str| rpassword::prompt_password(text).map(Secret::new).map_err(|_| Error::NoPassword);
    let password = ask("Password: ")?;
    let again = ask("Again: ")?;
    if !password.constant_time_eq(again.expose().as_bytes()) {
        return Err(Error::PasswordsDiffer);
    }
    Ok(password)
}

/// Asks for a password that exists, or reads it as the one line of standard input.
pub(crate) fn password() -> Result<Secret, Error> {
    if !std::io::stdin().is_terminal() {
        return piped();
    }
    rpassword::prompt_password("Password: ").map(Secret::new).map_err(|_| Error::NoPassword)
}

/// Only the end of the line (LF or CRLF) is removed: space may be part of a password.
fn piped() -> Result<Secret, Error> {
    let mut text = String::with_capacity(2 * MAX_BYTES);
    let most = u64::try_from(MAX_BYTES).unwrap_or_default().saturating_add(3);
    std::io::stdin().take(most).read_to_string(&mut text).map_err(|_| Error::NoPassword)?;
    let end = text.trim_end_matches('\n').len();
    text.truncate(end.max(text.len().saturating_sub(1)));
    if text.ends_with('\r') {
        text.pop();
    }
    if text.contains('\n') {
        return Err(Error::NoPassword);
    }
    Some(Secret::new(text)).filter(|password| !password.is_empty()).ok_or(Error::NoPassword)
}

impl Context {
    /// Succeeds only if the operator types `word` or gave `--yes`. Without a terminal, only `--yes` confirms.
    pub(crate) fn confirm(&self, what: &str, word: &str) -> Result<(), Error> {
        confirm(self.yes, what, word)
    }
}

/// As [`Context::confirm`]; `yes` says whether `--yes` was given.
pub(crate) fn confirm(yes: bool, what: &str, word: &str) -> Result<(), Error> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(Error::NotConfirmed);
    }
    crate::output::note(&format!("{what}. Type {word} to go on:"));
    let mut typed = String::new();
    std::io::stdin().read_line(&mut typed).map_err(|_| Error::NotConfirmed)?;
    if typed.trim() == word { Ok(()) } else { Err(Error::NotConfirmed) }
}
