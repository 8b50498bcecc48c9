//! What a command without its argument offers: a choice at a terminal, else a usage
//! error that names what there is.

use super::app::App;
use super::select;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::{Shown, Step, shown};
use crate::config::Config;
use crate::model::profile::ConnectionName;

/// One of the saved connections, for `snow use`.
pub fn connection(app: &mut App, config: &Config) -> Result<ConnectionName, Failure> {
    if config.connections.is_empty() {
        let failure = Failure::new(Code::UnknownConnection, "there is no connection yet");
        return Err(failure.next(Step::run("snow connect INSTANCE")));
    }
    let names: Vec<&ConnectionName> = config.connections.keys().collect();
    let here = if app.is_interactive() { select::named_by_directory(app)? } else { None };
    if !app.is_interactive() {
        return Err(missing("NAME", "connections", names.iter().map(|name| name.as_str())));
    }
    let rows = config.connections.values().map(|profile| {
        let mut remarks = vec![String::from(profile.instance.host_and_port())];
        if config.default.as_ref() == Some(&profile.name) {
            remarks.push("the default".to_owned());
        }
        if !profile.is_enabled() {
            remarks.push("disabled".to_owned());
        }
        if here.as_ref().is_some_and(|(name, _)| *name == profile.name) {
            remarks.push(format!("chosen here by {}", select::DIRECTORY_FILE));
        }
        (profile.name.as_str(), remarks.join(", "))
    });
    let chosen = app.choose("Which connection?", &aligned(rows))?;
    Ok(names[chosen].clone())
}

/// Choices with their remarks in a column.
pub fn aligned<'a>(rows: impl IntoIterator<Item = (&'a str, String)>) -> Vec<String> {
    let rows: Vec<_> = rows.into_iter().collect();
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    rows.iter().map(|(name, remark)| format!("{name:<width$}   {remark}")).collect()
}

/// The argument that is missing, and what it may be.
pub fn missing<'a>(argument: &'static str, what: &'static str, choices: impl IntoIterator<Item = &'a str>) -> Failure {
    let choices: Vec<&str> = choices.into_iter().collect();
    Failure::new(Code::Usage, shown!("missing: {}", argument)).next(shown!(
        "The {} are {}",
        what,
        Shown::outside(choices.join(", "))
    ))
}
