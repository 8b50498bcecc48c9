//! Configuration items: servers, computers, applications, services.

use super::people::{People, add};
use super::{Prng, Store, sys_id};

const SYSTEMS: &[(&str, &str)] =
    &[("Linux Red Hat", "9.4"), ("Debian", "12"), ("Windows 2022 Standard", "10.0.20348"), ("AIX", "7.3")];
const PURPOSES: &[(&str, &str)] =
    &[("web", "Web Server"), ("db", "Database Server"), ("app", "Application Server"), ("file", "File Server")];
const USES: &[&str] = &["Production", "Test", "Development", "Staging"];
const APPLICATIONS: &[&str] = &["Wiki", "Payroll", "Web shop", "Mail gateway", "Document store", "Ticket portal"];
const SERVICES: &[(&str, &str)] = &[
    ("Email", "1 - most critical"),
    ("Payroll", "2 - somewhat critical"),
    ("Remote access", "1 - most critical"),
    ("Intranet", "3 - less critical"),
    ("Telephony", "2 - somewhat critical"),
    ("Web shop", "1 - most critical"),
];

/// Adds them, and gives their `sys_id`s.
pub fn fill(store: &mut Store, prng: &mut Prng, people: &People) -> Vec<String> {
    let mut items = Vec::new();
    for at in 0..80 {
        let (purpose, class) = PURPOSES[at % PURPOSES.len()];
        let used_for = *prng.pick(USES);
        let name = format!("{purpose}-{}-{:02}", used_for[..3].to_lowercase(), at);
        let mut values = computer(prng, &name, at);
        values.push(("used_for", used_for.to_owned()));
        values.push(("classification", class.to_owned()));
        values.push(("ip_address", format!("192.0.2.{}", at + 10)));
        item(store, prng, people, &mut items, "cmdb_ci_server", &name, values);
    }
    for at in 0..40 {
        let name = format!("NB-{:04}", 1000 + at);
        let mut values = computer(prng, &name, 100 + at);
        values.push(("assigned_to", prng.pick(&people.users).clone()));
        item(store, prng, people, &mut items, "cmdb_ci_computer", &name, values);
    }
    for (at, application) in APPLICATIONS.iter().enumerate() {
        for (stage, port) in [("production", "443"), ("test", "8443")] {
            let name = format!("{application} ({stage})");
            let values = vec![("version", format!("{}.{}", at + 1, prng.below(10))), ("tcp_port", port.to_owned())];
            item(store, prng, people, &mut items, "cmdb_ci_appl", &name, values);
        }
    }
    for (name, criticality) in SERVICES {
        let values = vec![("busines_criticality", (*criticality).to_owned())];
        item(store, prng, people, &mut items, "cmdb_ci_service", name, values);
    }
    items
}

fn computer(prng: &mut Prng, name: &str, at: usize) -> Vec<(&'static str, String)> {
    let (system, version) = *prng.pick(SYSTEMS);
    vec![
        ("fqdn", format!("{}.sandbox.example", name.to_lowercase())),
        ("serial_number", format!("SN-{:06}", 100_000 + at * 37)),
        ("asset_tag", format!("P{:06}", 1000 + at)),
        ("os", system.to_owned()),
        ("os_version", version.to_owned()),
        ("cpu_count", (1 << prng.below(6)).to_string()),
        ("ram", (2048 << prng.below(6)).to_string()),
        ("disk_space", (64 << prng.below(6)).to_string()),
        ("category", "Hardware".to_owned()),
        ("discovery_source", "Sandbox".to_owned()),
        ("first_discovered", "2025-06-02 03:00:00".to_owned()),
        ("last_discovered", "2026-06-29 03:00:00".to_owned()),
    ]
}

fn item(
    store: &mut Store,
    prng: &mut Prng,
    people: &People,
    items: &mut Vec<String>,
    table: &str,
    name: &str,
    mut values: Vec<(&'static str, String)>,
) {
    let (installed, operational) = match prng.below(20) {
        0 => ("3", "3"),
        1 => ("7", "6"),
        2 => ("6", "2"),
        _ => ("1", "1"),
    };
    values.push(("name", name.to_owned()));
    values.push(("install_status", installed.to_owned()));
    values.push(("operational_status", operational.to_owned()));
    values.push(("owned_by", prng.pick(&people.agents).clone()));
    values.push(("support_group", prng.pick(&people.groups).clone()));
    values.push(("department", prng.pick(&people.departments).clone()));
    values.push(("location", prng.pick(&people.locations).clone()));
    add(store, table, name, values);
    items.push(sys_id(table, name));
}
