//! Lets a function die between two of its writes.

use std::cmp::Ordering;

use crate::{Operation, Verdict};

/// How the last write before the end goes.
#[derive(Debug, Clone, Copy)]
pub enum Last {
    /// It happens and is answered.
    Answered,
    /// It happens, and nobody learns of it.
    Unanswered,
}

/// Lets `most` writes happen; after the last of them nothing passes any more.
pub fn dying(most: usize, last: Last) -> impl FnMut(&Operation) -> Verdict + Send + 'static {
    let mut writes = 0;
    move |operation| {
        if operation.writes() {
            writes += 1;
        }
        match (writes.cmp(&most), last) {
            (Ordering::Less, _) | (Ordering::Equal, Last::Answered) => Verdict::Forward,
            (Ordering::Equal, Last::Unanswered) if operation.writes() => Verdict::LoseResponse,
            (Ordering::Equal, Last::Unanswered) | (Ordering::Greater, _) => Verdict::Fail,
        }
    }
}
