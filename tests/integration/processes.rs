//! Real processes under test: the deblox program, and Redis servers that can be stopped and started again.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use tempfile::{NamedTempFile, TempDir};

use crate::support::{Bus, deblox, docker_host, until};
use crate::witness::produced;

/// A running program, killed when dropped.
pub struct Program {
    child: Child,
    is_ours: bool,
    output: NamedTempFile,
    errors: NamedTempFile,
}

impl Program {
    pub fn start(mut command: Command) -> Self {
        let file = || NamedTempFile::new().expect("a temporary file");
        let (output, errors) = (file(), file());
        let handle = |file: &NamedTempFile| Stdio::from(file.reopen().expect("the file is there"));
        command.stdin(Stdio::null()).stdout(handle(&output)).stderr(handle(&errors));
        let child = command.spawn().unwrap_or_else(|e| panic!("{command:?}: {e}"));
        Self { child, is_ours: command.get_program() == env!("CARGO_BIN_EXE_deblox"), output, errors }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to stdout.
    pub fn output(&self) -> String {
        std::fs::read_to_string(self.output.path()).expect("text")
    }

    /// What it has written to stderr.
    pub fn errors(&self) -> String {
        std::fs::read_to_string(self.errors.path()).expect("text")
    }

    /// Waits until it has written `text` to stderr.
    pub async fn says(&self, text: &str) {
        until(text, async || self.errors().contains(text).then_some(())).await;
    }

    /// Sends it a signal, such as `TERM` or `KILL`.
    pub fn signal(&self, name: &str) {
        signal(self.id(), name);
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> ExitStatus {
        let mut ended = None;
        while ended.is_none() {
            ended = self.child.try_wait().expect("it is our child");
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        ended.expect("it has ended")
    }

    /// As a crash: nothing of it runs on.
    pub async fn killed(mut self) {
        self.signal("KILL");
        self.ended().await;
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        for file in [&self.output, &self.errors] {
            if let (true, Ok(said)) = (self.is_ours, std::fs::read(file.path())) {
                produced("processes", said);
            }
        }
        if std::thread::panicking() {
            eprintln!("--- stderr of process {}:\n{}", self.id(), self.errors());
        }
    }
}

impl Bus {
    /// `deblox worker` for `dock` beside one host of the lab, with an environment of its own.
    pub fn worker_command(&self, host: usize, dock: &str) -> Command {
        let mut command = deblox();
        command.args(["worker", "--hostname", dock]);
        command.env("REDIS_URL", &self.url).env("DEBLOX_NAMESPACE", &self.namespace);
        command.env("DOCKER_HOST", docker_host(host));
        command
    }

    /// Runs that, and waits until the dock is up.
    pub async fn program(&self, host: usize, dock: &str) -> Program {
        let program = Program::start(self.worker_command(host, dock));
        program.says("worker is up").await;
        self.until_dock(dock, |record| record["daemon"] == "up").await;
        program
    }
}

/// A redis-server of the test's own on one port, which keeps its data over a restart.
pub struct RedisProcess {
    program: &'static str,
    server: Option<Program>,
    port: u16,
    folder: TempDir,
    arguments: Vec<String>,
}

impl RedisProcess {
    /// Chooses a port and a folder; nothing runs yet.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let arguments = vec!["--maxmemory-policy".into(), "noeviction".into()];
        Self { program: "redis-server", server: None, port: free_port(), folder, arguments }
    }

    /// The same with Valkey in the place of Redis.
    pub fn valkey() -> Self {
        Self { program: "valkey-server", ..Self::new() }
    }

    /// With further settings, which go before the usual ones.
    pub fn with(arguments: &[&str]) -> Self {
        let mut server = Self::new();
        server.arguments.extend(arguments.iter().map(|word| (*word).to_owned()));
        server
    }

    /// With TLS instead of plain text, as `arguments` describe it.
    pub fn with_tls(arguments: &[&str]) -> Self {
        let mut server = Self::new();
        let tls = ["--port".to_owned(), "0".to_owned(), "--tls-port".to_owned(), server.port.to_string()];
        server.arguments.extend(tls.into_iter().chain(arguments.iter().map(|word| (*word).to_owned())));
        server
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Starts it and waits until it answers.
    pub async fn start(&mut self) {
        let mut command = Command::new(self.program);
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes"]);
        command.args(["--appendfsync", "always", "--dir"]).arg(self.folder.path()).args(&self.arguments);
        let server = Program::start(command);
        until("the server is ready", async || server.output().contains("Ready to accept connections").then_some(()))
            .await;
        self.server = Some(server);
    }

    /// Sends it a signal, such as `STOP` or `CONT`.
    pub fn signal(&self, name: &str) {
        self.server.as_ref().expect("it runs").signal(name);
    }

    /// Kills it.
    pub async fn kill(&mut self) {
        self.server.take().expect("it runs").killed().await;
    }
}

/// Sends a signal to a process.
pub fn signal(process: u32, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &process.to_string()]).status().expect("kill is there");
    assert!(sent.success(), "kill -s {name} {process}");
}

/// Whether a process is there, and not only waiting to be buried.
pub fn is_alive(process: u32) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(process.to_string()).join("stat"));
    stat.is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with('Z'))
}

/// A TCP port on which nothing listens.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound").port()
}
