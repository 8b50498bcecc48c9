//! Queries whose rows did not fit into one answer, and where each goes on.

use std::collections::VecDeque;

use super::soql::Query;

/// How many rows an answer has, unless the client asks for fewer.
pub const BATCH: usize = 2000;
/// What a client may ask for at least; less is taken for this.
const SMALLEST_BATCH: usize = 200;
/// A user may have so many queries open; the next ends the oldest.
const OPEN: usize = 10;

/// The queries that are open.
#[derive(Default)]
pub struct Cursors {
    open: VecDeque<(usize, Query, bool)>,
    next: usize,
}

impl Cursors {
    /// Keeps a query and, with it, whether deleted rows count; the answer is its locator.
    pub fn keep(&mut self, query: Query, with_deleted: bool) -> String {
        self.next += 1;
        self.open.push_back((self.next, query, with_deleted));
        if self.open.len() > OPEN {
            self.open.pop_front();
        }
        super::ids::id("01g", self.next)
    }

    /// What is under a locator, as `01g…-2000`, and from which row it goes on.
    pub fn find(&self, locator: &str) -> Option<(Query, bool, usize)> {
        let (id, from) = locator.rsplit_once('-')?;
        let kept = self.open.iter().find(|(number, ..)| super::ids::id("01g", *number) == id)?;
        Some((kept.1.clone(), kept.2, from.parse().ok()?))
    }
}

/// How many rows an answer has, by the header `Sforce-Query-Options`.
pub fn batch(options: Option<&str>) -> usize {
    let size = options.into_iter().flat_map(|options| options.split(',')).find_map(|option| {
        let (name, value) = option.split_once('=')?;
        name.trim().eq_ignore_ascii_case("batchSize").then(|| value.trim().parse().ok())?
    });
    size.unwrap_or(BATCH).clamp(SMALLEST_BATCH, BATCH)
}
