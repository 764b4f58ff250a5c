//! The user and the password for Redis, where they stand in a file: read again for each connection.

use redis::{ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo};

use super::{BusError, RedisOptions};
use crate::secrets::{SecretFile, SecretFileError};

/// A file that says who deblox is to Redis.
pub(super) enum Credentials {
    /// It holds the password. An empty one is none.
    Password(SecretFile),
    /// It holds the whole URL.
    Url(SecretFile),
}

impl Credentials {
    /// The file that `options` name, if they name one.
    pub(super) fn of(options: &RedisOptions) -> Result<Option<Self>, BusError> {
        let invalid = |error: SecretFileError| BusError::Options(error.to_string());
        let file = match (&options.password_file, &options.url_file) {
            (Some(file), url_file) => {
                let file = SecretFile::open(file).map_err(invalid)?;
                match url_file {
                    // An empty one changes nothing.
                    _ if file.last().reveal().is_empty() && options.has_password() => url_file,
                    _ if options.has_password() => {
                        let message = "the URL of Redis has a password already: remove that from it, or do without \
                                       --redis-password-file (REDIS_PASSWORD_FILE)";
                        return Err(BusError::Options(message.to_owned()));
                    }
                    _ => return Ok(Some(Self::Password(file))),
                }
            }
            (None, url_file) => url_file,
        };
        file.as_ref().map(|file| SecretFile::open(file).map(Self::Url).map_err(invalid)).transpose()
    }

    /// How a server is reached with what the file holds now.
    pub(super) fn apply(&self, info: ConnectionInfo) -> ConnectionInfo {
        let settings = info.redis_settings().clone();
        match self {
            Self::Password(file) => match file.current() {
                password if password.reveal().is_empty() => info,
                password => info.set_redis_settings(settings.set_password(password.reveal())),
            },
            Self::Url(file) => {
                let url = RedisOptions::new(file.current().reveal());
                let Some(found) = url.settings() else { return info };
                let settings = found.username().iter().fold(settings, RedisConnectionInfo::set_username);
                let settings = found.password().iter().fold(settings, RedisConnectionInfo::set_password);
                info.set_redis_settings(settings)
            }
        }
    }
}

/// Whether a URL has a password in it, wherever that stands.
pub(super) fn has_password(url: &str) -> bool {
    // What cannot be read may have one, too.
    url.into_connection_info().map_or_else(|_| url.contains('@'), |info| info.redis_settings().password().is_some())
}
