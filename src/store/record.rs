//! What a stored record says, and whether it is meant for this destination.
//!
//! A record is one line of JSON: `v`, the secret, and the origins it may be
//! sent to. Whatever the configuration file says by then, a secret is used
//! only where its origins are those of the connection.

use std::fmt;
use std::time::Duration;

use serde::de::{DeserializeOwned, Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use super::{CredentialStore, Field, ItemKey, SetOutcome, Version, Versioned};
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::secret::{Secret, secret_field};
use crate::base::shown::{Shown, Step, shown};
use crate::model::instance::Instance;
use crate::model::oauth_client::OAuthClient;
use crate::model::profile::{Auth, Profile};
use crate::model::tokens::SavedSession;

const VERSION: u32 = 1;

/// Where a secret may go: the instance's origin, the token endpoint's where it
/// is another, and the certificate authority the connection adds, by the
/// SHA-256 of its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origins {
    pub instance: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_cert_sha256: Option<String>,
}

/// A record as it is written: its head, and what it keeps.
#[derive(Serialize)]
struct Record<'a, T> {
    v: u32,
    origins: &'a Origins,
    #[serde(flatten)]
    kept: &'a T,
}

#[derive(Deserialize)]
struct RecordVersion {
    v: u32,
}

#[derive(Deserialize)]
struct Head {
    origins: Origins,
}

/// A kind of secret: where it is stored, and what its record says.
#[derive(Debug, Clone)]
pub struct SecretItem {
    pub field: Field,
    /// The member of the record that holds it.
    pub key: &'static str,
    pub owner: Owner,
}

/// Who a secret belongs to. It is used for no one else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    Nobody,
    User,
    Client,
}

impl Owner {
    /// The member of the record that names it, and the name.
    fn of(self, auth: &Auth) -> Option<(&'static str, &str)> {
        match self {
            Self::Nobody => None,
            Self::User => Some(("username", auth.username()?.as_str())),
            Self::Client => Some(("client_id", auth.client()?.client_id.as_str())),
        }
    }

    /// How the owner in a record is not the one of the connection.
    fn difference(self, auth: &Auth, named: &Named) -> Option<String> {
        match self {
            Self::Nobody => None,
            Self::User => match (auth.username(), &named.username) {
                (Some(user), Some(saved)) if !user.matches(saved) => {
                    Some(format!("It was saved for another user, but the user of the connection is now {user}."))
                }
                _ => None,
            },
            Self::Client => {
                let client_id = auth.client()?.client_id.as_str();
                (named.client_id.as_deref() != Some(client_id)).then(|| other_client(client_id))
            }
        }
    }
}

/// What the record of a secret keeps: its owner, and the secret.
struct Kept<'a> {
    owner: Option<(&'static str, &'a str)>,
    key: &'static str,
    secret: &'a Secret,
}

impl Serialize for Kept<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some((key, name)) = self.owner {
            map.serialize_entry(key, name)?;
        }
        map.serialize_entry(self.key, self.secret.expose())?;
        map.end()
    }
}

/// The owner that a record names.
#[derive(Deserialize)]
struct Named {
    username: Option<String>,
    client_id: Option<String>,
}

/// Reads the secret under one key of a record.
struct UnderKey(&'static str);

#[derive(Deserialize)]
#[serde(transparent)]
struct Text(#[serde(with = "secret_field")] Secret);

impl<'de> Visitor<'de> for UnderKey {
    type Value = Secret;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Secret, A::Error> {
        let mut secret = None;
        while let Some(key) = members.next_key::<String>()? {
            if key == self.0 {
                secret = Some(members.next_value::<Text>()?.0);
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        secret.ok_or_else(|| serde::de::Error::missing_field(self.0))
    }
}

/// One item of a connection: where it is, and how it is called.
struct Item<'a> {
    profile: &'a Profile,
    field: &'a Field,
}

/// A secret of a saved connection; `None` if none is saved. It must be meant for the
/// origins of the connection and for its owner.
pub async fn read_secret(
    store: &dyn CredentialStore,
    profile: &Profile,
    kind: &SecretItem,
    origins: &Origins,
) -> Result<Option<Secret>, Failure> {
    let item = Item { profile, field: &kind.field };
    let Some(record) = store.read(item.key()).await? else {
        return Ok(None);
    };
    // A person put it there, for whichever origin.
    if store.has_bare_secrets() && !is_record(record.expose()) {
        return Ok(Some(record));
    }
    let named: Named = item.parse(&record, origins)?;
    let secret = serde_json::Deserializer::from_str(record.expose()).deserialize_map(UnderKey(kind.key));
    let secret = secret.map_err(|_| item.damaged())?;
    match kind.owner.difference(&profile.auth, &named) {
        Some(difference) => Err(item.elsewhere(origins, difference)),
        None => Ok(Some(secret)),
    }
}

/// As above, if there must be one.
pub async fn require_secret(
    store: &dyn CredentialStore,
    profile: &Profile,
    kind: &SecretItem,
    origins: &Origins,
) -> Result<Secret, Failure> {
    let missing = || Item { profile, field: &kind.field }.missing(store);
    read_secret(store, profile, kind, origins).await?.ok_or_else(missing)
}

/// Saves a secret, bound to the origins of the connection and to its owner, and
/// proves that the store has it. In a store that only reads it must be there.
pub async fn write_secret(
    store: &dyn CredentialStore,
    profile: &Profile,
    kind: &SecretItem,
    origins: &Origins,
    secret: &Secret,
) -> Result<(), Failure> {
    if store.is_read_only() {
        let read = read_secret(store, profile, kind, origins).await?;
        if read.is_some_and(|read| read.expose() == secret.expose()) {
            return Ok(());
        }
    }
    let kept = Kept { owner: kind.owner.of(&profile.auth), key: kind.key, secret };
    Item { profile, field: &kind.field }.write(store, origins, &kept, ReadBack::Yes).await
}

/// The session of a saved connection; `None` where there is none.
pub async fn read_session(
    store: &dyn CredentialStore,
    profile: &Profile,
    client: &OAuthClient,
    origins: &Origins,
) -> Result<Option<SavedSession>, Failure> {
    let client_id = client.client_id.as_str();
    Ok(read_session_version(store, profile, client_id, origins).await?.session)
}

/// A session as a store holds it.
#[derive(Debug, Clone)]
pub struct VersionedSession {
    pub version: Version,
    /// The age of the version by the clock of the store, if it says so.
    pub age: Option<Duration>,
    pub session: Option<SavedSession>,
}

/// The session and its version.
pub async fn read_session_version(
    store: &dyn CredentialStore,
    profile: &Profile,
    client_id: &str,
    origins: &Origins,
) -> Result<VersionedSession, Failure> {
    let item = Item { profile, field: &Field::SESSION };
    let Versioned { version, age, record } = store.read_version(item.key()).await?;
    let session: Option<SavedSession> = record.map(|record| item.parse(&record, origins)).transpose()?;
    match session {
        Some(kept) if kept.client_id != client_id => Err(item.elsewhere(origins, other_client(client_id))),
        // The session of another subject is not of this connection: a new one takes its place.
        session => {
            let session = session.filter(|kept| kept.subject.as_deref() == profile.auth.subject());
            Ok(VersionedSession { version, age, session })
        }
    }
}

/// Replaces a version of a session by this one.
pub async fn set_session(
    store: &dyn CredentialStore,
    profile: &Profile,
    origins: &Origins,
    replaced: Version,
    session: &SavedSession,
) -> Result<SetOutcome, Failure> {
    let item = Item { profile, field: &Field::SESSION };
    let session = of_subject(profile, session);
    Ok(store.compare_and_set(item.key(), replaced, &item.record(origins, &session)?).await)
}

/// Does what the next write of the session would take time for.
pub async fn prepare_session(store: &dyn CredentialStore, profile: &Profile) -> Result<(), Failure> {
    Ok(store.prepare(Item { profile, field: &Field::SESSION }.key()).await?)
}

/// Saves a session. It is read back where the store has not been proven in
/// this run.
pub async fn write_session(
    store: &dyn CredentialStore,
    profile: &Profile,
    origins: &Origins,
    session: &SavedSession,
    read_back: ReadBack,
) -> Result<(), Failure> {
    let session = of_subject(profile, session);
    Item { profile, field: &Field::SESSION }.write(store, origins, &session, read_back).await
}

fn of_subject(profile: &Profile, session: &SavedSession) -> SavedSession {
    SavedSession { subject: profile.auth.subject().map(str::to_owned), ..session.clone() }
}

/// No session is saved.
pub fn no_session(store: &dyn CredentialStore, profile: &Profile) -> Failure {
    Item { profile, field: &Field::SESSION }.missing(store)
}

/// Whether a write is checked by reading it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ReadBack {
    Yes,
    No,
}

impl Item<'_> {
    fn key(&self) -> ItemKey {
        ItemKey::of(self.profile, self.field.clone())
    }

    /// What a record keeps, where it is meant for `origins`.
    fn parse<T: DeserializeOwned>(&self, record: &Secret, origins: &Origins) -> Result<T, Failure> {
        // Parse errors are not repeated: they could quote the record.
        let version: RecordVersion = serde_json::from_str(record.expose())
            .map_err(|_| self.unreadable("The saved item was not written by snow."))?;
        if version.v != VERSION {
            return Err(self.unreadable("The saved item was written by another version of snow."));
        }
        let head: Head = serde_json::from_str(record.expose()).map_err(|_| self.damaged())?;
        // The origins are shown below, and what is none could be anything.
        let saved = &head.origins;
        if !is_origin(&saved.instance) || !saved.token_endpoint.as_deref().is_none_or(is_origin) {
            return Err(self.damaged());
        }
        if saved != origins {
            return Err(self.elsewhere(saved, difference(saved, origins)));
        }
        serde_json::from_str(record.expose()).map_err(|_| self.damaged())
    }

    async fn write<T: Serialize>(
        &self,
        store: &dyn CredentialStore,
        origins: &Origins,
        kept: &T,
        read_back: ReadBack,
    ) -> Result<(), Failure> {
        let record = self.record(origins, kept)?;
        store.write(self.key(), &record).await?;
        if read_back == ReadBack::No {
            return Ok(());
        }
        let read = match store.read(self.key()).await {
            // It is written: one answer that fails is no reason to give it up.
            Err(_) => store.read(self.key()).await?,
            Ok(read) => read,
        };
        match read {
            Some(read) if read.expose() == record.expose() => Ok(()),
            _ => Err(store.unreliable().into()),
        }
    }

    fn record<T: Serialize>(&self, origins: &Origins, kept: &T) -> Result<Secret, Failure> {
        let record = serde_json::to_string(&Record { v: VERSION, origins, kept }).expect("a record is always JSON");
        Secret::derived(record).map_err(|_| {
            let message =
                shown!("the {} of {} is too large to save", Shown::outside(self.field.label()), self.profile.name);
            Failure::new(Code::SecretTooLarge, message).next("Use a shorter one")
        })
    }

    fn missing(&self, store: &dyn CredentialStore) -> Failure {
        let (what, name) = (Shown::outside(self.field.label()), &self.profile.name);
        let message = if *self.field == Field::SESSION {
            format!("not signed in to {name}")
        } else {
            format!("no saved {what} for {name}")
        };
        Failure::new(Code::NoCredential, Shown::outside(message))
            .why(shown!("The connection was signed out, or the item was deleted from {}.", store.kind().place()))
            .next(Step::run(shown!("snow login {}", name)))
            .evidence("item", Shown::outside(self.key().account()))
    }

    fn unreadable(&self, why: &'static str) -> Failure {
        let (what, name) = (Shown::outside(self.field.label()), &self.profile.name);
        Failure::new(Code::SecretUnreadable, shown!("could not read the saved {} of {}", what, name))
            .why(why)
            .next(Step::run(shown!("snow login {}", name)))
            .evidence("item", Shown::outside(self.key().account()))
    }

    fn elsewhere(&self, saved: &Origins, difference: String) -> Failure {
        let (what, name) = (Shown::outside(self.field.label()), &self.profile.name);
        let saved_for = Shown::outside(&saved.instance);
        let message = if saved.instance == self.profile.instance.origin() {
            shown!("the saved {} of {} does not match the settings of the connection", what, name)
        } else {
            shown!("the saved {} of {} belongs to {}, not to this instance", what, name, saved_for)
        };
        Failure::new(Code::OriginMismatch, message)
            .why(shown!("{} It was not sent.", Shown::outside(&difference)))
            .next(Step::say("If the change is yours: ").and_run(shown!("snow login {}", name)))
            .evidence("saved_for", saved_for)
    }

    fn damaged(&self) -> Failure {
        self.unreadable("The saved item is damaged.")
    }
}

fn other_client(client_id: &str) -> String {
    format!("It was saved for another OAuth client, but the client id of the connection is now {client_id}.")
}

/// In which way a secret was saved for something else.
fn difference(saved: &Origins, wanted: &Origins) -> String {
    if saved.instance != wanted.instance {
        return format!("It was saved for {}, but the connection now points to {}.", saved.instance, wanted.instance);
    }
    if saved.token_endpoint != wanted.token_endpoint {
        let there = |origins: &Origins| origins.token_endpoint.clone().unwrap_or_else(|| origins.instance.clone());
        return format!(
            "It was saved for the token endpoint on {}, but the connection now uses {}.",
            there(saved),
            there(wanted)
        );
    }
    "It was saved with a different CA file than the connection now uses.".to_owned()
}

/// Whether a text is meant to be a record, whatever else it says.
pub fn is_record(text: &str) -> bool {
    let value: Result<serde_json::Value, _> = serde_json::from_str(text);
    value.is_ok_and(|value| value["v"].is_u64() && value["origins"].is_object())
}

fn is_origin(text: &str) -> bool {
    text.parse::<Instance>().is_ok_and(|instance| instance.origin() == text)
}

/// Every secret value of a stored record, whatever else it says: for a search
/// that proves that none stands elsewhere. A text is one unless its key is known to
/// hold none, and what is no record of ours is a secret as a whole.
pub fn secrets_in(record: &Secret) -> Vec<Secret> {
    let members: Option<serde_json::Map<String, serde_json::Value>> = serde_json::from_str(record.expose()).ok();
    let mut secrets: Vec<Secret> = Vec::new();
    for (key, value) in members.into_iter().flatten() {
        if let (false, serde_json::Value::String(text)) = (OPEN_KEYS.contains(&key.as_str()), value) {
            secrets.extend(Secret::derived(text));
        }
    }
    if secrets.is_empty() {
        secrets.push(record.clone());
    }
    secrets
}

/// The keys of records whose texts may be seen.
const OPEN_KEYS: [&str; 10] = [
    "username",
    "client_id",
    "subject",
    "scope",
    "obtained_at",
    "expires_at",
    "signed_in_at",
    "refreshing",
    "refused_at",
    "by",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_under_a_key_that_nobody_knows_counts_as_a_secret() {
        let record = r#"{"v":1,"origins":{"instance":"https://acme.example"},"username":"beth","new_key":"CANARY"}"#;
        let secrets = secrets_in(&Secret::derived(record.to_owned()).unwrap());
        assert_eq!(secrets.iter().map(Secret::expose).collect::<Vec<_>>(), ["CANARY"]);
    }
}
