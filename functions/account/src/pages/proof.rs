//! How a form shows that a mail has arrived: by the token in the URL of the link, or by the code that was typed.

use super::query;
use crate::Asked;
use crate::error::{Failure, Wrong};
use crate::flows::Proof;
use gateway_domain::code::typed;
use gateway_domain::form::Form;
use gateway_domain::ids::CodeId;
use gateway_domain::secret::Secret;

/// The id and the token of the URL. Without an id there is nothing to prove.
pub(super) fn of_url(asked: &Asked<'_>) -> Result<(CodeId, Option<Secret>), Failure> {
    let id = query(asked, "id").and_then(|id| CodeId::parse(&id).ok()).ok_or(Failure::WrongCode)?;
    Ok((id, query(asked, "token").map(Secret::new)))
}

/// The proof of a form.
pub(super) fn of_form(token: Option<Secret>, form: &Form) -> Result<Proof, Failure> {
    if let Some(token) = token {
        return Ok(Proof::Link(token));
    }
    let wrong = Failure::field("code", Wrong::Required);
    typed(form.get("code").ok_or(wrong)?).map(Proof::Digits).ok_or(Failure::WrongCode)
}
