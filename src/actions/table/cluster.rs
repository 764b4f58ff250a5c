//! Docks and templates: what concerns the shared records.

use super::super::{docks, list_docks, ping, registration, templates};
use super::text;
use crate::actions::Kind::{Labels, List, Object};
use crate::actions::{Access, Action, Field, Target};

const HOSTNAME: Field = text("hostname", "the host's fully qualified domain name").required();
const NAME: Field = text("name", "the template's name").required().safe("every role may read templates");

pub(super) static DOCKS: &[Action] = &[
    Action::own(
        "register",
        Access::Dock,
        Target::Cluster,
        "adds a host to the list of known docks, or brings an unregistered one back; no reply",
        |context| Box::pin(registration::register(context)),
    )
    .fields(&[HOSTNAME])
    .again()
    .silent(),
    Action::own(
        "unregister",
        Access::Dock,
        Target::Cluster,
        "takes a dock out of the pool; its instances run on; no reply",
        |context| Box::pin(registration::unregister(context)),
    )
    .fields(&[HOSTNAME])
    .again()
    .silent(),
    Action::own(
        "list-docks",
        Access::View,
        Target::Cluster,
        "the known docks: hostname, state, lastSeen, daemonSeen, engine, counts, usage of its host",
        |context| Box::pin(list_docks::run(context)),
    ),
    Action::own(
        "drain",
        Access::Dock,
        Target::Cluster,
        "a dock keeps its instances and takes no new ones",
        |context| Box::pin(docks::drain(context)),
    )
    .fields(&[HOSTNAME])
    .again(),
    Action::own("undrain", Access::Dock, Target::Cluster, "a drained dock takes new instances again", |context| {
        Box::pin(docks::undrain(context))
    })
    .fields(&[HOSTNAME])
    .again(),
    Action::own("label-dock", Access::Dock, Target::Cluster, "sets labels that a create can ask for", |context| {
        Box::pin(docks::label(context))
    })
    .fields(&[HOSTNAME, Field::new("labels", Labels, "labels to set; one with an empty value is removed").required()])
    .again(),
    Action::own("ping", Access::View, Target::Cluster, "answers, without asking a daemon", |context| {
        Box::pin(std::future::ready(Ok(ping::run(context))))
    }),
];

pub(super) static TEMPLATES: &[Action] = &[
    Action::own("put-template", Access::Create, Target::Cluster, "keeps a template under a name", |context| {
        Box::pin(templates::put(context))
    })
    .fields(&[
        NAME,
        Field::new("body", Object, "Docker's own JSON for creating a container").required(),
        Field::new(
            "secrets",
            List,
            "names of variables and labels in it whose values only operators and admins are shown",
        ),
    ])
    .again(),
    Action::own("get-template", Access::View, Target::Cluster, "one template", |context| {
        Box::pin(templates::get(context))
    })
    .fields(&[NAME]),
    Action::own("list-templates", Access::View, Target::Cluster, "all templates, by name", |context| {
        Box::pin(templates::list(context))
    }),
    Action::own("delete-template", Access::Delete, Target::Cluster, "forgets a template", |context| {
        Box::pin(templates::delete(context))
    })
    .fields(&[NAME])
    .gone_when_done(),
];
