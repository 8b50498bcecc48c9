//! Arguments that do not parse: help and version are answers, the rest is a
//! usage error. A wrong value is not repeated: it may be a password that went
//! to the wrong place.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::verbs;
use crate::auth::method;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::{Shown, Step, shown, without_value};
use crate::cli::args::{Color, Output};
use crate::cli::command::{COLUMNS, command};
use crate::cli::console::Console;
use crate::cli::context::Context;
use crate::model::profile::any_of;
use crate::report;

/// Prints the answer and gives the exit code.
pub fn report(error: &clap::Error, arguments: &[OsString], context: Context) -> u8 {
    let (variables, streams) = (context.variables, context.streams);
    let console = Console::of(&variables, streams, Color::Auto);
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let text = error.render();
        let text = if console.out.colour { text.ansi().to_string() } else { text.to_string() };
        console.data(text.trim_end());
        return console.check().err().map_or(0, |failure| {
            console.say(&report::text::error(&failure, console.err));
            failure.exit_code()
        });
    }
    let failure = failure(error, arguments);
    if wants_json(arguments) {
        console.document(&report::json::Error::from(&failure));
    } else {
        let text = report::text::error(&failure, console.err);
        console.say(&text);
    }
    failure.exit_code()
}

fn failure(error: &clap::Error, arguments: &[OsString]) -> Failure {
    let text = |kind: ContextKind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => Some(texts.join(", ")),
        _ => None,
    };
    let argument = text(ContextKind::InvalidArg).map_or_else(|| "an argument".to_owned(), |text| bare(&text));
    let value = text(ContextKind::InvalidValue);
    if value.as_deref().is_some_and(method::is_password_grant) && ["--auth", "--grant"].contains(&argument.as_str()) {
        return method::no_password_grant();
    }
    let message = match error.kind() {
        ErrorKind::InvalidSubcommand => {
            return unknown_command(&text(ContextKind::InvalidSubcommand).unwrap_or_default(), arguments);
        }
        ErrorKind::UnknownArgument => match flag(&argument) {
            Some(flag) => format!("unknown flag {flag}"),
            None if argument.starts_with('-') => "unknown flag".to_owned(),
            None => "too many arguments".to_owned(),
        },
        ErrorKind::ValueValidation => match std::error::Error::source(error) {
            Some(reason) => format!("{argument}: {}", without_value(&reason.to_string())),
            None => format!("{argument} cannot be what was given"),
        },
        ErrorKind::TooManyValues => format!("{argument} takes no value"),
        ErrorKind::InvalidUtf8 => "an argument is not valid UTF-8".to_owned(),
        ErrorKind::InvalidValue => match text(ContextKind::ValidValue) {
            Some(valid) if !valid.is_empty() => format!("{argument} is one of: {valid}"),
            _ => format!("{argument} needs a value"),
        },
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let command = command_in(arguments);
            let below = command.iter().flat_map(clap::Command::get_subcommands).map(clap::Command::get_name);
            format!("missing: {}", any_of(&below.collect::<Vec<_>>()))
        }
        ErrorKind::MissingRequiredArgument => format!("missing: {argument}"),
        ErrorKind::ArgumentConflict => match text(ContextKind::PriorArg) {
            Some(other) => format!("{argument} and {} exclude each other", bare(&other)),
            None => format!("{argument} cannot be given here"),
        },
        _ => "the arguments do not fit together".to_owned(),
    };
    let mut failure = Failure::new(Code::Usage, Shown::outside(message));
    let command = command_in(arguments);
    if argument.split('=').next() == Some("--password") {
        failure = failure
            .why("A secret in an argument would be seen by every process and kept in the shell's history.")
            .next("Type it at the prompt, or use --password-stdin or --password-file");
    } else if error.kind() == ErrorKind::UnknownArgument
        && let Some(near) = near_flag(&argument, command.as_ref(), arguments)
    {
        failure = failure.next(shown!("Did you mean {}?", Shown::outside(near)));
    }
    failure.next(match command {
        Some(command) => Step::run(shown!("snow {} --help", Shown::outside(command.get_name()))),
        None => Step::run("snow --help"),
    })
}

/// What a person may have meant by a word that is no command.
fn unknown_command(word: &str, arguments: &[OsString]) -> Failure {
    // What does not look like a command may be a secret at the wrong place.
    let fits = |character: char| character.is_ascii_lowercase() || character == '-';
    let failure = if word.len() <= 20 && word.chars().all(fits) {
        Failure::new(Code::Usage, shown!("unknown command \"{}\"", Shown::outside(word)))
    } else {
        Failure::new(Code::Usage, "unknown command")
    };
    let next = arguments.iter().skip_while(|argument| *argument != word).nth(1).and_then(|next| next.to_str());
    if let Some(commands) = verbs::ours(word, next) {
        return commands.iter().fold(failure, |failure, command| failure.next(Step::run(*command)));
    }
    let root = command(COLUMNS);
    let failure = match near(word, names(&root)) {
        Some(near) => failure.next(shown!("Did you mean {}?", Shown::outside(near))),
        None => failure,
    };
    failure.next(Step::run("snow --help").and_say(" lists the commands"))
}

/// The names of the commands, aliases too.
fn names(root: &clap::Command) -> impl Iterator<Item = &str> {
    root.get_subcommands().flat_map(|command| std::iter::once(command.get_name()).chain(command.get_visible_aliases()))
}

/// The command that the arguments name.
fn command_in(arguments: &[OsString]) -> Option<clap::Command> {
    let root = command(COLUMNS);
    let mut words = arguments.iter().skip(1).filter_map(|argument| argument.to_str());
    words.find_map(|word| root.find_subcommand(word)).cloned()
}

/// The flag that was meant: one with nearly these letters, or the long one after a
/// single dash, as in `-version`.
fn near_flag(argument: &str, below: Option<&clap::Command>, arguments: &[OsString]) -> Option<String> {
    let root = command(COLUMNS);
    let below = below.unwrap_or(&root);
    let flags = || below.get_arguments().filter_map(|arg| arg.get_long()).chain(["help", "version"]);
    let written = match argument.strip_prefix("--") {
        Some(written) => written,
        None => {
            let mut words = arguments.iter().filter_map(|argument| argument.to_str());
            return words.find_map(|word| {
                let word = word.strip_prefix('-').filter(|word| word.len() > 2)?;
                flags().find(|flag| *flag == word).map(|flag| format!("--{flag}"))
            });
        }
    };
    near(written.split('=').next()?, flags()).map(|flag| format!("--{flag}"))
}

/// The one of `known` that has nearly these letters, or that only begins with them.
pub fn near<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let known: Vec<&str> = known.collect();
    let slips = if word.len() < 5 { 1 } else { 2 };
    let distance = |other: &&&str| strsim::damerau_levenshtein(other, word);
    let near = known.iter().min_by_key(distance).filter(|other| word.len() > 2 && distance(other) <= slips);
    near.copied().or_else(|| {
        let mut begun = known.iter().filter(|other| word.len() > 2 && other.starts_with(word));
        begun.next().filter(|_| begun.next().is_none()).copied()
    })
}

/// An argument as a person writes it: `--name`, not `--name <NAME>`; `NAME`,
/// not `[NAME]...`.
fn bare(argument: &str) -> String {
    let word = |text: &str| {
        if text.starts_with('-') {
            text.split_whitespace().next().unwrap_or(text).to_owned()
        } else {
            text.trim_end_matches("...").trim_matches(['<', '>', '[', ']']).to_owned()
        }
    };
    argument.split(", ").map(word).collect::<Vec<_>>().join(", ")
}

/// The flag that `argument` is, without a value. What does not look like one is
/// not repeated: `-pSECRET` is how other programs take a password.
fn flag(argument: &str) -> Option<&str> {
    let flag = argument.split('=').next()?;
    let name = flag.strip_prefix("--")?;
    let fits = |character: char| character.is_ascii_lowercase() || character == '-';
    (!name.is_empty() && name.len() <= 30 && name.chars().all(fits)).then_some(flag)
}

/// Whether JSON was asked for, as far as that can be told from arguments that
/// do not parse.
pub fn wants_json(arguments: &[OsString]) -> bool {
    let arguments: Vec<_> = arguments.iter().take_while(|argument| *argument != "--").collect();
    let is_json = |value: &str| value.parse().is_ok_and(|output: Output| output.is_json_for_stdout());
    let mut words = arguments.iter().filter_map(|argument| argument.to_str()).peekable();
    while let Some(word) = words.next() {
        let value = match word {
            "--json" => return true,
            "-o" | "--output" => words.peek().copied(),
            _ => word.strip_prefix("--output=").or_else(|| Some(word.strip_prefix("-o")?.trim_start_matches('='))),
        };
        if value.is_some_and(is_json) {
            return true;
        }
    }
    false
}
