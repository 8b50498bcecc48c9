//! A connection as Adobe's Flow Service has it: the body of `POST /connections`.

use std::borrow::Cow;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::auth::method::MethodSpec;
use crate::model::instance::ApiVersion;
use crate::model::profile::Profile;
use crate::store::record::SecretItem;

/// What its source for a service takes.
#[derive(Debug)]
pub struct AdobeSpec {
    /// Its connection specification; the one of today is the first.
    pub ids: &'static [&'static str],
    pub version: &'static str,
    pub auths: &'static [AdobeAuth],
}

/// A way to sign in that it has.
#[derive(Debug)]
pub struct AdobeAuth {
    pub name: &'static str,
    pub method: &'static MethodSpec,
    /// Where it signs in if no parameter says it.
    pub usual_instance: Option<&'static str>,
    pub params: &'static [AdobeParam],
}

/// One parameter of a way to sign in.
#[derive(Debug)]
pub struct AdobeParam {
    pub name: &'static str,
    /// Another name that its documentation has.
    pub alias: Option<&'static str>,
    pub is: Counterpart,
}

/// What a parameter is here.
#[derive(Debug, Clone, Copy)]
pub enum Counterpart {
    Instance,
    ApiVersion,
    /// The version that is asked for here, where Adobe wants one in any case.
    RequiredApiVersion,
    /// The setting of this key.
    Setting(&'static str),
    Secret(&'static SecretItem),
}

impl AdobeParam {
    pub const fn new(name: &'static str, is: Counterpart) -> Self {
        Self { name, alias: None, is }
    }

    /// The value that a connection gives it; a place to be filled for a secret.
    fn of<'p>(&self, profile: &'p Profile) -> Option<Cow<'p, str>> {
        match self.is {
            Counterpart::Instance => Some(profile.instance.origin().into()),
            Counterpart::ApiVersion => profile.api_version.map(number),
            Counterpart::RequiredApiVersion => {
                let usual = || super::of(&profile.auth).api_versions().first().copied();
                profile.api_version.or_else(usual).map(number)
            }
            Counterpart::Setting(key) => {
                let setting = MethodSpec::of(profile.auth.method).setting(key)?;
                (setting.get)(&profile.auth).map(Cow::Owned)
            }
            Counterpart::Secret(_) => Some(place(self.name).into()),
        }
    }
}

/// A version without the `v` of paths.
fn number(version: ApiVersion) -> Cow<'static, str> {
    version.to_string().trim_start_matches('v').to_owned().into()
}

/// The place of a secret, to be replaced before it is sent: `{{SECURITY_TOKEN}}`.
fn place(name: &str) -> String {
    let mut words = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            words.push('_');
        }
        words.push(c.to_ascii_uppercase());
    }
    format!("{{{{{words}}}}}")
}

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

struct Params<'a>(&'static [AdobeParam], &'a Profile);

impl Serialize for Params<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut params = serializer.serialize_map(None)?;
        for param in self.0 {
            if let Some(value) = param.of(self.1) {
                params.serialize_entry(param.name, &value)?;
            }
        }
        params.end()
    }
}

#[derive(Serialize)]
struct Spec {
    id: &'static str,
    version: &'static str,
}

impl AdobeSpec {
    /// The body for a connection; `None` if it signs in in a way that the source does not
    /// have.
    pub fn body<'a>(&self, profile: &'a Profile) -> Option<Connection<'a>> {
        let auth = self.auths.iter().find(|auth| auth.method.method == profile.auth.method)?;
        Some(Connection {
            name: profile.name.as_str(),
            description: profile.description.as_deref(),
            auth: Auth { name: auth.name, params: Params(auth.params, profile) },
            spec: Spec { id: self.ids[0], version: self.version },
        })
    }
}
