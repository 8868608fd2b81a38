//! A proof by mail that changes nothing of an account: its owner may log in from where the mail was answered, whatever strangers
//! have tried. It is the way back in where the password is kept elsewhere, and so cannot be set here.

use crate::error::Failure;
use crate::flows::{NewCode, Proof};
use crate::{Account, Asked};
use gateway_domain::address::Address;
use gateway_domain::code::{LIFETIME, Ticket};
use gateway_domain::ids::CodeId;
use gateway_mail::Notice;
use gateway_store::{Purpose, User};

/// Where the proof is confirmed.
pub(crate) const CONFIRM: &str = "/account/unlock/confirm";

impl Account {
    /// Sends a code that proves who an owner is, if somebody who may log in has this address and has proved it.
    pub(crate) async fn unlock(&self, asked: &Asked<'_>, email: &Address) -> Result<Ticket, Failure> {
        self.send_way_in(asked, email, (Purpose::Unlock, notice), of_owner).await
    }

    /// Lets the owner log in from this source for a day, by a code of a mail. The code is used up before that, so that of two
    /// proofs with one code one counts.
    pub(crate) async fn confirm_unlock(&self, asked: &Asked<'_>, id: &CodeId, proof: &Proof) -> Result<(), Failure> {
        let code = self.tried(asked, id, Purpose::Unlock, proof).await?;
        let user = self.users.get(&code.user_id).await?.filter(|user| of_owner(user) && code.is_of(user));
        let user = user.ok_or(Failure::WrongCode)?;
        if !self.codes.use_up(id).await? {
            return Err(Failure::WrongCode);
        }
        Ok(self.attempts.proved(&user, &asked.source, asked.now).await?)
    }
}

/// An address that nobody has proved says nothing of who owns the account.
fn of_owner(user: &User) -> bool {
    user.enabled && user.email_verified
}

fn notice(asked: &Asked<'_>, new: &NewCode) -> Notice {
    Notice::Unlock {
        code: new.digits.expose().to_owned(),
        link: asked.link(&format!("{CONFIRM}?id={}&token={}", new.code.id, new.token.expose())),
        minutes: LIFETIME.as_u64() / 60,
    }
}
