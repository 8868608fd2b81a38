//! `simulate-plan`: what a plan does to traffic, without any gateway.

use crate::operator::{Printed, run};

const FILE: &str = "
plans:
  standard:
    calls: 60
    window: 1m
    limits:
      burst: { calls: 10, window: 1s }
      everybody: { calls: 240, window: 1m, per: app }
      reports: { calls: 6, window: 1m, api: reports }
apis:
  orders:
    back_end: https://orders.example.com
    routes: [{ path: /orders, methods: { GET: [orders:read] } }]
  reports:
    back_end: https://reports.example.com
    routes: [{ path: /reports, methods: { GET: [orders:read] } }]
";

async fn simulate(arguments: &[&str]) -> Printed {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("gateway.yaml");
    std::fs::write(&file, FILE).unwrap();
    let named = ["--config", file.to_str().expect("UTF-8"), "simulate-plan"];
    run(&[&named, arguments].concat(), "", |command| command.env("PATH", "/nowhere")).await
}

#[tokio::test]
async fn the_table_says_what_was_tried_admitted_and_refused_by_what() {
    let all = ["standard", "--rate", "8/s", "--users", "8", "--for", "6m", "--shape", "steady", "-o", "json"];
    let printed = simulate(&all).await;
    let spans = printed.json()["items"].as_array().unwrap().clone();
    assert_eq!(spans.len(), 12);
    let sum = |name: &str| spans.iter().map(|span| span[name].as_u64().unwrap()).sum::<u64>();
    assert_eq!(sum("tried"), 8 * 360);
    // All users share 240 a minute.
    assert!(sum("exact_log") <= 6 * 240 && sum("admitted") <= sum("exact_log"), "{spans:?}");
    assert!(sum("admitted") * 100 >= sum("exact_log") * 92, "{spans:?}");
    let last = spans[11]["refused"][0].as_str().unwrap();
    assert!(last.ends_with(" by everybody"), "{last}");

    let bursts = ["standard", "--rate", "1/s", "--for", "2m", "--shape", "bursts", "--burst", "20", "-o", "json"];
    let refused = simulate(&bursts).await.json()["items"][0]["refused"].to_string();
    assert!(refused.contains("10 by burst"), "{refused}");
    let one_api = simulate(&["standard", "--rate", "1/s", "--for", "1m", "--api", "reports"]).await;
    assert!(one_api.text().contains("by reports") && one_api.text().contains('█'), "{one_api:?}");
}

#[tokio::test]
async fn the_plot_is_written_where_it_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("plan.svg");
    simulate(&["standard", "--rate", "2/s", "--plot", file.to_str().unwrap()]).await.text();
    let plot = std::fs::read_to_string(&file).unwrap();
    assert!(plot.starts_with("<svg") && plot.contains("standard: ") && plot.contains("an exact log"), "{plot}");
    let nowhere = simulate(&["standard", "--plot", "/nowhere/plan.svg"]).await;
    assert!(nowhere.problem().contains("/nowhere/plan.svg cannot be written"), "{nowhere:?}");
}

#[tokio::test]
async fn what_cannot_be_simulated_is_told() {
    for (arguments, says) in [
        (&["golden"][..], "there is no plan golden"),
        (&["standard", "--api", "stock"], "there is no API stock"),
        (&["standard", "--rate", "1000/s", "--for", "1d"], "write a --rate and a --for that make 1 to 1000000"),
        (&["standard", "--rate", "1/h", "--for", "1s"], "0 calls would be tried"),
        (&["standard", "--rate", "fast"], "is not a rate: write calls per s, m or h"),
        (&["standard", "--from", "today"], "write it as 2026-03-01T09:30:00Z"),
    ] {
        let printed = simulate(arguments).await;
        assert!(!printed.good && printed.err.contains(says), "{arguments:?}: {printed:?}");
    }
}
