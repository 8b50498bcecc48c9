//! A connection that variables alone describe: for CI. No file, no store and
//! no D-Bus is touched for it.

use std::path::PathBuf;

use crate::auth::method::{METHODS, MethodVariables};
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::base::shown::{Shown, shown};
use crate::base::variables::Variables;
use crate::model::instance::{ApiVersion, Instance};
use crate::model::oauth_client::{GrantType, OAuthClient};
use crate::model::profile::{InvalidValue, any_of};
use crate::model::user_name::UserName;
use crate::service::servicenow::address::Address;

/// The name of such a connection in reports.
pub const NAME: &str = "environment";

/// An access token that somebody else keeps fresh: a way of variables alone.
const TOKEN: MethodVariables = MethodVariables {
    name: "token",
    secret: "SNOW_ACCESS_TOKEN",
    secret_file: "SNOW_ACCESS_TOKEN_FILE",
    all: &["SNOW_ACCESS_TOKEN", "SNOW_ACCESS_TOKEN_FILE"],
};

/// Of a way to sign in that this version does not have: whoever sets one of
/// them does not mean a saved connection.
const RESERVED: (&str, &str) = ("SNOW_API_KEY", "SNOW_API_KEY_FILE");

/// The ways to sign in that variables can describe.
fn ways() -> impl Iterator<Item = MethodVariables> {
    METHODS.iter().filter_map(|spec| spec.variables).chain([TOKEN])
}

/// Every variable that describes a connection. Any of them, even empty, means that
/// one is wanted: never a silent fall to a saved connection.
pub fn variables() -> impl Iterator<Item = &'static str> {
    ["SNOW_INSTANCE", "SNOW_AUTH"].into_iter().chain(ways().flat_map(|way| way.all).copied()).chain(reserved())
}

/// The variables of secrets: for the secret itself, and for the file that holds it.
pub fn secrets() -> impl Iterator<Item = (&'static str, &'static str)> {
    ways().map(|way| (way.secret, way.secret_file)).chain([RESERVED])
}

fn reserved() -> [&'static str; 2] {
    [RESERVED.0, RESERVED.1]
}

/// What the variables say; the secret as it is, or where it stands.
#[derive(Debug)]
pub struct EnvironmentConnection {
    pub instance: Instance,
    pub api_version: Option<ApiVersion>,
    pub sign_in: EnvironmentSignIn,
}

#[derive(Debug)]
pub enum EnvironmentSignIn {
    Basic { username: UserName, password: SecretSource },
    ClientCredentials { client: OAuthClient, client_secret: SecretSource },
    Token { access_token: SecretSource },
}

#[derive(Debug)]
pub enum SecretSource {
    Value(Secret),
    /// The variable, and the path it holds.
    File(String, PathBuf),
}

impl EnvironmentSignIn {
    /// As `auth` of a saved connection; `token` is one of its own.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Basic { .. } => "basic",
            Self::ClientCredentials { .. } => "client-credentials",
            Self::Token { .. } => "token",
        }
    }

    /// Who signs in, where the variables say it.
    pub fn identity(&self) -> Option<&str> {
        match self {
            Self::Basic { username, .. } => Some(username.as_str()),
            Self::ClientCredentials { client, .. } => Some(client.client_id.as_str()),
            Self::Token { .. } => None,
        }
    }
}

/// Whether variables describe a connection, completely or not.
pub fn is_described(variables: &Variables) -> bool {
    self::variables().any(|name| variables.raw(name).is_some())
}

/// Reads the variables; an error names the one that is wrong or missing.
pub fn read(variables: &Variables) -> Result<EnvironmentConnection, Failure> {
    for name in self::variables() {
        // An empty scope asks for none.
        if name != "SNOW_SCOPE" && variables.raw(name).is_some_and(|value| value.is_empty()) {
            return Err(
                incomplete(shown!("{} is set, but empty", name)).next(shown!("Give {} a value, or unset it", name))
            );
        }
    }
    let way = way(variables)?;
    let address = Address::parse(required(variables, "SNOW_INSTANCE")?).map_err(Failure::from)?;
    let sign_in = match way {
        "client-credentials" => client_credentials(variables, &address.instance)?,
        "token" => {
            let access_token = secret(variables, "SNOW_ACCESS_TOKEN", "SNOW_ACCESS_TOKEN_FILE")?;
            EnvironmentSignIn::Token { access_token }
        }
        _ => {
            let username = required(variables, "SNOW_USERNAME")?.parse().map_err(|error: InvalidValue| {
                incomplete(shown!("SNOW_USERNAME: {}", error)).next("Correct SNOW_USERNAME")
            })?;
            let password = secret(variables, "SNOW_PASSWORD", "SNOW_PASSWORD_FILE")?;
            EnvironmentSignIn::Basic { username, password }
        }
    };
    Ok(EnvironmentConnection { instance: address.instance, api_version: address.api_version, sign_in })
}

/// The one way to sign in that is meant.
fn way(variables: &Variables) -> Result<&'static str, Failure> {
    if let Some(word) = variables.text("SNOW_AUTH") {
        return ways().map(|way| way.name).find(|name| *name == word).ok_or_else(|| {
            incomplete("SNOW_AUTH is not a sign-in method of this version")
                .next(shown!("Set SNOW_AUTH to {}, or unset it", names_of_ways()))
        });
    }
    if let Some(name) = reserved().into_iter().find(|name| variables.raw(name).is_some()) {
        return Err(incomplete(shown!("{} is set, and this version does not sign in with an API key", name))
            .next(shown!("Unset {}, or set SNOW_AUTH to {}", name, names_of_ways())));
    }
    let given = |way: &MethodVariables| way.all.iter().copied().find(|name| variables.raw(name).is_some());
    let mut found = ways().filter_map(|way| Some((way.name, given(&way)?)));
    match (found.next(), found.next()) {
        (Some((way, _)), None) => Ok(way),
        (None, _) => Ok("basic"),
        (Some((_, one)), Some((_, other))) => Err(incomplete(shown!(
            "{} and {} belong to two ways to sign in",
            one,
            other
        ))
        .next(shown!("Unset {} or {}, or say which one is meant with SNOW_AUTH", other, one))),
    }
}

fn names_of_ways() -> Shown {
    Shown::outside(any_of(&ways().map(|way| way.name).collect::<Vec<_>>()))
}

fn client_credentials(variables: &Variables, instance: &Instance) -> Result<EnvironmentSignIn, Failure> {
    let wrong = |name: &'static str, error: String| {
        incomplete(shown!("{}: {}", name, Shown::outside(error))).next(shown!("Correct {}", name))
    };
    let client_id = required(variables, "SNOW_CLIENT_ID")?
        .parse()
        .map_err(|error: InvalidValue| wrong("SNOW_CLIENT_ID", error.0))?;
    let mut client = OAuthClient::new(GrantType::ClientCredentials, client_id);
    if variables.raw("SNOW_SCOPE").is_some() {
        client.scope =
            required(variables, "SNOW_SCOPE")?.parse().map_err(|error: InvalidValue| wrong("SNOW_SCOPE", error.0))?;
    }
    if variables.raw("SNOW_TOKEN_URL").is_some() {
        let url = required(variables, "SNOW_TOKEN_URL")?.parse();
        client.token_url = Some(url.map_err(|error: InvalidValue| wrong("SNOW_TOKEN_URL", error.0))?);
    }
    client.check(instance).map_err(|error| wrong("SNOW_TOKEN_URL", error.0))?;
    let client_secret = secret(variables, "SNOW_CLIENT_SECRET", "SNOW_CLIENT_SECRET_FILE")?;
    Ok(EnvironmentSignIn::ClientCredentials { client, client_secret })
}

fn secret(variables: &Variables, name: &'static str, file: &'static str) -> Result<SecretSource, Failure> {
    match (variables.raw(name), variables.raw(file)) {
        (Some(_), Some(_)) => Err(incomplete(shown!("{} and {} are both set", name, file)).next("Unset one of them")),
        (None, Some(path)) => Ok(SecretSource::File(file.to_owned(), path.into())),
        (None, None) => Err(incomplete(shown!("{} is not set", name)).next(shown!("Set {} or {}", name, file))),
        (Some(_), None) => {
            let secret = Secret::new(required(variables, name)?.to_owned()).map_err(|invalid| {
                incomplete(shown!("{} holds no usable secret: {}", name, invalid)).next(shown!("Correct {}", name))
            })?;
            Ok(SecretSource::Value(secret))
        }
    }
}

fn required<'a>(variables: &'a Variables, name: &'static str) -> Result<&'a str, Failure> {
    match variables.raw(name) {
        None => Err(incomplete(shown!("{} is not set", name))
            .next(shown!("Set {}, or unset the other variables of the connection", name))),
        Some(value) => value
            .to_str()
            .ok_or_else(|| incomplete(shown!("{} is not valid UTF-8", name)).next(shown!("Correct {}", name))),
    }
}

fn incomplete(what: impl Into<Shown>) -> Failure {
    Failure::new(Code::EnvironmentIncomplete, what).why("Variables describe a connection, and not completely.")
}
