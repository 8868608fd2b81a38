//! The stored form of a user's tickets between two requests.
//!
//! It is a line of JSON with name, keys and times, then the bytes of the tickets. They are not encoded in the JSON, because
//! they can be long and sealing encodes the whole once already.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use gateway_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::failure::Failure;
use super::protocol::{Ticket, negotiate};
use crate::ConnectorError;

/// A user's ticket for the back end, and the ticket-granting ticket if it is the user's own.
pub(super) struct State {
    /// The user's name within the realm.
    pub(super) name: String,
    service: Ticket,
    tgt: Option<Ticket>,
}

/// Everything except the bytes of the tickets.
#[derive(Serialize, Deserialize)]
struct Head {
    name: String,
    /// The ticket for the back end.
    service: Kept,
    /// The ticket-granting ticket, if it is the user's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    tgt: Option<Kept>,
}

/// A ticket's session key and times.
#[derive(Serialize, Deserialize)]
struct Kept {
    etype: i32,
    key: Zeroizing<String>,
    /// How many of the bytes that follow belong to the ticket.
    length: usize,
    ends: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    renew: Option<Timestamp>,
}

impl State {
    /// Writes the state of a user with these tickets.
    pub(super) fn write(
        name: &str,
        service: &Ticket,
        tgt: Option<&Ticket>,
    ) -> Result<Zeroizing<Vec<u8>>, ConnectorError> {
        let head = Head { name: name.to_owned(), service: Kept::of(service), tgt: tgt.map(Kept::of) };
        // The capacity suffices for all of it, so the buffer never moves and leaves no copy of a key in memory.
        let tickets = || [Some(service), tgt].into_iter().flatten();
        let room = tickets().map(|ticket| ticket.sealed.len().saturating_add(512)).sum::<usize>();
        let mut bytes = Zeroizing::new(Vec::with_capacity(name.len().saturating_mul(6).saturating_add(room)));
        serde_json::to_writer(&mut *bytes, &head)
            .map_err(|_| ConnectorError::Misbehaved("the ticket cannot be kept".to_owned()))?;
        bytes.push(b'\n');
        tickets().for_each(|ticket| bytes.extend_from_slice(&ticket.sealed));
        Ok(bytes)
    }

    /// Reads stored bytes.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, ConnectorError> {
        Self::parse(bytes).ok_or_else(unreadable)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let (head, rest) = bytes.split_at_checked(end)?;
        let head: Head = serde_json::from_slice(head).ok()?;
        let (service, rest) = rest.get(1..)?.split_at_checked(head.service.length)?;
        let (tgt, rest) = rest.split_at_checked(head.tgt.as_ref().map_or(0, |tgt| tgt.length))?;
        let tgt = match &head.tgt {
            Some(kept) => Some(kept.with(tgt)?),
            None => None,
        };
        rest.is_empty().then_some(Self { name: head.name, service: head.service.with(service)?, tgt })
    }

    /// A new message that carries the ticket for the back end.
    pub(super) fn negotiate(&self, realm: &str) -> Result<String, ConnectorError> {
        negotiate(realm, &self.name, &self.service).map_err(Failure::of_gateway)
    }

    /// The user's name and the ticket-granting ticket.
    pub(super) fn with_tgt(self) -> Result<(String, Ticket), ConnectorError> {
        Ok((self.name, self.tgt.ok_or_else(unreadable)?))
    }
}

impl Kept {
    fn of(ticket: &Ticket) -> Self {
        Self {
            etype: ticket.etype,
            key: Zeroizing::new(STANDARD_NO_PAD.encode(&*ticket.key)),
            length: ticket.sealed.len(),
            ends: ticket.ends,
            renew: ticket.renew_until,
        }
    }

    fn with(&self, sealed: &[u8]) -> Option<Ticket> {
        Some(Ticket {
            etype: self.etype,
            key: Zeroizing::new(STANDARD_NO_PAD.decode(&*self.key).ok()?),
            sealed: sealed.to_vec(),
            // These two are used only for a ticket that has just been issued.
            forwardable: false,
            starts: Timestamp::from_secs(0),
            ends: self.ends,
            renew_until: self.renew,
        })
    }
}

fn unreadable() -> ConnectorError {
    ConnectorError::Misbehaved("the stored ticket cannot be read".to_owned())
}
