//! A renewal where several machines share the store: what a cluster does to reads
//! and writes, and what other machines do meanwhile.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use snow_connect::auth::oauth::lock::KernelLock;
use snow_connect::auth::oauth::renewal::{Attempt, RefreshReason, SessionStore, renew};
use snow_connect::base::error::Failure;
use snow_connect::base::time::Time;
use snow_connect::http::client::Deadline;
use snow_connect::model::tokens::SavedSession;

use crate::world::block_on;
use crate::world::cluster::{Answer, Cluster, Endpoint, Fault, ORIGIN, VirtualTime, session_store};
use crate::world::session::{REFRESH_TOKEN, record};

/// A session at its end in a cluster, and the machines that share it.
struct Scene {
    time: Arc<VirtualTime>,
    cluster: Arc<Cluster>,
    endpoint: Endpoint,
    /// Each machine has its own locks.
    locks: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        Self::with(-1, json!({}))
    }

    /// A session that is good for `seconds` more, with changes.
    fn with(seconds: i64, changes: Value) -> Self {
        let time = VirtualTime::starting_at(Utc::now());
        Self {
            cluster: Cluster::holding(&record(ORIGIN, seconds, changes), time.clone()),
            endpoint: Endpoint::taking(REFRESH_TOKEN),
            locks: tempfile::tempdir().unwrap(),
            time,
        }
    }

    /// When the user signed in, as the store has it.
    fn signed_in_at(&self) -> DateTime<Utc> {
        serde_json::from_value(self.cluster.holds().1["signed_in_at"].clone()).unwrap()
    }

    fn machine(&self, number: usize) -> SessionStore {
        let lock = KernelLock(Path::new(self.locks.path()).join(format!("{number}.lock")));
        session_store(self.cluster.clone(), Box::new(lock), self.time.clone())
    }

    /// One machine needs a token; gives what it has then.
    async fn renew_on(&self, machine: usize) -> (Result<(), Failure>, Option<SavedSession>) {
        self.renew_because(machine, RefreshReason::Due(Duration::ZERO)).await
    }

    async fn renew_because(
        &self,
        machine: usize,
        reason: RefreshReason,
    ) -> (Result<(), Failure>, Option<SavedSession>) {
        let mut in_hand = None;
        let deadline = Deadline::after(Duration::from_secs(30));
        let Attempt { result, .. } =
            renew(&self.machine(machine), &self.endpoint, &mut in_hand, reason, deadline).await;
        (result, in_hand)
    }

    fn renew(&self) -> (Result<(), Failure>, Option<SavedSession>) {
        block_on(self.renew_on(1))
    }

    /// The first machine got a new token, by one request, and the store has it.
    #[track_caller]
    fn renews_once(&self, what: &str) {
        let (result, in_hand) = self.renew();
        result.unwrap_or_else(|failure| panic!("{what}: {failure:?}"));
        let (_, kept) = self.cluster.holds();
        assert_eq!(in_hand.unwrap().access_token.expose(), "access-1", "{what}");
        assert_eq!(
            (&kept["access_token"], &kept["refresh_token"]),
            (&json!("access-1"), &json!("refresh-1")),
            "{what}"
        );
        assert_eq!((&kept["generation"], kept.get("lease")), (&json!(2), None), "{what}");
        assert_eq!(self.endpoint.requests(), 1, "{what}");
    }
}

#[test]
fn a_write_is_settled_whatever_the_cluster_says_of_it() {
    use Fault::{DoneLater, JudgedStale, NeverDone, NotApplied, SaysMismatch};
    let faults: &[&[Fault]] = &[
        &[],
        &[SaysMismatch],
        &[JudgedStale],
        &[JudgedStale, JudgedStale, SaysMismatch],
        &[NotApplied],
        // Before it is repeated, and after that.
        &[DoneLater(1)],
        &[DoneLater(2)],
        &[DoneLater(5)],
        &[NeverDone, JudgedStale, DoneLater(2)],
        &[NeverDone, NotApplied, NeverDone],
    ];
    for faults in faults {
        let scene = Scene::new();
        scene.cluster.fail(faults);
        scene.renews_once(&format!("the mark: {faults:?}"));
        let scene = Scene::new();
        scene.cluster.fail(&[Fault::None]);
        scene.cluster.fail(faults);
        scene.renews_once(&format!("the result: {faults:?}"));
    }
}

#[test]
fn a_stale_read_sends_nothing_and_finds_what_is_there() {
    let scene = Scene::new();
    scene.cluster.write_elsewhere(Some(record(ORIGIN, 1800, json!({ "generation": 2, "access_token": "theirs" }))));
    // Two looks at what was before, and the mark fails.
    scene.cluster.lag(&[1, 1]);
    let (result, in_hand) = scene.renew();
    result.unwrap();
    assert_eq!(in_hand.unwrap().access_token.expose(), "theirs");
    assert_eq!(scene.endpoint.requests(), 0);
    assert_eq!(scene.cluster.holds().0, 2);
}

/// The session of before, renewed once: it is at its end again.
fn renewed_once(scene: &Scene, refresh_token: &str) {
    let changes = json!({ "generation": 2, "access_token": "second", "refresh_token": refresh_token });
    let mut there = scene.cluster.holds().1;
    there.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    scene.cluster.write_elsewhere(Some(there));
}

#[test]
fn a_stale_read_after_a_refusal_brings_no_older_token_back() {
    let scene = Scene::new();
    renewed_once(&scene, "spent");
    // Two looks, and the one after the refusal, which misses the mark and the renewal.
    scene.cluster.lag(&[0, 0, 2]);
    let (result, in_hand) = scene.renew();
    assert_eq!(result.unwrap_err().code().as_str(), "session-expired");
    assert_eq!(in_hand.unwrap().access_token.expose(), "second");
    assert!(scene.cluster.holds().1["refused_at"].is_string());
}

#[test]
fn a_stale_read_is_not_taken_for_the_renewal_of_a_refused_token() {
    let scene = Scene::with(900, json!({}));
    renewed_once(&scene, REFRESH_TOKEN);
    let refused: SavedSession = serde_json::from_value(scene.cluster.holds().1).unwrap();
    scene.cluster.lag(&[1, 1]);
    let (result, in_hand) = block_on(scene.renew_because(1, RefreshReason::Refused(refused.issued())));
    result.unwrap();
    assert_eq!(in_hand.unwrap().access_token.expose(), "access-1");
    assert_eq!(scene.endpoint.requests(), 1);
}

#[test]
fn a_store_that_takes_no_mark_costs_no_token() {
    let scene = Scene::new();
    scene.cluster.fail(&[Fault::NotApplied; 10_000]);
    let (result, _) = scene.renew();
    assert_eq!(result.unwrap_err().code().as_str(), "store-busy");
    assert_eq!(scene.endpoint.requests(), 0);
}

#[test]
fn a_mark_that_took_long_is_written_once_more_before_anything_is_sent() {
    let scene = Scene::new();
    // About seventeen seconds without a leader.
    scene.cluster.fail(&[Fault::NotApplied; 16]);
    scene.renews_once("a mark that took long");
    // The session, its mark twice, the result.
    assert_eq!(scene.cluster.holds().0, 4);
}

#[test]
fn a_store_that_takes_no_result_for_its_whole_budget_is_said_and_the_token_is_in_hand() {
    let scene = Scene::new();
    scene.cluster.fail(&[Fault::None]);
    scene.cluster.fail(&[Fault::NeverDone; 10_000]);
    let (result, in_hand) = scene.renew();
    assert_eq!(result.unwrap_err().code().as_str(), "session-not-saved");
    assert_eq!(in_hand.unwrap().access_token.expose(), "access-1");
    assert_eq!(scene.endpoint.requests(), 1);
}

#[test]
fn a_sign_out_meanwhile_is_not_undone_and_what_came_is_given_back() {
    let scene = Scene::new();
    scene.cluster.write_elsewhere_after(1, |_| None);
    let (result, in_hand) = scene.renew();
    assert_eq!(result.unwrap_err().code().as_str(), "no-credential");
    assert!(in_hand.is_none());
    assert_eq!(scene.cluster.holds(), (3, Value::Null));
    assert_eq!(scene.endpoint.ended(), ["refresh-1"]);
}

#[test]
fn a_record_that_was_taken_away_is_no_session() {
    let scene = Scene::new();
    scene.cluster.write_elsewhere(None);
    assert_eq!(scene.renew().0.unwrap_err().code().as_str(), "no-credential");
    assert_eq!((scene.endpoint.requests(), scene.cluster.holds().0), (0, 2));
}

#[test]
fn a_result_goes_over_the_mark_or_the_refusal_of_the_same_token_and_over_nothing_newer() {
    let lease = json!({ "by": "another", "seconds": 90, "holder": "another" });
    for (changes, is_mine) in [
        (json!({ "lease": lease }), true),
        (json!({ "lease": null, "by": "another", "refused_at": Utc::now() }), true),
        (json!({ "lease": null, "by": "another", "generation": 2, "access_token": "theirs" }), false),
        (json!({ "lease": null, "signed_in_at": Utc::now(), "access_token": "theirs" }), false),
    ] {
        let scene = Scene::new();
        let change = changes.clone();
        scene.cluster.write_elsewhere_after(1, move |mut there| {
            let members = there.as_object_mut().unwrap();
            for (key, value) in change.as_object().unwrap() {
                match value {
                    Value::Null => drop(members.remove(key)),
                    _ => drop(members.insert(key.clone(), value.clone())),
                }
            }
            Some(there)
        });
        if is_mine {
            scene.renews_once(&changes.to_string());
            continue;
        }
        let (result, in_hand) = scene.renew();
        result.unwrap();
        assert_eq!(in_hand.unwrap().access_token.expose(), "theirs", "{changes}");
        assert_eq!(scene.cluster.holds().1["access_token"], "theirs", "{changes}");
    }
}

#[test]
fn a_lease_of_another_is_waited_for_while_it_holds_and_taken_over_after_it() {
    let leased = json!({ "lease": { "by": "another", "seconds": 90, "holder": "another" }, "refreshing": Utc::now() });
    // Its token is still good: nobody waits, nothing is sent.
    let scene = Scene::with(30, leased.clone());
    let (result, in_hand) = scene.renew();
    result.unwrap();
    assert!(in_hand.is_some());
    assert_eq!(scene.endpoint.requests(), 0);
    // It is not: until the lease is over, nothing is sent.
    let scene = Scene::with(-1, leased);
    let before = scene.time.elapsed();
    scene.renews_once("taken over");
    assert!(scene.time.elapsed() - before >= Duration::from_secs(91), "{:?}", scene.time.elapsed());
}

#[test]
fn a_refusal_is_kept_with_its_time_and_deletes_nothing() {
    let scene = Scene::with(-1, json!({ "refresh_token": "spent" }));
    assert_eq!(scene.renew().0.unwrap_err().code().as_str(), "session-expired");
    let (_, kept) = scene.cluster.holds();
    assert!(kept["refused_at"].is_string() && kept.get("lease").is_none(), "{kept}");
    assert_eq!(kept["refresh_token"], "spent");
}

#[test]
fn a_refusal_holds_for_all_machines_for_a_minute() {
    let scene = Scene::with(-1, json!({ "refresh_token": "spent" }));
    assert_eq!(scene.renew().0.unwrap_err().code().as_str(), "session-expired");
    for machine in 2..50 {
        let (result, _) = block_on(scene.renew_on(machine));
        assert_eq!(result.unwrap_err().code().as_str(), "session-expired");
    }
    assert_eq!(scene.endpoint.requests(), 1);
    // A person who asks for it is not told what was.
    let (result, _) = block_on(scene.renew_because(2, RefreshReason::Asked));
    assert_eq!(result.unwrap_err().code().as_str(), "session-expired");
    assert_eq!(scene.endpoint.requests(), 2);
    scene.time.pass(Duration::from_secs(60));
    assert_eq!(scene.renew().0.unwrap_err().code().as_str(), "session-expired");
    assert_eq!(scene.endpoint.requests(), 3);
}

#[test]
fn what_is_unavailable_gives_the_lease_back() {
    let scene = Scene::new();
    scene.endpoint.answer(&[Answer::Unavailable]);
    assert_eq!(scene.renew().0.unwrap_err().code().as_str(), "instance-unavailable");
    let (_, kept) = scene.cluster.holds();
    assert_eq!((kept.get("lease"), kept.get("refreshing")), (None, None), "{kept}");
    scene.endpoint.answer(&[]);
    let (result, _) = scene.renew();
    result.unwrap();
    assert_eq!(scene.endpoint.requests(), 2);
}

#[test]
fn an_answer_that_is_lost_is_asked_for_once_more_and_explains_the_refusal() {
    let scene = Scene::new();
    scene.endpoint.answer(&[Answer::Lost]);
    let failure = scene.renew().0.unwrap_err();
    assert_eq!(failure.code().as_str(), "session-expired");
    assert!(failure.reason().unwrap().contains("the response was lost"), "{failure:?}");
    assert_eq!(scene.endpoint.requests(), 2);
}

#[test]
fn of_many_machines_at_the_end_of_a_token_one_asks() {
    for machines in [2, 10, 50] {
        let scene = Scene::new();
        let all = async {
            let machines = (0..machines).map(|machine| scene.renew_on(machine));
            futures_util::future::join_all(machines).await
        };
        for (result, in_hand) in block_on(all) {
            result.unwrap();
            assert_eq!(in_hand.unwrap().access_token.expose(), "access-1");
        }
        assert_eq!(scene.endpoint.requests(), 1, "{machines} machines");
        assert_eq!(scene.cluster.holds().1["generation"], 2);
    }
}

/// A client that signs in for itself, on several machines.
fn of_a_client() -> Scene {
    Scene { endpoint: Endpoint::of_a_client(), ..Scene::new() }
}

#[test]
fn of_many_machines_with_a_client_that_signs_in_for_itself_one_asks() {
    for machines in [2, 10, 50] {
        let scene = of_a_client();
        // Each was refused the token that all have.
        let refused = RefreshReason::Refused((scene.signed_in_at(), 1));
        let all = async {
            let machines = (0..machines).map(|machine| scene.renew_because(machine, refused));
            futures_util::future::join_all(machines).await
        };
        for (result, in_hand) in block_on(all) {
            result.unwrap();
            assert_eq!(in_hand.unwrap().access_token.expose(), "access-1");
        }
        assert_eq!(scene.endpoint.requests(), 1, "{machines} machines");
        let (_, kept) = scene.cluster.holds();
        assert_eq!((&kept["generation"], kept.get("lease")), (&json!(2), None));
    }
}

#[test]
fn a_client_that_gets_no_token_lets_the_others_ask_at_once() {
    for answers in [&[Answer::Unavailable][..], &[Answer::Lost, Answer::Lost]] {
        let scene = of_a_client();
        scene.endpoint.answer(answers);
        assert!(scene.renew().0.is_err(), "{answers:?}");
        let (_, kept) = scene.cluster.holds();
        assert_eq!((kept.get("lease"), kept.get("refreshing")), (None, None), "{answers:?}: {kept}");
        let before = scene.time.elapsed();
        block_on(scene.renew_on(2)).0.unwrap();
        assert!(scene.time.elapsed() - before < Duration::from_secs(2), "{answers:?}");
    }
}

#[test]
fn many_on_one_machine_are_not_held_back_one_after_the_other() {
    let scene = Scene::new();
    let before = scene.time.elapsed();
    let all = async { futures_util::future::join_all((0..20).map(|_| scene.renew_on(1))).await };
    for (result, in_hand) in block_on(all) {
        result.unwrap();
        assert_eq!(in_hand.unwrap().access_token.expose(), "access-1");
    }
    assert_eq!(scene.endpoint.requests(), 1);
    let took = scene.time.elapsed() - before;
    assert!(took < Duration::from_secs(3), "{took:?}");
}
