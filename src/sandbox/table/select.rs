//! Rows into JSON: which fields, values or what a person reads, links or not.

use serde_json::{Map, Value, json};

use super::Call;
use super::path::Path;
use crate::sandbox::rows::{MASK, Record, Store};
use crate::sandbox::schema::{Class, Kind};

/// How rows are shown.
pub struct Selection<'a> {
    store: &'a Store,
    /// Names as they were asked for, with where they lead.
    fields: Vec<(String, Path)>,
    display: Display,
    has_links: bool,
    /// `https://instance/api/now`
    base: String,
}

/// `sysparm_display_value`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Display {
    Values,
    Shown,
    Both,
}

impl Display {
    pub fn of(call: &Call<'_>) -> Self {
        match call.request.parameter("sysparm_display_value").unwrap_or("").to_ascii_lowercase().as_str() {
            "true" => Self::Shown,
            "all" => Self::Both,
            _ => Self::Values,
        }
    }
}

impl<'a> Selection<'a> {
    /// The fields that were asked for, or all; those that do not exist and
    /// those that the caller may not see are left out.
    pub fn new(store: &'a Store, call: &Call<'_>, class: &Class) -> Self {
        let asked = call.request.parameter("sysparm_fields").map(str::trim).filter(|fields| !fields.is_empty());
        let names: Vec<&str> = match asked {
            Some(fields) => fields.split(',').map(str::trim).collect(),
            None => class.fields.iter().map(|field| field.name).collect(),
        };
        let mut fields: Vec<(String, Path)> = Vec::with_capacity(names.len());
        for name in names {
            let path = Path::of(store, class, name).filter(|path| path.is_visible(&call.caller));
            if let Some(path) = path {
                fields.push((name.to_owned(), path));
            }
        }
        Self {
            store,
            fields,
            display: Display::of(call),
            has_links: !call.request.is_on("sysparm_exclude_reference_link"),
            base: format!("{}{}", call.origin, call.base),
        }
    }

    pub fn show(&self, record: Record<'_>) -> Value {
        let cells = self.fields.iter().map(|(name, path)| (name.clone(), self.cell(record, path)));
        Value::Object(cells.collect::<Map<_, _>>())
    }

    fn cell(&self, record: Record<'_>, path: &Path) -> Value {
        let value = match path.field().kind {
            Kind::Password if !path.value(self.store, record).is_empty() => MASK,
            _ => path.value(self.store, record),
        };
        let link = self.link(path, value);
        match (self.display, link) {
            (Display::Values, None) => json!(value),
            (Display::Values, Some(link)) => json!({ "link": link, "value": value }),
            (Display::Shown, None) => json!(path.display(self.store, record)),
            (Display::Shown, Some(link)) => json!({ "display_value": path.display(self.store, record), "link": link }),
            (Display::Both, None) => json!({ "display_value": path.display(self.store, record), "value": value }),
            (Display::Both, Some(link)) => {
                json!({ "display_value": path.display(self.store, record), "link": link, "value": value })
            }
        }
    }

    fn link(&self, path: &Path, value: &str) -> Option<String> {
        if value.is_empty() || !self.has_links {
            return None;
        }
        match path.field().kind {
            Kind::Reference(table) => Some(format!("{}/table/{table}/{value}", self.base)),
            Kind::ReferenceByName(table) => Some(format!("{}/table/{table}?name={value}", self.base)),
            _ => None,
        }
    }
}
