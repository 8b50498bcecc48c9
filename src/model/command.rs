//! A program with its arguments, as the value of a setting. No shell reads it.

use std::path::Path;

use super::profile::{InvalidValue, shown_text};

/// The arguments of a command as the value of a setting.
pub fn command_text(arguments: &[String]) -> String {
    serde_json::to_string(arguments).expect("texts are always JSON")
}

/// A command from the value of a setting: JSON, or words with commas between them.
pub fn command_of(text: &str) -> Result<Vec<String>, InvalidValue> {
    let invalid = |why: &str| Err(InvalidValue(format!("invalid command: {why}")));
    let arguments: Vec<String> = if text.trim_start().starts_with('[') {
        match serde_json::from_str(text) {
            Ok(arguments) => arguments,
            Err(_) => return invalid("write an array of strings, as in [\"my-helper\", \"--quiet\"]"),
        }
    } else {
        text.split(',').map(str::to_owned).collect()
    };
    let Some(program) = arguments.first().filter(|program| !program.is_empty()) else {
        return invalid("it names no program");
    };
    for argument in &arguments {
        shown_text("an argument of the command", argument)?;
    }
    // A path from the directory of the moment would be another program tomorrow.
    if Path::new(program).components().count() > 1 && !Path::new(program).is_absolute() {
        return invalid("name a program on the PATH, or give its absolute path");
    }
    Ok(arguments)
}
