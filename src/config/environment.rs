//! A connection that variables alone describe: for CI. No file, no store and
//! no D-Bus is touched for it.

use std::path::PathBuf;

use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::base::shown::{Shown, shown};
use crate::base::variables::Variables;
use crate::model::instance::{ApiVersion, Instance};
use crate::model::oauth_client::{GrantType, OAuthClient};
use crate::model::profile::InvalidValue;
use crate::model::user_name::UserName;
use crate::service::servicenow::address::Address;

/// The name of such a connection in reports.
pub const NAME: &str = "environment";

/// Every variable that describes one. Any of them, even empty, means that one
/// is wanted: never a silent fall to a saved connection.
pub const VARIABLES: &[&str] = &[
    "SNOW_INSTANCE",
    "SNOW_AUTH",
    "SNOW_USERNAME",
    "SNOW_PASSWORD",
    "SNOW_PASSWORD_FILE",
    "SNOW_CLIENT_ID",
    "SNOW_CLIENT_SECRET",
    "SNOW_CLIENT_SECRET_FILE",
    "SNOW_SCOPE",
    "SNOW_TOKEN_URL",
    "SNOW_ACCESS_TOKEN",
    "SNOW_ACCESS_TOKEN_FILE",
];

/// Of a way to sign in that this version does not have: whoever sets one of
/// them does not mean a saved connection.
pub const RESERVED: &[&str] = &["SNOW_API_KEY", "SNOW_API_KEY_FILE"];

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

/// The ways to sign in, by the word of `SNOW_AUTH` and the variables that are
/// theirs alone.
const WAYS: [(&str, &[&str]); 3] = [
    ("basic", &["SNOW_USERNAME", "SNOW_PASSWORD", "SNOW_PASSWORD_FILE"]),
    (
        "client-credentials",
        &["SNOW_CLIENT_ID", "SNOW_CLIENT_SECRET", "SNOW_CLIENT_SECRET_FILE", "SNOW_SCOPE", "SNOW_TOKEN_URL"],
    ),
    ("token", &["SNOW_ACCESS_TOKEN", "SNOW_ACCESS_TOKEN_FILE"]),
];

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
    VARIABLES.iter().chain(RESERVED).any(|name| variables.raw(name).is_some())
}

/// Reads the variables; an error names the one that is wrong or missing.
pub fn read(variables: &Variables) -> Result<EnvironmentConnection, Failure> {
    for name in VARIABLES.iter().chain(RESERVED) {
        // An empty scope asks for none.
        if *name != "SNOW_SCOPE" && variables.raw(name).is_some_and(|value| value.is_empty()) {
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
        return WAYS.iter().map(|(way, _)| *way).find(|way| *way == word).ok_or_else(|| {
            incomplete("SNOW_AUTH is not a sign-in method of this version")
                .next("Set SNOW_AUTH to basic, client-credentials or token, or unset it")
        });
    }
    if let Some(name) = RESERVED.iter().find(|name| variables.raw(name).is_some()) {
        return Err(incomplete(shown!("{} is set, and this version does not sign in with an API key", name))
            .next(shown!("Unset {}, or set SNOW_AUTH to basic, client-credentials or token", name)));
    }
    let given = |names: &[&'static str]| names.iter().copied().find(|name| variables.raw(name).is_some());
    let mut found = WAYS.iter().filter_map(|(way, names)| given(names).map(|name| (*way, name)));
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
