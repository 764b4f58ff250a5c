//! `deblox attach`, and what `run`, `start -a` and `exec` share with it: being connected to a process in the cluster.

use std::time::Duration;

use anyhow::bail;
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::cluster::{Cluster, Request, about};
use super::output::{complain, say};
use super::progress::with_progress;
use super::streams::{Came, Incoming, stderr, stdout, write_raw};
use super::terminal::{DetachKeys, Raw, has_keyboard, keyboard, size};
use crate::client::{Reply, StreamInput};
use crate::protocol::limits::LONGEST_TIMEOUT;
use crate::protocol::{Channel, millis};

/// The exit code where nobody reads what the process writes, as a shell has it.
const UNREAD: u8 = 141;

/// The exit code where this program was told to end.
const STOPPED: u8 = 130;

/// So often a process that is to end is asked; then this program ends without it.
const ASKED: u32 = 3;

/// When the size of the terminal is told, after the beginning: a process may need a moment to have one.
const SIZES: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(50), Duration::from_millis(250), Duration::from_secs(1)];

/// How long it takes until a container whose stream has ended has ended too, if it does.
const ENDING: Duration = Duration::from_secs(3);

#[derive(Debug, clap::Args)]
#[command(after_help = "Exit code: that of the container's process; 0 if it was left with the detach keys.")]
pub(super) struct Args {
    /// The container: NAME, DOCK/NAME, or the beginning of its id
    container: String,
    /// Give it no standard input
    #[arg(long)]
    no_stdin: bool,
    #[command(flatten)]
    session: SessionArgs,
}

/// How one is connected.
#[derive(Debug, clap::Args)]
pub(super) struct SessionArgs {
    /// The keys that leave a terminal and let it run [default: ctrl-p,ctrl-q]
    #[arg(long, value_name = "KEYS")]
    detach_keys: Option<DetachKeys>,
    /// Without a terminal, send signals such as that of Ctrl-C on to the process [default: true]
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    sig_proxy: Option<bool>,
}

impl SessionArgs {
    /// The keys that detach.
    pub(super) fn keys(&self) -> DetachKeys {
        self.detach_keys.clone().unwrap_or_else(usual_keys)
    }

    /// The field of a request that names them, where they are not the usual ones.
    pub(super) fn keys_field(&self) -> Option<String> {
        self.detach_keys.as_ref().map(|keys| keys.as_str().to_owned())
    }
}

/// Those of docker.
pub(super) fn usual_keys() -> DetachKeys {
    "ctrl-p,ctrl-q".parse().expect("these are keys")
}

/// A container that one can be connected to.
pub(super) struct Container {
    /// DOCK/ID.
    pub(super) name: String,
    pub(super) tty: bool,
    /// With standard input.
    pub(super) stdin: bool,
}

/// How being connected ended.
pub(super) enum Ended {
    /// The process has ended, or left the stream.
    With(Reply),
    /// The person has left it.
    Detached,
    /// This program was told to end.
    Stopped(u8),
}

/// A process one is connected to.
pub(super) struct Session {
    pub(super) tty: bool,
    pub(super) stdin: bool,
    pub(super) keys: DetachKeys,
    /// The container that gets the signals of this program.
    pub(super) signals_to: Option<String>,
    /// Whether its terminal was there before, and is to be drawn anew.
    pub(super) redraw: bool,
}

/// `deblox attach`.
pub(super) async fn run(args: &Args, cluster: &Cluster) -> anyhow::Result<u8> {
    let (container, running) = look(cluster, &args.container, !args.no_stdin).await?;
    if !running {
        bail!("{} does not run: `deblox start -a` starts it and attaches", args.container);
    }
    attached(cluster, &container, &args.session, async || Ok(()), true).await
}

/// `deblox start -a`.
pub(super) async fn start(cluster: &Cluster, name: &str, stdin: bool, session: &SessionArgs) -> anyhow::Result<u8> {
    let (container, running) = look(cluster, name, stdin).await?;
    let start = async || with_progress(cluster.ask(about("start-container", &container.name)?.json())).await.map(drop);
    attached(cluster, &container, session, start, running).await
}

/// What is to be known of a container, and whether it runs.
async fn look(cluster: &Cluster, name: &str, stdin: bool) -> anyhow::Result<(Container, bool)> {
    let reply = with_progress(cluster.ask(about("inspect-container", name)?.json())).await?;
    let seen: Value = reply.body()?;
    let (id, dock) = (seen["Id"].as_str().unwrap_or(name), reply.dock().unwrap_or_default());
    let container = Container {
        name: format!("{dock}/{id}"),
        tty: seen["Config"]["Tty"] == true,
        stdin: stdin && seen["Config"]["OpenStdin"] == true,
    };
    Ok((container, seen["State"]["Running"] == true))
}

/// Attaches, then does what `start` is, and stays connected to the end. Returns the exit code.
pub(super) async fn attached(
    cluster: &Cluster,
    container: &Container,
    args: &SessionArgs,
    start: impl AsyncFnOnce() -> anyhow::Result<()>,
    redraw: bool,
) -> anyhow::Result<u8> {
    let Container { name, tty, stdin } = container;
    check_keyboard(*tty, *stdin)?;
    let request = about("attach-container", name)?.flag("stdin", *stdin).maybe("detach-keys", args.keys_field());
    let mut incoming = Incoming::begin(cluster, request.json())?;
    if let Err(broken) = with_progress(incoming.begun()).await {
        return Err(broken.explained(cluster).await);
    }
    let proxy = !tty && args.sig_proxy.unwrap_or(true);
    let session = Session {
        tty: *tty,
        stdin: *stdin,
        keys: args.keys(),
        signals_to: proxy.then(|| name.clone()),
        redraw: redraw && *tty,
    };
    start().await?;
    match session.run(&mut incoming, cluster).await? {
        Ended::Detached => Ok(0),
        Ended::Stopped(code) => Ok(code),
        Ended::With(reply) => {
            let body: Value = reply.body().unwrap_or_default();
            match body["exitCode"].as_u64() {
                Some(code) => Ok(as_code(code)),
                None => wait(cluster, container).await,
            }
        }
    }
}

/// Without a terminal nobody can type into one.
pub(super) fn check_keyboard(tty: bool, stdin: bool) -> anyhow::Result<()> {
    if tty && stdin && !has_keyboard() {
        bail!("standard input is no terminal: leave out -t, or give none to a container that has one");
    }
    Ok(())
}

/// Waits until a container has ended whose stream has. One with a terminal may have been left at the daemon, too.
async fn wait(cluster: &Cluster, container: &Container) -> anyhow::Result<u8> {
    let longest = if container.tty { ENDING } else { LONGEST_TIMEOUT };
    let request = about("wait-container", &container.name)?.with("timeout", millis(longest));
    let reply = cluster.call(request.json()).await?;
    if !reply.is_success() {
        return if container.tty { Ok(0) } else { Err(super::cluster::refused(&reply).into()) };
    }
    Ok(as_code(reply.body::<Value>()?["StatusCode"].as_u64().unwrap_or_default()))
}

impl Session {
    /// Stays connected until one of both sides ends that.
    pub(super) async fn run(self, incoming: &mut Incoming, cluster: &Cluster) -> anyhow::Result<Ended> {
        let raw = if self.tty && self.stdin { Some(Raw::enter()?) } else { None };
        if self.signals_to.is_some() {
            cluster.forward_signals();
        }
        let input = incoming.input();
        let Self { tty, stdin, keys, signals_to, redraw } = self;
        let ended = tokio::select! {
            ended = hear(incoming, cluster) => ended,
            fed = feed(&input, stdin, tty.then_some(keys)) => fed.map(|()| Ended::Detached),
            sized = resize(&input, tty, redraw) => sized.map(|never| match never {}),
            code = heed(signals_to.as_deref(), tty, cluster) => code.map(Ended::Stopped),
        };
        let was_raw = raw.is_some();
        drop(raw);
        if was_raw && matches!(ended, Ok(Ended::Detached)) {
            say("");
            say("deblox: it runs on; `deblox attach` comes back to a container");
        }
        ended
    }
}

/// Writes what the process writes.
async fn hear(incoming: &mut Incoming, cluster: &Cluster) -> anyhow::Result<Ended> {
    let (mut out, mut errors) = (stdout(), stderr());
    loop {
        match incoming.next().await {
            Ok(Came::Begun) => {}
            Ok(Came::Bytes(Channel::Stderr, bytes)) => {
                write_raw(&mut errors, &bytes).await?;
            }
            Ok(Came::Bytes(_, bytes)) => {
                if !write_raw(&mut out, &bytes).await? {
                    return Ok(Ended::Stopped(UNREAD));
                }
            }
            Ok(Came::End(reply)) => return Ok(Ended::With(reply)),
            Err(broken) => return Err(broken.explained(cluster).await),
        }
    }
}

/// Gives the process what is typed; returns when the detach keys were.
async fn feed(input: &StreamInput, stdin: bool, mut keys: Option<DetachKeys>) -> anyhow::Result<()> {
    if stdin {
        let mut pieces = keyboard()?;
        let mut open = true;
        while let Some(piece) = pieces.recv().await {
            let (piece, detach) = match &mut keys {
                Some(keys) => keys.take(&piece),
                None => (piece, false),
            };
            if open && !piece.is_empty() {
                open = input.send(&piece).await?;
            }
            if detach {
                // What was typed before is for the process.
                input.taken().await;
                return Ok(());
            }
        }
        input.close().await?;
    }
    std::future::pending().await
}

/// Tells the size of the terminal, and each change of it.
async fn resize(input: &StreamInput, tty: bool, redraw: bool) -> anyhow::Result<std::convert::Infallible> {
    if !tty {
        return std::future::pending().await;
    }
    let mut changes = signal(SignalKind::window_change())?;
    if redraw && let Some((rows, cols)) = size() {
        input.resize(rows.saturating_add(1), cols).await?;
    }
    let mut times = SIZES.into_iter();
    loop {
        let next = times.next();
        tokio::select! {
            () = sleep(next.unwrap_or_default()), if next.is_some() => {}
            _ = changes.recv() => {}
        }
        if let Some((rows, cols)) = size() {
            input.resize(rows, cols).await?;
        }
    }
}

/// Sends signals on to the container, or ends this program in good order. Returns the exit code.
async fn heed(signals_to: Option<&str>, tty: bool, cluster: &Cluster) -> anyhow::Result<u8> {
    let all = [
        (SignalKind::interrupt(), "SIGINT"),
        (SignalKind::terminate(), "SIGTERM"),
        (SignalKind::hangup(), "SIGHUP"),
        (SignalKind::quit(), "SIGQUIT"),
        (SignalKind::user_defined1(), "SIGUSR1"),
        (SignalKind::user_defined2(), "SIGUSR2"),
    ];
    let minded = match (signals_to, tty) {
        (Some(_), _) => &all[..],
        // These would end the program while the terminal is raw.
        (None, true) => &all[2..4],
        (None, false) => &[],
    };
    let (sender, mut signals) = mpsc::channel(16);
    for &(kind, name) in minded {
        let (mut arrives, sender) = (signal(kind)?, sender.clone());
        tokio::spawn(async move { while arrives.recv().await.is_some() && sender.send(name).await.is_ok() {} });
    }
    let mut asked = 0;
    while let Some(name) = signals.recv().await {
        let Some(container) = signals_to else { return Ok(STOPPED) };
        asked += u32::from(["SIGINT", "SIGTERM"].contains(&name));
        if asked > ASKED {
            complain(&anyhow::anyhow!("{container} was asked {ASKED} times, and runs on"));
            return Ok(STOPPED);
        }
        let kill: Request = about("kill-container", container)?.with("signal", name);
        if let Err(error) = cluster.ask(kill.json()).await {
            // It may just have ended.
            tracing::debug!(%error, "a signal");
        }
    }
    std::future::pending().await
}

/// The exit code in what is said at the end of a command.
pub(super) fn exit_code(reply: &Reply) -> u8 {
    let body: Value = reply.body().unwrap_or_else(|_| json!({}));
    body["exitCode"].as_u64().map_or(0, as_code)
}

/// The exit code of a process as that of this program; the daemon's numbers have room for more.
fn as_code(code: u64) -> u8 {
    u8::try_from(code).unwrap_or(u8::MAX)
}
