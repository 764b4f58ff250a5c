//! The command line of the suite, which is also that of every test program under `cargo test`.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::redis;

/// The trials of the short form.
const SHORT: usize = 24;

/// What to do.
pub enum Order {
    Run(Arguments),
    /// Tell which tests there are.
    List,
    /// Other tests are meant.
    Nothing,
}

/// How to do it.
pub struct Arguments {
    /// What kind of Redis it is done on.
    pub kind: redis::Kind,
    pub trials: usize,
    pub seed: u64,
    /// How many replicas a worker's note that it begins must have reached before it acts.
    pub replicas: usize,
    /// The page to keep the result in.
    pub page: Option<PathBuf>,
}

impl Order {
    /// Reads `--redis KIND`, `--trials N`, `--seed S`, `--replicas N` and `--write PAGE`; and understands what
    /// `cargo test -- …` says to all tests.
    pub fn read(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let (kind, seed) = (redis::Kind::One, fastrand::u64(0..1_000_000));
        let mut arguments = Arguments { kind, trials: SHORT, seed, replicas: 0, page: None };
        let mut replicas = None;
        let mut filters = Vec::new();
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} needs a value"));
            match word.as_str() {
                "--redis" => arguments.kind = redis::Kind::read(&value()?)?,
                "--replicas" => replicas = Some(value()?.parse().context("--replicas is a number")?),
                "--trials" => arguments.trials = value()?.parse().context("--trials is a number")?,
                "--seed" => arguments.seed = value()?.parse().context("--seed is a number")?,
                "--write" => arguments.page = Some(value()?.into()),
                "--list" => return Ok(Self::List),
                "--ignored" => return Ok(Self::Nothing),
                "--test-threads" | "--skip" | "--format" | "--color" | "-Z" => {
                    value()?;
                }
                other if other.starts_with('-') => {}
                _ => filters.push(word),
            }
        }
        arguments.replicas = replicas.unwrap_or_else(|| arguments.kind.replicas());
        if arguments.trials == 0 {
            bail!("--trials is at least 1");
        }
        let meant = filters.is_empty() || filters.iter().any(|filter| "chaos".contains(filter.as_str()));
        Ok(if meant { Self::Run(arguments) } else { Self::Nothing })
    }
}
