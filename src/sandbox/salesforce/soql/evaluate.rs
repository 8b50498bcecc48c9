//! The rows that a query finds.

use std::cmp::Ordering;

use super::{Condition, Kind, Literal, Operator, Path, Query};
use crate::sandbox::salesforce::ids::short;
use crate::sandbox::salesforce::store::{Record, Store};

/// The rows of a query in its order.
pub fn rows<'a>(store: &'a Store, query: &Query, with_deleted: bool) -> Vec<Record<'a>> {
    let is_wanted = |record: &Record<'_>| {
        (with_deleted || !record.is_deleted())
            && query.condition.as_ref().is_none_or(|condition| condition.holds(store, *record))
    };
    let mut rows: Vec<_> = store.records(query.object).filter(is_wanted).collect();
    rows.sort_by(|a, b| {
        query.order.iter().fold(Ordering::Equal, |so_far, order| {
            so_far.then_with(|| {
                let (a, b) = (order.path.value(store, *a), order.path.value(store, *b));
                if a.is_empty() != b.is_empty() {
                    let nulls_first = a.is_empty() != order.are_nulls_last;
                    return if nulls_first { Ordering::Less } else { Ordering::Greater };
                }
                let ascending = compare(order.path.kind, a, b);
                if order.is_descending { ascending.reverse() } else { ascending }
            })
        })
    });
    rows.into_iter().skip(query.offset).take(query.limit).collect()
}

impl Path {
    /// The value in a row, or in the one that its reference leads to.
    pub fn value<'a>(&self, store: &'a Store, record: Record<'a>) -> &'a str {
        match self.parent {
            None => record.at(self.place),
            Some((reference, _, object)) => {
                store.find(object.name, record.at(reference)).map_or("", |parent| parent.at(self.place))
            }
        }
    }
}

impl Condition {
    fn holds(&self, store: &Store, record: Record<'_>) -> bool {
        match self {
            Self::All(terms) => terms.iter().all(|term| term.holds(store, record)),
            Self::Any(terms) => terms.iter().any(|term| term.holds(store, record)),
            Self::Not(term) => !term.holds(store, record),
            Self::Comparison(path, operator, literals) => {
                let value = path.value(store, record);
                match operator {
                    Operator::In => literals.iter().any(|literal| is_equal(path.kind, value, literal)),
                    Operator::NotIn => !literals.iter().any(|literal| is_equal(path.kind, value, literal)),
                    _ => literals.first().is_some_and(|literal| compares(path.kind, value, *operator, literal)),
                }
            }
        }
    }
}

fn compares(kind: Kind, value: &str, operator: Operator, literal: &Literal) -> bool {
    match operator {
        Operator::Equal => is_equal(kind, value, literal),
        Operator::NotEqual => !is_equal(kind, value, literal),
        Operator::Like => matches!(literal, Literal::Text(pattern) if is_like(value, pattern)),
        // Null is neither less nor greater than anything.
        _ if value.is_empty() => false,
        _ => {
            let (begin, end) = order(kind, value, literal);
            match operator {
                Operator::Less => begin == Some(Ordering::Less),
                Operator::LessOrEqual => end.is_some_and(Ordering::is_le),
                Operator::Greater => end == Some(Ordering::Greater),
                _ => begin.is_some_and(Ordering::is_ge),
            }
        }
    }
}

/// How a value compares with the begin and with the end of a literal.
fn order(kind: Kind, value: &str, literal: &Literal) -> (Option<Ordering>, Option<Ordering>) {
    let both = |order| (order, order);
    match literal {
        Literal::Null => (None, None),
        Literal::Text(text) => both(Some(compare(kind, value, text))),
        Literal::Boolean(is) => both(Some(value.cmp(if *is { "true" } else { "false" }))),
        Literal::Number(number) => both(value.parse::<f64>().ok().and_then(|value| value.partial_cmp(number))),
        // A day alone is compared with the days of moments.
        Literal::Span(begin, end) => {
            let length = value.len();
            let part = |text: &str| value.cmp(text.get(..length).unwrap_or(text));
            (Some(part(begin)), Some(part(end)))
        }
    }
}

fn is_equal(kind: Kind, value: &str, literal: &Literal) -> bool {
    match literal {
        Literal::Null => value.is_empty(),
        Literal::Text(text) if text.is_empty() => value.is_empty(),
        _ if value.is_empty() => false,
        _ => {
            let (begin, end) = order(kind, value, literal);
            begin.is_some_and(Ordering::is_ge) && end.is_some_and(Ordering::is_le)
        }
    }
}

fn compare(kind: Kind, a: &str, b: &str) -> Ordering {
    match kind {
        Kind::Id | Kind::Reference(_) => short(a).cmp(short(b)),
        Kind::Number => match (a.parse::<f64>(), b.parse::<f64>()) {
            (Ok(a), Ok(b)) => a.total_cmp(&b),
            _ => a.cmp(b),
        },
        Kind::Date | Kind::DateTime | Kind::Boolean => a.cmp(b),
        _ => a.to_lowercase().cmp(&b.to_lowercase()),
    }
}

/// Whether a text is like a pattern, in which `%` is anything and `_` one character.
fn is_like(value: &str, pattern: &str) -> bool {
    let value: Vec<char> = value.to_lowercase().chars().collect();
    let mut pieces = Vec::new();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        pieces.push(match letter {
            '\\' => Piece::Letter(letters.next().unwrap_or('\\')),
            '%' => Piece::Anything,
            '_' => Piece::One,
            other => Piece::Letter(other.to_lowercase().next().unwrap_or(other)),
        });
    }
    let (mut at, mut piece, mut last) = (0, 0, None);
    while at < value.len() {
        match pieces.get(piece) {
            Some(Piece::Anything) => {
                last = Some((piece, at));
                piece += 1;
            }
            Some(Piece::One) => (at, piece) = (at + 1, piece + 1),
            Some(Piece::Letter(letter)) if *letter == value[at] => (at, piece) = (at + 1, piece + 1),
            _ => {
                // Back to the last `%`, which takes one more.
                let Some((back, from)) = last else { return false };
                last = Some((back, from + 1));
                (at, piece) = (from + 1, back + 1);
            }
        }
    }
    pieces[piece..].iter().all(|piece| matches!(piece, Piece::Anything))
}

enum Piece {
    Letter(char),
    One,
    Anything,
}
