//! `snow help`, `snow completion` and `snow man`.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::env::Shells;

use super::app::App;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::files;
use crate::base::schemas;
use crate::base::shown::{Shown, Step, shown};
use crate::cli::args::{self, Cli};
use crate::cli::completion;
use crate::cli::shell;
use crate::report::json::help::Schemas;
use crate::report::markdown;

#[derive(Debug, Args)]
pub struct HelpArgs {
    /// A command, or a topic; snow help topics lists them
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

/// The topics: Markdown, which a forge shows as well. `topics` lists them. The documents
/// of `schemas` have no text.
const TOPICS: &[(&str, &str)] = &[
    ("ci", include_str!("../../help/ci.md")),
    ("comparison", include_str!("../../help/comparison.md")),
    ("environment", include_str!("../../help/environment.md")),
    ("exit-codes", include_str!("../../help/exit-codes.md")),
    ("fleets", include_str!("../../help/fleets.md")),
    ("json", include_str!("../../help/json.md")),
    ("library", include_str!("../../help/library.md")),
    ("performance", include_str!("../../help/performance.md")),
    ("platforms", include_str!("../../help/platforms.md")),
    ("precedence", include_str!("../../help/precedence.md")),
    ("proxies", include_str!("../../help/proxies.md")),
    ("schemas", ""),
    ("security", include_str!("../../help/security.md")),
    ("sign-in", include_str!("../../help/sign-in.md")),
    ("stores", include_str!("../../help/stores.md")),
    ("test-double", include_str!("../../help/test-double.md")),
    ("tokens", include_str!("../../help/tokens.md")),
    ("topics", include_str!("../../help/README.md")),
    ("troubleshooting", include_str!("../../help/troubleshooting.md")),
];

pub fn help(app: &mut App, arguments: HelpArgs) -> Result<u8, Failure> {
    if arguments.document.is_some() && arguments.topic.as_deref() != Some("schemas") {
        return Err(Failure::new(Code::Usage, "only snow help schemas takes a second word").next("Leave it out"));
    }
    let mut command = Cli::command();
    let text = match arguments.topic.as_deref() {
        None => rendered(app, &mut command),
        Some("schemas") => schemas(arguments.document.as_deref())?,
        Some(topic) => match TOPICS.iter().find(|(name, _)| *name == topic) {
            Some((_, text)) => markdown::text(&shell::for_this_system(text), app.console.out),
            None => {
                // Built, so that the global options are in the text.
                command.build();
                let subcommand = command.find_subcommand_mut(topic).ok_or_else(|| {
                    Failure::new(Code::Usage, shown!("there is no command or topic \"{}\"", Shown::outside(topic)))
                        .next(Step::run("snow help topics").and_say(" lists the topics"))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::method::{METHODS, MethodSpec};
    use crate::base::code::Class;

    fn topic(name: &str) -> &'static str {
        TOPICS.iter().find(|(known, _)| *known == name).unwrap().1
    }

    #[test]
    fn the_topic_on_variables_names_those_of_every_way_to_sign_in() {
        let text = topic("environment");
        for variable in METHODS.into_iter().filter(|spec| spec.has_variables).flat_map(MethodSpec::variables) {
            assert!(text.contains(&format!("`{variable}`")), "{variable}");
        }
    }

    /// The codes of each class, as the topic on exit codes ends.
    fn codes_by_class() -> String {
        let mut text = String::new();
        let mut class = None;
        for code in Code::ALL {
            if class != Some(code.class()) {
                class = Some(code.class());
                text.push_str(&format!("\n- **{} {}**:", code.class().exit_code(), code.class().as_str()));
            }
            text.push_str(&format!("\n  `{}`", code.as_str()));
        }
        text.trim_start().to_owned() + "\n"
    }

    /// With SNOW_WRITE_SCHEMAS set it writes the topic anew.
    #[test]
    #[allow(clippy::disallowed_methods, reason = "a person asks by a variable for the file to be written")]
    fn the_topic_on_exit_codes_has_every_class_and_ends_with_every_code() {
        let text = topic("exit-codes");
        let (before, _) = text.split_once("- **1 internal**").unwrap();
        let made = format!("{before}{}", codes_by_class());
        if std::env::var_os("SNOW_WRITE_SCHEMAS").is_some() {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/help/exit-codes.md");
            std::fs::write(path, &made).unwrap();
        }
        assert_eq!(text, made, "SNOW_WRITE_SCHEMAS=1 cargo test --lib help writes it anew");
        for class in Code::ALL.iter().map(|code| code.class()).chain([Class::Mixed]) {
            let row = format!("| {} | {} |", class.exit_code(), class.as_str());
            assert!(before.contains(&row), "{row}");
        }
    }

    #[test]
    fn every_document_and_every_topic_is_listed() {
        for (name, _) in schemas::ALL {
            assert!(topic("json").contains(&format!("`{name}`")), "{name}");
        }
        let list = topic("topics");
        for (name, text) in TOPICS.iter().filter(|(name, _)| *name != "topics") {
            let entry = if text.is_empty() { format!("| {name} |") } else { format!("| [{name}]({name}.md) |") };
            assert!(list.contains(&entry), "{entry}");
        }
    }
}
