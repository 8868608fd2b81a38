//! Journeys through the whole gateway: the real binaries behind the local API Gateway, one file per topic.

mod back_end_tls;
mod canned;
mod claims;
mod events;
mod faults;
mod forge;
mod framing;
mod http_api;
mod identity;
mod limits;
mod metadata;
mod metrics;
mod readme;
mod rotation;
mod routes;
mod secrets;
mod sessions;
mod smoke;
mod switch;
mod tokens;
mod vault;
mod wire;
