//! Sessions of Salesforce, whose answers do not say how long they last.

use snow_connect::sandbox::salesforce::SalesforceSandbox;
use snow_connect::sandbox::salesforce::scenario::Scenario;

use crate::world::World;
use crate::world::salesforce::org;

fn connected(org: &SalesforceSandbox) -> World {
    let mut world = World::new();
    let line = format!(
        "connect {} --spec salesforce-service-cloud --name ci --auth client-credentials --client-id sandbox-ci \
         --client-secret-stdin",
        org.origin()
    );
    world.stdin("sandbox-ci-secret").run(&line).expect(0);
    world
}

#[test]
fn a_client_with_a_secret_asks_how_long_its_token_lasts_only_if_that_matters() {
    let org = org(None);
    let mut world = connected(&org);
    let connected = org.requests();
    let token = world.run("token ci --json").expect(0).json();
    assert!(token["expires_at"].is_null(), "{token}");
    assert_eq!(org.requests(), connected, "the token is at hand");
    let renewed = org.token_requests();
    let lasting = world.run("token ci --min-ttl 10m --json").expect(0).json();
    assert!(lasting["expires_at"].is_string(), "{lasting}");
    assert_eq!(lasting["access_token"], token["access_token"], "it is long enough, and not renewed");
    assert_eq!((org.requests(), org.token_requests()), (connected + 1, renewed), "one question");
    world.run("token ci --min-ttl 10h --json").expect(11).says(&["lifetime-too-short"]);
}

#[test]
fn a_token_whose_end_is_not_told_is_not_sure_to_last() {
    let org = org(Some(Scenario::IntrospectionOff));
    let mut world = connected(&org);
    world.run("token ci --min-ttl 10m").expect(11).says(&["did not say how long"]);
}
