//! The checkpoint file: how much of the output is written.
//!
//! The output is on the disk before the checkpoint says so, and the checkpoint is replaced
//! as a whole. So whenever a run is ended, the output has at least what the checkpoint
//! says, and the next run cuts off the rest.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::target::Target;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::files::{self, Durability};
use crate::base::shown::{Shown, shown};
use crate::client::rows::Cursor;

/// More is no checkpoint.
const MAX_BYTES: u64 = 256 * 1024;
/// How often it is written at most.
const PAUSE: Duration = Duration::from_millis(250);

pub struct Checkpoint {
    path: PathBuf,
    pub state: State,
    written: Option<Instant>,
}

/// What the file has.
#[derive(Debug, Serialize, Deserialize)]
pub struct State {
    snow_checkpoint: u32,
    /// Of the query, the connection and the output.
    about: String,
    pub cursor: Cursor,
    /// How much of the output is known.
    pub bytes: u64,
    /// Of the output, where it has some.
    pub columns: Vec<String>,
    is_complete: bool,
}

/// What a checkpoint says.
pub enum Found {
    Complete { rows: u64 },
    Open(Checkpoint),
}

impl Checkpoint {
    /// Reads it; `about` is what it must be of. An output that is gone is begun anew, and so
    /// is one without its checkpoint.
    pub fn open(path: &Path, output: &Path, about: &impl Serialize) -> Result<Found, Failure> {
        let path = files::absolute(path);
        let about = serde_json::to_vec(about).expect("a query is always JSON");
        let about: String = Sha256::digest(about).iter().map(|byte| format!("{byte:02x}")).collect();
        let usage = |message: &'static str| {
            let failure = Failure::new(Code::Usage, shown!("{} {}", path.display(), message));
            failure.next("Give another file with --checkpoint, or remove it to begin anew")
        };
        let content = files::read(&path, MAX_BYTES).map_err(|error| {
            Failure::new(Code::Usage, shown!("the checkpoint {} cannot be read", path.display()))
                .why(shown!("{}.", Shown::outside(error.to_string())))
                .next("Give another file with --checkpoint")
        })?;
        let new = State {
            snow_checkpoint: 1,
            about: about.clone(),
            cursor: Cursor::default(),
            bytes: 0,
            columns: Vec::new(),
            is_complete: false,
        };
        let state = match content {
            None => new,
            Some(content) => {
                let state: State = serde_json::from_slice(&content).map_err(|_| usage("is no checkpoint"))?;
                if state.snow_checkpoint != 1 {
                    return Err(usage("is a checkpoint of another version of snow"));
                }
                if state.about != about {
                    return Err(usage("is the checkpoint of another query, connection or output"));
                }
                match std::fs::metadata(output) {
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => new,
                    Ok(metadata) if metadata.len() < state.bytes => {
                        return Err(usage("knows more of the output than there is"));
                    }
                    _ if state.is_complete => return Ok(Found::Complete { rows: state.cursor.rows }),
                    _ => state,
                }
            }
        };
        files::prove_writable(&path).map_err(|error| unwritable(&path, &error))?;
        Ok(Found::Open(Self { path, state, written: None }))
    }

    /// Remembers what was written so far.
    pub fn advance(&mut self, cursor: &Cursor, columns: &[String], target: &mut Target<'_>) -> Result<(), Failure> {
        if self.written.is_some_and(|written| written.elapsed() < PAUSE) {
            return Ok(());
        }
        self.save(cursor, columns, target, false)
    }

    /// Remembers that the output is whole.
    pub fn complete(&mut self, cursor: &Cursor, columns: &[String], target: &mut Target<'_>) -> Result<(), Failure> {
        self.save(cursor, columns, target, true)
    }

    fn save(
        &mut self,
        cursor: &Cursor,
        columns: &[String],
        target: &mut Target<'_>,
        is_complete: bool,
    ) -> Result<(), Failure> {
        self.state.bytes = target.settled()?;
        self.state.cursor = cursor.clone();
        self.state.columns = columns.to_vec();
        self.state.is_complete = is_complete;
        let content = serde_json::to_vec(&self.state).expect("a checkpoint is always JSON");
        files::write(&self.path, &content, Durability::Durable).map_err(|error| unwritable(&self.path, &error))?;
        self.written = Some(Instant::now());
        Ok(())
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Code::ReportUnwritable, shown!("the checkpoint {} cannot be written", path.display()))
        .why(shown!("{}.", error))
        .next("See to the directory, its permissions and the free space there, then run the command again")
}
