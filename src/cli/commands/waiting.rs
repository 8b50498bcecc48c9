//! Waiting for an instance that is asleep, restarting or not to be reached.
//!
//! Only what carries no credential is asked again and again; the credential
//! goes out once the instance is awake. A person sees how much longer it may
//! take, a log one line.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::app::App;
use crate::base::backoff::Backoff;
use crate::base::error::Failure;
use crate::base::shown::Shown;
use crate::check::context::Plan;
use crate::check::preflight::preflight;
use crate::check::runner::{self, StartedTest};
use crate::cli::console::Progress;
use crate::engine::Connection;
use crate::http::client::Deadline;

/// How long to wait, and with it until when.
#[derive(Debug, Clone, Copy)]
pub struct Wait {
    duration: Duration,
    until: Instant,
}

/// A wait that comes to an end.
pub struct Waiting {
    wait: Wait,
    backoff: Backoff,
    is_told: bool,
}

impl Wait {
    /// From now on.
    pub fn of(duration: Duration) -> Self {
        Self { duration, until: Instant::now() + duration }
    }

    /// The failure that was still there at its end.
    pub fn in_vain(self, failure: Failure) -> Failure {
        let why = format!(
            "{} It was still so after {}.",
            failure.reason().cloned().unwrap_or_default(),
            spelled(self.duration)
        );
        failure.why(Shown::outside(why)).evidence("waited_seconds", self.duration.as_secs_f64())
    }
}

/// Begins a test; with `wait` only once the instance is awake, and again where
/// it falls asleep before the credential was judged. `turn` is given up once it is awake.
pub async fn begin<T>(
    app: &App,
    progress: &Progress,
    connection: Arc<Connection>,
    plan: Plan,
    wait: Option<Wait>,
    mut turn: Option<T>,
) -> StartedTest {
    let Some(wait) = wait else {
        return runner::begin(connection, plan).await;
    };
    let mut waiting = Waiting::new(wait);
    let host = connection.instance().host_and_port();
    let deadline = || Deadline::after(plan.deadline.timeout);
    loop {
        let (service, instance) = (connection.service(), connection.instance());
        let preflight = preflight(service, instance, connection.client(), &plan.subject, deadline()).await;
        if let Some(failure) = preflight.may_pass().cloned() {
            if waiting.pause(app, progress, &host, &failure).await {
                continue;
            }
            return runner::never_awake(connection, plan, preflight, waiting.in_vain(failure));
        }
        drop(turn.take());
        progress.say(&format!("Testing {host}"));
        let started_test = runner::begin(connection.clone(), Plan { deadline: deadline(), ..plan.clone() }).await;
        match started_test.may_be_repeated().cloned() {
            Some(failure) if waiting.pause(app, progress, &host, &failure).await => {}
            _ => return started_test,
        }
    }
}

impl Waiting {
    pub fn new(wait: Wait) -> Self {
        Self { wait, backoff: Backoff::of_waiting(), is_told: false }
    }

    /// Lets some time pass before the next attempt. The last one comes when
    /// no time is left; then there is no other.
    pub async fn pause(&mut self, app: &App, progress: &Progress, host: &str, failure: &Failure) -> bool {
        let left = self.wait.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        if !self.is_told && !app.console.err.is_terminal {
            let message = failure.message();
            app.console.note(&format!(
                "Waiting for {host}: {message}. Asking again for up to {}.",
                spelled(self.wait.duration)
            ));
        }
        self.is_told = true;
        let again = Instant::now() + self.backoff.following().min(left);
        loop {
            let left = self.wait.until.saturating_duration_since(Instant::now()).as_secs();
            progress.say(&format!("{} ({}:{:02} left, Ctrl-C to stop)", failure.message(), left / 60, left % 60));
            let pause = again.saturating_duration_since(Instant::now());
            if pause.is_zero() {
                return true;
            }
            tokio::time::sleep(pause.min(Duration::from_secs(1))).await;
        }
    }

    /// The failure that was still there at the end.
    pub fn in_vain(&self, failure: Failure) -> Failure {
        self.wait.in_vain(failure)
    }
}

/// `10 min`, `90 s`, `1.5 s`
fn spelled(wait: Duration) -> String {
    match wait.as_secs() {
        seconds if seconds >= 60 && seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        _ => format!("{} s", wait.as_secs_f64()),
    }
}
