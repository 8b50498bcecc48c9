//! Stopping: Ctrl-C, a termination signal, a closed terminal, a pause.
//!
//! Every step of a command leaves a state that the next run can go on from, so
//! a signal restores the terminal, says so, and ends the process at once.

use crossterm::terminal;

use crate::output;
use crate::terminal::interrupted;

/// From now on a signal ends the process, with 128 and its number; with `json`
/// standard output still gets its one document.
#[cfg(unix)]
pub fn end_process_on_signal(json: bool) {
    use tokio::signal::unix::{SignalKind, signal};

    let watch = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let Ok(runtime) = runtime else { return };
        runtime.block_on(async {
            let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
            let [Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)] = kinds.map(signal) else { return };
            let Ok(mut pause) = signal(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw())) else { return };
            loop {
                tokio::select! {
                    _ = interrupt.recv() => end(130, json),
                    _ = terminate.recv() => end(143, json),
                    _ = hangup.recv() => end(129, json),
                    _ = pause.recv() => pause_process(),
                }
            }
        });
    };
    // Without the thread, signals act as they do on any program.
    let _ = std::thread::Builder::new().name("signals".to_owned()).spawn(watch);
}

/// Gives the terminal back, stops as any program does, and takes the terminal
/// again when it is continued.
#[cfg(unix)]
fn pause_process() {
    let was_raw = terminal::is_raw_mode_enabled().unwrap_or(false);
    if was_raw {
        let _ = terminal::disable_raw_mode();
    }
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
    if was_raw {
        let _ = terminal::enable_raw_mode();
    }
}

#[cfg(not(unix))]
pub fn end_process_on_signal(json: bool) {
    let watch = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        if let Ok(runtime) = runtime
            && runtime.block_on(tokio::signal::ctrl_c()).is_ok()
        {
            end(130, json);
        }
    };
    let _ = std::thread::Builder::new().name("signals".to_owned()).spawn(watch);
}

fn end(code: i32, json: bool) {
    use std::io::Write;

    if terminal::is_raw_mode_enabled().unwrap_or(false) {
        let _ = terminal::disable_raw_mode();
        let _ = crossterm::execute!(std::io::stderr(), crossterm::cursor::Show);
        eprintln!();
    }
    let failure = interrupted();
    if json {
        let _ = writeln!(std::io::stdout(), "{}", output::json::error(&failure));
    } else {
        let _ = writeln!(std::io::stderr(), "{failure}");
    }
    #[expect(clippy::disallowed_methods, reason = "a signal ends the process wherever it is")]
    std::process::exit(code);
}

/// Waits until somebody stops this process.
pub async fn wait_for_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
