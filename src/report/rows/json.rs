//! Rows as JSON.

use std::io::Write;

use super::Query;
use crate::base::error::FailureInJson;
use crate::base::schemas;
use crate::base::shown::visible_json;
use crate::service::rows::Row;

/// One row as one line, of these fields alone; none for all.
pub fn row(buffer: &mut Vec<u8>, row: &Row<'_>, fields: &[String], key: &str) {
    let is_whole = fields.is_empty() || fields.iter().any(|field| field == key);
    if is_whole && row.is_plain() {
        buffer.extend_from_slice(row.text.as_bytes());
        return;
    }
    let wanted = row.members().iter().filter(|(name, _)| is_whole || name != key);
    if row.is_flat() {
        buffer.push(b'{');
        for (place, (name, value)) in wanted.enumerate() {
            let begin: &[u8] = if place > 0 { b",\"" } else { b"\"" };
            buffer.extend_from_slice(begin);
            buffer.extend_from_slice(name.as_bytes());
            buffer.extend_from_slice(b"\":");
            buffer.extend_from_slice(value.as_bytes());
        }
        buffer.push(b'}');
        return;
    }
    let mut text = String::with_capacity(row.text.len());
    text.push('{');
    for (place, (name, value)) in wanted.enumerate() {
        if place > 0 {
            text.push(',');
        }
        text.push_str(&serde_json::Value::from(&**name).to_string());
        text.push(':');
        if value.contains(['\n', '\r']) {
            // White space between its parts, which a line has none of.
            let compact = serde_json::from_str::<serde_json::Value>(value).map(|value| value.to_string());
            text.push_str(compact.as_deref().unwrap_or("null"));
        } else {
            text.push_str(value);
        }
    }
    text.push('}');
    buffer.extend_from_slice(visible_json(&text).as_bytes());
}

/// What a document has before its rows.
pub fn head(buffer: &mut Vec<u8>, table: &str, count: Option<u64>) {
    let document = Query { schema: schemas::Query, table, count, rows: Vec::new(), error: None };
    let text = serde_json::to_string(&document).expect("a document is always JSON");
    buffer.extend_from_slice(text.strip_suffix("]}").expect("rows come last").as_bytes());
}

/// What it has after them.
pub fn end(buffer: &mut Vec<u8>, error: Option<FailureInJson<'_>>) {
    buffer.push(b']');
    if let Some(error) = error {
        let error = serde_json::to_string(&error).expect("a document is always JSON");
        let _ = write!(buffer, ",\"error\":{}", visible_json(&error));
    }
    buffer.extend_from_slice(b"}\n");
}
