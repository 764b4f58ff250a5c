//! `deblox context`: names for the clusters that a person works with.

use anyhow::{Context as _, bail};

use super::cluster::FAILED;
use super::contexts::{Contexts, DEFAULT, Profile, unknown};
use super::options::ClusterArgs;
use super::output::{Cell, FilterArgs, Row, Shown, complain, line};
use crate::bus::RedisOptions;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the contexts; the one in use has a star
    #[command(visible_alias = "list")]
    Ls(FilterArgs),
    /// Keep how a cluster is reached under a name: --redis-url, --redis-url-file or REDIS_URL, --namespace, --redis-ca and the like
    #[command(visible_alias = "create")]
    Set {
        /// Its name
        name: String,
    },
    /// Use a context from now on; `default` is none
    Use {
        /// Its name
        name: String,
    },
    /// Forget contexts
    Rm {
        /// Their names
        #[arg(value_name = "NAME", required = true)]
        names: Vec<String>,
    },
    /// Print the name of the one in use
    Show,
}

/// A context with its name.
#[derive(serde::Serialize)]
struct Named {
    name: String,
    current: bool,
    /// Where its Redis is, without a password.
    redis: String,
    namespace: String,
}

impl Row for Named {
    const HEADS: &'static [&'static str] = &["NAME", "REDIS", "NAMESPACE"];

    fn cells(&self, _: &Shown) -> Vec<Cell> {
        let name = if self.current { format!("{} *", self.name) } else { self.name.clone() };
        vec![name.into(), self.redis.as_str().into(), self.namespace.as_str().into()]
    }

    fn name(&self, _: &Shown) -> String {
        self.name.clone()
    }
}

pub(super) fn run(command: &Command, cluster: &ClusterArgs) -> anyhow::Result<u8> {
    let mut contexts = Contexts::load()?;
    match command {
        Command::Ls(args) => {
            let usual = contexts.usual_name();
            let default = (DEFAULT.to_owned(), Profile::default());
            let named = std::iter::once(default).chain(contexts.contexts);
            let describe = |(name, profile): (String, Profile)| describe(name, &profile, cluster, &usual);
            args.show(named.map(describe).collect::<Vec<Named>>())?;
        }
        Command::Set { name } => {
            check(name)?;
            let profile = cluster.profile()?;
            let profile =
                profile.context("a context needs a Redis: give --redis-url or --redis-url-file, or set REDIS_URL")?;
            contexts.contexts.insert(name.clone(), profile);
            contexts.save()?;
            line(name)?;
        }
        Command::Use { name } => {
            contexts.profile(name)?;
            contexts.current = Some(name.clone()).filter(|name| name != DEFAULT);
            contexts.save()?;
            line(name)?;
        }
        Command::Rm { names } => {
            let mut code = 0;
            for name in names {
                if contexts.contexts.remove(name).is_some() {
                    contexts.current.take_if(|current| current == name);
                    contexts.save()?;
                    line(name)?;
                } else {
                    complain(&unknown(name));
                    code = FAILED;
                }
            }
            return Ok(code);
        }
        Command::Show => line(&contexts.usual_name())?,
    }
    Ok(0)
}

fn check(name: &str) -> anyhow::Result<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name == DEFAULT || name.is_empty() || !name.chars().all(allowed) {
        bail!("`{name}` cannot be the name of a context: it has letters, digits, . _ - and is not `{DEFAULT}`");
    }
    Ok(())
}

fn describe(name: String, profile: &Profile, cluster: &ClusterArgs, usual: &str) -> Named {
    let redis = match (&profile.redis_url, &profile.redis_url_file) {
        (Some(url), _) => RedisOptions::new(url).place(),
        (None, Some(file)) => match crate::secrets::read(file) {
            Ok(url) => RedisOptions::new(url.reveal()).place(),
            Err(error) => error.to_string(),
        },
        (None, None) => cluster.place_without_context(),
    };
    let namespace = profile.namespace.clone().unwrap_or_else(|| crate::protocol::Keys::DEFAULT_NAMESPACE.to_owned());
    Named { current: name == usual, name, redis, namespace }
}
