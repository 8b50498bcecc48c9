//! The aliases of ServiceNow's SDK, `now-sdk`: all of them in one item of the keyring.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Contents, Credentials, Entry, Found, UNREADABLE};
use crate::auth::{basic, oauth};
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::{Shown, shown};
use crate::service::{self, servicenow::oauth::sdk_client};
use crate::store::CredentialStore;

/// The item of the keyring: its service and its account.
pub const ITEM: (&str, &str) = ("ServiceNow", "now-sdk");

#[derive(Deserialize)]
struct Alias {
    creds: Account,
}

#[derive(Deserialize)]
struct Account {
    #[serde(rename = "instanceUrl")]
    instance: String,
    #[serde(rename = "type")]
    kind: String,
    username: Option<String>,
    #[serde(flatten)]
    credentials: Credentials,
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

fn found(name: &str, account: Account, now: DateTime<Utc>) -> Result<Found, Shown> {
    let Account { instance, kind, username, credentials } = account;
    let (spec, settings) = match kind.as_str() {
        "basic" => (&basic::SPEC, username.map(|username| ("username", username)).into_iter().collect()),
        "oauth" => {
            let client = sdk_client();
            let settings = vec![
                ("client_id", client.client_id.to_string()),
                ("scope", client.scope.as_str().to_owned()),
                ("redirect_uri", client.redirect_uri.to_string()),
            ];
            (&oauth::AUTHORIZATION_CODE, settings)
        }
        _ => return Err(shown!("it signs in with \"{}\", which snow does not know", Shown::outside(kind))),
    };
    let entry = Entry { name, service: service::usual(), instance: &instance, spec, settings };
    credentials.given_to(Found::new(entry.profile()?), now)
}
