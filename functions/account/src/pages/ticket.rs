//! The cookie of whoever has begun a sign-up: its ticket and the address, so that the page shows the same whether there is
//! an account or not.

use crate::Asked;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway_domain::address::Address;
use gateway_domain::code::{LIFETIME, Ticket};
use gateway_domain::ids::CodeId;
use gateway_domain::secret::Secret;

/// The name of the cookie, without its prefix.
const COOKIE: &str = "sign-up";

/// What the cookie holds.
pub(super) struct Begun {
    pub(super) secret: Secret,
    pub(super) address: Address,
}

/// The value of `Set-Cookie` for a sign-up that was begun.
pub(super) fn set(asked: &Asked<'_>, ticket: &Ticket, address: &Address) -> String {
    let value = format!("{}.{}", ticket.to_text(), URL_SAFE_NO_PAD.encode(address.as_str()));
    asked.site.set_cookie(COOKIE, &value, Some(LIFETIME))
}

/// The value of `Set-Cookie` when it is done.
pub(super) fn clear(asked: &Asked<'_>) -> String {
    asked.site.clear_cookie(COOKIE)
}

/// The sign-up of this id, if this browser has begun it.
pub(super) fn begun(asked: &Asked<'_>, id: &CodeId) -> Option<Begun> {
    let value = gateway_web::cookie(asked.request, &asked.site.cookie_name(COOKIE))?;
    let (ticket, address) = value.rsplit_once('.')?;
    let (begun, secret) = Ticket::parse(ticket)?;
    let address = String::from_utf8(URL_SAFE_NO_PAD.decode(address).ok()?).ok()?;
    (begun == *id).then_some(())?;
    Some(Begun { secret: secret?, address: Address::parse(&address).ok()? })
}
