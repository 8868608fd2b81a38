//! The client against the running gateway, with a network in between that fails in every way it can.

#![expect(clippy::expect_used, clippy::panic, reason = "the helpers of tests end like tests")]

mod calls;
mod crashes;
mod logins;
mod network;
mod oauth2_crate;
mod refreshes;
mod sessions;
mod world;
