//! The command line: one file per group of commands.

mod acl;
mod actions;
mod archives;
mod attach;
mod audit;
mod auth;
mod build;
mod call;
mod cluster;
mod completions;
mod context;
mod contexts;
mod copy;
mod docks;
mod doctor;
mod events;
mod exec;
mod follow;
mod groups;
mod health;
mod hostname;
mod images;
mod inspect;
mod lifecycle;
mod listing;
mod log;
mod login;
mod logs;
mod metrics;
mod networks;
mod oidc;
mod options;
mod output;
mod ownership;
mod password;
mod places;
mod progress;
mod progress_bars;
mod ps;
mod quota;
mod registry;
mod run;
mod schema;
mod secret_files;
mod sessions;
mod stats;
mod streams;
mod templates;
mod terminal;
mod tokens;
mod transfer;
mod units;
mod up;
mod users;
mod volumes;
mod web;
mod worker;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use tokio_util::sync::CancellationToken;

use cluster::Cluster;
pub use log::LogWriter;
use options::ClusterArgs;
pub use output::complain;

/// What a script needs to know.
const EXIT_CODES: &str = "Exit code: 0 done, 1 something could not be done, 2 wrong usage, 3 done, but not all docks \
                          answer, 130 ended by a signal such as that of Ctrl-C. `run`, `exec`, `attach` and `start -a` \
                          have that of the process; `run` has 125 where the container could not be made or started, \
                          `run` and `exec` have 126 where the command cannot be executed, and 127 where it is not found.";

/// The exit code of a command that was told to end.
const STOPPED: u8 = 130;

/// Drive the Docker daemons of many hosts from anywhere, over Redis.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Tell each request, who answered it and how long that took; stands before the command
    #[arg(short, long)]
    verbose: bool,
    /// What to log: a level (error, warn, info, debug, trace) or a filter such as deblox=debug; SIGHUP switches what serves to
    /// deblox=debug, and back
    #[arg(
        long,
        global = true,
        env = "DEBLOX_LOG",
        value_name = "FILTER",
        hide_short_help = true,
        help_heading = "Logging"
    )]
    log: Option<String>,
    /// How to log: text on a terminal and JSON elsewhere (auto), text, or json
    #[arg(
        long,
        global = true,
        env = "DEBLOX_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "auto",
        hide_short_help = true,
        help_heading = "Logging"
    )]
    log_format: LogFormat,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// Text.
    Text,
    /// JSON, an object a line.
    Json,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one of it")]
enum Command {
    /// All for one machine: a worker, HTTP, and a private Redis unless REDIS_URL names one
    Up(up::Args),
    /// Speak for the Docker daemon of this host
    Worker(worker::Args),
    /// The web UI, its API, and requests by HTTP, on any node
    Web(web::Args),
    /// Tell whether the worker or the node of this host is well, for a container's health check
    Health(health::Args),
    #[command(flatten)]
    Remote(Box<Remote>),
    #[command(flatten)]
    Local(Local),
}

/// What needs nobody.
#[derive(Debug, Subcommand)]
enum Local {
    /// Keep names for the clusters that you work with
    #[command(subcommand)]
    Context(context::Command),
    /// Print what makes a user of Redis who may do only what a program of that kind needs
    #[command(subcommand)]
    Acl(acl::Command),
    /// List the actions that a request can ask for, or the fields of one
    Actions(actions::Args),
    /// Print the JSON Schema of all requests
    Schema,
    /// Print what makes a shell complete commands and options
    Completions(completions::CompletionsArgs),
    /// Print the manual, or write a page for each command
    Man(completions::ManArgs),
}

/// What asks the cluster.
#[derive(Debug, Subcommand)]
enum Remote {
    /// List the docks, or change which take part
    Docks(docks::Args),
    /// Look for what is wrong with Redis, the docks and the queues, and say what to do
    Doctor(doctor::Args),
    /// List containers
    Ps(ps::Args),
    /// Create and start a container, on the fittest dock, and connect to it
    Run(run::RunArgs),
    /// Create a container, on the fittest dock
    Create(run::CreateArgs),
    #[command(flatten)]
    Lifecycle(lifecycle::Command),
    #[command(flatten)]
    Ownership(ownership::Command),
    /// Show everything about containers, images, networks or volumes
    Inspect(inspect::Args),
    /// Print what containers have written; several in the order of time
    Logs(logs::Args),
    /// Run a command in a container
    Exec(exec::Args),
    /// Connect to the process of a container that runs
    Attach(attach::Args),
    /// Show what containers use, as it changes
    Stats(stats::Args),
    /// Show what happens in the cluster, or at the daemon of a dock, as it happens
    Events(events::Args),
    /// List the requests that changed something or were to: who asked, for what, and how it ended
    Audit(audit::Args),
    /// Copy files into a container, or out of it
    Cp(copy::Args),
    /// List the processes of a container
    Top(inspect::TopArgs),
    /// List what has changed in the files of a container: A is added, C changed, D removed
    Diff(inspect::DiffArgs),
    #[command(flatten)]
    Images(images::Command),
    /// Build an image on a dock from a folder with a Dockerfile
    Build(Box<build::Args>),
    #[command(flatten)]
    Archives(archives::Command),
    /// List networks, or change them
    #[command(subcommand)]
    Network(networks::Command),
    /// List volumes, or change them
    #[command(subcommand)]
    Volume(volumes::Command),
    /// List templates, or change them
    #[command(subcommand)]
    Template(templates::Command),
    /// Log in, where workers ask who it is; the session is kept for the commands that follow
    Login(login::LoginArgs),
    /// End the session of `deblox login`
    Logout,
    /// Tell who the commands come from, and what that one may do
    Whoami(login::WhoamiArgs),
    /// List your sessions, or end some
    #[command(subcommand)]
    Session(sessions::Command),
    /// List users, or change who may use the cluster
    #[command(subcommand)]
    User(users::Command),
    /// List groups of users
    #[command(subcommand)]
    Group(groups::Command),
    /// List API tokens, or change them
    #[command(subcommand)]
    Token(tokens::Command),
    /// Send one request and print its reply
    Call(call::Args),
}

impl Cli {
    /// Reads the command line and the environment. Where they are wrong it says so, and ends the process as clap does.
    pub fn read() -> Self {
        let matches = Self::command().get_matches();
        let mut cli = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        cli.cluster.note_sources(&matches);
        cli
    }

    /// What to log, by the command's own default where nothing is said.
    pub fn log_filter(&self) -> String {
        let usual = if self.serves() { "info" } else { "off" };
        self.log.clone().unwrap_or_else(|| if self.verbose { "deblox=debug" } else { usual }.to_owned())
    }

    /// Whether it runs until it is told to end.
    pub fn serves(&self) -> bool {
        matches!(self.command, Command::Up(_) | Command::Worker(_) | Command::Web(_))
    }

    /// The form of log lines.
    pub fn log_format(&self) -> LogFormat {
        self.log_format
    }

    /// Runs the command. Returns the exit code; `stop` is cancelled when the process is told to end.
    ///
    /// # Errors
    /// What is to be told to the person, in one line.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<u8> {
        match self.command {
            Command::Up(args) => up::run(args, &self.cluster, stop).await,
            Command::Worker(args) => worker::run(args, &self.cluster, stop).await,
            Command::Web(args) => web::run(&args, &self.cluster, stop).await,
            Command::Health(args) => health::run(args, &self.cluster).await,
            Command::Local(command) => command.run(&self.cluster).await,
            Command::Remote(command) => {
                let cluster = Cluster::new(&self.cluster)?;
                let stopped = async {
                    stop.cancelled().await;
                    if cluster.forwards_signals() {
                        std::future::pending::<()>().await;
                    }
                };
                let code = tokio::select! {
                    code = Box::pin(command.run(&cluster)) => code,
                    () = stopped => Ok(STOPPED),
                };
                cluster.leave().await;
                code
            }
        }
    }
}

impl Local {
    async fn run(self, cluster: &ClusterArgs) -> anyhow::Result<u8> {
        match self {
            Self::Acl(command) => acl::run(command, cluster).await,
            Self::Actions(args) => actions::run(&args),
            Self::Schema => schema::run(),
            Self::Context(command) => context::run(&command, cluster),
            Self::Completions(args) => completions::completions(&args),
            Self::Man(args) => completions::man(&args),
        }
    }
}

impl Remote {
    async fn run(self: Box<Self>, cluster: &Cluster) -> anyhow::Result<u8> {
        match *self {
            Self::Docks(args) => docks::run(&args, cluster).await,
            Self::Doctor(args) => doctor::run(&args, cluster).await,
            Self::Ps(args) => ps::run(args, cluster).await,
            Self::Run(args) => run::run(args, cluster).await,
            Self::Create(args) => run::run_create(args, cluster).await,
            Self::Lifecycle(command) => lifecycle::run(command, cluster).await,
            Self::Ownership(command) => ownership::run(command, cluster).await,
            Self::Inspect(args) => inspect::run(&args, cluster).await,
            Self::Logs(args) => logs::run(&args, cluster).await,
            Self::Exec(args) => exec::run(args, cluster).await,
            Self::Attach(args) => attach::run(&args, cluster).await,
            Self::Stats(args) => stats::run(&args, cluster).await,
            Self::Events(args) => events::run(&args, cluster).await,
            Self::Audit(args) => audit::run(&args, cluster).await,
            Self::Top(args) => inspect::top(&args, cluster).await,
            Self::Diff(args) => inspect::diff(&args, cluster).await,
            Self::Cp(args) => copy::run(&args, cluster).await,
            Self::Build(args) => build::run(*args, cluster).await,
            Self::Archives(command) => archives::run(command, cluster).await,
            Self::Images(command) => images::run(command, cluster).await,
            Self::Network(command) => networks::run(command, cluster).await,
            Self::Volume(command) => volumes::run(command, cluster).await,
            Self::Template(command) => templates::run(command, cluster).await,
            Self::Login(args) => login::log_in(args, cluster).await,
            Self::Logout => login::log_out(cluster).await,
            Self::Whoami(args) => login::who_am_i(&args, cluster).await,
            Self::Session(command) => sessions::run(command, cluster).await,
            Self::User(command) => Box::pin(users::run(command, cluster)).await,
            Self::Group(command) => groups::run(command, cluster).await,
            Self::Token(command) => Box::pin(tokens::run(command, cluster)).await,
            Self::Call(args) => call::run(args, cluster).await,
        }
    }
}
