//! The JSON documents by name, each with its JSON Schema in `src/schemas`.
//!
//! Each name is a type that serializes as the name. It is the first member of the struct
//! of the document. The schemas are generated from those structs;
//! `report::json::tests` compares them and writes them anew. A new document needs a
//! line here and an empty file to begin with.

macro_rules! documents {
    ($($type:ident = $name:literal / $version:literal;)*) => {
        $(
            #[doc = concat!("The name of a `", $name, "/", $version, "`.")]
            #[derive(Debug, Clone, Copy)]
            pub struct $type;

            impl serde::Serialize for $type {
                fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.serialize_str(concat!($name, "/", $version))
                }
            }

            #[cfg(test)]
            impl schemars::JsonSchema for $type {
                fn inline_schema() -> bool {
                    true
                }

                fn schema_name() -> std::borrow::Cow<'static, str> {
                    concat!($name, "/", $version).into()
                }

                fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                    schemars::json_schema!({ "type": "string", "const": Self::schema_name() })
                }
            }
        )*

        /// The name of each document, and its JSON Schema.
        pub const ALL: &[(&str, &str)] = &[$((
            concat!($name, "/", $version),
            include_str!(concat!("../schemas/", $name, ".", $version, ".json")),
        )),*];
    };
}

documents! {
    AppCheck = "snow.app.check" / 1;
    AppCreate = "snow.app.create" / 1;
    Bundle = "snow.bundle" / 1;
    Connect = "snow.connect" / 1;
    Connection = "snow.connection" / 1;
    Demo = "snow.demo" / 1;
    Doctor = "snow.doctor" / 1;
    Error = "snow.error" / 1;
    Explain = "snow.explain" / 1;
    ExplainList = "snow.explain.list" / 1;
    Guide = "snow.guide" / 1;
    Import = "snow.import" / 1;
    List = "snow.list" / 1;
    Logout = "snow.logout" / 1;
    Open = "snow.open" / 1;
    Proxy = "snow.proxy" / 1;
    Query = "snow.query" / 1;
    Remove = "snow.remove" / 1;
    Sandbox = "snow.sandbox" / 1;
    SandboxScenarios = "snow.sandbox.scenarios" / 1;
    Schemas = "snow.schemas" / 1;
    Spec = "snow.spec" / 1;
    Status = "snow.status" / 1;
    Store = "snow.store" / 1;
    StoreMigrate = "snow.store.migrate" / 1;
    StorePurge = "snow.store.purge" / 1;
    Table = "snow.table" / 1;
    Tables = "snow.tables" / 1;
    Test = "snow.test" / 1;
    TestConnection = "snow.test.connection" / 1;
    TestSummary = "snow.test.summary" / 1;
    Token = "snow.token" / 1;
    Tools = "snow.tools" / 1;
    Version = "snow.version" / 1;
}
