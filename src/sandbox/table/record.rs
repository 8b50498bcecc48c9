//! One row: read, create, change, delete. What is written lives in memory.

use chrono::Utc;
use serde_json::{Map, Value};

use super::access::Change;
use super::select::Selection;
use super::{Call, no_record};
use crate::sandbox::answers::{Response, created, envelope, nothing, success};
use crate::sandbox::rows::{self, Row, Store};
use crate::sandbox::schema::{Class, Field, Kind};

/// What a new task is, where the caller says nothing else.
const NEW_TASK: &[(&str, &str)] = &[
    ("state", "1"),
    ("active", "true"),
    ("impact", "3"),
    ("urgency", "3"),
    ("escalation", "0"),
    ("approval", "not requested"),
    ("made_sla", "true"),
];
/// Beyond that, what a new row of some tables is.
const NEW: &[(&str, &str, &str)] = &[
    ("incident", "category", "inquiry"),
    ("incident", "severity", "3"),
    ("incident", "reopen_count", "0"),
    ("problem", "state", "101"),
    ("problem", "known_error", "false"),
    ("change_request", "state", "-5"),
    ("change_request", "type", "normal"),
    ("change_request", "risk", "3"),
    ("cmdb_ci", "install_status", "1"),
    ("cmdb_ci", "operational_status", "1"),
    ("sys_user", "active", "true"),
    ("sys_user", "locked_out", "false"),
    ("sys_user_group", "active", "true"),
    ("oauth_entity", "active", "true"),
    ("oauth_entity", "type", "client"),
    ("oauth_entity", "public_client", "false"),
    ("oauth_entity", "use_pkce", "false"),
    ("oauth_entity", "token_format", "opaque"),
    ("oauth_entity", "access_token_lifespan", "1800"),
    ("oauth_entity", "refresh_token_lifespan", "8640000"),
    ("oauth_entity", "scope_restriction_status", "restricted"),
];
/// How numbers begin, and the first that a caller may get.
const NUMBERS: &[(&str, &str, usize)] = &[
    ("incident", "INC", 10_001),
    ("problem", "PRB", 40_001),
    ("change_request", "CHG", 30_001),
    ("task", "TASK", 20_001),
];

pub fn read(store: &Store, call: &Call<'_>, table: &str, id: &str) -> Response {
    let class = store.class(table).expect("the table was looked for");
    match store.find(table, id).filter(|record| call.caller.may_read(*record)) {
        Some(record) => success(Selection::new(store, call, class).show(record)),
        None => no_record(),
    }
}

pub fn create(
    store: &mut Store,
    call: &Call<'_>,
    table: &str,
    fields: &Map<String, Value>,
) -> Result<Response, Response> {
    let class = store.class(table).expect("the table was looked for");
    permit(call, Change::Insert, class)?;
    let id = rows::sys_id(table, &format!("new/{}", call.number));
    let now = now();
    let user = call.caller.user.user_name;
    let mut values: Vec<(&str, String)> = vec![
        ("sys_created_on", now.clone()),
        ("sys_created_by", user.to_owned()),
        ("sys_updated_on", now.clone()),
        ("sys_updated_by", user.to_owned()),
        ("sys_mod_count", "0".to_owned()),
    ];
    if class.is_a("task") {
        values.extend(NEW_TASK.iter().map(|(field, value)| (*field, (*value).to_owned())));
        values.push(("opened_at", now));
        values.push(("opened_by", call.caller.id.clone()));
    }
    let of_class = NEW.iter().filter(|(of, ..)| class.is_a(of));
    values.extend(of_class.map(|(_, field, value)| (*field, (*value).to_owned())));
    if let Some((_, prefix, first)) = NUMBERS.iter().find(|(of, ..)| *of == table) {
        values.push(("number", format!("{prefix}{:07}", first + store.ever(table))));
    }
    if table == "oauth_entity" {
        // Of 32 digits, as an instance makes them.
        values.push(("client_id", rows::sys_id("client_id", &call.number.to_string())));
    }
    let given = given(store, call, class, fields);
    store.insert(table, &id, values);
    write(store, call, table, &id, &given);
    let record = store.find(table, &id).expect("it was just added");
    let class = store.class(table).expect("the table was looked for");
    let location = format!("{}{}/table/{table}/{id}", call.origin, call.base);
    Ok(created(location, Selection::new(store, call, class).show(record)))
}

pub fn update(
    store: &mut Store,
    call: &Call<'_>,
    table: &str,
    id: &str,
    fields: &Map<String, Value>,
) -> Result<Response, Response> {
    let record = store.find(table, id).filter(|record| call.caller.may_read(*record)).ok_or_else(no_record)?;
    permit(call, Change::Update, record.class)?;
    let of_class = record.class.table.name;
    let given = given(store, call, record.class, fields);
    let count = record.value("sys_mod_count").parse::<u64>().unwrap_or(0) + 1;
    let stamps = [
        ("sys_updated_on", now()),
        ("sys_updated_by", call.caller.user.user_name.to_owned()),
        ("sys_mod_count", count.to_string()),
    ];
    let stamps = stamps.map(|(field, value)| (record.class.place(field), value));
    let row = store.row_mut(of_class, id).expect("it was just found");
    for (place, value) in stamps {
        row.set(place.expect("every row has it"), value);
    }
    write(store, call, of_class, id, &given);
    Ok(read(store, call, table, id))
}

pub fn delete(store: &mut Store, call: &Call<'_>, table: &str, id: &str) -> Response {
    let Some(record) = store.find(table, id).filter(|record| call.caller.may_read(*record)) else {
        return no_record();
    };
    if let Err(refused) = permit(call, Change::Delete, record.class) {
        return refused;
    }
    let of_class = record.class.table.name;
    store.remove(of_class, id);
    nothing(204)
}

fn permit(call: &Call<'_>, change: Change, class: &Class) -> Result<(), Response> {
    if call.caller.may(change, class.table) {
        return Ok(());
    }
    let detail = format!("ACL Exception {} Failed due to security constraints", change.as_str());
    Err(envelope(403, "Operation Failed", Some(&detail)))
}

/// A value for a place in a row.
struct Given {
    place: usize,
    field: &'static Field,
    value: String,
}

/// What the caller sends, as far as the table has such fields and the caller
/// may write them; the rest is ignored without a word.
fn given(store: &Store, call: &Call<'_>, class: &Class, fields: &Map<String, Value>) -> Vec<Given> {
    let takes_display = call.request.is_on("sysparm_input_display_value");
    let given = fields.iter().filter_map(|(name, value)| {
        let place = class.place(name)?;
        let field = class.fields[place];
        // What the instance keeps for itself begins so, and refers to nothing.
        let is_kept = name.starts_with("sys_") && !matches!(field.kind, Kind::Reference(_));
        let is_writable = call.caller.may_see(field) && !is_kept;
        let text = text(value);
        let value = match field.kind {
            Kind::Reference(table) => reference(store, table, text),
            Kind::Choice | Kind::NumberChoice if takes_display => {
                class.choice_value(field.name, &text).map_or(text, str::to_owned)
            }
            Kind::Boolean => (text.eq_ignore_ascii_case("true") || text == "1").to_string(),
            _ => text.chars().take(field.max_length.into()).collect(),
        };
        let is_number = value.is_empty() || value.parse::<i64>().is_ok();
        let is_writable = is_writable && (is_number || !field.kind.is_number());
        is_writable.then_some(Given { place, field, value })
    });
    given.collect()
}

/// The `sys_id` that a caller means: it, or the one of the row that is shown so.
fn reference(store: &Store, table: &str, text: String) -> String {
    if text.is_empty() || store.find(table, &text).is_some() {
        return text;
    }
    let shown = store.class(table).and_then(|class| store.find_by(table, class.table.display, &text));
    shown.map(|record| record.id().to_owned()).unwrap_or_default()
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        // As rows are read, so they may be sent back.
        Value::Object(cell) => cell.get("value").or_else(|| cell.get("display_value")).map(text).unwrap_or_default(),
        other => other.to_string(),
    }
}

/// Puts the values in, and what an instance's own rules make of them.
fn write(store: &mut Store, call: &Call<'_>, table: &str, id: &str, given: &[Given]) {
    let place = |name: &str| store.class(table).and_then(|class| class.place(name));
    let [state, incident_state, priority, impact, urgency, active, resolved_at, resolved_by, closed_at, closed_by] = [
        "state",
        "incident_state",
        "priority",
        "impact",
        "urgency",
        "active",
        "resolved_at",
        "resolved_by",
        "closed_at",
        "closed_by",
    ]
    .map(place);
    let is_given = |name: &str| given.iter().any(|given| given.field.name == name);
    let row = store.row_mut(table, id).expect("the row was just found or added");
    for given in given.iter().filter(|given| given.field.kind != Kind::Journal) {
        row.set(given.place, given.value.as_str());
    }
    if let (Some(priority), Some(impact), Some(urgency)) = (priority, impact, urgency) {
        row.set(priority, rows::priority(row.at(impact), row.at(urgency)));
    }
    if let (Some(state), Some(incident_state), Some(active)) = (state, incident_state, active) {
        // The two are one; the old name wins only where it alone was sent.
        let from = if is_given("incident_state") && !is_given("state") { incident_state } else { state };
        let value = row.at(from).to_owned();
        row.set(state, value.as_str());
        row.set(incident_state, value.as_str());
        if is_given("state") || is_given("incident_state") {
            row.set(active, if matches!(value.as_str(), "7" | "8") { "false" } else { "true" });
            let stamp = |row: &mut Row, at: Option<usize>, by: Option<usize>| {
                if let (Some(at), Some(by)) = (at, by)
                    && row.at(at).is_empty()
                {
                    row.set(at, now());
                    row.set(by, call.caller.id.as_str());
                }
            };
            match value.as_str() {
                "6" => stamp(row, resolved_at, resolved_by),
                "7" | "8" => stamp(row, closed_at, closed_by),
                _ => {}
            }
        }
    }
    for given in given.iter().filter(|given| given.field.kind == Kind::Journal && !given.value.is_empty()) {
        let entry = rows::sys_id("sys_journal_field", &format!("{}/{}", call.number, given.field.name));
        let values = [
            ("name", table.to_owned()),
            ("element", given.field.name.to_owned()),
            ("element_id", id.to_owned()),
            ("value", given.value.clone()),
            ("sys_created_on", now()),
            ("sys_created_by", call.caller.user.user_name.to_owned()),
        ];
        store.insert("sys_journal_field", &entry, values);
    }
}

fn now() -> String {
    Utc::now().format("%Y-%m-%d %H:%M:%S").to_string()
}
