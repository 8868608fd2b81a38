//! How often applications have called: what is found of it.

use crate::error::Failure;
use crate::{Asked, Portal};
use gateway_administration::{Time, WrongTime};
use gateway_domain::ids::ClientId;
use gateway_domain::usage::{Bucket, Calls};
use gateway_store::{DayOfUsage, StoreError, Used};
use std::collections::BTreeMap;

/// How many rows of a day are read at once.
const MOST_OF_DAY: usize = 1_000;

/// All calls of some rows.
pub(crate) fn sum(rows: &[Used]) -> Calls {
    let mut sum = Calls::default();
    for row in rows {
        sum.add(row.calls);
    }
    sum
}

/// The calls of some rows by something of them.
pub(crate) fn by<K: Ord>(rows: &[Used], of: impl Fn(&Used) -> K) -> BTreeMap<K, Calls> {
    let mut sums = BTreeMap::<K, Calls>::new();
    for row in rows {
        sums.entry(of(row)).or_default().add(row.calls);
    }
    sums
}

fn malformed((field, text): WrongTime) -> Failure {
    Failure::malformed(field, text)
}

/// The time that parameters ask about.
pub(crate) fn time_of(
    asked: &Asked<'_>,
    by: Option<&str>,
    from: Option<&str>,
    to: Option<&str>,
) -> Result<Time, Failure> {
    Time::of(asked.now, by, from, to).map_err(malformed)
}

/// The day that a parameter asks about.
pub(crate) fn day_of(asked: &Asked<'_>, day: Option<&str>) -> Result<Bucket, Failure> {
    Time::day(asked.now, day).map_err(malformed)
}

impl Portal {
    /// The calls of an application.
    pub(crate) async fn used(&self, app: &ClientId, time: Time) -> Result<Vec<Used>, Failure> {
        let page = self.usage.of_app(app, (time.from, time.to), Time::ROWS).await?;
        if page.more { Err(malformed(Time::too_much())) } else { Ok(page.items) }
    }

    /// The calls of a day by application.
    pub(crate) async fn used_on(&self, day: Bucket, after: Option<&ClientId>) -> Result<DayOfUsage, StoreError> {
        self.usage.of_day(day, after, MOST_OF_DAY).await
    }
}
