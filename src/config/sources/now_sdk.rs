//! The aliases of ServiceNow's SDK, `now-sdk`: all of them in one item of the keyring.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Contents, Entry, Found, UNREADABLE};
use crate::auth::{basic, oauth};
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::secret::{Secret, optional_secret_field};
use crate::base::shown::{Shown, shown};
use crate::model::tokens::SavedSession;
use crate::service::servicenow::oauth::sdk_client;
use crate::store::CredentialStore;

/// The item of the keyring: its service and its account.
pub const ITEM: (&str, &str) = ("ServiceNow", "now-sdk");

#[derive(Deserialize)]
struct Alias {
    creds: Credentials,
}

#[derive(Deserialize)]
struct Credentials {
    #[serde(rename = "instanceUrl")]
    instance: String,
    #[serde(rename = "type")]
    kind: String,
    username: Option<String>,
    #[serde(default, with = "optional_secret_field")]
    password: Option<Secret>,
    #[serde(default, with = "optional_secret_field")]
    access_token: Option<Secret>,
    #[serde(default, with = "optional_secret_field")]
    refresh_token: Option<Secret>,
    expires_at: Option<f64>,
}

/// Reads the item.
pub async fn read(keyring: &dyn CredentialStore, now: DateTime<Utc>) -> Result<Contents, Failure> {
    let Some(item) = keyring.read_of_another(ITEM.0, ITEM.1).await? else {
        return Ok(Contents::default());
    };
    let aliases: BTreeMap<String, &RawValue> = serde_json::from_str(item.expose()).map_err(|_| {
        let place = keyring.kind().place();
        Failure::new(Code::ConfigInvalid, shown!("could not read the item of now-sdk in {}", place))
            .why("It is not as now-sdk 4.9 writes it. Nothing was imported.")
            .next("See whether now-sdk itself can read it: now-sdk auth --list")
    })?;
    let mut contents = Contents::default();
    for (name, alias) in aliases {
        let alias = serde_json::from_str(alias.get()).map_err(|_| UNREADABLE.into());
        contents.add(&name, alias.and_then(|alias: Alias| found(&name, alias.creds, now)));
    }
    Ok(contents)
}

fn found(name: &str, credentials: Credentials, now: DateTime<Utc>) -> Result<Found, Shown> {
    let Credentials { instance, kind, username, password, access_token, refresh_token, expires_at } = credentials;
    let entry = |spec, settings| Entry { name, instance: &instance, spec, settings };
    match kind.as_str() {
        "basic" => {
            let settings = username.map(|username| ("username", username)).into_iter().collect();
            Ok(Found::new(entry(&basic::SPEC, settings).profile()?).with_secret(password))
        }
        "oauth" => {
            let client = sdk_client();
            let settings = vec![
                ("client_id", client.client_id.to_string()),
                ("scope", client.scope.as_str().to_owned()),
                ("redirect_uri", client.redirect_uri.to_string()),
            ];
            let mut found = Found::new(entry(&oauth::AUTHORIZATION_CODE, settings).profile()?);
            let client_id = client.client_id.as_str();
            let session = access_token
                .map(|token| SavedSession::taken_over(token, refresh_token, expires_at, client_id, false, now));
            found.session = session.transpose().map_err(|invalid| shown!("{}", invalid))?;
            Ok(found)
        }
        _ => Err(shown!("it signs in with \"{}\", which snow does not know", Shown::outside(kind))),
    }
}
