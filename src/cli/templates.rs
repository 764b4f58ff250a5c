//! `deblox template`: what containers are made from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::{Value, json};

use super::cluster::{Cluster, Request, each};
use super::inspect::{self, Form};
use super::output::{self, Cell, FilterArgs, Row, Shown};
use super::progress::with_progress;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List templates
    #[command(visible_alias = "list")]
    Ls(FilterArgs),
    /// Show templates
    #[command(visible_alias = "get")]
    Inspect {
        /// Their names
        #[arg(value_name = "NAME", required = true)]
        names: Vec<String>,
        #[command(flatten)]
        form: Form,
    },
    /// Keep a template under a name
    Set {
        /// Its name
        name: String,
        /// A file with Docker's own JSON for creating a container; - is standard input
        file: PathBuf,
    },
    /// Forget templates
    #[command(visible_alias = "remove")]
    Rm {
        /// Their names
        #[arg(value_name = "NAME", required = true)]
        names: Vec<String>,
    },
}

/// A template with its name.
#[derive(serde::Serialize)]
struct Template {
    name: String,
    body: Value,
}

impl Row for Template {
    const HEADS: &'static [&'static str] = &["NAME", "IMAGE", "COMMAND"];

    fn cells(&self, _: &Shown) -> Vec<Cell> {
        let words = match &self.body["Cmd"] {
            Value::Array(words) => words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
            other => other.as_str().unwrap_or_default().to_owned(),
        };
        vec![self.name.as_str().into(), self.body["Image"].as_str().unwrap_or_default().into(), words.into()]
    }

    fn name(&self, _: &Shown) -> String {
        self.name.clone()
    }

    fn fields(&self) -> Value {
        json!({"name": self.name, "image": self.body["Image"]})
    }
}

pub(super) async fn run(command: Command, cluster: &Cluster) -> anyhow::Result<u8> {
    match command {
        Command::Ls(args) => {
            let reply = with_progress(cluster.ask(Request::new("list-templates").json())).await?;
            let all: BTreeMap<String, Value> = reply.body()?;
            let rows: Vec<Template> = all.into_iter().map(|(name, body)| Template { name, body }).collect();
            args.show(rows)?;
            Ok(0)
        }
        Command::Inspect { names, form } => {
            inspect::show(&names, &form, async |name| {
                Ok(cluster.ask(Request::new("get-template").with("name", name).json()).await?.body()?)
            })
            .await
        }
        Command::Set { name, file } => {
            let request = Request::new("put-template").with("name", name.as_str()).with("body", read(&file)?);
            with_progress(cluster.ask(request.json())).await?;
            output::line(&name)?;
            Ok(0)
        }
        Command::Rm { names } => {
            each(&names, async |name| {
                cluster.ask(Request::new("delete-template").with("name", name).json()).await?;
                Ok(name.to_owned())
            })
            .await
        }
    }
}

fn read(file: &Path) -> anyhow::Result<Value> {
    let from = file.display();
    let text = match file.to_str() {
        Some("-") => std::io::read_to_string(std::io::stdin()),
        _ => std::fs::read_to_string(file),
    };
    let text = text.with_context(|| format!("{from} cannot be read"))?;
    serde_json::from_str(&text).with_context(|| format!("{from} is not JSON"))
}
