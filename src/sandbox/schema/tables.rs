//! The declarations. Names, labels and lengths are ServiceNow's; fields that no
//! integration asks for are left out.

use super::Audience::{Admin, Everybody, Itil};
use super::{Field, Kind, ReadRule, Table, WriteRule};

const fn field(name: &'static str, label: &'static str, kind: Kind, max_length: u16) -> Field {
    Field { name, label, kind, max_length, mandatory: false, read: Everybody }
}
const fn text(name: &'static str, label: &'static str, max_length: u16) -> Field {
    field(name, label, Kind::Text, max_length)
}
const fn number(name: &'static str, label: &'static str) -> Field {
    field(name, label, Kind::Integer, 40)
}
const fn choice(name: &'static str, label: &'static str) -> Field {
    field(name, label, Kind::Choice, 40)
}
const fn number_choice(name: &'static str, label: &'static str) -> Field {
    field(name, label, Kind::NumberChoice, 40)
}
const fn boolean(name: &'static str, label: &'static str) -> Field {
    field(name, label, Kind::Boolean, 40)
}
const fn time(name: &'static str, label: &'static str) -> Field {
    field(name, label, Kind::DateTime, 40)
}
const fn journal(name: &'static str, label: &'static str) -> Field {
    field(name, label, Kind::Journal, 4000)
}
const fn reference(name: &'static str, label: &'static str, table: &'static str) -> Field {
    field(name, label, Kind::Reference(table), 32)
}

const SYS_ID: Field = field("sys_id", "Sys ID", Kind::Guid, 32);
const CREATED_ON: Field = time("sys_created_on", "Created");
const CREATED_BY: Field = text("sys_created_by", "Created by", 40);
const UPDATED_ON: Field = time("sys_updated_on", "Updated");
const UPDATED_BY: Field = text("sys_updated_by", "Updated by", 40);
const MOD_COUNT: Field = number("sys_mod_count", "Updates");
const CLASS_NAME: Field = field("sys_class_name", "Class", Kind::ClassName, 80);

/// The fields of a table that extends no other: its own, and those of every row.
macro_rules! base {
    ($($field:expr),* $(,)?) => {
        &[SYS_ID, CREATED_ON, CREATED_BY, UPDATED_ON, UPDATED_BY, MOD_COUNT, $($field),*]
    };
}

const fn table(name: &'static str, label: &'static str, display: &'static str, fields: &'static [Field]) -> Table {
    Table { name, label, extends: None, display, read: ReadRule::Everybody, write: WriteRule::Admin, fields }
}

impl Table {
    const fn extends(mut self, parent: &'static str) -> Self {
        self.extends = Some(parent);
        self
    }

    const fn rules(mut self, read: ReadRule, write: WriteRule) -> Self {
        self.read = read;
        self.write = write;
        self
    }
}

/// Every table there is.
pub static TABLES: &[Table] = &[
    table(
        "task",
        "Task",
        "number",
        base![
            CLASS_NAME,
            text("number", "Number", 40),
            text("short_description", "Short description", 160),
            text("description", "Description", 4000),
            number_choice("state", "State"),
            number_choice("priority", "Priority"),
            number_choice("impact", "Impact"),
            number_choice("urgency", "Urgency"),
            number_choice("escalation", "Escalation"),
            choice("approval", "Approval"),
            choice("contact_type", "Contact type"),
            boolean("active", "Active"),
            boolean("made_sla", "Made SLA"),
            reference("assigned_to", "Assigned to", "sys_user"),
            reference("assignment_group", "Assignment group", "sys_user_group"),
            reference("cmdb_ci", "Configuration item", "cmdb_ci"),
            reference("location", "Location", "cmn_location"),
            reference("parent", "Parent", "task"),
            time("opened_at", "Opened"),
            reference("opened_by", "Opened by", "sys_user"),
            time("closed_at", "Closed"),
            reference("closed_by", "Closed by", "sys_user"),
            time("due_date", "Due date"),
            text("correlation_id", "Correlation ID", 100),
            text("correlation_display", "Correlation display", 100),
            text("watch_list", "Watch list", 4000),
            journal("comments", "Additional comments"),
            journal("work_notes", "Work notes").only_for(Itil),
        ],
    )
    .rules(ReadRule::OwnRows, WriteRule::Task),
    table(
        "incident",
        "Incident",
        "number",
        &[
            reference("caller_id", "Caller", "sys_user").mandatory(),
            choice("category", "Category"),
            choice("subcategory", "Subcategory"),
            number_choice("incident_state", "Incident state"),
            number_choice("severity", "Severity"),
            number_choice("hold_reason", "On hold reason"),
            number("reopen_count", "Reopen count"),
            time("resolved_at", "Resolved"),
            reference("resolved_by", "Resolved by", "sys_user"),
            choice("close_code", "Resolution code"),
            text("close_notes", "Resolution notes", 4000),
            reference("problem_id", "Problem", "problem"),
            reference("parent_incident", "Parent Incident", "incident"),
        ],
    )
    .extends("task")
    .rules(ReadRule::OwnRows, WriteRule::Task),
    table(
        "problem",
        "Problem",
        "number",
        &[
            boolean("known_error", "Known error"),
            number("related_incidents", "Related Incidents"),
            text("cause_notes", "Cause notes", 4000),
            text("fix_notes", "Fix notes", 4000),
        ],
    )
    .extends("task")
    .rules(ReadRule::OwnRows, WriteRule::Itil),
    table(
        "change_request",
        "Change Request",
        "number",
        &[
            reference("requested_by", "Requested by", "sys_user"),
            choice("type", "Type"),
            number_choice("risk", "Risk"),
            time("start_date", "Planned start date"),
            time("end_date", "Planned end date"),
            text("backout_plan", "Backout plan", 4000),
        ],
    )
    .extends("task")
    .rules(ReadRule::OwnRows, WriteRule::Itil),
    table(
        "sys_user",
        "User",
        "name",
        base![
            text("user_name", "User ID", 40),
            text("first_name", "First name", 50),
            text("last_name", "Last name", 50),
            text("name", "Name", 151),
            text("title", "Title", 60),
            field("email", "Email", Kind::Email, 100).only_for(Itil),
            field("phone", "Business phone", Kind::Phone, 40),
            field("mobile_phone", "Mobile phone", Kind::Phone, 40).only_for(Itil),
            text("employee_number", "Employee number", 40),
            text("u_salary_band", "Salary band", 10).only_for(Admin),
            reference("department", "Department", "cmn_department"),
            reference("location", "Location", "cmn_location"),
            reference("manager", "Manager", "sys_user"),
            text("time_zone", "Time zone", 40),
            time("last_login_time", "Last login time"),
            boolean("vip", "VIP"),
            boolean("active", "Active"),
            boolean("locked_out", "Locked out"),
            boolean("password_needs_reset", "Password needs reset").only_for(Admin),
            boolean("web_service_access_only", "Web service access only").only_for(Admin),
        ],
    ),
    table(
        "sys_user_group",
        "Group",
        "name",
        base![
            text("name", "Name", 80).mandatory(),
            text("description", "Description", 1000),
            reference("manager", "Manager", "sys_user"),
            reference("parent", "Parent", "sys_user_group"),
            field("email", "Group email", Kind::Email, 100),
            boolean("active", "Active"),
        ],
    ),
    table(
        "sys_user_grmember",
        "Group Member",
        "user",
        base![
            reference("user", "User", "sys_user").mandatory(),
            reference("group", "Group", "sys_user_group").mandatory(),
        ],
    ),
    table(
        "sys_user_role",
        "Role",
        "name",
        base![text("name", "Name", 100).mandatory(), text("description", "Description", 1000)],
    ),
    table(
        "sys_user_has_role",
        "User Role",
        "role",
        base![
            reference("user", "User", "sys_user").mandatory(),
            reference("role", "Role", "sys_user_role").mandatory(),
            boolean("inherited", "Inherited"),
        ],
    )
    .rules(ReadRule::AdminRows, WriteRule::Admin),
    table(
        "sys_user_preference",
        "User Preference",
        "name",
        base![
            reference("user", "User", "sys_user"),
            text("name", "Name", 100).mandatory(),
            text("value", "Value", 4000),
        ],
    ),
    table(
        "cmn_department",
        "Department",
        "name",
        base![
            text("name", "Name", 100),
            text("id", "ID", 40),
            text("description", "Description", 1000),
            reference("dept_head", "Department head", "sys_user"),
            reference("parent", "Parent", "cmn_department"),
        ],
    ),
    table(
        "cmn_location",
        "Location",
        "name",
        base![
            text("name", "Name", 100),
            text("street", "Street", 255),
            text("city", "City", 40),
            text("zip", "Zip / Postal Code", 40),
            text("country", "Country", 40),
            text("time_zone", "Time zone", 40),
            reference("parent", "Parent", "cmn_location"),
        ],
    ),
    table(
        "cmdb_ci",
        "Configuration Item",
        "name",
        base![
            CLASS_NAME,
            text("name", "Name", 255).mandatory(),
            text("short_description", "Description", 1000),
            text("asset_tag", "Asset tag", 40),
            text("serial_number", "Serial number", 255),
            text("category", "Category", 40),
            number_choice("install_status", "Status"),
            number_choice("operational_status", "Operational status"),
            text("ip_address", "IP Address", 255),
            text("fqdn", "Fully qualified domain name", 255),
            text("discovery_source", "Discovery source", 40),
            time("first_discovered", "First discovered"),
            time("last_discovered", "Most recent discovery"),
            reference("assigned_to", "Assigned to", "sys_user"),
            reference("owned_by", "Owned by", "sys_user"),
            reference("support_group", "Support group", "sys_user_group"),
            reference("department", "Department", "cmn_department"),
            reference("location", "Location", "cmn_location"),
        ],
    )
    .rules(ReadRule::Everybody, WriteRule::Itil),
    table("cmdb_ci_hardware", "Hardware", "name", &[text("default_gateway", "Default Gateway", 40)])
        .extends("cmdb_ci")
        .rules(ReadRule::Everybody, WriteRule::Itil),
    table(
        "cmdb_ci_computer",
        "Computer",
        "name",
        &[
            text("os", "Operating System", 40),
            text("os_version", "OS Version", 100),
            number("cpu_count", "CPU count"),
            number("ram", "RAM (MB)"),
            number("disk_space", "Disk space (GB)"),
        ],
    )
    .extends("cmdb_ci_hardware")
    .rules(ReadRule::Everybody, WriteRule::Itil),
    table(
        "cmdb_ci_server",
        "Server",
        "name",
        &[choice("used_for", "Used for"), text("classification", "Classification", 40)],
    )
    .extends("cmdb_ci_computer")
    .rules(ReadRule::Everybody, WriteRule::Itil),
    table("cmdb_ci_appl", "Application", "name", &[text("version", "Version", 40), number("tcp_port", "TCP port")])
        .extends("cmdb_ci")
        .rules(ReadRule::Everybody, WriteRule::Itil),
    table("cmdb_ci_service", "Business Service", "name", &[choice("busines_criticality", "Business criticality")])
        .extends("cmdb_ci")
        .rules(ReadRule::Everybody, WriteRule::Itil),
    table(
        "sys_choice",
        "Choice",
        "label",
        base![
            text("name", "Table", 80),
            text("element", "Element", 80),
            text("value", "Value", 200),
            text("label", "Label", 200),
            text("language", "Language", 40),
            number("sequence", "Sequence"),
            boolean("inactive", "Inactive"),
        ],
    )
    .rules(ReadRule::Everybody, WriteRule::Nobody),
    table(
        "sys_db_object",
        "Table",
        "label",
        base![
            text("name", "Name", 80).mandatory(),
            text("label", "Label", 80),
            reference("super_class", "Extends table", "sys_db_object"),
            boolean("is_extendable", "Extensible"),
        ],
    )
    .rules(ReadRule::ItilOr403, WriteRule::Nobody),
    table(
        "sys_dictionary",
        "Dictionary Entry",
        "column_label",
        base![
            text("name", "Table", 80).mandatory(),
            text("element", "Column name", 80),
            text("column_label", "Column label", 80),
            field("internal_type", "Type", Kind::ReferenceByName("sys_glide_object"), 40),
            field("reference", "Reference", Kind::ReferenceByName("sys_db_object"), 80),
            number("max_length", "Max length"),
            boolean("mandatory", "Mandatory"),
            boolean("read_only", "Read only"),
            boolean("active", "Active"),
            boolean("display", "Display"),
            boolean("unique", "Unique"),
            number("choice", "Choice"),
            text("default_value", "Default value", 512),
        ],
    )
    .rules(ReadRule::AdminRows, WriteRule::Nobody),
    table(
        "sys_dictionary_override",
        "Dictionary Entry Override",
        "element",
        base![
            text("name", "Table", 80).mandatory(),
            text("base_table", "Base table", 80),
            text("element", "Column name", 80).mandatory(),
            boolean("mandatory_override", "Override mandatory"),
            boolean("mandatory", "Mandatory"),
            boolean("read_only_override", "Override read only"),
            boolean("read_only", "Read only"),
            boolean("default_value_override", "Override default value"),
            text("default_value", "Default value", 512),
        ],
    )
    .rules(ReadRule::AdminRows, WriteRule::Nobody),
    table(
        "sys_glide_object",
        "Field class",
        "label",
        base![text("name", "Name", 40), text("label", "Label", 80), text("scalar_type", "Extends", 40)],
    )
    .rules(ReadRule::Everybody, WriteRule::Nobody),
    table(
        "sys_properties",
        "System Property",
        "name",
        base![
            text("name", "Name", 100).mandatory(),
            text("value", "Value", 4000),
            text("type", "Type", 40),
            text("description", "Description", 1000),
        ],
    )
    .rules(ReadRule::AdminRows, WriteRule::Admin),
    table(
        "oauth_entity",
        "Application Registries",
        "name",
        base![
            text("name", "Name", 100).mandatory(),
            text("comments", "Comments", 1000),
            boolean("active", "Active"),
            text("type", "Type", 40),
            text("client_id", "Client ID", 255),
            field("client_secret", "Client Secret", Kind::Password, 2048),
            text("redirect_url", "Redirect URL", 1000),
            boolean("public_client", "Public Client"),
            boolean("use_pkce", "PKCE required"),
            text("inbound_grant_type", "Inbound grant type", 40),
            text("default_grant_type", "Default grant type", 100),
            reference("user", "OAuth Application User", "sys_user"),
            text("token_format", "Token format", 40),
            number("access_token_lifespan", "Access Token Lifespan"),
            number("refresh_token_lifespan", "Refresh Token Lifespan"),
            text("scope_restriction_status", "Scope restriction", 40),
        ],
    )
    .rules(ReadRule::AdminOr403, WriteRule::Admin),
    table(
        "oauth_entity_profile",
        "OAuth Entity Profile",
        "name",
        base![
            text("name", "Name", 100),
            reference("oauth_entity", "OAuth provider", "oauth_entity"),
            text("grant_type", "Grant type", 100),
            boolean("default", "Is default"),
        ],
    )
    .rules(ReadRule::AdminOr403, WriteRule::Admin),
    table(
        "oauth_entity_scope",
        "OAuth Entity Scope",
        "name",
        base![
            text("name", "Name", 100),
            text("oauth_entity_scope", "OAuth scope", 100),
            reference("oauth_entity", "OAuth provider", "oauth_entity"),
        ],
    )
    .rules(ReadRule::AdminOr403, WriteRule::Admin),
    table(
        "oauth_jwt",
        "OAuth JWT",
        "name",
        &[
            text("user_field", "User field", 80),
            text("jti_claim", "JTI Claim", 80),
            boolean("enable_jti_verification", "Enable JTI verification"),
            number("clock_skew", "Clock skew"),
        ],
    )
    .extends("oauth_entity")
    .rules(ReadRule::AdminOr403, WriteRule::Admin),
    table(
        "jwt_verifier_map",
        "JWT Verifier Map",
        "name",
        base![
            text("name", "Name", 100).mandatory(),
            reference("oauth_jwt", "OAuth JWT", "oauth_jwt"),
            reference("sys_certificate", "Certificate", "sys_certificate"),
            text("kid", "Key ID", 255),
        ],
    )
    .rules(ReadRule::AdminOr403, WriteRule::Admin),
    table(
        "sys_certificate",
        "X.509 Certificate",
        "name",
        base![
            text("name", "Name", 100).mandatory(),
            text("type", "Type", 40),
            text("format", "Format", 40),
            boolean("active", "Active"),
            text("pem_certificate", "PEM Certificate", 8000),
        ],
    )
    .rules(ReadRule::AdminOr403, WriteRule::Admin),
    table(
        "sys_journal_field",
        "Journal Entry",
        "element",
        base![
            text("name", "Name", 80),
            text("element", "Element", 80),
            field("element_id", "Element ID", Kind::Guid, 32),
            text("value", "Value", 8000),
        ],
    )
    .rules(ReadRule::ItilOr403, WriteRule::Nobody),
    table(
        "sys_attachment",
        "Attachment",
        "file_name",
        base![
            text("file_name", "File name", 100),
            text("content_type", "Content type", 100),
            number("size_bytes", "Size bytes"),
            text("table_name", "Table name", 80),
            field("table_sys_id", "Table sys ID", Kind::Guid, 32),
        ],
    )
    .rules(ReadRule::Everybody, WriteRule::Nobody),
];
