//! What a gateway in front of the instance wants: the values of its headers, and the
//! passphrase of the certificate that it is shown.

use super::args::{HeaderArgs, SecretArgs};
use super::{MORE_TRIES, secret};
use crate::auth::certificate::{self, OpenCertificate, PASSPHRASE};
use crate::auth::gateway::{GatewayAccess, item};
use crate::auth::setting::Need;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::base::shown::shown;
use crate::cli::commands::app::App;
use crate::cli::commands::questions::NOBODY_TO_ASK;
use crate::model::header::OwnHeader;
use crate::model::profile::Profile;
use crate::store::Surroundings;
use crate::store::record::{SecretItem, read_secret};

/// The values of headers that were given or are asked for.
pub fn given(app: &mut App, arguments: &HeaderArgs) -> Result<GatewayAccess, Failure> {
    let mut headers: Vec<(OwnHeader, Secret)> = Vec::new();
    for (header, file) in arguments.given() {
        let value = match file {
            Some(path) => app.secret_file(path, "--header-file")?,
            None => ask(app, header)?,
        };
        headers.retain(|(known, _)| known != header);
        headers.push((header.clone(), value));
    }
    Ok(GatewayAccess { headers, certificate: None })
}

/// The value of each header of a saved connection: given, saved, or asked for.
pub async fn with_headers(app: &mut App, profile: &Profile, given: GatewayAccess) -> Result<GatewayAccess, Failure> {
    let mut headers = given.headers;
    for header in &profile.headers {
        if headers.iter().any(|(known, _)| known == header) {
            continue;
        }
        let value = match saved(app, profile, &item(header)).await? {
            Some(value) => value,
            None => ask(app, header)?,
        };
        headers.push((header.clone(), value));
    }
    Ok(GatewayAccess { headers, ..given })
}

/// With the certificate that goes with the way to sign in, if there is one. The passphrase
/// of its key is given, saved, or asked for.
pub async fn with_certificate(
    app: &mut App,
    profile: &Profile,
    given: &SecretArgs,
    access: GatewayAccess,
) -> Result<GatewayAccess, Failure> {
    let Some(files) = certificate::beside(&profile.auth) else {
        return Ok(access);
    };
    let (auth, [usage]) = (&profile.auth, &PASSPHRASE);
    let mut passphrase = app.handed_in(given, usage.input)?;
    let mut tries_left = if passphrase.is_some() { 0 } else { MORE_TRIES };
    if passphrase.is_none() && files.is_locked() {
        passphrase = match saved(app, profile, usage.input.item).await? {
            Some(passphrase) => Some(passphrase),
            None => secret::ask(app, auth, usage, Need::Required)?,
        };
    }
    loop {
        match OpenCertificate::read(auth, passphrase.take(), app.now()) {
            Err(failure) if failure.code() == Code::InvalidSecret && tries_left > 0 && app.is_interactive() => {
                app.complain(&format!("{}. Try again ({tries_left} left).", failure.message()));
                tries_left -= 1;
                passphrase = secret::ask(app, auth, usage, Need::Required)?;
            }
            read => return Ok(GatewayAccess { certificate: Some(read?), ..access }),
        }
    }
}

/// Refuses the passphrase of a certificate that the connection does not have.
pub fn refuse_passphrase(profile: &Profile, given: &SecretArgs) -> Result<(), Failure> {
    let [usage] = &PASSPHRASE;
    if given.source(usage.input).is_none() || certificate::files::Files::of(&profile.auth).is_some() {
        return Ok(());
    }
    Err(Failure::new(Code::Usage, shown!("{} was given, but {} has no certificate", usage.input.phrase, profile.name))
        .next("Give the certificate too, with --client-cert and --client-key or --client-identity")
        .next("Leave out the passphrase"))
}

async fn saved(app: &mut App, profile: &Profile, item: &SecretItem) -> Result<Option<Secret>, Failure> {
    let (_, origins) = app.network.client_for(profile)?;
    let store = app.store(&profile.store)?;
    match read_secret(store.as_ref(), profile, item, &origins).await {
        // To be entered anew.
        Err(failure) if failure.code().is_fixed_by_signing_in() => Ok(None),
        read => read,
    }
}

fn ask(app: &mut App, header: &OwnHeader) -> Result<Secret, Failure> {
    match app.person() {
        Some(person) => person.secret(&format!("Value of the header {header}")),
        None => Err(Failure::new(Code::NoTerminal, shown!("the value of the header {} is missing", header))
            .why(NOBODY_TO_ASK)
            .next(shown!("Give it with --header-file {}=FILE", header))),
    }
}
