//! Encoded queries: `active=true^priorityIN1,2^ORpriorityISEMPTY^ORDERBYDESCnumber`.
//!
//! Reading is a pure function from text to terms. What cannot be read is left
//! out, as ServiceNow leaves it out; whether a field exists is not known here.
//! The grammar is that of "Operators available for filters and queries" in
//! ServiceNow's documentation.

/// An encoded query, read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    /// A row fits if it fits one of these (`^NQ`). Empty: every row fits.
    pub sets: Vec<Set>,
    pub order: Vec<Order>,
    pub group_by: Vec<String>,
}

/// All of these must hold (`^`), each as soon as one of its terms does (`^OR`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Set {
    pub groups: Vec<Vec<Term>>,
}

/// A field, an operator and a value, as they stand there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    pub field: String,
    pub operator: Operator,
    pub value: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub field: String,
    pub descending: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Is,
    IsNot,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Contains,
    NotContains,
    StartsWith,
    EndsWith,
    In,
    NotIn,
    IsEmpty,
    IsNotEmpty,
    Anything,
    Between,
    On,
    NotOn,
    SameAs,
    NotSameAs,
    GreaterThanField,
    GreaterOrEqualsField,
    LessThanField,
    LessOrEqualsField,
    InstanceOf,
    /// Against a point in time told from now: `@hour@ago@3`.
    RelativeGreater,
    RelativeLess,
    RelativeGreaterOrEqual,
    RelativeLessOrEqual,
}

/// How operators are written. The longest that fits is meant.
const SPELLINGS: &[(&str, Operator)] = &[
    ("=", Operator::Is),
    ("!=", Operator::IsNot),
    ("<>", Operator::IsNot),
    ("<", Operator::Less),
    ("<=", Operator::LessOrEqual),
    (">", Operator::Greater),
    (">=", Operator::GreaterOrEqual),
    ("LIKE", Operator::Contains),
    ("CONTAINS", Operator::Contains),
    ("*", Operator::Contains),
    ("NOT LIKE", Operator::NotContains),
    ("NOTLIKE", Operator::NotContains),
    ("DOES NOT CONTAIN", Operator::NotContains),
    ("!*", Operator::NotContains),
    ("STARTSWITH", Operator::StartsWith),
    ("ENDSWITH", Operator::EndsWith),
    ("%", Operator::EndsWith),
    ("IN", Operator::In),
    ("NOT IN", Operator::NotIn),
    ("NOTIN", Operator::NotIn),
    ("ISEMPTY", Operator::IsEmpty),
    ("EMPTYSTRING", Operator::IsEmpty),
    ("ISNOTEMPTY", Operator::IsNotEmpty),
    ("ANYTHING", Operator::Anything),
    ("BETWEEN", Operator::Between),
    ("ON", Operator::On),
    ("NOTON", Operator::NotOn),
    ("SAMEAS", Operator::SameAs),
    ("NSAMEAS", Operator::NotSameAs),
    ("GT_FIELD", Operator::GreaterThanField),
    ("GT_OR_EQUALS_FIELD", Operator::GreaterOrEqualsField),
    ("LT_FIELD", Operator::LessThanField),
    ("LT_OR_EQUALS_FIELD", Operator::LessOrEqualsField),
    ("INSTANCEOF", Operator::InstanceOf),
    ("RELATIVEGT", Operator::RelativeGreater),
    ("RELATIVELT", Operator::RelativeLess),
    ("RELATIVEGE", Operator::RelativeGreaterOrEqual),
    ("RELATIVELE", Operator::RelativeLessOrEqual),
];

/// The name under which a search in all text fields stands in a query.
pub const ANY_TEXT: &str = "123TEXTQUERY321";

/// Reads an encoded query.
pub fn read(encoded: &str) -> Query {
    let mut query = Query::default();
    let mut set = Set::default();
    // What an `^OR` adds to; none after a term that was left out.
    let mut is_open = false;
    for part in parts(encoded) {
        let mut part = part.as_str();
        if part == "EQ" {
            continue;
        }
        if let Some(rest) = part.strip_prefix("NQ") {
            query.sets.push(std::mem::take(&mut set));
            (part, is_open) = (rest, false);
        }
        if let Some(field) = part.strip_prefix("ORDERBYDESC") {
            query.order.push(Order { field: field.to_owned(), descending: true });
            continue;
        }
        if let Some(field) = part.strip_prefix("ORDERBY") {
            query.order.push(Order { field: field.to_owned(), descending: false });
            continue;
        }
        if let Some(fields) = part.strip_prefix("GROUPBY") {
            query.group_by.extend(fields.split(',').map(str::to_owned));
            continue;
        }
        let alternative = part.strip_prefix("OR");
        let Some(term) = term(alternative.unwrap_or(part)) else {
            is_open &= alternative.is_some();
            continue;
        };
        match set.groups.last_mut().filter(|_| is_open && alternative.is_some()) {
            Some(group) => group.push(term),
            None => set.groups.push(vec![term]),
        }
        is_open = true;
    }
    query.sets.push(set);
    // A set without a term lets every row through, and with it the whole query.
    if query.sets.iter().any(|set| set.groups.is_empty()) {
        query.sets.clear();
    }
    query
}

/// The parts between single `^`; a doubled one stands for itself.
fn parts(encoded: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut rest = encoded.chars().peekable();
    while let Some(letter) = rest.next() {
        let part = parts.last_mut().expect("there is always one");
        match letter {
            '^' if rest.next_if_eq(&'^').is_some() => part.push('^'),
            '^' => parts.push(String::new()),
            letter => part.push(letter),
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

fn term(text: &str) -> Option<Term> {
    let text_query = text.strip_prefix("GOTO").unwrap_or(text).strip_prefix(ANY_TEXT);
    if let Some(value) = text_query.and_then(|rest| rest.strip_prefix('=')) {
        return Some(Term { field: ANY_TEXT.to_owned(), operator: Operator::Contains, value: value.to_owned() });
    }
    let is_name = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, '_' | '.');
    let end = text.find(|letter| !is_name(letter)).unwrap_or(text.len());
    let (field, rest) = text.split_at(end);
    if field.is_empty() {
        return None;
    }
    let fitting = SPELLINGS.iter().filter(|(spelling, _)| rest.starts_with(spelling));
    let &(spelling, operator) = fitting.max_by_key(|(spelling, _)| spelling.len())?;
    let value = rest[spelling.len()..].to_owned();
    Some(Term { field: field.to_owned(), operator, value })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn term_of(field: &str, operator: Operator, value: &str) -> Term {
        Term { field: field.to_owned(), operator, value: value.to_owned() }
    }

    /// The one term of a query that has one.
    fn only(encoded: &str) -> Term {
        let query = read(encoded);
        assert_eq!(query.sets.len(), 1, "{encoded}: {query:?}");
        assert_eq!(query.sets[0].groups.len(), 1, "{encoded}: {query:?}");
        query.sets[0].groups[0][0].clone()
    }

    #[test]
    fn every_operator_is_read_with_its_field_and_value() {
        for (encoded, field, operator, value) in [
            ("active=true", "active", Operator::Is, "true"),
            ("state!=7", "state", Operator::IsNot, "7"),
            ("priority<3", "priority", Operator::Less, "3"),
            ("priority<=3", "priority", Operator::LessOrEqual, "3"),
            ("priority>3", "priority", Operator::Greater, "3"),
            ("priority>=3", "priority", Operator::GreaterOrEqual, "3"),
            ("short_descriptionLIKEmail", "short_description", Operator::Contains, "mail"),
            ("short_descriptionCONTAINSmail", "short_description", Operator::Contains, "mail"),
            ("short_description*mail", "short_description", Operator::Contains, "mail"),
            ("short_descriptionNOT LIKEmail", "short_description", Operator::NotContains, "mail"),
            ("short_descriptionNOTLIKEmail", "short_description", Operator::NotContains, "mail"),
            ("short_description!*mail", "short_description", Operator::NotContains, "mail"),
            ("numberSTARTSWITHINC", "number", Operator::StartsWith, "INC"),
            ("numberENDSWITH7", "number", Operator::EndsWith, "7"),
            ("stateIN1,2", "state", Operator::In, "1,2"),
            ("stateNOT IN1,2", "state", Operator::NotIn, "1,2"),
            ("stateNOTIN1,2", "state", Operator::NotIn, "1,2"),
            ("assigned_toISEMPTY", "assigned_to", Operator::IsEmpty, ""),
            ("descriptionEMPTYSTRING", "description", Operator::IsEmpty, ""),
            ("assigned_toISNOTEMPTY", "assigned_to", Operator::IsNotEmpty, ""),
            ("assigned_toANYTHING", "assigned_to", Operator::Anything, ""),
            ("priorityBETWEEN1@3", "priority", Operator::Between, "1@3"),
            ("opened_bySAMEAScaller_id", "opened_by", Operator::SameAs, "caller_id"),
            ("opened_byNSAMEAScaller_id", "opened_by", Operator::NotSameAs, "caller_id"),
            ("impactGT_OR_EQUALS_FIELDurgency", "impact", Operator::GreaterOrEqualsField, "urgency"),
            ("sys_class_nameINSTANCEOFcmdb_ci", "sys_class_name", Operator::InstanceOf, "cmdb_ci"),
            ("opened_atRELATIVEGE@hour@ago@3", "opened_at", Operator::RelativeGreaterOrEqual, "@hour@ago@3"),
            ("caller_id.department.name=HR", "caller_id.department.name", Operator::Is, "HR"),
            ("GOTO123TEXTQUERY321=mail", ANY_TEXT, Operator::Contains, "mail"),
            ("name=", "name", Operator::Is, ""),
            ("name=a=b", "name", Operator::Is, "a=b"),
            ("name=a^^b", "name", Operator::Is, "a^b"),
        ] {
            assert_eq!(only(encoded), term_of(field, operator, value), "{encoded}");
        }
    }

    #[test]
    fn an_alternative_belongs_to_the_term_before_it() {
        let query = read("active=true^priority=1^ORpriority=2^ORpriority=3^state=1");
        let groups: Vec<usize> = query.sets[0].groups.iter().map(Vec::len).collect();
        assert_eq!(groups, [1, 3, 1]);
    }

    #[test]
    fn a_new_query_begins_a_new_set() {
        let query = read("active=true^state=1^NQactive=false^ORDERBYnumber^EQ");
        let sets: Vec<usize> = query.sets.iter().map(|set| set.groups.len()).collect();
        assert_eq!(sets, [2, 1]);
        assert_eq!(query.order, [Order { field: "number".to_owned(), descending: false }]);
    }

    #[test]
    fn the_order_is_read_wherever_it_stands() {
        let query = read("ORDERBYDESCsys_created_on^active=true^ORDERBYcaller_id.name");
        let order: Vec<_> = query.order.iter().map(|order| (order.field.as_str(), order.descending)).collect();
        assert_eq!(order, [("sys_created_on", true), ("caller_id.name", false)]);
        assert_eq!(query.sets[0].groups.len(), 1);
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        for nonsense in ["", "^", "^^^", "=", "NONSENSE", "numberRHYMESWITH7", "number", "^OR", "NQ", "=1", "ÄÖ=1"] {
            assert_eq!(read(nonsense).sets, [], "{nonsense}");
        }
        assert_eq!(only("nonsense^active=true^numberRHYMESWITH7"), term_of("active", Operator::Is, "true"));
        // What was left out has no alternatives: they stand for themselves.
        assert_eq!(read("NONSENSE^ORactive=true^state=1").sets[0].groups.len(), 2);
        // A set of which nothing is left lets every row through.
        assert_eq!(read("active=true^NQNONSENSE").sets, []);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(encoded in "\\PC{0,80}") {
            read(&encoded);
        }

        #[test]
        fn anything_that_looks_like_a_query_is_read_without_a_panic(
            encoded in "(\\^|\\^OR|\\^NQ|ORDERBY|ORDERBYDESC|NOT |IN|LIKE|=|!|<|>|@|javascript:|[a-z_.]{1,6}|ä|1){0,24}",
        ) {
            read(&encoded);
        }

        #[test]
        fn every_value_comes_back_as_it_was_escaped(value in "[a-zA-Z0-9 ^=@<>äß]{1,20}") {
            let query = read(&format!("name={}", value.replace('^', "^^")));
            prop_assert_eq!(&query.sets[0].groups[0][0].value, &value);
        }
    }
}
