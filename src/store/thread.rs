//! A thread for blocking calls to a store, one after the other.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use tokio::sync::oneshot;

/// The thread. It starts with the first call, and does not keep the process alive.
pub struct OwnThread {
    name: &'static str,
    calls: Mutex<Option<Sender<Call>>>,
}

/// A call that sends its result back.
type Call = Box<dyn FnOnce() + Send>;

/// The thread could not be started, or it ended.
#[derive(Debug, thiserror::Error)]
#[error("the thread for the store could not start, or has ended")]
pub struct ThreadGone;

impl OwnThread {
    pub fn new(name: &'static str) -> Self {
        Self { name, calls: Mutex::new(None) }
    }

    /// Runs `act` there. It is not cancelled if the caller stops waiting.
    pub async fn call<T: Send + 'static>(&self, act: impl FnOnce() -> T + Send + 'static) -> Result<T, ThreadGone> {
        let (answer, answered) = oneshot::channel();
        self.send(Box::new(move || drop(answer.send(act()))))?;
        answered.await.map_err(|_| ThreadGone)
    }

    fn send(&self, call: Call) -> Result<(), ThreadGone> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if calls.is_none() {
            let (sender, receiver) = channel::<Call>();
            let name = self.name.to_owned();
            let started = thread::Builder::new().name(name).spawn(move || receiver.iter().for_each(|call| call()));
            started.map_err(|_| ThreadGone)?;
            *calls = Some(sender);
        }
        calls.as_ref().ok_or(ThreadGone)?.send(call).map_err(|_| ThreadGone)
    }
}
