//! The connection that the variables of Ansible's collection `servicenow.itsm` describe.

use super::{Contents, Entry, Found};
use crate::auth::method::MethodSpec;
use crate::auth::{api_key, basic, oauth};
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::base::shown::{Shown, shown};
use crate::base::variables::Variables;
use crate::model::profile::ConnectionName;
use crate::service;

const HOST: &str = "SN_HOST";
/// The secret of a client, and its older name.
const CLIENT_SECRET: [&str; 2] = ["SN_CLIENT_SECRET", "SN_SECRET_ID"];
/// Ansible takes one of these.
const EXCLUSIVE: [&str; 5] =
    ["SN_USERNAME", "SN_REFRESH_TOKEN", "SN_ACCESS_TOKEN", "SN_API_KEY", "SN_CLIENT_CERTIFICATE_FILE"];
/// What has no counterpart.
const LEFT_OUT: [&str; 2] = ["SN_TIMEOUT", "SN_REFRESH_TOKEN"];

/// Reads the variables. The name is that of the instance.
pub fn read(variables: &Variables) -> Result<Contents, Failure> {
    let Some(host) = text(variables, HOST)? else { return Ok(Contents::default()) };
    let set = |name: &&&str| variables.text(name).is_some();
    let exclusive: Vec<&&str> = EXCLUSIVE.iter().filter(set).collect();
    if let [one, other, ..] = exclusive[..] {
        return Err(
            invalid(shown!("{} and {} are both set", *one, *other)).next("Unset one of them, as Ansible demands")
        );
    }
    let secret_of_client = CLIENT_SECRET.into_iter().find(|name| variables.text(name).is_some());
    let client_id = text(variables, "SN_CLIENT_ID")?;
    let (spec, settings, secret) = match (client_id, secret_of_client) {
        (Some(id), Some(secret)) => {
            let spec = of_grant(text(variables, "SN_GRANT_TYPE")?.unwrap_or("password"))?;
            (spec, vec![("client_id", id.to_owned())], Some(secret))
        }
        _ if set(&&"SN_API_KEY") => (&api_key::SPEC, vec![], Some("SN_API_KEY")),
        _ if set(&&"SN_ACCESS_TOKEN") => {
            return Err(invalid("SN_ACCESS_TOKEN is a token that ends soon and cannot be renewed")
                .next("Connect with the client or the user that it was issued to: snow connect INSTANCE"));
        }
        _ => {
            let username = text(variables, "SN_USERNAME")?;
            let settings = username.map(|username| ("username", username.to_owned())).into_iter().collect();
            (&basic::SPEC, settings, Some("SN_PASSWORD").filter(|name| set(&name)))
        }
    };
    let service = service::usual();
    let address = service
        .address(host)
        .map_err(|failure| invalid(shown!("{}: {}", HOST, failure.message())).next("Correct SN_HOST"))?;
    let name = ConnectionName::suggested_for(&address.instance);
    let name = name.ok_or_else(|| invalid("no name can be made of SN_HOST").next("Use snow connect with --name"))?;
    let entry = Entry { name: name.as_str(), service, instance: host, spec, settings };
    let profile = entry.profile().map_err(|reason| {
        invalid(shown!("the variables describe no connection: {}", reason)).next("Set the variable that is missing")
    })?;
    let mut contents = Contents::default();
    let left_out = LEFT_OUT.iter().filter(set).map(|&name| name.to_owned()).collect();
    let secret = secret.map(|name| secret_in(variables, name)).transpose()?;
    contents.found.push(Found { left_out, ..Found::new(profile).with_secret(secret) });
    Ok(contents)
}

/// The way to sign in of a grant type.
fn of_grant(grant: &str) -> Result<&'static MethodSpec, Failure> {
    match grant {
        "client_credentials" => Ok(&oauth::CLIENT_CREDENTIALS),
        "refresh_token" => Ok(&oauth::AUTHORIZATION_CODE),
        "password" => Err(invalid("SN_GRANT_TYPE is password, a sign-in that skips a second factor")
            .next("Unset SN_CLIENT_ID to sign in with the password itself, or set SN_GRANT_TYPE=client_credentials")),
        _ => Err(invalid("SN_GRANT_TYPE is none that Ansible knows")
            .next("Set it to client_credentials, refresh_token or password")),
    }
}

fn text<'a>(variables: &'a Variables, name: &'static str) -> Result<Option<&'a str>, Failure> {
    let value = variables.raw(name).filter(|value| !value.is_empty());
    let not_utf8 = || invalid(shown!("{} is not valid UTF-8", name)).next(shown!("Correct {}", name));
    value.map(|value| value.to_str().ok_or_else(not_utf8)).transpose()
}

fn secret_in(variables: &Variables, name: &'static str) -> Result<Secret, Failure> {
    Secret::of_line(text(variables, name)?.unwrap_or_default())
        .map_err(|error| invalid(shown!("{} is not a valid secret: {}", name, error)).next(shown!("Correct {}", name)))
}

fn invalid(message: impl Into<Shown>) -> Failure {
    Failure::new(Code::EnvironmentIncomplete, message).why("Nothing was imported.")
}
