//! A saved connection, and its health.

use std::time::Duration;

use chrono::{DateTime, Utc};
use unicode_width::UnicodeWidthStr;

use super::lines::{labelled, paragraph, whole};
use super::time::{ago, until};
use crate::auth::method::{self, MethodSpec};
use crate::base::shown::Shown;
use crate::base::time::timestamp;
use crate::config::etag;
use crate::history::json::settings;
use crate::history::last_test::LastTest;
use crate::history::state::{Health, SessionNote};
use crate::model::profile::Profile;
use crate::model::tokens::Lease;
use crate::report::paint::Paint;
use crate::service;

/// The last test of a connection, as far as it counts.
#[derive(Clone, Copy)]
pub enum LastTested<'a> {
    Never,
    /// Of other fields than it has now.
    BeforeChange,
    At(&'a LastTest),
}

impl<'a> LastTested<'a> {
    pub fn of(last_test: Option<&'a LastTest>, is_changed: bool) -> Self {
        match last_test {
            Some(test) => Self::At(test),
            None if is_changed => Self::BeforeChange,
            None => Self::Never,
        }
    }
}

/// One connection: every setting under the key that `edit --set` takes, and what else is
/// known of it.
pub fn connection(
    profile: &Profile,
    is_default: bool,
    last_test: LastTested<'_>,
    store: &[(&'static str, Shown)],
    now: DateTime<Utc>,
    paint: Paint,
) -> String {
    let mut rows: Vec<(&str, String)> = vec![("instance", profile.instance.origin().to_owned())];
    let service = service::of(&profile.auth).defaults();
    if service.spec != service::usual().defaults().spec {
        rows.push(("spec", service.spec.to_owned()));
    }
    rows.push(("sign-in", format!("{}, as {}", auth_label(profile.auth.as_str()), profile.identity())));
    rows.extend(settings(profile).map(|setting| {
        let default = if setting.is_default { " (default)" } else { "" };
        let value = if setting.value.is_empty() { "(empty)" } else { &setting.value };
        (setting.key, format!("{value}{default}"))
    }));
    rows.push(("store", profile.store.as_str().to_owned()));
    rows.extend(store.iter().map(|(key, value)| (*key, value.to_string())));
    let default = if profile.is_enabled() { " (default)" } else { "" };
    rows.push(("state", format!("{}{default}", profile.state.as_str())));
    let list = |values: Vec<&str>| Some(values.join(", ")).filter(|values| !values.is_empty());
    let labels = profile.labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>();
    let optional = [
        ("api_version", profile.api_version.map(|version| version.to_string())),
        ("tables", list(profile.tables.iter().map(|table| table.as_str()).collect())),
        ("headers", list(profile.headers.iter().map(|header| header.as_str()).collect())),
        ("ca_cert", profile.ca_cert.as_ref().map(|path| Shown::outside(path.display().to_string()).into())),
        ("proxy", profile.proxy.clone()),
        ("read_only", profile.read_only.then(|| "true".to_owned())),
        ("description", profile.description.clone()),
        ("labels", list(labels.iter().map(String::as_str).collect())),
    ];
    rows.extend(optional.into_iter().filter_map(|(key, value)| Some((key, value?))));
    rows.push(("id", profile.id.to_string()));
    rows.push(("revision", profile.revision.to_string()));
    rows.push(("etag", etag(profile)));
    let times = [("created", profile.times.created_at), ("updated", profile.times.updated_at)];
    rows.extend(times.into_iter().filter_map(|(key, at)| Some((key, timestamp(at?)))));
    rows.push((
        "last test",
        match last_test {
            LastTested::Never => "never".to_owned(),
            LastTested::BeforeChange => "not since it was changed".to_owned(),
            LastTested::At(test) if test.ok => format!("passed {}", ago(now, test.at)),
            LastTested::At(test) => format!("{} {}", test.code.as_deref().unwrap_or("failed"), ago(now, test.at)),
        },
    ));
    let width = rows.iter().map(|(key, _)| key.width()).max().unwrap_or(0);
    let name = paint.bold(profile.name.as_str());
    let mut lines = vec![if is_default { format!("{name}  {}", paint.dim("the default")) } else { name }];
    lines.extend(rows.iter().map(|(key, value)| labelled(key, value, paint, 2 + width + 2)));
    lines.join("\n")
}

/// The selected connection, in a few lines.
pub struct StatusOf<'a> {
    pub profile: &'a Profile,
    pub selected_by: &'a str,
    pub session: Option<&'a SessionNote>,
    /// Who renews it right now, and how long that holds at most.
    pub lease: Option<(&'a Lease, Duration)>,
    /// Whether what is stored was stored for other fields.
    pub is_kept_back: bool,
    pub last_test: LastTested<'a>,
}

pub fn status(status: &StatusOf<'_>, now: DateTime<Utc>, paint: Paint) -> String {
    let StatusOf { profile, selected_by, session, lease, is_kept_back, last_test } = *status;
    let chosen = match selected_by {
        "argument" => "",
        "variable" => "chosen by SNOW_CONNECTION",
        "directory" => "chosen by .snow.toml",
        _ => "the default",
    };
    let (symbol, tested) = match last_test {
        LastTested::Never => (paint.dash(), "never tested".to_owned()),
        LastTested::BeforeChange => (paint.dash(), "not tested since it was changed".to_owned()),
        LastTested::At(test) if test.ok => (paint.tick(), format!("worked {}", ago(now, test.at))),
        LastTested::At(test) => {
            let code = test.code.as_deref().unwrap_or("failed");
            (paint.cross(), format!("{code} {}", ago(now, test.at)))
        }
    };
    let (symbol, tested) = match (profile.is_enabled(), is_kept_back) {
        (false, _) => (paint.dash(), "disabled".to_owned()),
        (true, true) => (paint.cross(), tested),
        (true, false) => (symbol, tested),
    };
    let is_unusable = session.is_some_and(|session| session.health(now) != Health::Healthy);
    let is_refused = matches!(last_test, LastTested::At(test) if test.class.as_deref() == Some("auth"));
    let advice = match (is_kept_back || is_unusable || is_refused, selected_by) {
        _ if !profile.is_enabled() => format!("snow edit {} --set state=enabled", profile.name),
        (true, _) => format!("snow login {}", profile.name),
        (false, "argument") => format!("snow test {}", profile.name),
        (false, _) => "snow test".to_owned(),
    };
    let head = format!("{symbol} {}  {}", paint.bold(profile.name.as_str()), paint.dim(chosen));
    let facts = [profile.identity(), auth_label(profile.auth.as_str()), &tested];
    let facts = facts.join(&format!(" {} ", paint.dot()));
    let mut lines =
        vec![head.trim_end().to_owned(), paragraph(profile.instance.origin(), paint), paragraph(&facts, paint)];
    if is_kept_back {
        let secret = MethodSpec::of(profile.auth.method).kept_label(&profile.auth);
        let text = format!("The saved {secret} is kept back: it was made for other settings.");
        lines.push(paragraph(&text, paint));
    } else if let Some(session) = session {
        lines.push(paragraph(&session_line(session, now), paint));
        lines.extend(lease.map(|(lease, left)| paragraph(&lease_line(lease, left), paint)));
    }
    lines.push(labelled("Try", &paint.command(&whole(&advice)), paint, 8));
    lines.join("\n")
}

/// How a session is, in a sentence.
fn session_line(session: &SessionNote, now: DateTime<Utc>) -> String {
    let since = session.signed_in_at.map_or_else(String::new, |at| format!(", signed in {}", ago(now, at)));
    match (session.health(now), session.expires_at) {
        (Health::Absent, _) => "not signed in".to_owned(),
        (Health::Dead, _) => format!("the instance refused to renew the session{since}"),
        (Health::Expired, _) => format!("the session has expired{since}"),
        (Health::Healthy, Some(at)) if at <= now => format!("the next use renews the access token{since}"),
        (Health::Healthy, Some(at)) if !session.renewable => {
            format!("access token good for {}, and cannot be renewed{since}", until(now, at))
        }
        (Health::Healthy, Some(at)) => format!("access token good for {}{since}", until(now, at)),
        (Health::Healthy, None) => format!("access token good until it is refused{since}"),
    }
}

fn lease_line(lease: &Lease, left: Duration) -> String {
    let left = left.as_secs().min(lease.seconds);
    match &lease.holder {
        Some(holder) => format!("being renewed by {} (at most {left} s more)", Shown::outside(holder)),
        None => format!("the token endpoint wants no request for another {left} s"),
    }
}

/// How a sign-in method is called.
pub fn auth_label(auth: &str) -> &'static str {
    method::label_of(auth)
}
