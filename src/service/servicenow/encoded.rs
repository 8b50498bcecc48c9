//! Encoded queries, as far as they are put together here: terms between `^`, alternatives
//! with `^OR`, whole other queries with `^NQ`, and an order among them.

use crate::service::rows::{Order, Term};

/// An operator and what holds where it does not; none if there is no such operator.
const OPERATORS: &[(&str, Option<&str>)] = &[
    ("!=", Some("=")),
    ("<=", Some(">")),
    (">=", Some("<")),
    ("=", Some("!=")),
    ("<", Some(">=")),
    (">", Some("<=")),
    ("DOES NOT CONTAIN", Some("LIKE")),
    ("NOT LIKE", Some("LIKE")),
    ("NOTLIKE", Some("LIKE")),
    ("CONTAINS", Some("NOT LIKE")),
    ("LIKE", Some("NOT LIKE")),
    ("NOT IN", Some("IN")),
    ("NOTIN", Some("IN")),
    ("NOTON", Some("ON")),
    ("ISNOTEMPTY", Some("ISEMPTY")),
    ("ISEMPTY", Some("ISNOTEMPTY")),
    ("INSTANCEOF", None),
    ("IN", Some("NOT IN")),
    ("NSAMEAS", Some("SAMEAS")),
    ("SAMEAS", Some("NSAMEAS")),
];

/// A query in its parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Encoded {
    /// A row fits if it fits one of these; the terms of each with their `OR`.
    sets: Vec<Vec<String>>,
    pub order: Vec<Order>,
}

impl Encoded {
    pub fn read(text: &str) -> Self {
        let mut encoded = Self { sets: vec![Vec::new()], order: Vec::new() };
        for part in parts(text) {
            let mut part = part.as_str();
            if let Some(rest) = part.strip_prefix("NQ") {
                encoded.sets.push(Vec::new());
                part = rest;
            }
            let order = |field: &str, descending| Order { field: field.to_owned(), descending };
            if let Some(field) = part.strip_prefix("ORDERBYDESC") {
                encoded.order.push(order(field, true));
            } else if let Some(field) = part.strip_prefix("ORDERBY") {
                encoded.order.push(order(field, false));
            } else if !part.is_empty() && part != "EQ" && !part.starts_with("GROUPBY") {
                // EQ ends a query that was copied from a list.
                encoded.sets.last_mut().expect("there is a set").push(part.to_owned());
            }
        }
        encoded
    }

    /// Adds a term that must hold as well, whatever the row fits otherwise.
    pub fn and(&mut self, term: &str) {
        self.sets.iter_mut().for_each(|set| set.push(term.to_owned()));
    }

    /// The query as the instance reads it.
    pub fn text(&self) -> String {
        let sets: Vec<String> = self.sets.iter().map(|set| set.join("^")).collect();
        let mut text = sets.join("^NQ");
        for Order { field, descending } in &self.order {
            let by = if *descending { "ORDERBYDESC" } else { "ORDERBY" };
            let separator = if text.is_empty() { "" } else { "^" };
            text.push_str(&format!("{separator}{by}{field}"));
        }
        text
    }

    /// Its terms, each once.
    pub fn terms(&self) -> Vec<Term> {
        let mut terms: Vec<Term> = Vec::new();
        for text in self.sets.iter().flatten().map(|term| term.strip_prefix("OR").unwrap_or(term)) {
            if terms.iter().all(|term| term.text != text) {
                let contradiction = negated(text).map(|negated| format!("{text}^{negated}"));
                terms.push(Term { text: text.to_owned(), contradiction });
            }
        }
        terms
    }
}

/// A value, escaped for a query.
pub fn escaped(value: &str) -> String {
    value.replace('^', "^^")
}

/// The term that holds where `term` does not.
fn negated(term: &str) -> Option<String> {
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'.');
    let end = term.bytes().position(|byte| !is_name(byte))?;
    let (field, rest) = term.split_at(end);
    if field.is_empty() {
        return None;
    }
    let fitting = OPERATORS.iter().filter(|(operator, _)| rest.starts_with(operator));
    let (operator, opposite) = fitting.max_by_key(|(operator, _)| operator.len())?;
    Some(format!("{field}{}{}", (*opposite)?, &rest[operator.len()..]))
}

/// The parts between single `^`; a doubled one belongs to a value, and stays doubled.
fn parts(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut rest = text.chars().peekable();
    while let Some(letter) = rest.next() {
        match letter {
            '^' if rest.next_if_eq(&'^').is_some() => parts.last_mut().expect("there is one").push_str("^^"),
            '^' => parts.push(String::new()),
            letter => parts.last_mut().expect("there is one").push(letter),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_that_is_added_holds_for_every_set_and_the_order_stays_behind() {
        for (text, with) in [
            ("", "x>1"),
            ("a=1", "a=1^x>1"),
            ("a=1^ORb=2", "a=1^ORb=2^x>1"),
            ("a=1^NQb=2^c=3", "a=1^x>1^NQb=2^c=3^x>1"),
            ("a=1^NQ", "a=1^x>1^NQx>1"),
            ("ORDERBYDESCn^a=1^NQb=2^ORDERBYm^EQ", "a=1^x>1^NQb=2^x>1^ORDERBYDESCn^ORDERBYm"),
            ("a=1^GROUPBYb^EQ", "a=1^x>1"),
            ("a=b^^NQc^d=1", "a=b^^NQc^d=1^x>1"),
        ] {
            let mut encoded = Encoded::read(text);
            encoded.and("x>1");
            assert_eq!(encoded.text(), with, "{text}");
        }
        assert_eq!(Encoded::read("a=1^ORb=2^NQc=3^ORDERBYd").text(), "a=1^ORb=2^NQc=3^ORDERBYd");
        assert_eq!(Encoded::read("ORDERBYd").text(), "ORDERBYd");
    }

    #[test]
    fn each_term_has_what_no_row_fits() {
        let terms = |text: &str| {
            let terms = Encoded::read(text).terms();
            terms.into_iter().map(|term| term.contradiction.unwrap_or(format!("{}?", term.text))).collect::<Vec<_>>()
        };
        assert_eq!(terms("a=1^ORb.c!=x^^y^NQa=1"), ["a=1^a!=1", "b.c!=x^^y^b.c=x^^y"]);
        for (term, expected) in [
            ("a>=5", "a>=5^a<5"),
            ("a>5", "a>5^a<=5"),
            ("aLIKEx", "aLIKEx^aNOT LIKEx"),
            ("aNOT LIKEx", "aNOT LIKEx^aLIKEx"),
            ("aIN1,2", "aIN1,2^aNOT IN1,2"),
            ("aNOT IN1,2", "aNOT IN1,2^aIN1,2"),
            ("aISEMPTY", "aISEMPTY^aISNOTEMPTY"),
            ("a=javascript:gs.getUserID()", "a=javascript:gs.getUserID()^a!=javascript:gs.getUserID()"),
            ("aINSTANCEOFcmdb_ci", "aINSTANCEOFcmdb_ci?"),
            ("aSTARTSWITHx", "aSTARTSWITHx?"),
            ("aRHYMESWITHx", "aRHYMESWITHx?"),
            ("nonsense", "nonsense?"),
            ("123TEXTQUERY321=x", "123TEXTQUERY321=x?"),
        ] {
            assert_eq!(terms(term), [expected], "{term}");
        }
    }
}
