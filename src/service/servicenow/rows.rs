//! Rows by the Table API.

use http::HeaderMap;
use url::{Url, form_urlencoded};

use super::address::V1;
use super::encoded::{Encoded, escaped};
use super::oauth::ServiceNow;
use super::table::{self, RESULT};
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::model::instance::ApiVersion;
use crate::service::rows::{Order, Place, RowQuery, Rows, Term};

const KEY: &str = "sys_id";

impl Rows for ServiceNow {
    fn member(&self, _asked: &Url) -> &'static str {
        RESULT
    }

    fn key(&self) -> &'static str {
        KEY
    }

    fn all_of(&self, filters: &[String]) -> String {
        filters.join("^")
    }

    fn is_by_key(&self, query: &RowQuery) -> bool {
        query.order.is_none() && Encoded::read(&query.filter).order.is_empty()
    }

    fn page(&self, query: &RowQuery, place: &Place, limit: u64, counts: bool, version: Option<ApiVersion>) -> String {
        let mut encoded = Encoded::read(&query.filter);
        if let Some(key) = &place.after {
            encoded.and(&format!("{KEY}>{}", escaped(key)));
        }
        if let Some(order) = &query.order {
            encoded.order.insert(0, order.clone());
        }
        // Rows that are alike have an order, too.
        if encoded.order.iter().all(|order| order.field != KEY) {
            encoded.order.push(Order { field: KEY.to_owned(), descending: false });
        }
        let mut parameters = form_urlencoded::Serializer::new(String::new());
        parameters.append_pair("sysparm_query", &encoded.text());
        if !query.fields.is_empty() {
            let mut fields = query.fields.join(",");
            if !query.fields.iter().any(|field| field == KEY) {
                fields.push(',');
                fields.push_str(KEY);
            }
            parameters.append_pair("sysparm_fields", &fields);
        }
        parameters.append_pair("sysparm_limit", &limit.to_string());
        if place.offset > 0 {
            parameters.append_pair("sysparm_offset", &place.offset.to_string());
        }
        if query.display {
            parameters.append_pair("sysparm_display_value", "true");
        }
        parameters.append_pair("sysparm_exclude_reference_link", "true");
        if !counts {
            parameters.append_pair("sysparm_no_count", "true");
        }
        // A long header overflows the front end, and is not read here.
        parameters.append_pair("sysparm_suppress_pagination_header", "true");
        format!("{}?{}", table::path(&query.table, version), parameters.finish())
    }

    fn count(&self, headers: &HeaderMap) -> Option<u64> {
        headers.get("x-total-count")?.to_str().ok()?.trim().parse().ok()
    }

    fn is_empty_list(&self, failure: &Failure, version: Option<ApiVersion>) -> bool {
        version == Some(V1) && failure.code() == Code::RecordMissing
    }

    fn terms(&self, filter: &str) -> Vec<Term> {
        Encoded::read(filter).terms()
    }

    fn first_fields(&self) -> &'static [&'static str] {
        &[
            "number",
            "name",
            "user_name",
            "label",
            "title",
            "short_description",
            "state",
            "priority",
            "value",
            "active",
            "sys_updated_on",
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::rows::Listing;

    fn page(filter: &str, order: Option<&str>, fields: &[&str], place: Place) -> String {
        let query = RowQuery {
            table: "incident".parse().unwrap(),
            filter: filter.to_owned(),
            fields: fields.iter().map(|&field| field.to_owned()).collect(),
            order: order.map(|field| Order { field: field.to_owned(), descending: true }),
            display: false,
            listing: Listing::Rows,
        };
        let path = ServiceNow.page(&query, &place, 10, true, None);
        let (path, parameters) = path.split_once('?').unwrap();
        assert_eq!(path, "/api/now/table/incident");
        let text: Vec<String> = form_urlencoded::parse(parameters.as_bytes())
            .filter(|(name, _)| matches!(&**name, "sysparm_query" | "sysparm_fields" | "sysparm_offset"))
            .map(|(_, value)| value.into_owned())
            .collect();
        text.join(" ")
    }

    #[test]
    fn a_page_begins_after_the_last_key_in_every_part_of_the_query() {
        let after = |key: &str| Place { after: Some(key.to_owned()), ..Place::default() };
        assert_eq!(page("", None, &[], Place::default()), "ORDERBYsys_id");
        assert_eq!(page("", None, &["a", "b"], after("7")), "sys_id>7^ORDERBYsys_id a,b,sys_id");
        assert_eq!(
            page("a=1^NQb=2", None, &["sys_id"], after("7")),
            "a=1^sys_id>7^NQb=2^sys_id>7^ORDERBYsys_id sys_id"
        );
        let third = Place { offset: 20, ..Place::default() };
        assert_eq!(page("a=1", Some("n"), &[], third.clone()), "a=1^ORDERBYDESCn^ORDERBYsys_id 20");
        assert_eq!(page("a=1^ORDERBYsys_id", None, &[], third), "a=1^ORDERBYsys_id 20");
    }
}
