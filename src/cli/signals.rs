//! Stopping: Ctrl-C, a termination signal, a closed terminal, a pause.
//!
//! Every step of a command leaves a state that the next run can go on from, so
//! a signal restores the terminal, says so, and ends the process at once.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
#[cfg(windows)]
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

#[cfg(unix)]
use rustix::process::Signal;
use tokio::sync::oneshot;

use crate::base::{children, deferral};
use crate::cli::changes::Changes;
use crate::cli::console::OneDocument;
use crate::cli::patient;
use crate::cli::terminal::{self, interrupted};
use crate::report;

/// What must not be left when the process is ended here.
static LEFTOVER: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// How long what must not be interrupted may hold a signal up.
const DEFERRED_AT_MOST: Duration = Duration::from_secs(5);

/// Who is told of a signal instead of being ended by it.
static TOLD_FIRST: Mutex<Option<oneshot::Sender<u8>>> = Mutex::new(None);

/// Whether keys are for the program that was started.
#[cfg(windows)]
static LEFT_TO_CHILD: AtomicBool = AtomicBool::new(false);

/// From now on keys are for the program that this one started, and this one waits.
#[cfg(windows)]
pub fn leave_to_child() {
    LEFT_TO_CHILD.store(true, Ordering::Relaxed);
}

/// How long a command that is told may take to come to its end.
const TOLD_AT_MOST: Duration = Duration::from_secs(10);

/// Tells a command that it is to stop.
pub struct Stop(Option<oneshot::Receiver<u8>>);

impl Stop {
    /// Only the end of the process stops it.
    pub fn never() -> Self {
        Self(None)
    }

    /// From now on the first signal is for the command: it says what it knows
    /// and ends by itself. The second ends the process at once.
    pub fn told_first() -> Self {
        let (tell, told) = oneshot::channel();
        *TOLD_FIRST.lock().unwrap_or_else(PoisonError::into_inner) = Some(tell);
        Self(Some(told))
    }

    /// Waits for the signal; gives the exit code that it calls for.
    pub async fn asked(&mut self) -> u8 {
        match &mut self.0 {
            Some(told) => match told.await {
                Ok(code) => code,
                Err(_) => std::future::pending().await,
            },
            None => std::future::pending().await,
        }
    }
}

/// Lets the command come to its end, if it is to be told.
async fn tell_first(code: u8, second_signal: impl Future<Output = ()>) -> bool {
    let told = TOLD_FIRST.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(told) = told.filter(|told| !told.is_closed()) else {
        return false;
    };
    clear_line();
    let _ = told.send(code);
    tokio::select! {
        () = tokio::time::sleep(TOLD_AT_MOST) => {}
        () = second_signal => {}
    }
    true
}

/// Lets what must not be interrupted come to its end.
async fn let_finish(second_signal: impl Future<Output = ()>) {
    if !deferral::wait_is_needed() {
        return;
    }
    let _ = writeln!(std::io::stderr(), "\nFinishing the token refresh first. Press Ctrl-C again to stop now.");
    tokio::select! {
        () = deferral::released() => {}
        () = tokio::time::sleep(DEFERRED_AT_MOST) => {}
        () = second_signal => {}
    }
}

/// From now on a signal ends the process, with 128 and its number; where
/// standard output gets a `document`, it gets it then, too.
#[cfg(unix)]
pub fn end_process_on_signal(document: Option<OneDocument>, changes: Changes) {
    use rustix::process::{getpid, kill_process};

    let (ready, is_ready) = std::sync::mpsc::channel();
    let watch = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let Ok(runtime) = runtime else { return };
        runtime.block_on(async {
            let on = |number| Coming::on(number, is_ignored(number));
            let ends = [Signal::INT, Signal::QUIT, Signal::TERM, Signal::HUP].map(on);
            let [Ok(mut interrupt), Ok(mut quit), Ok(mut terminate), Ok(mut hangup)] = ends else { return };
            let [Ok(mut pause), Ok(mut resume)] = [Signal::TSTP, Signal::CONT].map(on) else { return };
            let _ = ready.send(());
            loop {
                let code = tokio::select! {
                    _ = interrupt.recv() => 130,
                    _ = quit.recv() => 131,
                    _ = terminate.recv() => 143,
                    _ = hangup.recv() => 129,
                    _ = resume.recv() => {
                        terminal::take_again();
                        continue;
                    }
                    _ = pause.recv() => {
                        terminal::give_back();
                        // Stops as SIGTSTP would if it were not caught: not
                        // where no shell could continue it. SIGSTOP would.
                        let _ = kill_process(getpid(), Signal::TTIN);
                        let _ = tokio::time::timeout(Duration::from_millis(100), resume.recv()).await;
                        terminal::take_again();
                        continue;
                    }
                };
                let mut second_signal = async || {
                    tokio::select! {
                        _ = interrupt.recv() => {}
                        _ = quit.recv() => {}
                        _ = terminate.recv() => {}
                        _ = hangup.recv() => {}
                    }
                };
                if !tell_first(code, second_signal()).await {
                    let_finish(second_signal()).await;
                }
                end(code, document.as_ref(), &changes);
            }
        });
    };
    // Without the thread, signals act as they do on any program.
    if std::thread::Builder::new().name("signals".to_owned()).spawn(watch).is_ok() {
        let _ = is_ready.recv();
    }
}

#[cfg(windows)]
pub fn end_process_on_signal(document: Option<OneDocument>, changes: Changes) {
    use tokio::signal::windows;

    let (ready, is_ready) = std::sync::mpsc::channel();
    let watch = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let Ok(runtime) = runtime else { return };
        runtime.block_on(async {
            let (Ok(mut interrupt), Ok(mut stop)) = (windows::ctrl_c(), windows::ctrl_break()) else { return };
            let (Ok(mut close), Ok(mut shutdown)) = (windows::ctrl_close(), windows::ctrl_shutdown()) else { return };
            let _ = ready.send(());
            // The codes of the signals that these keys send elsewhere.
            let code = loop {
                let code = tokio::select! {
                    _ = interrupt.recv() => 130,
                    _ = stop.recv() => 131,
                    _ = close.recv() => 129,
                    _ = shutdown.recv() => 143,
                };
                if !LEFT_TO_CHILD.load(Ordering::Relaxed) {
                    break code;
                }
            };
            let mut second_signal = async || {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = stop.recv() => {}
                }
            };
            if !tell_first(code, second_signal()).await {
                let_finish(second_signal()).await;
            }
            end(code, document.as_ref(), &changes);
        });
    };
    // Without the thread, keys act as they do on any program.
    if std::thread::Builder::new().name("signals".to_owned()).spawn(watch).is_ok() {
        let _ = is_ready.recv();
    }
}

/// On a terminal, the line still shows what was waited for, and the keys.
fn clear_line() {
    let mut stderr = std::io::stderr();
    if stderr.is_terminal() {
        let _ = write!(stderr, "\r\x1b[K").and_then(|()| stderr.flush());
    }
}

/// Files and directories that a signal shall not leave behind; none once they are gone.
pub fn remove_at_end(paths: Vec<PathBuf>) {
    if let Ok(mut leftover) = LEFTOVER.lock() {
        *leftover = paths;
    }
}

fn end(code: u8, document: Option<&OneDocument>, changes: &Changes) -> ! {
    children::end_all();
    if terminal::give_back() {
        let _ = writeln!(std::io::stderr());
    }
    match document {
        Some(document) => document.write_last(|| {
            let failure = changes.told_by(interrupted());
            let mut document = report::json::Error::from(&failure);
            document.error.exit_code = code;
            let _ = writeln!(patient::stdout(), "{}", report::json::line(&document));
        }),
        None => {
            clear_line();
            let _ = writeln!(std::io::stderr(), "{}", changes.ending());
        }
    }
    for path in LEFTOVER.lock().map(|mut leftover| std::mem::take(&mut *leftover)).unwrap_or_default() {
        let _ = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    }
    #[expect(clippy::disallowed_methods, reason = "a signal ends the process wherever it is")]
    std::process::exit(code.into());
}

/// A signal that may come; it never does where it was ignored at the start, as `nohup`
/// and the `&` of a script have it.
#[cfg(unix)]
struct Coming(Option<tokio::signal::unix::Signal>);

#[cfg(unix)]
impl Coming {
    fn on(signal: Signal, is_ignored: bool) -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal as watch};
        if is_ignored { Ok(Self(None)) } else { watch(SignalKind::from_raw(signal.as_raw())).map(|it| Self(Some(it))) }
    }

    async fn recv(&mut self) {
        match &mut self.0 {
            Some(signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        }
    }
}

/// Whether this process ignores a signal. To be asked before it is watched.
#[cfg(target_os = "linux")]
fn is_ignored(signal: Signal) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask >> (signal.as_raw() - 1) & 1 == 1)
}

/// Elsewhere no safe call tells it.
#[cfg(all(unix, not(target_os = "linux")))]
fn is_ignored(_: Signal) -> bool {
    false
}

/// Waits until a server is to stop, which is its usual end and no failure. From the call on
/// the signal is caught.
pub fn wait_for_stop() -> impl Future<Output = ()> {
    let signal = stop_signal();
    async {
        signal.await;
        if std::io::stderr().is_terminal() {
            clear_line();
            let _ = writeln!(std::io::stderr(), "Stopped.");
        }
    }
}

#[cfg(unix)]
fn stop_signal() -> impl Future<Output = ()> {
    let [interrupt, terminate] = [Signal::INT, Signal::TERM].map(|number| Coming::on(number, is_ignored(number)));
    async {
        match (interrupt, terminate) {
            (Ok(mut interrupt), Ok(mut terminate)) => tokio::select! {
                () = interrupt.recv() => {}
                () = terminate.recv() => {}
            },
            _ => drop(tokio::signal::ctrl_c().await),
        }
    }
}

#[cfg(windows)]
fn stop_signal() -> impl Future<Output = ()> {
    let stop = tokio::signal::windows::ctrl_break();
    async {
        match stop {
            Ok(mut stop) => tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = stop.recv() => {}
            },
            Err(_) => drop(tokio::signal::ctrl_c().await),
        }
    }
}
