//! The part of SOQL that clients need most: fields, one level of parents, `COUNT()`,
//! conditions, an order, a limit and an offset.

mod evaluate;
mod parse;
mod words;

use super::schema::{Kind, Object};

pub use evaluate::rows;
pub use parse::parse;

/// A query that was understood.
#[derive(Debug, Clone)]
pub struct Query {
    pub object: &'static Object,
    /// None is `COUNT()`.
    pub fields: Option<Vec<Path>>,
    condition: Option<Condition>,
    order: Vec<Order>,
    limit: usize,
    offset: usize,
}

/// A field of the object, or of the one that a reference leads to.
#[derive(Debug, Clone)]
pub struct Path {
    /// The place of the reference, the name of the relationship, and its object.
    pub parent: Option<(usize, &'static str, &'static Object)>,
    pub place: usize,
    pub name: &'static str,
    pub kind: Kind,
}

#[derive(Debug, Clone)]
struct Order {
    path: Path,
    is_descending: bool,
    are_nulls_last: bool,
}

#[derive(Debug, Clone)]
enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Comparison(Path, Operator, Vec<Literal>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Like,
    In,
    NotIn,
}

/// A value in a query. A moment or a word for a day is from one text to another.
#[derive(Debug, Clone, PartialEq)]
enum Literal {
    Null,
    Text(String),
    Boolean(bool),
    Number(f64),
    Span(String, String),
}

/// Why a query is refused.
#[derive(Debug)]
pub struct Refusal {
    pub code: &'static str,
    pub message: String,
}

impl Refusal {
    fn malformed(message: String) -> Self {
        Self { code: "MALFORMED_QUERY", message }
    }

    fn unexpected(token: &str) -> Self {
        match token {
            "" => Self::malformed("unexpected token: '<EOF>'".to_owned()),
            _ => Self::malformed(format!("unexpected token: '{token}'")),
        }
    }

    /// The error at a place of the query, with the query above it.
    fn at(code: &'static str, soql: &str, at: usize, message: &str) -> Self {
        let (column, pointer) = (at + 1, " ".repeat(at));
        let hint = "Please reference your WSDL or the describe call for the appropriate names.";
        Self { code, message: format!("\n{soql}\n{pointer}^\nERROR at Row:1:Column:{column}\n{message} {hint}") }
    }
}
