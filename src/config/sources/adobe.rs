//! A connection of Adobe's Flow Service: the body of `POST /connections`, or the answer of
//! `GET /connections/{id}`, which lists such bodies and has no secrets.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Contents, Entry, Found, UNREADABLE, missing_file, text_of};
use crate::auth::basic;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::base::shown::{Shown, shown};
use crate::model::instance::InvalidInstance;
use crate::model::profile::{ConnectionName, Profile, shown_text};
use crate::service::servicenow::address::Address;
use crate::service::servicenow::adobe::{BASIC, SPEC_ID};

/// The members of a body that have a counterpart.
const TAKEN: [&str; 4] = ["name", "description", "auth", "connectionSpec"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    name: String,
    description: Option<String>,
    auth: Auth,
    connection_spec: Spec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Auth {
    spec_name: String,
    params: Params,
}

#[derive(Deserialize)]
struct Params {
    // Its documentation has both names.
    #[serde(alias = "server")]
    endpoint: String,
    username: Option<String>,
    password: Option<String>,
}

#[derive(Deserialize)]
struct Spec {
    id: String,
}

/// Reads the file. The name is that of the connection if it can be one here, else that of
/// the instance.
pub fn read(path: &Path) -> Result<Contents, Failure> {
    let text = text_of(path)?.ok_or_else(|| missing_file(path, "Use the path of a body of POST /connections"))?;
    let invalid = || {
        let message = shown!("{} is not a connection of Adobe's Flow Service", path.display());
        Failure::new(Code::ConfigInvalid, message)
            .why("Nothing was imported.")
            .next("Use the body of POST /connections, or the answer of GET /connections/ID")
    };
    let file: Map<String, Value> = serde_json::from_str(&text).map_err(|_| invalid())?;
    let bodies = match file.get("items") {
        Some(Value::Array(items)) => items.clone(),
        Some(_) => return Err(invalid()),
        None if file.contains_key("connectionSpec") => vec![Value::Object(file)],
        None => return Err(invalid()),
    };
    let mut contents = Contents::default();
    for body in bodies {
        let name = body.get("name").and_then(Value::as_str).unwrap_or("a connection without a name").to_owned();
        contents.add(&name, found(body));
    }
    Ok(contents)
}

fn found(body: Value) -> Result<Found, Shown> {
    let keys = body.as_object().map(|body| body.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
    let Body { name, description, auth, connection_spec } =
        serde_json::from_value(body).map_err(|_| Shown::from(UNREADABLE))?;
    if connection_spec.id != SPEC_ID {
        return Err("its connectionSpec is not that of ServiceNow".into());
    }
    if auth.spec_name != BASIC {
        return Err(shown!("it signs in with \"{}\", which snow does not know", Shown::outside(auth.spec_name)));
    }
    let Params { endpoint, username, password } = auth.params;
    let name = match name.parse::<ConnectionName>() {
        Ok(name) => name,
        Err(_) => {
            let address = Address::parse(&endpoint);
            let address = address.map_err(|error: InvalidInstance| super::reason(&error.to_string()))?;
            ConnectionName::suggested_for(&address.instance).ok_or("no name can be made of its endpoint")?
        }
    };
    let settings = username.map(|username| ("username", username)).into_iter().collect();
    let entry = Entry { name: name.as_str(), instance: &endpoint, spec: &basic::SPEC, settings };
    let description = description.map(|text| shown_text("description", &text)).transpose();
    let profile = Profile { description: description.map_err(|error| super::reason(&error.0))?, ..entry.profile()? };
    // What the export writes in its place is no password.
    let password = password.filter(|text| !text.is_empty() && !text.starts_with("{{"));
    let password = password.map(|text| Secret::of_line(&text)).transpose().map_err(|invalid| shown!("{}", invalid))?;
    let left_out = keys.iter().filter(|key| !TAKEN.contains(&key.as_str()));
    let left_out = left_out.map(|key| Shown::outside(key).into()).collect();
    Ok(Found { left_out, ..Found::new(profile).with_secret(password) })
}
