//! What an invocation returns: a value, or a stream of pieces.

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;

use crate::limits;
use crate::process::InvokeError;
use crate::runtime_api::FunctionError;

/// What a function returned.
#[derive(Debug)]
pub(crate) enum Output {
    /// All of it.
    Whole(Bytes),
    /// What it streams. Without [`Piece::End`] it is not complete.
    Stream(mpsc::Receiver<Piece>),
}

/// A part of what a function streams.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Some bytes.
    Data(Bytes),
    /// The function reported that it cannot complete what it began.
    Failed(FunctionError),
    /// It is complete.
    End,
}

impl Output {
    /// Everything, as `Invoke` returns it: of what is streamed, the same bytes.
    pub(crate) async fn whole(self) -> Result<Bytes, InvokeError> {
        let mut pieces = match self {
            Self::Whole(bytes) => return Ok(bytes),
            Self::Stream(pieces) => pieces,
        };
        let mut whole = BytesMut::new();
        let failed = |kind: &str, message: &str| {
            InvokeError::Reported(FunctionError { kind: kind.to_owned(), message: message.to_owned() })
        };
        loop {
            match pieces.recv().await {
                Some(Piece::Data(data)) if whole.len() + data.len() > limits::PAYLOAD => {
                    return Err(failed("Function.ResponseSizeTooLarge", "the response is larger than 6 MiB"));
                }
                Some(Piece::Data(data)) => whole.extend_from_slice(&data),
                Some(Piece::Failed(error)) => return Err(InvokeError::Reported(error)),
                Some(Piece::End) => return Ok(whole.freeze()),
                None => return Err(failed("Runtime.StreamError", "the response has no end")),
            }
        }
    }
}
