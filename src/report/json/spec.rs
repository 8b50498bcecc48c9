//! What a connection to a service takes: `snow spec`.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::auth::method::MethodSpec;
use crate::auth::setting::{GivenSecrets, Setting};
use crate::base::schemas;
use crate::service::Service;
use crate::store::STORES;

/// The services, each with what a connection to it takes: `snow spec`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Specs {
    pub schema: schemas::Spec,
    pub specs: Vec<Spec>,
}

/// One service.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Spec {
    /// The value of `--spec`, and of `spec` in a connection.
    name: &'static str,
    /// The connection specifications of Adobe's Flow Service for it; the one of today is
    /// the first.
    ids: &'static [&'static str],
    /// The version of the connection specification.
    version: &'static str,
    /// A JSON Schema of a connection: its settings, by the keys of the connections file, and
    /// below `secrets` what the store holds. The file never has secrets.
    schema: Value,
}

impl Spec {
    pub fn of(service: &dyn Service) -> Self {
        let (adobe, defaults) = (service.adobe(), service.defaults());
        Self { name: defaults.spec, ids: adobe.ids, version: adobe.version, schema: schema(service) }
    }
}

/// The JSON Schema of a connection to a service.
fn schema(service: &dyn Service) -> Value {
    let defaults = service.defaults();
    let methods: Vec<_> = service.methods().iter().copied().filter(|spec| spec.is_saved).collect();
    let names: Vec<_> = methods.iter().map(|spec| spec.method.as_str()).collect();
    let versions: Vec<_> = service.api_versions().iter().map(ToString::to_string).collect();
    let stores: Vec<_> = STORES.iter().map(|store| store.kind.as_str()).collect();
    let spec = json!({"const": defaults.spec, "description": "The service"});
    let mut required = vec!["instance", "auth"];
    if defaults.spec != crate::service::usual().defaults().spec {
        required.insert(0, "spec");
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("A connection to {}", defaults.label),
        "type": "object",
        "required": required,
        "properties": {
            "spec": spec,
            "id": {"type": "string", "format": "uuid", "readOnly": true},
            "revision": {"type": "integer", "minimum": 1, "readOnly": true},
            "created_at": {"type": "string", "format": "date-time", "readOnly": true},
            "updated_at": {"type": "string", "format": "date-time", "readOnly": true},
            "state": {"enum": ["enabled", "disabled"], "default": "enabled"},
            "instance": {"type": "string", "minLength": 1, "description": "The address of the instance"},
            "auth": {"enum": names, "description": "The way to sign in"},
            "store": {"enum": stores, "default": stores[0], "description": "Where its secrets are"},
            "api_version": {"type": "string", "examples": versions, "description": "The version of the REST API"},
            "tables": {"type": "array", "items": {"type": "string"}, "description": "The tables that a test asks for"},
            "headers": {"type": "array", "items": {"type": "string"}, "description": "Names of headers for a gateway"},
            "ca_cert": {"type": "string", "description": "A PEM file of an additional certificate authority"},
            "proxy": {"type": "string", "description": "The proxy of this connection"},
            "read_only": {"type": "boolean", "default": false, "description": "Whether writes are refused"},
            "description": {"type": "string"},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        },
        "oneOf": methods.iter().map(|spec| method(service, spec)).collect::<Vec<_>>(),
        "unevaluatedProperties": false,
    })
}

/// The settings and secrets of one way to sign in.
fn method(service: &dyn Service, spec: &MethodSpec) -> Value {
    let mut properties = Map::new();
    let (mut required, mut either) = (vec!["auth"], Vec::new());
    properties.insert("auth".to_owned(), json!({"const": spec.method.as_str()}));
    for setting in spec.settings() {
        properties.insert(setting.key.to_owned(), value_of(setting));
        if setting.is_required && setting.instead_of.is_empty() {
            required.push(setting.key);
        } else if setting.is_required {
            let enough = std::iter::once(&setting.key).chain(setting.instead_of);
            either.push(json!({"anyOf": enough.map(|key| json!({"required": [key]})).collect::<Vec<_>>()}));
        }
    }
    properties.insert("secrets".to_owned(), secrets(service, spec));
    let mut schema = json!({
        "title": format!("Signs in with {}", spec.method.label()),
        "properties": properties,
        "required": required,
    });
    if !either.is_empty() {
        schema["allOf"] = either.into();
    }
    schema
}

fn value_of(setting: &Setting) -> Value {
    let mut value = match setting {
        Setting { is_switch: true, .. } => json!({"type": "boolean"}),
        Setting { is_command: true, .. } => json!({"type": "array", "items": {"type": "string"}, "minItems": 1}),
        _ => json!({"type": "string"}),
    };
    value["description"] = setting.label.into();
    if setting.is_required && !setting.may_be_empty && value["type"] == "string" {
        value["minLength"] = 1.into();
    }
    value
}

/// What the store holds of it, by the names of its flags.
fn secrets(service: &dyn Service, spec: &MethodSpec) -> Value {
    let blank = spec.blank(service.defaults());
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for usage in spec.every_secret() {
        let secret = json!({"type": "string", "writeOnly": true, "description": usage.input.item.field.label()});
        properties.insert(usage.input.flag.to_owned(), secret);
        if (usage.need)(&blank, &GivenSecrets::default()).is_required() {
            required.push(usage.input.flag);
        }
    }
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}
