//! A real registry under test, in the network of the lab, and images to send to it.

use std::fmt::Write as _;
use std::ops::RangeInclusive;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::processes::{Program, signal};
use crate::support::{docker, lab, port, try_docker, unique, until};
use crate::witness::secret;

/// The password of `tester`, who may use a registry that asks.
pub const SECRET: &str = "s3cr3t-of-the-registry";

/// The same as `docker login` keeps it: `tester:` and the password in base64.
pub const LOGIN: &str = "dGVzdGVyOnMzY3IzdC1vZi10aGUtcmVnaXN0cnk=";

/// The same as a registry keeps it (bcrypt).
const PASSWORDS: &str = "tester:$2y$05$abcdefghijklmnopqrstuuESR8NcBixma.YNB0QOjgIcNXyVLnPmi\n";

/// A registry, killed when dropped.
pub struct Registry {
    /// Where the daemons of the lab find it: the first part of an image's name.
    pub address: String,
    folder: TempDir,
    server: Program,
}

impl Registry {
    /// One that is open to everybody.
    pub async fn start() -> Self {
        Self::begin("").await
    }

    /// One that asks who is there.
    pub async fn guarded() -> Self {
        for text in [SECRET, LOGIN] {
            secret(text);
        }
        Self::begin("auth: {htpasswd: {realm: test, path: FOLDER/passwords}}\n").await
    }

    async fn begin(further: &str) -> Self {
        loop {
            let net = std::env::var("DEBLOX_LAB_NET").unwrap_or_else(|_| "10.77.0".to_owned());
            let (folder, address) = (tempfile::tempdir().expect("a folder"), format!("{net}.1:{}", port()));
            let config = format!(
                "version: 0.1\nlog: {{accesslog: {{disabled: true}}}}\nstorage: {{filesystem: {{rootdirectory: FOLDER}}}}\n\
                 http: {{addr: \"{address}\"}}\n{further}"
            );
            let path = folder.path().display().to_string();
            std::fs::write(folder.path().join("config.yml"), config.replace("FOLDER", &path)).expect("it is written");
            std::fs::write(folder.path().join("passwords"), PASSWORDS).expect("it is written");
            let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/lab.sh"));
            // The process itself is to be killed, and not a sudo before it.
            let run = "echo $$ >\"$0/pid\" && exec docker-registry serve \"$0/config.yml\"";
            command.args(["in", "lab", "sh", "-c", run, &path]).env("DEBLOX_LAB", lab());
            let registry = Self { address, folder, server: Program::start(command) };
            let listens = async || {
                let said = registry.server.errors();
                (said.contains("listening on") || said.contains("already in use")).then_some(said)
            };
            if !until("the registry listens", listens).await.contains("already in use") {
                return registry;
            }
        }
    }

    /// Ends it as a crash would.
    pub fn kill(&self) {
        let pid = std::fs::read_to_string(self.folder.path().join("pid")).expect("it has begun");
        signal(pid.trim().parse().expect("a number"), "KILL");
    }

    /// Builds an image for this registry on a host of the lab, of busybox and one layer for each size, in MB, that nobody
    /// can compress.
    pub fn image(&self, host: usize, layers: &[usize]) -> Image {
        let folder = tempfile::tempdir().expect("a folder");
        let mut dockerfile = "FROM busybox\n".to_owned();
        for (number, size) in layers.iter().enumerate() {
            let write = format!("head -c {size}M /dev/urandom >{}", folder.path().join(number.to_string()).display());
            assert!(Command::new("sh").args(["-c", &write]).status().expect("sh is there").success());
            writeln!(dockerfile, "COPY {number} /{number}").expect("text takes text");
        }
        std::fs::write(folder.path().join("Dockerfile"), dockerfile).expect("it is written");
        let name = format!("{}/{}:1", self.address, unique("image"));
        let built = Command::new("docker")
            .args(["-H", &crate::support::docker_host(host), "build", "-q", "-t", &name])
            .arg(folder.path())
            .env("DOCKER_BUILDKIT", "0")
            .output()
            .expect("the docker command is there");
        assert!(built.status.success(), "{built:?}");
        // Those that others disturb are no business of a test that works on the first three.
        let hosts = if host <= 3 { 1..=3 } else { 4..=6 };
        Image { name, hosts }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        if Path::new("/proc").join(self.server.id().to_string()).exists() && self.folder.path().join("pid").exists() {
            let pid = std::fs::read_to_string(self.folder.path().join("pid")).unwrap_or_default();
            let _ = Command::new("kill").args(["-s", "KILL", pid.trim()]).output();
        }
    }
}

/// An image in a registry, removed when dropped.
pub struct Image {
    pub name: String,
    /// Those that may have it.
    hosts: RangeInclusive<usize>,
}

impl Image {
    /// Whether a host has it.
    pub fn is_on(&self, host: usize) -> bool {
        try_docker(host, &["image", "inspect", &self.name]).status.success()
    }

    /// Sends it to its registry with docker itself, and removes it from the host.
    pub fn moved_from(self, host: usize) -> Self {
        docker(host, &["push", "-q", &self.name]);
        docker(host, &["rmi", &self.name]);
        self
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        for host in self.hosts.clone() {
            try_docker(host, &["rmi", "-f", &self.name]);
        }
    }
}

/// A cable of a quiet host that lets little through until this is dropped.
pub struct Slow(usize);

impl Slow {
    /// `rate` as tc has it.
    pub fn down(host: usize, rate: &str) -> Self {
        lab_script(&["rate", &format!("h{host}"), rate]);
        Self(host)
    }
}

impl Drop for Slow {
    fn drop(&mut self) {
        lab_script(&["heal", &format!("h{}", self.0)]);
    }
}

fn lab_script(words: &[&str]) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/lab.sh");
    let done = Command::new(script).args(words).env("DEBLOX_LAB", lab()).status().expect("it runs");
    assert!(done.success(), "lab.sh {words:?}");
}
