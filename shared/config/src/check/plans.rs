//! Plans: each limit can be kept, can be reached, and lets every route be called.

use super::Findings;
use crate::duration;
use crate::file::{DEFAULT, File, PlanEntry};
use gateway_domain::ids::LimitName;
use gateway_domain::rate_limit::{LONGEST_WINDOW, Limit, Per, Period};

/// The most limits of a plan, its own included: the counters of all of them have to fit in one item.
const MOST: usize = 8;
/// The heaviest call.
const HEAVIEST: u32 = 1_000;

pub(super) fn check(file: &File, findings: &mut Findings) {
    if file.plans.is_empty() {
        findings.add("plans".to_owned(), "no plan: write at least one, such as `standard: { calls: 60, window: 1m }`");
    }
    for (name, entry) in &file.plans {
        let plan = format!("plans.{name}");
        let before = findings.len();
        fields(&plan, file, entry, findings);
        if findings.len() == before {
            reach(&plan, entry, findings);
        }
    }
    weights(file, findings);
}

fn fields(plan: &str, file: &File, entry: &PlanEntry, findings: &mut Findings) {
    if entry.sessions.is_some_and(|sessions| !(1..=16).contains(&sessions)) {
        findings.add(format!("{plan}.sessions"), "out of range: write 1 to 16");
    }
    if entry.plan.limits.len() > MOST {
        findings.add(format!("{plan}.limits"), format!("too many: write at most {}", MOST - 1));
    }
    let mut limits = entry.plan.limits.iter();
    if let Some((_, own)) = limits.next() {
        if own.calls == 0 {
            findings.add(format!("{plan}.calls"), "0 is out of range: write 1 or more");
        }
        // It is counted in 12 parts, and each part has at least one second.
        findings.within(format!("{plan}.window"), own.period.length(), 12, LONGEST_WINDOW);
    }
    for (name, limit) in limits {
        let Some(written) = entry.written.get(name) else { continue };
        let field = format!("{plan}.limits.{name}");
        if name.as_str() == DEFAULT {
            findings.add(field, "`default` is the plan's own limit: write another name");
            continue;
        }
        if limit.calls == 0 {
            findings.add(format!("{field}.calls"), "0 is out of range: write 1 or more");
        }
        match (written.window, written.every) {
            (None, None) => {
                findings.add(field.clone(), "no time: write `window`, such as 10s, or `every: day` or `month`");
            }
            (Some(_), Some(_)) => findings.add(field.clone(), "both `window` and `every`: write one of them"),
            (Some(window), None) => findings.within(format!("{field}.window"), window, 1, LONGEST_WINDOW),
            (None, Some(_)) => {}
        }
        if let Some(api) = limit.api.as_ref().filter(|api| !file.apis.contains_key(*api)) {
            findings.add(format!("{field}.api"), format!("there is no API {api}: write one of `apis`"));
        }
    }
}

/// A limit that others never let be reached says something that does not hold.
fn reach(plan: &str, entry: &PlanEntry, findings: &mut Findings) {
    let all = &entry.plan.limits;
    for (at, (name, limit)) in all.iter().enumerate() {
        let twin = all.iter().take(at).find(|(_, other)| counts_the_same(limit, other));
        if let Some((other, _)) = twin {
            let reason = format!("`{other}` counts the same calls in the same time: keep the stricter of the two");
            findings.add(field(plan, name), reason);
            continue;
        }
        let mut others = all.iter().filter(|(_, other)| !counts_the_same(limit, other));
        let stricter =
            others.find(|(_, other)| covers(other, limit) && most_within(other, limit.period) <= limit.calls.into());
        if let Some((other, stricter)) = stricter {
            let most = most_within(stricter, limit.period);
            let reason = format!(
                "never reached, since `{other}` lets no more than {most} calls through in {}: write less than that, or leave it out",
                time(limit.period)
            );
            findings.add(format!("{}.calls", field(plan, name)), reason);
        }
    }
}

/// A route that weighs more than a limit could never be called under it.
fn weights(file: &File, findings: &mut Findings) {
    for (api_name, api) in &file.apis {
        for (index, route) in api.routes.iter().enumerate() {
            let field = format!("apis.{api_name}.routes[{index}].weight");
            if route.weight == 0 || route.weight > HEAVIEST {
                findings.add(field, format!("out of range: write 1 to {HEAVIEST}"));
                continue;
            }
            if route.public && route.weight != 1 {
                findings.add(field, "calls without a token are not counted: leave it out");
                continue;
            }
            let all =
                file.plans.iter().flat_map(|(plan, entry)| entry.plan.limits.iter().map(move |limit| (plan, limit)));
            let concerns = |limit: &Limit| limit.api.as_ref().is_none_or(|of| of == api_name);
            let mut all = all.filter(|_| !route.public);
            if let Some((plan, (name, limit))) =
                all.find(|(_, (_, limit))| concerns(limit) && limit.calls < route.weight && limit.calls > 0)
            {
                let calls = limit.calls;
                findings.add(
                    field,
                    format!(
                        "more than the {calls} of `{name}` in the plan {plan}, under which it could never be called"
                    ),
                );
            }
        }
    }
}

fn field(plan: &str, limit: &LimitName) -> String {
    if limit.as_str() == DEFAULT { plan.to_owned() } else { format!("{plan}.limits.{limit}") }
}

fn counts_the_same(one: &Limit, other: &Limit) -> bool {
    one.per == other.per && one.api == other.api && one.period == other.period
}

/// Whether the first counts every call that the second counts.
fn covers(wide: &Limit, limit: &Limit) -> bool {
    let users = wide.per == Per::App || limit.per == Per::User;
    users && wide.api.as_ref().is_none_or(|of| limit.api.as_ref() == Some(of))
}

/// The most calls that a limit lets through in the time of another.
fn most_within(limit: &Limit, period: Period) -> u64 {
    let (own, other) = (limit.period.length().as_u64().max(1), period.length().as_u64());
    let times = match (limit.period, period) {
        // A window that slides can meet the end of one period and the beginning of the next.
        (Period::Day | Period::Month, Period::Window(_)) => 2,
        (Period::Month, Period::Day | Period::Month) | (Period::Day, Period::Day) => 1,
        (Period::Window(_), _) | (Period::Day, Period::Month) => other.div_ceil(own),
    };
    u64::from(limit.calls).saturating_mul(times)
}

fn time(period: Period) -> String {
    match period {
        Period::Window(length) => duration::written(length),
        Period::Day => "a day".to_owned(),
        Period::Month => "a month".to_owned(),
    }
}
