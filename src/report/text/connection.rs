//! A saved connection, and where one stands.

use chrono::{DateTime, Utc};

use super::lines::{pad, wrap};
use super::time::{ago, until};
use crate::auth::method;
use crate::base::shown::Shown;
use crate::history::last_test::LastTest;
use crate::history::state::{Health, SessionNote};
use crate::model::profile::Profile;
use crate::report::paint::Paint;

/// One connection, a line for each thing that is set.
pub fn connection(
    profile: &Profile,
    is_default: bool,
    last_test: Option<&LastTest>,
    now: DateTime<Utc>,
    paint: Paint,
) -> String {
    let mut lines = vec![if is_default {
        format!("{}  {}", paint.bold(profile.name.as_str()), paint.dim("the default"))
    } else {
        paint.bold(profile.name.as_str())
    }];
    let mut row = |key: &str, value: &str| lines.push(format!("  {}{value}", paint.dim(&pad(key, 13))));
    row("instance", profile.instance.origin());
    row("sign-in", &format!("{}, as {}", auth_label(profile.auth.as_str()), profile.identity()));
    row("store", profile.store.as_str());
    if let Some(version) = profile.api_version {
        row("API version", version.as_str());
    }
    if !profile.headers.is_empty() {
        row("headers", &profile.headers.iter().map(|header| header.as_str()).collect::<Vec<_>>().join(", "));
    }
    if !profile.tables.is_empty() {
        row("tables", &profile.tables.iter().map(|table| table.as_str()).collect::<Vec<_>>().join(", "));
    }
    if let Some(path) = &profile.ca_cert {
        row("CA file", &Shown::outside(path.display().to_string()));
    }
    if let Some(proxy) = &profile.proxy {
        row("proxy", proxy);
    }
    if profile.read_only {
        row("writes", "refused: the connection is read-only");
    }
    if let Some(description) = &profile.description {
        row("description", description);
    }
    if !profile.labels.is_empty() {
        let labels = profile.labels.iter().map(|(key, value)| format!("{key}={value}"));
        row("labels", &labels.collect::<Vec<_>>().join(", "));
    }
    row("id", &profile.id.to_string());
    row("revision", &profile.revision.to_string());
    row(
        "last test",
        &match last_test {
            None => "never".to_owned(),
            Some(test) if test.ok => format!("ok, {}", ago(now, test.at)),
            Some(test) => format!("{}, {}", test.code.as_deref().unwrap_or("failed"), ago(now, test.at)),
        },
    );
    lines.join("\n")
}

/// Where one stands, in a few lines.
pub fn status(
    profile: &Profile,
    selected_by: &str,
    session: Option<&SessionNote>,
    last_test: Option<&LastTest>,
    now: DateTime<Utc>,
    paint: Paint,
) -> String {
    let chosen = match selected_by {
        "argument" => String::new(),
        "variable" => "chosen by SNOW_CONNECTION".to_owned(),
        "directory" => "chosen by .snow.toml".to_owned(),
        _ => "the default".to_owned(),
    };
    let (symbol, tested) = match last_test {
        None => (paint.dash(), "never tested".to_owned()),
        Some(test) if test.ok => (paint.tick(), format!("worked {}", ago(now, test.at))),
        Some(test) => {
            let code = test.code.as_deref().unwrap_or("failed");
            (paint.cross(), format!("{code} {}", ago(now, test.at)))
        }
    };
    let is_over = session.is_some_and(|session| session.health(now) != Health::Healthy);
    let needs_login = is_over || last_test.is_some_and(|test| test.class.as_deref() == Some("auth"));
    let advice = match (needs_login, selected_by) {
        (true, _) => format!("snow login {}", profile.name),
        (false, "argument") => format!("snow test {}", profile.name),
        (false, _) => "snow test".to_owned(),
    };
    let head = format!("{symbol} {}  {}", paint.bold(profile.name.as_str()), paint.dim(&chosen));
    let facts = [profile.identity(), auth_label(profile.auth.as_str()), &tested];
    let facts = facts.join(&format!(" {} ", paint.dot()));
    let mut lines =
        vec![head.trim_end().to_owned(), format!("  {}", profile.instance), wrap(&facts, "  ", "  ", paint)];
    lines.extend(session.map(|session| wrap(&session_line(session, now), "  ", "  ", paint)));
    lines.push(format!("  {}   {}", paint.dim("Try"), paint.command(&advice)));
    lines.join("\n")
}

/// How a session stands, in a sentence.
fn session_line(session: &SessionNote, now: DateTime<Utc>) -> String {
    let since = session.signed_in_at.map_or_else(String::new, |at| format!(", signed in {}", ago(now, at)));
    match (session.health(now), session.expires_at) {
        (Health::Absent, _) => "nobody is signed in".to_owned(),
        (Health::Dead, _) => format!("the instance refused to renew the session{since}"),
        (Health::Expired, _) => format!("the session is over{since}"),
        (Health::Healthy, Some(at)) if at <= now => format!("the access token is renewed at the next use{since}"),
        (Health::Healthy, Some(at)) if !session.renewable => {
            format!("access token good for {}, and nothing renews it{since}", until(now, at))
        }
        (Health::Healthy, Some(at)) => format!("access token good for {}{since}", until(now, at)),
        (Health::Healthy, None) => format!("access token good until it is refused{since}"),
    }
}

/// How a sign-in method is called.
pub fn auth_label(auth: &str) -> &'static str {
    method::label_of(auth)
}
