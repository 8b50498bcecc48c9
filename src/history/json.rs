//! A saved connection as documents show it, with what is remembered of it.

use serde_json::{Value, json};

use super::last_test::LastTest;
use crate::base::time::timestamp;
use crate::model::profile::Profile;

/// A saved connection, as in `list` and `show`.
pub fn connection(profile: &Profile, is_default: bool, last_test: Option<&LastTest>) -> Value {
    json!({
        "name": profile.name,
        "id": profile.id,
        "revision": profile.revision,
        "instance": profile.instance,
        "auth": profile.auth.as_str(),
        "username": profile.username(),
        "client_id": profile.auth.client().map(|client| &client.client_id),
        "store": profile.store.as_str(),
        "default": is_default,
        "description": profile.description,
        "labels": profile.labels,
        "tables": profile.tables,
        "api_version": profile.api_version.map(|version| version.as_str()),
        "ca_cert": profile.ca_cert,
        "proxy": profile.proxy,
        "last_test": last_test.map(self::last_test),
    })
}

/// What is remembered of the last test of a connection.
fn last_test(test: &LastTest) -> Value {
    json!({
        "at": timestamp(test.at),
        "ok": test.ok,
        "class": test.class,
        "code": test.code,
        "since": test.since.map(timestamp),
        "latency_ms": test.latency_ms,
        "certificate_ends": test.certificate_ends.map(timestamp),
        "changes": test.changes,
    })
}
