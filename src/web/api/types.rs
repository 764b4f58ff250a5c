//! The types of the web UI, made from the same structs: `ui/src/api/types.ts`.

use std::path::Path;

use ts_rs::{Config, TS};

use super::{
    accounts, actions, condition, docks, happenings, instances, lists, live, logs, problem, requests, session,
};
use crate::protocol::{Access, DaemonState, DockState, DockStats, Role, Sample, SessionFacts, SessionOrigin};
use crate::web::Auth;

const HEAD: &str = "// Made from the structs of src/web/api by `UPDATE_TYPES=1 cargo test --lib types`; do not edit.\n";

fn type_script() -> String {
    let config = Config::new().with_large_int("number");
    let mut text = HEAD.to_owned();
    macro_rules! add {
        ($($kind:ty),+ $(,)?) => {$(
            text.push('\n');
            text.push_str(&<$kind>::docs().unwrap_or_default());
            text.push_str("export ");
            text.push_str(&<$kind>::decl(&config));
            text.push('\n');
        )+};
    }
    add!(
        Access,
        Role,
        Auth,
        session::NodeFacts,
        session::Me,
        DockState,
        DaemonState,
        docks::Usage,
        docks::Dock,
        docks::Docks,
        condition::Condition,
        instances::Port,
        instances::Instance,
        instances::Counts,
        instances::Instances,
        happenings::ClusterEvent,
        happenings::Events,
        requests::RequestState,
        requests::RequestStatus,
        requests::Requests,
        actions::Accepted,
        problem::Problem,
        lists::Unreachable,
        lists::ImageRow,
        lists::Images,
        lists::NetworkRow,
        lists::Networks,
        lists::VolumeRow,
        lists::Volumes,
        live::Hello,
        live::Beat,
        live::Beats,
        live::DockChanges,
        live::InstanceChanges,
        accounts::users::User,
        accounts::users::Users,
        accounts::users::NewUser,
        accounts::users::UserChange,
        accounts::users::UserMade,
        accounts::tokens::Token,
        accounts::tokens::Tokens,
        accounts::tokens::NewToken,
        accounts::tokens::TokenMade,
        accounts::password::PasswordChange,
        SessionOrigin,
        SessionFacts,
        accounts::sessions::SessionList,
        accounts::sessions::SessionsEnded,
        Sample,
        DockStats,
        logs::Output,
        logs::LogLine,
        logs::Search,
    );
    text
}

#[test]
fn the_types_of_the_ui_are_those_of_the_structs() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/src/api/types.ts");
    let made = type_script();
    if std::env::var_os("UPDATE_TYPES").is_some() {
        std::fs::write(&path, &made).expect("the file can be written");
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == made, "{} is not that of the structs: UPDATE_TYPES=1 cargo test --lib types", path.display());
}
