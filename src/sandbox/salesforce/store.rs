//! The rows of the org. Everything is made up, and the same at each start with the same
//! seed; what is written is lost at the end. A deleted row stays in the recycle bin.

use std::collections::HashMap;

use super::ids::{id, short};
use super::rows;
use super::schema::{OBJECTS, Object};

pub struct Store {
    shelves: Vec<Shelf>,
}

/// The rows of one object, in the order in which they came.
struct Shelf {
    object: &'static Object,
    rows: Vec<Row>,
    by_id: HashMap<Box<str>, usize>,
}

/// The values of the object's fields, in their order.
#[derive(Debug, Clone)]
pub struct Row(Vec<Box<str>>);

/// A row with its object: what can be asked about.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    pub object: &'static Object,
    pub row: &'a Row,
}

impl<'a> Record<'a> {
    pub fn at(self, place: usize) -> &'a str {
        &self.row.0[place]
    }

    /// The value of a field; empty where there is no such field.
    pub fn value(self, field: &str) -> &'a str {
        self.object.field(field).map_or("", |(place, _)| self.at(place))
    }

    pub fn is_deleted(self) -> bool {
        self.value("IsDeleted") == "true"
    }
}

impl Store {
    /// An org with so many cases, and what belongs to them.
    pub fn new(cases: usize, seed: u64) -> Self {
        let shelf = |object| Shelf { object, rows: Vec::new(), by_id: HashMap::new() };
        let mut store = Self { shelves: OBJECTS.iter().map(shelf).collect() };
        rows::fill(&mut store, cases, seed);
        store
    }

    /// All rows of an object, the deleted ones too.
    pub fn records(&self, object: &Object) -> impl Iterator<Item = Record<'_>> {
        let shelf = self.shelves.iter().find(|shelf| shelf.object.name == object.name);
        shelf.into_iter().flat_map(|shelf| shelf.rows.iter().map(|row| Record { object: shelf.object, row }))
    }

    pub fn find(&self, object: &str, id: &str) -> Option<Record<'_>> {
        let shelf = self.shelves.iter().find(|shelf| shelf.object.name == object)?;
        let row = &shelf.rows[*shelf.by_id.get(short(id))?];
        Some(Record { object: shelf.object, row })
    }

    /// Adds a row with the next identifier of its object, which is the answer.
    pub fn insert(&mut self, object: &str, values: &[(&str, String)]) -> String {
        let number = self.shelves.iter().find(|shelf| shelf.object.name == object).map_or(0, |shelf| shelf.rows.len());
        let prefix = Object::named(object).map_or("000", |object| object.prefix);
        let id = id(prefix, number + 1);
        self.insert_as(object, &id, values);
        id
    }

    /// Adds a row with this identifier.
    pub fn insert_as(&mut self, object: &str, id: &str, values: &[(&str, String)]) {
        let Some(shelf) = self.shelves.iter_mut().find(|shelf| shelf.object.name == object) else { return };
        let mut row = Row(vec![Box::default(); shelf.object.fields().count()]);
        let own = [("Id", id.to_owned()), ("IsDeleted", "false".to_owned())];
        for (field, value) in
            own.iter().map(|(field, value)| (*field, value)).chain(values.iter().map(|(f, v)| (*f, v)))
        {
            if let Some((place, _)) = shelf.object.field(field) {
                row.0[place] = value.as_str().into();
            }
        }
        shelf.by_id.insert(short(id).into(), shelf.rows.len());
        shelf.rows.push(row);
    }

    /// Sets values of a row that is there.
    pub fn set(&mut self, object: &str, id: &str, values: &[(&str, String)]) {
        let Some(shelf) = self.shelves.iter_mut().find(|shelf| shelf.object.name == object) else { return };
        let Some(&at) = shelf.by_id.get(short(id)) else { return };
        for (field, value) in values {
            if let Some((place, _)) = shelf.object.field(field) {
                shelf.rows[at].0[place] = value.as_str().into();
            }
        }
    }
}
