//! The elements of one array of a JSON document, one by one as they come.
//!
//! The array is a member of the outermost object, as `result` is in `{"result":[…]}`.
//! Of the whole document only one element is kept at a time. Whether an element is valid
//! within is for its reader to see; here brackets, strings and commas are.

use std::ops::Range;

use super::flat_json;

/// What is kept of each member beside the array.
const MEMBER_LIMIT: usize = 64 * 1024;
/// How many members beside the array are looked at.
const MOST_MEMBERS: usize = 64;
/// How deep an element may nest; serde_json reads no deeper.
const DEEPEST: usize = 127;

/// An element of the array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element<'a> {
    pub text: &'a [u8],
    /// Whether [`flat_json`] knows it. Others may be invalid within.
    pub is_flat: bool,
}

/// Why there is no next element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// It is no JSON object, or not JSON from here on.
    Malformed,
    /// An element is larger than the limit.
    TooLarge,
}

/// Reads the array `member` of the object that the pieces make.
#[derive(Debug)]
pub struct ArrayReader {
    member: &'static str,
    limit: usize,
    buffer: Vec<u8>,
    /// Where what is not used yet begins.
    at: usize,
    state: State,
    value: Value,
    /// The other members, as far as they are short.
    members: Vec<(String, Vec<u8>)>,
    has_array: bool,
    /// Whether values are looked through and not kept.
    skims: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    /// A key or the end of the object; `true` after a comma.
    Key(bool),
    Colon,
    /// The value of a member begins.
    Begin,
    Member,
    AfterMember,
    /// An element or the end of the array; `true` after a comma.
    Element(bool),
    InElement,
    AfterElement,
    End,
}

/// How far a value was read.
#[derive(Debug, Clone, Copy, Default)]
struct Value {
    /// From where its bytes were not looked at.
    seen: usize,
    depth: usize,
    in_string: bool,
    is_escaped: bool,
    /// Whether its beginning is gone.
    is_skimmed: bool,
}

impl ArrayReader {
    /// `limit`: how many bytes one element may have.
    pub fn new(member: &'static str, limit: usize) -> Self {
        Self {
            member,
            limit,
            buffer: Vec::new(),
            at: 0,
            state: State::Start,
            value: Value::default(),
            members: Vec::new(),
            has_array: false,
            skims: false,
        }
    }

    /// From here on gives no element, and only sees whether the document is whole: its
    /// values may be of any size.
    pub fn skim(&mut self) {
        (self.skims, self.limit) = (true, usize::MAX);
    }

    /// Whether elements are given.
    pub fn skims(&self) -> bool {
        self.skims
    }

    /// The next piece of the document.
    pub fn push(&mut self, piece: &[u8]) {
        self.buffer.drain(..self.at);
        self.at = 0;
        // After one large element the room is given back.
        if self.buffer.capacity() > 1024 * 1024 && self.buffer.len() < 64 * 1024 {
            self.buffer.shrink_to(64 * 1024);
        }
        self.buffer.extend_from_slice(piece);
    }

    /// The next element of what came so far.
    pub fn element(&mut self) -> Result<Option<Element<'_>>, Broken> {
        let place = self.advance(false)?;
        Ok(place.map(|(place, is_flat)| Element { text: &self.buffer[place], is_flat }))
    }

    /// Reads to where the array begins, as far as the document came.
    pub fn begin(&mut self) -> Result<(), Broken> {
        if self.has_array { Ok(()) } else { self.advance(true).map(drop) }
    }

    fn advance(&mut self, to_array: bool) -> Result<Option<(Range<usize>, bool)>, Broken> {
        loop {
            match self.state {
                State::Member | State::InElement => {
                    let Some(end) = self.value_end()? else { return Ok(None) };
                    let from = std::mem::replace(&mut self.at, end);
                    let Value { is_skimmed, .. } = std::mem::take(&mut self.value);
                    if self.state == State::InElement {
                        self.state = State::AfterElement;
                        if self.skims {
                            continue;
                        }
                        return Ok(Some((from..end, false)));
                    }
                    if end - from <= MEMBER_LIMIT
                        && !is_skimmed
                        && let Some((_, value)) = self.members.last_mut()
                    {
                        value.extend_from_slice(&self.buffer[from..end]);
                    }
                    self.state = State::AfterMember;
                    continue;
                }
                _ => {}
            }
            let Some(byte) = self.significant() else { return Ok(None) };
            self.state = match (self.state, byte) {
                (State::Start, b'{') => State::Key(false),
                (State::Key(_), b'"') => {
                    let Some(key) = self.key()? else { return Ok(None) };
                    if self.members.len() == MOST_MEMBERS {
                        return Err(Broken::Malformed);
                    }
                    self.members.push((key, Vec::new()));
                    self.state = State::Colon;
                    continue;
                }
                (State::Key(false), b'}') => State::End,
                (State::Colon, b':') => State::Begin,
                (State::Begin, b'[') if !self.has_array && self.is_member() => {
                    self.has_array = true;
                    self.members.pop();
                    if to_array {
                        self.at += 1;
                        self.state = State::Element(false);
                        return Ok(None);
                    }
                    State::Element(false)
                }
                (State::Begin, b',' | b'}' | b']' | b':') => return Err(Broken::Malformed),
                (State::Begin, _) => {
                    self.state = State::Member;
                    continue;
                }
                (State::AfterMember, b',') => State::Key(true),
                (State::AfterMember, b'}') => State::End,
                (State::Element(false), b']') => State::AfterMember,
                (State::Element(_), b',' | b'}' | b']' | b':') => return Err(Broken::Malformed),
                (State::Element(_), _) => {
                    if let Some(length) = flat_json::length(&self.buffer[self.at..]) {
                        let from = self.at;
                        self.at += length;
                        self.state = State::AfterElement;
                        if self.skims {
                            continue;
                        }
                        return Ok(Some((from..self.at, true)));
                    }
                    self.state = State::InElement;
                    continue;
                }
                (State::AfterElement, b',') => State::Element(true),
                (State::AfterElement, b']') => State::AfterMember,
                _ => return Err(Broken::Malformed),
            };
            self.at += 1;
        }
    }

    /// The name of the array.
    pub fn member(&self) -> &'static str {
        self.member
    }

    /// Whether the array has begun.
    pub fn has_array(&self) -> bool {
        self.has_array
    }

    /// Whether the document is whole.
    pub fn is_whole(&self) -> bool {
        self.state == State::End
    }

    /// The document without the elements, and with null for what is not kept.
    pub fn without_elements(&self) -> Vec<u8> {
        let mut text = b"{".to_vec();
        let array = self.has_array.then_some((self.member, &b"[]"[..]));
        let others = self.members.iter().map(|(key, value)| (key.as_str(), value.as_slice()));
        for (place, (key, value)) in array.into_iter().chain(others).enumerate() {
            let comma = if place > 0 { "," } else { "" };
            text.extend_from_slice(format!("{comma}{}:", serde_json::Value::from(key)).as_bytes());
            text.extend_from_slice(if value.is_empty() { b"null" } else { value });
        }
        text.push(b'}');
        text
    }

    fn is_member(&self) -> bool {
        self.members.last().is_some_and(|(key, _)| key == self.member)
    }

    /// The next byte that is no white space.
    fn significant(&mut self) -> Option<u8> {
        const MARK: [u8; 3] = [0xef, 0xbb, 0xbf];
        if self.state == State::Start {
            let rest = &self.buffer[self.at..];
            if rest.starts_with(&MARK) {
                self.at += MARK.len();
            } else if MARK.starts_with(rest) {
                return None;
            }
        }
        while let Some(byte) = self.buffer.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    /// The key that begins here, once it is whole.
    fn key(&mut self) -> Result<Option<String>, Broken> {
        let Some(end) = self.value_end()? else { return Ok(None) };
        let key = serde_json::from_slice(&self.buffer[self.at..end]).map_err(|_| Broken::Malformed)?;
        self.at = end;
        self.value = Value::default();
        Ok(Some(key))
    }

    /// The end of the value that begins here, once it is whole.
    fn value_end(&mut self) -> Result<Option<usize>, Broken> {
        let value = &mut self.value;
        let bytes = &self.buffer[self.at..];
        let mut index = value.seen;
        while let Some(&byte) = bytes.get(index) {
            if value.in_string {
                if value.is_escaped {
                    value.is_escaped = false;
                } else {
                    // Most of a document is in strings.
                    let Some(special) = bytes[index..].iter().position(|byte| matches!(byte, b'"' | b'\\')) else {
                        index = bytes.len();
                        break;
                    };
                    index += special;
                    value.is_escaped = bytes[index] == b'\\';
                    value.in_string = value.is_escaped;
                    if !value.in_string && value.depth == 0 {
                        return Ok(Some(self.at + index + 1));
                    }
                }
                index += 1;
                continue;
            }
            match byte {
                b'"' => value.in_string = true,
                b'{' | b'[' if value.depth == DEEPEST => return Err(Broken::Malformed),
                b'{' | b'[' => value.depth += 1,
                b'}' | b']' | b',' | b' ' | b'\n' | b'\r' | b'\t' if value.depth == 0 => {
                    return Ok(Some(self.at + index));
                }
                b'}' | b']' => {
                    value.depth -= 1;
                    if value.depth == 0 {
                        return Ok(Some(self.at + index + 1));
                    }
                }
                // A key without its comma before it, as where an error cuts in.
                b':' if value.depth == 0 => return Err(Broken::Malformed),
                _ => {}
            }
            index += 1;
        }
        if bytes.len() > self.limit {
            return Err(Broken::TooLarge);
        }
        value.seen = index;
        let is_kept = match self.state {
            State::InElement => !self.skims,
            State::Member => !self.skims || index <= MEMBER_LIMIT,
            _ => true,
        };
        if !is_kept {
            value.is_skimmed = true;
            self.at += std::mem::take(&mut value.seen);
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests;
