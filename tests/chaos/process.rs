//! A program that runs in the network of the lab or of one of its hosts, under the process id that it has there.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::process::Child;

use crate::lab::{Lab, signal};

/// How long a program may take to be there.
const PATIENCE: Duration = Duration::from_secs(20);

/// Writes its process id, and becomes the program; which ends when the one that started it does, however that happens.
const LAUNCH: &str = r#"echo $$ >"$0"; exec setpriv --pdeathsig KILL -- "$@""#;

/// Where a program runs and what it leaves.
pub struct Program {
    /// `lab`, or a host such as `h1`.
    pub place: String,
    /// Its files are called so, in this folder.
    pub name: String,
    pub folder: PathBuf,
    /// The program with its arguments; `env` may stand before it.
    pub words: Vec<String>,
}

/// One that runs. It is killed when this is dropped.
pub struct Process {
    child: Child,
    id: u32,
}

impl Program {
    /// Starts it, and returns when its process is there.
    pub async fn start(&self, lab: &Lab) -> Result<Process> {
        let file = |ending: &str| self.folder.join(format!("{}.{ending}", self.name));
        let log = OpenOptions::new().create(true).append(true).open(file("log"))?;
        let id_file = file("pid");
        let _ = std::fs::remove_file(&id_file);
        let mut command = lab.inside(&self.place);
        command.args(["sh", "-c", LAUNCH]).arg(&id_file).args(&self.words);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
        let child = command.spawn().with_context(|| self.words.join(" "))?;
        let id = tokio::time::timeout(PATIENCE, number_in(&id_file)).await;
        let id = id.with_context(|| format!("{} does not start in {}", self.name, self.place))?;
        Ok(Process { child, id })
    }
}

/// What is written into a file, once it is complete.
async fn number_in(file: &Path) -> u32 {
    loop {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        if let Some(number) = text.strip_suffix('\n').and_then(|number| number.parse().ok()) {
            return number;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

impl Process {
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Waits for its end.
    pub async fn ended(&mut self) {
        // There is nothing to do about a child that cannot be waited for.
        let _ = self.child.wait().await;
    }

    /// Kills it; nothing of it runs on.
    pub async fn kill(mut self) -> Result<()> {
        signal(self.id, "KILL").await?;
        self.ended().await;
        Ok(())
    }
}
