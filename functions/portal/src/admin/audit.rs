//! `/gateway/api/v1/audit`: who did what.

use super::{listed, only, paging, parameter};
use crate::error::Failure;
use crate::principal::Principal;
use crate::{Asked, Portal};
use gateway_administration::{acts_of, millis, shown_row};
use gateway_domain::admin_scope::AUDIT_READ;
use gateway_domain::event::ApiResponse;
use gateway_store::AuditRow;

const DAY_MILLIS: i64 = 86_400_000;
/// The longest time that one request asks about, in days: each is a query.
const MOST_DAYS: i64 = 31;

impl Portal {
    pub(super) async fn audit(&self, asked: &Asked<'_>, principal: &Principal) -> Result<ApiResponse, Failure> {
        only(asked, "GET")?;
        principal.may(AUDIT_READ)?;
        let (most, after) = paging(asked)?;
        let time = |name: &'static str, default: i64| match parameter(asked, name)? {
            None => Ok(default),
            Some(text) => millis(&text).ok_or_else(|| Failure::malformed(name, "write it as 2026-03-01T09:30:00Z")),
        };
        let to = time("to", self.clock.now_millis())?;
        let from = time("from", to.saturating_sub(DAY_MILLIS))?;
        if from > to || to.saturating_sub(from) > MOST_DAYS.saturating_mul(DAY_MILLIS) {
            return Err(Failure::malformed("from", format!("it lies at most {MOST_DAYS} days before `to`")));
        }
        let (act, subject) = (parameter(asked, "act")?, parameter(asked, "subject")?);
        let who = parameter(asked, "who")?;
        let wanted = |row: &AuditRow| {
            act.as_ref().is_none_or(|act| row.act.starts_with(act.as_str()))
                && subject.as_ref().is_none_or(|subject| row.subject.contains(subject.as_str()))
                && who.as_ref().is_none_or(|who| row.who.contains(who.as_str()))
        };
        let found = acts_of(&self.audit, (from, to), (after.as_deref(), most), wanted).await?;
        Ok(listed(&found.rows.iter().map(shown_row).collect::<Vec<_>>(), found.next.as_deref()))
    }
}
