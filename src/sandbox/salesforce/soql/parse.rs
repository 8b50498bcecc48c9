//! From the words of a query to what it means.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::words::{Word, words};
use super::{Condition, Kind, Literal, Object, Operator, Order, Path, Query, Refusal};
use crate::sandbox::salesforce::rows::moment;
use crate::sandbox::salesforce::schema::relationship;

const OPERATORS: &[(&str, Operator)] = &[
    ("=", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<>", Operator::NotEqual),
    ("<", Operator::Less),
    ("<=", Operator::LessOrEqual),
    (">", Operator::Greater),
    (">=", Operator::GreaterOrEqual),
];
/// A query that is nested deeper is refused.
const DEEPEST: usize = 50;

const LARGEST_OFFSET: usize = 2000;

struct Parser<'a> {
    soql: &'a str,
    words: Vec<(usize, Word)>,
    at: usize,
    depth: usize,
    hidden: &'a [&'a str],
}

/// Reads a query. What is `hidden` of objects (`Case`) and fields (`Subject`) is said not
/// to be there.
pub fn parse(soql: &str, hidden: &[&str]) -> Result<Query, Refusal> {
    Parser { soql, words: words(soql)?, at: 0, depth: 0, hidden }.query()
}

impl Parser<'_> {
    fn query(mut self) -> Result<Query, Refusal> {
        self.keyword("SELECT")?;
        let mut names = Vec::new();
        let is_count = self.peek().is("COUNT");
        if is_count {
            self.at += 1;
            self.sign("(")?;
            self.sign(")")?;
        } else {
            loop {
                names.push(self.name()?);
                if !self.takes_sign(",") {
                    break;
                }
            }
        }
        self.keyword("FROM")?;
        let (at, name) = self.name()?;
        let object = Object::named(&name).filter(|object| !self.hidden.contains(&object.name));
        let Some(object) = object else {
            let message = format!(
                "sObject type '{name}' is not supported. If you are attempting to use a custom object, be sure to \
                 append the '__c' after the entity name."
            );
            return Err(Refusal::at("INVALID_TYPE", self.soql, at, &message));
        };
        let fields = names.iter().map(|(at, name)| self.path(object, *at, name)).collect::<Result<Vec<_>, _>>()?;
        let condition = if self.takes("WHERE") { Some(self.condition(object)?) } else { None };
        let order = if self.takes("ORDER") { self.order(object)? } else { Vec::new() };
        let limit = if self.takes("LIMIT") { self.number()? } else { usize::MAX };
        let offset = if self.takes("OFFSET") { self.number()? } else { 0 };
        if offset > LARGEST_OFFSET {
            let message = format!("Maximum SOQL offset allowed is {LARGEST_OFFSET}");
            return Err(Refusal { code: "NUMBER_OUTSIDE_VALID_RANGE", message });
        }
        if self.at < self.words.len() {
            return Err(Refusal::unexpected(self.peek().text()));
        }
        Ok(Query { object, fields: (!is_count).then_some(fields), condition, order, limit, offset })
    }

    fn condition(&mut self, object: &'static Object) -> Result<Condition, Refusal> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Refusal::malformed("the condition is nested too deeply".to_owned()));
        }
        let mut terms = vec![self.term(object)?];
        let joins = ["AND", "OR"].into_iter().find(|word| self.peek().is(word));
        if let Some(word) = joins {
            while self.takes(word) {
                terms.push(self.term(object)?);
            }
            // One level mixes no AND with OR: parentheses say what is meant.
            if self.peek().is("AND") || self.peek().is("OR") {
                return Err(Refusal::unexpected(self.peek().text()));
            }
        }
        self.depth -= 1;
        Ok(if joins == Some("OR") { Condition::Any(terms) } else { Condition::All(terms) })
    }

    fn term(&mut self, object: &'static Object) -> Result<Condition, Refusal> {
        if self.takes("NOT") {
            self.depth += 1;
            if self.depth > DEEPEST {
                return Err(Refusal::malformed("the condition is nested too deeply".to_owned()));
            }
            let term = self.term(object)?;
            self.depth -= 1;
            return Ok(Condition::Not(Box::new(term)));
        }
        if self.takes_sign("(") {
            let condition = self.condition(object)?;
            self.sign(")")?;
            return Ok(condition);
        }
        let (at, name) = self.name()?;
        let path = self.path(object, at, &name)?;
        let operator = self.operator()?;
        let mut literals = Vec::new();
        if matches!(operator, Operator::In | Operator::NotIn) {
            self.sign("(")?;
            loop {
                literals.push(self.literal(&path)?);
                if !self.takes_sign(",") {
                    break;
                }
            }
            self.sign(")")?;
        } else {
            literals.push(self.literal(&path)?);
        }
        Ok(Condition::Comparison(path, operator, literals))
    }

    fn operator(&mut self) -> Result<Operator, Refusal> {
        if self.takes("LIKE") {
            return Ok(Operator::Like);
        }
        if self.takes("IN") {
            return Ok(Operator::In);
        }
        if self.takes("NOT") {
            return self.keyword("IN").map(|()| Operator::NotIn);
        }
        let Word::Sign(sign) = self.peek() else { return Err(Refusal::unexpected(self.peek().text())) };
        let known = OPERATORS.iter().find(|(text, _)| *text == sign).ok_or_else(|| Refusal::unexpected(sign))?;
        self.at += 1;
        Ok(known.1)
    }

    fn literal(&mut self, path: &Path) -> Result<Literal, Refusal> {
        let literal = match self.peek() {
            Word::Quoted(text) => Literal::Text(text),
            Word::Bare(word) => bare(&word).ok_or_else(|| Refusal::unexpected(&word))?,
            Word::Sign(sign) => return Err(Refusal::unexpected(sign)),
        };
        self.at += 1;
        let (fits, kind, quotes) = match path.kind {
            Kind::Boolean => (matches!(literal, Literal::Boolean(_)), "boolean", "not "),
            Kind::Number => (matches!(literal, Literal::Number(_) | Literal::Null), "int", "not "),
            Kind::DateTime => (matches!(literal, Literal::Span(..) | Literal::Null), "dateTime", "not "),
            Kind::Date => (matches!(literal, Literal::Span(..) | Literal::Null), "date", "not "),
            _ => (matches!(literal, Literal::Text(_) | Literal::Null), "string", ""),
        };
        let field = path.name;
        let message = format!(
            "value of filter criterion for field '{field}' must be of type {kind} and should {quotes}be enclosed in quotes"
        );
        if fits { Ok(literal) } else { Err(Refusal { code: "INVALID_FIELD", message }) }
    }

    fn order(&mut self, object: &'static Object) -> Result<Vec<Order>, Refusal> {
        self.keyword("BY")?;
        let mut order = Vec::new();
        loop {
            let (at, name) = self.name()?;
            let path = self.path(object, at, &name)?;
            let is_descending = self.takes("DESC");
            if !is_descending {
                self.takes("ASC");
            }
            let are_nulls_last = self.takes("NULLS") && {
                let are_last = self.takes("LAST");
                are_last || self.keyword("FIRST").map(|()| false)?
            };
            order.push(Order { path, is_descending, are_nulls_last });
            if !self.takes_sign(",") {
                return Ok(order);
            }
        }
    }

    fn path(&self, object: &'static Object, at: usize, name: &str) -> Result<Path, Refusal> {
        let missing = |entity: &Object, name: &str| {
            let message = format!(
                "No such column '{name}' on entity '{}'. If you are attempting to use a custom field, be sure to \
                 append the '__c' after the custom field name.",
                entity.name
            );
            Refusal::at("INVALID_FIELD", self.soql, at, &message)
        };
        let field = |object: &'static Object, name: &str| {
            let found = object.field(name).filter(|(_, (name, _))| !self.hidden.contains(name));
            found.ok_or_else(|| missing(object, name))
        };
        // A field may be named with its object.
        let name = match name.split_once('.') {
            Some((first, rest)) if first.eq_ignore_ascii_case(object.name) => rest,
            _ => name,
        };
        let Some((parent, name)) = name.split_once('.') else {
            let (place, (name, kind)) = field(object, name)?;
            return Ok(Path { parent: None, place, name, kind: *kind });
        };
        let followed = object.fields().enumerate().find_map(|(place, (own, kind))| match kind {
            Kind::Reference(to) if relationship(own)?.eq_ignore_ascii_case(parent) => {
                Some((place, relationship(own)?, Object::named(to)?))
            }
            _ => None,
        });
        let Some(followed) = followed else {
            let message = format!(
                "Didn't understand relationship '{parent}' in field path. If you are attempting to use a custom \
                 relationship, be sure to append the '__r' after the custom relationship name."
            );
            return Err(Refusal::at("INVALID_FIELD", self.soql, at, &message));
        };
        let (place, (name, kind)) = field(followed.2, name)?;
        Ok(Path { parent: Some(followed), place, name, kind: *kind })
    }

    fn peek(&self) -> Word {
        self.words.get(self.at).map_or(Word::Sign(""), |(_, word)| word.clone())
    }

    fn takes(&mut self, keyword: &str) -> bool {
        let is = self.peek().is(keyword);
        self.at += usize::from(is);
        is
    }

    fn takes_sign(&mut self, sign: &str) -> bool {
        let is = matches!(self.peek(), Word::Sign(next) if next == sign);
        self.at += usize::from(is);
        is
    }

    fn keyword(&mut self, keyword: &str) -> Result<(), Refusal> {
        if self.takes(keyword) { Ok(()) } else { Err(Refusal::unexpected(self.peek().text())) }
    }

    fn sign(&mut self, sign: &str) -> Result<(), Refusal> {
        if self.takes_sign(sign) { Ok(()) } else { Err(Refusal::unexpected(self.peek().text())) }
    }

    fn name(&mut self) -> Result<(usize, String), Refusal> {
        let reserved = ["FROM", "WHERE", "ORDER", "LIMIT", "OFFSET", "AND", "OR"];
        match self.words.get(self.at) {
            Some((at, word @ Word::Bare(name))) if !reserved.iter().any(|keyword| word.is(keyword)) => {
                let found = (*at, name.clone());
                self.at += 1;
                Ok(found)
            }
            _ => Err(Refusal::unexpected(self.peek().text())),
        }
    }

    fn number(&mut self) -> Result<usize, Refusal> {
        let word = self.peek();
        let number = word.text().parse().map_err(|_| Refusal::unexpected(word.text()))?;
        self.at += 1;
        Ok(number)
    }
}

/// A value without quotes.
fn bare(word: &str) -> Option<Literal> {
    let lower = word.to_ascii_lowercase();
    let day = |date: NaiveDate| {
        let begin = date.and_hms_opt(0, 0, 0)?;
        Some(Literal::Span(moment(begin), moment(begin + TimeDelta::days(1) - TimeDelta::milliseconds(1))))
    };
    let today = Utc::now().date_naive();
    match lower.as_str() {
        "null" => return Some(Literal::Null),
        "true" | "false" => return Some(Literal::Boolean(lower == "true")),
        "today" => return day(today),
        "yesterday" => return day(today - TimeDelta::days(1)),
        "tomorrow" => return day(today + TimeDelta::days(1)),
        _ => {}
    }
    if let Some(days) = lower.strip_prefix("last_n_days:") {
        let begin = (today - TimeDelta::try_days(days.parse().ok()?)?).and_hms_opt(0, 0, 0)?;
        return Some(Literal::Span(moment(begin), moment(Utc::now().naive_utc())));
    }
    if let Ok(number) = word.parse() {
        return Some(Literal::Number(number));
    }
    if let Ok(at) =
        DateTime::parse_from_rfc3339(word).or_else(|_| DateTime::parse_from_str(word, "%Y-%m-%dT%H:%M:%S%.f%z"))
    {
        let at = moment(at.naive_utc());
        return Some(Literal::Span(at.clone(), at));
    }
    day(NaiveDate::parse_from_str(word, "%Y-%m-%d").ok()?)
}
