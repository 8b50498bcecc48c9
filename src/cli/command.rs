//! The command line as help, completion and manual pages have it.
//!
//! The help of a command has its own options, and says where the global ones are.
//! `-h`, `--help` and `snow help COMMAND` print the same.

use clap::builder::Styles;
use clap::builder::styling::Style;
use clap::{Arg, CommandFactory};
use clap_complete::engine::ArgValueCompleter;

use super::args::{Cli, output_help};
use super::completion;
use crate::report::format::Format;
use crate::report::text::arguments;

/// The width of help if nothing says how wide the terminal is.
pub const COLUMNS: usize = 80;
/// Wider lines are harder to read.
const MAX_COLUMNS: usize = 100;
/// In the colours of everything else; a terminal gets no others.
const STYLES: Styles =
    Styles::plain().header(Style::new().bold()).usage(Style::new().bold()).literal(Style::new().bold());
/// What introduces the examples in the text after the options.
const EXAMPLES: &str = "Examples:\n";
/// Where the help of a command says that the global options are.
pub const GLOBAL_OPTIONS: &str = "Global options, such as --json and --timeout: snow --help";

/// The global options that matter to a command so much that its help has them.
const HAS_TOO: [(&str, &[&str]); 11] = [
    ("connect", &["yes", "no_input"]),
    ("test", &["output"]),
    ("query", &["output"]),
    ("create", &["yes"]),
    ("import", &["yes"]),
    ("logout", &["yes"]),
    ("migrate", &["yes"]),
    ("purge", &["yes"]),
    ("remove", &["yes"]),
    ("proxy", &["verbose"]),
    ("sandbox", &["verbose"]),
];

/// The command line, with its help for a terminal of this width.
pub fn command(columns: usize) -> clap::Command {
    let columns = columns.clamp(40, MAX_COLUMNS);
    let root = Cli::command().styles(STYLES).term_width(columns);
    let global: Vec<Arg> = root.get_arguments().filter(|arg| arg.is_global_set()).cloned().collect();
    let root = root.mut_subcommands(|command| subcommand(command, &global, columns));
    let parts = [examples_below_heading(&root, columns), notes(&root)];
    root.after_help(parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n"))
}

/// A command below the root, and those below it.
fn subcommand(command: clap::Command, global: &[Arg], columns: usize) -> clap::Command {
    let name = command.get_name().to_owned();
    let command = global.iter().fold(command, |command, arg| command.arg(below(&name, arg)));
    let parts = [examples_below_heading(&command, columns), notes(&command), Some(GLOBAL_OPTIONS.to_owned())];
    let command =
        command.disable_help_subcommand(true).after_help(parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n"));
    command.mut_subcommands(|command| subcommand(command, global, columns))
}

/// A command and all below it.
pub fn with_all_below(command: &clap::Command) -> Vec<&clap::Command> {
    std::iter::once(command).chain(command.get_subcommands().flat_map(with_all_below)).collect()
}

/// A global option as a command has it.
fn below(command: &str, arg: &Arg) -> Arg {
    let is_shown = HAS_TOO.iter().any(|(name, args)| *name == command && args.contains(&arg.get_id().as_str()));
    let arg = match arg.get_id().as_str() {
        "output" if command == "test" => arg.clone().help(output_help(Format::OF_TEST)),
        "output" if command == "query" => {
            arg.clone().help(output_help(Format::OF_QUERY)).add(ArgValueCompleter::new(completion::outputs_of_query))
        }
        "verbose" if matches!(command, "proxy" | "sandbox") => arg.clone().help("Print each request to standard error"),
        "yes" if command == "create" => arg.clone().help("Register it without asking"),
        "yes" if command == "import" => arg.clone().help("Take settings that lead elsewhere without asking"),
        "output" => arg.clone().add(ArgValueCompleter::new(completion::outputs)),
        _ => arg.clone(),
    };
    if is_shown { arg.help_heading(None::<&str>).display_order(900) } else { arg.hide(true) }
}

/// The lines of the examples of a command, if it has any.
pub fn examples(command: &clap::Command) -> Option<String> {
    parts(command).0
}

/// What the help of a command says after the examples.
pub fn notes(command: &clap::Command) -> Option<String> {
    parts(command).1
}

/// The text after the options: examples, and the rest.
fn parts(command: &clap::Command) -> (Option<String>, Option<String>) {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let Some(examples) = help.strip_prefix(EXAMPLES) else {
        return (None, Some(help).filter(|help| !help.is_empty()));
    };
    match examples.split_once("\n\n") {
        Some((examples, notes)) => (Some(examples.to_owned()), Some(notes.to_owned())),
        None => (Some(examples.to_owned()), None),
    }
}

/// The examples with their heading.
fn examples_below_heading(command: &clap::Command, columns: usize) -> Option<String> {
    let style = STYLES.get_header();
    let lines: Vec<String> = examples(command)?.lines().map(|line| fitted(line, columns)).collect();
    Some(format!("{style}Examples:{style:#}\n{}", lines.join("\n")))
}

/// An example on one line if it fits, else its remark on a line before it, and the
/// command on several that a shell takes for one.
fn fitted(line: &str, columns: usize) -> String {
    if line.len() <= columns {
        return line.to_owned();
    }
    let (command, remark) = split(line);
    let mut text = String::new();
    if let Some(remark) = remark {
        text.push_str(&format!("  # {remark}\n"));
    }
    let mut width = 0;
    let mut words = arguments(command).into_iter().peekable();
    while let Some(word) = words.next() {
        // A flag keeps its value.
        let value = if word.starts_with('-') { words.next_if(|next| !next.starts_with('-')) } else { None };
        let unit = value.map_or(word.to_owned(), |value| format!("{word} {value}"));
        if width == 0 {
            text.push_str("  ");
            width = 2;
        } else if width + 1 + unit.len() + 2 > columns {
            text.push_str(" \\\n      ");
            width = 6;
        } else {
            text.push(' ');
            width += 1;
        }
        text.push_str(&unit);
        width += unit.len();
    }
    text
}

/// The command of an example, and what is said about it.
pub fn split(example: &str) -> (&str, Option<&str>) {
    match example.trim().split_once("   ") {
        Some((command, remark)) => (command, Some(remark.trim_start())),
        None => (example.trim(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command(COLUMNS).debug_assert();
    }

    #[test]
    fn an_example_that_is_too_long_stays_one_command() {
        let line = "  snow connect acme --client-id 8f2c41d0     a client of yours";
        assert_eq!(fitted(line, 80), line);
        assert_eq!(fitted(line, 50), "  # a client of yours\n  snow connect acme --client-id 8f2c41d0");
        let broken = "  # a client of yours\n  snow connect acme \\\n      --client-id 8f2c41d0";
        assert_eq!(fitted(line, 36), broken);
    }
}
