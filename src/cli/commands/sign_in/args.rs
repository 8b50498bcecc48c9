//! What signing in takes, whichever command does it. The flags of settings and
//! secrets are made of what the ways to sign in say.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter};

use crate::auth::method::{self, MethodSpec};
use crate::auth::setting::{OAUTH_HEADING, SecretInput, Setting};
use crate::base::duration::duration;
use crate::cli::args::{at_home, path, value_text};
use crate::cli::completion;
use crate::model::command::command_text;
use crate::model::header::OwnHeader;
use crate::model::profile::InvalidValue;
use crate::service;

/// The settings of the ways to sign in that were given.
#[derive(Debug, Default)]
pub struct SettingArgs(Vec<(&'static str, String)>);

impl SettingArgs {
    /// The value that was given for a setting.
    pub fn value(&self, setting: &Setting) -> Option<&str> {
        self.0.iter().find(|(key, _)| *key == setting.key).map(|(_, value)| value.as_str())
    }

    /// The settings that were given.
    pub fn given(&self) -> impl Iterator<Item = &'static Setting> {
        method::settings().iter().copied().filter(|setting| self.value(setting).is_some())
    }
}

/// The program and its arguments, behind `--`.
const PROGRAM: &str = "command";

impl Args for SettingArgs {
    fn augment_args(command: Command) -> Command {
        let settings = || method::settings().iter().copied();
        let command = settings().filter_map(arg).fold(command, Command::arg);
        settings().filter(|setting| setting.is_command && setting.flag.is_some()).fold(command, |command, setting| {
            let program = Arg::new(PROGRAM).last(true).num_args(1..).value_name("CMD").requires(setting.key);
            command.arg(program.help("The command of --access-token-command, with its arguments"))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn arg(setting: &'static Setting) -> Option<Arg> {
    let flag = setting.flag.as_ref()?;
    let arg = Arg::new(setting.key).long(flag.name).help(with_defaults(flag.help)).help_heading(flag.heading);
    Some(match flag.means {
        Some(_) => arg.action(ArgAction::SetTrue),
        None if setting.is_command => arg.action(ArgAction::SetTrue).requires(PROGRAM),
        None => {
            let parser = move |text: &str| read(setting, text);
            let arg = arg.value_name(flag.value_name).value_parser(parser).action(ArgAction::Set);
            arg.conflicts_with_all(setting.instead_of)
        }
    })
}

/// A help text with what the service does by default.
fn with_defaults(help: &str) -> String {
    let defaults = service::usual().defaults();
    let endpoints = &defaults.endpoints;
    help.replace("{scope}", defaults.scope)
        .replace("{key_header}", defaults.key_header)
        .replace("{authorization}", endpoints.authorization)
        .replace("{token}", endpoints.token)
        .replace("{revocation}", endpoints.revocation)
}

/// The text, if it is a value of the setting.
fn read(setting: &'static Setting, text: &str) -> Result<String, InvalidValue> {
    let spec = method::METHODS.into_iter().find(|spec| spec.setting(setting.key).is_some());
    let mut scratch = spec.expect("every setting belongs to a way to sign in").blank(service::usual().defaults());
    let text = value_text(setting, text);
    (setting.set)(&mut scratch, &text).map(|()| text)
}

impl FromArgMatches for SettingArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut given = Self::default();
        given.update_from_arg_matches(matches)?;
        Ok(given)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for setting in method::settings() {
            let Some(flag) = &setting.flag else { continue };
            let value = match flag.means {
                Some(meant) => matches.get_flag(setting.key).then(|| meant.to_owned()),
                None if setting.is_command => program(setting, matches)?,
                None => matches.get_one::<String>(setting.key).cloned(),
            };
            self.0.extend(value.map(|value| (setting.key, value)));
        }
        Ok(())
    }
}

/// The command behind `--`, as the value of its setting.
fn program(setting: &'static Setting, matches: &ArgMatches) -> Result<Option<String>, clap::Error> {
    if !matches.get_flag(setting.key) {
        return Ok(None);
    }
    let arguments: Vec<String> = matches.get_many(PROGRAM).into_iter().flatten().cloned().collect();
    let text = read(setting, &command_text(&arguments));
    text.map(Some).map_err(|invalid| clap::Error::raw(clap::error::ErrorKind::ValueValidation, invalid))
}

/// The secrets that are handed in.
#[derive(Debug, Default)]
pub struct SecretArgs(Vec<(&'static str, SecretSource)>);

/// Where a secret comes from.
#[derive(Debug, Clone)]
pub enum SecretSource {
    Stdin,
    File(PathBuf),
}

impl SecretArgs {
    /// Where a secret comes from, if it is handed in.
    pub fn source(&self, input: &SecretInput) -> Option<&SecretSource> {
        self.0.iter().find(|(flag, _)| *flag == input.flag).map(|(_, source)| source)
    }

    /// The secrets that are handed in.
    pub fn given(&self) -> impl Iterator<Item = &'static SecretInput> {
        inputs().filter(|input| self.source(input).is_some())
    }

    /// Whether one is handed in that signs in, and not only goes with it.
    pub fn is_any_given(&self, spec: &MethodSpec) -> bool {
        self.given().any(|input| spec.signs_in_with(input))
    }
}

/// The secrets of saved connections.
fn inputs() -> impl Iterator<Item = &'static SecretInput> {
    let is_saved = |input: &&'static SecretInput| method::saved_methods().any(|spec| spec.secret(input).is_some());
    method::secret_inputs().into_iter().filter(is_saved)
}

fn stdin_flag(input: &SecretInput) -> String {
    format!("{}-stdin", input.flag)
}

fn file_flag(input: &SecretInput) -> String {
    format!("{}-file", input.flag)
}

impl Args for SecretArgs {
    fn augment_args(command: Command) -> Command {
        inputs().fold(command, |command, input| {
            let (stdin, file) = (stdin_flag(input), file_flag(input));
            let label = input.item.field.label();
            let others = inputs().map(stdin_flag).filter(|other| *other != stdin);
            command
                .arg(
                    Arg::new(stdin.clone())
                        .long(stdin.clone())
                        .help(format!("Read the {label} from standard input"))
                        .help_heading(input.heading)
                        .action(ArgAction::SetTrue)
                        .conflicts_with_all(others.chain([file.clone()])),
                )
                .arg(
                    Arg::new(file.clone())
                        .long(file)
                        .help(format!("Read the {label} from a file"))
                        .help_heading(input.heading)
                        .value_name("FILE")
                        .value_parser(path()),
                )
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SecretArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut given = Self::default();
        given.update_from_arg_matches(matches)?;
        Ok(given)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for input in inputs() {
            if matches.get_flag(&stdin_flag(input)) {
                self.0.push((input.flag, SecretSource::Stdin));
            }
            if let Some(path) = matches.get_one::<PathBuf>(&file_flag(input)) {
                self.0.push((input.flag, SecretSource::File(path.clone())));
            }
        }
        Ok(())
    }
}

/// Headers for a gateway in front of the instance.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "For a gateway in front of the instance")]
pub struct HeaderArgs {
    /// Send this header with every request; prompts for its value (repeatable)
    #[arg(long = "header", value_name = "NAME", add = ArgValueCandidates::new(completion::headers))]
    asked: Vec<OwnHeader>,
    /// The same, with its value in a file (repeatable)
    #[arg(long = "header-file", value_name = "NAME=FILE", value_parser = header_file,
        add = ArgValueCompleter::new(completion::header_files))]
    files: Vec<(OwnHeader, PathBuf)>,
}

impl HeaderArgs {
    /// The headers that were given, each with the file of its value if it has one.
    pub fn given(&self) -> impl Iterator<Item = (&OwnHeader, Option<&Path>)> {
        let files = self.files.iter().map(|(header, path)| (header, Some(path.as_path())));
        self.asked.iter().map(|header| (header, None)).chain(files)
    }
}

fn header_file(text: &str) -> Result<(OwnHeader, PathBuf), InvalidValue> {
    match text.split_once('=') {
        Some((name, path)) if !path.is_empty() => Ok((name.parse()?, at_home(path.into()))),
        _ => Err(InvalidValue("write NAME=FILE, as in X-Gateway-Key=key.txt".to_owned())),
    }
}

/// How the browser takes part in a sign-in.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = OAUTH_HEADING)]
pub struct BrowserArgs {
    /// Paste the address that the browser ends on, or the code
    #[arg(long)]
    pub manual: bool,
    /// Print the address instead of opening a browser
    #[arg(long)]
    pub no_browser: bool,
    /// How long to wait for the browser
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "5m")]
    pub login_timeout: Option<Duration>,
}
