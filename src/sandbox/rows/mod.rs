//! The rows of the embedded instance. Everything is made up, and the same at
//! each start with the same seed; what is written is lost at the end.
//!
//! This file keeps and finds rows. [`people`], [`work`] and [`configuration`]
//! make them up, [`system`] makes those that describe the tables themselves.

mod configuration;
mod oauth;
mod people;
mod prng;
mod system;
mod users;
mod work;

use std::collections::{BTreeMap, HashMap};

use super::schema::{self, Class, Field, Kind};
pub use prng::Prng;
pub use users::{USERS, User};
pub use work::priority;

/// How many incidents there are by default.
pub const DEFAULT_INCIDENTS: usize = 400;

/// What is given back in place of a password.
pub const MASK: &str = "********";

/// One row: the values of its class's fields, in their order.
#[derive(Debug, Clone)]
pub struct Row {
    values: Vec<Box<str>>,
}

/// A row with its class: what can be asked about.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    pub class: &'a Class,
    pub row: &'a Row,
}

/// All rows of all tables.
#[derive(Debug)]
pub struct Store {
    shelves: Vec<Shelf>,
    by_name: HashMap<&'static str, usize>,
}

/// The rows of exactly one class, in the order in which they came.
#[derive(Debug)]
struct Shelf {
    class: Class,
    rows: BTreeMap<usize, Row>,
    by_id: HashMap<Box<str>, usize>,
    next: usize,
}

impl<'a> Record<'a> {
    pub fn at(self, place: usize) -> &'a str {
        &self.row.values[place]
    }

    /// The value of a field; empty where its class has no such field.
    pub fn value(self, field: &str) -> &'a str {
        self.class.place(field).map_or("", |place| self.at(place))
    }

    pub fn id(self) -> &'a str {
        self.value("sys_id")
    }
}

impl Row {
    pub fn set(&mut self, place: usize, value: impl Into<Box<str>>) {
        self.values[place] = value.into();
    }

    pub fn at(&self, place: usize) -> &str {
        &self.values[place]
    }
}

impl Store {
    /// An instance with so many incidents, and what belongs to them.
    pub fn new(incidents: usize, seed: u64) -> Self {
        let shelf = |class| Shelf { class, rows: BTreeMap::new(), by_id: HashMap::new(), next: 0 };
        let shelves: Vec<Shelf> = schema::classes().into_iter().map(shelf).collect();
        let by_name = shelves.iter().enumerate().map(|(at, shelf)| (shelf.class.table.name, at)).collect();
        let mut store = Self { shelves, by_name };
        let mut prng = Prng::new(seed);
        system::fill(&mut store);
        oauth::fill(&mut store);
        let people = people::fill(&mut store, &mut prng);
        let items = configuration::fill(&mut store, &mut prng, &people);
        work::fill(&mut store, &mut prng, &people, &items, incidents);
        store
    }

    pub fn class(&self, table: &str) -> Option<&Class> {
        self.by_name.get(table).map(|&at| &self.shelves[at].class)
    }

    /// The rows of a table and of all that extend it.
    pub fn records<'a>(&'a self, table: &'a str) -> impl Iterator<Item = Record<'a>> {
        self.family(table).flat_map(|shelf| shelf.rows.values().map(move |row| Record { class: &shelf.class, row }))
    }

    /// The row of a table, or of one that extends it, with this `sys_id`.
    pub fn find<'a>(&'a self, table: &'a str, id: &str) -> Option<Record<'a>> {
        self.family(table).find_map(|shelf| {
            let row = shelf.rows.get(shelf.by_id.get(id)?)?;
            Some(Record { class: &shelf.class, row })
        })
    }

    /// The first row of a table whose field has this value.
    pub fn find_by<'a>(&'a self, table: &'a str, field: &str, value: &str) -> Option<Record<'a>> {
        self.records(table).find(|record| record.value(field).eq_ignore_ascii_case(value))
    }

    /// The row that a field of a record points to.
    pub fn referenced(&self, record: Record<'_>, place: usize) -> Option<Record<'_>> {
        self.target(record.class.fields[place], record.at(place))
    }

    /// The row that `value` means in a reference field.
    pub fn target(&self, field: &Field, value: &str) -> Option<Record<'_>> {
        match field.kind {
            _ if value.is_empty() => None,
            Kind::Reference(table) => self.find(table, value),
            Kind::ReferenceByName(table) => self.find_by(table, "name", value),
            _ => None,
        }
    }

    /// What a person reads in a field of a record.
    pub fn display(&self, record: Record<'_>, place: usize) -> String {
        let (field, value) = (record.class.fields[place], record.at(place));
        match field.kind {
            Kind::Reference(_) | Kind::ReferenceByName(_) => match self.referenced(record, place) {
                Some(target) => self.display(target, target.class.display_place()),
                None => value.to_owned(),
            },
            Kind::Choice | Kind::NumberChoice => {
                record.class.choice_label(field.name, value).unwrap_or(value).to_owned()
            }
            Kind::ClassName => self.class(value).map_or(value, |class| class.table.label).to_owned(),
            Kind::Journal => self.journal(record, field.name, field.label),
            Kind::Password if !value.is_empty() => MASK.to_owned(),
            _ => value.to_owned(),
        }
    }

    /// All entries of a journal field, the last first.
    fn journal(&self, record: Record<'_>, field: &str, label: &str) -> String {
        let is_entry = |entry: &Record<'_>| entry.value("element_id") == record.id() && entry.value("element") == field;
        let entry = |entry: Record<'_>| {
            let (at, by) = (entry.value("sys_created_on"), entry.value("sys_created_by"));
            format!("{at} - {by} ({label})\n{}\n\n", entry.value("value"))
        };
        let mut entries: Vec<String> = self.records("sys_journal_field").filter(is_entry).map(entry).collect();
        entries.reverse();
        entries.concat()
    }

    /// Adds a row; fields that are not named stay empty.
    pub fn insert<'v, V: Into<Box<str>>>(
        &mut self,
        table: &str,
        id: &str,
        values: impl IntoIterator<Item = (&'v str, V)>,
    ) {
        let shelf = &mut self.shelves[self.by_name[table]];
        let mut row = Row { values: vec![Box::default(); shelf.class.fields.len()] };
        if let Some(place) = shelf.class.place("sys_class_name") {
            row.set(place, table);
        }
        for (field, value) in values {
            row.set(shelf.class.place(field).expect("rows are made of fields that exist"), value);
        }
        row.set(shelf.class.place("sys_id").expect("every table has a sys_id"), id);
        shelf.by_id.insert(id.into(), shelf.next);
        shelf.rows.insert(shelf.next, row);
        shelf.next += 1;
    }

    /// The row of exactly this class, to be changed.
    pub fn row_mut(&mut self, class: &str, id: &str) -> Option<&mut Row> {
        let shelf = &mut self.shelves[*self.by_name.get(class)?];
        shelf.rows.get_mut(shelf.by_id.get(id)?)
    }

    pub fn remove(&mut self, class: &str, id: &str) {
        let shelf = &mut self.shelves[self.by_name[class]];
        if let Some(at) = shelf.by_id.remove(id) {
            shelf.rows.remove(&at);
        }
    }

    /// How many rows a class ever had: the next number is made of it.
    pub fn ever(&self, class: &str) -> usize {
        self.shelves[self.by_name[class]].next
    }

    fn family<'a>(&'a self, table: &'a str) -> impl Iterator<Item = &'a Shelf> {
        self.shelves.iter().filter(move |shelf| shelf.class.is_a(table))
    }
}

/// A `sys_id`: 32 hexadecimal digits, the same at each start. FNV-1a twice: it
/// must be spread and stable, not safe.
pub fn sys_id(kind: &str, key: &str) -> String {
    let half = |start: u64| {
        let bytes = kind.bytes().chain([b'/']).chain(key.bytes());
        prng::mix(bytes.fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)))
    };
    format!("{:016x}{:016x}", half(0xcbf2_9ce4_8422_2325), half(0x6c62_272e_07bb_0142))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_rows_and_another_gives_others() {
        let text = |seed| {
            let store = Store::new(200, seed);
            let rows = |table| format!("{:?}", store.records(table).map(|record| record.row).collect::<Vec<_>>());
            rows("task") + &rows("sys_user") + &rows("cmdb_ci")
        };
        assert_eq!(text(7), text(7));
        assert_ne!(text(7), text(8));
    }

    #[test]
    fn every_reference_points_to_a_row_and_every_choice_exists() {
        let store = Store::new(300, 1);
        for table in schema::TABLES {
            for record in store.records(table.name) {
                for (place, field) in record.class.fields.iter().enumerate() {
                    let value = record.at(place);
                    let name = format!("{}.{} {value:?} of {}", table.name, field.name, record.id());
                    assert!(value.chars().count() <= field.max_length.into(), "{name} is too long");
                    if value.is_empty() {
                        assert!(!field.mandatory, "{name} is mandatory");
                        continue;
                    }
                    match field.kind {
                        Kind::Reference(_) | Kind::ReferenceByName(_) => {
                            assert!(store.referenced(record, place).is_some(), "{name}");
                        }
                        Kind::Choice | Kind::NumberChoice => {
                            assert!(record.class.choice_label(field.name, value).is_some(), "{name}");
                        }
                        Kind::Integer => assert!(value.parse::<i64>().is_ok(), "{name}"),
                        Kind::Boolean => assert!(matches!(value, "true" | "false"), "{name}"),
                        Kind::DateTime => {
                            let time = chrono::NaiveDateTime::parse_from_str(value, "%Y-%m-%d %H:%M:%S");
                            assert!(time.is_ok(), "{name}");
                        }
                        Kind::Guid => assert!(value.len() == 32, "{name}"),
                        Kind::ClassName => assert!(store.class(value).is_some(), "{name}"),
                        Kind::Text | Kind::Email | Kind::Phone | Kind::Journal | Kind::Password => {}
                    }
                }
            }
        }
    }

    #[test]
    fn every_sys_id_is_there_once() {
        let store = Store::new(2000, 1);
        for table in ["task", "sys_user", "cmdb_ci", "sys_dictionary", "sys_choice"] {
            let mut ids: Vec<&str> = store.records(table).map(Record::id).collect();
            let count = ids.len();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), count, "{table}");
        }
        assert_eq!(store.records("incident").count(), 2000);
    }
}
