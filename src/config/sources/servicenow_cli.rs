//! The profiles of `servicenow-cli`: a file of settings, and an item of the keyring for each.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{Contents, Credentials, Entry, Found, UNREADABLE, reason, text_of};
use crate::auth::{basic, oauth};
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::{Shown, shown};
use crate::store::CredentialStore;

/// The service of its items in the keyring. Another program uses it as well, with accounts of
/// another form.
pub const SERVICE: &str = "servicenow-cli";

/// The account of a profile.
pub fn account(profile: &str) -> String {
    format!("profile:{profile}")
}

/// The keys of a profile that have a counterpart here, or that say where its secret is.
const TAKEN: [&str; 8] =
    ["instance", "username", "auth_type", "read_only", "client_id", "oauth_scope", "redirect_uri", "credential_store"];

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    profiles: BTreeMap<String, toml::Table>,
}

#[derive(Deserialize)]
struct Profile {
    instance: String,
    username: Option<String>,
    auth_type: Option<String>,
    #[serde(default)]
    read_only: bool,
    client_id: Option<String>,
    oauth_scope: Option<String>,
    redirect_uri: Option<String>,
}

/// Reads the file at `path`, and the items of its profiles. A secret that the file itself
/// holds stays there.
pub async fn read(path: &Path, keyring: &dyn CredentialStore, now: DateTime<Utc>) -> Result<Contents, Failure> {
    let Some(text) = text_of(path)? else { return Ok(Contents::default()) };
    let file: File = toml::from_str(&text).map_err(|error| {
        Failure::new(Code::ConfigInvalid, shown!("{}: {}", path.display(), reason(error.message())))
            .why("Nothing was imported.")
            .next("See whether servicenow-cli itself can read it")
    })?;
    let mut contents = Contents::default();
    for (name, keys) in file.profiles {
        let found = match found(&name, &keys) {
            Ok(found) => with_credential(found, &name, keyring, now).await?,
            Err(reason) => Err(reason),
        };
        contents.add(&name, found);
    }
    Ok(contents)
}

fn found(name: &str, keys: &toml::Table) -> Result<Found, Shown> {
    let profile: Profile = keys.clone().try_into().map_err(|_| Shown::from(UNREADABLE))?;
    let left_out = keys.keys().filter(|key| !TAKEN.contains(&key.as_str()));
    let left_out = left_out.map(|key| Shown::outside(key).into()).collect();
    let Profile { instance, username, auth_type, read_only, client_id, oauth_scope, redirect_uri } = profile;
    let kind = auth_type.unwrap_or_else(|| "basic".to_owned());
    let spec = match kind.as_str() {
        "basic" => &basic::SPEC,
        "oauth" => &oauth::AUTHORIZATION_CODE,
        "bearer" => return Err("it signs in with a token that someone gave it, which cannot be renewed".into()),
        "browser" => return Err("it signs in with the cookies of a browser".into()),
        _ => return Err(shown!("it signs in with \"{}\", which snow does not know", Shown::outside(kind))),
    };
    let settings =
        [("username", username), ("client_id", client_id), ("scope", oauth_scope), ("redirect_uri", redirect_uri)];
    let settings = settings.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
    let profile = Entry { name, service: crate::service::usual(), instance: &instance, spec, settings }.profile()?;
    Ok(Found { left_out, ..Found::new(crate::model::profile::Profile { read_only, ..profile }) })
}

/// With what the keyring has of it.
async fn with_credential(
    found: Found,
    name: &str,
    keyring: &dyn CredentialStore,
    now: DateTime<Utc>,
) -> Result<Result<Found, Shown>, Failure> {
    let Some(item) = keyring.read_of_another(SERVICE, &account(name)).await? else { return Ok(Ok(found)) };
    let Ok(credentials) = serde_json::from_str::<Credentials>(item.expose()) else {
        return Ok(Err("its item in the keyring is not as this program writes it".into()));
    };
    Ok(credentials.given_to(found, now))
}
