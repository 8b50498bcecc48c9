//! Waiting for an instance that is asleep, restarting or not to be reached.
//!
//! Only what carries no credential is asked again and again; the credential
//! goes out once the instance is awake. A person sees how much longer it may
//! take, a log one line.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::app::App;
use crate::check::backoff::Backoff;
use crate::check::inquiry::Plan;
use crate::check::knock::knock;
use crate::check::ladder::{self, Begun};
use crate::connection::Connection;
use crate::console::Progress;
use crate::error::Failure;

/// A wait that comes to an end.
pub struct Waiting {
    wait: Duration,
    until: Instant,
    backoff: Backoff,
    is_told: bool,
}

/// Begins a test; with `wait` only once the instance is awake, and again where
/// it falls asleep before the credential was judged.
pub async fn begin(
    app: &mut App,
    progress: &Progress,
    connection: Arc<Connection>,
    plan: Plan,
    wait: Option<Duration>,
) -> Result<Begun, Failure> {
    let Some(wait) = wait else {
        return Ok(ladder::begin(connection, plan).await);
    };
    let mut waiting = Waiting::new(wait);
    let host = connection.instance().host_and_port();
    loop {
        let knock = knock(connection.instance(), connection.client(), &plan.subject, app.deadline()?).await;
        if let Some(failure) = knock.may_pass().cloned() {
            if waiting.pause(app, progress, &host, &failure).await {
                continue;
            }
            return Ok(ladder::never_awake(connection, plan, knock, waiting.in_vain(failure)));
        }
        progress.say(&format!("Testing {host}"));
        let begun = ladder::begin(connection.clone(), Plan { deadline: app.deadline()?, ..plan.clone() }).await;
        match begun.may_be_repeated().cloned() {
            Some(failure) if waiting.pause(app, progress, &host, &failure).await => {}
            _ => return Ok(begun),
        }
    }
}

impl Waiting {
    pub fn new(wait: Duration) -> Self {
        Self { wait, until: Instant::now() + wait, backoff: Backoff::of_waiting(), is_told: false }
    }

    /// Lets some time pass before the next attempt. The last one comes when
    /// the time is over; then there is no other.
    pub async fn pause(&mut self, app: &mut App, progress: &Progress, host: &str, failure: &Failure) -> bool {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        if !self.is_told && !app.console.err.is_terminal {
            let message = failure.message();
            app.console.note(&format!("{host}: {message}. Asking again for up to {}.", spelled(self.wait)));
        }
        self.is_told = true;
        let again = Instant::now() + self.backoff.following().min(left);
        loop {
            let left = self.until.saturating_duration_since(Instant::now()).as_secs();
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
        let why = format!("{} It was still so after {}.", failure.reason().unwrap_or_default(), spelled(self.wait));
        failure.why(why).evidence("waited_seconds", self.wait.as_secs_f64())
    }
}

/// `10 min`, `90 s`, `1.5 s`
fn spelled(wait: Duration) -> String {
    match wait.as_secs() {
        seconds if seconds >= 60 && seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        _ => format!("{} s", wait.as_secs_f64()),
    }
}
