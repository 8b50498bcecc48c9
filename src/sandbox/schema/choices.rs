//! The values of choice fields and their labels, as in `sys_choice`.

/// Table, field, and its values with their labels in order.
type Choices = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// The steps that impact, urgency and severity share.
const LEVELS: &[(&str, &str)] = &[("1", "1 - High"), ("2", "2 - Medium"), ("3", "3 - Low")];
const INCIDENT_STATES: &[(&str, &str)] =
    &[("1", "New"), ("2", "In Progress"), ("3", "On Hold"), ("6", "Resolved"), ("7", "Closed"), ("8", "Canceled")];

pub const CHOICES: &[Choices] = &[
    (
        "task",
        "state",
        &[
            ("-5", "Pending"),
            ("1", "Open"),
            ("2", "Work in Progress"),
            ("3", "Closed Complete"),
            ("4", "Closed Incomplete"),
            ("7", "Closed Skipped"),
        ],
    ),
    (
        "task",
        "priority",
        &[("1", "1 - Critical"), ("2", "2 - High"), ("3", "3 - Moderate"), ("4", "4 - Low"), ("5", "5 - Planning")],
    ),
    ("task", "impact", LEVELS),
    ("task", "urgency", LEVELS),
    ("task", "escalation", &[("0", "Normal"), ("1", "Moderate"), ("2", "High"), ("3", "Overdue")]),
    (
        "task",
        "approval",
        &[
            ("not requested", "Not Yet Requested"),
            ("requested", "Requested"),
            ("approved", "Approved"),
            ("rejected", "Rejected"),
        ],
    ),
    (
        "task",
        "contact_type",
        &[("email", "Email"), ("phone", "Phone"), ("self-service", "Self-service"), ("walk-in", "Walk-in")],
    ),
    ("incident", "state", INCIDENT_STATES),
    ("incident", "incident_state", INCIDENT_STATES),
    ("incident", "severity", LEVELS),
    (
        "incident",
        "category",
        &[
            ("inquiry", "Inquiry / Help"),
            ("software", "Software"),
            ("hardware", "Hardware"),
            ("network", "Network"),
            ("database", "Database"),
        ],
    ),
    (
        "incident",
        "subcategory",
        &[
            ("email", "Email"),
            ("os", "Operating System"),
            ("disk", "Disk"),
            ("keyboard", "Keyboard"),
            ("dns", "DNS"),
            ("vpn", "VPN"),
            ("db2", "DB2"),
            ("oracle", "Oracle"),
        ],
    ),
    (
        "incident",
        "hold_reason",
        &[("1", "Awaiting Caller"), ("3", "Awaiting Problem"), ("4", "Awaiting Vendor"), ("5", "Awaiting Change")],
    ),
    (
        "incident",
        "close_code",
        &[
            ("Solved (Permanently)", "Solved (Permanently)"),
            ("Solved (Work Around)", "Solved (Work Around)"),
            ("Not Solved (Not Reproducible)", "Not Solved (Not Reproducible)"),
            ("Closed/Resolved by Caller", "Closed/Resolved by Caller"),
        ],
    ),
    (
        "problem",
        "state",
        &[
            ("101", "New"),
            ("102", "Assess"),
            ("103", "Root Cause Analysis"),
            ("104", "Fix in Progress"),
            ("106", "Resolved"),
            ("107", "Closed"),
        ],
    ),
    (
        "change_request",
        "state",
        &[
            ("-5", "New"),
            ("-4", "Assess"),
            ("-3", "Authorize"),
            ("-2", "Scheduled"),
            ("-1", "Implement"),
            ("0", "Review"),
            ("3", "Closed"),
            ("4", "Canceled"),
        ],
    ),
    ("change_request", "type", &[("standard", "Standard"), ("normal", "Normal"), ("emergency", "Emergency")]),
    ("change_request", "risk", &[("2", "High"), ("3", "Moderate"), ("4", "Low")]),
    (
        "cmdb_ci",
        "install_status",
        &[("1", "Installed"), ("3", "In Maintenance"), ("6", "In Stock"), ("7", "Retired"), ("8", "Stolen")],
    ),
    (
        "cmdb_ci",
        "operational_status",
        &[("1", "Operational"), ("2", "Non-Operational"), ("3", "Repair in Progress"), ("6", "Retired")],
    ),
    (
        "cmdb_ci_server",
        "used_for",
        &[("Production", "Production"), ("Test", "Test"), ("Development", "Development"), ("Staging", "Staging")],
    ),
    (
        "cmdb_ci_service",
        "busines_criticality",
        &[
            ("1 - most critical", "1 - most critical"),
            ("2 - somewhat critical", "2 - somewhat critical"),
            ("3 - less critical", "3 - less critical"),
        ],
    ),
];

/// The choices that a table itself declares for a field.
pub fn of(table: &str, field: &str) -> &'static [(&'static str, &'static str)] {
    let found = CHOICES.iter().find(|(of_table, of_field, _)| *of_table == table && *of_field == field);
    found.map_or(&[], |(_, _, choices)| choices)
}
