//! What a process is called where several machines look at the same thing.

/// The name of this machine and the number of this process: `runner-7, process 4711`.
pub fn this_process() -> String {
    format!("{}, process {}", name(), std::process::id())
}

#[cfg(unix)]
fn name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn name() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_else(|_| "a machine".to_owned())
}
