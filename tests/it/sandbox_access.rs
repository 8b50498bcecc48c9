//! Who may see and change what in the embedded instance.

use serde_json::json;
use snow_connect::sandbox::{Sandbox, USERS};

use crate::world::ask::{Ask, Reply};

fn get(sandbox: &Sandbox, user: &str, path: &str) -> Reply {
    Ask::new("GET", &format!("{}{path}", sandbox.origin())).user(user).send()
}

#[test]
fn each_role_reads_the_tables_that_it_may() {
    let sandbox = Sandbox::start(None, None).unwrap();
    // Path below `table/`, then for admin, itil and nobody in particular: how
    // many rows come, or the status where it is not 200.
    for (path, admin, itil, none) in [
        ("sys_user?sysparm_limit=5", 5, 5, 5),
        ("cmdb_ci?sysparm_limit=5", 5, 5, 5),
        ("sys_choice?sysparm_limit=5", 5, 5, 5),
        ("sys_user_preference?sysparm_limit=1", 1, 1, 1),
        ("problem?sysparm_limit=5", 5, 5, 0),
        ("incident?sysparm_query=active=true&sysparm_limit=5", 5, 5, 0),
        ("sys_dictionary?sysparm_limit=5", 5, 0, 0),
        ("sys_dictionary_override?sysparm_query=name=incident", 2, 0, 0),
        ("sys_properties?sysparm_limit=2", 2, 0, 0),
        ("sys_user_has_role?sysparm_limit=2", 2, 0, 0),
        ("sys_db_object?sysparm_limit=5", 5, 5, 403),
        ("sys_journal_field", 0, 0, 403),
    ] {
        for (user, expected) in [("admin", admin), ("beth.anglin", itil), ("svc.ci", itil), ("joe.employee", none)] {
            let reply = get(&sandbox, user, &format!("/api/now/table/{path}"));
            let found = if reply.status == 200 { reply.rows().len() } else { reply.status.into() };
            assert_eq!(found, expected, "{user} {path}");
        }
    }
}

#[test]
fn a_caller_without_a_role_sees_the_own_incidents_and_the_count_of_all() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let reply = get(&sandbox, "joe.employee", "/api/now/table/incident?sysparm_fields=number,caller_id");
    let rows = reply.expect(200);
    assert_eq!(rows.header("x-total-count"), Some("400"));
    let joe = USERS.iter().find(|user| user.user_name == "joe.employee").unwrap().id();
    assert!(!rows.rows().is_empty() && rows.rows().iter().all(|row| row["caller_id"]["value"] == joe));
    assert!(rows.rows().iter().any(|row| row["number"] == "INC0000060"));
    // The limit is applied before the access rules.
    let page = get(&sandbox, "joe.employee", "/api/now/table/incident?sysparm_limit=3&sysparm_offset=1").expect(200);
    assert_eq!((page.rows().len(), page.header("x-total-count")), (0, Some("400")));
    // What is hidden is as if it were absent, and is not counted in sums.
    let hidden = get(&sandbox, "admin", "/api/now/table/incident?number=INC0009009").rows()[0]["sys_id"].clone();
    let record = format!("/api/now/table/incident/{}", hidden.as_str().unwrap());
    assert_eq!(get(&sandbox, "joe.employee", &record).expect(404).error().0, "No Record found");
    get(&sandbox, "beth.anglin", &record).expect(200);
    let count = |user| {
        get(&sandbox, user, "/api/now/stats/incident?sysparm_count=true").expect(200).result()["stats"]["count"].clone()
    };
    assert_eq!(count("admin"), "400");
    assert_eq!(count("joe.employee"), rows.rows().len().to_string());
    let tables = get(&sandbox, "joe.employee", "/api/now/stats/sys_db_object?sysparm_count=true").expect(200);
    assert_eq!(tables.result()["stats"]["count"], "0");
}

#[test]
fn a_field_that_is_closed_is_missing_and_a_query_for_it_is_refused() {
    let sandbox = Sandbox::start(None, None).unwrap();
    for (user, sees_email, sees_salary) in
        [("admin", true, true), ("beth.anglin", true, false), ("joe.employee", false, false)]
    {
        let row = get(&sandbox, user, "/api/now/table/sys_user?sysparm_limit=1").expect(200).rows()[0].clone();
        assert!(row.get("user_name").is_some());
        for (field, is_seen) in [("email", sees_email), ("u_salary_band", sees_salary)] {
            assert_eq!(row.get(field).is_some(), is_seen, "{user} {field}");
            let asked = format!("/api/now/table/sys_user?sysparm_limit=1&sysparm_fields=user_name,{field}");
            assert_eq!(get(&sandbox, user, &asked).rows()[0].get(field).is_some(), is_seen, "{user} {field}");
            let walked = format!("/api/now/table/incident?sysparm_limit=1&sysparm_fields=caller_id.{field}");
            let walked = get(&sandbox, user, &walked);
            assert_eq!(walked.rows()[0].as_object().unwrap().is_empty(), !is_seen, "{user} {field}");
            for query in [format!("{field}ISNOTEMPTY"), format!("ORDERBY{field}"), format!("user_name=a^OR{field}=b")] {
                let reply = get(&sandbox, user, &format!("/api/now/table/sys_user?sysparm_query={query}"));
                if is_seen {
                    assert_eq!(reply.status, 200, "{user} {query}")
                } else {
                    assert_eq!(reply.error().0, "Insufficient rights to query records", "{user} {query}");
                    assert_eq!(reply.status, 403);
                }
            }
            let sums = format!("/api/now/stats/sys_user?sysparm_max_fields={field}");
            let max = get(&sandbox, user, &sums).expect(200).result();
            assert_eq!(max["stats"]["max"].get(field).is_some(), is_seen, "{user} {field}");
        }
    }
}

#[test]
fn each_role_changes_what_it_may_and_is_refused_the_rest() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let origin = sandbox.origin();
    let of = |table: &str| {
        let row = get(&sandbox, "admin", &format!("/api/now/table/{table}?sysparm_limit=1")).rows()[0].clone();
        format!("/api/now/table/{table}/{}", row["sys_id"].as_str().unwrap())
    };
    // The first incident is Joe's own.
    let (incident, user, item, table) = (of("incident"), of("sys_user"), of("cmdb_ci"), of("sys_db_object"));
    for (method, path, admin, itil, none, refusal) in [
        ("POST", "/api/now/table/incident", 201, 201, 201, ""),
        ("POST", "/api/now/table/problem", 201, 201, 403, "ACL Exception Insert Failed due to security constraints"),
        ("POST", "/api/now/table/sys_user", 201, 403, 403, "ACL Exception Insert Failed due to security constraints"),
        ("POST", "/api/now/table/sys_choice", 403, 403, 403, "ACL Exception Insert Failed due to security constraints"),
        ("PATCH", &incident, 200, 200, 403, "ACL Exception Update Failed due to security constraints"),
        ("PUT", &item, 200, 200, 403, "ACL Exception Update Failed due to security constraints"),
        ("PATCH", &user, 200, 403, 403, "ACL Exception Update Failed due to security constraints"),
        ("DELETE", &table, 403, 403, 404, "ACL Exception Delete Failed due to security constraints"),
        ("DELETE", &incident, 204, 403, 403, "ACL Exception Delete Failed due to security constraints"),
    ] {
        // The refused come first: the last may delete it.
        for (user, expected) in [("joe.employee", none), ("beth.anglin", itil), ("admin", admin)] {
            let reply = Ask::new(method, &format!("{origin}{path}")).user(user).json(&json!({})).send();
            assert_eq!(reply.status, expected, "{user} {method} {path}: {reply:?}");
            if reply.status == 403 {
                assert_eq!(reply.error(), ("Operation Failed".to_owned(), refusal.to_owned()));
            }
        }
    }
}

#[test]
fn a_closed_field_is_not_written_either() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let origin = sandbox.origin();
    let note = json!({"short_description": "Mine", "work_notes": "not for me", "comments": "hello"});
    let created = Ask::new("POST", &format!("{origin}/api/now/table/incident")).user("joe.employee").json(&note).send();
    let created = created.expect(201).result();
    assert!(created.get("work_notes").is_none() && created.get("comments").is_some(), "{created}");
    let entries = get(&sandbox, "admin", "/api/now/table/sys_journal_field").rows();
    assert_eq!(entries.len(), 1);
    assert_eq!((&entries[0]["element"], &entries[0]["value"]), (&json!("comments"), &json!("hello")));
    assert_eq!(
        (&entries[0]["element_id"], &entries[0]["sys_created_by"]),
        (&created["sys_id"], &json!("joe.employee"))
    );
}

#[test]
fn nobody_gets_anything_without_signing_in() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let origin = sandbox.origin();
    for (method, path) in
        [("GET", "/api/now/table/incident"), ("POST", "/api/now/table/incident"), ("GET", "/api/now/stats/incident")]
    {
        let reply = Ask::new(method, &format!("{origin}{path}")).send().expect(401);
        assert_eq!(reply.error().1, "Required to provide Auth information");
        assert_eq!(reply.header("www-authenticate"), Some("BASIC realm=\"Service-now\""));
        assert_eq!(reply.header("x-is-logged-in"), None);
    }
}
