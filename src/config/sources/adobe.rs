//! A connection of Adobe's Flow Service: the body of `POST /connections`, or the answer of
//! `GET /connections/{id}`, which lists such bodies and has no secrets.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Contents, Entry, Found, UNREADABLE, missing_file, text_of};
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::base::shown::{Shown, shown};
use crate::model::profile::{ConnectionName, Profile, shown_text};
use crate::service::SERVICES;
use crate::service::adobe::{AdobeAuth, AdobeParam, Counterpart};
use crate::store::record::SecretItem;

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
    params: Map<String, Value>,
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
    let known = SERVICES.iter().find(|service| service.adobe().ids.contains(&connection_spec.id.as_str()));
    let service = *known.ok_or("its connectionSpec is not one that snow knows")?;
    let way = service.adobe().auths.iter().find(|way| way.name == auth.spec_name);
    let way = way
        .ok_or_else(|| shown!("it signs in with \"{}\", which snow does not know", Shown::outside(&auth.spec_name)))?;
    let mut params = Given::read(way, auth.params)?;
    let endpoint = params.instance.take().or(way.usual_instance.map(str::to_owned));
    let endpoint = endpoint.ok_or("its endpoint is missing")?;
    let address = service.address(&endpoint).map_err(|failure| failure.message().clone())?;
    let name = match name.parse::<ConnectionName>() {
        Ok(name) => name,
        Err(_) => ConnectionName::suggested_for(&address.instance).ok_or("no name can be made of its endpoint")?,
    };
    let settings = std::mem::take(&mut params.settings);
    let entry = Entry { name: name.as_str(), service, instance: &endpoint, spec: way.method, settings };
    let description = description.map(|text| shown_text("description", &text)).transpose();
    let description = description.map_err(|error| super::reason(&error.0))?;
    let profile = Profile { description, ..entry.profile()? };
    let api_version = params.api_version.map(|text| service.api_version(&text)).transpose();
    let api_version = api_version.map_err(|error| super::reason(&error.0))?.or(profile.api_version);
    let of_body = keys.iter().filter(|key| !TAKEN.contains(&key.as_str()));
    let left_out = of_body.chain(&params.left_out).map(|key| Shown::outside(key).into()).collect();
    Ok(Found { left_out, secrets: params.secrets, ..Found::new(Profile { api_version, ..profile }) })
}

/// The parameters of a way to sign in.
#[derive(Default)]
struct Given {
    instance: Option<String>,
    api_version: Option<String>,
    settings: Vec<(&'static str, String)>,
    secrets: Vec<(SecretItem, Secret)>,
    /// Names without a counterpart.
    left_out: Vec<String>,
}

impl Given {
    fn read(way: &AdobeAuth, params: Map<String, Value>) -> Result<Self, Shown> {
        let mut given = Self::default();
        for (name, value) in params {
            let is_it = |param: &&AdobeParam| param.name == name || param.alias == Some(name.as_str());
            let Some(param) = way.params.iter().find(is_it) else {
                given.left_out.push(name);
                continue;
            };
            let Value::String(text) = value else { return Err(UNREADABLE.into()) };
            match param.is {
                Counterpart::Instance => given.instance = Some(text),
                Counterpart::ApiVersion | Counterpart::RequiredApiVersion => given.api_version = Some(text),
                Counterpart::Setting(key) => given.settings.push((key, text)),
                // What an export writes in its place is no secret.
                Counterpart::Secret(_) if text.is_empty() || text.starts_with("{{") => {}
                Counterpart::Secret(item) => {
                    let secret = Secret::of_line(&text).map_err(|invalid| shown!("{}", invalid))?;
                    given.secrets.push((item.clone(), secret));
                }
            }
        }
        Ok(given)
    }
}
