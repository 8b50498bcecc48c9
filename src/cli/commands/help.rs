//! `snow help`.

use clap::Args;
use clap_complete::engine::ArgValueCandidates;

use super::app::App;
use super::man::EXIT_CODES;
use crate::base::code::{Class, Code};
use crate::base::error::Failure;
use crate::base::schemas;
use crate::base::shown::{Shown, shown};
use crate::cli::command::command;
use crate::cli::completion;
use crate::report::json::help::Schemas;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snow help test
  snow help exit-codes
  snow help schemas snow.test/1")]
pub struct HelpArgs {
    /// A command, or environment, exit-codes, platforms, precedence, schemas, security
    #[arg(add = ArgValueCandidates::new(completion::help_topics))]
    pub topic: Option<String>,
    /// With schemas: one document, as in snow.test/1 [default: all]
    #[arg(add = ArgValueCandidates::new(completion::documents))]
    pub document: Option<String>,
}

/// The topics, with their texts; those of exit codes and schemas are made.
pub const TOPICS: &[(&str, &str)] = &[
    ("environment", include_str!("../../help/environment.txt")),
    ("exit-codes", ""),
    ("platforms", include_str!("../../help/platforms.txt")),
    ("precedence", include_str!("../../help/precedence.txt")),
    ("schemas", ""),
    ("security", include_str!("../../help/security.txt")),
];

/// The names of the topics.
pub fn topics() -> impl Iterator<Item = &'static str> {
    TOPICS.iter().map(|(name, _)| *name)
}

pub fn help(app: &mut App, arguments: HelpArgs) -> Result<u8, Failure> {
    if arguments.document.is_some() && arguments.topic.as_deref() != Some("schemas") {
        return Err(Failure::new(Code::Usage, "only snow help schemas takes a second word").next("Leave it out"));
    }
    let mut command = command(app.console.out.columns);
    // Built, so that the usage has the whole command.
    command.build();
    let text = match arguments.topic.as_deref() {
        None => rendered(app, &mut command),
        Some("exit-codes") => exit_codes(),
        Some("schemas") => schemas(arguments.document.as_deref())?,
        Some(topic) => match TOPICS.iter().find(|(name, _)| *name == topic) {
            Some((_, text)) => (*text).to_owned(),
            None => {
                let subcommand = command.find_subcommand_mut(topic).ok_or_else(|| {
                    let topics: Vec<_> = topics().collect();
                    Failure::new(Code::Usage, shown!("there is no command or topic \"{}\"", Shown::outside(topic)))
                        .next(shown!("The topics are {}", Shown::outside(topics.join(", "))))
                })?;
                rendered(app, subcommand)
            }
        },
    };
    app.console.data(text.trim_end());
    Ok(0)
}

fn rendered(app: &App, command: &mut clap::Command) -> String {
    let text = command.render_help();
    if app.console.out.colour { text.ansi().to_string() } else { text.to_string() }
}

/// The JSON Schema of one document, or of all of them as a document.
fn schemas(name: Option<&str>) -> Result<String, Failure> {
    let Some(name) = name else {
        let schemas = schemas::ALL.iter().map(|(_, text)| serde_json::from_str(text).expect("schemas are JSON"));
        let document = Schemas { schema: schemas::Schemas, schemas: schemas.collect() };
        return Ok(serde_json::to_string_pretty(&document).expect("a document is always JSON"));
    };
    let schema = schemas::ALL.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned());
    schema.ok_or_else(|| {
        let names: Vec<_> = schemas::ALL.iter().map(|(name, _)| *name).collect();
        Failure::new(Code::Usage, shown!("there is no document \"{}\"", Shown::outside(name)))
            .next(shown!("The documents are {}", Shown::outside(names.join(", "))))
    })
}

/// The table of exit codes, with the error codes of each class.
fn exit_codes() -> String {
    let mut text = String::from(
        "How a command ends, and the error codes that lead there (--json: error.code).\n\n    0  it worked\n",
    );
    for (class, meaning) in EXIT_CODES {
        text.push_str(&format!("  {:>3}  {meaning}\n", class.exit_code()));
        let codes: Vec<_> = Code::ALL.iter().filter(|code| code.class() == class).map(|code| code.as_str()).collect();
        if class != Class::Internal && class != Class::Mixed {
            let options = textwrap::Options::new(78).initial_indent("       ").subsequent_indent("       ");
            let options = options.word_splitter(textwrap::WordSplitter::NoHyphenation);
            text.push_str(&textwrap::fill(&codes.join(" "), options));
            text.push('\n');
        }
    }
    text.push_str("\nWarnings leave the exit code 0. snow explain CODE says more about each.\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::method::{METHODS, MethodSpec};

    #[test]
    fn the_topic_on_variables_names_those_of_every_way_to_sign_in() {
        let (_, text) = TOPICS.iter().find(|(name, _)| *name == "environment").unwrap();
        for variable in METHODS.into_iter().filter(|spec| spec.has_variables).flat_map(MethodSpec::variables) {
            assert!(text.split_whitespace().any(|word| word.trim_matches([',', '.']) == variable), "{variable}");
        }
    }
}
