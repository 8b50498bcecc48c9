//! Standard streams that are waited for.
//!
//! A parent may leave its pipe in a mode in which a full or a still empty one answers
//! "try again" (`O_NONBLOCK`, as Node does). The mode is the parent's too, so it stays.

use std::io::{self, Read, Write};
#[cfg(unix)]
use std::{
    fs::File,
    io::{ErrorKind, LineWriter},
    os::fd::AsFd,
};

#[cfg(unix)]
use rustix::event::{PollFd, PollFlags, poll};

/// Standard input, without std's buffer, which would keep a password for the rest of
/// the run.
pub fn stdin() -> Box<dyn Read + Send> {
    #[cfg(unix)]
    if let Some(stream) = Patient::of(io::stdin()) {
        return Box::new(stream);
    }
    Box::new(io::stdin())
}

/// Standard output.
pub fn stdout() -> Box<dyn Write> {
    #[cfg(unix)]
    if let Some(stream) = Patient::of(io::stdout()) {
        return Box::new(LineWriter::new(stream));
    }
    Box::new(io::stdout())
}

/// Standard error.
pub fn stderr() -> Box<dyn Write> {
    #[cfg(unix)]
    if let Some(stream) = Patient::of(io::stderr()) {
        return Box::new(stream);
    }
    Box::new(io::stderr())
}

#[cfg(unix)]
struct Patient(File);

#[cfg(unix)]
impl Patient {
    fn of(stream: impl AsFd) -> Option<Self> {
        Some(Self(stream.as_fd().try_clone_to_owned().ok()?.into()))
    }

    fn try_until_ready<T>(
        &mut self,
        ready: PollFlags,
        mut act: impl FnMut(&mut File) -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            match act(&mut self.0) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    match poll(&mut [PollFd::new(&self.0, ready)], None) {
                        Ok(_) | Err(rustix::io::Errno::INTR) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                done => return done,
            }
        }
    }
}

#[cfg(unix)]
impl Read for Patient {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.try_until_ready(PollFlags::IN, |file| file.read(buffer))
    }
}

#[cfg(unix)]
impl Write for Patient {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.try_until_ready(PollFlags::OUT, |file| file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
