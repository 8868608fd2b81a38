//! docs/devices.md: its commands, run as a reader would run them.

use gateway_local::binaries::WORKSPACE;
use support::Gateway;

use crate::readme::{journeys, member, run};

#[tokio::test]
async fn every_command_of_the_page_works_as_it_says() {
    let page = std::fs::read_to_string(format!("{WORKSPACE}/docs/devices.md")).expect("docs/devices.md");
    let gateway = Gateway::start().await;
    let printed = run(&gateway, &journeys(&page)).await;
    assert_eq!(printed.len(), 6, "a new journey needs a check here: {:?}", printed.keys());
    assert!(member(&printed["key"], "x").len() == 43 && printed["challenge"].trim().len() > 40, "{printed:?}");
    let device = member(&printed["register"], "device_id");
    assert!(device.starts_with("device:") && member(&printed["register"], "device_name") == "Kitchen", "{printed:?}");
    assert_eq!(member(&printed["token"], "scope"), "orders:read");
    assert!(printed["call"].contains("tea"), "{}", printed["call"]);
    assert!(member(&printed["link"], "refresh_token").starts_with("mgr_"), "{}", printed["link"]);
    let arrived = gateway.stack.legacy().recorded();
    let called = arrived.iter().find(|request| request.target == "/catalogue").expect("a call");
    assert_eq!(called.header("x-authenticated-userid"), std::slice::from_ref(&device));
    let devices = gateway.store().devices;
    let id = gateway_domain::ids::UserId::parse(&device).expect("an id");
    assert!(devices.get(&id).await.expect("a read").expect("a device").user_id.is_some());
}
