//! What expires when, for `snow status --all`: offline, and no store is opened.

use chrono::{DateTime, Utc};

use super::app::App;
use crate::auth::certificate::files::Files;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::{Show, Shown, Step, shown};
use crate::base::time::Timestamp;
use crate::history::expiry::{self, Deadline, ExpiringItem};
use crate::model::profile::Profile;
use crate::report;
use crate::report::json;

/// What expires, of some connections; the soonest first.
pub struct Expiry<'a> {
    pub items: Vec<ExpiringItem<'a>>,
    /// The connections of which no expiry is known.
    pub unknown: Vec<&'a Profile>,
    /// What expires within this time is too soon, if one was given.
    pub asked: Option<Deadline>,
}

impl<'a> Expiry<'a> {
    pub fn of(
        app: &App,
        profiles: impl IntoIterator<Item = &'a Profile>,
        within: Option<std::time::Duration>,
    ) -> Result<Self, Failure> {
        let state = app.state()?;
        let (sessions, tests) = (state.sessions(), state.last_tests());
        let (mut items, mut unknown) = (Vec::new(), Vec::new());
        for profile in profiles {
            let known = items.len();
            let own = Files::of(&profile.auth).and_then(|files| files.dates()).map(|dates| dates.not_after);
            items.extend(expiry::items(profile, sessions.of(profile), tests.of(profile), own));
            if items.len() == known {
                unknown.push(profile);
            }
        }
        expiry::by_time(&mut items);
        let asked = within.map(|duration| Deadline {
            until: expiry::within(app.now(), duration),
            span: report::text::until(DateTime::UNIX_EPOCH, expiry::within(DateTime::UNIX_EPOCH, duration)),
        });
        Ok(Self { items, unknown, asked })
    }

    /// The failure of `--within`, if something expires before that.
    pub fn failure(&self) -> Option<Failure> {
        let Deadline { until, span } = self.asked.as_ref()?;
        let due: Vec<&ExpiringItem<'_>> = self.items.iter().filter(|end| end.needs_somebody_by(*until)).collect();
        let first = due.first()?;
        let of = |end: &ExpiringItem<'_>| shown!("the {} of {}", end.ending.label(), end.profile.name);
        let message = match due.len() {
            1 => shown!("{} expires within {}", of(first), Shown::outside(span)),
            count => shown!("{} things expire within {}, first {}", count, Shown::outside(span), of(first)),
        };
        let mut steps: Vec<Step> = Vec::new();
        for end in &due {
            let step = match end.ending {
                expiry::Ending::Certificate => shown!("Ask for a new certificate of {}", end.profile.instance).into(),
                expiry::Ending::ClientCertificate => {
                    Step::say("Get a new client certificate: ").and_run("snow guide certificate")
                }
                expiry::Ending::AccessToken | expiry::Ending::RefreshToken => {
                    Step::run(shown!("snow login {}", end.profile.name))
                }
            };
            if !steps.contains(&step) {
                steps.push(step);
            }
        }
        let names: Vec<Shown> = due.iter().map(|end| end.profile.name.show()).collect();
        let failure = Failure::new(Code::EndsSoon, message).evidence("connections", names);
        Some(steps.into_iter().fold(failure, Failure::next))
    }

    /// What `snow status --json` says of it.
    pub fn json<'b>(&'b self, now: DateTime<Utc>, failure: Option<&'b Failure>) -> json::connection::Expiry<'b> {
        let end = |end: &'b ExpiringItem<'_>| json::connection::End {
            connection: end.profile.name.as_str(),
            id: end.profile.id,
            what: end.ending,
            ends_at: Timestamp(end.at),
            ended: end.is_refused || end.at <= now,
            estimated: end.is_estimate,
            renewed: end.is_renewed,
            refused: end.is_refused,
            within: self.asked.as_ref().map(|asked| end.needs_somebody_by(asked.until)),
        };
        json::connection::Expiry {
            ok: failure.is_none(),
            exit_code: failure.map_or(0, Failure::exit_code),
            within: self.asked.as_ref().map(|asked| Timestamp(asked.until)),
            ends: self.items.iter().map(end).collect(),
            unknown: self.unknown.iter().map(|profile| profile.name.as_str()).collect(),
            error: failure.map(Into::into),
        }
    }
}
