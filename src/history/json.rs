//! A saved connection as documents show it, with what is remembered of it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::last_test::{self, Change};
use crate::auth::method::MethodSpec;
use crate::base::time::Timestamp;
use crate::config::etag;
use crate::model::command::command_of;
use crate::model::profile::{ConnectionId, Profile};
use crate::service;

/// A saved connection, without its secrets.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Connection<'a> {
    pub name: &'a str,
    /// Stays the same when the connection is renamed.
    id: ConnectionId,
    /// Grows by one with every change.
    revision: u64,
    /// Changes with every change, also with one by hand. `snow edit --if-match` takes it.
    pub etag: String,
    /// `enabled` or `disabled`.
    state: &'a str,
    /// Null if it is of an older snow.
    created_at: Option<Timestamp>,
    /// Null if an older snow made the last change.
    updated_at: Option<Timestamp>,
    /// The origin: scheme, host and, if it is not the default, port.
    instance: &'a str,
    /// The service, as `snow spec` names it.
    spec: &'a str,
    /// The way to sign in, as `snow connect --auth` names it.
    auth: &'a str,
    /// Null if the user is not known yet.
    pub username: Option<Cow<'a, str>>,
    /// Null if no OAuth client signs in.
    pub client_id: Option<Cow<'a, str>>,
    /// The store of its secrets, as `snow connect --store` names it.
    store: &'a str,
    /// Whether it is the default connection.
    default: bool,
    description: Option<&'a str>,
    labels: &'a BTreeMap<String, String>,
    /// The tables that a test asks for.
    tables: Vec<&'a str>,
    /// The names of the headers that are added to every request.
    headers: Vec<&'a str>,
    /// The version in the paths of the REST API: `v1`, `v2` or null for none.
    api_version: Option<String>,
    /// The PEM file of an additional certificate authority.
    ca_cert: Option<&'a Path>,
    /// The URL of the proxy that the connection names; null if it names none.
    proxy: Option<&'a str>,
    /// Whether requests that may write are refused.
    read_only: bool,
    /// Null before the first test, and once a setting that it judged was changed.
    pub last_test: Option<LastTest>,
}

/// What is remembered of the last test of a connection.
#[derive(Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LastTest {
    at: Timestamp,
    ok: bool,
    /// The class of the failure; null if it passed.
    class: Option<String>,
    /// The code of the failure; null if it passed.
    code: Option<String>,
    /// When the first test in a row was that ended in the same way.
    since: Option<Timestamp>,
    /// How long the first request took when it last worked, in milliseconds.
    latency_ms: Option<u64>,
    /// When the certificate that was seen last ends.
    certificate_ends: Option<Timestamp>,
    /// What was new in this test.
    changes: Vec<Change>,
}

impl<'a> Connection<'a> {
    pub fn of(profile: &'a Profile, is_default: bool, last_test: Option<&last_test::LastTest>) -> Self {
        Self {
            name: profile.name.as_str(),
            id: profile.id,
            revision: profile.revision,
            etag: etag(profile),
            state: profile.state.as_str(),
            created_at: profile.times.created_at.map(Timestamp),
            updated_at: profile.times.updated_at.map(Timestamp),
            instance: profile.instance.origin(),
            auth: profile.auth.as_str(),
            username: profile.username().map(|user| user.as_str().into()),
            client_id: profile.auth.client_id().map(Into::into),
            store: profile.store.as_str(),
            default: is_default,
            description: profile.description.as_deref(),
            labels: &profile.labels,
            tables: profile.tables.iter().map(|table| table.as_str()).collect(),
            headers: profile.headers.iter().map(|header| header.as_str()).collect(),
            api_version: profile.api_version.map(|version| version.to_string()),
            spec: service::of(&profile.auth).defaults().spec,
            ca_cert: profile.ca_cert.as_deref(),
            proxy: profile.proxy.as_deref(),
            read_only: profile.read_only,
            last_test: last_test.map(LastTest::from),
        }
    }
}

/// A saved connection with every setting of its way to sign in.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ShownConnection<'a> {
    #[serde(flatten)]
    connection: Connection<'a>,
    /// The scope that its OAuth client asks for. Like the settings below, null if the way
    /// to sign in does not have it.
    scope: Option<String>,
    /// The redirect URI of its OAuth client.
    redirect_uri: Option<String>,
    /// Where a person signs in.
    authorization_url: Option<String>,
    /// Where tokens come from.
    token_url: Option<String>,
    /// Where tokens are revoked.
    revocation_url: Option<String>,
    /// Whether a browser sign-in uses PKCE.
    pkce: Option<bool>,
    /// The header of its API key.
    header_name: Option<String>,
    /// The user that its assertions are for.
    subject: Option<String>,
    /// The key id that its assertions name.
    key_id: Option<String>,
    /// The audience of its assertions.
    audience: Option<String>,
    /// The file of its private key, if the key is not in the store.
    private_key: Option<String>,
    /// The file of the certificate that the key must fit.
    certificate: Option<String>,
    /// How long each assertion is valid.
    token_lifetime: Option<String>,
    /// The algorithm of its assertions, if it is not the usual one of the key.
    algorithm: Option<String>,
    /// The file of its client certificate.
    client_cert: Option<String>,
    /// The file of the key of that certificate.
    client_key: Option<String>,
    /// The PKCS#12 file with both.
    client_identity: Option<String>,
    /// The program that prints its access token, and the arguments.
    access_token_command: Option<Vec<String>>,
    /// The address of its Vault. Like the settings below, null if the connection does not
    /// say it, as where a variable does.
    store_address: Option<&'a str>,
    /// The mount of KV version 2 in Vault.
    store_mount: Option<&'a str>,
    /// The path below the mount.
    store_path: Option<&'a str>,
    /// The namespace of Vault.
    store_namespace: Option<&'a str>,
    /// How to sign in to Vault.
    store_auth: Option<&'a str>,
    /// The role to sign in to Vault as.
    store_role: Option<&'a str>,
    /// The mount of that sign-in.
    store_auth_mount: Option<&'a str>,
}

/// One setting of a way to sign in, as it is in force.
pub struct SettingInForce {
    pub key: &'static str,
    pub value: String,
    pub is_default: bool,
}

/// The settings of how a connection signs in.
pub fn settings(profile: &Profile) -> impl Iterator<Item = SettingInForce> {
    MethodSpec::of(profile.auth.method).settings().filter_map(|setting| {
        let set = (setting.get)(&profile.auth);
        let is_default = set.is_none();
        let value = set.or_else(|| (setting.usual)(&profile.auth, &profile.instance))?;
        Some(SettingInForce { key: setting.key, value, is_default })
    })
}

impl<'a> ShownConnection<'a> {
    pub fn of(profile: &'a Profile, is_default: bool, last_test: Option<&last_test::LastTest>) -> Self {
        let value = |key: &str| settings(profile).find(|setting| setting.key == key).map(|setting| setting.value);
        let of_store = |key: &str| profile.store.settings.get(key).map(String::as_str);
        Self {
            connection: Connection::of(profile, is_default, last_test),
            scope: value("scope"),
            redirect_uri: value("redirect_uri"),
            authorization_url: value("authorization_url"),
            token_url: value("token_url"),
            revocation_url: value("revocation_url"),
            pkce: value("pkce").map(|value| value == "true"),
            header_name: value("header_name"),
            subject: value("subject"),
            key_id: value("key_id"),
            audience: value("audience"),
            private_key: value("private_key"),
            certificate: value("certificate"),
            token_lifetime: value("token_lifetime"),
            algorithm: value("algorithm"),
            client_cert: value("client_cert"),
            client_key: value("client_key"),
            client_identity: value("client_identity"),
            access_token_command: value("access_token_command").and_then(|command| command_of(&command).ok()),
            store_address: of_store("store_address"),
            store_mount: of_store("store_mount"),
            store_path: of_store("store_path"),
            store_namespace: of_store("store_namespace"),
            store_auth: of_store("store_auth"),
            store_role: of_store("store_role"),
            store_auth_mount: of_store("store_auth_mount"),
        }
    }
}

impl From<&last_test::LastTest> for LastTest {
    fn from(test: &last_test::LastTest) -> Self {
        Self {
            at: Timestamp(test.at),
            ok: test.ok,
            class: test.class.clone(),
            code: test.code.clone(),
            since: test.since.map(Timestamp),
            latency_ms: test.latency_ms,
            certificate_ends: test.certificate_ends.map(Timestamp),
            changes: test.changes.clone(),
        }
    }
}
