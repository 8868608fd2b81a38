//! Mails to developers and administrators, written with what they tell of, and sent by the outbox function.

use crate::error::Failure;
use crate::{Asked, Portal};
use gateway_domain::address::Address;
use gateway_domain::ids::OutboxId;
use gateway_domain::language::Language;
use gateway_domain::time::Seconds;
use gateway_mail::{Letter, Notice};
use gateway_store::NewMail;

/// How long such a mail is tried: what it tells of is on the pages, too.
const SENSIBLE: Seconds = Seconds::new(86_400);

impl Portal {
    /// Who issues the tokens, which is where links of mails begin: nothing that a client sent is in them.
    pub(crate) fn issuer(&self, asked: &Asked<'_>) -> Result<String, Failure> {
        Ok(self.gateway.token_parties(&asked.request.stage_variables)?.issuer().to_owned())
    }

    /// A mail that is yet to be written. Nobody's language but that of the pages is known, which is English.
    pub(crate) async fn mail(
        &self,
        asked: &Asked<'_>,
        to: &Address,
        notice: impl FnOnce(&str) -> Notice,
    ) -> Result<NewMail, Failure> {
        let issuer = self.issuer(asked)?;
        let id = OutboxId::from_random(self.entropy.bytes()?);
        let host = || issuer.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default().to_owned();
        let service = self.gateway.pages().name.as_ref().map_or_else(host, |name| name.as_str().to_owned());
        let letter = Letter { to: to.clone(), language: Language::English, service, notice: notice(&issuer) };
        let keys = self.letters.fresh().await?;
        let sealed = letter.seal(&keys, &id, self.entropy.bytes()?).map_err(|_| Failure::NoKey)?;
        Ok(NewMail { id, sealed, due: asked.now, until: asked.now.saturating_add(SENSIBLE) })
    }
}
