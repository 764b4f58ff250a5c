//! The commands that connect a person to a process, at a terminal and without one.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};

use crate::cli_streams::run;
use crate::commands::Said;
use crate::support::{Bus, Scrub, docker, try_docker, unique, until};
use crate::witness::produced;

/// A program at a terminal of its own, killed when dropped.
pub struct Terminal {
    keyboard: File,
    /// Kept open, so that the settings can be looked at after the program.
    screen: File,
    shown: Arc<Mutex<Vec<u8>>>,
    child: Child,
    before: String,
}

impl Terminal {
    pub fn start(command: &Command) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("it may be opened");
        let name = ptsname(&master, Vec::new()).expect("a name").into_string().expect("text");
        let keyboard = File::from(master);
        tcsetwinsize(&keyboard, Winsize { ws_row: 33, ws_col: 77, ws_xpixel: 0, ws_ypixel: 0 }).expect("a size");
        let screen = File::options().read(true).write(true).open(name).expect("the other side");
        // It is the terminal of a session of its own, so that changes of its size are told.
        let mut session = Command::new("setsid");
        session.arg("--ctty").arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => session.env(name, value),
                None => session.env_remove(name),
            };
        }
        let side = || Stdio::from(screen.try_clone().expect("the other side"));
        let before = settings(&screen);
        let child = session.stdin(side()).stdout(side()).stderr(side()).spawn().expect("setsid is there");
        let shown = Arc::<Mutex<Vec<u8>>>::default();
        let (mut from, to) = (keyboard.try_clone().expect("the keyboard"), Arc::clone(&shown));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = from.read(&mut bytes) {
                to.lock().expect("no panic").extend_from_slice(&bytes[..count]);
            }
        });
        Self { keyboard, screen, shown, child, before }
    }

    pub fn types(&mut self, keys: &[u8]) {
        self.keyboard.write_all(keys).expect("it is typed");
    }

    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().expect("no panic")).into_owned()
    }

    /// Waits until `text` is shown.
    pub async fn shows(&self, text: &str) {
        let seen = || self.shown().contains(text).then_some(());
        let shown = tokio::time::timeout(crate::support::PATIENCE, until("", async || seen()));
        assert!(shown.await.is_ok(), "{text:?} is not shown: {:?}", self.shown());
    }

    /// Waits for its end: the exit code. The terminal must be as it was.
    pub async fn ends(&mut self) -> Option<i32> {
        self.ends_within(crate::support::PATIENCE).await
    }

    /// The same for what may take so long.
    pub async fn ends_within(&mut self, limit: Duration) -> Option<i32> {
        let begun = Instant::now();
        let ended = loop {
            if let Some(ended) = self.child.try_wait().expect("our child") {
                break ended;
            }
            assert!(begun.elapsed() < limit, "it does not end within {limit:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        assert_eq!(settings(&self.screen), self.before, "the terminal is not as it was");
        ended.code()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- on the terminal: {:?}", self.shown());
        }
    }
}

/// The settings of a terminal, to be compared.
fn settings(of: &File) -> String {
    let Termios { input_modes, output_modes, control_modes, local_modes, .. } = tcgetattr(of).expect("a terminal");
    format!("{input_modes:?} {output_modes:?} {control_modes:?} {local_modes:?}")
}

impl Bus {
    /// Runs `deblox` with these words, and `input` piped in.
    pub async fn piped(&self, words: &[&str], input: &[u8]) -> Said {
        fed(self.command(words), input).await
    }
}

/// What `command` says, and `input` piped into it.
pub async fn fed(mut command: Command, input: &[u8]) -> Said {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let input = input.to_vec();
    let output = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().expect("it runs");
        let mut pipe = child.stdin.take().expect("a pipe");
        let writer = std::thread::spawn(move || {
            // It may end without reading all of it.
            let _ = pipe.write_all(&input);
        });
        let output = child.wait_with_output().expect("it ends");
        writer.join().expect("no panic");
        output
    });
    let output = output.await.expect("no panic");
    produced("commands", &output.stdout);
    produced("commands", &output.stderr);
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Said { code: output.status.code().expect("a code"), out: text(output.stdout), err: text(output.stderr) }
}

/// Whether a host has a container of this name.
fn exists(host: usize, name: &str) -> bool {
    try_docker(host, &["inspect", name]).status.success()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shell_that_is_run_has_a_terminal_and_its_exit_code() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "d1.test").await;
    let name = unique("shell");
    let _scrub = Scrub::new(1, &name);
    let mut at = Terminal::start(&bus.command(&["run", "-it", "--rm", "--name", &name, "busybox", "sh"]));
    at.shows("/ # ").await;
    at.types(b"stty size; echo o\"k\"\r");
    at.shows("ok\r\n").await;
    assert!(at.shown().contains("33 77"), "{:?}", at.shown());
    tcsetwinsize(&at.keyboard, Winsize { ws_row: 21, ws_col: 99, ws_xpixel: 0, ws_ypixel: 0 }).expect("a size");
    until("the new size is there", async || {
        let size = docker(1, &["exec", &name, "sh", "-c", "stty size < /proc/1/fd/0"]);
        (size == "21 99").then_some(())
    })
    .await;
    // Ctrl-C is for the process.
    at.types(b"sleep 3600\r");
    until("it sleeps", async || docker(1, &["top", &name]).contains("sleep 3600").then_some(())).await;
    at.types(b"\x03");
    until("it does not sleep", async || (!docker(1, &["top", &name]).contains("sleep 3600")).then_some(())).await;
    at.types(b"exit 7\r");
    assert_eq!(at.ends().await, Some(7));
    assert!(!exists(1, &name), "--rm");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_detach_keys_leave_a_process_that_one_can_come_back_to() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "d1.test").await;
    let name = unique("left");
    let _scrub = Scrub::new(1, &name);
    let mut at = Terminal::start(&bus.command(&["run", "-it", "--name", &name, "busybox", "sh"]));
    at.shows("/ # ").await;
    at.types(b"A=b\r\x10\x11");
    assert_eq!(at.ends().await, Some(0));
    assert!(at.shown().contains("it runs on"), "{:?}", at.shown());
    assert_eq!(docker(1, &["inspect", "-f", "{{.State.Running}}", &name]), "true");

    // With other keys, the usual ones are for the process: the one before, here.
    let mut at = Terminal::start(&bus.command(&["attach", "--detach-keys", "ctrl-a,d", &name]));
    at.shows("/ # ").await;
    at.types(b"echo still $A\r");
    at.shows("still b").await;
    at.types(b"\x10\x10\x11\x15echo and o\"n\"\r");
    at.shows("and on").await;
    at.types(b"\x01d");
    assert_eq!(at.ends().await, Some(0));
    let mut at = Terminal::start(&bus.command(&["attach", &name]));
    at.shows("/ # ").await;
    at.types(b"exit 5\r");
    assert_eq!(at.ends().await, Some(5));
    bus.complains(&["attach", &name], 1, &[&name, "deblox start -a"]).await;
    let mut at = Terminal::start(&bus.command(&["start", "-ai", &name]));
    at.shows("/ # ").await;
    at.types(b"exit 6\r");
    assert_eq!(at.ends().await, Some(6));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_in_a_container_has_a_terminal_and_leaves_ours_as_it_was() {
    let bus = Bus::new().await;
    let worker = bus.worker(1, "d1.test").await;
    let name = unique("exec");
    let _scrub = run(1, &name, &["busybox", "sleep", "3600"]);
    let mut at = Terminal::start(&bus.command(&["exec", "-it", "-e", "A=b", &name, "sh"]));
    at.shows("/ # ").await;
    at.types(b"echo $A; stty size\r");
    at.shows("33 77").await;
    at.types(b"exit 3\r");
    assert_eq!(at.ends().await, Some(3));
    let mut at = Terminal::start(&bus.command(&["exec", "-it", &name, "sh"]));
    at.shows("/ # ").await;
    at.types(b"\x10\x11");
    assert_eq!(at.ends().await, Some(0));

    // Also where it is told to end, and where the stream breaks.
    let mut at = Terminal::start(&bus.command(&["exec", "-it", &name, "sh"]));
    at.shows("/ # ").await;
    crate::processes::signal(at.child.id(), "TERM");
    assert_eq!(at.ends().await, Some(130));
    let mut at = Terminal::start(&bus.command(&["exec", "-it", &name, "sh"]));
    at.shows("/ # ").await;
    worker.stop().await;
    assert_eq!(at.ends().await, Some(1));
    assert!(at.shown().contains("broken off"), "{:?}", at.shown());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_terminal_input_is_piped_and_outputs_are_told_apart() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "d1.test").await;
    let name = unique("pipe");
    let _scrub = run(1, &name, &["busybox", "sleep", "3600"]);
    let said = bus.piped(&["exec", "-i", &name, "sh", "-c", "cat; echo wrong >&2; exit 4"], b"here\n").await;
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (4, "here\n", "wrong\n"));
    let long = "0123456789\n".repeat(100_000);
    let said = bus.piped(&["run", "-i", "--rm", "busybox", "cat"], long.as_bytes()).await;
    assert!(said.code == 0 && said.out == long && said.err.is_empty(), "{} {}", said.code, said.err);
    let said = bus.piped(&["run", "--rm", "busybox", "sh", "-c", "echo out; echo err >&2; exit 9"], b"").await;
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (9, "out\n", "err\n"));
    let said = bus.piped(&["exec", "-it", &name, "sh"], b"").await;
    assert!(said.code == 1 && said.err.contains("no terminal") && said.err.lines().count() == 1, "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_run_has_the_exit_codes_of_docker_and_leaves_nothing() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "d1.test").await;
    let name = unique("codes");
    for (command, code) in [("/no/such", 127), ("/etc/passwd", 126)] {
        let said = bus.deblox(&["run", "--name", &name, "busybox", command]).await;
        assert_eq!((said.code, said.err.lines().count()), (code, 1), "{said:?}");
        assert!(!exists(1, &name), "{said:?}");
    }
    bus.complains(&["run", "--pull", "never", "no.such/image"], 125, &["no.such/image"]).await;
    bus.complains(&["run", "--instances", "2", "busybox"], 125, &["-d"]).await;
    bus.complains(&["start", "-a", "nobody-here"], 1, &["nobody-here"]).await;
    bus.complains(&["start", "-a", "a", "b"], 1, &["one container"]).await;
    let gone = unique("gone");
    assert_eq!(bus.deblox(&["run", "-d", "--rm", "--name", &gone, "busybox", "true"]).await.code, 0);
    until("the daemon removes it", async || (!exists(1, &gone)).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_terminal_signals_go_to_the_process() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "d1.test").await;
    let name = unique("signals");
    let _scrub = Scrub::new(1, &name);
    let script = "trap 'echo again' USR1; trap 'echo bye; exit 8' INT; echo ready; while true; do sleep 0.1; done";
    let mut at = bus.follow(&["run", "--name", &name, "busybox", "sh", "-c", script]);
    until("it is ready", async || at.output().contains("ready").then_some(())).await;
    at.signal("USR1");
    until("it hears", async || at.output().contains("again").then_some(())).await;
    at.signal("INT");
    assert_eq!((at.ended().await.code(), at.output()), (Some(8), "ready\nagain\nbye\n".to_owned()), "{}", at.errors());
    docker(1, &["start", &name]);
    let mut at = bus.follow(&["attach", "--sig-proxy=false", &name]);
    docker(1, &["kill", "-s", "USR1", &name]);
    until("it is connected", async || {
        docker(1, &["kill", "-s", "USR1", &name]);
        at.output().contains("again").then_some(())
    })
    .await;
    at.signal("INT");
    assert_eq!(at.ended().await.code(), Some(130), "{}", at.errors());
    assert_eq!(docker(1, &["inspect", "-f", "{{.State.Running}}", &name]), "true");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_table_of_stats_is_drawn_in_place_until_ctrl_c() {
    let bus = Bus::new().await;
    let _worker = bus.worker(1, "d1.test").await;
    let name = unique("table");
    let _scrub = run(1, &name, &["busybox", "sleep", "3600"]);
    let mut at = Terminal::start(&bus.command(&["stats", &name]));
    at.shows("\x1b[2J").await;
    at.shows(&format!("{name}   d1.test")).await;
    let seen = at.shown().matches("\x1b[H").count();
    until("it is drawn again", async || (at.shown().matches("\x1b[H").count() > seen + 1).then_some(())).await;
    assert_eq!(at.shown().matches("\x1b[2J").count(), 1, "{:?}", at.shown());
    at.types(b"\x03");
    assert_eq!(at.ends().await, Some(130));
    // Its worker is told so at once, and does not have to notice.
    let told = std::time::Instant::now();
    until("the stream has ended", async || {
        let keys: Vec<String> = bus.redis(&["KEYS", &bus.key("input.*")]).await;
        keys.is_empty().then_some(())
    })
    .await;
    assert!(told.elapsed() < std::time::Duration::from_secs(5), "{:?}", told.elapsed());
}
