//! What a stored record says, and whether it is meant for this destination.
//!
//! A record is one line of JSON: `v`, the secret, and the origins it may be
//! sent to. Whatever the configuration file says by then, a secret is used
//! only where its origins are those of the connection.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{CredentialStore, Field, ItemKey, StoreError};
use crate::connection::instance::Instance;
use crate::connection::profile::Profile;
use crate::error::{Code, Failure};
use crate::secret::Secret;

const VERSION: u32 = 1;

/// Where a secret may go: the instance's origin, and the certificate
/// authority the connection adds, by the SHA-256 of its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origins {
    pub instance: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_cert_sha256: Option<String>,
}

#[derive(Serialize)]
struct Written<'a> {
    v: u32,
    origins: &'a Origins,
    /// Whose password it is.
    username: &'a str,
    password: &'a str,
}

#[derive(Deserialize)]
struct Read {
    origins: Origins,
    username: Option<String>,
    password: String,
}

#[derive(Deserialize)]
struct Version {
    v: u32,
}

/// The password of a saved connection. The store is asked, and the record
/// must be meant for the origins of the connection.
pub fn read_password(store: &dyn CredentialStore, profile: &Profile, origins: &Origins) -> Result<Secret, Failure> {
    let key = ItemKey { connection: profile.id, field: Field::Password };
    let name = &profile.name;
    let Some(record) = store.read(key)? else {
        return Err(Failure::new(Code::NoCredential, format!("no password is saved for {name}"))
            .why(format!("It was signed out, or the item is gone from {}.", store.kind().place()))
            .next(format!("snow login {name}"))
            .evidence("item", key.account()));
    };
    let unreadable = |why: &str| {
        Failure::new(Code::SecretUnreadable, format!("the saved password of {name} cannot be used"))
            .why(why)
            .next(format!("snow login {name}"))
            .evidence("item", key.account())
    };
    // Parse errors are not repeated: they could quote the record.
    let version: Version =
        serde_json::from_str(record.expose()).map_err(|_| unreadable("The saved item is not a record of snow."))?;
    if version.v != VERSION {
        return Err(unreadable("The saved item was written by another version of snow."));
    }
    let read: Read = serde_json::from_str(record.expose()).map_err(|_| unreadable("The saved item is damaged."))?;
    let password = Zeroizing::new(read.password);
    // The origin is shown below, and what is none could be anything.
    if !is_origin(&read.origins.instance) {
        return Err(unreadable("The saved item is damaged."));
    }
    let elsewhere = |what: String| {
        let message = format!("the saved password of {name} is meant for another destination");
        Failure::new(Code::OriginMismatch, message)
            .why(format!("{what} It was not sent."))
            .next(format!("If the change is yours: snow login {name}"))
            .evidence("saved_for", read.origins.instance.as_str())
    };
    if read.username.as_ref().is_some_and(|saved| !profile.username.matches(saved)) {
        return Err(elsewhere(format!(
            "It was saved for another user, and the connection now says {}.",
            profile.username
        )));
    }
    if read.origins != *origins {
        let what = match read.origins.instance == origins.instance {
            true => "The CA file of the connection is not the one it was saved with.".to_owned(),
            false => format!(
                "It was saved for {}, and the connection now leads to {}.",
                read.origins.instance, origins.instance
            ),
        };
        return Err(elsewhere(what));
    }
    Secret::new(password.as_str().to_owned()).map_err(|_| unreadable("The saved item is damaged."))
}

/// Saves the password of a connection, bound to its origins, and proves that
/// the store has it.
pub fn write_password(
    store: &dyn CredentialStore,
    profile: &Profile,
    origins: &Origins,
    password: &Secret,
) -> Result<(), Failure> {
    let key = ItemKey { connection: profile.id, field: Field::Password };
    let username = profile.username.as_str();
    let record = Written { v: VERSION, origins, username, password: password.expose() };
    let record = serde_json::to_string(&record).expect("a record is always JSON");
    let record = Secret::derived(record).map_err(|_| {
        Failure::new(Code::SecretTooLarge, "the password is too large to be saved").next("Use a shorter password")
    })?;
    store.write(key, &record)?;
    match store.read(key)? {
        Some(read) if read.expose() == record.expose() => Ok(()),
        _ => Err(StoreError::Unreliable.into()),
    }
}

fn is_origin(text: &str) -> bool {
    text.parse::<Instance>().is_ok_and(|instance| instance.origin() == text)
}
