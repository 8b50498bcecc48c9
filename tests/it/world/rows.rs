//! A server of one table, sorted by key, that does as a test wants.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::wire::{Wire, http};

/// The table, which a test may change at any time: its keys, and a text each.
pub type Table = Arc<Mutex<BTreeMap<String, String>>>;

/// What a request asks for.
#[derive(Debug, Clone)]
pub struct Page {
    /// The number of the request, from zero.
    pub number: usize,
    /// After which key.
    pub after: Option<String>,
    pub limit: usize,
    pub offset: usize,
    pub counts: bool,
}

pub struct RowServer {
    pub table: Table,
    pub wire: Wire,
}

/// The key of the row with this number.
pub fn key(number: usize) -> String {
    format!("{number:032x}")
}

/// A row as the server gives it.
pub fn row(key: &str, text: &str) -> String {
    format!(r#"{{"sys_id":"{key}","text":"{text}"}}"#)
}

/// An answer with these rows.
pub fn page(rows: &[String], count: Option<usize>) -> String {
    let count = count.map_or_else(String::new, |count| format!("X-Total-Count: {count}\r\n"));
    http(200, &format!("Content-Type: application/json\r\n{count}"), &format!(r#"{{"result":[{}]}}"#, rows.join(",")))
}

impl RowServer {
    /// A table of so many rows, every third key.
    pub fn of(rows: usize) -> Self {
        Self::with(rows, |_, _, answer| answer)
    }

    /// The same, whose answers `change` may change: it gets the request, the rows that
    /// belong there, and the answer.
    pub fn with(rows: usize, change: impl Fn(&Page, &Table, String) -> String + Send + Sync + 'static) -> Self {
        let rows = (1..=rows).map(|number| (key(number * 3), format!("row {number}")));
        let table: Table = Arc::new(Mutex::new(rows.collect()));
        let (served, count) = (table.clone(), AtomicUsize::new(0));
        let wire = Wire::replies(move |head| {
            let asked = Page::of(head, count.fetch_add(1, Ordering::SeqCst));
            let answer = asked.answer(&served.lock().unwrap());
            change(&asked, &served, answer)
        });
        Self { table, wire }
    }

    pub fn origin(&self) -> String {
        self.wire.origin()
    }

    pub fn keys(&self) -> Vec<String> {
        self.table.lock().unwrap().keys().cloned().collect()
    }
}

impl Page {
    fn of(head: &str, number: usize) -> Self {
        let target = head.split(' ').nth(1).unwrap_or_default();
        let url = url::Url::parse(&format!("http://x{target}")).unwrap();
        let parameter =
            |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        let query = parameter("sysparm_query").unwrap_or_default();
        let after = query.split('^').find_map(|term| term.strip_prefix("sys_id>")).map(str::to_owned);
        let number_of = |name: &str| parameter(name).and_then(|text| text.parse().ok());
        Self {
            number,
            after,
            limit: number_of("sysparm_limit").unwrap_or(10_000),
            offset: number_of("sysparm_offset").unwrap_or(0),
            counts: parameter("sysparm_no_count").is_none(),
        }
    }

    fn answer(&self, table: &BTreeMap<String, String>) -> String {
        let after = self.after.clone().unwrap_or_default();
        let fitting = || table.iter().filter(|(key, _)| **key > after);
        let rows: Vec<String> =
            fitting().skip(self.offset).take(self.limit).map(|(key, text)| row(key, text)).collect();
        page(&rows, self.counts.then(|| fitting().count()))
    }
}
