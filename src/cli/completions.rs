//! `deblox completions` and `deblox man`: what a package installs beside the program.

use std::path::PathBuf;

use anyhow::Context;
use clap::CommandFactory;
use clap_complete::Shell;

use super::{Cli, output};

#[derive(Debug, clap::Args)]
#[command(after_help = "For bash: deblox completions bash > ~/.local/share/bash-completion/completions/deblox")]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

#[derive(Debug, clap::Args)]
pub(super) struct ManArgs {
    /// Write a page for each command into this folder, instead of the first one to standard output
    #[arg(value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

/// Prints what makes the shell complete commands and options.
pub(super) fn completions(args: &CompletionsArgs) -> anyhow::Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "deblox", &mut script);
    output::print(&String::from_utf8(script)?)?;
    Ok(0)
}

/// Writes the manual.
pub(super) fn man(args: &ManArgs) -> anyhow::Result<u8> {
    if let Some(folder) = &args.folder {
        let unusable = || format!("the folder {} cannot be used", folder.display());
        std::fs::create_dir_all(folder).with_context(unusable)?;
        clap_mangen::generate_to(Cli::command(), folder).with_context(unusable)?;
        return Ok(0);
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page)?;
    output::print(&String::from_utf8(page)?)?;
    Ok(0)
}
