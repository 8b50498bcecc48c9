//! What an administrator is asked for.

use crate::world::World;
use crate::world::commands::{assert_parses, commands_in};

const METHODS: [&str; 3] = ["oauth", "client-credentials", "basic"];

fn markdown(world: &mut World, line: &str) -> String {
    world.run(&format!("guide {line} --format markdown")).expect(0).stdout
}

#[test]
fn every_guide_fits_80_columns_and_a_screen_or_two() {
    let mut world = World::new();
    for method in METHODS {
        let outcome = world.person([]).run(&format!("guide {method}")).expect(0);
        let text = outcome.stdout;
        assert!((40..=66).contains(&text.lines().count()), "{method}: {} lines", text.lines().count());
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{method}: {line}");
            assert!(!line.contains(['`', '{']) && !line.contains("**"), "{method}: {line}");
        }
        assert!(outcome.stderr.is_empty(), "{}", outcome.stderr);
    }
}

#[test]
fn each_guide_names_what_decides() {
    let mut world = World::new();
    let decides: [&[&str]; 3] = [
        &[
            "System OAuth > Application Registry > New > Create an OAuth API endpoint for external clients",
            "Machine Identity Console > Inbound integrations > New integration",
            "http://127.0.0.1:8914/callback",
            "Broadly scoped",
            "useraccount",
            "PKCE",
            "100 days",
            "--sdk-client",
            "snc_internal",
        ],
        &[
            "glide.oauth.inbound.client.credential.grant_type.enabled",
            "OAuth Application User",
            "Washington DC",
            "SNOW_CLIENT_SECRET_FILE",
            "oauth_credential",
        ],
        &["snc_basic_auth_api_access", "Web service access only", "Five wrong passwords"],
    ];
    for (method, words) in METHODS.iter().zip(decides) {
        let outcome = world.run(&format!("guide {method}")).expect(0);
        outcome.says(words).says(&["snc_platform_rest_api_access", "snow test --table"]);
    }
    assert!(!world.run("guide basic").stdout.contains("oauth_credential"));
}

#[test]
fn markdown_is_well_formed() {
    let mut world = World::new();
    for method in METHODS {
        for target in ["", "acme", "http://localhost:8080"] {
            let text = markdown(&mut world, &format!("{method} {target}"));
            assert_eq!(text.lines().filter(|line| line.starts_with("# ")).count(), 1, "{text}");
            assert!(text.starts_with("# "), "{text}");
            assert!(!text.contains('{') && !text.contains("\n\n\n"), "{text}");
            let lines: Vec<&str> = text.lines().collect();
            for (index, line) in lines.iter().enumerate().skip(1) {
                let is_free = |index: usize| lines.get(index).is_none_or(|line| line.is_empty());
                if line.starts_with('#') {
                    assert!(is_free(index - 1) && is_free(index + 1), "{method}: {line}");
                }
            }
            assert!(text.matches("**").count().is_multiple_of(2), "{text}");
            // Asserts that blocks and spans are closed.
            assert!(commands_in(&text).len() > 1, "{text}");
        }
    }
}

#[test]
fn every_command_of_a_guide_exists() {
    let mut world = World::new();
    world.write_config("[connections.acme]\ninstance = \"acme\"\nauth = \"basic\"\nusername = \"x\"\n");
    for method in METHODS {
        for target in ["", "acme", "beta.example"] {
            for words in commands_in(&markdown(&mut world, &format!("{method} {target}"))) {
                assert_parses(&words);
            }
        }
    }
}

#[test]
fn the_redirect_uri_stands_in_the_guide_as_it_was_given() {
    let mut world = World::new();
    for uri in [
        "http://127.0.0.1:9000/x",
        "http://[::1]:9000/callback",
        "http://localhost:9000",
        "HTTPS://tools.example/a%2Fb/?x=1&y=2",
    ] {
        let text = world.run(&format!("guide oauth acme --redirect-uri {uri}")).expect(0).stdout;
        assert!(text.lines().any(|line| line == format!("    {uri}")), "{text}");
        // A shell must take it as one word.
        let given = if uri.contains(['?', '&', '[']) {
            format!("      --redirect-uri '{uri}'")
        } else {
            format!("      --redirect-uri {uri}")
        };
        assert!(text.lines().any(|line| line == given), "{text}");
    }
}

#[test]
fn the_guide_names_the_redirect_uri_that_connect_uses() {
    let mut world = World::new();
    let of = |name: &str, more: &str| format!("[connections.{name}]\ninstance = \"acme\"\n{more}\n");
    let own = "auth = \"oauth\"\nclient_id = \"x\"\nredirect_uri = \"http://127.0.0.1:9000/own\"";
    let page = "auth = \"oauth\"\nclient_id = \"x\"\nredirect_uri = \"/sdk-oauth.do\"";
    let password = "auth = \"basic\"\nusername = \"x\"";
    world.write_config([of("prod", password), of("own", own), of("page", page)].concat());
    let registered = |world: &mut World, target: &str| {
        let text = world.run(&format!("guide oauth {target}")).expect(0).stdout;
        text.lines().find_map(|line| line.trim().strip_prefix("http://127.0.0.1:")).expect("a URI").to_owned()
    };
    for target in ["", "https://DEV12345.service-now.com/now/nav", "prod", "page"] {
        assert_eq!(registered(&mut world, target), "8914/callback", "{target}");
    }
    assert_eq!(registered(&mut world, "own"), "9000/own");
    let line = "guide oauth https://DEV12345.service-now.com/now/nav";
    world.run(line).expect(0).says(&["snow connect dev12345.service-now.com --client-id"]);
    // What is saved keeps its name, and is replaced only by --force.
    world.run("guide oauth prod").expect(0).says(&["snow connect prod --force --client-id"]);
    world.run("guide basic prod").expect(0).says(&["acme.service-now.com", "snow connect prod --username"]);
    world.run("guide client-credentials prod").expect(0).says(&["SNOW_INSTANCE=acme.service-now.com"]);
    let plain = world.run("guide oauth").expect(0).stdout;
    assert!(plain.contains("8914/callback\n") && !plain.contains("--redirect-uri"), "{plain}");
}

#[test]
fn hostile_redirect_uris_are_refused_and_not_repeated() {
    let mut world = World::new();
    for uri in [
        "http://127.0.0.1/$(x)",
        "http://127.0.0.1/`x`",
        "http://127.0.0.1/';x;'",
        "http://127.0.0.1/a b",
        "http://127.0.0.1/\u{1b}]52;c;x\u{7}",
        "http://127.0.0.1/\n# x",
        "http://127.0.0.1/#x",
        "http://127.0.0.1/{target}",
        "http://user:hidden@127.0.0.1/",
        "http://127.0.0.1/*x*",
        "javascript:x",
        "//evil.example/callback",
        "",
    ] {
        let outcome = world.run_words(&["guide", "oauth", "--redirect-uri", uri]).expect(2);
        assert!(outcome.stdout.is_empty(), "{uri:?}: {}", outcome.stdout);
        for trace in ["$(", "`", "\u{1b}", "hidden", "evil", "javascript"] {
            assert!(!outcome.stderr.contains(trace), "{uri:?}: {}", outcome.stderr);
        }
    }
    world.run("guide basic --redirect-uri http://127.0.0.1/").expect(2).says(&["--redirect-uri"]);
}

#[test]
fn hostile_targets_are_refused() {
    let mut world = World::new();
    for target in ["$(x)", "`x`", "a;b", "\u{1b}[31m", "https://u:CANARY@acme.example", "x\n# y", "*x*", "{name}"] {
        for format in ["text", "markdown"] {
            let outcome = world.run_words(&["guide", "oauth", target, "--format", format]).expect(3);
            assert!(outcome.stdout.is_empty(), "{target:?}: {}", outcome.stdout);
            assert!(!outcome.stderr.contains('\u{1b}') && !outcome.stderr.contains("CANARY"), "{}", outcome.stderr);
        }
    }
}

#[test]
fn json_is_one_document_with_the_markdown() {
    let mut world = World::new();
    for method in METHODS {
        let plain = markdown(&mut world, method);
        for line in ["--json", "--json --format markdown", "-o json"] {
            let outcome = world.run(&format!("guide {method} {line}")).expect(0);
            let document = outcome.json();
            assert_eq!(document["schema"], "snow.guide/1");
            assert_eq!(document["method"], method);
            assert_eq!(document["markdown"], plain);
            assert!(outcome.stderr.is_empty(), "{}", outcome.stderr);
        }
    }
    assert_eq!(world.run("guide nonsense --json").expect(2).error_code(), "usage");
    assert_eq!(world.run("guide oauth $(x) --json").expect(3).error_code(), "invalid-instance");
    world.run("guide nonsense").expect(2).says(&["oauth, client-credentials, basic"]);
}

#[test]
fn a_guide_without_target_reads_no_file() {
    let mut world = World::new();
    world.write_config("not = [toml");
    world.run("guide oauth").expect(0);
    world.run("guide oauth acme").expect(3);
}
