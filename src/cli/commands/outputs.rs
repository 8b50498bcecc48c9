//! Where a result goes: one form to standard output, any of them to files.

use std::path::PathBuf;

use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::files;
use crate::base::shown::{Shown, shown};
use crate::cli::args::{Global, Output};
use crate::report::format::Format;

/// What goes to standard output, and what to which file.
#[derive(Debug, Clone)]
pub struct Outputs {
    pub stdout: Format,
    pub files: Vec<(Format, PathBuf)>,
}

impl Outputs {
    /// As the flags want it. Text goes to standard output where nothing else
    /// does.
    pub fn of(global: &Global) -> Result<Self, Failure> {
        let mut stdout = global.json.then_some(Format::Json);
        let mut files: Vec<(Format, PathBuf)> = Vec::new();
        for Output { format, file } in &global.output {
            match (file, stdout) {
                (Some(file), _) => {
                    let file = files::absolute(file);
                    if files.iter().any(|(_, other)| *other == file) {
                        let message = shown!("two reports are to be written to {}", file.display());
                        return Err(Failure::new(Code::Usage, message).next("Give each report its own file"));
                    }
                    files.push((*format, file));
                }
                (None, Some(other)) if other != *format => {
                    let message =
                        format!("{} and {} cannot both go to standard output", other.as_str(), format.as_str());
                    return Err(Failure::new(Code::Usage, Shown::outside(message))
                        .next(shown!("Give one of them a file, as in --output {}=FILE", format.as_str())));
                }
                (None, _) => stdout = Some(*format),
            }
        }
        Ok(Self { stdout: stdout.unwrap_or(Format::Text), files })
    }

    /// Proves, before anything is done for them, that the files can be written.
    pub fn prove(&self) -> Result<(), Failure> {
        self.files
            .iter()
            .try_for_each(|(_, path)| files::prove_publishable(path).map_err(|error| unwritable(path, &error)))
    }
}

/// A report that could not be written.
pub fn unwritable(path: &std::path::Path, error: &std::io::Error) -> Failure {
    Failure::new(Code::ReportUnwritable, shown!("the report {} cannot be written", path.display()))
        .why(shown!("{}. What was there before is as it was.", error))
        .next("See to the directory, its permissions and the free space there, then run the command again")
        .evidence("path", Shown::outside(path.display().to_string()))
}
