//! The values of the headers that a gateway wants.

use super::args::HeaderArgs;
use crate::auth::gateway::{GatewayHeaders, item};
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::base::shown::shown;
use crate::cli::commands::app::App;
use crate::cli::commands::questions::NOBODY_TO_ASK;
use crate::model::header::OwnHeader;
use crate::model::profile::Profile;
use crate::store::Surroundings;
use crate::store::record::read_secret;

/// The values that were given or are asked for.
pub fn given(app: &mut App, arguments: &HeaderArgs) -> Result<GatewayHeaders, Failure> {
    let mut values: Vec<(OwnHeader, Secret)> = Vec::new();
    for (header, file) in arguments.given() {
        let value = match file {
            Some(path) => app.secret_file(path, "--header-file")?,
            None => ask(app, header)?,
        };
        values.retain(|(known, _)| known != header);
        values.push((header.clone(), value));
    }
    Ok(GatewayHeaders(values))
}

/// The value of each header of a connection: given, saved, or asked for.
pub async fn of(
    app: &mut App,
    profile: &Profile,
    given: GatewayHeaders,
    is_saved: bool,
) -> Result<GatewayHeaders, Failure> {
    let mut values = given.0;
    for header in &profile.headers {
        if values.iter().any(|(known, _)| known == header) {
            continue;
        }
        let saved = if is_saved { saved(app, profile, header).await? } else { None };
        let value = match saved {
            Some(value) => value,
            None => ask(app, header)?,
        };
        values.push((header.clone(), value));
    }
    Ok(GatewayHeaders(values))
}

async fn saved(app: &mut App, profile: &Profile, header: &OwnHeader) -> Result<Option<Secret>, Failure> {
    let (_, origins) = app.network.client_for(profile)?;
    let store = app.store(profile.store)?;
    match read_secret(store.as_ref(), profile, &item(header), &origins).await {
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
