//! Rows of a table, page by page, each of them once.
//!
//! Where the service sorts by the key of a row, a page begins after the last key that
//! came: what others write in between neither doubles nor loses a row. Otherwise pages are
//! counted off, or each names the next. The instance is not believed: its order is looked at, its count is only
//! said, and it is asked until nothing more comes.

use std::borrow::Cow;
use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;
use std::time::Duration;

use chrono::Utc;
use serde::{Deserialize, Serialize};
use url::Position;

use super::pages;
use super::request::Client;
use super::watched::Watched;
use crate::base::backoff::Backoff;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::json_array::{Broken, Element};
use crate::base::shown::{Shown, shown};
use crate::http::retry_after;
use crate::service::rows::{Listing, Place, Row, RowQuery};
use crate::service::{Next, Service};

/// How often a page is asked for again that brings nothing new.
const MOST_TRIES: u32 = 4;
/// The same where the instance says that it is asked too often.
const MOST_WAITS: u32 = 20;
/// No wait for a rate limit is longer: they are per hour.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
/// How many pages in a row may hide all of their rows.
const MOST_HIDDEN_PAGES: u32 = 200;
/// The most rows that a page is asked for, unless it names the next.
const PAGE: u64 = 1000;

/// How far the rows were read: all that is needed to go on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    pub place: Place,
    /// How many rows came.
    pub rows: u64,
    /// How many the service counted at the beginning.
    pub counted: Option<u64>,
    /// Whether a page had fewer rows than the service counted for it.
    pub has_hidden: bool,
    /// Whether pages are counted off, since the rows have no key or another order.
    pub by_position: bool,
    /// Whether nothing more comes.
    pub is_complete: bool,
}

/// What happened at the end of a page.
pub enum Step {
    /// There may be more.
    More,
    Done,
    /// The same is to be tried again, after this time and for this reason.
    Wait(Duration, Box<Failure>),
}

/// A walk through rows.
pub struct Walk {
    pub(super) client: Client,
    pub(super) service: &'static dyn Service,
    pub(super) query: RowQuery,
    limit: Option<u64>,
    pub cursor: Cursor,
    /// Whether the next page is to be counted.
    counts: bool,
    /// What is left of the count after the place, as a page last said it.
    remaining: Option<u64>,
    hidden_pages: u32,
    tries: u32,
    waits: u32,
    backoff: Backoff,
    /// The first row of the page before, where pages are counted off.
    last_first: Option<u64>,
    /// The rows of this page that came before it broke off.
    came: HashSet<String>,
    /// Whether each page names the next, and the ones that were named.
    is_linked: bool,
    named: HashSet<String>,
}

/// What a page brought.
#[derive(Default)]
struct Page {
    rows: u64,
    /// The first of them.
    first: Option<u64>,
    /// What it names as the next one.
    next: Option<Next>,
    /// Whether the caller wants no more.
    is_enough: bool,
}

impl Walk {
    /// From the beginning, or on from a cursor.
    pub fn new(client: Client, mut query: RowQuery, limit: Option<u64>, cursor: Cursor) -> Self {
        let service = client.connection().service();
        if query.fields.is_empty() && query.listing == Listing::Rows {
            query.fields = service.default_fields(&query.table);
        }
        let cursor = Cursor { by_position: cursor.by_position || !service.is_by_key(&query), ..cursor };
        Self {
            counts: true,
            is_linked: service.is_linked(&query),
            named: HashSet::new(),
            client,
            service,
            query,
            limit,
            cursor,
            remaining: None,
            hidden_pages: 0,
            tries: 0,
            waits: 0,
            backoff: Backoff::between(Duration::from_secs(1), Duration::from_secs(30)),
            last_first: None,
            came: HashSet::new(),
        }
    }

    /// The fields that are asked for; none for all.
    pub fn fields(&self) -> &[String] {
        &self.query.fields
    }

    /// The fields that a person looks at first.
    pub fn first_fields(&self) -> &'static [&'static str] {
        self.service.first_fields()
    }

    /// The field that is asked for beside those of the query.
    pub fn key(&self) -> &'static str {
        self.service.key()
    }

    /// Reads the next page, and gives each row to `take`, which says whether it wants more.
    /// At the first page `counted` is known before the first row.
    pub async fn page(
        &mut self,
        mut take: impl FnMut(&Row<'_>, &Cursor) -> Result<bool, Failure>,
    ) -> Result<Step, Failure> {
        let left = self.limit.map_or(u64::MAX, |limit| limit.saturating_sub(self.cursor.rows));
        if left == 0 || self.cursor.is_complete {
            self.cursor.is_complete = true;
            return Ok(Step::Done);
        }
        let size = match self.limit {
            // What came of a page that broke off comes again.
            limit if self.is_linked => limit.unwrap_or(u64::MAX),
            // Where rows are hidden, few are left to be found among many.
            _ if self.cursor.has_hidden => PAGE,
            _ => PAGE.min(left),
        };
        let (start, before) = (self.cursor.place.clone(), self.cursor.rows);
        let (page, total) = match self.read(&start, size, &mut take).await {
            Ok(read) => read,
            Err(Ended::Failed(failure)) => return Err(*failure),
            Err(Ended::Broken(failure, wait)) => {
                if self.cursor.rows > before {
                    (self.tries, self.waits) = (0, 0);
                }
                return self.again(*failure, wait);
            }
        };
        (self.tries, self.waits) = (0, 0);
        if page.is_enough {
            self.cursor.is_complete = self.limit == Some(self.cursor.rows);
            return Ok(Step::Done);
        }
        if self.query.listing != Listing::Rows {
            self.cursor.is_complete = true;
            return Ok(Step::Done);
        }
        self.follow(&page, &start, size, total)
    }

    async fn read(
        &mut self,
        start: &Place,
        size: u64,
        take: &mut impl FnMut(&Row<'_>, &Cursor) -> Result<bool, Failure>,
    ) -> Result<(Page, Option<u64>), Ended> {
        let version = self.client.connection().api_version();
        let path = match &start.next {
            Some(path) => path.clone(),
            None => self.service.page(&self.query, start, size, self.counts, version),
        };
        let response = self.client.get(&path).await.map_err(|failure| Ended::Broken(Box::new(failure), None))?;
        let wait = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let wait = wait.and_then(|value| retry_after::read(value, Utc::now()));
        let total = self.service.count(response.headers());
        let is_good = response.status() == 200;
        let mut answer = Watched::new(response);
        if is_good && *start == Place::default() {
            self.cursor.counted = total;
        }
        let mut page = Page::default();
        let mut read = Ok(());
        while is_good && read.is_ok() && answer.piece().await.is_some() {
            read = self.rows(&mut answer, &mut page, take)?;
            if page.is_enough {
                return Ok((page, total));
            }
        }
        answer.skim().await;
        page.next = (is_good && self.is_linked).then(|| answer.next());
        match answer.verdict_of_rows(read) {
            Some(failure) if self.service.is_empty_list(&failure, version) => Ok((Page::default(), total)),
            Some(failure) => Err(Ended::Broken(Box::new(failure), wait)),
            None => Ok((page, total)),
        }
    }

    /// Takes the rows of what came so far.
    fn rows(
        &mut self,
        answer: &mut Watched,
        page: &mut Page,
        take: &mut impl FnMut(&Row<'_>, &Cursor) -> Result<bool, Failure>,
    ) -> Result<Result<(), Broken>, Ended> {
        while !page.is_enough {
            let row = match answer.row() {
                Ok(Some(element)) => Row::read(element),
                Ok(None) => break,
                Err(broken) => return Ok(Err(broken)),
            };
            let Some(row) = row else { return Ok(Err(Broken::Malformed)) };
            let rewritten = self.service.rewritten(&row);
            let rewritten = rewritten.as_deref().map(|text| Element { text: text.as_bytes(), is_flat: false });
            let row = rewritten.and_then(Row::read).unwrap_or(row);
            let wants_more = self.row(&row, page, take)?;
            page.is_enough = !wants_more || self.limit == Some(self.cursor.rows);
        }
        Ok(Ok(()))
    }

    /// Takes one row. False where no more is wanted.
    fn row(
        &mut self,
        row: &Row<'_>,
        page: &mut Page,
        take: &mut impl FnMut(&Row<'_>, &Cursor) -> Result<bool, Failure>,
    ) -> Result<bool, Ended> {
        let failed = |failure| Ended::Failed(Box::new(failure));
        let key = row.value(self.service.key()).filter(|key| !key.is_empty());
        page.rows += 1;
        if key.is_none() && self.cursor.rows == 0 {
            self.cursor.by_position = true;
        }
        match (&key, !self.cursor.by_position) {
            (None, true) => return Err(failed(self.cannot_page("A row came without its key"))),
            (Some(key), true) => {
                if self.cursor.place.after.as_ref().is_some_and(|last| !comes_after(key, last)) {
                    return Err(failed(self.cannot_page("Its rows do not come in the order that was asked for")));
                }
            }
            _ if page.rows == 1 && self.is_as_before(row, page) => {
                return Err(failed(self.cannot_page("It gives the same page again and again")));
            }
            (Some(key), false) => {
                // It came before this page broke off.
                if !self.came.insert(key.clone().into_owned()) && self.tries + self.waits > 0 {
                    return Ok(true);
                }
            }
            (None, false) => {}
        }
        self.cursor.rows += 1;
        if !self.cursor.by_position {
            self.cursor.place = Place { after: key.map(Cow::into_owned), ..Place::default() };
        }
        take(row, &self.cursor).map_err(failed)
    }

    /// Whether the first row of a page is that of the page before.
    fn is_as_before(&self, row: &Row<'_>, page: &mut Page) -> bool {
        let mut hasher = DefaultHasher::new();
        hasher.write(row.text.as_bytes());
        page.first = Some(hasher.finish());
        self.last_first == page.first
    }

    /// Where to go on after the page that began at `start`, and whether there is anywhere.
    fn follow(&mut self, page: &Page, start: &Place, size: u64, total: Option<u64>) -> Result<Step, Failure> {
        self.came.clear();
        if self.is_linked {
            return self.follow_link(page);
        }
        // What the service counts from the beginning of the page on.
        let fits = total.filter(|_| self.counts).map(|total| total.saturating_sub(start.offset));
        self.cursor.has_hidden |= fits.is_some_and(|fits| page.rows < fits.min(size));
        if page.rows == 0 {
            return self.follow_none(start, size, total, fits);
        }
        (self.hidden_pages, self.remaining) = (0, None);
        if self.cursor.by_position {
            self.last_first = page.first;
            self.cursor.place.offset = start.offset + size;
        }
        let is_full = page.rows >= size;
        if !is_full && fits == Some(page.rows) {
            self.cursor.is_complete = true;
            return Ok(Step::Done);
        }
        // A full page says by itself that there may be more.
        self.counts = !is_full;
        Ok(Step::More)
    }

    /// The same where the page itself says it.
    fn follow_link(&mut self, page: &Page) -> Result<Step, Failure> {
        self.last_first = page.first;
        match &page.next {
            Some(Next::Page(url)) => {
                let path = url[Position::BeforePath..].to_owned();
                if !self.named.insert(path.clone()) {
                    return Err(pages::circle(&self.client));
                }
                self.cursor.place = Place { next: Some(path), ..Place::default() };
                Ok(Step::More)
            }
            Some(Next::Elsewhere(link)) => Err(pages::elsewhere(&self.client, link)),
            Some(Next::Nothing) | None => {
                self.cursor.is_complete = true;
                Ok(Step::Done)
            }
        }
    }

    /// After a page without rows: rows that are counted are hidden, and more may follow.
    fn follow_none(
        &mut self,
        start: &Place,
        size: u64,
        total: Option<u64>,
        fits: Option<u64>,
    ) -> Result<Step, Failure> {
        if !self.counts {
            self.counts = true;
            return Ok(Step::More);
        }
        if fits.is_none_or(|fits| fits <= size) {
            self.cursor.is_complete = true;
            return Ok(Step::Done);
        }
        self.hidden_pages += 1;
        if self.hidden_pages > MOST_HIDDEN_PAGES {
            return Err(self.cannot_page("It counts rows, and page after page has none"));
        }
        // Where hidden rows were removed meanwhile, others moved up.
        let removed = match (self.remaining, total) {
            (Some(before), Some(now)) => before.saturating_sub(now),
            _ => 0,
        };
        self.remaining = total;
        self.cursor.place.offset = start.offset + size - removed.min(size - 1);
        Ok(Step::More)
    }

    /// Whether a failure passes, and how long to wait for that.
    fn again(&mut self, failure: Failure, wait: Option<Duration>) -> Result<Step, Failure> {
        let is_limited = failure.code() == Code::RateLimited;
        if !failure.code().retryable() {
            return Err(failure);
        }
        let (tries, most) = if is_limited { (&mut self.waits, MOST_WAITS) } else { (&mut self.tries, MOST_TRIES) };
        *tries += 1;
        if *tries > most {
            return Err(failure);
        }
        if *tries == 1 {
            let first = Duration::from_millis(if is_limited { 2000 } else { 500 });
            self.backoff = Backoff::between(first, Duration::from_secs(30));
        }
        let wait = wait.unwrap_or_else(|| self.backoff.following());
        if wait > LONGEST_WAIT { Err(failure) } else { Ok(Step::Wait(wait, Box::new(failure))) }
    }

    fn cannot_page(&self, why: &'static str) -> Failure {
        let host = self.client.connection().instance().host_and_port();
        Failure::new(Code::UnexpectedAnswer, shown!("the rows of {} cannot be read page by page", self.query.table))
            .why(shown!("{} of {}, so that rows could be lost or come twice.", Shown::outside(why), host))
            .next("Ask for fewer rows with --filter or --limit")
    }
}

/// Why a page did not come to its end.
enum Ended {
    /// It may come another time.
    Broken(Box<Failure>, Option<Duration>),
    Failed(Box<Failure>),
}

/// Whether a key follows another as databases sort them, without regard to case. Keys of
/// other forms are sorted by rules that are not known here.
fn comes_after(key: &str, last: &str) -> bool {
    match (hexadecimal(key), hexadecimal(last)) {
        (Some(key), Some(last)) => key > last,
        _ => key != last,
    }
}

fn hexadecimal(key: &str) -> Option<[u8; 32]> {
    let mut key: [u8; 32] = key.as_bytes().try_into().ok()?;
    key.make_ascii_lowercase();
    key.iter().fold(true, |is_hex, byte| is_hex & byte.is_ascii_hexdigit()).then_some(key)
}
