//! `/sobjects`: what objects there are, and their rows one by one.

use chrono::Utc;
use serde_json::{Map, Value, json};

use super::answers::{errors, errors_in, not_allowed, not_found, ok};
use super::org::Org;
use super::query::whole;
use super::rest::Call;
use super::rows::moment;
use super::schema::{Kind, OBJECTS, Object};
use crate::sandbox::answers::{Response, json_answer, nothing};
use crate::sandbox::request::{Body, Request};

impl Org {
    pub(super) fn sobjects(&mut self, call: &Call<'_>, segments: &[&str]) -> Response {
        let method = call.request.method;
        let Some((name, rest)) = segments.split_first() else {
            return if method == "GET" { self.all_objects(call) } else { not_allowed(method, "GET") };
        };
        let object = Object::named(name).filter(|object| !self.hidden().contains(&object.name));
        let Some(object) = object else { return not_found() };
        match (rest, method) {
            ([], "GET") => ok(&json!({ "objectDescribe": object.outline(&call.base), "recentItems": [] })),
            ([], "POST") => self.create(call, object),
            ([], _) => not_allowed(method, "GET,HEAD,POST"),
            (["describe"], "GET") => {
                let mut description = object.description(&call.base);
                if let Some(fields) = description["fields"].as_array_mut() {
                    fields.retain(|field| !self.hidden().iter().any(|hidden| field["name"] == **hidden));
                }
                ok(&description)
            }
            (["describe", "layouts", ..], "GET") => ok(&json!({ "layouts": [], "recordTypeMappings": [] })),
            (["describe", ..], "GET") => ok(&json!({})),
            ([id], "GET") => self.row(call, object, id),
            ([id], "PATCH") => self.change(call, object, id),
            ([id], "DELETE") => self.delete(object, id),
            ([_], _) => not_allowed(method, "DELETE,GET,HEAD,PATCH"),
            _ => not_found(),
        }
    }

    fn all_objects(&self, call: &Call<'_>) -> Response {
        let seen = OBJECTS.iter().filter(|object| !self.hidden().contains(&object.name));
        let objects: Vec<Value> = seen.map(|object| object.outline(&call.base)).collect();
        ok(&json!({ "encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects }))
    }

    fn row(&self, call: &Call<'_>, object: &'static Object, id: &str) -> Response {
        let names: Option<Vec<&str>> = call.request.parameter("fields").map(|fields| fields.split(',').collect());
        let is_unknown = |name: &&&str| object.field(name).is_none_or(|(_, field)| self.hidden().contains(&field.0));
        if let Some(name) = names.iter().flatten().find(is_unknown) {
            return no_such_column(object, name);
        }
        match self.store.find(object.name, id).filter(|record| !record.is_deleted()) {
            Some(record) => ok(&whole(record, names.as_deref(), &call.base)),
            None => not_found(),
        }
    }

    fn create(&mut self, call: &Call<'_>, object: &'static Object) -> Response {
        let values = match values(call.request, object) {
            Ok(values) => values,
            Err(refused) => return refused,
        };
        let is_given = |name: &str| values.iter().any(|(given, value)| *given == name && !value.is_empty());
        let missing: Vec<&str> = object.required.iter().copied().filter(|name| !is_given(name)).collect();
        if !missing.is_empty() {
            let message = format!("Required fields are missing: [{}]", missing.join(", "));
            return errors_in(&missing, "REQUIRED_FIELD_MISSING", &message);
        }
        let (now, by) = (moment(Utc::now().naive_utc()), call.session.user.id());
        let mut row = vec![("CreatedDate", now.clone()), ("CreatedById", by.clone()), ("OwnerId", by.clone())];
        if object.name == "Case" {
            let number = self.store.records(object).count();
            row.extend([("CaseNumber", format!("{:08}", 1000 + number)), ("Status", "New".to_owned())]);
        }
        row.extend(values);
        row.extend(written(object, &row, &now, &by));
        let id = self.store.insert(object.name, &row);
        let location = format!("{}/sobjects/{}/{id}", call.base, object.name);
        json_answer(201, &json!({ "id": id, "success": true, "errors": [] })).with("Location", location)
    }

    fn change(&mut self, call: &Call<'_>, object: &'static Object, id: &str) -> Response {
        let mut values = match values(call.request, object) {
            Ok(values) => values,
            Err(refused) => return refused,
        };
        let Some(record) = self.store.find(object.name, id).filter(|record| !record.is_deleted()) else {
            return not_found();
        };
        let mut whole: Vec<(&str, String)> =
            ["FirstName", "LastName", "Status"].map(|name| (name, record.value(name).to_owned())).into();
        whole.extend(values.iter().cloned());
        values.extend(written(object, &whole, &moment(Utc::now().naive_utc()), &call.session.user.id()));
        self.store.set(object.name, id, &values);
        nothing(204)
    }

    fn delete(&mut self, object: &'static Object, id: &str) -> Response {
        if !object.is_writable {
            return errors(400, "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id");
        }
        match self.store.find(object.name, id) {
            None => not_found(),
            Some(record) if record.is_deleted() => errors(404, "ENTITY_IS_DELETED", "entity is deleted"),
            Some(_) => {
                self.store.set(object.name, id, &[("IsDeleted", "true".to_owned())]);
                nothing(204)
            }
        }
    }
}

/// The values of a body, if each is of a field that programs may write.
fn values(request: &Request<'_>, object: &'static Object) -> Result<Vec<(&'static str, String)>, Response> {
    let Body::Whole(body) = request.body else { return Err(not_found()) };
    if !request.content_type.is_some_and(|kind| kind.to_ascii_lowercase().starts_with("application/json")) {
        return Err(errors(415, "UNSUPPORTED_MEDIA_TYPE", "The content type is not supported"));
    }
    let body: Map<String, Value> =
        serde_json::from_slice(body).map_err(|error| errors(400, "JSON_PARSER_ERROR", &error.to_string()))?;
    body.iter().filter(|(name, _)| *name != "attributes").map(|(name, value)| one(object, name, value)).collect()
}

fn one(object: &'static Object, name: &str, value: &Value) -> Result<(&'static str, String), Response> {
    let (_, (field, kind)) = object.field(name).ok_or_else(|| no_such_column(object, name))?;
    if !object.is_writable(field) {
        let message = format!(
            "Unable to create/update fields: {field}. Please check the security settings of this field and verify \
             that it is read/write for your profile or permission set."
        );
        return Err(errors_in(&[field], "INVALID_FIELD_FOR_INSERT_UPDATE", &message));
    }
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(_) | Value::Object(_) => return Err(errors(400, "JSON_PARSER_ERROR", "Unexpected value")),
    };
    let fits = match kind {
        Kind::Boolean => value.is_boolean(),
        Kind::Number => value.is_null() || value.is_number(),
        _ => true,
    };
    if fits { Ok((field, text)) } else { Err(errors(400, "JSON_PARSER_ERROR", &format!("{field} has another type"))) }
}

/// What the org itself writes into a row that changes.
fn written(object: &Object, row: &[(&'static str, String)], now: &str, by: &str) -> Vec<(&'static str, String)> {
    let last = |name: &str| row.iter().rev().find(|(other, _)| *other == name).map_or("", |(_, value)| value.as_str());
    let mut own = vec![
        ("LastModifiedDate", now.to_owned()),
        ("LastModifiedById", by.to_owned()),
        ("SystemModstamp", now.to_owned()),
    ];
    match object.name {
        "Case" => {
            let is_closed = last("Status") == "Closed";
            own.push(("IsClosed", is_closed.to_string()));
            own.push(("ClosedDate", if is_closed { now.to_owned() } else { String::new() }));
            if row.iter().all(|(name, _)| *name != "IsEscalated") {
                own.push(("IsEscalated", (last("Status") == "Escalated").to_string()));
            }
        }
        "Contact" => own.push(("Name", format!("{} {}", last("FirstName"), last("LastName")).trim().to_owned())),
        _ => {}
    }
    own
}

fn no_such_column(object: &Object, name: &str) -> Response {
    errors(400, "INVALID_FIELD", &format!("No such column '{name}' on sobject of type {}", object.name))
}
