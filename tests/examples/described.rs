//! Tests the connection that the variables describe, and prints `ok` or the code of what
//! is wrong.

#![allow(clippy::print_stdout, reason = "that is its output")]

use std::process::ExitCode;

use snow_connect::{Engine, Failure, Report};

async fn test() -> Result<Report, Failure> {
    Ok(Engine::from_environment()?.described()?.test().await)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let report = test().await;
    match report.as_ref().map_or_else(Some, Report::failure) {
        None => {
            println!("ok");
            ExitCode::SUCCESS
        }
        Some(failure) => {
            println!("{}", failure.code().as_str());
            failure.steps().iter().for_each(|step| println!("  {step}"));
            ExitCode::from(failure.exit_code())
        }
    }
}
