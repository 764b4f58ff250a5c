//! The file of contexts: names for the clusters that a person works with.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use serde::{Deserialize, Serialize};

use crate::protocol::ClientName;

/// The name that stands for no context at all.
pub(super) const DEFAULT: &str = "default";

/// The environment variable that names the usual one.
const VARIABLE: &str = "DEBLOX_CONTEXT";

/// How one cluster is reached.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Profile {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) redis_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) redis_url_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) redis_password_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) redis_ca: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) redis_cert: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) redis_key: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) token_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client_name: Option<ClientName>,
}

/// All contexts of a person.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Contexts {
    /// The one in use; none is the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) current: Option<String>,
    /// By name.
    #[serde(default)]
    pub(super) contexts: BTreeMap<String, Profile>,
}

impl Contexts {
    /// Reads the file; there are none where there is no file.
    pub(super) fn load() -> anyhow::Result<Self> {
        let Some(path) = path() else { return Ok(Self::default()) };
        crate::secrets::check(&path)?;
        super::secret_files::caution_of(&path);
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .with_context(|| format!("{} is not a file of contexts: mend it or remove it", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
        }
    }

    /// Writes the file, for its owner alone: URLs have passwords in them.
    pub(super) fn save(&self) -> anyhow::Result<()> {
        let path = path().context("there is no home folder for contexts: set XDG_CONFIG_HOME")?;
        write(&path, &format!("{}\n", serde_json::to_string_pretty(self)?))
            .with_context(|| format!("{} cannot be written", path.display()))
    }

    /// The context called `name`.
    pub(super) fn profile(&self, name: &str) -> anyhow::Result<Profile> {
        match self.contexts.get(name) {
            Some(profile) => Ok(profile.clone()),
            None if name == DEFAULT => Ok(Profile::default()),
            None => Err(unknown(name)),
        }
    }

    /// The name of the one that is used where nothing else is said.
    pub(super) fn usual_name(&self) -> String {
        let set = std::env::var(VARIABLE).ok().filter(|name| !name.is_empty());
        set.or_else(|| self.current.clone()).unwrap_or_else(|| DEFAULT.to_owned())
    }

    /// The context that is used where nothing else is said.
    pub(super) fn usual(&self) -> anyhow::Result<Profile> {
        self.profile(&self.usual_name())
    }
}

/// Why a name cannot be used.
pub(super) fn unknown(name: &str) -> anyhow::Error {
    anyhow!("no context is called `{name}`; `deblox context ls` lists those that are")
}

/// Where the file is, by the XDG Base Directory Specification.
fn path() -> Option<PathBuf> {
    let set = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let base = set.or_else(|| std::env::home_dir().map(|home| home.join(".config")))?;
    Some(base.join("deblox/contexts.json"))
}

/// Puts a file for its owner alone in the place of the old one, as a whole.
pub(super) fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let new = path.with_extension(format!("json.{}", std::process::id()));
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new, path)
}
