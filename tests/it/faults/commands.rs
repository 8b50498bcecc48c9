//! The commands that change something, each a line of [`CHANGES`].

use super::place::{Acme, Place, Store};
use crate::world::Outcome;
use crate::world::process::finish;

pub struct Change {
    pub name: &'static str,
    /// What is there before it.
    pub acme: Acme,
    pub line: fn(&Place) -> String,
    pub stdin: &'static str,
    pub variables: fn(&Place) -> Vec<(&'static str, String)>,
    /// What goes on after a fault, if it is not the same command, and how it may end.
    pub again: Option<&'static str>,
    pub ends: &'static [i32],
}

impl Change {
    /// The stores that it uses.
    pub fn stores(&self, place: &Place) -> Vec<Store> {
        let other = (self.name == MIGRATE).then_some(place.other);
        [place.store].into_iter().chain(other).collect()
    }

    pub fn run(&self, place: &Place) -> Outcome {
        run(place, self, &(self.line)(place))
    }

    /// Goes on after a fault.
    pub fn run_again(&self, place: &Place) -> Outcome {
        let line = self.again.map_or_else(|| (self.line)(place), str::to_owned);
        run(place, self, &line)
    }
}

fn run(place: &Place, change: &Change, line: &str) -> Outcome {
    let words: Vec<&str> = line.split_whitespace().collect();
    finish(place.command(&words, &(change.variables)(place)), change.stdin.as_bytes())
}

const MIGRATE: &str = "store migrate";

pub const CHANGES: [Change; 9] = [
    Change {
        name: "connect",
        acme: Acme::Missing,
        line: |place| {
            let origin = place.sandbox.origin();
            format!("connect {origin} --name acme --username beth.anglin --password-stdin --no-test --json")
        },
        stdin: "sandbox-beth",
        ..SAME
    },
    Change {
        name: "connect --force",
        line: |_| "connect acme --username admin --password-stdin --no-test --force --yes --json".to_owned(),
        stdin: "sandbox-admin",
        ..SAME
    },
    Change { name: "edit", line: |_| "edit acme --set description=new --json".to_owned(), ..SAME },
    Change {
        name: "refresh",
        acme: Acme::WithSession,
        line: |_| "refresh acme --json".to_owned(),
        // Another refresh would be of the session after it.
        again: Some("token acme --json --timeout 150s"),
        ..SAME
    },
    Change {
        name: "remove",
        line: |_| "remove acme --yes --json".to_owned(),
        // Gone already is what was wanted.
        ends: &[0, 3],
        ..SAME
    },
    Change {
        name: "import",
        acme: Acme::Missing,
        line: |_| "import ansible --json".to_owned(),
        variables: |place| {
            let text = str::to_owned;
            vec![
                ("SN_HOST", place.sandbox.origin()),
                ("SN_USERNAME", text("beth.anglin")),
                ("SN_PASSWORD", text("sandbox-beth")),
            ]
        },
        // Taken already is what was wanted.
        ends: &[0, 3],
        ..SAME
    },
    Change {
        name: "login",
        acme: Acme::WithoutSecret,
        line: |_| "login acme --password-stdin --json".to_owned(),
        stdin: "sandbox-beth",
        ..SAME
    },
    Change { name: "logout", line: |_| "logout acme --yes --json".to_owned(), ..SAME },
    Change {
        name: MIGRATE,
        line: |place| format!("store migrate acme --to {} --yes --json", place.other.name()),
        ..SAME
    },
];

const SAME: Change = Change {
    name: "",
    acme: Acme::WithPassword,
    line: |_| String::new(),
    stdin: "",
    variables: |_| Vec::new(),
    again: None,
    ends: &[0],
};
