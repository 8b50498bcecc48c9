//! Arguments that do not parse: help and version are answers, the rest is a
//! usage error. A wrong value is not repeated: it may be a password that went
//! to the wrong place.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::{Shown, shown, without_value};
use crate::cli::args::{Color, Output};
use crate::cli::console::Console;
use crate::cli::context::Context;
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
    let failure = failure(error);
    if wants_json(arguments) {
        console.document(&report::json::Error::from(&failure));
    } else {
        let text = report::text::error(&failure, console.err);
        console.say(&text);
    }
    failure.exit_code()
}

fn failure(error: &clap::Error) -> Failure {
    let text = |kind: ContextKind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => Some(texts.join(", ")),
        Some(ContextValue::StyledStrs(texts)) => {
            Some(texts.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
        }
        _ => None,
    };
    let argument = text(ContextKind::InvalidArg).map_or_else(|| "an argument".to_owned(), |text| bare(&text));
    let message = match error.kind() {
        ErrorKind::UnknownArgument => match flag(&argument) {
            Some(flag) => format!("there is no flag {flag} here"),
            None if argument.starts_with('-') => "there is no such flag here".to_owned(),
            None => "there is one argument too many".to_owned(),
        },
        ErrorKind::InvalidSubcommand => "there is no such command".to_owned(),
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
        ErrorKind::MissingRequiredArgument => format!("missing: {argument}"),
        ErrorKind::ArgumentConflict => match text(ContextKind::PriorArg) {
            Some(other) => format!("{argument} and {} exclude each other", bare(&other)),
            None => format!("{argument} cannot be given here"),
        },
        _ => "the arguments do not fit together".to_owned(),
    };
    let mut failure = Failure::new(Code::Usage, Shown::outside(message));
    let near = text(ContextKind::SuggestedSubcommand).or_else(|| text(ContextKind::SuggestedArg));
    if argument.split('=').next() == Some("--password") {
        failure = failure
            .why("A secret in an argument would be seen by every process and kept in the shell's history.")
            .next("Type it at the prompt, or use --password-stdin or --password-file");
    } else if let Some(near) = near {
        failure = failure.next(shown!("Did you mean {}?", Shown::outside(&near)));
    }
    failure.next("See snow --help, or --help after a command")
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
