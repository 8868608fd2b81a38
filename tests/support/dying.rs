//! Lets a function die between two of its writes, or meet faults at some of them.

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

/// Of 19 operations, four have a fault if they are writes: throttled, failed, done without a response, cut off. Reads are repeated by whoever
/// reads.
pub fn faulty() -> impl FnMut(&Operation) -> Verdict + Send + 'static {
    let mut count = 0_usize;
    move |operation| {
        count += 1;
        match (count * 7 % 19, operation.writes()) {
            (1, true) => Verdict::Throttle,
            (5, true) => Verdict::Fail,
            (9, true) => Verdict::LoseResponse,
            (14, true) => Verdict::Break,
            _ => Verdict::Forward,
        }
    }
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
