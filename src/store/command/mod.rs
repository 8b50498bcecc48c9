//! Programs that keep secrets: a password manager, or a credential helper of Docker.
//!
//! A command is a list of arguments, and no shell reads it. In each of them `{id}`,
//! `{name}` and `{field}` stand for the item, which also is in `SNOW_STORE_ID`,
//! `SNOW_STORE_NAME` and `SNOW_STORE_FIELD`. What reads prints the item and is given
//! nothing; what writes is given the record to read. Without a command that writes, the
//! secrets are someone else's: they are used, and nothing is saved.
//!
//! What is printed is our record, with the origins that it may go to, or the secret alone.
//! [`helper`] is the protocol of Docker, [`settings`] what a connection says of all that.

mod helper;
pub mod open;
mod settings;

use std::ffi::OsString;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use super::record::is_record;
use super::{CredentialStore, Field, ItemKey, StoreError, StoredItem, Trouble};
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::program::{self, Printed, TIMEOUT};
use crate::base::secret::Secret;
use crate::base::shown::{Shown, Step, shown};
use crate::model::profile::{ConnectionId, StoreKind};
use helper::Helper;

/// The store as a connection names it.
pub const KIND: StoreKind = StoreKind::new("command", "the store of the command");

pub struct CommandStore {
    commands: Commands,
    /// The variables of snow itself, which are not for other programs.
    hidden: Vec<OsString>,
    /// Items that could be neither deleted nor read: they may be there.
    doubtful: Mutex<Vec<String>>,
}

/// What a connection has.
enum Commands {
    Own { read: Vec<String>, write: Option<Vec<String>>, delete: Option<Vec<String>> },
    Helper(Helper),
}

impl CommandStore {
    /// Runs a command for an item, and gives what it printed.
    async fn run(&self, template: &[String], key: &ItemKey, input: Option<&[u8]>) -> Result<Printed, StoreError> {
        let name = key.name.as_ref().map_or("", |name| name.as_str());
        let values = [
            ("{id}", key.connection.to_string()),
            ("{name}", name.to_owned()),
            ("{field}", key.field.as_str().to_owned()),
        ];
        // Each place is filled once: a value is not looked at again.
        let arguments: Vec<String> = template.iter().map(|argument| filled(argument, &values)).collect();
        let variables = ["SNOW_STORE_ID", "SNOW_STORE_NAME", "SNOW_STORE_FIELD"].into_iter();
        let variables = variables.zip(values.into_iter().map(|(_, value)| value));
        let (printed, ended) = self.start(&arguments, variables, input).await;
        match ended {
            Ok(()) => Ok(printed),
            Err(trouble) => Err(failed(&arguments[0], &trouble, &printed, Some(key))),
        }
    }

    async fn start(
        &self,
        arguments: &[String],
        variables: impl IntoIterator<Item = (&'static str, String)>,
        input: Option<&[u8]>,
    ) -> (Printed, Result<(), program::Trouble>) {
        tracing::info!("running {}", Shown::outside(&arguments[0]));
        let mut command = program::command(arguments);
        for name in &self.hidden {
            command.env_remove(name);
        }
        command.envs(variables);
        let mut printed = Printed::default();
        let ended = program::run(command, input, TIMEOUT, &mut printed).await;
        (printed, ended)
    }

    /// The secret that was printed: a record as it is, or the line alone.
    fn printed(&self, program: &str, printed: &Printed) -> Result<Option<Secret>, StoreError> {
        if printed.output.is_empty() {
            return Ok(None);
        }
        let text = std::str::from_utf8(&printed.output)
            .ok()
            .map(|text| if is_record(text) { Secret::derived(text.trim().to_owned()) } else { Secret::of_line(text) });
        match text {
            Some(Ok(secret)) => Ok(Some(secret)),
            Some(Err(invalid)) => Err(unusable(program, shown!("{}. {}", invalid, ONE_LINE))),
            None => Err(unusable(program, shown!("It is not UTF-8. {}", ONE_LINE))),
        }
    }
}

/// An argument with the values in their places.
fn filled(argument: &str, values: &[(&str, String)]) -> String {
    let mut text = String::new();
    let mut rest = argument;
    while let Some(at) = rest.find('{') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let (place, value) = values
            .iter()
            .find(|(place, _)| rest.starts_with(place))
            .map_or(("{", "{"), |(place, value)| (*place, value));
        text.push_str(value);
        rest = &rest[place.len()..];
    }
    text + rest
}

fn unusable(program: &str, why: Shown) -> StoreError {
    let message = shown!("what {} printed is no secret", Shown::outside(program));
    let failure = Failure::new(Code::CommandFailed, message)
        .why(shown!("{}.", why))
        .next("Run the command yourself, and look at what it prints");
    StoreError::new(KIND, Trouble::Failed, failure)
}

/// The store as an error tells of a program that failed.
fn failed(program: &str, trouble: &program::Trouble, printed: &Printed, key: Option<&ItemKey>) -> StoreError {
    let name = Shown::outside(program);
    let command = shown!("the store command {}", &name);
    let (message, why) = trouble.told(&name, &command);
    let said = printed.said();
    let why = if said.is_empty() { why } else { shown!("{} It said: {}", why, &said) };
    let failure = Failure::new(Code::CommandFailed, message)
        .why(why)
        .evidence("command", name)
        .evidence("command_exit_code", trouble.exit_code())
        .evidence("command_stderr", Some(said).filter(|said| !said.is_empty()))
        .evidence("item", key.map(|key| Shown::outside(key.account())));
    let failure = match key.and_then(|key| key.name.as_ref()) {
        Some(name) => failure
            .next(
                Step::say("Run the command yourself, which shows what it says: ").and_run(shown!("snow show {}", name)),
            )
            .next(Step::say("If nothing is saved there yet: ").and_run(shown!("snow login {}", name))),
        None => failure.next("Run the command yourself, and look at what it says"),
    };
    StoreError::new(KIND, Trouble::Failed, failure)
}

fn only_reads(key: &ItemKey) -> StoreError {
    let message = shown!("the {} cannot be saved: the store command only reads", Shown::outside(key.field.label()));
    let failure = Failure::new(Code::CommandFailed, message)
        .why("The connection has store_read and no store_write, so its secrets are kept by someone else.")
        .next("Change the secret where the command reads it, or set store_write");
    StoreError::new(KIND, Trouble::Failed, failure)
}

#[async_trait]
impl CredentialStore for CommandStore {
    fn kind(&self) -> StoreKind {
        KIND
    }

    async fn read(&self, key: ItemKey) -> Result<Option<Secret>, StoreError> {
        match &self.commands {
            Commands::Helper(helper) => helper.get(self, &key).await,
            // A session is nothing that someone else keeps.
            Commands::Own { write: None, .. } if key.field == Field::SESSION => Ok(None),
            Commands::Own { read, .. } => self.printed(&read[0], &self.run(read, &key, None).await?),
        }
    }

    async fn write(&self, key: ItemKey, record: &Secret) -> Result<(), StoreError> {
        match &self.commands {
            Commands::Helper(helper) => helper.store(self, &key, record).await,
            Commands::Own { write: None, .. } => Err(only_reads(&key)),
            Commands::Own { write: Some(write), .. } => {
                self.run(write, &key, Some(record.expose().as_bytes())).await.map(drop)
            }
        }
    }

    async fn delete(&self, key: ItemKey) -> Result<(), StoreError> {
        let deleted = match &self.commands {
            Commands::Helper(helper) => helper.erase(self, &key).await,
            Commands::Own { delete: Some(delete), .. } => self.run(delete, &key, None).await.map(drop),
            // What was written is written over, as far as that goes.
            Commands::Own { write: Some(write), .. } => self.run(write, &key, Some(b"")).await.map(drop),
            Commands::Own { write: None, .. } => Ok(()),
        };
        let Err(failure) = deleted else { return Ok(()) };
        // Many programs fail where there is nothing, and then do not read it either.
        match self.read(key.clone()).await {
            Ok(Some(_)) => Err(failure),
            Ok(None) => Ok(()),
            Err(_) => {
                self.doubtful.lock().unwrap_or_else(PoisonError::into_inner).push(key.account());
                Ok(())
            }
        }
    }

    async fn inventory(&self) -> Result<Option<Vec<StoredItem>>, StoreError> {
        match &self.commands {
            Commands::Helper(helper) => helper.list(self).await.map(Some),
            Commands::Own { .. } => Ok(None),
        }
    }

    fn is_read_only(&self) -> bool {
        matches!(self.commands, Commands::Own { write: None, .. })
    }

    fn has_bare_secrets(&self) -> bool {
        matches!(self.commands, Commands::Own { .. })
    }

    fn description(&self) -> Option<Shown> {
        Some(match &self.commands {
            Commands::Helper(helper) => shown!("{}", Shown::outside(helper.program())),
            Commands::Own { read, write: None, .. } => {
                shown!("{}, which only reads; {}", Shown::outside(&read[0]), UNBOUND)
            }
            Commands::Own { read, .. } => shown!("{}; {}", Shown::outside(&read[0]), UNBOUND),
        })
    }

    fn remark(&self) -> Option<Shown> {
        let doubtful = self.doubtful.lock().unwrap_or_else(PoisonError::into_inner).join(", ");
        if self.is_read_only() {
            Some("note: the secrets stay where the store command reads them".into())
        } else if doubtful.is_empty() {
            None
        } else {
            Some(shown!(
                "note: the store command could neither delete nor read {}: look whether it is still there",
                Shown::outside(doubtful)
            ))
        }
    }

    fn remedy(&self) -> &'static str {
        "Check the commands of the store: what store_write is given, store_read must print"
    }

    /// A probe is written and read back. That it is gone again is not looked at: many
    /// programs fail where there is nothing.
    async fn prove(&self, connection: ConnectionId) -> Result<(), StoreError> {
        if self.is_read_only() {
            return Ok(());
        }
        let key = ItemKey::new(connection, Field::PROBE);
        let probe = Secret::new("probe".to_owned()).expect("the probe is plain text");
        self.write(key.clone(), &probe).await?;
        let read = self.read(key.clone()).await;
        self.delete(key).await?;
        if read?.is_some_and(|read| read.expose() == probe.expose()) { Ok(()) } else { Err(self.unreliable()) }
    }
}

const ONE_LINE: &str = "It must print the secret alone, in one line";
/// What a secret without a record lacks.
const UNBOUND: &str = "a secret that it prints alone is not bound to an origin";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_filled_once_and_what_is_none_stays() {
        let values = [("{id}", "ID {name}".to_owned()), ("{name}", "acme".to_owned())];
        assert_eq!(filled("snow/{id}/{name}.{x}{", &values), "snow/ID {name}/acme.{x}{");
        assert_eq!(filled("", &values), "");
    }

    #[test]
    fn a_secret_that_looks_like_json_is_no_record() {
        for text in [r#"{"v":1}"#, r#"{"password":"x"}"#, "[1]", "5", "{", r#"{"v":"1","origins":{}}"#] {
            assert!(!is_record(text), "{text}");
        }
        assert!(is_record(r#"{"v":2,"origins":{"instance":"https://acme"}}"#));
    }
}
