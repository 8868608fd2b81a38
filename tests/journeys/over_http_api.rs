//! Journeys again, each as it is, with an HTTP API in front of the functions.

#![expect(
    clippy::duplicate_mod,
    dead_code,
    reason = "the same files; what others use of them, they use of the first copy"
)]

#[path = "accounts.rs"]
mod accounts;
#[path = "admin_api.rs"]
mod admin_api;
#[path = "challenge.rs"]
mod challenge;
#[path = "cors.rs"]
mod cors;
#[path = "demo_app.rs"]
mod demo_app;
#[path = "devices.rs"]
mod devices;
#[path = "dpop.rs"]
mod dpop;
#[path = "identity.rs"]
mod identity;
#[path = "limits.rs"]
mod limits;
#[path = "logout.rs"]
mod logout;
#[path = "openid.rs"]
mod openid;
#[path = "registration.rs"]
mod registration;
#[path = "sessions.rs"]
mod sessions;
#[path = "smoke.rs"]
mod smoke;
#[path = "step_up.rs"]
mod step_up;

use support::HttpGateway as Gateway;
