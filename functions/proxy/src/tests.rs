//! Tests of the whole proxy, between events of both kinds of API and a back end that records every byte.

mod browsers;
mod events;
mod harness;
mod jars;
mod moves;
mod outside;
mod passed;
#[path = "../../../shared/connectors/src/recording_server.rs"]
mod recording_server;
mod refusals;
mod responses;
mod sessions;
mod streaming;
mod wire;
