//! Journeys through the whole gateway: the real binaries behind the local API Gateway, one file per topic.

mod browser;
mod canned;
mod claims;
mod cors;
mod events;
mod faults;
mod forge;
mod framing;
mod http_api;
mod iam;
mod identity;
mod keys;
mod limits;
mod load;
mod metadata;
mod mobile;
mod readme;
mod rotation;
mod routes;
mod secrets;
mod sessions;
mod smoke;
mod switch;
mod tokens;
mod wire;
