//! What of a response's body is still to come, within the bounds of its API and of the invocation.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use gateway_config::Api;
use gateway_connectors::MAX_START;
use gateway_connectors::back_end::{BackEndError, ResponseBody};
use gateway_domain::ids::ApiName;
use gateway_runtime::function::{Chunks, Cut};
use gateway_telemetry::Metric;
use tokio::time::{Instant, timeout_at};

/// How long the start of a body is waited for, to find out whether the session is over. A back end that is slower is passed
/// on as it comes: its login page would be there.
const START_WITHIN: Duration = Duration::from_secs(1);

/// Why a body has no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Incomplete {
    /// The back end sent nothing for longer than its API allows.
    Idle,
    /// The time of the invocation is over.
    Deadline,
    /// It is larger than its API allows.
    TooLarge,
    /// The connection ended, or what came was no HTTP.
    Broken,
}

impl Incomplete {
    /// The reason for the log and for Lambda, from a closed set.
    const fn reason(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Deadline => "deadline",
            Self::TooLarge => "too_large",
            Self::Broken => "broken",
        }
    }
}

impl From<Incomplete> for BackEndError {
    fn from(incomplete: Incomplete) -> Self {
        match incomplete {
            Incomplete::Idle | Incomplete::Deadline => Self::TimedOut,
            Incomplete::TooLarge => Self::TooLarge,
            Incomplete::Broken => Self::Broken,
        }
    }
}

/// The part of a body that has not been received yet.
#[derive(Debug)]
pub(crate) struct Rest {
    body: ResponseBody,
    /// How many bytes more it may have.
    room: u64,
    idle: Duration,
    deadline: Instant,
}

impl Rest {
    /// A body of this API, of which nothing has been received. One that says that it has more than `most` bytes is refused.
    pub(crate) fn new(body: ResponseBody, api: &Api, most: u64, deadline: Instant) -> Result<Self, BackEndError> {
        if body.declared().is_some_and(|length| length > most) {
            return Err(BackEndError::TooLarge);
        }
        Ok(Self { body, room: most, idle: Duration::from_secs(api.idle_timeout.as_u64()), deadline })
    }

    /// Whether it is certain that nothing is still to come.
    pub(crate) fn is_over(&self) -> bool {
        self.body.is_over()
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Incomplete> {
        let idle = Instant::now().checked_add(self.idle).filter(|idle| *idle < self.deadline);
        let piece = timeout_at(idle.unwrap_or(self.deadline), self.body.next()).await;
        let late = if idle.is_some() { Incomplete::Idle } else { Incomplete::Deadline };
        let Some(piece) = piece.map_err(|_| late)?.map_err(|_| Incomplete::Broken)? else { return Ok(None) };
        let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        self.room = self.room.checked_sub(length).ok_or(Incomplete::TooLarge)?;
        Ok(Some(piece))
    }

    /// As much of its start as tells whether a session is over, if it comes soon.
    pub(crate) async fn start(&mut self) -> Result<Bytes, Incomplete> {
        let until = Instant::now() + START_WITHIN;
        let mut start = BytesMut::new();
        while start.len() < MAX_START
            && let Ok(piece) = timeout_at(until, self.next()).await
        {
            let Some(piece) = piece? else { break };
            start.extend_from_slice(&piece);
        }
        Ok(start.freeze())
    }

    /// All of it, behind this start.
    pub(crate) async fn into_whole(mut self, start: Bytes) -> Result<Bytes, Incomplete> {
        let mut whole = BytesMut::from(start);
        while let Some(piece) = self.next().await? {
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }
}

/// A body in pieces, as they come: this start, and the rest if there is one. If it has no end, the log and the metric say so,
/// with the API and nothing of the body.
pub(crate) fn pieces(start: Bytes, rest: Option<(Rest, ApiName)>) -> Chunks {
    Box::pin(stream::unfold((start, rest), async |(start, rest)| {
        if !start.is_empty() {
            return Some((Ok(start), (Bytes::new(), rest)));
        }
        let (mut rest, api) = rest?;
        match rest.next().await {
            Ok(piece) => Some((Ok(piece?), (start, Some((rest, api))))),
            Err(incomplete) => {
                let reason = incomplete.reason();
                tracing::error!(kind = "back_end_cut", %api, reason, "a response was cut");
                gateway_telemetry::count(Metric::BackEndCut { api: api.as_str() });
                Some((Err(Cut(reason)), (start, None)))
            }
        }
    }))
}
