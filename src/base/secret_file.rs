//! Secrets that stand in a file or come through a pipe.

use std::fs::{File, Metadata};
use std::io::Read;
use std::path::Path;

use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::base::shown::{Shown, shown};

/// Opens a file or a pipe that holds something secret. `origin` names who gave the
/// path.
pub fn open(path: &Path, origin: &str) -> Result<(File, Metadata), Failure> {
    let unreadable = |reason: String| {
        // Without the path: it may be the secret itself, given by mistake.
        Failure::new(
            Code::InvalidSecret,
            shown!("could not read the file from {}: {}", Shown::outside(origin), Shown::outside(&reason)),
        )
        .next("Use the path of a file that contains only the secret")
    };
    let file = File::open(path).map_err(|error| unreadable(error.to_string()))?;
    let metadata = file.metadata().map_err(|error| unreadable(error.to_string()))?;
    if metadata.is_dir() {
        return Err(unreadable("it is a directory".to_owned()));
    }
    Ok((file, metadata))
}

/// The one secret that `input` holds.
pub fn read(input: &mut dyn Read, origin: &str) -> Result<Secret, Failure> {
    Secret::read(input).map_err(|invalid| {
        Failure::new(
            Code::InvalidSecret,
            shown!("{} does not contain a valid secret: {}", Shown::outside(origin), invalid),
        )
        .next("Pass only the secret, on one line, in UTF-8")
    })
}
