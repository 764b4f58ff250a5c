//! `deblox actions`: what a request can ask for, for people; `deblox schema` tells it to programs.

use std::fmt::Write;

use crate::actions::{Action, Field, GROUPS};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The action whose fields to show
    #[arg(value_name = "ACTION")]
    action: Option<String>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    let mut out = String::new();
    let Some(name) = &args.action else {
        for (group, actions) in GROUPS {
            writeln!(out, "{group}")?;
            for action in *actions {
                writeln!(out, "  {:20}  {:8}  {}", action.name, action.access.as_str(), action.about)?;
            }
            writeln!(out)?;
        }
        writeln!(
            out,
            "The second column is the right that it needs. `deblox actions ACTION` shows the fields of one."
        )?;
        super::output::print(&out)?;
        return Ok(0);
    };
    let action = Action::find(name).map_err(|failure| anyhow::anyhow!(failure.message))?;
    writeln!(out, "{}: {}", action.names().collect::<Vec<_>>().join(", "), action.about)?;
    if let Some(common) = action.needs() {
        let holds = if common == "id" { "an instance: id, the beginning of one, or name" } else { "a dock's name" };
        row(&mut out, common, holds, "required")?;
    }
    for field in action.fields {
        let names = field.alias.map_or_else(|| field.name.to_owned(), |alias| format!("{}, {alias}", field.name));
        row(&mut out, &names, &field.kind.expected(), &notes(field))?;
    }
    super::output::print(&out)?;
    Ok(0)
}

fn row(out: &mut String, name: &str, holds: &str, about: &str) -> std::fmt::Result {
    writeln!(out, "  {name:20}  {holds}\n  {:20}  {about}", "")
}

fn notes(field: &Field) -> String {
    match (field.required, field.unless) {
        (true, Some(other)) => format!("{}; required unless there is `{other}`", field.about),
        (true, None) => format!("{}; required", field.about),
        (false, _) => field.about.to_owned(),
    }
}
