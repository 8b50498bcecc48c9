//! An encoded query, applied to rows.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};

use super::access::Caller;
use super::path::Path;
use super::query::{ANY_TEXT, Operator, Query, Term};
use super::script::{evaluate, relative};
use crate::sandbox::rows::{Record, Store};
use crate::sandbox::schema::{Class, Kind};

/// The terms of a query that a table understands. One whose field it does not
/// know is dropped, and with it the last of them every row fits: so does
/// ServiceNow, unless `glide.invalid_query.returns_no_rows` is set.
#[derive(Debug)]
pub struct Filter {
    sets: Vec<Vec<Vec<Condition>>>,
    order: Vec<(Path, bool)>,
}

#[derive(Debug)]
struct Condition {
    what: What,
    test: Test,
}

#[derive(Debug)]
enum What {
    Field(Path),
    /// All text fields of the row.
    AnyText,
}

#[derive(Debug)]
enum Test {
    Anything,
    IsEmpty,
    Equal(String),
    Within(Vec<String>),
    Between(String, String),
    Compare(fn(Ordering) -> bool, String),
    CompareField(fn(Ordering) -> bool, Path),
    SameAs(Path),
    Contains(String),
    StartsWith(String),
    EndsWith(String),
    InstanceOf(String),
    Not(Box<Test>),
}

impl Filter {
    pub fn new(store: &Store, class: &Class, query: &Query, caller: &Caller, now: DateTime<Utc>) -> Self {
        let condition = |term: &Term| condition(store, class, term, &|text| evaluate(text, caller, now), now);
        let sets = query.sets.iter().map(|set| {
            let groups = set.groups.iter().map(|group| group.iter().filter_map(condition).collect::<Vec<_>>());
            groups.filter(|group| !group.is_empty()).collect::<Vec<_>>()
        });
        let order = query.order.iter().filter_map(|order| {
            let path = Path::of(store, class, &order.field)?;
            Some((path, order.descending))
        });
        let mut filter = Self { sets: sets.collect(), order: order.collect() };
        if filter.sets.iter().any(Vec::is_empty) {
            filter.sets.clear();
        }
        filter
    }

    /// Adds `field=value` parameters: all of them must hold.
    pub fn and_equal<'p>(&mut self, store: &Store, class: &Class, parameters: impl Iterator<Item = (&'p str, String)>) {
        for (field, value) in parameters {
            let Some(path) = Path::of(store, class, field) else { continue };
            if self.sets.is_empty() {
                self.sets.push(Vec::new());
            }
            for set in &mut self.sets {
                set.push(vec![Condition { what: What::Field(path.clone()), test: Test::Equal(value.clone()) }]);
            }
        }
    }

    /// Whether the caller may read every field that is asked about.
    pub fn is_permitted(&self, caller: &Caller) -> bool {
        let conditions = self.sets.iter().flatten().flatten();
        let is_visible = |condition: &Condition| {
            let other = match &condition.test {
                Test::SameAs(path) | Test::CompareField(_, path) => path.is_visible(caller),
                _ => true,
            };
            other && !matches!(&condition.what, What::Field(path) if !path.is_visible(caller))
        };
        conditions.into_iter().all(is_visible) && self.order.iter().all(|(path, _)| path.is_visible(caller))
    }

    pub fn fits(&self, store: &Store, record: Record<'_>) -> bool {
        let holds = |condition: &Condition| condition.holds(store, record);
        self.sets.is_empty() || self.sets.iter().any(|set| set.iter().all(|group| group.iter().any(holds)))
    }

    /// Puts records into the order that was asked for, and leaves the first so many.
    /// References are sorted by what a person reads, empty values come first.
    pub fn sort(&self, store: &Store, records: &mut Vec<Record<'_>>, wanted: usize) {
        if self.order.is_empty() {
            records.truncate(wanted);
            return;
        }
        let key = |record: Record<'_>| -> Vec<Key> {
            self.order.iter().map(|(path, _)| Key::of(store, path, record)).collect()
        };
        let keys = records.iter().map(|&record| key(record)).enumerate();
        let mut keyed: Vec<(usize, Vec<Key>)> = keys.collect();
        let by = |(place, left): &(usize, Vec<Key>), (other_place, right): &(usize, Vec<Key>)| {
            let by =
                left.iter().zip(right).zip(&self.order).map(|((left, right), (_, descending))| {
                    if *descending { right.cmp(left) } else { left.cmp(right) }
                });
            // What is alike stays as it was.
            by.into_iter().find(|order| order.is_ne()).unwrap_or_else(|| place.cmp(other_place))
        };
        // Of many rows a page has few.
        if wanted < keyed.len() {
            keyed.select_nth_unstable_by(wanted, by);
            keyed.truncate(wanted);
        }
        keyed.sort_unstable_by(by);
        *records = keyed.into_iter().map(|(place, _)| records[place]).collect();
    }
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Number(Option<i64>),
    Text(String),
}

impl Key {
    fn of(store: &Store, path: &Path, record: Record<'_>) -> Self {
        match path.field().kind {
            kind if kind.is_number() => Self::Number(path.value(store, record).parse().ok()),
            Kind::Reference(_) | Kind::ReferenceByName(_) => Self::Text(path.display(store, record).to_lowercase()),
            _ => Self::Text(path.value(store, record).to_lowercase()),
        }
    }
}

/// A term, where the table understands it.
fn condition(
    store: &Store,
    class: &Class,
    term: &Term,
    evaluate: &dyn Fn(&str) -> String,
    now: DateTime<Utc>,
) -> Option<Condition> {
    if term.field == ANY_TEXT {
        return Some(Condition { what: What::AnyText, test: Test::Contains(term.value.to_lowercase()) });
    }
    let path = Path::of(store, class, &term.field)?;
    let value = || evaluate(&term.value);
    let other = || Path::of(store, class, &term.value);
    let not = |test| Test::Not(Box::new(test));
    let test = match term.operator {
        Operator::Anything => Test::Anything,
        Operator::IsEmpty => Test::IsEmpty,
        Operator::IsNotEmpty => not(Test::IsEmpty),
        Operator::Is if term.value == "NULL" => Test::IsEmpty,
        Operator::IsNot if term.value == "NULL" => not(Test::IsEmpty),
        Operator::Is => Test::Equal(value()),
        Operator::IsNot => not(Test::Equal(value())),
        Operator::Less => Test::Compare(Ordering::is_lt, value()),
        Operator::LessOrEqual => Test::Compare(Ordering::is_le, value()),
        Operator::Greater => Test::Compare(Ordering::is_gt, value()),
        Operator::GreaterOrEqual => Test::Compare(Ordering::is_ge, value()),
        Operator::Contains => Test::Contains(value().to_lowercase()),
        Operator::NotContains => not(Test::Contains(value().to_lowercase())),
        Operator::StartsWith => Test::StartsWith(value().to_lowercase()),
        Operator::EndsWith => Test::EndsWith(value().to_lowercase()),
        Operator::In => Test::Within(values(&value())),
        Operator::NotIn => not(Test::Within(values(&value()))),
        Operator::Between => between(&term.value, evaluate)?,
        Operator::On => on(&term.value, evaluate)?,
        Operator::NotOn => not(on(&term.value, evaluate)?),
        Operator::SameAs => Test::SameAs(other()?),
        Operator::NotSameAs => not(Test::SameAs(other()?)),
        Operator::GreaterThanField => Test::CompareField(Ordering::is_gt, other()?),
        Operator::GreaterOrEqualsField => Test::CompareField(Ordering::is_ge, other()?),
        Operator::LessThanField => Test::CompareField(Ordering::is_lt, other()?),
        Operator::LessOrEqualsField => Test::CompareField(Ordering::is_le, other()?),
        Operator::InstanceOf => Test::InstanceOf(value()),
        Operator::RelativeGreater => Test::Compare(Ordering::is_gt, relative(&term.value, now)?),
        Operator::RelativeGreaterOrEqual => Test::Compare(Ordering::is_ge, relative(&term.value, now)?),
        Operator::RelativeLess => Test::Compare(Ordering::is_lt, relative(&term.value, now)?),
        Operator::RelativeLessOrEqual => Test::Compare(Ordering::is_le, relative(&term.value, now)?),
    };
    Some(Condition { what: What::Field(path), test })
}

fn values(list: &str) -> Vec<String> {
    list.split(',').map(|value| value.trim().to_owned()).collect()
}

/// `1@3`, or two calls with an `@` between them.
fn between(value: &str, evaluate: &dyn Fn(&str) -> String) -> Option<Test> {
    let (from, to) = match value.find("@javascript:") {
        Some(at) => (&value[..at], &value[at + 1..]),
        None => value.split_once('@')?,
    };
    Some(Test::Between(evaluate(from), evaluate(to)))
}

/// `Today@javascript:…@javascript:…`: a label, a start and an end; or one day.
fn on(value: &str, evaluate: &dyn Fn(&str) -> String) -> Option<Test> {
    match value.split_once('@') {
        Some((_, span)) => between(span, evaluate),
        None => Some(Test::StartsWith(evaluate(value).chars().take(10).collect())),
    }
}

impl Condition {
    fn holds(&self, store: &Store, record: Record<'_>) -> bool {
        match &self.what {
            What::Field(path) => self.test.holds(store, path, record),
            What::AnyText => {
                let Test::Contains(part) = &self.test else { return true };
                let fields = record.class.fields.iter().enumerate();
                let mut texts = fields.filter(|(_, field)| field.kind == Kind::Text).map(|(place, _)| record.at(place));
                texts.any(|text| text.to_lowercase().contains(part))
            }
        }
    }
}

impl Test {
    fn holds(&self, store: &Store, path: &Path, record: Record<'_>) -> bool {
        let kind = path.field().kind;
        let value = || path.value(store, record);
        // A part of a reference is looked for in what a person reads.
        let text = || match kind.target() {
            Some(_) => path.display(store, record).to_lowercase(),
            None => value().to_lowercase(),
        };
        match self {
            Self::Anything => true,
            Self::Not(test) => !test.holds(store, path, record),
            Self::IsEmpty => value().is_empty(),
            Self::Equal(wanted) => is_equal(kind, value(), wanted),
            Self::Within(wanted) => wanted.iter().any(|wanted| is_equal(kind, value(), wanted)),
            Self::Between(from, to) => {
                let value = value();
                !value.is_empty() && compare(kind, value, from).is_ge() && compare(kind, value, to).is_le()
            }
            Self::Compare(is_fitting, wanted) => {
                let value = value();
                !value.is_empty() && is_fitting(compare(kind, value, wanted))
            }
            Self::CompareField(is_fitting, other) => {
                let (value, other) = (value(), other.value(store, record));
                !value.is_empty() && !other.is_empty() && is_fitting(compare(kind, value, other))
            }
            Self::SameAs(other) => is_equal(kind, value(), other.value(store, record)),
            Self::Contains(part) => text().contains(part.as_str()),
            Self::StartsWith(part) => text().starts_with(part.as_str()),
            Self::EndsWith(part) => text().ends_with(part.as_str()),
            Self::InstanceOf(table) => store.class(value()).is_some_and(|class| class.is_a(table)),
        }
    }
}

fn is_equal(kind: Kind, value: &str, wanted: &str) -> bool {
    match (kind, wanted) {
        (Kind::Boolean, "1") => value == "true",
        (Kind::Boolean, "0") => value == "false",
        _ => compare(kind, value, wanted).is_eq(),
    }
}

/// Numbers by their size, all else as text without regard to case.
fn compare(kind: Kind, left: &str, right: &str) -> Ordering {
    if kind.is_number()
        && let (Ok(left), Ok(right)) = (left.parse::<i64>(), right.trim().parse::<i64>())
    {
        return left.cmp(&right);
    }
    if left.is_ascii() && right.is_ascii() {
        let [left, right] = [left, right].map(|text| text.bytes().map(|byte| byte.to_ascii_lowercase()));
        return left.cmp(right);
    }
    left.to_lowercase().cmp(&right.to_lowercase())
}
