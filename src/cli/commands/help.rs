//! `snow help`.

use clap::Args;
use clap_complete::engine::ArgValueCandidates;

use super::app::App;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::schemas;
use crate::base::shown::{Shown, Step, shown};
use crate::cli::command::command;
use crate::cli::completion;
use crate::cli::shell;
use crate::report::json::help::Schemas;
use crate::report::markdown;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snow help test
  snow help exit-codes
  snow help schemas snow.test/1")]
pub struct HelpArgs {
    /// A command, or a topic; snow help topics lists them
    #[arg(add = ArgValueCandidates::new(completion::help_topics))]
    pub topic: Option<String>,
    /// With schemas: one document, as in snow.test/1 [default: all]
    #[arg(add = ArgValueCandidates::new(completion::documents))]
    pub document: Option<String>,
}

/// The topics: Markdown, which a forge shows as well. `topics` lists them. The documents
/// of `schemas` have no text.
pub const TOPICS: &[(&str, &str)] = &[
    ("ci", include_str!("../../help/ci.md")),
    ("comparison", include_str!("../../help/comparison.md")),
    ("environment", include_str!("../../help/environment.md")),
    ("exit-codes", include_str!("../../help/exit-codes.md")),
    ("explore", include_str!("../../help/explore.md")),
    ("fleets", include_str!("../../help/fleets.md")),
    ("gateway", include_str!("../../help/gateway.md")),
    ("json", include_str!("../../help/json.md")),
    ("library", include_str!("../../help/library.md")),
    ("performance", include_str!("../../help/performance.md")),
    ("platforms", include_str!("../../help/platforms.md")),
    ("precedence", include_str!("../../help/precedence.md")),
    ("proxies", include_str!("../../help/proxies.md")),
    ("reliability", include_str!("../../help/reliability.md")),
    ("runners", include_str!("../../help/runners.md")),
    ("salesforce", include_str!("../../help/salesforce.md")),
    ("schemas", ""),
    ("security", include_str!("../../help/security.md")),
    ("servers", include_str!("../../help/servers.md")),
    ("sign-in", include_str!("../../help/sign-in.md")),
    ("stores", include_str!("../../help/stores.md")),
    ("teams", include_str!("../../help/teams.md")),
    ("test-double", include_str!("../../help/test-double.md")),
    ("tokens", include_str!("../../help/tokens.md")),
    ("tools", include_str!("../../help/tools.md")),
    ("topics", include_str!("../../help/README.md")),
    ("troubleshooting", include_str!("../../help/troubleshooting.md")),
    ("vault", include_str!("../../help/vault.md")),
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
        Some("schemas") => schemas(arguments.document.as_deref())?,
        Some(topic) => match TOPICS.iter().find(|(name, _)| *name == topic) {
            Some((_, text)) => markdown::text(&shell::for_this_system(text), app.console.out),
            None => {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::method::{METHODS, MethodSpec};
    use std::path::Path;

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
