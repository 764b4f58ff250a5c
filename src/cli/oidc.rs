//! Options of the login at an OpenID Connect provider.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::ValueEnum;

use super::secret_files::caution_of;
use super::users::RoleArg;
use crate::auth::OidcOptions;
use crate::protocol::limits::PASSWORD_BYTES;
use crate::protocol::{Role, Secret};
use crate::secrets;

/// Where the client's secret may stand instead of in a file.
const SECRET: &str = "DEBLOX_OIDC_CLIENT_SECRET";

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "OpenID Connect")]
pub(super) struct OidcArgs {
    /// Have people log in at this provider, from /auth/oidc/login: https://HOST or https://HOST/PATH, as it calls itself
    #[arg(long, env = "DEBLOX_OIDC_ISSUER", value_name = "URL")]
    oidc_issuer: Option<String>,
    /// What deblox is called at the provider
    #[arg(long, env = "DEBLOX_OIDC_CLIENT_ID", value_name = "ID")]
    oidc_client_id: Option<String>,
    /// The file that holds the client's secret; or DEBLOX_OIDC_CLIENT_SECRET is the secret itself; a public client has none
    #[arg(long, env = "DEBLOX_OIDC_CLIENT_SECRET_FILE", value_name = "FILE")]
    oidc_client_secret_file: Option<PathBuf>,
    /// Where the provider sends people back to, as their browsers reach any node: https://HOST/auth/oidc/callback
    #[arg(long, env = "DEBLOX_OIDC_REDIRECT_URL", value_name = "URL")]
    oidc_redirect_url: Option<String>,
    /// The claim that is the user's name
    #[arg(long, env = "DEBLOX_OIDC_USERNAME_CLAIM", value_name = "CLAIM", default_value = OidcOptions::USERNAME_CLAIM)]
    oidc_username_claim: String,
    /// The claim that holds the user's groups
    #[arg(long, env = "DEBLOX_OIDC_GROUPS_CLAIM", value_name = "CLAIM", default_value = OidcOptions::GROUPS_CLAIM)]
    oidc_groups_claim: String,
    /// What members of a group may do; may be given several times, in the environment with ; between them; the highest role
    /// counts, and who is in none of the groups cannot log in
    #[arg(
        long = "oidc-role",
        env = "DEBLOX_OIDC_ROLES",
        value_name = "GROUP=ROLE",
        value_delimiter = ';',
        value_parser = group_role
    )]
    oidc_roles: Vec<(String, Role)>,
    /// What those may do who are in none of the groups
    #[arg(long, env = "DEBLOX_OIDC_DEFAULT_ROLE", value_name = "ROLE")]
    oidc_default_role: Option<RoleArg>,
    /// What is asked of the provider beside openid, such as groups; may be given several times
    #[arg(
        long = "oidc-scope",
        env = "DEBLOX_OIDC_SCOPES",
        value_name = "SCOPE",
        value_delimiter = ' ',
        default_value = OidcOptions::SCOPE
    )]
    oidc_scopes: Vec<String>,
}

impl OidcArgs {
    /// The options, if people are to log in at a provider.
    pub(super) fn options(&self) -> anyhow::Result<Option<OidcOptions>> {
        // Set to nothing is not set, as for REDIS_URL.
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let Some(issuer) = given(&self.oidc_issuer) else {
            let others = [
                ("--oidc-client-id", given(&self.oidc_client_id).is_some()),
                ("--oidc-client-secret-file", self.oidc_client_secret_file.is_some()),
                ("--oidc-redirect-url", given(&self.oidc_redirect_url).is_some()),
                ("--oidc-role", !self.oidc_roles.is_empty()),
                ("--oidc-default-role", self.oidc_default_role.is_some()),
            ];
            if let Some((other, _)) = others.iter().find(|(_, is_given)| *is_given) {
                bail!("--oidc-issuer is missing: {other} is about a provider");
            }
            return Ok(None);
        };
        OidcOptions::check_issuer(&issuer).map_err(anyhow::Error::msg).context("--oidc-issuer")?;
        let client_id = given(&self.oidc_client_id).context("--oidc-client-id is missing: --oidc-issuer needs it")?;
        let redirect_url =
            given(&self.oidc_redirect_url).context("--oidc-redirect-url is missing: --oidc-issuer needs it")?;
        let redirect_url =
            OidcOptions::redirect_url(&redirect_url).map_err(anyhow::Error::msg).context("--oidc-redirect-url")?;
        if self.oidc_roles.is_empty() && self.oidc_default_role.is_none() {
            bail!("--oidc-role is missing: without it, or --oidc-default-role, nobody could log in");
        }
        Ok(Some(OidcOptions {
            issuer,
            client_id,
            client_secret: self.secret()?,
            redirect_url,
            username_claim: self.oidc_username_claim.clone(),
            groups_claim: self.oidc_groups_claim.clone(),
            roles: self.oidc_roles.clone(),
            default_role: self.oidc_default_role.map(Role::from),
            scopes: self.oidc_scopes.iter().filter(|scope| !scope.is_empty()).cloned().collect(),
        }))
    }

    fn secret(&self) -> anyhow::Result<Option<Secret>> {
        let Some(file) = self.oidc_client_secret_file.as_ref().filter(|file| !file.as_os_str().is_empty()) else {
            return Ok(secrets::variable(SECRET).filter(|secret| !secret.is_empty()).map(Secret::new));
        };
        let name = || format!("--oidc-client-secret-file: {}", file.display());
        let text = secrets::read(file).with_context(name)?;
        let secret = text.reveal().trim();
        if secret.is_empty() || secret.len() > PASSWORD_BYTES {
            bail!("{} holds no secret: it must have 1 to {PASSWORD_BYTES} bytes", name());
        }
        caution_of(file);
        Ok(Some(Secret::new(secret)))
    }
}

/// A group's name may have any character, also `=`.
fn group_role(text: &str) -> Result<(String, Role), String> {
    let (group, role) = text.rsplit_once('=').filter(|(group, _)| !group.is_empty()).ok_or("it is GROUP=ROLE")?;
    let role = RoleArg::from_str(role, false).map_err(|_| {
        let roles = Role::ALL.map(Role::as_str).join(", ");
        format!("`{role}` is no role: there are {roles}")
    })?;
    Ok((group.to_owned(), role.into()))
}
