//! Shell completion. What is offered is known without a request: the names, labels and
//! tables of the connections file, and the closed lists of this program.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::Path;

use clap_complete::CompleteEnv;
use clap_complete::engine::{CompletionCandidate, PathCompleter, ValueCompleter};
use clap_complete::env::{Bash, EnvCompleter, Fish, Powershell, Shells, Zsh};

use super::commands::import::Source;
use super::commands::{edit, help};
use crate::auth::method::{label_of, saved_names};
use crate::base::code::Code;
use crate::base::schemas;
use crate::cli::command::{COLUMNS, command};
use crate::cli::context::Context;
use crate::cli::explain::explanation;
use crate::config::{Config, ConfigFile};
use crate::model::profile::{ConnectionState, Profile, StoreKind};
use crate::report::format::Format;
use crate::sandbox::salesforce;
use crate::sandbox::scenario::Scenario;
use crate::service::SERVICES;
use crate::store::STORES;

/// The variable by which a shell asks for completions.
const VARIABLE: &str = "SNOW_COMPLETE";
/// The variable in which some shells say which word the cursor is in.
const INDEX: &str = "_CLAP_COMPLETE_INDEX";

const BASH: Scripted = Scripted { shell: &Bash, script: include_str!("completion/snow.bash") };
const ZSH: Scripted = Scripted { shell: &Zsh, script: include_str!("completion/snow.zsh") };
const SHELLS: Shells<'static> = Shells(&[&BASH, &ZSH, &Fish, &Powershell]);

/// A shell with a script of ours, because the library's cannot complete after `=`.
struct Scripted {
    shell: &'static (dyn EnvCompleter + Sync),
    script: &'static str,
}

impl EnvCompleter for Scripted {
    fn name(&self) -> &'static str {
        self.shell.name()
    }

    fn is(&self, name: &str) -> bool {
        self.shell.is(name)
    }

    fn write_registration(&self, _: &str, _: &str, _: &str, _: &str, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(self.script.as_bytes())
    }

    fn write_complete(
        &self,
        command: &mut clap::Command,
        words: Vec<OsString>,
        directory: Option<&Path>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        self.shell.write_complete(command, words, directory, out)
    }
}

/// Answers a shell and ends the process, if a shell asks.
pub fn answer_shell() {
    CompleteEnv::with_factory(offered).var(VARIABLE).bin("snow").completer("snow").shells(SHELLS).complete();
}

/// The script by which a shell of this name asks.
pub fn script(shell: &str) -> String {
    let mut script = Vec::new();
    let completer = SHELLS.completer(shell).expect("every shell of the command line has a completer");
    completer.write_registration(VARIABLE, "snow", "snow", "snow", &mut script).expect("memory takes what is written");
    String::from_utf8_lossy(&script).trim().to_owned()
}

/// The command line as the shell offers it: flags once one was begun, so that names
/// are not lost among them.
fn offered() -> clap::Command {
    let words: Vec<OsString> = std::env::args_os().skip_while(|word| word != "--").skip(1).collect();
    let index = Context::system().variables.text(INDEX).and_then(|index| index.parse().ok());
    let current = words.get(index.unwrap_or(words.len().saturating_sub(1)));
    let is_flag = current.is_some_and(|word| word.as_encoded_bytes().starts_with(b"-"));
    flags_hidden(command(COLUMNS), !is_flag)
}

fn flags_hidden(command: clap::Command, hidden: bool) -> clap::Command {
    let command = command.mut_args(|arg| match (arg.get_long(), arg.get_short()) {
        (None, None) => arg,
        _ => arg.hide(hidden),
    });
    // These come when the command is built, and cannot be hidden before.
    let command = command.disable_help_flag(hidden).disable_version_flag(hidden);
    command.mut_subcommands(|command| flags_hidden(command, hidden))
}

/// The connections file; empty if it cannot be read.
fn config() -> Config {
    let Ok(directory) = Context::system().config_directory() else {
        return Config::default();
    };
    ConfigFile { path: directory.join("config.toml"), lock: directory, home: std::env::home_dir() }
        .load()
        .unwrap_or_default()
}

fn plain(value: impl Into<OsString>) -> CompletionCandidate {
    CompletionCandidate::new(value)
}

fn with_help(value: impl Into<OsString>, help: impl Into<String>) -> CompletionCandidate {
    plain(value).help(Some(help.into().into()))
}

/// The saved names, with where they lead.
pub fn connection_names() -> Vec<CompletionCandidate> {
    let host = |profile: &Profile| String::from(profile.instance.host_and_port());
    config().connections.values().map(|profile| with_help(profile.name.as_str(), host(profile))).collect()
}

/// What the saved connections have, each once.
fn known<T: Ord + Into<String>>(of: impl Fn(Profile) -> Vec<T>) -> Vec<CompletionCandidate> {
    let values: BTreeSet<T> = config().connections.into_values().flat_map(of).collect();
    values.into_iter().map(|value| plain(value.into())).collect()
}

/// The labels of saved connections, as in `env=prod`.
pub fn labels() -> Vec<CompletionCandidate> {
    known(|profile| profile.labels.into_iter().map(|(key, value)| format!("{key}={value}")).collect())
}

/// The tables of saved connections.
pub fn tables() -> Vec<CompletionCandidate> {
    known(|profile| profile.tables.iter().map(ToString::to_string).collect())
}

/// The users of saved connections.
pub fn users() -> Vec<CompletionCandidate> {
    known(|profile| profile.auth.username.iter().map(ToString::to_string).collect())
}

/// The headers of saved connections.
pub fn headers() -> Vec<CompletionCandidate> {
    known(|profile| profile.headers.iter().map(|header| header.as_str().to_owned()).collect())
}

/// `NAME=FILE`: a header of a saved connection, and a file.
pub fn header_files(current: &OsStr) -> Vec<CompletionCandidate> {
    keyed(
        current,
        known(|profile| profile.headers.iter().map(|header| format!("{}=", header.as_str())).collect()),
        |_, file| paths(file),
    )
}

/// The ways to sign in of saved connections.
pub fn auth_methods() -> Vec<CompletionCandidate> {
    saved_names().into_iter().map(|name| with_help(name, label_of(name))).collect()
}

/// The services.
pub fn services() -> Vec<CompletionCandidate> {
    SERVICES.iter().map(|service| with_help(service.defaults().spec, service.defaults().label)).collect()
}

/// The versions of the REST API.
pub fn api_versions() -> Vec<CompletionCandidate> {
    let versions = SERVICES.iter().flat_map(|service| service.api_versions());
    versions.map(|version| plain(version.to_string())).collect()
}

/// What most commands print.
pub fn outputs(current: &OsStr) -> Vec<CompletionCandidate> {
    begun_with(current, Format::USUAL.iter().map(|format| plain(format.as_str())))
}

/// `FORMAT=FILE` of `snow test`.
pub fn outputs_of_test(current: &OsStr) -> Vec<CompletionCandidate> {
    files_of(current, Format::OF_TEST)
}

/// `FORMAT=FILE` of `snow query`.
pub fn outputs_of_query(current: &OsStr) -> Vec<CompletionCandidate> {
    files_of(current, Format::OF_QUERY)
}

fn files_of(current: &OsStr, formats: &[Format]) -> Vec<CompletionCandidate> {
    keyed(current, formats.iter().map(|format| plain(format.as_str())).collect(), |_, file| paths(file))
}

/// The stores.
pub fn stores() -> Vec<CompletionCandidate> {
    let candidate = |kind: StoreKind| with_help(kind.as_str(), kind.place());
    STORES.iter().map(|spec| candidate(spec.kind)).collect()
}

/// What connections can be imported from, and files.
pub fn sources(current: &OsStr) -> Vec<CompletionCandidate> {
    let named = Source::NAMED.iter().map(|(name, _, about)| with_help(*name, *about));
    begun_with(current, named).into_iter().chain(paths(current)).collect()
}

/// The error codes, with their summaries.
pub fn error_codes() -> Vec<CompletionCandidate> {
    Code::ALL.iter().map(|code| with_help(code.as_str(), explanation(*code).summary)).collect()
}

/// What the look-alike instance can do wrong, or the org: what was typed before is not known.
pub fn scenarios() -> Vec<CompletionCandidate> {
    let of_servicenow = Scenario::ALL.iter().map(|scenario| with_help(scenario.as_str(), scenario.description()));
    let of_salesforce = salesforce::scenario::Scenario::ALL
        .iter()
        .filter(|scenario| scenario.as_str().parse::<Scenario>().is_err())
        .map(|scenario| with_help(scenario.as_str(), scenario.description()));
    of_servicenow.chain(of_salesforce).collect()
}

/// The commands, with what they are for.
pub fn commands() -> Vec<CompletionCandidate> {
    let about = |command: &clap::Command| command.get_about().map(ToString::to_string).unwrap_or_default();
    command(COLUMNS).get_subcommands().map(|command| with_help(command.get_name(), about(command))).collect()
}

/// The commands and the topics.
pub fn help_topics() -> Vec<CompletionCandidate> {
    commands().into_iter().chain(help::topics().map(|topic| with_help(topic, "topic"))).collect()
}

/// The JSON documents.
pub fn documents() -> Vec<CompletionCandidate> {
    schemas::ALL.iter().map(|(name, _)| plain(*name)).collect()
}

/// The keys that can be removed.
pub fn removable_keys() -> Vec<CompletionCandidate> {
    let labels = known(|profile| profile.labels.into_keys().map(|key| format!("labels.{key}")).collect());
    edit::keys().filter(|key| *key != "instance").map(plain).chain(labels).collect()
}

/// `KEY=VALUE`: the keys that can be set, and the values of those that have few.
pub fn assignments(current: &OsStr) -> Vec<CompletionCandidate> {
    let labels = known(|profile| profile.labels.into_keys().map(|key| format!("labels.{key}=")).collect());
    let keys = edit::keys().filter(|key| *key != "headers").map(|key| plain(format!("{key}=")));
    keyed(current, keys.chain(labels).collect(), |key, value| match key {
        "api_version" => begun_with(value, api_versions()),
        "ca_cert" => paths(value),
        "tables" => begun_with(value, tables()),
        "state" => begun_with(value, ConnectionState::ALL.map(|state| plain(state.as_str()))),
        _ if edit::is_switch(key) => begun_with(value, ["true", "false"].map(plain)),
        _ => {
            let label = key.strip_prefix("labels.").map(str::to_owned);
            let values =
                known(|profile| label.as_ref().and_then(|key| profile.labels.get(key)).cloned().into_iter().collect());
            begun_with(value, values)
        }
    })
}

/// A key, or after its `=` the values that `values` has.
fn keyed(
    current: &OsStr,
    keys: Vec<CompletionCandidate>,
    values: impl Fn(&str, &OsStr) -> Vec<CompletionCandidate>,
) -> Vec<CompletionCandidate> {
    match current.to_str().and_then(|text| text.split_once('=')) {
        Some((key, value)) => {
            let values = values(key, OsStr::new(value)).into_iter();
            values.map(|candidate| candidate.add_prefix(format!("{key}="))).collect()
        }
        None => begun_with(current, keys),
    }
}

fn begun_with(current: &OsStr, candidates: impl IntoIterator<Item = CompletionCandidate>) -> Vec<CompletionCandidate> {
    let begins = |value: &OsStr| value.as_encoded_bytes().starts_with(current.as_encoded_bytes());
    candidates.into_iter().filter(|candidate| begins(candidate.get_value())).collect()
}

fn paths(current: &OsStr) -> Vec<CompletionCandidate> {
    PathCompleter::any().complete(current)
}
