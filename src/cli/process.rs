//! The process of the program: the real surroundings, one command, an exit code.

use std::ffi::OsString;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

#[cfg(target_os = "linux")]
use super::bus;
use super::commands::{report_defect, report_start};
use super::context::Context;
use super::{completion, run, terminal};
use crate::base::limits;

/// What `snow` does. It is to be called once, first, and its exit code returned.
pub fn main() -> ExitCode {
    keep_memory_private();
    completion::answer_shell();
    #[cfg(target_os = "linux")]
    bus::keep_one_address();
    report_panics_without_details();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    // The runtime itself would end in a panic.
    if let Err(failure) = limits::room_for(8, 0) {
        return ExitCode::from(report_start(&arguments, &failure));
    }
    let code = catch_unwind(AssertUnwindSafe(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("the operating system gives a runtime");
        let code = runtime.block_on(run(arguments.clone(), Context::system()));
        // A name look-up or a keyring that hangs is left behind.
        runtime.shutdown_background();
        code
    }));
    ExitCode::from(code.unwrap_or_else(|_| report_defect(&arguments)))
}

/// The limit for core dumps with which the program was started.
#[cfg(unix)]
static CORE_LIMIT: std::sync::OnceLock<rustix::process::Rlimit> = std::sync::OnceLock::new();

/// Gives a program that takes the place of this one the limits that this one was given.
#[cfg(unix)]
pub fn give_limits_back() {
    use rustix::process::{Resource, setrlimit};
    if let Some(before) = CORE_LIMIT.get() {
        let _ = setrlimit(Resource::Core, *before);
    }
}

/// No core dump and no foreign debugger may hold a password.
fn keep_memory_private() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let before = CORE_LIMIT.get_or_init(|| getrlimit(Resource::Core));
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: before.maximum });
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

/// A panic is a defect of ours; its message could quote what was being worked
/// on, so only the place is shown.
fn report_panics_without_details() {
    std::panic::set_hook(Box::new(|panic| {
        if std::thread::current().name() != Some("main") {
            return;
        }
        if terminal::give_back() {
            let _ = writeln!(std::io::stderr());
        }
        let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        let text = format!("error: snow crashed because of a defect in it, at {place}");
        // Not `eprintln`, which panics where standard error cannot be written.
        let _ = writeln!(std::io::stderr(), "{text}\n  do     Report it with the command you ran and this line.");
    }));
}
