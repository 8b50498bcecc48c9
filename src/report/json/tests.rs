//! The JSON Schemas in `src/schemas` are those of the structs.

#![allow(clippy::disallowed_methods, reason = "variables say where the sources are, and whether to write")]

use std::path::PathBuf;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use super::{Error, apps, connection, doctor, help, import, proxy, sandbox, session, spec, store, tables, test, tools};
use crate::base::schemas::{self, ALL};
use crate::doctor::json::Bundle;

/// The name of a document, and its schema with that title.
fn schema<T: JsonSchema>() -> (String, String) {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let generated = generator.into_root_schema_for::<T>();
    let name =
        generated.pointer("/properties/schema/const").and_then(Value::as_str).expect("the first member").to_owned();
    // These come first, for the reader.
    let mut members: Map<String, Value> = Map::new();
    for key in ["$schema", "title", "description"] {
        members.insert(key.to_owned(), generated.get(key).cloned().unwrap_or_default());
    }
    members.extend(generated.to_value().as_object().unwrap().clone());
    members.insert("title".to_owned(), name.as_str().into());
    (name, format!("{}\n", serde_json::to_string_pretty(&members).unwrap()))
}

/// Of every document, in the order of their names.
fn generated() -> [(String, String); 34] {
    [
        schema::<apps::AppCheck<'_>>(),
        schema::<apps::AppCreate<'_>>(),
        schema::<Bundle<'_>>(),
        schema::<connection::Connect<'_>>(),
        schema::<connection::Show<'_>>(),
        schema::<sandbox::Demo>(),
        schema::<doctor::Doctor<'_>>(),
        schema::<Error<'_>>(),
        schema::<help::Explain>(),
        schema::<help::ExplainList>(),
        schema::<help::Guide<'_>>(),
        schema::<import::Import<'_>>(),
        schema::<connection::List<'_>>(),
        schema::<session::Ended<'_, schemas::Logout>>(),
        schema::<tables::Opened<'_>>(),
        schema::<proxy::Proxy<'_>>(),
        schema::<crate::report::rows::Query<'_>>(),
        schema::<session::Ended<'_, schemas::Remove>>(),
        schema::<sandbox::Sandbox<'_>>(),
        schema::<sandbox::Scenarios<'_>>(),
        schema::<help::Schemas>(),
        schema::<spec::Specs>(),
        schema::<connection::Status<'_>>(),
        schema::<store::Stores<'_>>(),
        schema::<store::Migrated<'_>>(),
        schema::<store::Purged<'_>>(),
        schema::<tables::Table<'_>>(),
        schema::<tables::Tables<'_>>(),
        schema::<test::Test<'_>>(),
        schema::<test::TestConnection<'_>>(),
        schema::<test::TestSummary>(),
        schema::<session::Token<'_>>(),
        schema::<tools::Tools>(),
        schema::<help::Version>(),
    ]
}

/// Where the schemas are: here, or where the tests were brought.
fn directory() -> PathBuf {
    let brought = std::env::var_os("SNOW_TEST_SOURCES").map(PathBuf::from);
    brought.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into()).join("src/schemas")
}

fn file_name(name: &str) -> String {
    format!("{}.json", name.replace('/', "."))
}

#[test]
fn the_schemas_are_those_of_the_structs() {
    let generated = generated();
    let with_struct: Vec<&str> = generated.iter().map(|(name, _)| name.as_str()).collect();
    let named: Vec<&str> = ALL.iter().map(|(name, _)| *name).collect();
    assert_eq!(with_struct, named, "every name has a struct here, and every struct a name");
    let write = std::env::var_os("SNOW_WRITE_SCHEMAS").is_some();
    for ((name, text), (_, saved)) in generated.iter().zip(ALL) {
        if write {
            std::fs::write(directory().join(file_name(name)), text).unwrap();
        } else {
            assert!(
                text == saved,
                "{name} is another one now: SNOW_WRITE_SCHEMAS=1 cargo test --lib schemas writes it"
            );
        }
    }
}

#[test]
fn every_schema_is_that_of_a_document() {
    let entries = std::fs::read_dir(directory()).unwrap();
    let mut files: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    let mut named: Vec<String> = ALL.iter().map(|(name, _)| file_name(name)).collect();
    named.sort();
    assert_eq!(files, named);
}
