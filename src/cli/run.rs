//! `deblox run` and `deblox create`: new containers, on the fittest dock.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use super::attach::{self, Container, SessionArgs, check_keyboard};
use super::cluster::{Cluster, FAILED, Refused, Request, about, pair, refused};
use super::output::{complain, line, say};
use super::progress::with_progress;
use crate::client::Reply;
use crate::protocol::{ErrorCode, Fqdn};

/// When an image is fetched.
pub(super) const PULL: [&str; 3] = ["missing", "always", "never"];

/// The exit codes of docker where a container did not run.
const NOT_RUN: u8 = 125;
const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;

#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(super) struct RunArgs {
    /// Let it run, and print its id
    #[arg(short, long)]
    detach: bool,
    /// Remove it when it has ended; without -d that is done by this command, unless it was left before
    #[arg(long)]
    rm: bool,
    #[command(flatten)]
    session: SessionArgs,
    #[command(flatten)]
    create: CreateArgs,
}

#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of docker")]
pub(super) struct CreateArgs {
    /// The image: name, name:tag or id
    #[arg(required_unless_present = "template")]
    image: Option<String>,
    /// The command, with what follows it
    #[arg(value_name = "COMMAND", trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
    /// Its name [default: one that follows from the request]
    #[arg(long)]
    name: Option<String>,
    /// Set an environment variable; NAME alone takes it from here
    #[arg(short, long = "env", value_name = "NAME[=VALUE]")]
    env: Vec<String>,
    /// Set those of a file, a line each
    #[arg(long = "env-file", value_name = "FILE")]
    env_files: Vec<PathBuf>,
    // Brackets would be links in a doc comment.
    #[arg(
        short,
        long = "publish",
        value_name = "PORT",
        help = "Publish a port: [[IP:]HOST:]CONTAINER[/PROTOCOL], ranges too"
    )]
    publish: Vec<String>,
    #[arg(
        short,
        long = "volume",
        value_name = "VOLUME",
        help = "Mount a folder of the dock or a volume: SOURCE:TARGET[:OPTIONS], or TARGET"
    )]
    volumes: Vec<String>,
    /// A label of the container
    #[arg(short, long = "label", value_name = "NAME[=VALUE]")]
    labels: Vec<String>,
    /// The network it joins
    #[arg(long)]
    network: Option<String>,
    /// no, always, unless-stopped, on-failure or on-failure:TIMES
    #[arg(long, value_name = "POLICY")]
    restart: Option<String>,
    /// When to fetch the image [default: missing]
    #[arg(long, value_name = "POLICY", value_parser = PULL)]
    pull: Option<String>,
    /// The most memory, such as 512m
    #[arg(short, long, value_name = "BYTES")]
    memory: Option<String>,
    /// The most processors, such as 1.5
    #[arg(long, value_name = "N")]
    cpus: Option<f64>,
    /// The most processes and threads, such as 500
    #[arg(long, value_name = "N")]
    pids_limit: Option<u64>,
    /// NAME or UID, with :GROUP if wanted
    #[arg(short, long)]
    user: Option<String>,
    /// The working directory
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,
    /// The name it has for itself
    #[arg(short = 'h', long, value_name = "NAME")]
    hostname: Option<String>,
    /// What runs the command
    #[arg(long, value_name = "COMMAND")]
    entrypoint: Option<String>,
    /// Give it a terminal
    #[arg(short, long)]
    tty: bool,
    /// Keep its standard input open
    #[arg(short, long)]
    interactive: bool,
    /// Give it all rights on its host
    #[arg(long)]
    privileged: bool,
    #[command(flatten)]
    health: HealthArgs,
    /// The dock that it is to be on [default: the fittest]
    #[arg(long, value_name = "FQDN")]
    dock: Option<Fqdn>,
    /// A label that its dock must have; may be given several times
    #[arg(long = "dock-label", value_name = "NAME=VALUE", value_parser = pair)]
    dock_labels: Vec<(String, String)>,
    /// How many: one on each dock in turn, the rest where they fit best; a name gets -1, -2, … behind it
    #[arg(long, value_name = "N")]
    instances: Option<u64>,
    /// If its dock is lost before it has answered, create it on another one
    #[arg(long)]
    replace: bool,
    /// Whom it belongs to [default: anonymous]
    #[arg(long, value_name = "USER")]
    owner: Option<String>,
    /// A template to start from: `deblox template ls`
    #[arg(long, value_name = "NAME")]
    template: Option<String>,
    /// Print help
    #[arg(long, action = clap::ArgAction::Help)]
    help: Option<bool>,
}

/// How it is found out whether it is well.
#[derive(Debug, clap::Args)]
struct HealthArgs {
    /// What tells by its exit code whether it is well, for its shell
    #[arg(long, value_name = "COMMAND", conflicts_with = "no_healthcheck")]
    health_cmd: Option<String>,
    /// The time between two checks, such as 30s
    #[arg(long, value_name = "TIME")]
    health_interval: Option<String>,
    /// How long one may take
    #[arg(long, value_name = "TIME")]
    health_timeout: Option<String>,
    /// How long it may be unwell after its start
    #[arg(long, value_name = "TIME")]
    health_start_period: Option<String>,
    /// How many checks in a row must fail
    #[arg(long, value_name = "N")]
    health_retries: Option<u64>,
    /// Without the check of the image
    #[arg(long)]
    no_healthcheck: bool,
}

impl HealthArgs {
    fn check(&self) -> Option<Value> {
        let mut check = serde_json::Map::new();
        for (name, text) in [
            ("cmd", &self.health_cmd),
            ("interval", &self.health_interval),
            ("timeout", &self.health_timeout),
            ("start-period", &self.health_start_period),
        ] {
            check.extend(text.as_ref().map(|text| (name.to_owned(), json!(text))));
        }
        check.extend(self.health_retries.map(|retries| ("retries".to_owned(), json!(retries))));
        check.extend(self.no_healthcheck.then(|| ("disable".to_owned(), json!(true))));
        (!check.is_empty()).then_some(Value::Object(check))
    }
}

/// When a container is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begin {
    /// When it is created; its daemon may remove it when it has ended.
    Now { remove: bool },
    /// By whoever is connected to it, whose input is its only one.
    Later,
}

/// What a reply about several instances has for each.
#[derive(Deserialize)]
struct Several {
    #[serde(default)]
    containers: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    #[serde(rename = "Id")]
    id: Option<String>,
    message: Option<String>,
}

/// `deblox run`. What keeps it from running has docker's exit codes.
pub(super) async fn run(args: RunArgs, cluster: &Cluster) -> anyhow::Result<u8> {
    if !args.detach {
        return attached(&args, cluster).await.or_else(|error| {
            complain(&error);
            Ok(code(&error))
        });
    }
    match create(&args.create, Begin::Now { remove: args.rm }, cluster).await {
        Ok(reply) => print_ids(&reply, NOT_RUN),
        Err(error) => {
            complain(&error);
            Ok(code(&error))
        }
    }
}

/// `deblox create`.
pub(super) async fn run_create(args: CreateArgs, cluster: &Cluster) -> anyhow::Result<u8> {
    print_ids(&create(&args, Begin::Later, cluster).await?, FAILED)
}

/// `deblox run` without `-d`.
async fn attached(args: &RunArgs, cluster: &Cluster) -> anyhow::Result<u8> {
    let CreateArgs { tty, interactive: stdin, .. } = args.create;
    if args.create.instances.is_some() {
        bail!("with --instances there is nothing to connect to: add -d");
    }
    check_keyboard(tty, stdin)?;
    let created = create(&args.create, Begin::Later, cluster).await?;
    warn(&created);
    let (id, dock) = (created.id().unwrap_or_default(), created.dock().unwrap_or_default());
    let container = Container { name: format!("{dock}/{id}"), tty, stdin };
    let mut started = false;
    let start = async || {
        with_progress(cluster.ask(about("start-container", &container.name)?.json())).await?;
        started = true;
        Ok(())
    };
    let ended = attach::attached(cluster, &container, &args.session, start, false).await;
    // What could not be started is of no use, as with -d.
    if args.rm || !started {
        remove(cluster, &container.name, !started).await;
    }
    ended
}

/// Removes a container that has ended.
async fn remove(cluster: &Cluster, name: &str, force: bool) {
    let removed = async {
        let request = about("delete-container", name)?.with("volumes", true).flag("force", force);
        cluster.ask(request.json()).await
    };
    if let Err(error) = removed.await {
        complain(&error.context("it is not removed, in spite of --rm"));
    }
}

/// Creates what `args` describe, and starts it if asked to.
async fn create(args: &CreateArgs, begin: Begin, cluster: &Cluster) -> anyhow::Result<Reply> {
    let dock_labels: serde_json::Map<String, Value> =
        args.dock_labels.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let request = Request::new("create-container")
        .maybe("image", args.image.clone())
        .maybe("template", args.template.clone())
        .maybe("name", args.name.clone())
        .maybe("instances", args.instances)
        .list("cmd", &args.command)
        .maybe("entrypoint", args.entrypoint.clone())
        .list("env", &environment(&args.env_files, &args.env)?)
        .list("ports", &args.publish)
        .list("volumes", &args.volumes)
        .list("labels", &args.labels)
        .maybe("restart", args.restart.clone())
        .maybe("network", args.network.clone())
        .maybe("memory", args.memory.clone())
        .maybe("cpus", args.cpus)
        .maybe("pids", args.pids_limit)
        .maybe("user", args.user.clone())
        .maybe("workdir", args.workdir.clone())
        .maybe("hostname", args.hostname.clone())
        .flag("tty", args.tty)
        .flag("interactive", args.interactive)
        .flag("privileged", args.privileged)
        .maybe("healthcheck", args.health.check())
        .maybe("pull", args.pull.clone())
        .flag("start", begin != Begin::Later)
        .flag("stdin-once", args.interactive && begin == Begin::Later)
        .flag("auto-remove", begin == Begin::Now { remove: true })
        .maybe("owner", args.owner.clone())
        .maybe("dock-labels", (!dock_labels.is_empty()).then_some(dock_labels))
        .flag("replace", args.replace)
        .maybe("dock", args.dock.as_ref().map(Fqdn::to_string));
    let reply = with_progress(cluster.call(request.json())).await?;
    // Of several, some may be there.
    if reply.is_success() || reply.error() == Some("incomplete") { Ok(reply) } else { Err(refused(&reply).into()) }
}

/// Passes on what the daemon warns of.
fn warn(reply: &Reply) {
    if let Ok(body) = reply.body::<Value>() {
        for warning in body["Warnings"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            say(&format!("deblox: warning: {warning}"));
        }
    }
}

/// Prints the id of what was created, or of each; `failed` is the exit code if one was not.
fn print_ids(reply: &Reply, failed: u8) -> anyhow::Result<u8> {
    warn(reply);
    if let Some(id) = reply.id() {
        line(id)?;
        return Ok(0);
    }
    let several: Several = serde_json::from_str(reply.json())?;
    for part in &several.containers {
        match &part.id {
            Some(id) => line(id)?,
            None => complain(&anyhow::anyhow!(part.message.clone().unwrap_or_else(|| "no readable reply".to_owned()))),
        }
    }
    Ok(if reply.is_success() { 0 } else { failed })
}

/// The exit code of docker for why a command could not be started.
pub(super) fn code(error: &anyhow::Error) -> u8 {
    // Only what the daemon itself says is about the command.
    let refused = error.downcast_ref::<Refused>().filter(|refused| refused.code == ErrorCode::DockerError.as_str());
    refused.map_or(NOT_RUN, |refused| code_of(&refused.message))
}

fn code_of(said: &str) -> u8 {
    if said.contains("executable file not found") || said.contains("no such file or directory") {
        NOT_FOUND
    } else if said.contains("permission denied") || said.contains("is a directory") {
        NOT_EXECUTABLE
    } else {
        NOT_RUN
    }
}

/// The environment: the files' first, so that what stands on the command line counts.
pub(super) fn environment(files: &[PathBuf], given: &[String]) -> anyhow::Result<Vec<String>> {
    let mut environment = Vec::new();
    for file in files {
        environment.extend(read_environment(file)?);
    }
    environment.extend(given.iter().cloned());
    // What has no value here has none there.
    let from_here = |name: &str| Some(format!("{name}={}", crate::secrets::variable(name)?));
    let value = |entry: String| if entry.contains('=') { Some(entry) } else { from_here(&entry) };
    Ok(environment.into_iter().filter_map(value).collect())
}

fn read_environment(file: &Path) -> anyhow::Result<Vec<String>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let mut entries = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let name = line.split('=').next().unwrap_or_default();
        if name.is_empty() || name.contains(char::is_whitespace) {
            bail!("{}:{}: a line is NAME=VALUE or NAME", file.display(), number + 1);
        }
        entries.push(line.to_owned());
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_file_is_read_as_docker_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("env");
        std::fs::write(&file, "# a comment\n\n  A=b c\nEMPTY=\nHOME\nNOT_SET_ANYWHERE_1\n").unwrap();
        let home = std::env::var("HOME").unwrap();
        let read = environment(std::slice::from_ref(&file), &["A=d".to_owned()]).unwrap();
        assert_eq!(read, ["A=b c", "EMPTY=", &format!("HOME={home}"), "A=d"]);
        std::fs::write(&file, "A=b\nno name=x\n").unwrap();
        assert!(environment(&[file], &[]).unwrap_err().to_string().contains("env:2:"));
    }

    #[test]
    fn what_cannot_be_started_has_the_exit_code_of_docker() {
        assert_eq!(code_of("exec: \"nope\": executable file not found in $PATH: unknown"), 127);
        assert_eq!(code_of("exec: \"/etc/passwd\": permission denied: unknown"), 126);
        assert_eq!(code_of("no dock has that name"), 125);
        assert_eq!(code(&anyhow::anyhow!("the socket: no such file or directory")), 125);
    }
}
