//! A gateway whose back end asks for no session, so that everybody the operator creates can log in and call.

use axum::Router;
use support::{DEMO_APP, Gateway};
use tokio::net::TcpListener;

use crate::operator::Operator;

/// The demo with an API `notes` at `/notes` that needs no login at a back end, `demo-app` subscribed to it.
pub(crate) async fn fixture() -> (Gateway, Operator) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let back_end = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async { axum::serve(listener, Router::new().fallback(|| async { "notes" })).await });
    let gateway = Gateway::start_with_config(|demo| with_notes(&demo, &back_end)).await;
    let olga = Operator::of(&gateway);
    for api in ["orders", "echo"] {
        olga.does(&["subscriptions", "remove", DEMO_APP, api]).await.text();
    }
    olga.does(&["subscriptions", "add", DEMO_APP, "notes"]).await.text();
    (gateway, olga)
}

fn with_notes(demo: &str, back_end: &str) -> String {
    let (before, after) = demo.split_once("apis:\n").expect("APIs");
    format!(
        "{before}apis:\n  notes:\n    back_end: {back_end}\n    routes:\n      - path: /notes\n        \
         methods: {{ GET: [orders:read] }}\n\n{after}"
    )
}
