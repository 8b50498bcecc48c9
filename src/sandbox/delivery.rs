//! How an answer reaches the client: at once and whole, or as a scenario has it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};

use super::oauth::TOKEN_PATH;
use super::scenario::Scenario;

const SLOW: Duration = Duration::from_secs(2);

/// What happens to an answer on its way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Delivery {
    pub delay: Duration,
    is_cut: bool,
}

impl Delivery {
    pub fn of(scenario: Option<Scenario>, path: &str) -> Self {
        match scenario {
            Some(Scenario::SlowToken) if path == TOKEN_PATH => Self { delay: SLOW, is_cut: false },
            Some(Scenario::TokenCut) if path == TOKEN_PATH => Self { delay: Duration::ZERO, is_cut: true },
            _ => Self::default(),
        }
    }

    pub fn payload(self, body: String) -> Payload {
        let mut bytes = Bytes::from(body);
        let length = bytes.len() as u64;
        if self.is_cut {
            bytes.truncate(bytes.len() / 2);
        }
        let end = if self.is_cut { End::Pause } else { End::Good };
        Payload { length, bytes: Some(bytes).filter(|bytes| !bytes.is_empty()), end }
    }
}

/// A body that may promise more than it gives.
pub struct Payload {
    length: u64,
    bytes: Option<Bytes>,
    end: End,
}

enum End {
    Good,
    /// Lets the server write out what it has before the connection is cut.
    Pause,
    Cut,
}

impl Body for Payload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(bytes) = self.bytes.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        match self.end {
            End::Good => Poll::Ready(None),
            End::Pause => {
                self.end = End::Cut;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            End::Cut => Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none() && matches!(self.end, End::Good)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}
