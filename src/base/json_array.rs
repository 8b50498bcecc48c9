//! The elements of one array of a JSON document, one by one as they come.
//!
//! The array is a member of the outermost object, as `result` is in `{"result":[…]}`.
//! Of the whole document only one element is kept at a time. Whether an element is valid
//! within is for its reader to see; here brackets, strings and commas are.

use std::ops::Range;

/// What is kept of each member beside the array.
const MEMBER_LIMIT: usize = 64 * 1024;
/// How many members beside the array are looked at.
const MOST_MEMBERS: usize = 64;
/// How deep an element may nest; serde_json reads no deeper.
const DEEPEST: usize = 127;

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
    pub fn element(&mut self) -> Result<Option<&[u8]>, Broken> {
        Ok(self.advance(false)?.map(|place| &self.buffer[place]))
    }

    /// Reads to where the array begins, as far as the document came.
    pub fn begin(&mut self) -> Result<(), Broken> {
        if self.has_array { Ok(()) } else { self.advance(true).map(drop) }
    }

    fn advance(&mut self, to_array: bool) -> Result<Option<Range<usize>>, Broken> {
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
                        return Ok(Some(from..end));
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The elements of a document that comes in pieces of this size, and how it ended.
    fn read(document: &[u8], piece: usize, limit: usize) -> (Vec<String>, Result<bool, Broken>) {
        let mut reader = ArrayReader::new("result", limit);
        let mut elements = Vec::new();
        for piece in document.chunks(piece) {
            reader.push(piece);
            loop {
                match reader.element() {
                    Ok(Some(element)) => elements.push(String::from_utf8_lossy(element).into_owned()),
                    Ok(None) => break,
                    Err(broken) => return (elements, Err(broken)),
                }
            }
        }
        (elements, Ok(reader.is_whole()))
    }

    #[test]
    fn the_elements_come_as_they_are_in_pieces_of_any_size() {
        let document = "\u{feff} { \"a\": {\"result\":[1]}, \"result\" : [ {\"x\":\"]},{\\\"\\\\\"} ,[],\n12, \"s\" ,null],\"b\":1 } ";
        for piece in 1..document.len() + 1 {
            let (elements, end) = read(document.as_bytes(), piece, 1000);
            assert_eq!(elements, ["{\"x\":\"]},{\\\"\\\\\"}", "[]", "12", "\"s\"", "null"], "{piece}");
            assert_eq!(end, Ok(true), "{piece}");
        }
    }

    #[test]
    fn what_is_beside_the_array_is_kept_as_far_as_it_is_short() {
        let long = "x".repeat(MEMBER_LIMIT);
        let mut reader = ArrayReader::new("result", 1 << 20);
        let document = format!(r#"{{"result":[1],"error":{{"message":"no"}},"long":"{long}","status":"failure"}}"#);
        reader.push(document.as_bytes());
        assert_eq!(reader.element(), Ok(Some(&b"1"[..])));
        assert_eq!(reader.element(), Ok(None));
        assert!(reader.is_whole() && reader.has_array());
        assert_eq!(
            String::from_utf8(reader.without_elements()).unwrap(),
            r#"{"result":[],"error":{"message":"no"},"long":null,"status":"failure"}"#
        );
    }

    #[test]
    fn a_skimmed_document_is_seen_to_be_whole_and_nothing_is_kept() {
        let document =
            format!(r#"{{"a":{{"b":["{0}"]}},"result":[{{"x":"{0}"}},1],"error":7}}"#, "x\\\"".repeat(50_000));
        for (document, whole, error) in [(&document[..], true, "7"), (&document[..document.len() - 1], false, "null")] {
            let mut reader = ArrayReader::new("result", 10);
            reader.skim();
            for piece in document.as_bytes().chunks(100) {
                reader.push(piece);
                assert_eq!(reader.element(), Ok(None));
                assert!(reader.buffer.len() < MEMBER_LIMIT + 300);
            }
            assert_eq!((reader.is_whole(), reader.has_array()), (whole, true));
            let around = format!(r#"{{"result":[],"a":null,"error":{error}}}"#);
            assert_eq!(reader.without_elements(), around.as_bytes());
        }
    }

    #[test]
    fn a_document_that_is_cut_or_broken_is_not_whole() {
        for (document, elements, end) in [
            (r#"{"result":[{"a":1},{"a":"#, 1, Ok(false)),
            (r#"{"result":[{"a":1}"#, 1, Ok(false)),
            (r#"{"result":[{"a":1}]"#, 1, Ok(false)),
            (r#"{"result":[]}"#, 0, Ok(true)),
            (r#"{"result":{"a":1}}"#, 0, Ok(true)),
            ("", 0, Ok(false)),
            ("<html>", 0, Err(Broken::Malformed)),
            ("[1]", 0, Err(Broken::Malformed)),
            (r#"{"result":[1}"#, 1, Err(Broken::Malformed)),
            (r#"{"result":[1,]}"#, 1, Err(Broken::Malformed)),
            (r#"{"result":[,1]}"#, 0, Err(Broken::Malformed)),
            (r#"{"result":[1 2]}"#, 1, Err(Broken::Malformed)),
            (r#"{"result":[1]} x"#, 1, Err(Broken::Malformed)),
            // As where a transaction is cancelled after the head was sent.
            (r#"{"result":[{"a":1},"error":{"message":"x"},"status":"failure"}"#, 2, Err(Broken::Malformed)),
        ] {
            let (found, ended) = read(document.as_bytes(), 3, 1000);
            assert_eq!((found.len(), ended), (elements, end), "{document}");
        }
        let deep = format!("{{\"result\":[{}", "[".repeat(200));
        assert_eq!(read(deep.as_bytes(), 7, 1000).1, Err(Broken::Malformed));
        let large = format!("{{\"result\":[\"{}\"]}}", "x".repeat(2000));
        assert_eq!(read(large.as_bytes(), 100, 1000).1, Err(Broken::TooLarge));
        assert_eq!(read(large.as_bytes(), 100, 4000).0.len(), 1);
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces_give_the_same(
            bytes in "(\\{\"result\":\\[)?([\\[\\]{}\",:\\\\ a1-]|\"x\"|\\{\"a\":\"b\"\\},){0,40}(\\]\\})?",
            piece in 1_usize..9,
        ) {
            let (elements, end) = read(bytes.as_bytes(), bytes.len().max(1), 1000);
            prop_assert_eq!(read(bytes.as_bytes(), piece, 1000), (elements, end));
        }

        #[test]
        fn the_elements_of_json_are_those_that_serde_finds(values in proptest::collection::vec("[a\"\\\\\\]}\u{e9}\n]{0,12}", 0..6)) {
            let document = serde_json::json!({ "first": values, "result": values, "last": null }).to_string();
            let (elements, end) = read(document.as_bytes(), 5, 1000);
            let found: Vec<String> = elements.iter().map(|element| serde_json::from_str(element).unwrap()).collect();
            prop_assert_eq!(found, values);
            prop_assert_eq!(end, Ok(true));
        }
    }
}
