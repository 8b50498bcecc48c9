//! What the system lets this process have: descriptors and threads.
//!
//! A limit that is reached in the middle looks like a damaged file, a lost connection or
//! a locked keyring, and libraries end the process over it. So what a command may need
//! is asked for before it begins.

use std::io::{self, ErrorKind};
use std::sync::mpsc::{Sender, channel};

use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::shown;

/// Shows that so many descriptors and threads can be had at the same time.
pub fn room_for(descriptors: usize, threads: usize) -> Result<(), Failure> {
    let of_files =
        |error| reached("open files", &error).next("Raise the limit for open files, for example: ulimit -n 1024");
    has_descriptors(descriptors).map_err(of_files)?;
    (0..threads).map(|_| waiting_thread()).collect::<io::Result<Vec<_>>>().map(drop).map_err(|error| {
        reached("processes and threads", &error)
            .next("Stop other programs of this user, or raise the limit: ulimit -u, TasksMax= of a unit, --pids-limit")
    })
}

fn reached(of_what: &'static str, error: &io::Error) -> Failure {
    Failure::new(Code::LimitReached, shown!("the system limit for {} is reached", of_what))
        .why(shown!("{}. Nothing was done.", error))
}

#[cfg(unix)]
fn has_descriptors(number: usize) -> io::Result<()> {
    use std::os::fd::AsFd;
    (0..number).map(|_| io::stdin().as_fd().try_clone_to_owned()).collect::<io::Result<Vec<_>>>().map(drop)
}

/// Windows has no such limit.
#[cfg(not(unix))]
fn has_descriptors(_: usize) -> io::Result<()> {
    Ok(())
}

/// How many files the process may open: as many as it needs, as far as it is allowed.
#[cfg(unix)]
pub fn open_files(needed: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let current = limit.current.unwrap_or(u64::MAX);
    if current >= needed as u64 {
        return usize::try_from(current).unwrap_or(usize::MAX);
    }
    let wanted = limit.maximum.unwrap_or(u64::MAX).min(needed as u64);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum });
    usize::try_from(if raised.is_ok() { wanted } else { current }).unwrap_or(usize::MAX)
}

#[cfg(not(unix))]
pub fn open_files(_: usize) -> usize {
    usize::MAX
}

/// A thread that lives as long as what it gives.
fn waiting_thread() -> io::Result<Sender<()>> {
    let (held, gone) = channel::<()>();
    let wait = move || gone.recv().unwrap_or_default();
    match std::thread::Builder::new().stack_size(64 * 1024).spawn(wait) {
        Ok(_) => Ok(held),
        Err(error) if error.kind() == ErrorKind::WouldBlock || error.kind() == ErrorKind::OutOfMemory => Err(error),
        Err(_) => Ok(held),
    }
}
