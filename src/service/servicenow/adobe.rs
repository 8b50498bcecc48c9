//! A connection as Adobe's Flow Service takes it: the body of `POST /connections`.

use serde::Serialize;

use crate::auth::basic;
use crate::model::profile::Profile;

/// The specification of its ServiceNow source.
pub const SPEC_ID: &str = "eb13cb25-47ab-407f-ba89-c0125281c563";
/// Its way to sign in with a user and a password.
pub const BASIC: &str = "Basic Authentication";
const SPEC_VERSION: &str = "1.0";
/// To be replaced before it is sent.
const PASSWORD: &str = "{{PASSWORD}}";

/// The body.
#[derive(Serialize)]
pub struct Connection<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    auth: Auth<'a>,
    #[serde(rename = "connectionSpec")]
    spec: Spec,
}

#[derive(Serialize)]
struct Auth<'a> {
    #[serde(rename = "specName")]
    name: &'static str,
    params: Params<'a>,
}

#[derive(Serialize)]
struct Params<'a> {
    endpoint: &'a str,
    username: &'a str,
    password: &'static str,
}

#[derive(Serialize)]
struct Spec {
    id: &'static str,
    version: &'static str,
}

impl<'a> Connection<'a> {
    /// `None` if it does not sign in with a user and a password, the only way that this
    /// specification has.
    pub fn of(profile: &'a Profile) -> Option<Self> {
        let username = profile.username().filter(|_| profile.auth.method == basic::SPEC.method)?;
        let params = Params { endpoint: profile.instance.origin(), username: username.as_str(), password: PASSWORD };
        Some(Self {
            name: profile.name.as_str(),
            description: profile.description.as_deref(),
            auth: Auth { name: BASIC, params },
            spec: Spec { id: SPEC_ID, version: SPEC_VERSION },
        })
    }
}
