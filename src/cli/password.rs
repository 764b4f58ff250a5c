//! Passwords: typed without being seen, piped in, or made.

use std::io::{self, BufRead, Read};

use anyhow::{Context, bail};
use rustix::stdio::stdin;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::terminal::has_keyboard;
use crate::auth::PasswordPolicy;
use crate::protocol::limits::PASSWORD_BYTES;
use crate::protocol::{AccountName, Secret};

#[derive(Debug, clap::Args)]
pub(super) struct PasswordArgs {
    /// Read the password from standard input
    #[arg(long, conflicts_with = "generate")]
    password_stdin: bool,
    /// Make a one-time password and print it
    #[arg(long)]
    generate: bool,
    #[command(flatten)]
    policy: PolicyArgs,
}

/// Which passwords people may choose.
#[derive(Debug, clap::Args)]
pub(super) struct PolicyArgs {
    /// Require N characters or more, from 8 to 128, of a password that somebody chooses; passwords in use go on working
    #[arg(
        long = "password-min-length",
        env = "DEBLOX_PASSWORD_MIN_LENGTH",
        value_name = "N",
        default_value = "12",
        value_parser = policy,
        hide_short_help = true
    )]
    pub(super) policy: PasswordPolicy,
}

fn policy(text: &str) -> Result<PasswordPolicy, String> {
    PasswordPolicy::with_min_length(text.parse().map_err(|_| "it must be a number".to_owned())?)
}

/// A terminal that does not show what is typed, until this is dropped.
struct Hidden(Termios);

impl Hidden {
    fn enter() -> io::Result<Self> {
        let before = tcgetattr(stdin())?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        hidden.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(stdin(), OptionalActions::Flush, &hidden)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if let Err(error) = tcsetattr(stdin(), OptionalActions::Now, &self.0) {
            tracing::debug!(%error, "the terminal stays silent: `reset` helps");
        }
    }
}

impl PasswordArgs {
    /// The password that is chosen for `user`; none where one is to be made.
    pub(super) async fn read(&self, user: &AccountName) -> anyhow::Result<Option<Secret>> {
        if self.generate {
            return Ok(None);
        }
        let password = if self.password_stdin {
            piped_in().await?
        } else if has_keyboard() {
            let password = ask("Password: ").await?;
            if password != ask("The same again: ").await? {
                bail!("the two are not the same: nothing was changed");
            }
            password
        } else {
            bail!("there is no terminal to ask for the password: use --password-stdin, or --generate to have one made");
        };
        self.policy.policy.check(password.reveal(), user.as_str()).map_err(anyhow::Error::msg)?;
        Ok(Some(password))
    }
}

impl PasswordArgs {
    /// The password of somebody who logs in: typed once, or piped in.
    pub(super) async fn ask_once(piped: bool) -> anyhow::Result<Secret> {
        if piped {
            return piped_in().await;
        }
        if !has_keyboard() {
            bail!("there is no terminal to ask for the password: use --password-stdin");
        }
        ask("Password: ").await
    }

    /// The name of somebody who logs in.
    pub(super) async fn ask_name() -> anyhow::Result<String> {
        if !has_keyboard() {
            bail!("there is no terminal to ask who logs in: use --user");
        }
        super::output::prompt("User: ").context("the terminal cannot be written to")?;
        Ok(read(|text| io::stdin().lock().read_line(text)).await?.reveal().to_owned())
    }
}

/// Asks a person a question that is answered with yes or no. Anything but yes is no.
pub(super) async fn confirm(question: &str) -> anyhow::Result<bool> {
    super::output::prompt(&format!("{question} [y/N] ")).context("the terminal cannot be written to")?;
    let answer = read(|text| io::stdin().lock().read_line(text)).await?;
    Ok(matches!(answer.reveal().trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// What standard input has, for a password.
pub(super) async fn piped_in() -> anyhow::Result<Secret> {
    // Longer than it may be, and no more: it is refused then.
    read(|text| io::stdin().take(PASSWORD_BYTES as u64 + 3).read_to_string(text)).await
}

async fn ask(prompt: &str) -> anyhow::Result<Secret> {
    // Silent before it asks: who types at once must not see it.
    let _hidden = Hidden::enter().context("the terminal cannot be made silent")?;
    super::output::prompt(prompt).context("the terminal cannot be written to")?;
    read(|text| io::stdin().lock().read_line(text)).await
}

/// Reads on a thread of its own, which nothing waits for when the command is told to end.
async fn read(work: impl FnOnce(&mut String) -> io::Result<usize> + Send + 'static) -> anyhow::Result<Secret> {
    let (sender, done) = tokio::sync::oneshot::channel();
    std::thread::Builder::new().name("password".to_owned()).spawn(move || {
        let mut text = String::new();
        let _ = sender.send(work(&mut text).map(|_| without_end(&text)));
    })?;
    done.await?.context("the password cannot be read")
}

/// Without the end of the line.
fn without_end(text: &str) -> Secret {
    let text = text.strip_suffix('\n').unwrap_or(text);
    Secret::new(text.strip_suffix('\r').unwrap_or(text))
}
