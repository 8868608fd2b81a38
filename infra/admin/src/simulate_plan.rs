//! `simulate-plan`: what a plan does to traffic, by the code that the authorizer counts with, beside an exact log of every call.

mod plot;

use crate::cli::{Arguments, Format, SimulatePlan, TrafficShape};
use crate::config_check::load;
use crate::date_time;
use crate::error::Error;
use crate::output::{Printer, note};
use gateway_domain::ids::ApiName;
use gateway_domain::rate_limit::simulation::{Attempt, Outcomes, Rules, Shape, Traffic};
use gateway_domain::time::Timestamp;
use indicatif::ProgressBar;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

/// The most calls of a simulation.
const MOST: u64 = 1_000_000;
/// The rows of the table.
const ROWS: usize = 12;
/// When it begins, if nobody says.
const FROM: Timestamp = Timestamp::from_secs(1_767_225_600);

/// What happened in one span of time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Span {
    tried: u64,
    admitted: u64,
    exact: u64,
    refused_by: BTreeMap<String, u64>,
}

pub(crate) fn run(arguments: &Arguments, wanted: &SimulatePlan) -> Result<(), Error> {
    let (gateway, path) = load(arguments, None)?;
    let Some(plan) = gateway.plan(&wanted.plan) else {
        let known = gateway.plans().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(Error::Invalid(format!("there is no plan {} in {}: it has {known}", wanted.plan, path.display())));
    };
    let first = || gateway.apis().map(|(name, _)| name.clone()).next();
    let api = match &wanted.api {
        Some(api) if gateway.api(api).is_none() => {
            let known = gateway.apis().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(Error::Invalid(format!("there is no API {api} in {}: it has {known}", path.display())));
        }
        Some(api) => Some(api.clone()),
        None => first(),
    };
    let apis: Vec<ApiName> = api.into_iter().collect();
    let seconds = wanted.length.0.as_u64();
    let calls = wanted.rate.per_1000_s.saturating_mul(seconds) / 1_000;
    if calls > MOST || calls == 0 {
        let reason = format!("{calls} calls would be tried: write a --rate and a --for that make 1 to {MOST}");
        return Err(Error::Invalid(reason));
    }
    let rules = Rules { plan, subscription: None, apis: &apis, zone: gateway.time_zone() };
    let from_ms = wanted.from.unwrap_or(FROM).as_secs().saturating_mul(1_000);
    let length_ms = i64::try_from(seconds.saturating_mul(1_000)).unwrap_or(i64::MAX);
    let traffic = Traffic {
        shape: match wanted.shape {
            TrafficShape::Steady => Shape::Steady,
            TrafficShape::Random => Shape::Random,
            TrafficShape::Bursts => Shape::Bursts(wanted.burst),
            TrafficShape::Day => Shape::Day,
        },
        per_1000_s: wanted.rate.per_1000_s,
        length_ms,
        users: usize::try_from(wanted.users).unwrap_or(1),
        containers: usize::try_from(wanted.containers).unwrap_or(1),
        weight: wanted.weight,
    };
    let attempts = traffic.attempts(from_ms);
    let bar = ProgressBar::new(u64::try_from(attempts.len()).unwrap_or(0));
    let outcomes = rules.run(&attempts, |_, at_ms| {
        bar.inc(1);
        at_ms.into()
    });
    let exact = rules.exact(&attempts);
    bar.finish_and_clear();
    let spans = |count| spans(&attempts, &outcomes, &exact, (from_ms, length_ms), count);
    report(arguments, (from_ms, length_ms), &spans(ROWS), &outcomes);
    if let Some(file) = &wanted.plot {
        let title = format!("{}: {} calls by {} users", wanted.plan, attempts.len(), wanted.users);
        plot::write(file, &title, length_ms, &spans(120))?;
        note(&format!("the plot is in {}", file.display()));
    }
    Ok(())
}

fn spans(
    attempts: &[Attempt],
    outcomes: &Outcomes,
    exact: &[bool],
    (from_ms, length_ms): (i64, i64),
    count: usize,
) -> Vec<Span> {
    let mut spans = vec![Span::default(); count];
    let ours = outcomes.refused_by.iter().zip(exact);
    for (attempt, (refused, exact)) in attempts.iter().zip(ours) {
        let place =
            i128::from(attempt.at_ms.saturating_sub(from_ms)).saturating_mul(i128::try_from(count).unwrap_or(1));
        let place = usize::try_from(place.checked_div(length_ms.into()).unwrap_or(0)).unwrap_or(0);
        let Some(span) = spans.get_mut(place.min(count.saturating_sub(1))) else { continue };
        span.tried = span.tried.saturating_add(1);
        span.exact = span.exact.saturating_add((*exact).into());
        match refused {
            None => span.admitted = span.admitted.saturating_add(1),
            Some(limits) => {
                for limit in limits {
                    let sum = span.refused_by.entry(limit.clone()).or_default();
                    *sum = sum.saturating_add(1);
                }
            }
        }
    }
    spans
}

fn report(arguments: &Arguments, (from_ms, length_ms): (i64, i64), spans: &[Span], outcomes: &Outcomes) {
    let printer = Printer { json: arguments.output == Format::Json };
    let most = spans.iter().map(|span| span.tried).max().unwrap_or(0).max(1);
    let step = length_ms / i64::try_from(ROWS).unwrap_or(1);
    let row = |(at, span): (usize, &Span)| {
        let since_ms = step.saturating_mul(i64::try_from(at).unwrap_or(0));
        let from = Timestamp::from_secs(from_ms.saturating_add(since_ms).div_euclid(1_000));
        let refused: Vec<_> = span.refused_by.iter().map(|(limit, calls)| format!("{calls} by {limit}")).collect();
        let (full, empty) = (bar(span.admitted, most), bar(span.tried.saturating_sub(span.admitted), most));
        json!({
            "from": date_time::text(from), "tried": span.tried, "admitted": span.admitted, "exact_log": span.exact,
            "refused": refused, "bar": format!("{}{}", "█".repeat(full), "░".repeat(empty)),
        })
    };
    let rows: Vec<Json> = spans.iter().enumerate().map(row).collect();
    let columns = [
        ("FROM", "/from"),
        ("TRIED", "/tried"),
        ("ADMITTED", "/admitted"),
        ("EXACT LOG", "/exact_log"),
        ("REFUSED", "/refused"),
        ("", "/bar"),
    ];
    printer.list(&columns, &rows, None);
    let sum = |count: fn(&Span) -> u64| spans.iter().map(count).sum::<u64>();
    let (tried, admitted, exact) = (sum(|span| span.tried), sum(|span| span.admitted), sum(|span| span.exact));
    note(&format!(
        "{admitted} of {tried} calls were admitted, {} % of the {exact} that an exact log admits. Of each call, {} writes went to its \
         user's counters and {} to those that all users share.",
        percent(admitted, exact),
        ratio(outcomes.user_writes, tried),
        ratio(outcomes.app_writes, tried),
    ));
}

fn bar(calls: u64, most: u64) -> usize {
    usize::try_from(calls.saturating_mul(30) / most).unwrap_or(0)
}

fn percent(part: u64, whole: u64) -> String {
    let tenths = part.saturating_mul(1_000).checked_div(whole).unwrap_or(1_000);
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn ratio(part: u64, whole: u64) -> String {
    let hundredths = part.saturating_mul(100).checked_div(whole).unwrap_or(0);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}
