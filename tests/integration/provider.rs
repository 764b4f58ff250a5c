//! A real OpenID Connect provider under test, and a browser that logs in at it.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;
use url::{Url, form_urlencoded};

use crate::processes::Program;
use crate::support::{Bus, deblox, until};
use crate::witness::secret;

/// Where browsers find the nodes: a name that only [`Browser`] knows.
pub const PUBLIC: &str = "https://deblox.test";

/// What the provider and deblox know.
pub const CLIENT_SECRET: &str = "the-client-s-own-secret";

/// A provider, killed when dropped.
pub struct Provider {
    pub issuer: String,
    folder: TempDir,
    server: Program,
}

impl Provider {
    pub async fn start() -> Self {
        Self::with(json!({})).await
    }

    /// With other settings, which `tests/oidc/provider.mjs` tells of.
    pub async fn with(settings: Value) -> Self {
        secret(CLIENT_SECRET);
        let folder = tempfile::tempdir().expect("a folder");
        let redirect = format!("{PUBLIC}/auth/oidc/callback");
        let client = json!({"client_id": "deblox", "client_secret": CLIENT_SECRET, "redirect_uris": [redirect]});
        let mut config = json!({"clients": [client], "users": {}});
        config.as_object_mut().expect("an object").extend(settings.as_object().expect("an object").clone());
        std::fs::write(folder.path().join("config.json"), config.to_string()).expect("it is written");
        let server = Self::run(&folder);
        let listens = async || server.output().lines().next().map(str::to_owned);
        let issuer = until("the provider listens (is tests/oidc installed? `make test` does it)", listens).await;
        Self { issuer, folder, server }
    }

    fn run(folder: &TempDir) -> Program {
        let mut command = Command::new("node");
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oidc/provider.mjs"));
        command.arg(folder.path().join("config.json"));
        Program::start(command)
    }

    /// Has the provider say this of who logs in as `login`, from now on.
    pub fn user(&self, login: &str, claims: Value) {
        self.change(|config| config["users"][login] = claims);
    }

    /// Kills it, and starts it again at the same address, with a new key and `settings`.
    pub async fn again(self, settings: Value) -> Self {
        let port = Url::parse(&self.issuer).expect("a URL").port().expect("a port");
        self.change(|config| {
            config["port"] = json!(port);
            config.as_object_mut().expect("an object").extend(settings.as_object().expect("an object").clone());
        });
        let Self { issuer, folder, server } = self;
        server.killed().await;
        let server = Self::run(&folder);
        until("the provider listens again", async || server.output().contains(&issuer).then_some(())).await;
        Self { issuer, folder, server }
    }

    fn change(&self, change: impl FnOnce(&mut Value)) {
        let path = self.folder.path().join("config.json");
        let mut config: Value = serde_json::from_slice(&std::fs::read(&path).expect("it is there")).expect("JSON");
        change(&mut config);
        // In one step, since the provider may read it at any time.
        let new = self.folder.path().join("new.json");
        std::fs::write(&new, config.to_string()).expect("it is written");
        std::fs::rename(new, path).expect("it is moved");
    }
}

/// `deblox web` where people log in at a provider.
pub struct Node {
    pub program: Program,
}

impl Node {
    /// With two groups that have roles.
    pub async fn start(bus: &Bus, issuer: &str) -> Self {
        Self::with(bus, issuer, &["--oidc-role", "dev=user", "--oidc-role", "ops=operator"], |_| {}).await
    }

    pub async fn with(bus: &Bus, issuer: &str, more: &[&str], change: impl FnOnce(&mut Command)) -> Self {
        let mut command: Command = deblox();
        command.args(["--log", "trace", "web", "--listen", "127.0.0.1:0", "--oidc-client-id", "deblox"]);
        command.args(["--oidc-redirect-url", &format!("{PUBLIC}/auth/oidc/callback"), "--oidc-issuer", issuer]);
        command.args(["--oidc-scope", "profile groups"]).args(more);
        command.env("REDIS_URL", &bus.url).env("DEBLOX_NAMESPACE", &bus.namespace);
        command.env("DEBLOX_OIDC_CLIENT_SECRET", CLIENT_SECRET);
        change(&mut command);
        let node = Self { program: Program::start(command) };
        until("it says where it listens", async || node.program.output().contains("http://").then_some(())).await;
        node
    }

    /// As it says itself.
    pub fn address(&self) -> String {
        let output = self.program.output();
        output.trim().rsplit("http://").next().expect("an address").to_owned()
    }
}

/// What a browser was answered.
#[derive(Debug)]
pub struct Page {
    pub url: Url,
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Page {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// Where it sends the browser.
    pub fn next(&self) -> Url {
        assert!((300..400).contains(&self.status), "{self:?}");
        self.url.join(self.header("location")).expect("an address")
    }

    /// What an attribute of the first tag that begins with `tag` says.
    fn attribute(&self, tag: &str, name: &str) -> Option<String> {
        let tag = self.body.split(tag).nth(1)?.split('>').next()?;
        Some(tag.split(&format!("{name}=\"")).nth(1)?.split('"').next()?.to_owned())
    }
}

/// A browser: it keeps cookies for their path, follows redirects when told to, and fills in forms.
#[derive(Clone, Default)]
pub struct Browser {
    /// By host, path and name.
    pub cookies: BTreeMap<(String, String, String), String>,
    /// The node that [`PUBLIC`] leads to.
    pub node: String,
}

impl Browser {
    pub fn at(node: &Node) -> Self {
        Self { node: node.address(), ..Self::default() }
    }

    pub fn get(&mut self, url: &Url) -> Page {
        self.send("GET", url, "Accept: text/html\r\n", "")
    }

    /// Asks deblox as a script of its page would.
    pub fn ask(&mut self, method: &str, path: &str) -> Page {
        self.ask_with(method, path, "")
    }

    /// The same with a further header, which ends its line.
    pub fn ask_with(&mut self, method: &str, path: &str, header: &str) -> Page {
        self.send(method, &Url::parse(PUBLIC).expect("a URL").join(path).expect("a path"), header, "")
    }

    /// Who deblox says that this is: the user, its role and its groups.
    pub fn me(&mut self) -> Value {
        let page = self.ask("GET", "/auth/me");
        assert_eq!(page.status, 200, "{page:?}");
        let me = page.json();
        json!([me["username"], me["role"], me["groups"]])
    }

    /// Goes from deblox to the provider, and logs in there: the address to which the provider then sends the browser.
    pub fn at_provider(&mut self, login: &str) -> Url {
        let departure = self.ask("GET", "/auth/oidc/login").next();
        self.through(&departure, login)
    }

    /// The same from an address of the provider on.
    pub fn through(&mut self, departure: &Url, login: &str) -> Url {
        let mut page = self.get(departure);
        loop {
            page = if (300..400).contains(&page.status) {
                let next = page.next();
                if next.as_str().starts_with(PUBLIC) {
                    return next;
                }
                self.get(&next)
            } else {
                assert_eq!(page.status, 200, "{page:?}");
                self.submit(&page, login)
            };
        }
    }

    /// Logs in: where deblox sends the browser, or why not.
    pub fn log_in(&mut self, login: &str) -> Page {
        let callback = self.at_provider(login);
        self.get(&callback)
    }

    /// Fills in the form of a page and sends it.
    fn submit(&mut self, page: &Page, login: &str) -> Page {
        let action = page.attribute("<form", "action").unwrap_or_else(|| panic!("no form: {page:?}"));
        let prompt = page.attribute("name=\"prompt\"", "value").expect("what the form is");
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("prompt", &prompt);
        if prompt == "login" {
            form.append_pair("login", login).append_pair("password", "any");
        }
        let url = page.url.join(&action).expect("an address");
        self.send("POST", &url, "Content-Type: application/x-www-form-urlencoded\r\n", &form.finish())
    }

    fn send(&mut self, method: &str, url: &Url, header: &str, body: &str) -> Page {
        let host = url.host_str().expect("a host").to_owned();
        let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
        let address = if url.as_str().starts_with(PUBLIC) { self.node.clone() } else { authority.to_owned() };
        let sent: Vec<String> = self
            .cookies
            .iter()
            .filter(|((of, path, _), _)| *of == host && url.path().starts_with(path.as_str()))
            .map(|((_, _, name), value)| format!("{name}={value}"))
            .collect();
        let cookies = if sent.is_empty() { String::new() } else { format!("Cookie: {}\r\n", sent.join("; ")) };
        let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let length = body.len();
        let message = format!(
            "{method} {target} HTTP/1.0\r\nHost: {authority}\r\n{cookies}{header}Content-Length: {length}\r\n\r\n{body}"
        );
        let mut connection = TcpStream::connect(address).expect("it listens");
        connection.write_all(message.as_bytes()).expect("it reads");
        let mut answer = String::new();
        connection.read_to_string(&mut answer).expect("text");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {answer:?}"));
        let mut lines = head.lines();
        let status =
            lines.next().and_then(|line| line.split_whitespace().nth(1)).and_then(|status| status.parse().ok());
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers: Vec<_> = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        for (_, set) in headers.iter().filter(|(name, _)| name == "set-cookie") {
            self.keep(&host, set);
        }
        Page { url: url.clone(), status: status.expect("a status"), headers, body: body.to_owned() }
    }

    fn keep(&mut self, host: &str, set: &str) {
        let mut parts = set.split("; ");
        let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).expect("a cookie");
        let mut attributes = parts.filter_map(|part| part.split_once('='));
        let path =
            attributes.find(|(name, _)| name.eq_ignore_ascii_case("path")).map_or("/", |(_, path)| path).to_owned();
        let key = (host.to_owned(), path, name.to_owned());
        if value.is_empty() || set.contains("Max-Age=0") || set.contains("expires=Thu, 01 Jan 1970") {
            self.cookies.remove(&key);
        } else {
            self.cookies.insert(key, value.to_owned());
        }
    }
}
