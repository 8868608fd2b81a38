//! The audit table: every act has a row, written as begun before it, and again with its outcome after it.

use crate::ActError;
use gateway_domain::clock::Clock;
use gateway_domain::entropy::Entropy;
use gateway_domain::time::Timestamp;
use gateway_store::{Audit, AuditRow, Outcome, StoreError, day_and_time};
use serde_json::{Value as Json, json};

/// The longest reason that is kept, in characters.
const MAX_REASON: usize = 500;
const DAY_MILLIS: i64 = 86_400_000;
/// The most acts that one search reads: services may leave a row for each token that they exchange.
pub const MOST_LOOKED_AT: usize = 20_000;

/// How many acts are in memory at once: each can have as many bytes as a form.
const PIECE: usize = 500;

/// What is about to change.
pub struct Act {
    /// The act, as `users disable`.
    pub act: &'static str,
    /// What is changed, such as `user u_…`.
    pub subject: String,
    /// Its state before the change, without secrets.
    pub before: Option<Json>,
    /// Its intended state after the change, without secrets.
    pub after: Option<Json>,
}

/// Whoever acts, and where it is recorded.
pub struct Acts<'a> {
    /// Where.
    pub audit: &'a Audit,
    /// Tells when.
    pub clock: &'a dyn Clock,
    /// Tells rows of the same moment apart; makes secrets.
    pub entropy: &'a dyn Entropy,
    /// Who, as [`AuditRow::who`] says it.
    pub who: String,
}

impl Acts<'_> {
    /// Does an act and records its outcome. It is not done if its beginning cannot be recorded.
    ///
    /// # Errors
    /// Those of `doing`; and [`ActError::NotAudited`] or [`ActError::OutcomeNotAudited`].
    pub async fn audited<T, E>(&self, act: Act, doing: impl Future<Output = Result<T, E>>) -> Result<T, E>
    where
        E: From<ActError> + std::fmt::Display,
    {
        self.audited_as(act, Box::pin(doing), |_| None).await
    }

    /// The same for an act whose result is known only when it is done: `after` describes the result.
    ///
    /// # Errors
    /// As [`Acts::audited`].
    pub async fn audited_as<T, E>(
        &self,
        act: Act,
        doing: impl Future<Output = Result<T, E>>,
        after: impl FnOnce(&T) -> Option<Json>,
    ) -> Result<T, E>
    where
        E: From<ActError> + std::fmt::Display,
    {
        let (done, recorded) = self.audited_or_told(act, doing, after).await?;
        recorded?;
        Ok(done)
    }

    /// The same, which tells the result even if the outcome could not be recorded: what was made is told now or never.
    pub(crate) async fn audited_or_told<T, E>(
        &self,
        act: Act,
        doing: impl Future<Output = Result<T, E>>,
        after: impl FnOnce(&T) -> Option<Json>,
    ) -> Result<(T, Result<(), ActError>), E>
    where
        E: From<ActError> + std::fmt::Display,
    {
        let row = self.row(act)?;
        self.audit.write(&row).await.map_err(ActError::NotAudited)?;
        match doing.await {
            Ok(done) => {
                let after = after(&done).map(|value| value.to_string()).or_else(|| row.after.clone());
                let row = AuditRow { outcome: Outcome::Done, after, ..row };
                let recorded = self.audit.end(&row).await.map_err(ActError::OutcomeNotAudited);
                if let Err(error) = &recorded {
                    tracing::warn!(%error, act = row.act, subject = row.subject, "the audit row of an act stays `begun`");
                }
                Ok((done, recorded))
            }
            Err(error) => {
                let reason = error.to_string().chars().take(MAX_REASON).collect();
                let row = AuditRow { outcome: Outcome::Failed, reason: Some(reason), ..row };
                if let Err(unwritten) = self.audit.end(&row).await {
                    tracing::warn!(error = %unwritten, "the audit row of a failed act stays `begun`");
                }
                Err(error)
            }
        }
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn row(&self, act: Act) -> Result<AuditRow, ActError> {
        let random = u64::from_be_bytes(self.entropy.bytes()?);
        let (day, at) = AuditRow::key(self.clock.now_millis(), random);
        Ok(AuditRow {
            day,
            at,
            who: self.who.clone(),
            act: act.act.to_owned(),
            subject: act.subject,
            before: act.before.map(|value| value.to_string()),
            after: act.after.map(|value| value.to_string()),
            outcome: Outcome::Begun,
            reason: None,
            ttl: None,
        })
    }
}

/// Where an act stands among all: days and times of one length, so that the later one is the greater text.
pub fn place(row: &AuditRow) -> String {
    format!("{}T{}", row.day, row.at)
}

/// Acts, and where to go on.
pub struct Found {
    /// Those that are wanted, the latest first.
    pub rows: Vec<AuditRow>,
    /// The [`place`] after which to go on, if not all of the time was looked at.
    pub next: Option<String>,
}

/// The acts between two times in milliseconds since 1970 that are wanted, the latest first, at most `most`, and after the place of
/// another one if it is given. It looks at [`MOST_LOOKED_AT`] acts at most.
///
/// # Errors
/// The table did not answer.
pub async fn acts_of(
    audit: &Audit,
    (from, to): (i64, i64),
    (after, most): (Option<&str>, usize),
    wanted: impl Fn(&AuditRow) -> bool,
) -> Result<Found, StoreError> {
    let ((first_day, first_time), (last_day, last_time)) = (day_and_time(from), day_and_time(to));
    let (mut rows, mut looked_at) = (Vec::new(), 0_usize);
    let days = to.div_euclid(DAY_MILLIS).saturating_sub(from.div_euclid(DAY_MILLIS));
    for back in 0..=days {
        let (day, _) = day_and_time(to.saturating_sub(back.saturating_mul(DAY_MILLIS)));
        let mut high = if day == last_day { format!("{last_time}~") } else { "~".to_owned() };
        let low = if day == first_day { first_time.as_str() } else { "0" };
        match after.and_then(|after| after.split_once('T')) {
            Some((after_day, _)) if *day > *after_day => continue,
            Some((after_day, at)) if day == after_day => high = high.min(at.to_owned()),
            Some(_) | None => {}
        }
        let mut seen = None;
        loop {
            let page = audit.of_day(&day, (low, &high), PIECE).await?;
            looked_at = looked_at.saturating_add(page.items.len());
            let last = page.items.last().map(|row| (place(row), row.at.clone()));
            for row in page.items {
                let at = place(&row);
                let is_new = after.is_none_or(|after| *at < *after) && seen.as_ref() != Some(&at);
                if is_new && wanted(&row) {
                    rows.push(row);
                    if rows.len() == most {
                        return Ok(Found { rows, next: Some(at) });
                    }
                }
            }
            let Some((place, at)) = last.filter(|_| page.more) else { break };
            if looked_at >= MOST_LOOKED_AT {
                return Ok(Found { rows, next: Some(place) });
            }
            // It is read again, as the first of the next piece.
            (high, seen) = (at, Some(place));
        }
    }
    Ok(Found { rows, next: None })
}

/// An act as it is shown.
pub fn shown_row(row: &AuditRow) -> Json {
    let value = |text: &Option<String>| text.as_deref().and_then(|text| serde_json::from_str::<Json>(text).ok());
    let time = row.at.split_once('#').map_or(row.at.as_str(), |(time, _)| time);
    json!({
        "at": format!("{}T{time}", row.day),
        "who": row.who,
        "act": row.act,
        "subject": row.subject,
        "outcome": row.outcome,
        "reason": row.reason,
        "before": value(&row.before),
        "after": value(&row.after),
    })
}
