//! The rows that describe the instance itself, made from the schema:
//! `sys_db_object`, `sys_dictionary`, `sys_dictionary_override`, `sys_choice`,
//! `sys_glide_object`.

use super::people::add;
use super::{Store, sys_id};
use crate::sandbox::schema::choices::{self, CHOICES};
use crate::sandbox::schema::{Field, Kind, TABLES, Table};

/// Name, label, and what it is stored as.
const TYPES: &[(&str, &str, &str)] = &[
    ("string", "String", "string"),
    ("email", "Email", "string"),
    ("phone_number_e164", "Phone Number (E164)", "string"),
    ("GUID", "Sys ID (GUID)", "GUID"),
    ("sys_class_name", "System Class Name", "string"),
    ("integer", "Integer", "integer"),
    ("boolean", "True/False", "boolean"),
    ("glide_date_time", "Date/Time", "datetime"),
    ("password2", "Password (2 Way Encrypted)", "string"),
    ("journal_input", "Journal Input", "string"),
    ("reference", "Reference", "GUID"),
    ("collection", "Collection", "string"),
];

const PROPERTIES: &[(&str, &str, &str)] = &[
    ("glide.buildname", "Sandbox", "The name of the release"),
    ("glide.buildtag", "glide-sandbox-01-01-2026__patch0-01-01-2026", "The build"),
    ("glide.war", "glide-sandbox-01-01-2026__patch0-01-01-2026.zip", "The archive that runs"),
    ("glide.oauth.inbound.client.credential.grant_type.enabled", "true", "Whether clients may sign in for themselves"),
    ("glide.installation.name", "snow sandbox", "The name of the instance"),
];

/// What a table says otherwise of a column that it inherits: the table, the one that has the
/// column, the column, and what it is there.
const OVERRIDES: &[(&str, &str, &str, &str)] = &[
    ("incident", "task", "short_description", "mandatory"),
    ("problem", "task", "short_description", "mandatory"),
    ("incident", "task", "number", "read_only"),
];

pub fn fill(store: &mut Store) {
    for (name, label, scalar_type) in TYPES {
        add(store, "sys_glide_object", name, [("name", *name), ("label", label), ("scalar_type", scalar_type)]);
    }
    for (name, value, description) in PROPERTIES {
        let values = [("name", *name), ("value", value), ("type", "string"), ("description", description)];
        add(store, "sys_properties", name, values);
    }
    for table in TABLES {
        describe(store, table);
    }
    for (table, base_table, element, what) in OVERRIDES {
        let (mandatory, read_only) = (flag(*what == "mandatory"), flag(*what == "read_only"));
        let row = [
            ("name", *table),
            ("base_table", base_table),
            ("element", element),
            ("mandatory_override", mandatory),
            ("mandatory", mandatory),
            ("read_only_override", read_only),
            ("read_only", read_only),
            ("default_value_override", "false"),
        ];
        add(store, "sys_dictionary_override", &format!("{table}/{element}"), row);
    }
    for (table, field, values) in CHOICES {
        for (sequence, (value, label)) in values.iter().enumerate() {
            let sequence = sequence.to_string();
            let row = [
                ("name", *table),
                ("element", field),
                ("value", value),
                ("label", label),
                ("language", "en"),
                ("sequence", &sequence),
                ("inactive", "false"),
            ];
            add(store, "sys_choice", &format!("{table}/{field}/{value}"), row);
        }
    }
}

fn flag(is: bool) -> &'static str {
    if is { "true" } else { "false" }
}

fn describe(store: &mut Store, table: &Table) {
    let parent = table.extends.map(|parent| sys_id("sys_db_object", parent)).unwrap_or_default();
    let is_extended = TABLES.iter().any(|other| other.extends == Some(table.name));
    let values =
        [("name", table.name), ("label", table.label), ("super_class", &parent), ("is_extendable", flag(is_extended))];
    add(store, "sys_db_object", table.name, values);
    // The entry of the table itself has no element.
    let values = [
        ("name", table.name),
        ("column_label", table.label),
        ("internal_type", "collection"),
        ("mandatory", "false"),
        ("read_only", "false"),
        ("active", "true"),
        ("display", "false"),
        ("unique", "false"),
        ("choice", "0"),
    ];
    add(store, "sys_dictionary", table.name, values);
    for field in table.fields {
        describe_field(store, table, field);
    }
}

fn describe_field(store: &mut Store, table: &Table, field: &Field) {
    let has_choices = !choices::of(table.name, field.name).is_empty();
    let is_kept = matches!(field.kind, Kind::Guid | Kind::ClassName) || field.name.starts_with("sys_");
    let max_length = field.max_length.to_string();
    let values = [
        ("name", table.name),
        ("element", field.name),
        ("column_label", field.label),
        ("internal_type", field.kind.internal_type()),
        ("reference", field.kind.target().unwrap_or("")),
        ("max_length", &max_length),
        ("mandatory", flag(field.mandatory)),
        ("read_only", flag(is_kept)),
        ("active", "true"),
        ("display", flag(field.name == table.display)),
        ("unique", flag(field.name == "sys_id")),
        ("choice", if has_choices { "1" } else { "0" }),
    ];
    add(store, "sys_dictionary", &format!("{}/{}", table.name, field.name), values);
}
