//! Rows by SOQL.
//!
//! Without an order each page is a query by `Id` that begins after the last one that came.
//! With an order there is one query, which the service keeps open: each page names the next.
//! (`OFFSET` ends at 2000.)

use std::fmt::Write as _;

use http::HeaderMap;
use serde_json::Value;
use url::{Url, form_urlencoded};

use super::version::Version;
use super::{Salesforce, path, records, version_of};
use crate::base::error::Failure;
use crate::model::instance::ApiVersion;
use crate::model::profile::TableName;
use crate::service::rows::{Listing, Place, Row, RowQuery, Rows, Term};

const KEY: &str = "Id";

/// What names a record to people, where it is not `Name`.
const NAMES: [(&str, &str); 20] = [
    ("case", "CaseNumber"),
    ("contentdocument", "Title"),
    ("contentversion", "Title"),
    ("contract", "ContractNumber"),
    ("dashboard", "Title"),
    ("emailmessage", "Subject"),
    ("event", "Subject"),
    ("fiscalyearsettings", "Name"),
    ("idea", "Title"),
    ("knowledgearticle", "ArticleNumber"),
    ("knowledgearticleversion", "Title"),
    ("note", "Title"),
    ("order", "OrderNumber"),
    ("orderitem", "OrderItemNumber"),
    ("quotelineitem", "LineNumber"),
    ("serviceappointment", "AppointmentNumber"),
    ("solution", "SolutionName"),
    ("task", "Subject"),
    ("workorder", "WorkOrderNumber"),
    ("workorderlineitem", "LineItemNumber"),
];
/// What objects end in whose records have no name.
const NAMELESS: [&str; 8] = ["comment", "feed", "history", "share", "tag", "member", "permissions", "relation"];

impl Rows for Salesforce {
    fn member(&self, asked: &Url) -> &'static str {
        let mut segments = asked.path_segments().into_iter().flatten().filter(|segment| !segment.is_empty());
        match segments.next_back() {
            Some("sobjects") => "sobjects",
            Some("describe") => "fields",
            _ => "records",
        }
    }

    fn key(&self) -> &'static str {
        KEY
    }

    fn all_of(&self, filters: &[String]) -> String {
        match filters {
            [filter] => filter.clone(),
            filters => filters.iter().map(|filter| format!("({filter})")).collect::<Vec<_>>().join(" AND "),
        }
    }

    fn is_by_key(&self, query: &RowQuery) -> bool {
        query.order.is_none() && is_one_condition(&query.filter)
    }

    fn is_linked(&self, query: &RowQuery) -> bool {
        query.listing == Listing::Rows && !self.is_by_key(query)
    }

    fn page(&self, query: &RowQuery, place: &Place, limit: u64, _counts: bool, version: Option<ApiVersion>) -> String {
        let version = version_of(version);
        match query.listing {
            Listing::Tables => path::of(version, "sobjects"),
            Listing::Columns => path::of(version, &format!("sobjects/{}/describe", query.table)),
            Listing::Rows => asking(version, &self.soql(query, place, limit)),
        }
    }

    fn instead_of_display(&self) -> Option<&'static str> {
        Some(
            "Ask for what is behind a reference by its path, as in --fields Owner.Name; the labels of a picklist come \
             with toLabel(FIELD) in a query of snow api",
        )
    }

    /// A page does not say how many rows fit.
    fn count(&self, _headers: &HeaderMap) -> Option<u64> {
        None
    }

    fn counting(&self, query: &RowQuery, version: Option<ApiVersion>) -> String {
        asking(version_of(version), &format!("SELECT COUNT() FROM {}{}", query.table, condition(query, None)))
    }

    fn counted(&self, _headers: &HeaderMap, around: &[u8]) -> Option<u64> {
        serde_json::from_slice::<Value>(around).ok()?.get("totalSize")?.as_u64()
    }

    fn default_fields(&self, table: &TableName) -> Vec<String> {
        let table = table.folded();
        let name = match NAMES.iter().find(|(named, _)| *named == table) {
            Some((_, name)) => Some(*name),
            None if NAMELESS.iter().any(|end| table.ends_with(end)) => None,
            None => Some("Name"),
        };
        [KEY].into_iter().chain(name).map(str::to_owned).collect()
    }

    fn rewritten(&self, row: &Row<'_>) -> Option<String> {
        records::rewritten(row)
    }

    fn is_empty_list(&self, _failure: &Failure, _version: Option<ApiVersion>) -> bool {
        false
    }

    /// A condition is read as a whole, or refused.
    fn terms(&self, _filter: &str) -> Vec<Term> {
        Vec::new()
    }

    fn first_fields(&self) -> &'static [&'static str] {
        &[
            "CaseNumber",
            "Name",
            "Username",
            "Title",
            "Subject",
            "Status",
            "Priority",
            "Email",
            "IsActive",
            "LastModifiedDate",
        ]
    }
}

impl Salesforce {
    fn soql(&self, query: &RowQuery, place: &Place, limit: u64) -> String {
        let mut fields = if query.fields.is_empty() { self.default_fields(&query.table) } else { query.fields.clone() };
        if fields.iter().all(|field| !field.eq_ignore_ascii_case(KEY)) {
            fields.push(KEY.to_owned());
        }
        let mut soql = format!("SELECT {} FROM {}", fields.join(","), query.table);
        soql.push_str(&condition(query, place.after.as_deref()));
        soql.push_str(" ORDER BY ");
        match &query.order {
            Some(order) => {
                let direction = if order.descending { " DESC NULLS LAST" } else { "" };
                let _ = write!(soql, "{}{direction}", order.field);
                // Rows that are alike have an order, too.
                if !order.field.eq_ignore_ascii_case(KEY) {
                    let _ = write!(soql, ",{KEY}");
                }
            }
            None => soql.push_str(KEY),
        }
        if limit < u64::MAX {
            let _ = write!(soql, " LIMIT {limit}");
        }
        if place.offset > 0 {
            let _ = write!(soql, " OFFSET {}", place.offset);
        }
        soql
    }
}

fn asking(version: Version, soql: &str) -> String {
    let query: String = form_urlencoded::byte_serialize(soql.as_bytes()).collect();
    path::of(version, &format!("query?q={query}"))
}

fn condition(query: &RowQuery, after: Option<&str>) -> String {
    let filter = query.filter.trim();
    let filter = (!filter.is_empty()).then(|| format!("({filter})"));
    let after = after.map(|key| format!("{KEY} > '{}'", escaped(key)));
    let terms: Vec<String> = filter.into_iter().chain(after).collect();
    if terms.is_empty() { String::new() } else { format!(" WHERE {}", terms.join(" AND ")) }
}

/// A text within single quotes.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "\\'")
}

/// Whether a condition stays one within parentheses: they and the quotes in it are paired.
fn is_one_condition(filter: &str) -> bool {
    let (mut depth, mut is_quoted, mut is_escaped) = (0_i32, false, false);
    for character in filter.chars() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '\'' => is_quoted = !is_quoted,
            '(' if !is_quoted => depth += 1,
            ')' if !is_quoted => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return false;
        }
    }
    depth == 0 && !is_quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::rows::Order;
    use proptest::prelude::*;

    fn query(filter: &str, order: Option<(&str, bool)>, fields: &[&str]) -> RowQuery {
        RowQuery {
            table: "Case".parse().unwrap(),
            filter: filter.to_owned(),
            fields: fields.iter().map(|&field| field.to_owned()).collect(),
            order: order.map(|(field, descending)| Order { field: field.to_owned(), descending }),
            display: false,
            listing: Listing::Rows,
        }
    }

    fn asked(path: &str) -> String {
        let query = path.strip_prefix("/services/data/v64.0/query?").unwrap();
        form_urlencoded::parse(query.as_bytes()).next().unwrap().1.into_owned()
    }

    fn page(query: &RowQuery, place: Place) -> String {
        asked(&Salesforce.page(query, &place, 10, true, None))
    }

    #[test]
    fn a_page_begins_after_the_last_id_whatever_the_condition() {
        let after = |key: &str| Place { after: Some(key.to_owned()), ..Place::default() };
        assert_eq!(
            page(&query("", None, &[]), Place::default()),
            "SELECT Id,CaseNumber FROM Case ORDER BY Id LIMIT 10"
        );
        assert_eq!(
            page(&query("Status = 'New' OR Priority = 'High'", None, &["Subject"]), after("500'\\")),
            "SELECT Subject,Id FROM Case WHERE (Status = 'New' OR Priority = 'High') AND Id > '500\\'\\\\' ORDER BY Id LIMIT 10"
        );
        assert_eq!(
            page(&query("", Some(("CreatedDate", true)), &["id"]), Place { offset: 200, ..Place::default() }),
            "SELECT id FROM Case ORDER BY CreatedDate DESC NULLS LAST,Id LIMIT 10 OFFSET 200"
        );
        assert_eq!(
            page(&query("", Some(("Id", false)), &["Id"]), Place::default()),
            "SELECT Id FROM Case ORDER BY Id LIMIT 10"
        );
    }

    #[test]
    fn rows_are_counted_by_the_service_and_the_count_is_in_the_body() {
        let query = query("IsClosed = false", None, &["Id"]);
        assert_eq!(asked(&Salesforce.counting(&query, None)), "SELECT COUNT() FROM Case WHERE (IsClosed = false)");
        let around = br#"{"records":[],"totalSize":4711,"done":true}"#;
        assert_eq!(Salesforce.counted(&HeaderMap::new(), around), Some(4711));
        assert_eq!(Salesforce.counted(&HeaderMap::new(), b""), None);
    }

    #[test]
    fn pages_go_by_id_only_where_a_condition_stays_one() {
        for filter in ["", "a = 'x(y'", "(a = 1) OR (b = 2)", "a = 'it\\'s'"] {
            assert!(Salesforce.is_by_key(&query(filter, None, &[])), "{filter}");
        }
        for filter in ["a = 1) OR (b = 2", "a = 'x", "(a = 1", "a = 1)"] {
            assert!(!Salesforce.is_by_key(&query(filter, None, &[])), "{filter}");
        }
        assert!(!Salesforce.is_by_key(&query("", Some(("Name", false)), &[])));
    }

    #[test]
    fn rows_in_an_order_are_one_query_without_an_end_of_its_own() {
        let ordered = query("", Some(("Name", false)), &[]);
        assert!(Salesforce.is_linked(&ordered) && !Salesforce.is_linked(&query("", None, &[])));
        let path = Salesforce.page(&ordered, &Place::default(), u64::MAX, true, None);
        assert_eq!(asked(&path), "SELECT Id,CaseNumber FROM Case ORDER BY Name,Id");
    }

    #[test]
    fn without_fields_the_id_and_the_name_are_asked_for() {
        let fields = |table: &str| Salesforce.default_fields(&table.parse().unwrap()).join(",");
        assert_eq!(fields("Case"), "Id,CaseNumber");
        assert_eq!(fields("Account"), "Id,Name");
        assert_eq!(fields("Widget__c"), "Id,Name");
        assert_eq!(fields("Task"), "Id,Subject");
        assert_eq!(fields("CaseHistory"), "Id");
        assert_eq!(fields("CaseComment"), "Id");
    }

    #[test]
    fn several_conditions_are_one() {
        let all =
            |filters: &[&str]| Salesforce.all_of(&filters.iter().map(|&filter| filter.to_owned()).collect::<Vec<_>>());
        assert_eq!(all(&[]), "");
        assert_eq!(all(&["a = 1 OR b = 2"]), "a = 1 OR b = 2");
        assert_eq!(all(&["a = 1 OR b = 2", "c = 3"]), "(a = 1 OR b = 2) AND (c = 3)");
    }

    #[test]
    fn the_rows_of_an_answer_are_where_its_path_has_them() {
        let member =
            |path: &str| Salesforce.member(&Url::parse(&format!("https://a.my.salesforce.com{path}")).unwrap());
        assert_eq!(member("/services/data/v64.0/query?q=x"), "records");
        assert_eq!(member("/services/data/v64.0/query/01gxx-2000"), "records");
        assert_eq!(member("/services/data/v64.0/sobjects/"), "sobjects");
        assert_eq!(member("/services/data/v64.0/sobjects/Case/describe"), "fields");
        assert_eq!(member("/services/data/v64.0/sobjects/Case"), "records");
    }

    proptest! {
        #[test]
        fn a_condition_that_is_one_cannot_end_before_its_end(filter in r"[a-z()'\\ =]{0,20}") {
            if is_one_condition(&filter) {
                let whole = format!("({filter})");
                prop_assert!(is_one_condition(&whole));
                // Only the last one closes the first.
                prop_assert!(!is_one_condition(&whole[..whole.len() - 1]));
            }
        }
    }
}
