//! `deblox exec`: a command inside a container that runs.

use super::attach::{Ended, Session, check_keyboard, exit_code, usual_keys};
use super::cluster::{Cluster, about};
use super::output::complain;
use super::progress::with_progress;
use super::run;
use super::streams::Incoming;
use super::terminal::DetachKeys;

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
    /// The keys that leave a terminal and let it run [default: ctrl-p,ctrl-q]
    #[arg(long, value_name = "KEYS")]
    detach_keys: Option<DetachKeys>,
}

pub(super) async fn run(args: Args, cluster: &Cluster) -> anyhow::Result<u8> {
    let (tty, stdin) = (args.tty, args.interactive);
    check_keyboard(tty, stdin)?;
    let request = about("exec-container", &args.container)?
        .with("stream", true)
        .flag("tty", tty)
        .flag("stdin", stdin)
        .list("cmd", &args.command)
        .list("env", &run::environment(&args.env_files, &args.env)?)
        .maybe("user", args.user)
        .maybe("workdir", args.workdir)
        .flag("privileged", args.privileged)
        .maybe("detach-keys", args.detach_keys.as_ref().map(DetachKeys::as_str));
    let mut incoming = Incoming::begin(cluster, request.json())?;
    if let Err(broken) = with_progress(incoming.begun()).await {
        let error = broken.explained(cluster).await;
        complain(&error);
        // What cannot be begun for want of a container is 1, as it is for docker.
        return Ok(match run::code(&error) {
            NOT_BEGUN => super::cluster::FAILED,
            code => code,
        });
    }
    let keys = args.detach_keys.unwrap_or_else(usual_keys);
    let session = Session { tty, stdin, keys, signals_to: None, redraw: false };
    Ok(match session.run(&mut incoming, cluster).await? {
        Ended::With(reply) => exit_code(&reply),
        Ended::Detached => 0,
        Ended::Stopped(code) => code,
    })
}
