//! What tests share: a real DynamoDB, the whole gateway in one call, and a client for it.

mod client;
mod dynamodb;
mod gateway;
mod raw;

pub use client::{ADA, Answer, BOB, Client, DEMO_APP, PARTNER_APP, Tokens, UNTRUSTED_APP, User};
pub use dynamodb::{DynamoDb, background, dynamodb};
pub use gateway::{Gateway, binaries};
pub use raw::{RawAnswer, send};
