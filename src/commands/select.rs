//! Which connection is meant: the argument, the flag, `SNOW_CONNECTION`, the
//! variables that describe one, the default; in this order.

use super::app::App;
use crate::config::Config;
use crate::connection::profile::{ConnectionName, Profile};
use crate::credentials::environment;
use crate::error::{Code, Failure};

/// What a command without names is about.
pub enum Selected {
    Saved(Box<Profile>),
    Environment,
}

/// The connection that is meant, where the environment may be one.
pub fn select(app: &mut App, argument: Option<&ConnectionName>) -> Result<Selected, Failure> {
    select_or(app, argument, Code::NothingToTest)
}

/// As above; `nothing` is the code where nothing is selected.
fn select_or(app: &mut App, argument: Option<&ConnectionName>, nothing: Code) -> Result<Selected, Failure> {
    if let Some(name) = named(app, argument)? {
        let config = app.config_file()?.load()?;
        return find(&config, &name).map(|profile| Selected::Saved(Box::new(profile.clone())));
    }
    if environment::is_described(&app.variables) {
        return Ok(Selected::Environment);
    }
    default(app, nothing).map(|profile| Selected::Saved(Box::new(profile)))
}

/// The saved connection that is meant; a described one cannot be.
pub fn select_saved(app: &mut App, argument: Option<&ConnectionName>) -> Result<Profile, Failure> {
    match select_or(app, argument, Code::UnknownConnection)? {
        Selected::Saved(profile) => Ok(*profile),
        Selected::Environment => {
            Err(Failure::new(Code::UnknownConnection, "the variables describe a connection that is not saved")
                .why("This command is about saved connections.")
                .next("Name the connection, or unset SNOW_INSTANCE and the variables with it"))
        }
    }
}

/// A saved connection, or what is close to the name.
pub fn find<'a>(config: &'a Config, name: &ConnectionName) -> Result<&'a Profile, Failure> {
    config.connections.get(name).ok_or_else(|| {
        let failure = Failure::new(Code::UnknownConnection, format!("there is no connection called {name}"));
        let near = config
            .connections
            .keys()
            .map(|other| (strsim::damerau_levenshtein(other.as_str(), name.as_str()), other))
            .filter(|(distance, _)| *distance <= 2)
            .min_by_key(|(distance, _)| *distance);
        match near {
            Some((_, other)) => failure.next(format!("Did you mean {other}?")).next("snow list"),
            None if config.connections.is_empty() => failure.next(format!("snow connect {name}")),
            None => failure.next("snow list").next(format!("snow connect {name}")),
        }
    })
}

/// The name that an argument, `-c` or `SNOW_CONNECTION` gives.
fn named(app: &mut App, argument: Option<&ConnectionName>) -> Result<Option<ConnectionName>, Failure> {
    match (argument, &app.global.connection) {
        (Some(argument), Some(flag)) if argument != flag => {
            return Err(Failure::new(Code::Usage, format!("{argument} and --connection {flag} name two connections"))
                .next("Name one"));
        }
        (Some(name), _) | (None, Some(name)) => return Ok(Some(name.clone())),
        (None, None) => {}
    }
    let Some(value) = app.variables.raw("SNOW_CONNECTION") else {
        return Ok(None);
    };
    let invalid = |reason: String| {
        Failure::new(Code::UnknownConnection, format!("SNOW_CONNECTION: {reason}"))
            .next("Correct or unset SNOW_CONNECTION")
    };
    let name = match value.to_str() {
        Some("") => return Err(invalid("it is set, but empty".to_owned())),
        Some(text) => text.parse::<ConnectionName>().map_err(|error| invalid(error.0))?,
        None => return Err(invalid("it is not valid UTF-8".to_owned())),
    };
    app.console.note(&format!("Using {name}, which SNOW_CONNECTION names."));
    Ok(Some(name))
}

fn default(app: &mut App, nothing: Code) -> Result<Profile, Failure> {
    let config = app.config_file()?.load()?;
    let Some(name) = &config.default else {
        return Err(match config.connections.len() {
            0 => Failure::new(nothing, "there is no connection yet").next("snow connect INSTANCE"),
            _ => Failure::new(nothing, "no connection is selected, and there is no default")
                .next("Name one: snow list shows them")
                .next("Or make one the default: snow connect NAME --default"),
        });
    };
    let profile = find(&config, name)?.clone();
    if config.connections.len() > 1 {
        app.console.note(&format!("Using {name}, the default."));
    }
    Ok(profile)
}
