//! Rows of a table, as a service is asked for them: the seam that each service fills.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;

use http::HeaderMap;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use url::Url;

use crate::base::error::Failure;
use crate::base::flat_json;
use crate::base::json_array::Element;
use crate::model::instance::ApiVersion;
use crate::model::profile::TableName;

/// Which rows, and what of them.
#[derive(Debug, Clone, Serialize)]
pub struct RowQuery {
    #[serde(serialize_with = "as_text")]
    pub table: TableName,
    /// The condition in the language of the service; empty for all rows.
    pub filter: String,
    /// Empty for all fields.
    pub fields: Vec<String>,
    pub order: Option<Order>,
    /// Whether values are wanted as a person reads them.
    pub display: bool,
    /// What the rows are.
    #[serde(skip)]
    pub listing: Listing,
}

/// What rows are, where a service has a list for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Listing {
    /// Those of the table; so are the tables of a service that keeps them in a table.
    #[default]
    Rows,
    /// All tables, in one list.
    Tables,
    /// The columns of the table, in one list.
    Columns,
}

/// By which field rows are sorted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Order {
    pub field: String,
    pub descending: bool,
}

/// Where a page begins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// After the row with this key.
    pub after: Option<String>,
    /// So many rows later.
    pub offset: u64,
    /// At the path that the page before named, which goes before the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A part of a condition, and what shows whether the service reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    pub text: String,
    /// A condition that no row fits, unless the service leaves the term out; `None` if
    /// there is none.
    pub contradiction: Option<String>,
}

/// How a service is asked for rows.
pub trait Rows: Sync {
    /// The member that has the rows in the answer to this URL.
    fn member(&self, asked: &Url) -> &'static str;

    /// The field that names a row.
    fn key(&self) -> &'static str;

    /// One condition of several that must all hold; none of them is empty.
    fn all_of(&self, filters: &[String]) -> String;

    /// Whether the rows can be read in the order of their keys. Then none is lost or
    /// doubled between pages while others write.
    fn is_by_key(&self, query: &RowQuery) -> bool;

    /// Whether each page names the one that follows, and the first is asked for all rows.
    /// Otherwise a page is asked for by its place.
    fn is_linked(&self, _query: &RowQuery) -> bool {
        false
    }

    /// The path of a page of at most `limit` rows. `counts` if the service is to count all
    /// that fit.
    fn page(&self, query: &RowQuery, place: &Place, limit: u64, counts: bool, version: Option<ApiVersion>) -> String;

    /// What to do where values cannot be had as a person reads them; `None` where they can.
    fn instead_of_display(&self) -> Option<&'static str> {
        None
    }

    /// How many rows fit from the beginning of the page on, hidden ones included.
    fn count(&self, headers: &HeaderMap) -> Option<u64>;

    /// The path of an answer that counts all that fit.
    fn counting(&self, query: &RowQuery, version: Option<ApiVersion>) -> String {
        self.page(query, &Place::default(), 1, true, version)
    }

    /// What such an answer counts; `around` is what it has beside rows.
    fn counted(&self, headers: &HeaderMap, _around: &[u8]) -> Option<u64> {
        self.count(headers)
    }

    /// The fields that are asked for if none is named; none for all.
    fn default_fields(&self, _table: &TableName) -> Vec<String> {
        Vec::new()
    }

    /// A row as it is handed on, in JSON; `None` if that is how it came.
    fn rewritten(&self, _row: &Row<'_>) -> Option<String> {
        None
    }

    /// Whether a failure is how this version of the service says that there is no row.
    fn is_empty_list(&self, failure: &Failure, version: Option<ApiVersion>) -> bool;

    /// The terms of a condition, each once.
    fn terms(&self, filter: &str) -> Vec<Term>;

    /// The fields that a person looks at first.
    fn first_fields(&self) -> &'static [&'static str];
}

/// One row, whose values are as they came.
#[derive(Debug)]
pub struct Row<'a> {
    pub text: &'a str,
    is_flat: bool,
    /// Of a row that is flat, only if they are asked for.
    members: OnceCell<Vec<Member<'a>>>,
}

/// A field, and its value as JSON.
pub type Member<'a> = (Cow<'a, str>, &'a str);

impl<'a> Row<'a> {
    /// `None` if it is no JSON object.
    pub fn read(element: Element<'a>) -> Option<Self> {
        let text = std::str::from_utf8(element.text).ok()?;
        let members = if element.is_flat {
            OnceCell::new()
        } else {
            let Members(members) = serde_json::from_str(text).ok()?;
            OnceCell::from(members)
        };
        Some(Self { text, is_flat: element.is_flat, members })
    }

    /// Whether all of it is texts without escapes.
    pub fn is_flat(&self) -> bool {
        self.is_flat
    }

    /// Whether it is printable ASCII in one line.
    pub fn is_plain(&self) -> bool {
        self.is_flat || self.text.bytes().all(|byte| matches!(byte, 0x20..0x7f))
    }

    /// The fields that it has, in its order.
    pub fn members(&self) -> &[Member<'a>] {
        self.members.get_or_init(|| {
            let mut members = Vec::with_capacity(16);
            members.extend(flat_json::members(self.text).map(|(key, value)| (key.into(), value)));
            members
        })
    }

    /// The value of a field as text; empty for null, and `None` if the row has no such field.
    pub fn value(&self, field: &str) -> Option<Cow<'a, str>> {
        let json = match self.members.get() {
            Some(members) => members.iter().find(|(name, _)| name == field)?.1,
            None => flat_json::value(self.text, field)?,
        };
        Some(self.text_of(json))
    }

    /// The same; `place` is where the field is in most rows.
    pub fn value_at(&self, place: usize, field: &str) -> Option<Cow<'a, str>> {
        match self.members().get(place) {
            Some((name, json)) if name == field => Some(self.text_of(json)),
            _ => self.value(field),
        }
    }

    fn text_of(&self, json: &'a str) -> Cow<'a, str> {
        if self.is_flat { json[1..json.len() - 1].into() } else { text_of(json) }
    }
}

/// A value as text. Of a value that comes with what it is shown as, the latter; of other
/// objects their JSON.
fn text_of(json: &str) -> Cow<'_, str> {
    match json.as_bytes().first() {
        Some(b'"') => serde_json::from_str::<Text<'_>>(json).map_or(json.into(), |Text(text)| text),
        Some(b'n') => "".into(),
        Some(b'{') => {
            let Ok(Members(members)) = serde_json::from_str(json) else { return json.into() };
            let named = |name: &str| members.iter().find(|(key, _)| key == name).map(|(_, value)| *value);
            match named("display_value").or(named("value")) {
                Some(inner) if !inner.starts_with('{') => text_of(inner),
                _ => json.into(),
            }
        }
        _ => json.into(),
    }
}

/// Borrowed where it has no escapes.
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Cow<'de, str>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(text.into())
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(text.to_owned().into())
            }
        }
        deserializer.deserialize_str(Reader).map(Self)
    }
}

struct Members<'a>(Vec<Member<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Vec<Member<'de>>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a row")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((Text(key), value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
                    members.push((key, value.get()));
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Reader).map(Self)
    }
}

fn as_text<S: serde::Serializer>(table: &TableName, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(table.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_a_person_reads_them() {
        let text = br#"{"a":"x\"\u00e4","b":null,"c":{"display_value":"Beth","link":"x"},"d":{"link":"x","value":"7"},"e":{"f":1},"g":true,"h":"plain","i":[1]}"#;
        let row = Row::read(Element { text, is_flat: false }).unwrap();
        for (field, value) in [
            ("a", Some("x\"ä")),
            ("b", Some("")),
            ("c", Some("Beth")),
            ("d", Some("7")),
            ("e", Some(r#"{"f":1}"#)),
            ("g", Some("true")),
            ("h", Some("plain")),
            ("i", Some("[1]")),
            ("z", None),
        ] {
            assert_eq!(row.value(field).as_deref(), value, "{field}");
        }
        assert!(matches!(row.value("h"), Some(Cow::Borrowed(_))));
        for no_row in ["1", "[]", "null", "{\"a\":}", "{"] {
            assert!(Row::read(Element { text: no_row.as_bytes(), is_flat: false }).is_none(), "{no_row}");
        }
        // One that is known to be flat is the same.
        let text = br#"{"a":"x","b":"","c":"y"}"#;
        for is_flat in [true, false] {
            let row = Row::read(Element { text, is_flat }).unwrap();
            assert_eq!((row.value("c").as_deref(), row.value("z")), (Some("y"), None));
            assert_eq!((row.value_at(1, "b").as_deref(), row.value_at(0, "c").as_deref()), (Some(""), Some("y")));
            assert_eq!(row.members()[2], ("c".into(), r#""y""#));
            assert!(row.is_plain());
        }
    }
}
