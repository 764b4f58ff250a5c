//! The table, and the same as JSON.

use serde_json::{Value, json};

/// One figure beside the one that it is measured against.
pub struct Figure {
    pub what: &'static str,
    pub unit: &'static str,
    pub measured: f64,
    pub against: f64,
    pub against_is: &'static str,
    pub goal: Goal,
}

/// What the ratio of the two is to be.
#[derive(Clone, Copy)]
pub enum Goal {
    AtMost(f64),
    AtLeast(f64),
    /// It is only shown.
    None,
}

impl Goal {
    fn is_reached(self, ratio: f64) -> bool {
        match self {
            Self::AtMost(most) => ratio <= most,
            Self::AtLeast(least) => ratio >= least,
            Self::None => true,
        }
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "≤ {most}"),
            Self::AtLeast(least) => write!(f, "≥ {least}"),
            Self::None => write!(f, "—"),
        }
    }
}

/// What a worker takes up while nothing happens.
#[derive(Clone, Copy)]
pub struct Idle {
    /// Resident memory.
    pub megabytes: f64,
    /// Of that, what it shares with nothing and nobody: not the program's own file.
    pub anonymous: f64,
    /// Per cent of one core.
    pub percent: f64,
}

const IDLE_MEGABYTES: f64 = 8.0;
const IDLE_PERCENT: f64 = 0.1;

pub fn print(figures: &[Figure], idle: Option<Idle>) {
    println!("{:34} {:>12} {:>12}  {:22} {:>6}  to reach", "what", "measured", "against", "which is", "ratio");
    for figure in figures {
        let measured = format!("{:.0} {}", figure.measured, figure.unit);
        let against = format!("{:.0} {}", figure.against, figure.unit);
        let ratio = figure.measured / figure.against;
        let missed = if figure.goal.is_reached(ratio) { "" } else { ", missed" };
        println!(
            "{:34} {measured:>12} {against:>12}  {:22} {ratio:>6.2}  {}{missed}",
            figure.what, figure.against_is, figure.goal
        );
    }
    if let Some(idle) = idle {
        print_idle(idle);
    }
    let rows: Vec<Value> = figures
        .iter()
        .map(|figure| {
            json!({
                "what": figure.what, "unit": figure.unit, "measured": figure.measured, "against": figure.against,
                "whichIs": figure.against_is, "ratio": figure.measured / figure.against,
                "toReach": figure.goal.to_string(),
                "reached": figure.goal.is_reached(figure.measured / figure.against),
            })
        })
        .collect();
    let idle = idle.map(|idle| {
        json!({
            "megabytes": idle.megabytes, "anonymousMegabytes": idle.anonymous, "percentOfCore": idle.percent,
            "reached": idle.megabytes <= IDLE_MEGABYTES && idle.percent <= IDLE_PERCENT,
        })
    });
    println!("{}", json!({"figures": rows, "idle": idle}));
}

fn print_idle(idle: Idle) {
    let row = |what: &str, measured: String, note: &str, limit: String, over: bool| {
        let missed = if over { ", missed" } else { "" };
        println!("{what:34} {measured:>12} {:>12}  {note:22} {:>6}  ≤ {limit}{missed}", "", "");
    };
    let (megabytes, percent) = (format!("{:.1} MB", idle.megabytes), format!("{:.2} %", idle.percent));
    let note = format!("{:.1} MB of it anonymous", idle.anonymous);
    row("idle worker, resident", megabytes, &note, format!("{IDLE_MEGABYTES} MB"), idle.megabytes > IDLE_MEGABYTES);
    row("idle worker, of one core", percent, "", format!("{IDLE_PERCENT} %"), idle.percent > IDLE_PERCENT);
}
