//! What chooses a connection before the default does: variables and the file
//! of a directory.

use super::{Check, CheckId, Machine};
use crate::auth::method::MethodSpec;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::{Shown, Step, shown};
use crate::config::{check_enabled, environment};
use crate::model::profile::ConnectionName;

/// Variables that lead to other places than usual.
const PLACES: [&str; 3] = ["SNOW_CONFIG_DIR", "SNOW_STATE_DIR", "SNOW_STORE"];

pub fn examine(machine: &Machine) -> Vec<Check> {
    let mut checks = Vec::new();
    checks.extend(named(machine));
    checks.extend(described(machine));
    checks.extend(places(machine));
    checks.extend(directory(machine));
    checks.extend(unfit(machine));
    checks
}

/// Files that connections sign in with, and cannot.
fn unfit(machine: &Machine) -> Vec<Check> {
    let profiles = machine.config.iter().flat_map(|config| config.connections.values());
    let settings = profiles
        .flat_map(|profile| MethodSpec::of(profile.auth.method).settings().map(move |setting| (profile, setting)));
    let found = settings.filter_map(|(profile, setting)| Some((profile, (setting.examine)(&profile.auth).err()?)));
    found.map(|(profile, failure)| Check::fail(CheckId::FilesKeys, &failure).target(profile.name.as_str())).collect()
}

/// `SNOW_CONNECTION`
fn named(machine: &Machine) -> Option<Check> {
    let value = machine.variables.raw("SNOW_CONNECTION")?;
    let unknown = |message: String| {
        let failure = Failure::new(Code::UnknownConnection, Shown::outside(message))
            .why("It overrides the default, so every command without a name fails.")
            .next("Correct or unset SNOW_CONNECTION");
        Check::fail(CheckId::EnvironmentConnection, &failure)
    };
    let Some(name) = value.to_str().and_then(|text| text.parse::<ConnectionName>().ok()) else {
        return Some(unknown("SNOW_CONNECTION is set, but is not a connection name".to_owned()));
    };
    let Ok(config) = &machine.config else {
        let message = "SNOW_CONNECTION: unknown whether that connection is saved";
        return Some(Check::skip(CheckId::EnvironmentConnection, message));
    };
    Some(match config.connections.get(&name).map(check_enabled) {
        Some(Ok(())) => Check::pass(CheckId::EnvironmentConnection, shown!("SNOW_CONNECTION chooses {}", name)),
        Some(Err(failure)) => Check::fail(CheckId::EnvironmentConnection, &failure),
        None => unknown(format!("SNOW_CONNECTION names {name}, which is not saved")),
    })
}

/// Variables that describe a connection of their own.
fn described(machine: &Machine) -> Option<Check> {
    let variables = &machine.variables;
    if !environment::is_described(variables) {
        return None;
    }
    let known = environment::variables();
    let set: Vec<&str> = known.filter(|name| variables.raw(name).is_some()).collect();
    let (names, verb) = (set.join(", "), if set.len() == 1 { "is" } else { "are" });
    if variables.raw("SNOW_CONNECTION").is_some() {
        let message = shown!("{} {} set, and SNOW_CONNECTION overrides", Shown::outside(&names), verb);
        return Some(Check::pass(CheckId::EnvironmentLogin, message));
    }
    if let Err(failure) = environment::read(variables) {
        return Some(Check::fail(CheckId::EnvironmentLogin, &failure));
    }
    let saved = machine.config.as_ref().map_or(0, |config| config.connections.len());
    Some(match saved {
        0 => Check::pass(
            CheckId::EnvironmentLogin,
            shown!("{} {} set, and describe a connection", Shown::outside(&names), verb),
        ),
        _ => Check::warn(
            CheckId::EnvironmentLogin,
            shown!("{} {} set, and hide the saved connections", Shown::outside(&names), verb),
        )
        .why("A command without a name uses the connection that these variables describe.")
        .next("If that is not what you want: unset them, or name a connection with --connection"),
    })
}

fn places(machine: &Machine) -> Option<Check> {
    let set: Vec<&str> = PLACES.into_iter().filter(|name| machine.variables.raw(name).is_some()).collect();
    let (names, verb) = (set.join(", "), if set.len() == 1 { "is" } else { "are" });
    let message =
        shown!("{} {} set: connections, state or secrets are not in the usual place", Shown::outside(&names), verb);
    (!set.is_empty()).then(|| Check::pass(CheckId::EnvironmentPlaces, message))
}

/// `.snow.toml`
fn directory(machine: &Machine) -> Option<Check> {
    let (name, path) = match &machine.directory_choice {
        Ok(None) => return None,
        Ok(Some(choice)) => choice,
        Err(failure) => return Some(Check::fail(CheckId::DirectoryChoice, failure)),
    };
    let path = path.display();
    let Ok(config) = &machine.config else {
        return Some(Check::skip(
            CheckId::DirectoryChoice,
            shown!("{} names {}; unknown whether it is saved", path, name),
        ));
    };
    Some(match config.connections.get(name).map(check_enabled) {
        Some(Ok(())) => Check::pass(CheckId::DirectoryChoice, shown!("{} chooses {} here", path, name)),
        Some(Err(failure)) => Check::fail(CheckId::DirectoryChoice, &failure),
        None => Check::warn(CheckId::DirectoryChoice, shown!("{} names {}, which is not saved", path, name))
            .why("A command without a name fails here: there is no fallback to another connection.")
            .next(Step::run("snow use NAME --here"))
            .next(shown!("Delete {}", path))
            .code(Code::UnknownConnection),
    })
}
