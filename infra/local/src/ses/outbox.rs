//! The mails that were sent, in memory: for a person at its page, and for tests.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use gateway_domain::clock::Clock as _;
use gateway_runtime::SystemClock;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::page;
use crate::random;

/// Most mails that are kept. The oldest are forgotten.
const MOST: usize = 1_000;

/// One mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SentMail {
    /// The id that SES gave it.
    pub id: String,
    /// When it was sent, in seconds since 1970.
    pub time: i64,
    /// The sender, as its header field has it.
    pub from: String,
    /// The address that it was sent to.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The body as plain text.
    pub text: String,
    /// The body as HTML.
    pub html: String,
    /// Further header fields.
    pub headers: Vec<(String, String)>,
}

/// The mails that were sent, the oldest first. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Outbox {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    mails: Mutex<VecDeque<SentMail>>,
    added: Notify,
}

impl Outbox {
    /// Keeps a mail, and returns it with the id and the time that it got.
    pub(super) fn add(&self, mail: SentMail) -> SentMail {
        let mail = SentMail { id: random::request_id(), time: SystemClock.now().as_secs(), ..mail };
        let mut mails = self.shared.mails.lock().unwrap_or_else(PoisonError::into_inner);
        if mails.len() >= MOST {
            mails.pop_front();
        }
        mails.push_back(mail.clone());
        drop(mails);
        self.shared.added.notify_waiters();
        mail
    }

    /// All mails.
    pub fn mails(&self) -> Vec<SentMail> {
        self.shared.mails.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Waits until at least `count` mails were sent to this address, and returns all that were.
    pub async fn sent_to(&self, address: &str, count: usize) -> Vec<SentMail> {
        loop {
            let added = self.shared.added.notified();
            let mut mails = self.mails();
            mails.retain(|mail| mail.to == address);
            if mails.len() >= count {
                return mails;
            }
            added.await;
        }
    }

    /// Serves the page at `/outbox` on this listener until dropped.
    pub(crate) async fn serve(self, listener: TcpListener) {
        page::serve(listener, self).await;
    }
}
