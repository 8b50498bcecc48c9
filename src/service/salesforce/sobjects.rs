//! What an organization says of its objects: one list of all, and one description each.

use super::Salesforce;
use crate::model::profile::TableName;
use crate::service::rows::{Listing, Row, RowQuery};
use crate::service::tables::{Column, Override, TableEntry, Tables};

fn query(table: TableName, listing: Listing) -> RowQuery {
    RowQuery { table, filter: String::new(), fields: Vec::new(), order: None, display: false, listing }
}

/// In place of an object: the list of all.
fn every() -> TableName {
    "sobjects".parse().expect("it has the form of a name")
}

fn text(row: &Row<'_>, member: &str) -> Option<String> {
    row.value(member).filter(|text| !text.is_empty()).map(|text| text.into_owned())
}

fn truth(row: &Row<'_>, member: &str) -> Option<bool> {
    row.value(member)?.parse().ok()
}

impl Tables for Salesforce {
    /// All of them: the list cannot be searched.
    fn tables(&self, _search: Option<&str>) -> RowQuery {
        query(every(), Listing::Tables)
    }

    fn fits(&self, table: &TableEntry, search: &str) -> bool {
        let search = search.to_lowercase();
        [&table.name, &table.label].iter().any(|text| text.to_lowercase().contains(&search))
    }

    /// An object extends no other.
    fn table(&self, _name: &str) -> Option<RowQuery> {
        None
    }

    /// Those that can be queried.
    fn table_of(&self, row: &Row<'_>) -> Option<TableEntry> {
        truth(row, "queryable").unwrap_or(true).then_some(())?;
        Some(TableEntry { name: text(row, "name")?, label: text(row, "label").unwrap_or_default(), parent: None })
    }

    fn columns(&self, tables: &[String]) -> RowQuery {
        let table = tables.first().and_then(|name| name.parse().ok());
        query(table.unwrap_or_else(every), Listing::Columns)
    }

    fn column_of(&self, row: &Row<'_>) -> Option<Column> {
        let references = row.value("referenceTo").and_then(|list| serde_json::from_str::<Vec<String>>(&list).ok());
        let is_needed = (truth(row, "nillable"), truth(row, "createable"), truth(row, "defaultedOnCreate"));
        Some(Column {
            name: text(row, "name")?,
            label: text(row, "label"),
            kind: text(row, "type"),
            reference: references.filter(|names| !names.is_empty()).map(|names| names.join(", ")),
            mandatory: match is_needed {
                (Some(nillable), Some(createable), Some(defaulted)) => Some(!nillable && createable && !defaulted),
                _ => None,
            },
            from: None,
        })
    }

    fn overrides(&self, _tables: &[String]) -> Option<RowQuery> {
        None
    }

    fn override_of(&self, _row: &Row<'_>) -> Option<Override> {
        None
    }

    fn sample(&self, table: &TableName) -> RowQuery {
        query(table.clone(), Listing::Rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::json_array::Element;
    use crate::service::rows::{Place, Rows};
    use serde_json::json;

    fn row(value: &serde_json::Value, look: impl Fn(&Row<'_>)) {
        let text = value.to_string();
        look(&Row::read(Element { text: text.as_bytes(), is_flat: false }).unwrap());
    }

    #[test]
    fn objects_and_fields_have_their_paths() {
        let path = |query: &RowQuery| Salesforce.page(query, &Place::default(), 10, true, None);
        assert_eq!(path(&Salesforce.tables(Some("x"))), "/services/data/v64.0/sobjects");
        assert_eq!(path(&Salesforce.columns(&["Case".to_owned()])), "/services/data/v64.0/sobjects/Case/describe");
        assert!(path(&Salesforce.sample(&"case".parse().unwrap())).contains("/query?q="));
    }

    #[test]
    fn an_object_is_found_by_name_and_label() {
        row(&json!({"name": "Case", "label": "Vorgang", "queryable": true}), |row| {
            let table = Salesforce.table_of(row).unwrap();
            assert_eq!((table.name.as_str(), table.label.as_str()), ("Case", "Vorgang"));
            assert!(Salesforce.fits(&table, "cas") && Salesforce.fits(&table, "VORG") && !Salesforce.fits(&table, "x"));
        });
        row(&json!({"name": "CaseChangeEvent", "label": "x", "queryable": false}), |row| {
            assert_eq!(Salesforce.table_of(row), None);
        });
    }

    #[test]
    fn a_field_is_mandatory_if_it_must_be_given_and_has_no_default() {
        let mandatory = |nillable: bool, createable: bool, defaulted: bool| {
            let field = json!({
                "name": "OwnerId", "label": "Owner", "type": "reference", "referenceTo": ["Group", "User"],
                "nillable": nillable, "createable": createable, "defaultedOnCreate": defaulted,
            });
            let text = field.to_string();
            Salesforce
                .column_of(&Row::read(Element { text: text.as_bytes(), is_flat: false }).unwrap())
                .unwrap()
                .mandatory
        };
        assert_eq!(mandatory(false, true, false), Some(true));
        assert_eq!(mandatory(true, true, false), Some(false));
        assert_eq!(mandatory(false, false, false), Some(false));
        assert_eq!(mandatory(false, true, true), Some(false));
        row(
            &json!({"name": "OwnerId", "label": "Owner", "type": "reference", "referenceTo": ["Group", "User"]}),
            |row| {
                let column = Salesforce.column_of(row).unwrap();
                assert_eq!(column.kind.as_deref(), Some("reference"));
                assert_eq!((column.reference.as_deref(), column.mandatory), (Some("Group, User"), None));
            },
        );
        row(&json!({"name": "Subject", "type": "string", "referenceTo": []}), |row| {
            assert_eq!(Salesforce.column_of(row).unwrap().reference, None);
        });
    }
}
