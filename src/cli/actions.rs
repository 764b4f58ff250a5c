//! `deblox actions`: what a request can ask for, for people; `deblox schema` tells it to programs.

use serde::Serialize;

use super::output::{Cell, FilterArgs, Row, Shown, line};
use crate::actions::{Action, Field, GROUPS};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The action whose fields to show
    #[arg(value_name = "ACTION")]
    action: Option<String>,
    #[command(flatten)]
    list: FilterArgs,
}

/// An action, as it is listed.
#[derive(Serialize)]
struct Offered {
    name: &'static str,
    aliases: &'static [&'static str],
    group: &'static str,
    right: &'static str,
    about: &'static str,
}

/// A field of an action, as it is listed.
#[derive(Serialize)]
struct Taken {
    name: &'static str,
    alias: Option<&'static str>,
    holds: String,
    required: bool,
    /// The field that may be there in its stead.
    unless: Option<&'static str>,
    about: &'static str,
}

impl Row for Offered {
    const HEADS: &'static [&'static str] = &["ACTION", "RIGHT", "GROUP", "WHAT"];

    fn cells(&self, _: &Shown) -> Vec<Cell> {
        vec![self.name.into(), self.right.into(), self.group.into(), self.about.into()]
    }

    fn name(&self, _: &Shown) -> String {
        self.name.to_owned()
    }
}

impl Row for Taken {
    const HEADS: &'static [&'static str] = &["FIELD", "HOLDS", "WHAT"];

    fn cells(&self, _: &Shown) -> Vec<Cell> {
        let names = self.alias.map_or_else(|| self.name.to_owned(), |alias| format!("{}, {alias}", self.name));
        let about = match (self.required, self.unless) {
            (true, Some(other)) => format!("{}; required unless there is `{other}`", self.about),
            (true, None) => format!("{}; required", self.about),
            (false, _) => self.about.to_owned(),
        };
        vec![names.into(), self.holds.as_str().into(), about.into()]
    }

    fn name(&self, _: &Shown) -> String {
        self.name.to_owned()
    }
}

pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    let Some(name) = &args.action else {
        let all = GROUPS.iter().flat_map(|(group, actions)| actions.iter().map(|action| offered(group, action)));
        args.list.show(all.collect::<Vec<_>>())?;
        return Ok(0);
    };
    let action = Action::find(name).map_err(|failure| anyhow::anyhow!(failure.message))?;
    if args.list.is_for_people() {
        line(&format!("{}: {}\n", action.names().collect::<Vec<_>>().join(", "), action.about))?;
    }
    let common = action.needs().map(|name| {
        let holds = if name == "id" { "an instance: id, the beginning of one, or name" } else { "a dock's name" };
        let about = if name == "id" { "which instance it is about" } else { "on which dock it is done" };
        Taken { name, alias: None, holds: holds.to_owned(), required: true, unless: None, about }
    });
    args.list.show(common.into_iter().chain(action.fields.iter().map(taken)).collect::<Vec<_>>())?;
    Ok(0)
}

fn offered(group: &'static str, action: &'static Action) -> Offered {
    let Action { name, aliases, about, access, .. } = *action;
    Offered { name, aliases, group, right: access.as_str(), about }
}

fn taken(field: &'static Field) -> Taken {
    let Field { name, alias, required, unless, about, .. } = *field;
    Taken { name, alias, holds: field.kind.expected(), required, unless, about }
}
