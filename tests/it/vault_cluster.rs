//! Sessions in a real cluster of three that loses nodes.

use std::process::Child;
use std::time::Duration;

use serde_json::Value;
use snow_connect::sandbox::{Sandbox, SandboxOptions};

use crate::world::machine::{Machine, expired, item};
use crate::world::vault::{Cluster, until};
use crate::world::{World, reach};

/// One request, which is repeated after a refresh. Many at once on two cores take their time.
const ASK: [&str; 6] = ["-c", "acme", "api", "table/incident?sysparm_limit=1", "--timeout", "120s"];

struct Scene {
    cluster: Cluster,
    sandbox: Sandbox,
    machines: Vec<Machine>,
}

#[track_caller]
fn all_end_well(running: Vec<Child>) {
    for process in running {
        let output = process.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    }
}

impl Scene {
    /// A session that must be renewed, at a strict instance.
    fn new() -> Self {
        let cluster = Cluster::start();
        let sandbox = Sandbox::open(SandboxOptions { rotate: true, ..SandboxOptions::default() }).unwrap();
        cluster.put(&item(), &expired(&sandbox));
        let (leader, others) = cluster.nodes();
        let nodes = std::iter::once(&leader).chain(&others);
        let machines = nodes.map(|node| Machine::new(node, &sandbox.origin())).collect();
        Self { cluster, sandbox, machines }
    }

    /// So many processes at once, on machines that ask these nodes in turn.
    fn start(&self, nodes: &[&str], count: usize, words: &[&str]) -> Vec<Child> {
        let machines: Vec<_> = self.machines.iter().filter(|machine| nodes.contains(&machine.address())).collect();
        let machine = |number: usize| machines[number % machines.len()];
        (0..count).map(|number| machine(number).command(self.cluster.token(), words).spawn().unwrap()).collect()
    }

    fn generation(&self) -> usize {
        let record: Value =
            serde_json::from_str(self.cluster.item(&item())["data"]["record"].as_str().unwrap()).unwrap();
        assert_eq!(record["lease"], Value::Null, "the turn is given back");
        record["generation"].as_u64().unwrap().try_into().unwrap()
    }

    fn refreshes(&self) -> usize {
        self.sandbox.token_requests().refresh_token
    }

    /// The first generation came with the sign-in.
    #[track_caller]
    fn has_as_many_refreshes_as_generations(&self) {
        assert_eq!(self.refreshes(), self.generation() - 1);
    }
}

#[test]
fn a_leader_that_is_killed_while_many_refresh_costs_no_session() {
    let mut scene = Scene::new();
    let (leader, [one, other]) = scene.cluster.nodes();
    all_end_well(scene.start(&[&leader, &one, &other], 6, &["token", "acme"]));
    assert_eq!((scene.refreshes(), scene.generation()), (1, 2));
    for kill in 0..reach(2, 20) {
        scene.cluster.wait_until_all_vote();
        let (leader, [one, other]) = scene.cluster.nodes();
        scene.sandbox.expire_access_tokens();
        let before = scene.refreshes();
        let running = scene.start(&[&one, &other], reach(12, 100), &ASK);
        // When one has its answer, and else before that or after it.
        match kill % 3 {
            0 => until("the answer is under way", || scene.refreshes() > before),
            _ => std::thread::sleep(Duration::from_millis(kill * 50)),
        }
        scene.cluster.kill(&leader);
        all_end_well(running);
        assert_eq!(scene.refreshes(), before + 1);
        scene.has_as_many_refreshes_as_generations();
        scene.cluster.restart(&leader);
    }
}

/// Each standby has a copy that may lag behind.
fn what_one_standby_writes_another_reads_at_once(scene: &Scene) {
    let (_, [one, other]) = scene.cluster.nodes();
    let mut world = World::new();
    world.guard(scene.cluster.token());
    world.set("SNOW_STORE", "vault").set("VAULT_TOKEN", scene.cluster.token()).set("VAULT_ADDR", &one);
    let connect = "--name second --username beth.anglin --password-stdin";
    world.stdin("sandbox-beth").run(&format!("connect {} {connect}", scene.sandbox.origin())).expect(0);
    for round in 0..5 {
        world.unset("VAULT_ADDR").set("VAULT_ADDR", if round % 2 == 0 { &other } else { &one });
        world.run("test second").expect(0);
        world.stdin("sandbox-beth").run("login second --password-stdin").expect(0);
    }
}

#[test]
fn a_leader_that_is_lost_under_the_write_while_a_follower_stands_still_costs_no_session() {
    let mut scene = Scene::new();
    what_one_standby_writes_another_reads_at_once(&scene);
    for round in 0..reach(1, 10) {
        scene.cluster.wait_until_all_vote();
        let (leader, [one, other]) = scene.cluster.nodes();
        scene.sandbox.expire_access_tokens();
        let word = if round == 0 { "token" } else { "test" };
        // With one node of three nothing is written.
        scene.cluster.signal(&other, "STOP");
        let running = scene.start(&[&one], 2, &[word, "acme"]);
        until("the answer is under way", || scene.refreshes() > round);
        scene.cluster.kill(&leader);
        std::thread::sleep(Duration::from_secs(3));
        scene.cluster.signal(&other, "CONT");
        all_end_well(running);
        assert_eq!(scene.refreshes(), round + 1);
        scene.has_as_many_refreshes_as_generations();
        scene.cluster.restart(&leader);
    }
}
