//! What is kept of a person's tickets, sealed, between two requests.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::protocol::{Ticket, negotiate};
use crate::ConnectorError;

/// A person with a ticket for the back end, as JSON.
#[derive(Serialize, Deserialize)]
pub(super) struct State {
    /// The person's name within the realm.
    pub(super) name: String,
    /// The ticket for the back end.
    service: Kept,
    /// The ticket that gets others, where the person's own is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    tgt: Option<Kept>,
}

/// A ticket and its session key.
#[derive(Serialize, Deserialize)]
struct Kept {
    etype: i32,
    key: Zeroizing<String>,
    ticket: String,
    ends: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    renew: Option<i64>,
}

impl State {
    /// The state of a person with these tickets.
    pub(super) fn write(
        name: &str,
        service: &Ticket,
        tgt: Option<&Ticket>,
    ) -> Result<Zeroizing<Vec<u8>>, ConnectorError> {
        let state = Self { name: name.to_owned(), service: Kept::of(service), tgt: tgt.map(Kept::of) };
        // Room for all of it, so that the buffer never moves and leaves a copy behind.
        let tickets = [Some(&state.service), state.tgt.as_ref()].into_iter().flatten();
        let room = name.len().saturating_mul(6).saturating_add(tickets.map(|kept| kept.ticket.len() + 512).sum());
        let mut bytes = Zeroizing::new(Vec::with_capacity(room));
        serde_json::to_writer(&mut *bytes, &state)
            .map_err(|_| ConnectorError::Misbehaved("the ticket cannot be kept".to_owned()))?;
        Ok(bytes)
    }

    /// Reads what was kept.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, ConnectorError> {
        serde_json::from_slice(bytes).map_err(|_| unreadable())
    }

    /// A new message that shows the ticket for the back end.
    pub(super) fn negotiate(&self, realm: &str) -> Result<String, ConnectorError> {
        negotiate(realm, &self.name, &self.service.ticket()?).map_err(super::failure::Failure::of_gateway)
    }

    /// The ticket that gets others.
    pub(super) fn tgt(&self) -> Result<Ticket, ConnectorError> {
        self.tgt.as_ref().ok_or_else(unreadable)?.ticket()
    }
}

impl Kept {
    fn of(ticket: &Ticket) -> Self {
        Self {
            etype: ticket.etype,
            key: Zeroizing::new(STANDARD_NO_PAD.encode(&*ticket.key)),
            ticket: STANDARD_NO_PAD.encode(&ticket.ticket),
            ends: ticket.ends.as_secs(),
            renew: ticket.renew_until.map(Timestamp::as_secs),
        }
    }

    fn ticket(&self) -> Result<Ticket, ConnectorError> {
        let decode = |text: &str| STANDARD_NO_PAD.decode(text).map_err(|_| unreadable());
        Ok(Ticket {
            etype: self.etype,
            key: Zeroizing::new(decode(&self.key)?),
            ticket: decode(&self.ticket)?,
            forwardable: false,
            starts: Timestamp::from_secs(0),
            ends: Timestamp::from_secs(self.ends),
            renew_until: self.renew.map(Timestamp::from_secs),
        })
    }
}

fn unreadable() -> ConnectorError {
    ConnectorError::Misbehaved("the stored ticket cannot be read".to_owned())
}
