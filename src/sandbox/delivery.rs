//! How an answer reaches the client: at once and whole, or late, in part, or
//! not at all.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};

use super::answers::Response;

/// What becomes of an answer on its way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Delivery {
    /// How long the instance thinks before it answers.
    pub delay: Duration,
    pub reach: Reach,
}

/// How much of an answer arrives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reach {
    #[default]
    Whole,
    /// The connection is closed in the middle of the body.
    Half,
    /// The connection is closed instead.
    Nothing,
}

/// The answer as it is to be sent. An error closes the connection without one.
pub async fn deliver(answer: Response) -> io::Result<http::Response<Payload>> {
    let Delivery { delay, reach } = answer.delivery;
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    if reach == Reach::Nothing {
        return Err(io::ErrorKind::ConnectionAborted.into());
    }
    let mut response = http::Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    let payload = Payload::new(answer.body, reach == Reach::Half);
    Ok(response.body(payload).expect("our own headers are valid"))
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

impl Payload {
    fn new(body: String, is_cut: bool) -> Self {
        let mut bytes = Bytes::from(body);
        let length = bytes.len() as u64;
        if is_cut {
            bytes.truncate(bytes.len() / 2);
        }
        let end = if is_cut { End::Pause } else { End::Good };
        Self { length, bytes: Some(bytes).filter(|bytes| !bytes.is_empty()), end }
    }
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
