//! The `snow` program: the real surroundings, one command, an exit code.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use snow_connect::context::Context;

fn main() -> ExitCode {
    keep_memory_private();
    snow_connect::completion::answer_shell();
    report_panics_without_details();
    let code = catch_unwind(AssertUnwindSafe(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("the operating system gives a runtime");
        let code = runtime.block_on(snow_connect::run(std::env::args_os().collect(), Context::system()));
        // A name look-up or a keyring that hangs is left behind.
        runtime.shutdown_background();
        code
    }));
    ExitCode::from(code.unwrap_or(1))
}

/// No core dump and no foreign debugger may hold a password.
fn keep_memory_private() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
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
        let _ = crossterm::terminal::disable_raw_mode();
        let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        eprintln!("error: snow stopped because of a defect of its own, at {place}");
        eprintln!("  do     Report it with the command you ran and this line.");
    }));
}
