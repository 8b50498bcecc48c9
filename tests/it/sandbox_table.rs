//! The Table API of the embedded instance: queries, pages, shapes, writes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use snow_connect::sandbox::Sandbox;

use crate::world::ask::{Ask, Reply};

const INCIDENT: &str = "/api/now/table/incident";

fn sandbox() -> Sandbox {
    Sandbox::start(None, None).unwrap()
}

fn get(sandbox: &Sandbox, path: &str, parameters: &[(&str, &str)]) -> Reply {
    let origin = sandbox.origin();
    Ask::new("GET", &format!("{origin}{path}")).user("admin").query(parameters).send()
}

/// The rows that fit a query, as plain values.
fn fitting(sandbox: &Sandbox, table: &str, query: &str, fields: &str) -> Vec<Value> {
    let parameters = [("sysparm_query", query), ("sysparm_fields", fields), ("sysparm_exclude_reference_link", "true")];
    get(sandbox, &format!("/api/now/table/{table}"), &parameters).expect(200).rows()
}

fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row[field].as_str().unwrap_or_else(|| panic!("{field} is no text in {row}"))
}

fn numbers(rows: &[Value]) -> BTreeSet<&str> {
    rows.iter().map(|row| text(row, "number")).collect()
}

#[test]
fn every_operator_finds_the_rows_that_a_look_at_all_of_them_finds() {
    type Fits = fn(&Value) -> bool;
    const ALL_OR_NONE: &[&str] = &["ANYTHING", "INSTANCEOF", "beginningOfToday", "RELATIVE"];
    fn number(row: &Value, field: &str) -> i64 {
        text(row, field).parse().unwrap()
    }
    let cases: &[(&str, Fits)] = &[
        ("active=true", |row| text(row, "active") == "true"),
        ("active=1", |row| text(row, "active") == "true"),
        ("state!=7", |row| text(row, "state") != "7"),
        ("priority<3", |row| number(row, "priority") < 3),
        ("priority<=3", |row| number(row, "priority") <= 3),
        ("priority>3", |row| number(row, "priority") > 3),
        ("priority>=3", |row| number(row, "priority") >= 3),
        ("short_descriptionLIKEVPN", |row| text(row, "short_description").contains("VPN")),
        ("short_descriptionLIKEvpn", |row| text(row, "short_description").contains("VPN")),
        ("short_descriptionNOTLIKEvpn", |row| !text(row, "short_description").contains("VPN")),
        ("short_descriptionSTARTSWITHthe", |row| text(row, "short_description").starts_with("The")),
        ("numberENDSWITH7", |row| text(row, "number").ends_with('7')),
        ("priorityIN1,2", |row| number(row, "priority") <= 2),
        ("priorityNOT IN1,2", |row| number(row, "priority") > 2),
        ("assigned_toISEMPTY", |row| text(row, "assigned_to").is_empty()),
        ("assigned_to=NULL", |row| text(row, "assigned_to").is_empty()),
        ("assigned_to=", |row| text(row, "assigned_to").is_empty()),
        ("assigned_toISNOTEMPTY", |row| !text(row, "assigned_to").is_empty()),
        ("assigned_toANYTHING", |_| true),
        ("priorityBETWEEN2@4", |row| (2..=4).contains(&number(row, "priority"))),
        (
            "opened_atBETWEENjavascript:gs.dateGenerate('2026-06-20','start')@javascript:gs.dateGenerate('2026-06-25','end')",
            |row| ("2026-06-20"..="2026-06-25 23:59:59").contains(&text(row, "opened_at")),
        ),
        ("opened_at>=2026-06-25 12:00:00", |row| text(row, "opened_at") >= "2026-06-25 12:00:00"),
        ("opened_atON2026-06-25", |row| text(row, "opened_at").starts_with("2026-06-25")),
        ("impactSAMEASurgency", |row| text(row, "impact") == text(row, "urgency")),
        ("impactNSAMEASurgency", |row| text(row, "impact") != text(row, "urgency")),
        ("impactGT_FIELDurgency", |row| text(row, "impact") > text(row, "urgency")),
        ("sys_class_nameINSTANCEOFtask", |_| true),
        ("sys_class_nameINSTANCEOFproblem", |_| false),
        ("active=true^priority=1", |row| text(row, "active") == "true" && number(row, "priority") == 1),
        ("active=true^priority=1^ORpriority=2", |row| text(row, "active") == "true" && number(row, "priority") <= 2),
        ("priority=1^active=true^NQstate=7", |row| {
            number(row, "priority") == 1 && text(row, "active") == "true" || text(row, "state") == "7"
        }),
        ("caller_id.user_name=joe.employee", |row| text(row, "caller_id.user_name") == "joe.employee"),
        ("caller_id.department.name=Finance", |row| text(row, "caller_id.department.name") == "Finance"),
        ("caller_idLIKEbeth", |row| text(row, "caller_id.name").contains("Beth")),
        ("caller_id=javascript:gs.getUserID()", |row| text(row, "caller_id.user_name") == "admin"),
        ("caller_id.user_name=javascript:gs.getUserName()", |row| text(row, "caller_id.user_name") == "admin"),
        ("opened_at<javascript:gs.beginningOfToday()", |_| true),
        ("opened_atRELATIVEGT@year@ahead@1", |_| false),
        ("GOTO123TEXTQUERY321=calendar", |row| text(row, "short_description").contains("calendar")),
    ];
    let sandbox = sandbox();
    let fields = "number,active,state,priority,impact,urgency,short_description,assigned_to,opened_at,\
                  caller_id.user_name,caller_id.name,caller_id.department.name";
    let all = fitting(&sandbox, "incident", "", fields);
    assert_eq!(all.len(), 400);
    for (query, fits) in cases {
        let expected: Vec<Value> = all.iter().filter(|row| fits(row)).cloned().collect();
        let found = fitting(&sandbox, "incident", query, "number");
        assert_eq!(numbers(&found), numbers(&expected), "{query}");
        // A case that finds nothing or everything by chance would show nothing.
        let is_telling = !expected.is_empty() && expected.len() < all.len();
        let is_meant = ALL_OR_NONE.iter().any(|part| query.contains(part));
        assert_ne!(is_telling, is_meant, "{query} finds {} of {}", expected.len(), all.len());
    }
}

#[test]
fn a_term_that_is_not_understood_is_dropped_and_the_rest_stays() {
    let sandbox = sandbox();
    let count = |query: &str| {
        let parameters = [("sysparm_query", query), ("sysparm_limit", "1")];
        get(&sandbox, INCIDENT, &parameters).expect(200).header("x-total-count").unwrap().to_owned()
    };
    for dropped in ["u_no_such_field=1", "numberRHYMESWITH7", "caller_id.no_such=1", "number.name=1", "nonsense"] {
        assert_eq!(count(dropped), "400", "{dropped}");
        assert_eq!(count(&format!("{dropped}^number=INC0000060")), "1", "{dropped}");
    }
    // Alone in its set it lets every row through, also beside a good set.
    assert_eq!(count("number=INC0000060^NQu_no_such_field=1"), "400");
    // A parameter of its own works as a term, and is dropped as one.
    let found = get(&sandbox, INCIDENT, &[("number", "INC0000060"), ("u_no_such_field", "1")]).expect(200);
    assert_eq!(numbers(&found.rows()), BTreeSet::from(["INC0000060"]));
}

#[test]
fn rows_come_in_the_order_that_was_asked_for() {
    let sandbox = sandbox();
    let column = |query: &str, field: &str| -> Vec<String> {
        let rows = fitting(&sandbox, "incident", query, field);
        rows.iter().map(|row| text(row, field).to_owned()).collect()
    };
    let is_ascending = |values: &[String]| values.is_sorted_by_key(|value| value.to_lowercase());
    assert!(is_ascending(&column("ORDERBYnumber", "number")));
    let mut down = column("ORDERBYDESCnumber", "number");
    down.reverse();
    assert!(is_ascending(&down));
    // Numbers by size: -1 and 0 are states of changes.
    let states = fitting(&sandbox, "change_request", "ORDERBYstate", "state");
    let states: Vec<i64> = states.iter().map(|row| text(row, "state").parse().unwrap()).collect();
    assert!(states.is_sorted() && states[0] < 0, "{states:?}");
    // References by what a person reads.
    assert!(is_ascending(&column("ORDERBYcaller_id", "caller_id.name")));
    assert!(is_ascending(&column("ORDERBYcaller_id.department.name", "caller_id.department.name")));
    let rows = fitting(&sandbox, "incident", "ORDERBYpriority^ORDERBYDESCnumber", "priority,number");
    let is_before = |a: &Value, b: &Value| {
        let key = |row: &Value| text(row, "priority").parse::<i64>().unwrap();
        key(a) < key(b) || key(a) == key(b) && text(a, "number") > text(b, "number")
    };
    assert!(rows.windows(2).all(|pair| is_before(&pair[0], &pair[1])));
    assert_eq!(column("ORDERBYu_no_such_field", "number"), column("", "number"));
}

#[test]
fn values_and_references_come_in_each_of_the_forms_of_the_api() {
    let sandbox = sandbox();
    let origin = sandbox.origin();
    let shown = |display: &str, exclude: &str| {
        let parameters = [
            ("sysparm_query", "number=INC0000060"),
            ("sysparm_fields", "number,state,caller_id,caller_id.user_name,parent,no_such,caller_id.no_such"),
            ("sysparm_display_value", display),
            ("sysparm_exclude_reference_link", exclude),
        ];
        get(&sandbox, INCIDENT, &parameters).expect(200).rows()[0].clone()
    };
    let joe = fitting(&sandbox, "sys_user", "user_name=joe.employee", "sys_id")[0]["sys_id"].clone();
    let link = format!("{origin}/api/now/table/sys_user/{}", joe.as_str().unwrap());
    assert_eq!(
        shown("false", "false"),
        json!({"number": "INC0000060", "state": "7", "caller_id": {"link": link, "value": joe},
               "caller_id.user_name": "joe.employee", "parent": ""})
    );
    assert_eq!(
        shown("True", "False"),
        json!({"number": "INC0000060", "state": "Closed", "caller_id": {"display_value": "Joe Employee", "link": link},
               "caller_id.user_name": "joe.employee", "parent": ""})
    );
    assert_eq!(
        shown("all", "false"),
        json!({"number": {"display_value": "INC0000060", "value": "INC0000060"},
               "state": {"display_value": "Closed", "value": "7"},
               "caller_id": {"display_value": "Joe Employee", "link": link, "value": joe},
               "caller_id.user_name": {"display_value": "joe.employee", "value": "joe.employee"},
               "parent": {"display_value": "", "value": ""}})
    );
    assert_eq!(shown("false", "true")["caller_id"], joe);
    assert_eq!(shown("true", "true")["caller_id"], "Joe Employee");
    assert_eq!(shown("all", "true")["caller_id"], json!({"display_value": "Joe Employee", "value": joe}));
    // The link leads to the row, below the version that was asked for.
    let row = get(&sandbox, "/api/now/v2/table/incident", &[("number", "INC0000060")]).rows()[0].clone();
    let link = row["caller_id"]["link"].as_str().unwrap().strip_prefix(&origin).unwrap();
    assert!(link.starts_with("/api/now/v2/table/sys_user/"), "{link}");
    assert_eq!(get(&sandbox, link, &[]).expect(200).result()["user_name"], "joe.employee");
    // Without a choice of fields there are all of them, and every value is text.
    assert!(row.as_object().unwrap().len() > 40, "{row}");
    assert!(row.as_object().unwrap().values().all(|value| value.is_string() || value["value"].is_string()), "{row}");
}

#[test]
fn a_reader_who_follows_next_meets_every_row_once() {
    let sandbox = sandbox();
    let origin = sandbox.origin();
    let start =
        format!("{INCIDENT}?sysparm_limit=70&sysparm_fields=number&sysparm_query=active%3Dtrue%5EORDERBYnumber");
    let (mut path, mut seen, mut pages) = (Some(start), Vec::new(), 0);
    let mut relations = Vec::new();
    while let Some(asked) = path.take() {
        let reply = get(&sandbox, &asked, &[]).expect(200);
        seen.extend(reply.rows().iter().map(|row| text(row, "number").to_owned()));
        let links = reply.header("link").unwrap().to_owned();
        assert!(!links.contains(", "), "{links}");
        let links: BTreeMap<&str, &str> = links
            .split(',')
            .map(|link| link.split_once(";rel=").unwrap())
            .map(|(url, relation)| (relation.trim_matches('"'), url.trim_matches(['<', '>'])))
            .collect();
        relations.push(links.keys().copied().collect::<Vec<_>>().join(" "));
        path = links.get("next").map(|url| url.strip_prefix(&origin).unwrap().to_owned());
        pages += 1;
        assert!(pages < 20, "it never ends");
    }
    let active = fitting(&sandbox, "incident", "active=true^ORDERBYnumber", "number");
    assert_eq!(seen, active.iter().map(|row| text(row, "number").to_owned()).collect::<Vec<_>>());
    assert_eq!(relations[0], "first last next");
    assert_eq!(relations[1], "first last next prev");
    assert_eq!(relations.last().unwrap(), "first last prev");
}

#[test]
fn the_count_and_the_links_are_left_out_where_nobody_wants_them() {
    let sandbox = sandbox();
    let headers = |parameters: &[(&str, &str)]| {
        let reply = get(&sandbox, INCIDENT, parameters).expect(200);
        (reply.header("x-total-count").map(str::to_owned), reply.header("link").is_some(), reply.rows().len())
    };
    assert_eq!(headers(&[("sysparm_limit", "5")]), (Some("400".into()), true, 5));
    assert_eq!(headers(&[("sysparm_limit", "5"), ("sysparm_no_count", "true")]), (None, true, 5));
    let quiet = [("sysparm_limit", "5"), ("sysparm_suppress_pagination_header", "true")];
    assert_eq!(headers(&quiet), (Some("400".into()), false, 5));
    // One page needs no links; what is not a number is not heard.
    assert_eq!(headers(&[]), (Some("400".into()), false, 400));
    assert_eq!(headers(&[("sysparm_limit", "many"), ("sysparm_view", "ess")]), (Some("400".into()), false, 400));
    assert_eq!(headers(&[("sysparm_limit", "0")]), (Some("400".into()), false, 0));
    assert_eq!(headers(&[("sysparm_offset", "395")]), (Some("400".into()), false, 5));
    assert_eq!(headers(&[("sysparm_offset", "99999999999999999999")]), (Some("400".into()), false, 400));
}

#[test]
fn an_empty_list_is_404_in_version_1_alone() {
    let sandbox = sandbox();
    let nothing = [("sysparm_query", "number=NONE")];
    assert_eq!(get(&sandbox, INCIDENT, &nothing).expect(200).rows(), [] as [Value; 0]);
    assert_eq!(get(&sandbox, "/api/now/v2/table/incident", &nothing).expect(200).rows(), [] as [Value; 0]);
    let (message, _) = get(&sandbox, "/api/now/v1/table/incident", &nothing).expect(404).error();
    assert_eq!(message, "No Record found");
}

#[test]
fn a_table_holds_the_rows_of_those_that_extend_it_with_its_own_fields() {
    let sandbox = sandbox();
    let classes = |table: &str| -> BTreeSet<String> {
        fitting(&sandbox, table, "", "sys_class_name")
            .iter()
            .map(|row| text(row, "sys_class_name").to_owned())
            .collect()
    };
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(classes("task"), names(&["incident", "problem", "change_request"]));
    assert_eq!(classes("cmdb_ci_hardware"), names(&["cmdb_ci_computer", "cmdb_ci_server"]));
    let row = fitting(&sandbox, "task", "number=INC0000060", "number,caller_id")[0].clone();
    assert_eq!(row, json!({"number": "INC0000060"}));
    // The number 2 means something else to an incident than to a task.
    let shown = [("number", "INC0008112"), ("sysparm_display_value", "true"), ("sysparm_fields", "state")];
    assert_eq!(get(&sandbox, "/api/now/table/task", &shown).rows(), [json!({"state": "In Progress"})]);
}

#[test]
fn the_dictionary_describes_the_rows_as_they_are() {
    let sandbox = sandbox();
    let tables = fitting(&sandbox, "sys_db_object", "", "name,sys_id,super_class,super_class.name");
    let parents: BTreeMap<&str, &str> =
        tables.iter().map(|table| (text(table, "name"), text(table, "super_class.name"))).collect();
    assert!(tables.len() >= 20);
    let fields = "name,element,internal_type,reference,max_length,mandatory,choice,column_label";
    let entries = fitting(&sandbox, "sys_dictionary", "elementISNOTEMPTY", fields);
    let choices = fitting(&sandbox, "sys_choice", "inactive=false", "name,element,value");
    for table in parents.keys() {
        let mut lineage = vec![*table];
        while !parents[lineage[lineage.len() - 1]].is_empty() {
            lineage.push(parents[lineage[lineage.len() - 1]]);
        }
        let described: BTreeMap<&str, &Value> = entries
            .iter()
            .filter(|entry| lineage.contains(&text(entry, "name")))
            .map(|entry| (text(entry, "element"), entry))
            .collect();
        let rows = get(&sandbox, &format!("/api/now/table/{table}"), &[("sysparm_limit", "3")]).expect(200).rows();
        for row in &rows {
            let there: BTreeSet<&str> = row.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(there, described.keys().copied().collect(), "{table}");
            for (field, value) in row.as_object().unwrap() {
                let entry = described[field.as_str()];
                assert_eq!(value.is_object(), text(entry, "internal_type") == "reference" && value != "", "{field}");
                if let Some(link) = value["link"].as_str() {
                    assert!(link.contains(&format!("/table/{}", text(entry, "reference"))), "{link}");
                }
                let value = value.as_str().or(value["value"].as_str()).unwrap();
                assert!(value.len() <= text(entry, "max_length").parse().unwrap(), "{table}.{field}");
                if text(entry, "choice") == "1" && !value.is_empty() {
                    let is_known = |choice: &Value| text(choice, "element") == field && text(choice, "value") == value;
                    assert!(choices.iter().any(is_known), "{table}.{field}={value}");
                }
            }
        }
    }
    // Each table has an entry of its own, without an element.
    let own = fitting(&sandbox, "sys_dictionary", "elementISEMPTY", "name,internal_type");
    assert_eq!(own.len(), tables.len());
    assert!(own.iter().all(|entry| text(entry, "internal_type") == "collection"));
    let linked = get(&sandbox, "/api/now/table/sys_dictionary", &[("name", "incident"), ("element", "caller_id")]);
    let entry = linked.rows()[0].clone();
    assert_eq!(entry["reference"]["value"], "sys_user");
    assert!(entry["reference"]["link"].as_str().unwrap().ends_with("/table/sys_db_object?name=sys_user"));
    assert_eq!(entry["mandatory"], "true");
}

#[test]
fn counts_and_sums_come_as_the_aggregate_api_gives_them() {
    let sandbox = sandbox();
    let stats = |parameters: &[(&str, &str)]| get(&sandbox, "/api/now/stats/incident", parameters).expect(200).result();
    assert_eq!(stats(&[("sysparm_count", "true")]), json!({"stats": {"count": "400"}}));
    let all = fitting(&sandbox, "incident", "", "priority,state,opened_at,reopen_count");
    let priorities: Vec<i64> = all.iter().map(|row| text(row, "priority").parse().unwrap()).collect();
    let average = priorities.iter().sum::<i64>() as f64 / 400.0;
    let reopened: i64 = all.iter().map(|row| text(row, "reopen_count").parse::<i64>().unwrap()).sum();
    let found = stats(&[
        ("sysparm_avg_fields", "priority"),
        ("sysparm_min_fields", "priority,opened_at"),
        ("sysparm_max_fields", "priority"),
        ("sysparm_sum_fields", "reopen_count"),
    ]);
    let first = all.iter().map(|row| text(row, "opened_at")).min().unwrap();
    let (least, greatest) = (priorities.iter().min().unwrap(), priorities.iter().max().unwrap());
    assert_eq!(
        found,
        json!({"stats": {
            "avg": {"priority": format!("{average:.4}")},
            "min": {"priority": least.to_string(), "opened_at": first},
            "max": {"priority": greatest.to_string()},
            "sum": {"reopen_count": reopened.to_string()},
        }})
    );
    let by_state = stats(&[("sysparm_count", "true"), ("sysparm_group_by", "state"), ("sysparm_query", "active=true")]);
    let mut total = 0;
    for group in by_state.as_array().unwrap() {
        let (state, count) = (&group["groupby_fields"][0]["value"], group["stats"]["count"].as_str().unwrap());
        let expected = all.iter().filter(|row| row["state"] == *state).count();
        assert_eq!(count, expected.to_string(), "{group}");
        assert_eq!(group["groupby_fields"][0]["field"], "state");
        total += expected;
    }
    assert!(total > 0 && total < 400);
    let shown = stats(&[("sysparm_count", "true"), ("sysparm_group_by", "state"), ("sysparm_display_value", "true")]);
    assert_eq!(shown[0]["groupby_fields"][0]["value"], "New");
    get(&sandbox, "/api/now/stats/nope", &[]).expect(400);
}

#[test]
fn a_record_is_created_read_changed_and_deleted() {
    let sandbox = sandbox();
    let origin = sandbox.origin();
    let send = |method: &str, path: &str, body: &Value| {
        Ask::new(method, &format!("{origin}{path}")).user("admin").json(body).send()
    };
    let created = send(
        "POST",
        "/api/now/v2/table/incident?sysparm_exclude_reference_link=true",
        &json!({"short_description": "Printer on fire", "caller_id": "Joe Employee", "impact": 1, "urgency": "2",
                "u_no_such": "x", "sys_id": "0", "severity": "grave", "work_notes": "Called the fire brigade", "made_sla": false}),
    )
    .expect(201);
    let row = created.result();
    let id = row["sys_id"].as_str().unwrap().to_owned();
    assert_eq!(id.len(), 32);
    let location = format!("{origin}/api/now/v2/table/incident/{id}");
    assert_eq!(created.header("location"), Some(location.as_str()));
    for (field, value) in [
        ("number", "INC0010401"),
        ("state", "1"),
        ("incident_state", "1"),
        ("active", "true"),
        ("priority", "2"),
        ("made_sla", "false"),
        ("severity", "3"),
        ("sys_created_by", "admin"),
        ("sys_mod_count", "0"),
        ("sys_class_name", "incident"),
        ("work_notes", ""),
    ] {
        assert_eq!(row[field], value, "{field}");
    }
    let path = location.strip_prefix(&origin).unwrap();
    assert_eq!(get(&sandbox, path, &[("sysparm_exclude_reference_link", "true")]).expect(200).result(), row);
    assert_eq!(get(&sandbox, INCIDENT, &[]).header("x-total-count"), Some("401"));
    // By the name of the caller's row, and by what a person reads.
    let asked = [("sysparm_fields", "caller_id.user_name,work_notes"), ("sysparm_display_value", "true")];
    let shown = get(&sandbox, path, &asked).expect(200).result();
    assert_eq!(shown["caller_id.user_name"], "joe.employee");
    assert!(shown["work_notes"].as_str().unwrap().contains("Called the fire brigade"), "{shown}");

    let changed = send("PATCH", path, &json!({"state": "6", "close_notes": "Extinguished"})).expect(200).result();
    assert_eq!(
        (&changed["state"], &changed["incident_state"], &changed["sys_mod_count"]),
        (&"6".into(), &"6".into(), &"1".into())
    );
    assert_eq!(changed["short_description"], "Printer on fire");
    assert!(!changed["resolved_at"].as_str().unwrap().is_empty() && changed["resolved_by"]["value"].is_string());
    let shown = format!("{path}?sysparm_input_display_value=true&sysparm_fields=state,active,urgency,priority");
    let changed = send("PUT", &shown, &json!({"state": "Closed", "urgency": "3 - Low"})).expect(200).result();
    assert_eq!(changed, json!({"state": "7", "active": "false", "urgency": "3", "priority": "3"}));
    // As it was read, a reference may be sent back; null empties a field.
    let back = json!({"caller_id": row["opened_by"], "close_notes": null});
    let changed = send("PATCH", path, &back).expect(200).result();
    assert_eq!((&changed["caller_id"]["value"], &changed["close_notes"]), (&row["opened_by"], &"".into()));

    let deleted = Ask::new("DELETE", &format!("{origin}{path}")).user("admin").send().expect(204);
    assert_eq!((deleted.body.as_str(), deleted.header("content-type")), ("", None));
    for method in ["GET", "DELETE", "PATCH", "PUT"] {
        let (message, detail) = send(method, path, &json!({})).expect(404).error();
        assert_eq!(message, "No Record found", "{method}");
        assert_eq!(detail, "Record doesn't exist or ACL restricts the record retrieval", "{method}");
    }
    assert_eq!(get(&sandbox, INCIDENT, &[]).header("x-total-count"), Some("400"));
    // An empty body makes an empty record, and the number goes on.
    let next = Ask::new("POST", &format!("{origin}{INCIDENT}")).user("admin").send().expect(201).result();
    assert_eq!(next["number"], "INC0010402");
    // What was written ends with the sandbox.
    let other = Sandbox::start(None, None).unwrap();
    assert_eq!(get(&other, INCIDENT, &[]).header("x-total-count"), Some("400"));
}

#[test]
fn what_cannot_be_answered_is_refused_in_the_words_of_the_api() {
    let sandbox = sandbox();
    let origin = sandbox.origin();
    let record = format!("{INCIDENT}/{}", fitting(&sandbox, "incident", "", "sys_id")[0]["sys_id"].as_str().unwrap());
    let ask = |method, path: &str| Ask::new(method, &format!("{origin}{path}")).user("admin");
    for (reply, status, message) in [
        (ask("GET", "/api/now/table/nope"), 400, "Invalid table nope"),
        (ask("POST", "/api/now/table/nope").json(&json!({})), 400, "Invalid table nope"),
        (ask("GET", "/api/now/table/nope/0"), 400, "Invalid table nope"),
        (ask("GET", "/api/now/nonsense"), 400, "Requested URI does not represent any resource"),
        (ask("GET", "/api/now/table"), 400, "Requested URI does not represent any resource"),
        (ask("PUT", INCIDENT), 405, "Method not supported"),
        (ask("DELETE", INCIDENT), 405, "Method not supported"),
        (ask("POST", &record), 405, "Method not supported"),
        (ask("OPTIONS", INCIDENT), 405, "Method not supported"),
        (ask("GET", INCIDENT).header("Accept", "text/csv"), 406, "Requested media type not supported"),
        (ask("POST", INCIDENT).header("Content-Type", "text/plain").body("x"), 415, "Unsupported media type"),
        (ask("POST", INCIDENT).body("{\"short_desc"), 400, "Exception while reading request"),
        (ask("POST", INCIDENT).body("[]"), 400, "Exception while reading request"),
        (ask("PATCH", &record).body(b"\xff".as_slice()), 400, "Exception while reading request"),
        (ask("POST", INCIDENT).header("Content-Length", "10485761"), 413, "Exception while reading request"),
    ] {
        let reply = reply.send();
        assert_eq!((reply.status, reply.error().0.as_str()), (status, message), "{reply:?}");
        assert_eq!(reply.header("x-is-logged-in"), Some("true"), "{reply:?}");
    }
    for accept in ["*/*", "application/json", "text/html, application/json;q=0.5", "application/*"] {
        ask("GET", &record).header("Accept", accept).send().expect(200);
    }
    let (_, detail) = ask("POST", INCIDENT).header("Content-Length", "15105102").send().expect(413).error();
    assert!(detail.contains("15105102 bytes. Max allowed: 10485760 bytes"), "{detail}");
    // The URL is refused by what stands in front, without JSON.
    let long = |bytes: usize| {
        let start = format!("{INCIDENT}?sysparm_limit=1&x=");
        ask("GET", &format!("{start}{}", "y".repeat(bytes - start.len()))).send()
    };
    long(8182).expect(200);
    let refused = long(8347).expect(414);
    assert_eq!(refused.header("server"), Some("snow_adc"));
    assert!(serde_json::from_str::<Value>(&refused.body).is_err());
}

#[test]
fn a_body_that_is_too_large_is_refused_after_it_was_sent() {
    use std::io::{Read, Write};
    let sandbox = sandbox();
    let mut stream = std::net::TcpStream::connect(sandbox.origin().trim_start_matches("http://")).unwrap();
    let head = "POST /api/now/table/incident HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                Authorization: Basic YWRtaW46c2FuZGJveC1hZG1pbg==\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = format!("100000\r\n{}\r\n", " ".repeat(0x10_0000));
    for _ in 0..30 {
        stream.write_all(chunk.as_bytes()).unwrap();
    }
    stream.write_all(b"0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("31457280 bytes. Max"), "{answer}");
}

#[test]
fn there_are_no_attachments_and_the_list_says_so() {
    let sandbox = sandbox();
    let list = get(&sandbox, "/api/now/attachment", &[("table_name", "incident")]).expect(200);
    assert_eq!((list.rows().len(), list.header("x-total-count")), (0, Some("0")));
    get(&sandbox, "/api/now/attachment/0", &[]).expect(404);
    let origin = sandbox.origin();
    Ask::new("POST", &format!("{origin}/api/now/attachment/file")).user("admin").send().expect(405);
}
