//! The work: incidents, problems, change requests.

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};

use super::people::People;
use super::users::USERS;
use super::{Prng, Store, sys_id};

/// Incidents that are always there: number, short description, state, and who
/// calls, by the place in [`USERS`].
const KNOWN: &[(&str, &str, &str, usize)] = &[
    ("INC0000060", "Unable to connect to email", "7", 3),
    ("INC0009009", "Unable to access the shared folder", "1", 1),
    ("INC0009005", "Email server is down", "1", 1),
    ("INC0009001", "Unable to post content on a wiki page", "3", 2),
    ("INC0008112", "Assessment: ATF Assessor", "2", 0),
    ("INC0007002", "Need access to the common drive", "1", 1),
    ("INC0007001", "Employee payroll application server is down", "1", 1),
    ("INC0000055", "SAP Sales app is not accessible", "2", 1),
];

/// Short description, category, subcategory.
const TROUBLES: &[(&str, &str, &str)] = &[
    ("Cannot sign in to the VPN", "network", "vpn"),
    ("The name of the intranet is not resolved", "network", "dns"),
    ("Mail arrives hours late", "inquiry", "email"),
    ("The keyboard types on its own", "hardware", "keyboard"),
    ("The disk of the file server is full", "hardware", "disk"),
    ("The update of the operating system hangs", "software", "os"),
    ("Reports from the database are empty", "database", "oracle"),
    ("A backup job of the database failed", "database", "db2"),
    ("How do I share a calendar?", "inquiry", "email"),
    ("The notebook is slow after sign-in", "software", "os"),
];
const STATES: &[&str] = &["1", "1", "2", "2", "2", "3", "6", "6", "7", "7", "7", "7", "8"];
const CLOSE_CODES: &[&str] =
    &["Solved (Permanently)", "Solved (Work Around)", "Not Solved (Not Reproducible)", "Closed/Resolved by Caller"];
const CHANGES: &[&str] =
    &["Renew the certificate of the gateway", "Add memory to the database server", "Replace the core switch"];
const PROBLEMS: &[&str] = &["The VPN drops every night", "The mail queue fills up", "The wiki loses its session"];

type Values = Vec<(&'static str, String)>;

/// The priority that impact and urgency give, as an instance's own rule does.
pub fn priority(impact: &str, urgency: &str) -> &'static str {
    match (impact, urgency) {
        ("1", "1") => "1",
        ("1", "2") | ("2", "1") => "2",
        ("1", "3") | ("2", "2") | ("3", "1") => "3",
        ("2", "3") | ("3", "2") => "4",
        _ => "5",
    }
}

pub fn fill(store: &mut Store, prng: &mut Prng, people: &People, items: &[String], incidents: usize) {
    // A fixed day: the rows are the same whenever the instance starts.
    let newest = NaiveDate::from_ymd_opt(2026, 6, 30).and_then(|day| day.and_hms_opt(17, 0, 0)).expect("a date");
    let problems: Vec<String> = (0..incidents / 10)
        .map(|at| {
            let opened = newest - TimeDelta::hours(at as i64 * 31);
            let (number, short_description) = (format!("PRB{:07}", 40_001 + at), *prng.pick(PROBLEMS));
            let mut values = task(prng, people, items, short_description, opened);
            let state = *prng.pick(&["101", "102", "103", "104", "106", "107"]);
            set(&mut values, "state", state);
            set(&mut values, "active", if state == "107" { "false" } else { "true" });
            values.push(("known_error", prng.percent(20).to_string()));
            values.push(("related_incidents", prng.below(9).to_string()));
            add(store, "problem", number, values)
        })
        .collect();
    for at in 0..incidents / 8 {
        let opened = newest - TimeDelta::hours(at as i64 * 17);
        let (number, short_description) = (format!("CHG{:07}", 30_001 + at), *prng.pick(CHANGES));
        let mut values = task(prng, people, items, short_description, opened);
        let state = *prng.pick(&["-5", "-4", "-3", "-2", "-1", "0", "3", "4"]);
        set(&mut values, "state", state);
        set(&mut values, "active", if matches!(state, "3" | "4") { "false" } else { "true" });
        values.push(("requested_by", prng.pick(&people.users).clone()));
        values.push(("type", (*prng.pick(&["standard", "normal", "emergency"])).to_owned()));
        values.push(("risk", (*prng.pick(&["2", "3", "4"])).to_owned()));
        values.push(("start_date", text(opened + TimeDelta::days(3))));
        values.push(("end_date", text(opened + TimeDelta::days(3) + TimeDelta::hours(2))));
        add(store, "change_request", number, values);
    }
    for at in 0..incidents {
        let opened = newest - TimeDelta::minutes(at as i64 * 97);
        let (number, short_description, state, caller) = match KNOWN.get(at) {
            Some(&(number, short_description, state, caller)) => {
                (number.to_owned(), (short_description, "inquiry", "email"), state, USERS[caller].id())
            }
            None => {
                let number = format!("INC{:07}", 10_001 + at - KNOWN.len());
                (number, *prng.pick(TROUBLES), *prng.pick(STATES), prng.pick(&people.users).clone())
            }
        };
        let values = incident(prng, people, items, short_description, (state, caller, opened), &problems);
        add(store, "incident", number, values);
    }
}

fn incident(
    prng: &mut Prng,
    people: &People,
    items: &[String],
    (short_description, category, subcategory): (&str, &str, &str),
    (state, caller, opened): (&str, String, NaiveDateTime),
    problems: &[String],
) -> Values {
    let mut values = task(prng, people, items, short_description, opened);
    let is_over = matches!(state, "7" | "8");
    set(&mut values, "state", state);
    set(&mut values, "active", if is_over { "false" } else { "true" });
    values.push(("incident_state", state.to_owned()));
    values.push(("caller_id", caller));
    values.push(("category", category.to_owned()));
    values.push(("subcategory", subcategory.to_owned()));
    values.push(("severity", "3".to_owned()));
    values.push(("reopen_count", prng.below(2).to_string()));
    if state == "3" {
        values.push(("hold_reason", (*prng.pick(&["1", "4"])).to_owned()));
    }
    if matches!(state, "6" | "7") {
        let (resolved, by) = (opened + TimeDelta::minutes(30 + prng.below(9000) as i64), prng.pick(&people.agents));
        values.push(("resolved_at", text(resolved)));
        values.push(("resolved_by", by.clone()));
        values.push(("close_code", (*prng.pick(CLOSE_CODES)).to_owned()));
        values.push(("close_notes", "It works again.".to_owned()));
    }
    if is_over {
        values.push(("closed_at", text(opened + TimeDelta::days(8))));
        values.push(("closed_by", prng.pick(&people.agents).clone()));
    }
    if !problems.is_empty() && prng.percent(8) {
        values.push(("problem_id", prng.pick(problems).clone()));
    }
    values
}

/// What every task has.
fn task(prng: &mut Prng, people: &People, items: &[String], short_description: &str, opened: NaiveDateTime) -> Values {
    let level = |prng: &mut Prng| *prng.pick(&["1", "2", "2", "3", "3", "3"]);
    let (impact, urgency) = (level(prng), level(prng));
    let updated = text(opened + TimeDelta::minutes(prng.below(4000) as i64));
    let by = USERS[prng.below(3)].user_name;
    let mut values = vec![
        ("short_description", short_description.to_owned()),
        ("description", format!("{short_description}. Seen since {}.", opened.date())),
        ("state", "1".to_owned()),
        ("active", "true".to_owned()),
        ("impact", impact.to_owned()),
        ("urgency", urgency.to_owned()),
        ("priority", priority(impact, urgency).to_owned()),
        ("escalation", "0".to_owned()),
        ("approval", "not requested".to_owned()),
        ("contact_type", (*prng.pick(&["email", "phone", "self-service", "walk-in"])).to_owned()),
        ("made_sla", prng.percent(80).to_string()),
        ("assignment_group", prng.pick(&people.groups).clone()),
        ("location", prng.pick(&people.locations).clone()),
        ("opened_at", text(opened)),
        ("opened_by", prng.pick(&people.agents).clone()),
        ("sys_created_on", text(opened)),
        ("sys_created_by", by.to_owned()),
        ("sys_updated_on", updated),
        ("sys_updated_by", by.to_owned()),
        ("sys_mod_count", prng.below(12).to_string()),
    ];
    if prng.percent(70) {
        values.push(("assigned_to", prng.pick(&people.agents).clone()));
    }
    if prng.percent(60) {
        values.push(("cmdb_ci", prng.pick(items).clone()));
    }
    values
}

fn add(store: &mut Store, table: &str, number: String, mut values: Values) -> String {
    let id = sys_id(table, &number);
    values.push(("number", number));
    store.insert(table, &id, values);
    id
}

fn set(values: &mut Values, field: &'static str, value: &str) {
    values.push((field, value.to_owned()));
}

fn text(time: NaiveDateTime) -> String {
    time.format("%Y-%m-%d %H:%M:%S").to_string()
}
