//! A body that is watched on its way, and judged once it is through.
//!
//! It is looked at once: its rows are taken from here as they come, or it is skimmed.

use http::HeaderMap;
use hyper::body::Bytes;

use super::response::Response;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::json_array::{ArrayReader, Broken, Element};
use crate::base::shown::shown;
use crate::http::client::{self, MAX_BODY_BYTES};
use crate::http::failure::NetworkError;
use crate::service::Next;

/// How large a row may be.
const ROW_BYTES: usize = 64 * 1024 * 1024;
/// What is kept of the end of a body that is not kept as a whole.
const END_BYTES: usize = 16 * 1024;

/// An answer, and what is needed to judge it at its end.
pub struct Watched {
    response: Response,
    /// The body, or its beginning.
    beginning: Vec<u8>,
    /// If that is not all, the end.
    end: Vec<u8>,
    reader: ArrayReader,
    is_malformed: bool,
    broken: Option<NetworkError>,
}

impl Watched {
    pub fn new(response: Response) -> Self {
        let member = response.opened().connection().service().member(response.url());
        Self {
            response,
            beginning: Vec::new(),
            end: Vec::new(),
            reader: ArrayReader::new(member, ROW_BYTES),
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
        if !self.is_malformed {
            self.reader.push(piece);
            let looked = if self.reader.skims() { self.reader.element().map(drop) } else { self.reader.begin() };
            self.is_malformed = looked.is_err();
        }
        // Who takes the rows judges them; what is around them is short.
        let most = if self.has_rows() && !self.reader.skims() { END_BYTES } else { MAX_BODY_BYTES };
        let room = if self.end.is_empty() { most.saturating_sub(self.beginning.len()) } else { 0 };
        self.beginning.extend_from_slice(&piece[..piece.len().min(room)]);
        if piece.len() > room {
            self.end.extend_from_slice(&piece[room.max(piece.len().saturating_sub(END_BYTES))..]);
            self.end.drain(..self.end.len().saturating_sub(END_BYTES));
        }
    }

    /// Whether rows begin in what came so far.
    pub fn has_rows(&self) -> bool {
        self.reader.has_array()
    }

    /// Whether rows can still begin.
    pub fn may_have_rows(&self) -> bool {
        !self.is_malformed && !self.reader.has_array() && !self.reader.is_whole()
    }

    /// What came beside rows, once the body is through.
    pub fn around(&self) -> Vec<u8> {
        if self.reader.is_whole() { self.reader.without_elements() } else { Vec::new() }
    }

    /// What follows by its own word, once the body is through.
    pub fn next(&self) -> Next {
        let connection = self.response.opened().connection();
        let (instance, asked) = (connection.instance(), self.response.url());
        connection.service().next(instance, asked, self.headers(), &self.around())
    }

    /// The member that has the rows.
    pub fn member(&self) -> &'static str {
        self.reader.member()
    }

    /// The next row of what came so far.
    pub fn row(&mut self) -> Result<Option<Element<'_>>, Broken> {
        self.reader.element()
    }

    /// Gives no row from here on.
    pub fn give_no_rows(&mut self) {
        self.reader.skim();
    }

    /// Reads the rest, and gives no row of it.
    pub async fn skim(&mut self) {
        self.give_no_rows();
        while self.piece().await.is_some() {}
    }

    /// Why its rows are not all, where nothing else is wrong. `read` is how they ended.
    fn unreadable(&self, read: Result<(), Broken>) -> Option<Failure> {
        let connection = self.response.opened().connection();
        let host = connection.instance().host_and_port();
        let failure = match read {
            Err(Broken::TooLarge) => Failure::new(Code::AnswerTooLarge, shown!("a row of {} is too large", host))
                .next("Ask for fewer fields with --fields"),
            Ok(()) if !self.reader.is_whole() => {
                Failure::new(Code::TruncatedAnswer, shown!("the answer of {} is not whole", host))
                    .why("It ends in the middle of its rows.")
                    .next("Run the command again")
            }
            Ok(()) if self.has_rows() => return None,
            Ok(()) | Err(Broken::Malformed) => {
                Failure::new(Code::UnexpectedAnswer, shown!("the rows of {} cannot be read", host))
                    .why("They are not the JSON that a list of rows is.")
                    .next("Look at the answer: snow api PATH")
            }
        };
        Some(failure)
    }

    /// What is wrong with an answer whose rows were taken, now that it is through. `read` is
    /// how they ended.
    pub fn verdict_of_rows(self, read: Result<(), Broken>) -> Option<Failure> {
        let unreadable = self.unreadable(read);
        self.verdict(false).or(unreadable)
    }

    /// What is wrong with the answer, now that its body is through.
    pub fn verdict(self, is_for_head: bool) -> Option<Failure> {
        let Self { response, beginning, end, reader, broken, .. } = self;
        let body = match end.is_empty() {
            true => beginning,
            false if reader.is_whole() => reader.without_elements(),
            false => [beginning, end].concat(),
        };
        let answer = client::Response { status: response.status(), headers: response.headers().clone(), body, broken };
        let failure = response.opened().verdict(&answer, response.url(), is_for_head)?;
        // Only a request that may write is not sent again after that.
        if response.is_outdated() {
            return Some(failure.first("The session was renewed, and nothing was written: run the command again"));
        }
        Some(failure)
    }
}
