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
                Ok(Some(element)) => elements.push(String::from_utf8_lossy(element.text).into_owned()),
                Ok(None) => break,
                Err(broken) => return (elements, Err(broken)),
            }
        }
    }
    (elements, Ok(reader.is_whole()))
}

#[test]
fn the_elements_come_as_they_are_in_pieces_of_any_size() {
    let document =
        "\u{feff} { \"a\": {\"result\":[1]}, \"result\" : [ {\"x\":\"]},{\\\"\\\\\"} ,[],\n12, \"s\" ,null],\"b\":1 } ";
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
    assert_eq!(reader.element(), Ok(Some(Element { text: b"1", is_flat: false })));
    assert_eq!(reader.element(), Ok(None));
    assert!(reader.is_whole() && reader.has_array());
    assert_eq!(
        String::from_utf8(reader.without_elements()).unwrap(),
        r#"{"result":[],"error":{"message":"no"},"long":null,"status":"failure"}"#
    );
}

#[test]
fn a_skimmed_document_is_seen_to_be_whole_and_nothing_is_kept() {
    let document = format!(r#"{{"a":{{"b":["{0}"]}},"result":[{{"x":"{0}"}},1],"error":7}}"#, "x\\\"".repeat(50_000));
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
