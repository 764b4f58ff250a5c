//! Commands that do something to containers that are there: start, stop, remove and the like.

use anyhow::bail;

use super::attach::{self, SessionArgs};
use super::cluster::{Cluster, Request, about, each};
use super::progress::with_progress;
use crate::protocol::limits::LONGEST_TIMEOUT;
use crate::protocol::millis;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Start containers
    Start {
        #[command(flatten)]
        names: Names,
        /// Connect to what it writes; one container only
        #[arg(short, long)]
        attach: bool,
        /// Connect to its standard input too
        #[arg(short, long)]
        interactive: bool,
        #[command(flatten)]
        session: SessionArgs,
    },
    /// Stop containers: ask them to end, and kill those that do not
    Stop {
        #[command(flatten)]
        names: Names,
        #[command(flatten)]
        grace: Grace,
    },
    /// Stop containers and start them again
    Restart {
        #[command(flatten)]
        names: Names,
        #[command(flatten)]
        grace: Grace,
    },
    /// Send containers a signal
    Kill {
        #[command(flatten)]
        names: Names,
        /// The signal [default: KILL]
        #[arg(short, long, value_name = "SIGNAL")]
        signal: Option<String>,
    },
    /// Stop the processes of containers where they are
    Pause(Names),
    /// Let the processes of paused containers go on
    Unpause(Names),
    /// Remove containers
    Rm {
        #[command(flatten)]
        names: Names,
        /// Kill those that run
        #[arg(short, long)]
        force: bool,
        /// Remove their anonymous volumes too
        #[arg(short, long)]
        volumes: bool,
    },
    /// Give a container another name
    Rename {
        /// The container: NAME, DOCK/NAME, or the beginning of its id
        container: String,
        /// Its new name
        name: String,
    },
    /// Change the limits and the restart policy of containers
    Update {
        #[command(flatten)]
        names: Names,
        /// The most memory, such as 512m
        #[arg(short, long, value_name = "BYTES")]
        memory: Option<String>,
        /// The most processors, such as 1.5
        #[arg(long, value_name = "N")]
        cpus: Option<f64>,
        /// The most processes and threads, such as 500
        #[arg(long, value_name = "N")]
        pids_limit: Option<u64>,
        /// no, always, unless-stopped, on-failure or on-failure:TIMES
        #[arg(long, value_name = "POLICY")]
        restart: Option<String>,
    },
    /// Replace containers by ones like them from a newer image; an old one comes back if the new one is not healthy
    Recreate {
        #[command(flatten)]
        names: Names,
        /// Another image or tag [default: the one it was made from]
        #[arg(long)]
        image: Option<String>,
        /// When to fetch the image [default: always]
        #[arg(long, value_name = "POLICY", value_parser = super::run::PULL)]
        pull: Option<String>,
        /// Seconds that a new one without a health check must run [default: 5]
        #[arg(long, value_name = "SECONDS")]
        settle: Option<u64>,
        #[command(flatten)]
        grace: Grace,
    },
    /// Wait until containers end, and print their exit codes
    Wait(Names),
}

#[derive(Debug, clap::Args)]
pub(super) struct Names {
    /// The containers: NAME, DOCK/NAME, or the beginning of an id
    #[arg(value_name = "CONTAINER", required = true)]
    pub(super) containers: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Grace {
    /// Seconds to wait before it is killed [default: 10]
    #[arg(short, long, value_name = "SECONDS")]
    time: Option<u64>,
}

pub(super) async fn run(command: Command, cluster: &Cluster) -> anyhow::Result<u8> {
    match command {
        Command::Start { names, attach, interactive, session } if attach || interactive => {
            let [name] = names.containers.as_slice() else { bail!("only one container can be connected to at a time") };
            attach::start(cluster, name, interactive, &session).await
        }
        Command::Start { names, .. } => tell(cluster, "start-container", &names, |request| request).await,
        Command::Pause(names) => tell(cluster, "pause-container", &names, |request| request).await,
        Command::Unpause(names) => tell(cluster, "unpause-container", &names, |request| request).await,
        Command::Stop { names, grace } => {
            tell(cluster, "stop-container", &names, |request| request.maybe("time", grace.time)).await
        }
        Command::Restart { names, grace } => {
            tell(cluster, "restart-container", &names, |request| request.maybe("time", grace.time)).await
        }
        Command::Kill { names, signal } => {
            tell(cluster, "kill-container", &names, |request| request.maybe("signal", signal.clone())).await
        }
        Command::Rm { names, force, volumes } => {
            let options = |request: Request| request.flag("force", force).flag("volumes", volumes);
            tell(cluster, "delete-container", &names, options).await
        }
        Command::Update { names, memory, cpus, pids_limit, restart } => {
            let options = |request: Request| {
                let request = request.maybe("memory", memory.clone()).maybe("cpus", cpus).maybe("pids", pids_limit);
                request.maybe("restart", restart.clone())
            };
            tell(cluster, "update-container", &names, options).await
        }
        Command::Recreate { names, image, pull, settle, grace } => {
            each(&names.containers, async |name| {
                let request = about("recreate-container", name)?.maybe("image", image.clone());
                let request = request.maybe("pull", pull.clone()).maybe("settle", settle).maybe("time", grace.time);
                Ok(cluster.ask(request.json()).await?.id().unwrap_or(name).to_owned())
            })
            .await
        }
        Command::Rename { container, name } => {
            with_progress(cluster.ask(about("rename-container", &container)?.with("name", name).json())).await?;
            Ok(0)
        }
        Command::Wait(names) => {
            each(&names.containers, async |name| {
                // As long as it takes; `--timeout` sets less.
                let request = about("wait-container", name)?.with("timeout", millis(LONGEST_TIMEOUT));
                let reply: serde_json::Value = cluster.ask(request.json()).await?.body()?;
                Ok(reply["StatusCode"].to_string())
            })
            .await
        }
    }
}

/// Asks for the same with each container, and prints its name as it was given.
async fn tell(
    cluster: &Cluster,
    action: &str,
    names: &Names,
    options: impl Fn(Request) -> Request,
) -> anyhow::Result<u8> {
    each(&names.containers, async |name| {
        cluster.ask(options(about(action, name)?).json()).await?;
        Ok(name.to_owned())
    })
    .await
}
