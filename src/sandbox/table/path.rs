//! A field, or a walk along references to one: `caller_id.department.name`.

use super::access::Caller;
use crate::sandbox::rows::{Record, Store};
use crate::sandbox::schema::{Class, Field};

/// Where a value is found from a row.
#[derive(Debug, Clone)]
pub struct Path {
    /// A place in each row on the way; all but the last hold references.
    places: Vec<usize>,
    pub fields: Vec<&'static Field>,
}

impl Path {
    /// The path of a name, `None` where a field on the way does not exist.
    pub fn of(store: &Store, class: &Class, name: &str) -> Option<Self> {
        let mut path = Self { places: Vec::new(), fields: Vec::new() };
        let mut class = Some(class);
        for part in name.split('.') {
            let here = class?;
            let place = here.place(part)?;
            let field = here.fields[place];
            path.places.push(place);
            path.fields.push(field);
            class = field.kind.target().and_then(|table| store.class(table));
        }
        Some(path)
    }

    /// The field at its end.
    pub fn field(&self) -> &'static Field {
        self.fields.last().expect("a path has a field")
    }

    pub fn is_visible(&self, caller: &Caller) -> bool {
        self.fields.iter().all(|field| caller.may_see(field))
    }

    /// The row in which the path ends, and the place there; `None` where a
    /// reference on the way is empty.
    pub fn walk<'a>(&self, store: &'a Store, record: Record<'a>) -> Option<(Record<'a>, usize)> {
        let (last, way) = self.places.split_last().expect("a path has a field");
        let record = way.iter().try_fold(record, |record, place| store.referenced(record, *place))?;
        Some((record, *last))
    }

    /// The value at its end, empty where it cannot be reached.
    pub fn value<'a>(&self, store: &'a Store, record: Record<'a>) -> &'a str {
        self.walk(store, record).map_or("", |(record, place)| record.at(place))
    }

    /// What a person reads there.
    pub fn display(&self, store: &Store, record: Record<'_>) -> String {
        self.walk(store, record).map_or_else(String::new, |(record, place)| store.display(record, place))
    }
}
