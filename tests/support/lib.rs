//! What tests share: a real DynamoDB, a proxy to it, the whole gateway in one call, and a client for it.

mod browser;
mod client;
mod clock;
mod daemon;
mod dying;
mod dynamodb;
mod gateway;
mod hostile;
mod old_issuer;
mod passkeys;
mod phone;
mod proofs;
mod raw;
mod secrecy;
mod servers;
mod service;
mod visitor;
mod wire;

pub use browser::browse;
pub use client::{ADA, BOB, Client, DEMO_APP, PARTNER_APP, Response, Tokens, UNTRUSTED_APP, User};
pub use clock::WrongClock;
pub use daemon::Daemon;
pub use dying::{Last, dying, faulty};
pub use dynamodb::{DynamoDb, background, dynamodb, dynamodb_client};
pub use gateway::{Gateway, HttpGateway, binaries, configure};
pub use hostile::{Act, Asked, Hostile};
pub use old_issuer::{Manner, OldIssuer};
pub use passkeys::Authenticator;
pub use phone::{CATALOGUE, DEVICES, Phone, without_devices};
pub use proofs::{ClientKey, Unsigned};
pub use raw::{RawResponse, send};
pub use secrecy::Secrets;
pub use servers::{Server, signal};
pub use service::{SERVICE, with_service};
pub use visitor::{CHALLENGE, REDIRECT_URI, VERIFIER, Visitor, parameter};
pub use wire::{Operation, Verdict, Wire};
