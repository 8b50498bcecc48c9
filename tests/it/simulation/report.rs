//! The tables of the topic on reliability, and the plot beside them.

use std::fmt::Write;
use std::path::Path;

use super::faults::Faults;
use super::{Outcome, Planted, Scenario, Workload};

/// Runners, herds, and the lives of a token for which they ask once a minute.
const ROWS: [(usize, u32, u32); 4] = [(10, 2000, 300), (100, 400, 60), (1000, 60, 8), (10_000, 10, 2)];

/// One row: what came of the herds, and of the steady ones.
struct Row {
    runners: usize,
    outcomes: [Outcome; 2],
}

impl Row {
    fn run((runners, herds, lives): (usize, u32, u32)) -> Self {
        let outcomes = [Workload::Herd(herds), Workload::Steady(lives)].map(|workload| {
            Scenario { runners, workload, faults: Faults::USUAL, planted: Planted::Nothing, seed: 1 }.run()
        });
        Self { runners, outcomes }
    }

    fn named(&self) -> String {
        let (thousands, rest) = (self.runners / 1000, self.runners % 1000);
        if thousands > 0 { format!("{thousands},{rest:03}") } else { rest.to_string() }
    }

    /// A cell with a value of both.
    fn both(&self, value: impl Fn(&Outcome) -> String) -> String {
        self.outcomes.each_ref().map(value).join(" / ")
    }

    fn requests(outcome: &Outcome) -> f64 {
        outcome.counts.requests as f64 / outcome.expiries as f64
    }

    /// In seconds.
    fn wait(outcome: &Outcome, share: f64) -> f64 {
        let mut waits = outcome.tally.waits.clone();
        waits.sort_unstable();
        f64::from(waits[((waits.len() - 1) as f64 * share) as usize]) / 1000.0
    }

    fn waits(outcome: &Outcome) -> String {
        [0.5, 0.9, 0.99].map(|share| format!("{:.2}", Self::wait(outcome, share))).join(", ")
    }

    fn lost(&self) -> String {
        let lost = |way: usize| self.outcomes.iter().map(|outcome| outcome.counts.lost[way]).sum::<u64>().to_string();
        [0, 1, 2, 3].map(lost).join(", ")
    }

    fn broken(&self) -> u64 {
        self.outcomes.iter().flat_map(|outcome| outcome.broken.values()).map(|(times, _)| times).sum()
    }
}

fn tables(rows: &[Row]) -> String {
    let mut text = String::from("| runners | expiries | requests | store | lost | broken |\n");
    text += "| --- | --- | --- | --- | --- | --- |\n";
    for row in rows {
        let expiries = row.both(|outcome| outcome.expiries.to_string());
        let requests = row.both(|outcome| format!("{:.3}", Row::requests(outcome)));
        let store =
            row.both(|outcome| format!("{:.2}", outcome.counts.store_requests as f64 / outcome.tally.commands as f64));
        let cells = (row.named(), expiries, requests, store, row.lost(), row.broken());
        writeln!(text, "| {} | {} | {} | {} | {} | {} |", cells.0, cells.1, cells.2, cells.3, cells.4, cells.5)
            .unwrap();
    }
    text += "\n| runners | herd, s | steady, s | no token |\n| --- | --- | --- | --- |\n";
    for row in rows {
        let [herd, steady] = row.outcomes.each_ref().map(Row::waits);
        let failed =
            row.both(|outcome| format!("{:.2} %", outcome.tally.failed as f64 * 100.0 / outcome.tally.commands as f64));
        writeln!(text, "| {} | {herd} | {steady} | {failed} |", row.named()).unwrap();
    }
    text
}

/// A panel of the plot: a value from `from` to `to` for each number of runners.
struct Panel {
    left: f64,
    title: &'static str,
    /// What each line of the grid is called, from the lowest to the highest.
    grid: &'static [(f64, &'static str)],
    is_logarithmic: bool,
}

const WIDTH: f64 = 260.0;
const TOP: f64 = 60.0;
const HEIGHT: f64 = 180.0;

impl Panel {
    fn x(&self, index: usize) -> f64 {
        self.left + 20.0 + index as f64 * (WIDTH - 40.0) / (ROWS.len() - 1) as f64
    }

    fn y(&self, value: f64) -> f64 {
        let scaled = |value: f64| if self.is_logarithmic { value.ln() } else { value };
        let (from, to) = (self.grid[0].0, self.grid[self.grid.len() - 1].0);
        TOP + HEIGHT * (1.0 - (scaled(value.clamp(from, to)) - scaled(from)) / (scaled(to) - scaled(from)))
    }

    fn draw(&self, svg: &mut String, lines: &[(&str, &str, Vec<f64>)]) {
        writeln!(svg, r#"<text class="b" x="{}" y="24">{}</text>"#, self.left, self.title).unwrap();
        for (value, name) in self.grid {
            let (y, right) = (self.y(*value), self.left + WIDTH);
            writeln!(svg, r#"<path class="l" d="M{} {y:.1}H{right}"/>"#, self.left).unwrap();
            writeln!(svg, r#"<text class="d e" x="{}" y="{:.1}">{name}</text>"#, self.left - 8.0, y + 4.0).unwrap();
        }
        for (index, (runners, ..)) in ROWS.iter().enumerate() {
            let y = TOP + HEIGHT + 20.0;
            writeln!(svg, r#"<text class="d m" x="{:.1}" y="{y}">{runners}</text>"#, self.x(index)).unwrap();
        }
        for (number, (name, class, values)) in lines.iter().enumerate() {
            let points: Vec<String> = values
                .iter()
                .enumerate()
                .map(|(index, value)| format!("{:.1} {:.1}", self.x(index), self.y(*value)))
                .collect();
            writeln!(svg, r#"<path class="p {class}" d="M{}"/>"#, points.join("L")).unwrap();
            for point in &points {
                let (x, y) = point.split_once(' ').unwrap();
                writeln!(svg, r#"<circle class="{class} f" cx="{x}" cy="{y}" r="3.5"/>"#).unwrap();
            }
            let x = self.left + 100.0 * number as f64;
            writeln!(svg, r#"<circle class="{class} f" cx="{}" cy="40" r="3.5"/>"#, x + 5.0).unwrap();
            writeln!(svg, r#"<text class="d" x="{}" y="44">{name}</text>"#, x + 14.0).unwrap();
        }
    }
}

fn plot(rows: &[Row]) -> String {
    let values = |workload: usize, value: &dyn Fn(&Outcome) -> f64| {
        rows.iter().map(|row| value(&row.outcomes[workload])).collect::<Vec<f64>>()
    };
    let mut svg = String::from(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="700" height="290" viewBox="0 0 700 290">
<title>Requests per expiry, and how long a herd waits, from 10 to 10,000 runners</title>
<style>
text { font: 12px system-ui, sans-serif; fill: #1f2328 } .d { fill: #59636e } .b { font-weight: 600; font-size: 13px }
.m { text-anchor: middle } .e { text-anchor: end } .l { stroke: #d1d9e0; fill: none } .p { stroke-width: 2; fill: none }
.one { stroke: #0969da } .two { stroke: #bc4c00 } .one.f { fill: #0969da } .two.f { fill: #bc4c00 }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc } .d { fill: #9198a1 } .l { stroke: #3d444d }
.one { stroke: #4493f8 } .two { stroke: #f0883e } .one.f { fill: #4493f8 } .two.f { fill: #f0883e } }
</style>
"#,
    );
    let requests = Panel {
        left: 50.0,
        title: "Requests for tokens, per expiry",
        grid: &[(0.0, "0"), (0.5, "0.5"), (1.0, "1"), (1.5, "1.5"), (2.0, "2")],
        is_logarithmic: false,
    };
    requests
        .draw(&mut svg, &[("herd", "one", values(0, &Row::requests)), ("steady", "two", values(1, &Row::requests))]);
    let waits = Panel {
        left: 410.0,
        title: "Wait of a herd for a token",
        grid: &[(0.001, "≤ 1 ms"), (0.01, "10 ms"), (0.1, "0.1 s"), (1.0, "1 s"), (10.0, "10 s"), (100.0, "100 s")],
        is_logarithmic: true,
    };
    waits.draw(
        &mut svg,
        &[
            ("median", "one", values(0, &|outcome| Row::wait(outcome, 0.5))),
            ("99 of 100", "two", values(0, &|outcome| Row::wait(outcome, 0.99))),
        ],
    );
    for left in [50.0, 410.0] {
        writeln!(svg, r#"<text class="d m" x="{}" y="282">runners that share a session</text>"#, left + WIDTH / 2.0)
            .unwrap();
    }
    svg + "</svg>\n"
}

/// Prints the tables of the topic, and draws the plot anew.
#[test]
#[ignore = "a report, on demand"]
#[allow(clippy::print_stdout, reason = "it is a report")]
fn the_tables_and_the_plot_of_the_topic_on_reliability() {
    let rows = ROWS.map(|row| {
        let row = Row::run(row);
        for outcome in &row.outcomes {
            let (tally, counts) = (&outcome.tally, &outcome.counts);
            println!("{} runners, {:?} simulated: {counts:?}", row.runners, outcome.took);
            println!(
                "  {} commands, {} without a token ({} busy), {} runners gave up, {} had no session",
                tally.commands, tally.failed, tally.busy, tally.gave_up, tally.without_session
            );
            assert!(outcome.broken.is_empty(), "{:?}", outcome.broken);
        }
        row
    });
    println!("\n{}", tables(&rows));
    let plot = plot(&rows);
    std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/reliability.svg"), plot).unwrap();
}
