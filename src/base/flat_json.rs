//! Objects of texts alone, as `{"a":"x","b":"y"}`. Most rows of a table are that, and are
//! read several times as fast as JSON of other forms.

use memchr::{memchr, memmem};

/// The length of the object that `text` begins with, if it has texts alone, in printable
/// ASCII without escapes and without white space between them. `None` for every other one,
/// and if it is not whole.
pub fn length(text: &[u8]) -> Option<usize> {
    if !text.starts_with(b"{\"") {
        return None;
    }
    let mut key = 2;
    let length = loop {
        let key_end = quote(text, key)?;
        if text.get(key_end + 1..key_end + 3)? != b":\"" {
            return None;
        }
        let value_end = quote(text, key_end + 3)?;
        match text.get(value_end + 1)? {
            b'}' => break value_end + 2,
            b',' if text.get(value_end + 2)? == &b'"' => key = value_end + 3,
            _ => return None,
        }
    };
    text[..length].chunks(64).all(is_plain).then_some(length)
}

/// Looks at all bytes, which compilers make fast.
fn is_plain(bytes: &[u8]) -> bool {
    bytes.iter().fold(true, |is_plain, &byte| is_plain & matches!(byte, 0x20..0x7f) & (byte != b'\\'))
}

/// The keys and values of an object that [`length`] knows; the values as JSON.
pub fn members(object: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut key = 2;
    std::iter::from_fn(move || {
        let key_end = quote(object.as_bytes(), key)?;
        let value_end = quote(object.as_bytes(), key_end + 3)?;
        let member = (&object[key..key_end], &object[key_end + 2..=value_end]);
        key = value_end + 3;
        Some(member)
    })
}

/// The value of a key of an object that [`length`] knows, as JSON.
pub fn value<'a>(object: &'a str, key: &str) -> Option<&'a str> {
    // No key has a quote, so that this is found where a key is, and nowhere else.
    let sought = format!("\"{key}\":").into_bytes();
    let from = memmem::find(object.as_bytes(), &sought).filter(|_| !key.contains('"'))? + sought.len();
    Some(&object[from..=quote(object.as_bytes(), from + 1)?])
}

/// The first quote from here on.
fn quote(text: &[u8], from: usize) -> Option<usize> {
    memchr(b'"', text.get(from..)?).map(|place| from + place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_object_of_texts_is_known_and_no_other_is() {
        for object in [r#"{"a":"x"}"#, r#"{"a":"x","b":""}"#, r#"{"":"{}[],:","b c":"x y"}"#] {
            assert_eq!(length(object.as_bytes()), Some(object.len()));
            assert_eq!(length(format!("{object},{{\"a\":1}}").as_bytes()), Some(object.len()));
            for end in 0..object.len() {
                assert_eq!(length(&object.as_bytes()[..end]), None, "{object} {end}");
            }
        }
        for other in [
            "{}",
            "[]",
            r#"{"a":1}"#,
            r#"{"a":null,"b":"x"}"#,
            r#"{"a":"x","b":{"c":"d"}}"#,
            r#"{"a":["x"]}"#,
            r#"{"a":"x\"y"}"#,
            r#"{"a":"x\n"}"#,
            r#"{"a":"ä"}"#,
            "{\"a\":\"\u{1b}\"}",
            "{\"a\":\"\u{7f}\"}",
            "{\"a\":\"x\ny\"}",
            r#"{ "a":"x"}"#,
            r#"{"a": "x"}"#,
            r#"{"a":"x" }"#,
            r#"{"a":"x", "b":"y"}"#,
            r#"{"a":"x",}"#,
            r#"{"a":"x""b":"y"}"#,
            r#"{"a","b"}"#,
            r#"{"a":"x":"y"}"#,
            r#"{"a":"x"]"#,
            r#""a""#,
        ] {
            assert_eq!(length(other.as_bytes()), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn what_is_known_is_json_with_these_members(text in r#"(\{"[ab\\ä]?"[:,]?"[ab{\\]?"[,}]?("b":"y")?\}?|\{("[a-z]{1,3}":"[^"\\]{0,9}",?){0,5}\}).{0,5}"#) {
            if let Some(length) = length(text.as_bytes()) {
                let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text[..length]).unwrap();
                let mut found = serde_json::Map::new();
                for (key, value) in members(&text[..length]) {
                    prop_assert_eq!(super::value(&text[..length], key), members(&text[..length]).find(|(name, _)| *name == key).map(|(_, value)| value));
                    found.insert(key.to_owned(), serde_json::from_str(value).unwrap());
                }
                prop_assert_eq!(found, object);
            }
        }
    }
}
