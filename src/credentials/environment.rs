//! A connection that variables alone describe: for CI. No file, no store and
//! no D-Bus is touched for it.

use std::path::PathBuf;

use crate::connection::basic::UserName;
use crate::connection::instance::{Address, ApiVersion, Instance};
use crate::context::Variables;
use crate::error::{Code, Failure};
use crate::secret::Secret;

/// The name of such a connection in reports.
pub const NAME: &str = "environment";

/// Every variable that describes one. Any of them, even empty, means that one
/// is wanted: never a silent fall to a saved connection.
pub const VARIABLES: &[&str] = &["SNOW_INSTANCE", "SNOW_USERNAME", "SNOW_PASSWORD", "SNOW_PASSWORD_FILE", "SNOW_AUTH"];

/// Of other ways to sign in, which this version does not have: whoever sets
/// one of them does not mean a saved connection.
pub const RESERVED: &[&str] = &[
    "SNOW_CLIENT_ID",
    "SNOW_CLIENT_SECRET",
    "SNOW_CLIENT_SECRET_FILE",
    "SNOW_SCOPE",
    "SNOW_TOKEN_URL",
    "SNOW_ACCESS_TOKEN",
    "SNOW_ACCESS_TOKEN_FILE",
    "SNOW_API_KEY",
    "SNOW_API_KEY_FILE",
];

/// What the variables say; the secret as it is, or where it stands.
#[derive(Debug)]
pub struct EnvironmentConnection {
    pub instance: Instance,
    pub api_version: Option<ApiVersion>,
    pub username: UserName,
    pub password: SecretSource,
}

#[derive(Debug)]
pub enum SecretSource {
    Value(Secret),
    File(PathBuf),
}

/// Whether variables describe a connection, completely or not.
pub fn is_described(variables: &Variables) -> bool {
    VARIABLES.iter().chain(RESERVED).any(|name| variables.raw(name).is_some())
}

/// Reads the variables; an error names the one that is wrong or missing.
pub fn read(variables: &Variables) -> Result<EnvironmentConnection, Failure> {
    for name in VARIABLES.iter().chain(RESERVED) {
        if variables.raw(name).is_some_and(|value| value.is_empty()) {
            return Err(
                incomplete(format!("{name} is set, but empty")).next(format!("Give {name} a value, or unset it"))
            );
        }
    }
    match variables.text("SNOW_AUTH") {
        None | Some("basic") => {}
        Some(_) => {
            return Err(incomplete("SNOW_AUTH is not a sign-in method of this version")
                .next("Set SNOW_AUTH to basic, or unset it"));
        }
    }
    if variables.raw("SNOW_AUTH").is_none() {
        let other = RESERVED.iter().find(|name| variables.raw(name).is_some());
        if let Some(other) = other {
            return Err(incomplete(format!(
                "{other} is set, and this version signs in with user name and password only"
            ))
            .next(format!("Unset {other}, or set SNOW_AUTH to basic")));
        }
    }
    let address = Address::parse(required(variables, "SNOW_INSTANCE")?).map_err(Failure::from)?;
    let username = required(variables, "SNOW_USERNAME")?
        .parse()
        .map_err(|error| incomplete(format!("SNOW_USERNAME: {error}")).next("Correct SNOW_USERNAME"))?;
    let password = match (variables.raw("SNOW_PASSWORD"), variables.raw("SNOW_PASSWORD_FILE")) {
        (Some(_), Some(_)) => {
            return Err(incomplete("SNOW_PASSWORD and SNOW_PASSWORD_FILE are both set").next("Unset one of them"));
        }
        (None, Some(path)) => SecretSource::File(path.into()),
        (None, None) => {
            return Err(incomplete("SNOW_PASSWORD is not set").next("Set SNOW_PASSWORD or SNOW_PASSWORD_FILE"));
        }
        (Some(_), None) => {
            let secret = Secret::new(required(variables, "SNOW_PASSWORD")?.to_owned()).map_err(|invalid| {
                incomplete(format!("SNOW_PASSWORD cannot be a password: {invalid}")).next("Correct SNOW_PASSWORD")
            })?;
            SecretSource::Value(secret)
        }
    };
    Ok(EnvironmentConnection { instance: address.instance, api_version: address.api_version, username, password })
}

fn required<'a>(variables: &'a Variables, name: &str) -> Result<&'a str, Failure> {
    match variables.raw(name) {
        None => Err(incomplete(format!("{name} is not set"))
            .next(format!("Set {name}, or unset the other variables of the connection"))),
        Some(value) => value
            .to_str()
            .ok_or_else(|| incomplete(format!("{name} is not valid UTF-8")).next(format!("Correct {name}"))),
    }
}

fn incomplete(what: impl AsRef<str>) -> Failure {
    Failure::new(Code::EnvironmentIncomplete, what).why("Variables describe a connection, and not completely.")
}
