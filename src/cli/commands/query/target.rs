//! Where rows go.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;

use super::checkpoint::Checkpoint;
use crate::base::error::Failure;
use crate::base::files::{self, Publication};
use crate::cli::commands::app::App;
use crate::cli::commands::outputs::{Outputs, unwritable};
use crate::cli::console::Console;
use crate::report::rows::RowWriter;

pub enum Target<'a> {
    Stdout(&'a Console),
    /// Takes its place once it is whole.
    File(PathBuf, Publication),
    /// Grows, and is gone on with later.
    Growing(PathBuf, File),
}

impl<'a> Target<'a> {
    pub fn open(app: &'a App, outputs: &Outputs, checkpoint: Option<&Checkpoint>) -> Result<Self, Failure> {
        let Some((_, path)) = outputs.files.first() else { return Ok(Self::Stdout(&app.console)) };
        let failed = |error| unwritable(path, &error);
        let Some(checkpoint) = checkpoint else {
            return Ok(Self::File(path.clone(), Publication::begin(path).map_err(failed)?));
        };
        let mut file = files::open_growing(path).map_err(failed)?;
        file.set_len(checkpoint.state.bytes).map_err(failed)?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        Ok(Self::Growing(path.clone(), file))
    }

    pub fn is_stdout(&self) -> bool {
        matches!(self, Self::Stdout(_))
    }

    /// Writes what is ready. False if the reader closed the pipe.
    pub fn write_from(&mut self, writer: &mut RowWriter) -> Result<bool, Failure> {
        let is_taken = self.write(writer.ready());
        writer.clear();
        is_taken
    }

    fn write(&mut self, bytes: &[u8]) -> Result<bool, Failure> {
        let (path, written) = match self {
            Self::Stdout(console) => {
                let is_taken = console.bytes(bytes);
                console.flush();
                return Ok(is_taken);
            }
            Self::File(path, file) => (path, file.write_all(bytes)),
            Self::Growing(path, file) => (path, file.write_all(bytes)),
        };
        written.map(|()| true).map_err(|error| unwritable(path, &error))
    }

    /// How much a file that grows has, all of which is on the disk then.
    pub fn settled(&mut self) -> Result<u64, Failure> {
        let Self::Growing(path, file) = self else { return Ok(0) };
        let settled = file.sync_data().and_then(|()| file.stream_position());
        settled.map_err(|error| unwritable(path, &error))
    }

    /// The file that has it, if it is whole.
    pub fn finish(self, is_whole: bool) -> Result<Option<String>, Failure> {
        match self {
            Self::Stdout(_) => Ok(None),
            Self::File(path, file) => {
                if is_whole {
                    file.finish().map_err(|error| unwritable(&path, &error))?;
                }
                Ok(Some(path.display().to_string()))
            }
            Self::Growing(path, _) => Ok(Some(path.display().to_string())),
        }
    }
}
