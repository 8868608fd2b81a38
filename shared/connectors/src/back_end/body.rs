//! The body of a response, received piece by piece.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

use super::BackEndError;

/// The body of a response of which the head has been received. Whoever drops it before its end closes the connection, unless the
/// end has been received already.
#[derive(Debug)]
pub struct ResponseBody(Incoming);

impl ResponseBody {
    pub(super) fn new(incoming: Incoming) -> Self {
        Self(incoming)
    }

    /// How many bytes are still to come, if the back end has declared the length. It never sends more than that, and fewer
    /// are [`BackEndError::Broken`].
    pub fn declared(&self) -> Option<u64> {
        self.0.size_hint().exact()
    }

    /// Whether it is certain that nothing is still to come.
    pub fn is_over(&self) -> bool {
        self.0.is_end_stream()
    }

    /// The next bytes as they come, or `None` at the end. Trailer fields are dropped.
    pub async fn next(&mut self) -> Result<Option<Bytes>, BackEndError> {
        while let Some(frame) = self.0.frame().await {
            if let Ok(data) = frame.map_err(|_| BackEndError::Broken)?.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// All of it, if it has at most this many bytes.
    pub async fn to_end(mut self, max: usize) -> Result<Bytes, BackEndError> {
        // One buffer: a list of pieces of one byte each would take forty times as much.
        let mut whole = BytesMut::new();
        while let Some(piece) = self.next().await? {
            if piece.len() > max.saturating_sub(whole.len()) {
                return Err(BackEndError::TooLarge);
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }
}
