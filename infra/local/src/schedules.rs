//! Runs the schedules of the template as `EventBridge` does: each invokes its function asynchronously, once in every period
//! and for the first time after one.

use std::time::Duration;

use bytes::Bytes;
use gateway_domain::clock::Clock as _;
use gateway_domain::time::Timestamp;
use gateway_runtime::SystemClock;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::{Instant, MissedTickBehavior};

use crate::arn;
use crate::random;
use crate::template::{ACCOUNT, REGION, Schedule};

/// Calls `invoke` with the function and the event each time that a schedule is due, until dropped. `period` replaces that
/// of every schedule.
pub(crate) async fn run(
    schedules: Vec<Schedule>,
    period: Option<Duration>,
    invoke: impl Fn(&str, Bytes) + Clone + Send + 'static,
) {
    let mut running = tokio::task::JoinSet::new();
    for schedule in schedules {
        let (period, invoke) = (period.unwrap_or(schedule.period), invoke.clone());
        running.spawn(async move {
            let mut ticks = tokio::time::interval_at(Instant::now() + period, period);
            // After a pause of the machine there is one invocation, not one for each period that was missed.
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                invoke(&schedule.function, event(&schedule, SystemClock.now()));
            }
        });
    }
    while running.join_next().await.is_some() {}
}

/// What the function receives: the input of the schedule, or else the event of a rule.
///
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html>
fn event(schedule: &Schedule, now: Timestamp) -> Bytes {
    if let Some(input) = &schedule.input {
        return Bytes::from(input.clone());
    }
    let time = OffsetDateTime::from_unix_timestamp(now.as_secs()).ok().and_then(|time| time.format(&Rfc3339).ok());
    let event = json!({
        "version": "0",
        "id": random::request_id(),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": time,
        "region": REGION,
        "resources": [arn::rule(&format!("{}{}", schedule.function, schedule.name))],
        "detail": {},
    });
    Bytes::from(event.to_string())
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    fn schedule(name: &str, minutes: u64, input: Option<&str>) -> Schedule {
        let period = Duration::from_secs(minutes * 60);
        Schedule { name: name.to_owned(), function: "F".to_owned(), period, input: input.map(str::to_owned) }
    }

    #[test]
    fn a_function_receives_the_event_of_a_rule_or_the_input_of_its_schedule() {
        let event = |input| event(&schedule("Sweep", 1, input), Timestamp::from_secs(1_767_225_600));
        let rule: serde_json::Value = serde_json::from_slice(&event(None)).unwrap();
        assert_eq!((&rule["source"], &rule["time"]), (&json!("aws.events"), &json!("2026-01-01T00:00:00Z")));
        assert_eq!(rule["resources"][0], "arn:aws:events:us-east-1:000000000000:rule/FSweep");
        assert_eq!(event(Some("{\"sweep\":true}")), "{\"sweep\":true}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_schedule_invokes_after_its_first_period_and_after_each_further_one() {
        let (sender, mut invoked) = mpsc::unbounded_channel();
        let begun = Instant::now();
        let invoke = move |_: &str, event: Bytes| sender.send((event, begun.elapsed().as_secs())).unwrap();
        let schedules = vec![schedule("A", 2, Some("a")), schedule("B", 5, Some("b"))];
        tokio::spawn(run(schedules, None, invoke));
        for (event, seconds) in [("a", 120), ("a", 240), ("b", 300), ("a", 360)] {
            assert_eq!(invoked.recv().await.unwrap(), (Bytes::from(event), seconds));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_test_can_shorten_every_period() {
        let (sender, mut invoked) = mpsc::unbounded_channel();
        let begun = Instant::now();
        let invoke = move |function: &str, _| sender.send((function.to_owned(), begun.elapsed().as_secs())).unwrap();
        tokio::spawn(run(vec![schedule("A", 60, None)], Some(Duration::from_secs(1)), invoke));
        assert_eq!(invoked.recv().await.unwrap(), ("F".to_owned(), 1));
        assert_eq!(invoked.recv().await.unwrap(), ("F".to_owned(), 2));
    }
}
