//! `snow use`, `snow rename` and `snow edit`: choose and change. No request is
//! made and no store is opened.

use std::path::PathBuf;

use clap::Args;
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter};

use super::app::App;
use super::list::show_profile;
use super::{pick, select, usage};
use crate::auth::method::{self, MethodSpec};
use crate::auth::setting::Setting;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::files::{self, Durability};
use crate::base::shown::{Shown, Step, shown, without_value};
use crate::cli::args::{at_home, value_text};
use crate::cli::completion;
use crate::config;
use crate::history::fingerprint::Fingerprint;
use crate::history::state::State;
use crate::http::proxy;
use crate::http::tls::CaCertificates;
use crate::model::profile::{ConnectionName, ConnectionState, Profile, label_key, shown_text};
use crate::service;
use crate::store;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snow use                    choose from a list
  snow use acme
  snow use acme-test --here")]
pub struct UseArgs {
    /// The connection [default: choose from a list]
    #[arg(add = ArgValueCandidates::new(completion::connection_names))]
    pub name: Option<ConnectionName>,
    /// Choose it for this directory and those below, in a file .snow.toml
    #[arg(long)]
    pub here: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snow rename acme acme-prod")]
pub struct RenameArgs {
    /// The connection
    #[arg(add = ArgValueCandidates::new(completion::connection_names))]
    pub old: ConnectionName,
    /// Its new name
    pub new: ConnectionName,
}

#[derive(Debug, Args)]
#[command(after_help = edit_help())]
pub struct EditArgs {
    /// The connection
    #[arg(add = ArgValueCandidates::new(completion::connection_names))]
    pub name: ConnectionName,
    /// Set a key (repeatable)
    #[arg(long, value_name = "KEY=VALUE", add = ArgValueCompleter::new(completion::assignments))]
    pub set: Vec<String>,
    /// Remove a key (repeatable)
    #[arg(long, value_name = "KEY", add = ArgValueCandidates::new(completion::removable_keys))]
    pub unset: Vec<String>,
    /// Change it only if this is still its revision, or its etag
    #[arg(long, value_name = "REVISION")]
    pub if_match: Option<String>,
}

/// The keys that can be set or removed, besides `labels.KEY`.
pub fn keys() -> impl Iterator<Item = &'static str> {
    let of_every_method = ["api_version", "tables", "headers", "ca_cert", "proxy", "read_only", "state", "description"];
    ["instance"].into_iter().chain(method::settings().iter().map(|setting| setting.key)).chain(of_every_method)
}

/// Whether the values of a key are true and false.
pub fn is_switch(key: &str) -> bool {
    method::settings().iter().any(|setting| setting.key == key && setting.is_switch)
}

/// Examples, and the keys that can be set.
fn edit_help() -> String {
    let keys: Vec<_> = keys().chain(["labels.KEY"]).collect();
    format!(
        "Examples:
  snow edit acme --set tables=incident,cmdb_ci --set labels.env=prod
  snow edit acme --unset proxy --if-match 4

Keys: {}",
        keys.join(", ")
    )
}

pub fn choose(app: &mut App, arguments: UseArgs) -> Result<u8, Failure> {
    let file = app.config_file()?;
    let config = file.load()?;
    let name = match arguments.name {
        Some(name) => name,
        None => pick::connection(app, &config)?,
    };
    let profile = config.find_enabled(&name)?.clone();
    let chosen = if arguments.here {
        let path = app.directory().join(select::DIRECTORY_FILE);
        // A file that would not be read is not replaced either: a repository
        // could lead the write anywhere by a link.
        select::read_directory_file(&path)?;
        let content = format!("connection = \"{}\"\n", profile.name);
        files::write(&path, content.as_bytes(), Durability::Durable).map_err(|error| {
            Failure::new(Code::ConfigUnwritable, shown!("{} cannot be written: {}", path.display(), error))
                .next("See to the permissions and the free space there")
        })?;
        shown!("{} is now the connection of this directory: {}", profile.name, path.display()).into()
    } else {
        file.change(|change| {
            change.config().find_enabled(&profile.name)?;
            change.set_default(Some(&profile.name));
            Ok::<_, Failure>(())
        })?;
        format!("{} is now the default", profile.name)
    };
    done(app, &profile, &chosen)
}

pub fn rename(app: &mut App, arguments: RenameArgs) -> Result<u8, Failure> {
    let RenameArgs { old, new } = arguments;
    let now = app.now();
    let profile = app.config_file()?.change(|change| {
        select::find(change.config(), &old)?;
        if change.config().connections.contains_key(&new) && new != old {
            return Err(Failure::new(Code::ConnectionExists, shown!("there is already a connection called {}", new))
                .next("Choose another name"));
        }
        Ok(change.rename(&old, &new, now))
    })?;
    // Secrets are filed under the id, so nothing else moves.
    let code = done(app, &profile, &format!("{old} renamed to {new}"))?;
    mention_directory_file(app, &old, &new);
    Ok(code)
}

/// A `.snow.toml` that is in force here may still have the old name. It can
/// belong to a repository, so it is left to the person.
fn mention_directory_file(app: &mut App, old: &ConnectionName, new: &ConnectionName) {
    if let Ok(Some((name, path))) = select::named_by_directory(app)
        && name == *old
        && old != new
    {
        let here = path.parent() == Some(app.directory().as_path());
        let next = if here {
            format!("snow use {new} --here")
        } else {
            format!("correct it, or run snow use {new} --here in its directory")
        };
        let path = Shown::outside(path.display().to_string());
        app.console.say(&format!("{path} still names {old}, so commands without a name fail here. Run: {next}"));
    }
}

pub fn edit(app: &mut App, arguments: EditArgs) -> Result<u8, Failure> {
    if arguments.set.is_empty() && arguments.unset.is_empty() {
        return Err(Failure::new(Code::Usage, "there is nothing to change").next("Give --set KEY=VALUE or --unset KEY"));
    }
    let (state, now) = (app.state()?, app.now());
    let (profile, saved, changed) = app.config_file()?.change(|change| {
        let saved = select::find(change.config(), &arguments.name)?.clone();
        if let Some(expected) = &arguments.if_match {
            check_unchanged(&saved, expected)?;
        }
        let mut wanted = saved.clone();
        let mut changed = Changed::default();
        for assignment in &arguments.set {
            let (key, value) = assignment.split_once('=').ok_or_else(|| {
                Failure::new(Code::Usage, "--set is written KEY=VALUE, as in tables=incident,cmdb_ci")
                    .next(Step::run("snow edit --help").and_say(" lists the keys"))
            })?;
            changed.by(key, &mut wanted, |wanted| set(wanted, key, value))?;
        }
        for key in &arguments.unset {
            changed.by(key, &mut wanted, |wanted| unset(wanted, key))?;
        }
        check_settings(&wanted, &arguments.set)?;
        Ok::<_, Failure>((change.put(wanted, now), saved, changed))
    })?;
    app.mention_unwritable_state(state.settle(&saved));
    let text = match (profile.revision == saved.revision, changed.0.join(", ")) {
        (true, _) => format!("{}: nothing to change", profile.name),
        (false, keys) => format!("{} updated: {keys}", profile.name),
    };
    let code = done(app, &profile, &text)?;
    mention_disabled_default(app, &profile);
    mention_secret(app, &state, &profile, &saved);
    Ok(code)
}

/// An error unless `expected` is the revision of a connection, or its etag.
fn check_unchanged(saved: &Profile, expected: &str) -> Result<(), Failure> {
    let etag = config::etag(saved);
    if expected == etag || expected.parse() == Ok(saved.revision) {
        return Ok(());
    }
    let (revision, is) = (saved.revision, Shown::outside(&etag));
    let expected = Shown::outside(expected);
    Err(Failure::new(Code::RevisionConflict, shown!("{} has changed", saved.name))
        .why(shown!(
            "Its revision is {} and its etag {}; you expected {}. Nothing was changed.",
            revision,
            is,
            expected
        ))
        .next(Step::say("Look at it again: ").and_run(shown!("snow show {}", saved.name)))
        .evidence("revision", revision)
        .evidence("etag", Shown::outside(etag)))
}

/// A default that is not used fails every command that does not name another.
fn mention_disabled_default(app: &App, profile: &Profile) {
    let default = app.config_file().ok().and_then(|file| file.load().ok()?.default);
    if !profile.is_enabled() && default.as_ref() == Some(&profile.name) {
        app.console.say(&format!(
            "{} is the default, so commands without a name fail here. Choose another: snow use NAME",
            profile.name
        ));
    }
}

/// The keys that were changed, in the order in which they were given.
#[derive(Default)]
struct Changed(Vec<String>);

impl Changed {
    fn by(
        &mut self,
        key: &str,
        profile: &mut Profile,
        change: impl FnOnce(&mut Profile) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let before = profile.clone();
        change(profile)?;
        if *profile != before && !self.0.iter().any(|changed| changed == key) {
            self.0.push(key.to_owned());
        }
        Ok(())
    }
}

/// Whether what is stored is not sent any more, or again: it belongs to the fields that
/// it was stored for.
fn mention_secret(app: &App, state: &State, profile: &Profile, saved: &Profile) {
    let spec = MethodSpec::of(profile.auth.method);
    if spec.stores_nothing(&profile.auth) {
        return;
    }
    let stored = state.stored();
    let is_bound_otherwise = Fingerprint::of_credential(profile) != Fingerprint::of_credential(saved);
    // What an older snow stored is known only by the tests that it passed.
    let works = state.last_test(profile).is_some_and(|test| test.ok);
    let is_kept_back = stored.is_outdated(profile) || (is_bound_otherwise && stored.of(profile).is_none() && !works);
    let secret = spec.kept_label(&profile.auth);
    if is_kept_back {
        app.console.say(&format!(
            "The saved {secret} is kept back: it was made for other settings. Sign in again: snow login {}",
            profile.name
        ));
    } else if stored.is_outdated(saved) {
        app.console.note(&format!("The saved {secret} was made for these settings, and is used again."));
    }
}

/// The settings must fit each other once all is set, and none of those that are set may
/// take the place of another.
fn check_settings(profile: &Profile, assignments: &[String]) -> Result<(), Failure> {
    let is_set = |key: &str| assignments.iter().any(|set| set.split_once('=').is_some_and(|(set, _)| set == key));
    for setting in MethodSpec::of(profile.auth.method).settings().filter(|setting| is_set(setting.key)) {
        if let Some(other) = setting.instead_of.iter().find(|key| is_set(key)) {
            return Err(Failure::new(Code::Usage, shown!("{} does not go with {}", setting.key, *other)).next(shown!(
                "Set {} or {}",
                setting.key,
                *other
            )));
        }
    }
    method::check(&profile.auth, &profile.instance).map_err(|(setting, error)| {
        Failure::new(Code::Usage, shown!("{}", error))
            .next(shown!("Correct {}, or the settings beside it", setting.key))
    })
}

fn set(profile: &mut Profile, key: &str, value: &str) -> Result<(), Failure> {
    let wrong = |reason: String| {
        Failure::new(Code::Usage, shown!("{}: {}", Shown::outside(key), Shown::outside(without_value(&reason))))
            .next("Correct the value")
    };
    if let Some(label) = key.strip_prefix("labels.") {
        label_key(label).map_err(|error| wrong(error.0))?;
        let value = shown_text("a label", value).map_err(|error| wrong(error.0))?;
        profile.labels.insert(label.to_owned(), value);
        return Ok(());
    }
    match key {
        "instance" => {
            let address = service::of(&profile.auth).address(value)?;
            profile.api_version = address.api_version.or(profile.api_version);
            profile.instance = address.instance;
        }
        "api_version" => {
            profile.api_version = Some(service::of(&profile.auth).api_version(value).map_err(|error| wrong(error.0))?)
        }
        "tables" => {
            let tables: Result<_, _> = value.split(',').filter(|table| !table.is_empty()).map(str::parse).collect();
            profile.tables = tables.map_err(|error| wrong(format!("{error}")))?;
        }
        "ca_cert" => {
            let path = shown_text(key, value).map_err(|error| wrong(error.0))?;
            let path = files::absolute(&at_home(PathBuf::from(path)));
            CaCertificates::default().add(&path)?;
            profile.ca_cert = Some(path);
        }
        "proxy" => {
            proxy::without_user(value)?;
            profile.proxy = Some(shown_text(key, value).map_err(|error| wrong(error.0))?);
        }
        "headers" => {
            return Err(Failure::new(Code::Usage, "a header comes with its value, which is a secret")
                .next(Step::say("Add one: ").and_run(shown!("snow connect {} --header NAME", profile.name))));
        }
        "read_only" => {
            profile.read_only = value.parse().map_err(|_| wrong("it is true or false".to_owned()))?;
        }
        "state" => {
            profile.state = value.parse().map_err(|_| wrong("it is enabled or disabled".to_owned()))?;
        }
        "description" => profile.description = Some(shown_text(key, value).map_err(|error| wrong(error.0))?),
        "labels" => {
            return Err(wrong("a label is set by its own key, as in labels.env=dev".to_owned()));
        }
        _ => {
            let setting = setting_of(profile, key)?;
            (setting.set)(&mut profile.auth, &value_text(setting, value)).map_err(|error| wrong(error.0))?;
        }
    }
    Ok(())
}

/// The setting of this key, if the way to sign in has it.
fn setting_of(profile: &Profile, key: &str) -> Result<&'static Setting, Failure> {
    let spec = MethodSpec::of(profile.auth.method);
    if let Some(setting) = spec.setting(key) {
        return Ok(setting);
    }
    if !method::settings().iter().any(|setting| setting.key == key) {
        return Err(unknown_key(key));
    }
    Err(Failure::new(
        Code::Usage,
        shown!("{} has no meaning here: {} signs in with {}", Shown::outside(key), profile.name, spec.phrase),
    )
    .next(Step::say("To change how it signs in: ").and_run(shown!("snow connect {} --force", profile.name))))
}

fn unset(profile: &mut Profile, key: &str) -> Result<(), Failure> {
    if let Some(label) = key.strip_prefix("labels.") {
        profile.labels.remove(label);
        return Ok(());
    }
    match key {
        "api_version" => profile.api_version = None,
        "tables" => profile.tables.clear(),
        "headers" => profile.headers.clear(),
        "ca_cert" => profile.ca_cert = None,
        "proxy" => profile.proxy = None,
        "read_only" => profile.read_only = false,
        "state" => profile.state = ConnectionState::default(),
        "description" => profile.description = None,
        "labels" => profile.labels.clear(),
        "instance" => return Err(needed(key)),
        _ => {
            let setting = setting_of(profile, key)?;
            if setting.is_required {
                return Err(needed(key));
            }
            (setting.reset)(&mut profile.auth);
        }
    }
    Ok(())
}

fn needed(key: &str) -> Failure {
    Failure::new(Code::Usage, shown!("a connection needs its {}", Shown::outside(key)))
        .next("Give it another with --set")
}

fn unknown_key(key: &str) -> Failure {
    let failure = Failure::new(Code::Usage, shown!("\"{}\" is not a key that can be edited", Shown::outside(key)));
    match key {
        "name" => failure.next(Step::run("snow rename OLD NEW")),
        "label" => failure.next("A label is set by its own key, as in --set labels.env=dev"),
        key if key == "store" || store::settings().any(|setting| setting.key == key) => {
            failure.next(Step::say("Move its secrets: ").and_run("snow store migrate NAME --to STORE"))
        }
        "auth" => failure.next("Change it with snow connect NAME --force"),
        "id" | "revision" | "etag" | "created_at" | "updated_at" => {
            failure.why("snow keeps it itself.").next("Leave it out")
        }
        _ => match usage::near(key, keys()) {
            Some(near) => failure.next(shown!("Did you mean {}?", near)),
            None => failure.next(Step::run("snow edit --help").and_say(" lists the keys")),
        },
    }
}

fn done(app: &mut App, profile: &Profile, text: &str) -> Result<u8, Failure> {
    if app.console.json {
        show_profile(app, profile)?
    } else {
        app.console.text(&format!("{} {text}", app.console.out.tick()));
    }
    Ok(0)
}
