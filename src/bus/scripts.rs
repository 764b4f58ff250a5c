//! The Lua scripts, each one atomic step; what they take and return is said at the top of each file.
//! One that stands `after` others begins with their lines.

use redis::Script;

macro_rules! scripts {
    ($($name:ident $(after $($before:ident)&+)?),+ $(,)?) => {
        pub(super) struct Scripts {
            $(pub(super) $name: Script,)+
        }

        impl Scripts {
            pub(super) fn new() -> Self {
                Self { $($name: Script::new(concat!(
                    $($(include_str!(concat!("scripts/", stringify!($before), ".lua")),)+)?
                    include_str!(concat!("scripts/", stringify!($name), ".lua")),
                )),)+ }
            }
        }

        /// The SHA-1 of each, under which Redis knows it, with its name.
        pub(super) fn names() -> Vec<(String, &'static str)> {
            let scripts = Scripts::new();
            vec![$((scripts.$name.get_hash().to_owned(), stringify!($name)),)+]
        }
    };
}

scripts!(
    ahead,
    answer after audit & replies,
    audit_add after audit,
    auth_account after auth_names,
    auth_answer after auth_take,
    auth_attempt,
    auth_begin,
    auth_end,
    auth_end_sessions,
    auth_login after auth_take & auth_make_session,
    auth_logout after auth_take,
    auth_open after auth_make_session,
    auth_session,
    auth_sessions,
    auth_token,
    auth_token_add after auth_names,
    beat,
    begin after replies,
    finish after audit & replies,
    hand_back,
    hold,
    instances,
    ownership,
    parts,
    pass_on,
    place,
    release,
    standing,
    stranger,
    tidy,
    usage_claim after usage_of,
    usage_give after usage_of,
    usage_note,
    usage_replace,
    usage_show after usage_of,
    watch,
);
