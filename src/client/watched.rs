//! A body that is watched on its way, and judged once it is through.

use http::HeaderMap;
use hyper::body::Bytes;
use serde_json::Value;

use super::response::Response;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::json_array::{ArrayReader, Broken};
use crate::base::shown::shown;
use crate::http::client::{self, MAX_BODY_BYTES};
use crate::http::failure::NetworkError;
use crate::service::servicenow::classify::Body;
use crate::service::servicenow::table::RESULT;
use crate::service::servicenow::verdict;

/// What is kept of the end of a body that is too large to keep.
const END_BYTES: usize = 16 * 1024;

/// An answer, and what is needed to judge it at its end.
pub struct Watched {
    response: Response,
    /// The body, or its beginning.
    beginning: Vec<u8>,
    end: Vec<u8>,
    length: usize,
    skimmed: ArrayReader,
    is_malformed: bool,
    broken: Option<NetworkError>,
}

impl Watched {
    pub fn new(response: Response) -> Self {
        Self {
            response,
            beginning: Vec::new(),
            end: Vec::new(),
            length: 0,
            skimmed: ArrayReader::skimming(RESULT),
            is_malformed: false,
            broken: None,
        }
    }

    pub fn status(&self) -> u16 {
        self.response.status()
    }

    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// The next piece; `None` at the end, and where the body breaks off.
    pub async fn piece(&mut self) -> Option<Bytes> {
        match self.response.piece().await {
            Ok(piece) => {
                piece.iter().for_each(|piece| self.watch(piece));
                piece
            }
            Err(broken) => {
                self.broken = Some(broken);
                None
            }
        }
    }

    fn watch(&mut self, piece: &[u8]) {
        self.length += piece.len();
        let room = MAX_BODY_BYTES - self.beginning.len();
        self.beginning.extend_from_slice(&piece[..piece.len().min(room)]);
        if self.length > MAX_BODY_BYTES {
            self.end.extend_from_slice(&piece[piece.len().min(room).max(piece.len().saturating_sub(END_BYTES))..]);
            self.end.drain(..self.end.len().saturating_sub(END_BYTES));
        }
        if !self.is_malformed {
            self.skimmed.push(piece);
            self.is_malformed = self.skimmed.element().is_err();
        }
    }

    /// Rows that cannot be read, where nothing else is wrong.
    pub fn unreadable(&self, broken: Option<Broken>) -> Failure {
        let connection = self.response.opened().connection();
        let host = connection.instance().host_and_port();
        match broken {
            Some(Broken::TooLarge) => Failure::new(Code::AnswerTooLarge, shown!("a row of {} is too large", host))
                .next("Ask for fewer fields with --fields"),
            Some(Broken::Malformed) => {
                Failure::new(Code::UnexpectedAnswer, shown!("the rows of {} cannot be read", host))
                    .why("They are not the JSON that a list of rows is.")
                    .next("Look at the answer: snow api PATH")
            }
            None => Failure::new(Code::TruncatedAnswer, shown!("the answer of {} is not whole", host))
                .why("It ends in the middle of its rows.")
                .next("Run the command again"),
        }
    }

    /// What is wrong with the answer, now that its body is through.
    pub fn verdict(self, is_for_head: bool) -> Option<Failure> {
        let Self { response, beginning, end, length, skimmed, is_malformed, broken } = self;
        let is_kept = length <= MAX_BODY_BYTES;
        let body = [beginning, end].concat();
        let answer = client::Response { status: response.status(), headers: response.headers().clone(), body, broken };
        let has_result = (skimmed.has_array() || skimmed.member(RESULT).is_some()) && skimmed.member("error").is_none();
        let body = if !is_kept && !is_malformed && skimmed.is_whole() && has_result && answer.broken.is_none() {
            // Too large to be kept; that it has one is what matters.
            Body::Result(Value::Null)
        } else {
            Body::read(&answer)
        };
        let url = response.url();
        let failure =
            response.opened().judged(&answer, body, url, |response| verdict::failure_of(response, url, is_for_head));
        let failure = failure?;
        // Only a request that may write is not sent again after that.
        if response.is_outdated() {
            return Some(failure.first("The session was renewed, and nothing was written: run the command again"));
        }
        Some(failure)
    }
}
