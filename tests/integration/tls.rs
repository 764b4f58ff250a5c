//! Redis and Docker over TLS and TCP: who must be trusted is, and nobody else.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto};

use crate::processes::{Program, RedisProcess};
use crate::proxy::Proxy;
use crate::support::{Bus, Scrub, deblox, docker, docker_host, port, refused, succeeded, unique, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_over_tls_works_with_its_authority_and_with_no_other() {
    let (own, other) = (Authority::new(), Authority::new());
    let redis = redis(&own, "no", &[]).await;
    let worker = Program::start(on_redis(&redis, &own, &["worker", "--hostname", "a.test", "--docker-host"], 1));
    worker.says("worker is up").await;
    let output = call(&redis, &own, false);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let reply: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(reply["Response"]["Body"][0]["hostname"], "a.test");

    let output = call(&redis, &other, false);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), errors.lines().count()), (Some(1), 1), "{errors}");
    assert!(errors.contains("certificate") && errors.contains("UnknownIssuer"), "{errors}");
    let mistrusts = Program::start(on_redis(&redis, &other, &["worker", "--hostname", "b.test", "--docker-host"], 1));
    mistrusts.says("UnknownIssuer").await;
    assert!(!mistrusts.errors().contains("worker is up"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_over_tls_asks_for_the_client_s_certificate() {
    let own = Authority::new();
    let redis = redis(&own, "yes", &[]).await;
    let mut command = on_redis(&redis, &own, &["worker", "--hostname", "a.test", "--docker-host"], 1);
    command.env("DEBLOX_REDIS_CERT", own.file("cert.pem")).env("DEBLOX_REDIS_KEY", own.file("key.pem"));
    let worker = Program::start(command);
    worker.says("worker is up").await;
    let output = call(&redis, &own, true);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let output = call(&redis, &own, false);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), errors.lines().count()), (Some(1), 1), "{errors}");
    assert!(errors.contains("certificate"), "{errors}");
    let nameless = on_redis(&redis, &own, &["worker", "--hostname", "b.test", "--docker-host"], 2);
    let nameless = Program::start(nameless);
    nameless.says("certificate").await;
    assert!(!nameless.errors().contains("worker is up"));

    // A certificate of somebody else's authority is none.
    let other = Authority::new();
    let mut command = on_redis(&redis, &own, &["call", "--timeout", "5s", r#"{"action":"list-docks"}"#], 0);
    command.env("DEBLOX_REDIS_CERT", other.file("cert.pem")).env("DEBLOX_REDIS_KEY", other.file("key.pem"));
    let output = command.output().expect("it runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), errors.lines().count()), (Some(1), 1), "{errors}");
    assert!(errors.contains("certificate") || errors.contains("UnknownCA"), "{errors}");

    // The auth manager, those who change accounts, and what streams.
    let shown = |words: &[&str]| {
        let mut command = on_redis(&redis, &own, words, 0);
        command.env("DEBLOX_REDIS_CERT", own.file("cert.pem")).env("DEBLOX_REDIS_KEY", own.file("key.pem"));
        command
    };
    let manager = Program::start(shown(&["web", "--auth-manager", "--listen", "127.0.0.1:0"]));
    manager.says("auth manager is up").await;
    let output = shown(&["user", "add", "ada", "--role", "user", "--generate"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let told = Program::start(shown(&["events", "--after", "0", "--format", "json"]));
    until("an event", async || told.output().contains("a.test").then_some(())).await;

    let output = on_redis(&redis, &own, &["call", "--redis-cert", "/nowhere.pem", "{}"], 0).output().expect("it runs");
    assert_eq!(output.status.code(), Some(2), "a certificate needs a key: {output:?}");
    let mut command = on_redis(&redis, &own, &["call", "--redis-cert", "/nowhere.pem", "--redis-key"], 0);
    let output = command.args(["/nowhere.pem", r#"{"action":"ping"}"#]).output().expect("it runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), errors.lines().count()), (Some(1), 1), "{errors}");
    assert!(errors.contains("/nowhere.pem"), "{errors}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_over_tls_is_followed_with_its_authority_and_with_no_other() {
    let own = Authority::new();
    let bus_port = port().to_string();
    let cluster = ["--cluster-enabled", "yes", "--tls-cluster", "yes", "--cluster-port", &bus_port];
    let redis = redis(&own, "no", &cluster).await;
    let mut cli = Command::new("redis-cli");
    cli.args(["--tls", "-h", "localhost", "-p", &redis.port().to_string(), "--cacert"]).arg(own.file("ca.pem"));
    let told = cli.args(["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]).output().expect("redis-cli is there");
    assert_eq!(String::from_utf8_lossy(&told.stdout).trim(), "OK");
    follows(&format!("rediss+cluster://localhost:{}", redis.port()), &own).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinels_over_tls_are_asked_with_their_authority_and_with_no_other() {
    let own = Authority::new();
    let redis = redis(&own, "no", &["--tls-replication", "yes"]).await;
    let (port, folder) = (port(), tempfile::tempdir().expect("a temporary folder"));
    let [cert, key, ca] = own.files();
    let settings = format!(
        "port 0\ntls-port {port}\nbind 127.0.0.1\ntls-replication yes\ntls-auth-clients no\ntls-cert-file {cert}\n\
         tls-key-file {key}\ntls-ca-cert-file {ca}\nsentinel monitor mymaster 127.0.0.1 {} 1\n",
        redis.port()
    );
    let settings_file = folder.path().join("sentinel.conf");
    std::fs::write(&settings_file, settings).expect("a file");
    let mut command = Command::new("redis-server");
    command.arg(settings_file).arg("--sentinel");
    let _sentinel = Program::start(command);
    follows(&format!("rediss+sentinel://localhost:{port}/mymaster"), &own).await;
}

/// A worker and a caller find the primary by a URL and trust the authority; another one they do not.
async fn follows(url: &str, own: &Authority) {
    let command = |words: &[&str], authority: &Authority| {
        let mut command = deblox();
        command
            .args(words)
            .env("REDIS_URL", url)
            .env("DEBLOX_NAMESPACE", "{deblox}")
            .env("DOCKER_HOST", docker_host(1));
        command.env("DEBLOX_REDIS_CA", authority.file("ca.pem"));
        command
    };
    let worker = Program::start(command(&["worker", "--hostname", "a.test"], own));
    worker.says("worker is up").await;
    let docks = ["docks", "--timeout", "5s"];
    let output = command(&docks, own).output().expect("it runs");
    assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("a.test"), "{output:?}");
    let output = command(&docks, &Authority::new()).output().expect("it runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), errors.lines().count()), (Some(1), 1), "{errors}");
    assert!(errors.contains("UnknownIssuer"), "{errors}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn docker_over_tcp_is_driven_like_docker_over_a_socket() {
    let bus = Bus::new().await;
    let proxy = Proxy::tcp(1).await;
    let mut command = bus.worker_command(1, "a.test");
    command.env("DOCKER_HOST", &proxy.address);
    let _worker = Program::start(command);
    drives(&bus).await;
    assert!(proxy.has_seen("/events?"), "it follows the events through the proxy");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn docker_over_tls_shows_and_wants_certificates() {
    let bus = Bus::new().await;
    let (own, other) = (Authority::new(), Authority::new());
    let proxy = Proxy::tls(1, own.server()).await;
    let command = |dock: &str, certificates: &Path| {
        let mut command = bus.worker_command(1, dock);
        command.env("DOCKER_HOST", &proxy.address).env("DOCKER_TLS_VERIFY", "1").env("DOCKER_CERT_PATH", certificates);
        command
    };
    let _worker = Program::start(command("a.test", own.folder.path()));
    drives(&bus).await;

    let _mistrusts = Program::start(command("b.test", other.folder.path()));
    let nameless = tempfile::tempdir().expect("a temporary folder");
    std::fs::copy(own.file("ca.pem"), nameless.path().join("ca.pem")).expect("a copy");
    let _nameless = Program::start(command("c.test", nameless.path()));
    for (dock, reason) in [("b.test", "UnknownIssuer"), ("c.test", "Docker daemon")] {
        bus.until_dock(dock, |record| record["daemon"] == "down").await;
        let reply = bus.call_dock(dock, json!({"action": "inspect-container", "id": "any"})).await;
        refused(&reply, 503, "daemon-down", &[reason]);
    }
    let mut faulty = Program::start(command("d.test", {
        std::fs::write(nameless.path().join("ca.pem"), "no certificate").expect("a file");
        std::fs::write(nameless.path().join("cert.pem"), "no certificate").expect("a file");
        nameless.path()
    }));
    assert_eq!(faulty.ended().await.code(), Some(1), "{}", faulty.errors());
    assert!(faulty.errors().contains(".pem"), "{}", faulty.errors());
}

/// Drives `a.test`, whose worker reaches host 1, and checks what it tells about the daemon.
async fn drives(bus: &Bus) {
    bus.until_dock("a.test", |record| record["daemon"] == "up").await;
    let name = unique("driven");
    let _scrub = Scrub::new(1, &name);
    let id = bus.running("a.test", &name).await;
    docker(1, &["stop", "-t", "0", &id]);
    until("the event has arrived", async || {
        let record: Option<String> = bus.redis(&["HGET", &bus.key("instances.a.test"), &id]).await;
        record.filter(|record| record.contains("exited"))
    })
    .await;
    let reply = bus.call(json!({"action": "delete-container", "id": name})).await;
    succeeded(&reply, 204);

    let number = |version: &str| version.rsplit('.').next().and_then(|minor| minor.parse::<u32>().ok()).expect("1.x");
    let row = bus.dock("a.test").await;
    let agreed = number(row["apiVersion"].as_str().expect("the version in use"));
    let newest = number(&docker(1, &["version", "-f", "{{.Server.APIVersion}}"]));
    assert!((41..=newest).contains(&agreed), "{row}");
    assert_eq!(row["engineVersion"], docker(1, &["version", "-f", "{{.Server.Version}}"]), "{row}");
}

/// A Redis server that shows a certificate of `authority`, and asks for one if `clients` says `yes`.
async fn redis(authority: &Authority, clients: &str, more: &[&str]) -> RedisProcess {
    let [cert, key, ca] = authority.files();
    let certificates = ["--tls-cert-file", &cert, "--tls-key-file", &key, "--tls-ca-cert-file", &ca];
    let mut redis = RedisProcess::with_tls(&[&certificates[..], &["--tls-auth-clients", clients], more].concat());
    redis.start().await;
    redis
}

/// The program on that server, trusting `authority`; the last word is the address of a host of the lab.
fn on_redis(redis: &RedisProcess, authority: &Authority, words: &[&str], host: usize) -> Command {
    let mut command = deblox();
    command.args(words).env("REDIS_URL", format!("rediss://localhost:{}", redis.port()));
    command.env("DEBLOX_REDIS_CA", authority.file("ca.pem"));
    if host > 0 {
        command.arg(docker_host(host));
    }
    command
}

/// Lists the docks, with a client certificate or without.
fn call(redis: &RedisProcess, authority: &Authority, certificate: bool) -> Output {
    let mut command = on_redis(redis, authority, &["call", "--timeout", "5s", r#"{"action":"list-docks"}"#], 0);
    if certificate {
        command.env("DEBLOX_REDIS_CERT", authority.file("cert.pem"));
        command.env("DEBLOX_REDIS_KEY", authority.file("key.pem"));
    }
    command.output().expect("it runs")
}

/// A certificate authority, and a certificate of it for this machine, named as Docker names the files.
struct Authority {
    folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.distinguished_name.push(DnType::CommonName, unique("authority"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate");
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).expect("names");
        params.distinguished_name.push(DnType::CommonName, unique("machine"));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&key, &issuer).expect("a certificate");
        for (name, pem) in [("ca.pem", issuer.pem()), ("cert.pem", certificate.pem()), ("key.pem", key.serialize_pem())]
        {
            std::fs::write(folder.path().join(name), pem).expect("a file");
        }
        Self { folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The certificate, its key, and the certificate of the authority.
    fn files(&self) -> [String; 3] {
        ["cert.pem", "key.pem", "ca.pem"].map(|name| self.file(name).to_str().expect("UTF-8").to_owned())
    }

    /// A TLS server that shows its certificate and asks for one.
    fn server(&self) -> ServerConfig {
        let read = |name| CertificateDer::from_pem_file(self.file(name)).expect("a certificate");
        let key = PrivateKeyDer::from_pem_file(self.file("key.pem")).expect("a key");
        let mut roots = RootCertStore::empty();
        roots.add(read("ca.pem")).expect("a root");
        let provider = Arc::new(crypto::ring::default_provider());
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_client_cert_verifier(clients.build().expect("a verifier"))
            .with_single_cert(vec![read("cert.pem")], key)
            .expect("a certificate with its key")
    }
}
