//! `snow import`: connections of another program or a colleague.
//!
//! All or nothing: what is found is checked as a whole and shown; then the entries are
//! saved, then their secrets. A failure takes back what was saved. No request is made, and
//! nothing is written to where it came from.

mod save;

use std::fmt;
use std::path::PathBuf;

use clap::Args;
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter};

use super::app::App;
use super::questions::NOBODY_TO_ASK;
use crate::auth::method::MethodSpec;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::schemas;
use crate::base::shown::{Shown, Step, shown};
use crate::cli::args::{at_home, path};
use crate::cli::completion;
use crate::config::Config;
use crate::config::sources::{Contents, Found, adobe, ansible, now_sdk, servicenow_cli, team};
use crate::model::profile::{ConnectionName, StoreKind};
use crate::model::user_name::UserName;
use crate::report::json::import as json;
use crate::report::text::auth_label;
use crate::store::{Field, keyring, kind_of};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snow import team.toml
  snow import now-sdk --dry-run                 what would be taken
  snow import servicenow-cli --only acme-uat
  snow import ansible                           the variables SN_*
  snow import adobe connection.json             for Adobe's Flow Service

A source is now-sdk, servicenow-cli, ansible, adobe with a file, or the path of
a file that snow export wrote. Names are those of the source, and the default
stays as it is. Nothing is written back. Endpoints elsewhere than the instance,
a proxy and a certificate authority are shown and need a yes. See snow help
teams.")]
pub struct ImportArgs {
    /// Where the connections are
    #[arg(value_name = "SOURCE", value_parser = source, add = ArgValueCompleter::new(completion::sources))]
    pub source: Source,
    /// The file to read, for adobe
    #[arg(value_name = "FILE", value_parser = path())]
    pub file: Option<PathBuf>,
    /// Take only the entry of this name (repeatable)
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
    /// Your user name, for connections of a team file that send one
    #[arg(long, value_name = "USER")]
    pub username: Option<UserName>,
    #[arg(long, value_parser = kind_of, help = super::connect::args::store_help(),
        add = ArgValueCandidates::new(completion::stores))]
    pub store: Option<StoreKind>,
    /// Show what would be taken, and save nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Where connections come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    NowSdk,
    ServicenowCli,
    Ansible,
    Adobe,
    File(PathBuf),
}

impl Source {
    /// Those that have a name.
    pub const NAMED: [(&str, Self, &str); 4] = [
        ("now-sdk", Self::NowSdk, "the aliases of ServiceNow's SDK"),
        ("servicenow-cli", Self::ServicenowCli, "its profiles"),
        ("ansible", Self::Ansible, "the variables SN_*"),
        ("adobe", Self::Adobe, "a file for Adobe's Flow Service"),
    ];
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (Self::NAMED.iter().find(|(_, source, _)| source == self), self) {
            (Some((name, ..)), _) => formatter.write_str(name),
            (None, Self::File(path)) => formatter.write_str(&Shown::outside(path.display().to_string())),
            (None, _) => unreachable!("what is no file has a name"),
        }
    }
}

fn source(text: &str) -> Result<Source, String> {
    let named = Source::NAMED.iter().find(|(name, ..)| *name == text).map(|(_, source, _)| source.clone());
    match named {
        Some(source) => Ok(source),
        None if text.is_empty() => Err("it is empty".to_owned()),
        None => Ok(Source::File(at_home(text.into()))),
    }
}

pub async fn run(app: &mut App, arguments: ImportArgs) -> Result<u8, Failure> {
    let store = arguments.store.map_or_else(|| app.store_of_new(), Ok)?;
    let contents = contents(app, &arguments).await?.kept_in(store);
    let mut contents = only(contents, &arguments)?;
    refuse_other_store(&arguments, &contents.found)?;
    let file = app.config_file()?;
    let config = file.load()?;
    save::go_on(app, &config, &mut contents.found).await?;
    refuse_existing(&config, &contents.found)?;
    mention(app, &contents);
    if contents.found.is_empty() {
        return Err(nothing(&arguments.source, &contents));
    }
    if !arguments.dry_run {
        confirm_elsewhere(app, &contents.found)?;
        save::all(app, &file, &contents.found).await?;
    }
    report(app, &arguments, &contents);
    Ok(0)
}

async fn contents(app: &mut App, arguments: &ImportArgs) -> Result<Contents, Failure> {
    if arguments.username.is_some() && !matches!(arguments.source, Source::File(_)) {
        return Err(Failure::new(Code::Usage, "--username is for a team file").next("Leave it out"));
    }
    if arguments.file.is_some() != (arguments.source == Source::Adobe) {
        let message = shown!("{} and a file do not go together", Shown::outside(arguments.source.to_string()));
        let failure = match arguments.source {
            Source::Adobe => Failure::new(Code::Usage, "the file is missing").next("Write snow import adobe FILE"),
            _ => Failure::new(Code::Usage, message).next("Give one source; only adobe takes a file"),
        };
        return Err(failure);
    }
    let now = app.now();
    match &arguments.source {
        Source::NowSdk => now_sdk::read(app.store(&keyring::KIND.into())?.as_ref(), now).await,
        Source::ServicenowCli => {
            let Some(directory) = app.config_directory_of("servicenow") else { return Ok(Contents::default()) };
            let keyring = app.store(&keyring::KIND.into())?;
            servicenow_cli::read(&directory.join("config.toml"), keyring.as_ref(), now).await
        }
        Source::Ansible => ansible::read(&app.variables),
        Source::Adobe => adobe::read(arguments.file.as_deref().expect("it was checked")),
        Source::File(path) => team::read(path, |name| match &arguments.username {
            Some(username) => Ok(username.to_string()),
            None => ask_user(app, name),
        }),
    }
}

/// The user of a connection whose team file says only that there is one.
fn ask_user(app: &mut App, name: &ConnectionName) -> Result<String, Failure> {
    let question = format!("Your user name for {name}");
    loop {
        let Some(person) = app.person() else {
            return Err(Failure::new(Code::NoTerminal, shown!("the user name for {} is missing", name))
                .why(NOBODY_TO_ASK)
                .next("Give it with --username USER"));
        };
        match person.text(&question, None, "the instance's, not your developer site's")?.parse::<UserName>() {
            Ok(user) => return Ok(user.to_string()),
            Err(reason) => app.complain(&reason.to_string()),
        }
    }
}

/// The entries that are wanted. Each of `--only` must be there.
fn only(contents: Contents, arguments: &ImportArgs) -> Result<Contents, Failure> {
    if arguments.only.is_empty() {
        return Ok(contents);
    }
    let is = |wanted: &str, name: &str| wanted.eq_ignore_ascii_case(name);
    for wanted in &arguments.only {
        let found = contents.found.iter().any(|found| is(wanted, found.profile.name.as_str()));
        if let Some(skipped) = contents.skipped.iter().find(|skipped| is(wanted, &skipped.name)) {
            let message = shown!("{} cannot be imported: {}", Shown::outside(wanted), skipped.reason);
            return Err(Failure::new(Code::NothingToImport, message).why("Nothing was imported.").next("Leave it out"));
        }
        if !found {
            let message =
                shown!("{} has no entry {}", Shown::outside(arguments.source.to_string()), Shown::outside(wanted));
            let names: Vec<_> = contents.found.iter().map(|found| found.profile.name.as_str()).collect();
            let failure = Failure::new(Code::NothingToImport, message).why("Nothing was imported.");
            return Err(failure.next(shown!("It has: {}", Shown::outside(names.join(", ")))));
        }
    }
    let is_wanted = |found: &Found| arguments.only.iter().any(|wanted| is(wanted, found.profile.name.as_str()));
    Ok(Contents { found: contents.found.into_iter().filter(is_wanted).collect(), skipped: Vec::new(), ..contents })
}

/// Elsewhere they would be connections of their own, without secrets.
fn refuse_other_store(arguments: &ImportArgs, found: &[Found]) -> Result<(), Failure> {
    let Some(store) = arguments.store else { return Ok(()) };
    match found.iter().find(|found| found.is_shared && found.profile.store.kind != store) {
        None => Ok(()),
        Some(found) => {
            let (name, own) = (&found.profile.name, found.profile.store.as_str());
            Err(Failure::new(Code::Usage, shown!("the file says that the secrets of {} are in {}", name, own))
                .next("Leave out --store")
                .next(Step::say("To move them after the import: ").and_run(shown!(
                    "snow store migrate {} --to {}",
                    name,
                    store.as_str()
                ))))
        }
    }
}

fn refuse_existing(config: &Config, found: &[Found]) -> Result<(), Failure> {
    let taken = found.iter().find(|found| save::is_taken(config, found)).map(|found| &found.profile.name);
    let same = |found: &&Found| {
        let mut others = config.connections.values().filter(|saved| saved.name != found.profile.name);
        others.find(|saved| saved.id == found.profile.id)
    };
    match taken {
        None => match found.iter().find_map(|found| Some((&found.profile.name, same(&found)?))) {
            None => Ok(()),
            Some((name, saved)) => {
                let message = shown!("{} is saved already, as {}", name, saved.name);
                Err(Failure::new(Code::ConnectionExists, message)
                    .why("They have the same secrets in the same store. Nothing was imported.")
                    .next(Step::say("Use it: ").and_run(shown!("snow test {}", saved.name)))
                    .next("Or take only other entries, with --only NAME"))
            }
        },
        Some(name) => {
            Err(Failure::new(Code::ConnectionExists, shown!("there is already a connection called {}", name))
                .why("Nothing was imported.")
                .next(Step::say("Rename the saved one: ").and_run(shown!("snow rename {} NEW", name)))
                .next("Or take only other entries, with --only NAME"))
        }
    }
}

/// Says what is not taken.
fn mention(app: &App, contents: &Contents) {
    for skipped in &contents.skipped {
        app.console.say(&format!("note: {} is skipped: {}", skipped.name, skipped.reason));
    }
    if !contents.left_out.is_empty() {
        app.console.say(&format!("note: left out: {}", contents.left_out.join(", ")));
    }
    for found in contents.found.iter().filter(|found| !found.left_out.is_empty()) {
        app.console.say(&format!("note: left out of {}: {}", found.profile.name, found.left_out.join(", ")));
    }
}

fn nothing(source: &Source, contents: &Contents) -> Failure {
    let message = shown!("{} has no connection that can be imported", Shown::outside(source.to_string()));
    let failure = Failure::new(Code::NothingToImport, message);
    match source {
        _ if !contents.skipped.is_empty() => {
            failure.next(Step::say("Connect instead: ").and_run("snow connect INSTANCE"))
        }
        Source::NowSdk => failure.next("See what it has: now-sdk auth --list"),
        Source::ServicenowCli => failure.next("Sign in there first, or connect here: snow connect INSTANCE"),
        Source::Adobe => failure.next("Use a file with a connection"),
        Source::Ansible => failure.why("SN_HOST is not set.").next("Set SN_HOST and the variables of the sign-in"),
        Source::File(_) => failure.next(Step::say("Write one: ").and_run("snow export --all")),
    }
}

/// What leads to another place than the instance is shown, and needs a yes.
fn confirm_elsewhere(app: &mut App, found: &[Found]) -> Result<(), Failure> {
    let mut lines = Vec::new();
    for found in found {
        for elsewhere in found.elsewhere() {
            let value = Shown::outside(&elsewhere.value);
            lines.push(format!("  {}: {} = {value}", found.profile.name, elsewhere.key));
        }
    }
    if lines.is_empty() {
        return Ok(());
    }
    app.console.say("These settings lead to other places than the instance:");
    lines.iter().for_each(|line| app.console.say(line));
    app.confirm("importing these settings", "Import them?")
}

fn report(app: &App, arguments: &ImportArgs, contents: &Contents) {
    if app.console.json {
        app.console.document(&json::Import {
            schema: schemas::Import,
            source: arguments.source.to_string(),
            dry_run: arguments.dry_run,
            connections: contents.found.iter().map(|found| imported(found, arguments.dry_run)).collect(),
            skipped: contents
                .skipped
                .iter()
                .map(|skipped| json::Skipped { name: &skipped.name, reason: skipped.reason.as_str() })
                .collect(),
            left_out: &contents.left_out,
        });
        return;
    }
    let verb = if arguments.dry_run { "would be imported" } else { "imported" };
    let mark = if arguments.dry_run { app.console.out.dash() } else { app.console.out.tick() };
    for found in &contents.found {
        let profile = &found.profile;
        let auth = auth_label(profile.auth.as_str());
        let line = format!("{mark} {}: {verb} ({}, {auth})", profile.name, profile.instance);
        app.console.text(&line);
        if arguments.dry_run {
            for elsewhere in found.elsewhere() {
                let value = Shown::outside(&elsewhere.value);
                app.console.say(&format!("  needs a yes: {} = {value}", elsewhere.key));
            }
        }
    }
    for found in contents.found.iter().filter(|found| !found.is_signed_in() && !arguments.dry_run) {
        let (name, place) = (&found.profile.name, found.profile.store.place());
        app.console.note(&if found.is_shared {
            format!("Its secrets are in {place}: snow test {name}")
        } else {
            format!("Sign in: snow login {name}")
        });
    }
}

fn imported(found: &Found, is_dry: bool) -> json::Imported<'_> {
    let profile = &found.profile;
    json::Imported {
        name: profile.name.as_str(),
        id: (!is_dry).then_some(profile.id),
        instance: profile.instance.origin(),
        auth: profile.auth.as_str(),
        username: profile.username().map(|user| user.as_str()),
        client_id: profile.auth.client_id(),
        store: profile.store.as_str(),
        secrets: fields(found).iter().map(|field| field.as_str().to_owned()).collect(),
        signed_in: found.is_signed_in(),
        elsewhere: found
            .elsewhere()
            .into_iter()
            .map(|elsewhere| json::Setting { key: elsewhere.key, value: elsewhere.value })
            .collect(),
        left_out: &found.left_out,
    }
}

/// The items of the store that it takes.
fn fields(found: &Found) -> Vec<Field> {
    let secrets = found.secrets.iter().map(|(item, _)| item.field.clone());
    let session = found.session.as_ref().map(|_| Field::SESSION);
    // In the order in which the way to sign in has them.
    let items: Vec<Field> = secrets.chain(session).collect();
    let own = MethodSpec::of(found.profile.auth.method).items;
    own.iter().filter(|item| items.contains(item)).cloned().collect()
}
