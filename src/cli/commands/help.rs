//! `snow help`, `snow completion` and `snow man`.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::env::Shells;

use super::app::App;
use crate::base::code::{Class, Code};
use crate::base::error::Failure;
use crate::base::files;
use crate::base::schemas;
use crate::base::shown::{Shown, shown};
use crate::cli::args::{self, Cli};
use crate::cli::completion;
use crate::report::json::help::Schemas;

#[derive(Debug, Args)]
pub struct HelpArgs {
    /// A command, or environment, exit-codes, platforms, precedence, schemas, security
    pub topic: Option<String>,
    /// With schemas: one document, as in snow.test/1 [default: all]
    pub document: Option<String>,
}

#[derive(Debug, Args)]
#[command(before_help = "\
Examples:
  source <(snow completion bash)                     in ~/.bashrc
  source <(snow completion zsh)                      in ~/.zshrc
  snow completion fish | source                      in ~/.config/fish/config.fish
  snow completion powershell | Out-String | Invoke-Expression   in $PROFILE")]
pub struct CompletionArgs {
    pub shell: Shell,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
    Powershell,
}

impl Shell {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
            Self::Powershell => "powershell",
        }
    }
}

#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write the pages of all commands to this directory
    #[arg(long, value_name = "DIRECTORY", value_parser = args::path())]
    pub dir: Option<PathBuf>,
}

/// The topics, with their texts; those of exit codes and schemas are made.
const TOPICS: &[(&str, &str)] = &[
    ("environment", include_str!("../../help/environment.txt")),
    ("exit-codes", ""),
    ("platforms", include_str!("../../help/platforms.txt")),
    ("precedence", include_str!("../../help/precedence.txt")),
    ("schemas", ""),
    ("security", include_str!("../../help/security.txt")),
];

pub fn help(app: &mut App, arguments: HelpArgs) -> Result<u8, Failure> {
    if arguments.document.is_some() && arguments.topic.as_deref() != Some("schemas") {
        return Err(Failure::new(Code::Usage, "only snow help schemas takes a second word").next("Leave it out"));
    }
    let mut command = Cli::command();
    let text = match arguments.topic.as_deref() {
        None => rendered(app, &mut command),
        Some("exit-codes") => exit_codes(),
        Some("schemas") => schemas(arguments.document.as_deref())?,
        Some(topic) => match TOPICS.iter().find(|(name, _)| *name == topic) {
            Some((_, text)) => (*text).to_owned(),
            None => {
                // Built, so that the global options are in the text.
                command.build();
                let subcommand = command.find_subcommand_mut(topic).ok_or_else(|| {
                    let topics: Vec<_> = TOPICS.iter().map(|(name, _)| *name).collect();
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

pub fn completion(app: &mut App, arguments: CompletionArgs) -> Result<u8, Failure> {
    let shells = Shells::builtins();
    let name = arguments.shell.as_str();
    let shell = shells.completer(name).expect("every shell of the command line has a completer");
    let mut script = Vec::new();
    shell
        .write_registration(completion::VARIABLE, "snow", "snow", "snow", &mut script)
        .expect("memory takes what is written");
    app.console.data(String::from_utf8_lossy(&script).trim_end());
    Ok(0)
}

pub fn man(app: &mut App, arguments: ManArgs) -> Result<u8, Failure> {
    let Some(directory) = arguments.dir else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command()).render(&mut page).expect("memory takes what is written");
        app.console.data(String::from_utf8_lossy(&page).trim_end());
        return Ok(0);
    };
    write_pages(&directory).map_err(|error| {
        Failure::new(
            Code::OutputUnwritable,
            shown!("the pages cannot be written to {}: {}", directory.display(), error),
        )
        .next("Give a directory that can be written")
    })?;
    app.console.note(&shown!("The pages are in {}.", directory.display()));
    Ok(0)
}

/// Writes the page of each command. The library writes through links, so it does so where
/// there are none.
fn write_pages(directory: &Path) -> io::Result<()> {
    let pages = tempfile::tempdir()?;
    clap_mangen::generate_to(Cli::command(), pages.path())?;
    std::fs::create_dir_all(directory)?;
    for page in std::fs::read_dir(pages.path())? {
        let page = page?;
        files::publish(&directory.join(page.file_name()), &std::fs::read(page.path())?)?;
    }
    Ok(())
}

fn rendered(app: &App, command: &mut clap::Command) -> String {
    let text = command.render_long_help();
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
    let classes = [
        (Class::Internal, "a defect of snow"),
        (Class::Usage, "a flag or argument is wrong"),
        (Class::Config, "unknown connection, bad file, missing input without a terminal"),
        (Class::Auth, "no credential, or the instance refused it"),
        (Class::Forbidden, "signed in, but a role, rule or scope denies"),
        (Class::Network, "DNS, TCP, TLS, proxy, time-out"),
        (Class::Instance, "something answered that cannot serve"),
        (Class::RateLimited, "too many requests"),
        (Class::Store, "the keyring or the encrypted file is missing, locked, denied or too slow"),
        (Class::Api, "an answer that makes no sense"),
        (Class::Assertion, "it works, but not as was demanded"),
        (Class::Mixed, "several connections failed, in different classes"),
        (Class::Signal, "stopped (143 for a termination signal)"),
    ];
    let mut text = String::from(
        "How a command ends, and the error codes that lead there (--json: error.code).\n\n    0  it worked\n",
    );
    for (class, meaning) in classes {
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
