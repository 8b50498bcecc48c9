//! Which connection is meant: the argument, the flag, `SNOW_CONNECTION`, the
//! variables that describe one, `.snow.toml`, the default; in this order.
//! If it was not named, it is said.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::app::App;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::files;
use crate::base::shown::{Shown, Step, shown, without_value};
use crate::config::{Config, check_enabled, environment};
use crate::model::profile::{ConnectionName, Profile};

/// The file by which a directory chooses a connection.
pub const DIRECTORY_FILE: &str = ".snow.toml";
const DIRECTORY_FILE_MAX_BYTES: u64 = 64 * 1024;

/// The connection that a command is about, and what chose it.
pub struct Selection {
    pub selected: Selected,
    pub by: SelectedBy,
}

impl Selection {
    /// An error if a directory chose it, which it may not do for this.
    pub fn check_named(&self, because: &'static str) -> Result<(), Failure> {
        match self {
            Self { selected: Selected::Saved(profile), by: SelectedBy::Directory } => {
                Err(to_be_named(profile, because).next(shown!("Name it: --connection {}", profile.name)))
            }
            _ => Ok(()),
        }
    }

    /// The name of the connection as an argument of a command, after a space; nothing for
    /// the one that variables describe.
    pub fn argument(&self) -> Shown {
        match &self.selected {
            Selected::Saved(profile) => shown!(" {}", profile.name),
            Selected::Environment => "".into(),
        }
    }
}

pub enum Selected {
    Saved(Box<Profile>),
    Environment,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SelectedBy {
    Argument,
    Variable,
    Environment,
    Directory,
    Default,
}

impl SelectedBy {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Argument => "argument",
            Self::Variable => "variable",
            Self::Environment => "environment",
            Self::Directory => "directory",
            Self::Default => "default",
        }
    }
}

/// What chooses a connection, before it is looked for.
pub struct Choice {
    /// `None`: the one that variables describe.
    pub name: Option<ConnectionName>,
    pub by: SelectedBy,
    /// The file of the directory that chose it.
    path: Option<PathBuf>,
}

/// The choice of a command that gets this argument; `None` if nothing chooses. Where the
/// file is read for it, and was not before, it is in `config` then.
pub fn choice(
    app: &App,
    argument: Option<&ConnectionName>,
    config: &mut Option<Config>,
) -> Result<Option<Choice>, Failure> {
    let chosen = |name, by| Ok(Some(Choice { name: Some(name), by, path: None }));
    if let Some(name) = named(app, argument)? {
        return chosen(name, SelectedBy::Argument);
    }
    if let Some(name) = named_by_variable(app)? {
        return chosen(name, SelectedBy::Variable);
    }
    if environment::is_described(&app.variables) {
        return Ok(Some(Choice { name: None, by: SelectedBy::Environment, path: None }));
    }
    if let Some((name, path)) = named_by_directory(app)? {
        return Ok(Some(Choice { name: Some(name), by: SelectedBy::Directory, path: Some(path) }));
    }
    match &read_once(app, config)?.default {
        Some(name) => chosen(name.clone(), SelectedBy::Default),
        None => Ok(None),
    }
}

/// The saved connections, which take a while to read where there are thousands.
fn read_once<'a>(app: &App, config: &'a mut Option<Config>) -> Result<&'a Config, Failure> {
    match config {
        Some(config) => Ok(config),
        None => Ok(config.insert(app.config_file()?.load()?)),
    }
}

/// The connection that is meant, where the environment may be one; `None`
/// where nothing selects one.
pub fn select(app: &mut App, argument: Option<&ConnectionName>) -> Result<Option<Selection>, Failure> {
    let mut config = None;
    let Some(Choice { name, by, path }) = choice(app, argument, &mut config)? else {
        return Ok(None);
    };
    let Some(name) = name else {
        return Ok(Some(Selection { selected: Selected::Environment, by }));
    };
    match (by, path) {
        (SelectedBy::Variable, _) => app.console.note(&format!("Using {name}, which SNOW_CONNECTION names.")),
        (SelectedBy::Default, _) => app.console.note(&format!("Using {name}, the default.")),
        (_, Some(path)) => app.console.say(&shown!("Using {}, which {} names.", name, path.display())),
        (_, None) => {}
    }
    let profile = find(read_once(app, &mut config)?, &name);
    let profile = profile.map_err(|failure| app.missing_config(failure.code()).unwrap_or(failure))?.clone();
    Ok(Some(Selection { selected: Selected::Saved(Box::new(profile)), by }))
}

/// As above, and there must be one that is to be used; `nothing` is the code if there is
/// none.
pub fn select_one(app: &mut App, argument: Option<&ConnectionName>, nothing: Code) -> Result<Selection, Failure> {
    let selection = select_any(app, argument, nothing)?;
    if let Selected::Saved(profile) = &selection.selected {
        check_enabled(profile)?;
    }
    Ok(selection)
}

/// As above, also a disabled one.
fn select_any(app: &mut App, argument: Option<&ConnectionName>, nothing: Code) -> Result<Selection, Failure> {
    if let Some(selection) = select(app, argument)? {
        return Ok(selection);
    }
    let config = app.config_file()?.load()?;
    if let Some(failure) = app.missing_config(nothing) {
        return Err(failure);
    }
    Err(match config.connections.len() {
        0 => Failure::new(nothing, "no connection is saved yet").next(Step::run("snow connect INSTANCE")),
        _ => Failure::new(nothing, "no connection is selected, and none is the default")
            .next("Name one of those that snow list shows")
            .next(Step::say("Make one the default: ").and_run("snow use NAME")),
    })
}

/// The saved connection that is meant and to be used; a described one cannot be.
pub fn select_saved(app: &mut App, argument: Option<&ConnectionName>) -> Result<Profile, Failure> {
    let profile = select_to_show(app, argument)?;
    check_enabled(&profile).map(|()| profile)
}

/// As above, also a disabled one.
pub fn select_to_show(app: &mut App, argument: Option<&ConnectionName>) -> Result<Profile, Failure> {
    let selection = select_any(app, argument, Code::UnknownConnection)?;
    match selection.selected {
        Selected::Saved(profile) => Ok(*profile),
        Selected::Environment => {
            Err(Failure::new(Code::UnknownConnection, "the variables describe a connection that is not saved")
                .why("This command is about saved connections.")
                .next("Name the connection, or unset SNOW_INSTANCE and the variables with it"))
        }
    }
}

/// The saved connection that a command changes. What a directory chose does
/// not count: a foreign repository must not decide that.
pub fn select_to_change(
    app: &mut App,
    argument: Option<&ConnectionName>,
    command: &'static str,
) -> Result<Profile, Failure> {
    let selection = select_one(app, argument, Code::UnknownConnection)?;
    match selection {
        Selection { selected: Selected::Saved(profile), by: SelectedBy::Directory } => {
            let advice = Step::say(shown!("Name it, because {} chose it: ", DIRECTORY_FILE));
            Err(Failure::new(Code::Usage, shown!("snow {} needs the name of the connection here", command))
                .why(shown!("{} chooses {}, but not for a command that changes it.", DIRECTORY_FILE, profile.name))
                .next(advice.and_run(shown!("snow {} {}", command, profile.name))))
        }
        Selection { selected: Selected::Saved(profile), .. } => Ok(*profile),
        Selection { selected: Selected::Environment, .. } => select_saved(app, argument),
    }
}

/// A directory chose a connection for what it may not choose one for.
pub fn to_be_named(profile: &Profile, because: &'static str) -> Failure {
    Failure::new(Code::Usage, shown!("{} must be named on the command line", profile.name)).why(shown!(
        "{} chose it, but {}.",
        DIRECTORY_FILE,
        because
    ))
}

/// A saved connection, or what is close to the name.
pub fn find<'a>(config: &'a Config, name: &ConnectionName) -> Result<&'a Profile, Failure> {
    config.find(name)
}

/// The saved connections of these names, each once.
pub fn find_all(config: &Config, names: &[ConnectionName]) -> Result<Vec<Profile>, Failure> {
    let mut profiles: Vec<Profile> = Vec::new();
    for name in names {
        let profile = find(config, name)?;
        if !profiles.iter().any(|other| other.name == profile.name) {
            profiles.push(profile.clone());
        }
    }
    Ok(profiles)
}

/// As above, and they are to be used.
pub fn find_all_enabled(config: &Config, names: &[ConnectionName]) -> Result<Vec<Profile>, Failure> {
    let profiles = find_all(config, names)?;
    profiles.iter().try_for_each(check_enabled).map(|()| profiles)
}

/// There are connections, and none is to be used.
pub fn all_disabled(code: Code) -> Failure {
    Failure::new(code, "every connection is disabled")
        .next(Step::say("Enable one: ").and_run("snow edit NAME --set state=enabled"))
}

/// Those of all connections that are to be used. The others are mentioned.
pub fn all_enabled<'a>(app: &App, config: &'a Config) -> Vec<&'a Profile> {
    mention_disabled(app, config.connections.values());
    config.connections.values().filter(|profile| profile.is_enabled()).collect()
}

/// Says which connections a command about several leaves out.
pub fn mention_disabled<'p>(app: &App, profiles: impl IntoIterator<Item = &'p Profile>) {
    let names: Vec<_> =
        profiles.into_iter().filter(|profile| !profile.is_enabled()).map(|profile| profile.name.as_str()).collect();
    if !names.is_empty() {
        app.console.note(&format!("Skipped, because disabled: {}", names.join(", ")));
    }
}

/// The name that an argument or `-c` gives.
fn named(app: &App, argument: Option<&ConnectionName>) -> Result<Option<ConnectionName>, Failure> {
    match (argument, &app.global.connection) {
        (Some(argument), Some(flag)) if argument != flag => {
            Err(Failure::new(Code::Usage, shown!("{} and --connection {} name different connections", argument, flag))
                .next("Give one of them"))
        }
        (Some(name), _) | (None, Some(name)) => Ok(Some(name.clone())),
        (None, None) => Ok(None),
    }
}

fn named_by_variable(app: &App) -> Result<Option<ConnectionName>, Failure> {
    let Some(value) = app.variables.raw("SNOW_CONNECTION") else {
        return Ok(None);
    };
    let invalid = |reason: String| {
        Failure::new(Code::UnknownConnection, shown!("SNOW_CONNECTION: {}", Shown::outside(&reason)))
            .next("Correct or unset SNOW_CONNECTION")
    };
    match value.to_str() {
        // A script that means a connection and gives none must not get another.
        Some("") => Err(invalid("it is empty".to_owned())),
        Some(text) => text.parse().map(Some).map_err(|error: crate::model::profile::InvalidValue| invalid(error.0)),
        None => Err(invalid("it is not valid UTF-8".to_owned())),
    }
}

/// The connection that a flag, `SNOW_CONNECTION` or the default names.
pub fn named_or_default(app: &App) -> Result<Option<ConnectionName>, Failure> {
    match named(app, None)? {
        Some(name) => Ok(Some(name)),
        None => match named_by_variable(app)? {
            Some(name) => Ok(Some(name)),
            None => Ok(app.config_file()?.load()?.default),
        },
    }
}

/// The connection that a command without a name is about; `None` if there is none, or
/// the environment describes it. Nothing is said.
pub fn selected_name(app: &App) -> Option<ConnectionName> {
    if let Some(name) = named_by_variable(app).ok()? {
        return Some(name);
    }
    if environment::is_described(&app.variables) {
        return None;
    }
    if let Some((name, _)) = named_by_directory(app).ok()? {
        return Some(name);
    }
    app.config_file().ok()?.load().ok()?.default
}

/// The name in the nearest `.snow.toml`: in this directory or a parent, up to
/// the root of the repository or the home directory; outside both in this
/// directory alone.
pub fn named_by_directory(app: &App) -> Result<Option<(ConnectionName, PathBuf)>, Failure> {
    let here = app.directory();
    let is_top = |directory: &Path| Some(directory) == app.home() || directory.join(".git").exists();
    let searched = match here.ancestors().position(is_top) {
        Some(top) => top + 1,
        None => 1,
    };
    for directory in here.ancestors().take(searched) {
        let path = directory.join(DIRECTORY_FILE);
        if let Some(name) = read_directory_file(&path)? {
            return Ok(Some((name, path)));
        }
    }
    Ok(None)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DirectoryFile {
    connection: String,
}

/// The name in one such file, where there is one.
pub fn read_directory_file(path: &Path) -> Result<Option<ConnectionName>, Failure> {
    let invalid = |reason: String| {
        Failure::new(Code::ConfigInvalid, shown!("{}: {}", path.display(), Shown::outside(without_value(&reason))))
            .why("The file may hold connection = \"NAME\" and nothing else, and must belong to you.")
            .next(shown!("Correct or delete {}, or name the connection", path.display()))
            .evidence("path", Shown::outside(path.display().to_string()))
    };
    if path.is_symlink() {
        return Err(invalid("it is a link".to_owned()));
    }
    let bytes = files::read(path, DIRECTORY_FILE_MAX_BYTES).map_err(|error| invalid(error.to_string()))?;
    let Some(bytes) = bytes else { return Ok(None) };
    let text = std::str::from_utf8(&bytes).map_err(|_| invalid("it is not valid UTF-8".to_owned()))?;
    let file: DirectoryFile = toml::from_str(text).map_err(|error| invalid(error.message().to_owned()))?;
    let name = file.connection.parse();
    name.map(Some).map_err(|error: crate::model::profile::InvalidValue| invalid(error.0))
}
