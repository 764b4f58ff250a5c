//! `deblox exec`: a command inside a container that runs.

use std::io::Write;

use anyhow::bail;
use serde::Deserialize;

use super::cluster::{Cluster, about};
use super::output::{self, complain};
use super::progress::with_progress;
use super::run;

/// The exit code of docker where the command was not begun.
const NOT_BEGUN: u8 = 125;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit code: that of the command; 126 if it cannot be executed, 127 if it is not found, 1 if there \
                        is no such container or it does not run."
)]
pub(super) struct Args {
    /// The container: NAME, DOCK/NAME, or the beginning of its id
    container: String,
    /// The command, with what follows it
    #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
    /// Set an environment variable; NAME alone takes it from here
    #[arg(short, long = "env", value_name = "NAME[=VALUE]")]
    env: Vec<String>,
    /// Set those of a file, a line each
    #[arg(long = "env-file", value_name = "FILE")]
    env_files: Vec<std::path::PathBuf>,
    /// NAME or UID, with :GROUP if wanted
    #[arg(short, long)]
    user: Option<String>,
    /// The working directory
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,
    /// With all rights
    #[arg(long)]
    privileged: bool,
    /// Keep standard input open
    #[arg(short, long)]
    interactive: bool,
    /// With a terminal
    #[arg(short, long)]
    tty: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ended {
    exit_code: i64,
    stdout: String,
    stderr: String,
}

pub(super) async fn run(args: Args, cluster: &Cluster) -> anyhow::Result<u8> {
    if args.interactive || args.tty {
        return interactive(&args, cluster).await;
    }
    let request = about("exec-container", &args.container)?
        .list("cmd", &args.command)
        .list("env", &run::environment(&args.env_files, &args.env)?)
        .maybe("user", args.user)
        .maybe("workdir", args.workdir)
        .flag("privileged", args.privileged);
    let ended: Ended = match with_progress(cluster.ask(request.json())).await {
        Ok(reply) => reply.body()?,
        Err(error) => {
            complain(&error);
            // What cannot be begun for want of a container is 1, as it is for docker.
            return Ok(match run::code(&error) {
                NOT_BEGUN => super::cluster::FAILED,
                code => code,
            });
        }
    };
    output::print(&ended.stdout)?;
    std::io::stderr().write_all(ended.stderr.as_bytes())?;
    Ok(u8::try_from(ended.exit_code).unwrap_or(NOT_BEGUN))
}

/// `deblox exec -it`.
#[expect(clippy::unused_async, reason = "streams are to come")]
async fn interactive(args: &Args, _: &Cluster) -> anyhow::Result<u8> {
    bail!("-i and -t are to come: leave them out, `deblox exec {} {}`", args.container, args.command.join(" "));
}
