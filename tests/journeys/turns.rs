//! Keys that take their turn: which is in use, and how to make the next one current.

use std::time::Duration;

use serde_json::Value as Json;
use support::Gateway;

/// The id of the key that is in use.
pub(crate) fn current(gateway: &Gateway, name: &str) -> String {
    let value: Json = serde_json::from_str(&gateway.stack.secrets().value(name).expect("a value")).expect("JSON");
    value["current"].as_str().or(value["keys"][0]["kid"].as_str()).expect("a key").to_owned()
}

/// Rotates a secret once, as Secrets Manager does: what is refused because it comes too early, or is given up because this
/// machine was slow, is tried again. Says how often it was.
pub(crate) async fn rotate(gateway: &Gateway, name: &str) -> usize {
    let before = current(gateway, name);
    let mut refused = 0;
    while let Err(error) = gateway.stack.rotate(name).await {
        let text = error.to_string();
        let passes = ["rotate again in", "given up", "unavailable", "timeout"].iter().any(|cause| text.contains(cause));
        assert!(passes, "{name}: {text}");
        refused += 1;
        assert!(refused < 600, "{name}: {text}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_ne!(current(gateway, name), before);
    refused
}
