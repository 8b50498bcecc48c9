//! What something that is remembered was about: the fields of a connection that
//! decide whether it is still true.
//!
//! A last test, a session and their ends count only as long as the connection has the
//! fields they were made for. Nothing here is derived from a secret.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::auth::method::MethodSpec;
use crate::auth::setting::Setting;
use crate::history::last_test::LastTest;
use crate::history::state::SessionNote;
use crate::model::profile::{ConnectionId, Profile};

/// Equal if the fields are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

/// Something that is remembered of a connection.
pub trait About {
    /// Of the fields that it is about.
    fn fingerprint(profile: &Profile) -> Fingerprint;
}

/// Something as it is kept in a file, with the fields that it was about.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Kept<T> {
    /// An older `snow` did not keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fingerprint: Option<Fingerprint>,
    #[serde(flatten)]
    what: T,
}

/// What is remembered of each connection.
pub struct Memory<T>(BTreeMap<ConnectionId, Kept<T>>);

impl<T: About> Kept<T> {
    pub fn of(profile: &Profile, what: T) -> Self {
        Self { fingerprint: Some(T::fingerprint(profile)), what }
    }

    /// Whether an older `snow` kept it.
    pub fn is_old(&self) -> bool {
        self.fingerprint.is_none()
    }

    /// What an older `snow` kept is about the fields that the connection has until it is
    /// changed.
    pub fn settle(&mut self, profile: &Profile) {
        self.fingerprint.get_or_insert_with(|| T::fingerprint(profile));
    }

    /// What was about the connection as it was stays true as it is now.
    pub fn carry(&mut self, former: &Profile, profile: &Profile) {
        if self.is_about(former) {
            self.fingerprint = Some(T::fingerprint(profile));
        }
    }

    fn is_about(&self, profile: &Profile) -> bool {
        self.fingerprint.as_ref().is_none_or(|fingerprint| *fingerprint == T::fingerprint(profile))
    }
}

impl<T: About> Memory<T> {
    pub fn new(kept: BTreeMap<ConnectionId, Kept<T>>) -> Self {
        Self(kept)
    }

    /// What is remembered of the connection as it is.
    pub fn of(&self, profile: &Profile) -> Option<&T> {
        self.0.get(&profile.id).filter(|kept| kept.is_about(profile)).map(|kept| &kept.what)
    }

    /// Whether what is remembered is about the connection as it was before a change.
    pub fn is_outdated(&self, profile: &Profile) -> bool {
        self.0.get(&profile.id).is_some_and(|kept| !kept.is_about(profile))
    }

    /// Everything, whatever it is about.
    pub fn all(&self) -> impl Iterator<Item = (ConnectionId, &T)> {
        self.0.iter().map(|(id, kept)| (*id, &kept.what))
    }
}

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl About for LastTest {
    fn fingerprint(profile: &Profile) -> Fingerprint {
        Fingerprint::of_test(profile)
    }
}

impl About for SessionNote {
    fn fingerprint(profile: &Profile) -> Fingerprint {
        Fingerprint::of_credential(profile)
    }
}

/// That a secret or session is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Stored {}

impl About for Stored {
    fn fingerprint(profile: &Profile) -> Fingerprint {
        Fingerprint::of_credential(profile)
    }
}

impl Fingerprint {
    /// Of whatever decides how a test ends.
    pub fn of_test(profile: &Profile) -> Self {
        let settings = MethodSpec::of(profile.auth.method).settings();
        let tables = profile.tables.iter().map(|table| ("table", table.to_string()));
        let headers = profile.headers.iter().map(|header| ("header", header.to_string()));
        let proxy = profile.proxy.clone().map(|proxy| ("proxy", proxy));
        let version = profile.api_version.map(|version| ("api_version", version.to_string()));
        Self::new(profile, settings, tables.chain(headers).chain(proxy).chain(version))
    }

    /// Of whatever a stored secret or session is bound to.
    pub fn of_credential(profile: &Profile) -> Self {
        Self::new(profile, MethodSpec::of(profile.auth.method).bound_settings(), [])
    }

    fn new(
        profile: &Profile,
        settings: impl Iterator<Item = &'static Setting>,
        others: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Self {
        let settings = settings.filter_map(|setting| {
            let value = (setting.get)(&profile.auth)?;
            // An instance ignores the case of a user name.
            Some((setting.key, if setting.key == "username" { value.to_lowercase() } else { value }))
        });
        let ca_cert = profile.ca_cert.as_ref().map(|path| ("ca_cert", path.display().to_string()));
        let fields: Vec<(&str, String)> = [
            ("instance", profile.instance.origin().to_owned()),
            ("auth", profile.auth.as_str().to_owned()),
            ("store", profile.store.as_str().to_owned()),
        ]
        .into_iter()
        .chain(profile.store.settings.iter().map(|(key, value)| (*key, value.clone())))
        .chain(ca_cert)
        .chain(settings)
        .chain(others)
        .collect();
        let fields = serde_json::to_vec(&fields).expect("texts are always JSON");
        Self(Sha256::digest(fields)[..16].iter().map(|byte| format!("{byte:02x}")).collect())
    }
}
