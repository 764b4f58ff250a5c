//! The options of `ps` that may be passed to the host's `ps` (Docker Engine API, `ps_args` of `ContainerTop`).
//!
//! The daemon runs the `ps` of its host over all processes of that host. It finds the column `PID` in the header, splits
//! each line at white space, and keeps a line if the field at that position is a process id of the container. So a
//! column that may hold white space must not stand before `pid`: it would let lines of other processes through. Some
//! options of `ps` show the environment of processes. Therefore nothing that a caller writes is passed on: it is parsed,
//! and the daemon gets options that are written here.

use std::fmt::Write as _;

/// What `ps` gets where nothing is asked for: Docker's own default.
const DEFAULT: &str = "-ef";

/// The most columns that one call may ask for.
const MOST_COLUMNS: usize = 32;

/// The greatest width that one column may ask for.
const WIDEST: u16 = 4096;

/// Columns that are one word in every line: ids, numbers, users, groups, states and times of the container's processes.
const WORDS: &[&str] = &[
    "%cpu",
    "%mem",
    "c",
    "class",
    "cls",
    "cp",
    "cputime",
    "cputimes",
    "egid",
    "egroup",
    "etime",
    "etimes",
    "euid",
    "euser",
    "flag",
    "flags",
    "gid",
    "group",
    "maj_flt",
    "min_flt",
    "ni",
    "nice",
    "nlwp",
    "pcpu",
    "pgid",
    "pgrp",
    "pid",
    "pmem",
    "ppid",
    "pri",
    "psr",
    "rgid",
    "rgroup",
    "rss",
    "rssize",
    "rsz",
    "rtprio",
    "ruid",
    "ruser",
    "s",
    "sess",
    "session",
    "sid",
    "size",
    "start_time",
    "stat",
    "state",
    "stime",
    "sz",
    "thcount",
    "time",
    "times",
    "tname",
    "tpgid",
    "tt",
    "tty",
    "uid",
    "uname",
    "user",
    "vsize",
    "vsz",
    "wchan",
];

/// Columns that may be empty or hold white space, so that they may only follow `pid`: names and arguments of the
/// container's processes, and dates.
const PHRASES: &[&str] = &["args", "bsdstart", "cmd", "comm", "command", "fname", "lstart", "start", "ucmd", "ucomm"];

/// What is accepted, in words that follow "it must be".
pub(super) const EXPECTED: &str = "`-ef`, `aux`, or `-o COLUMNS` or `-eo COLUMNS` with columns such as pid,user,args";

/// Reads what a caller asks of `ps`, and writes the options that the daemon gets.
///
/// # Errors
/// What it must be, in words that follow "it must be".
pub(super) fn options(text: &str) -> Result<String, String> {
    let words: Vec<&str> = text.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
    match words.as_slice() {
        [] => return Ok(DEFAULT.to_owned()),
        ["-ef" | "-fe"] | ["-e", "-f"] => return Ok("-ef".to_owned()),
        ["aux"] => return Ok("aux".to_owned()),
        _ => {}
    }
    let (mut every, mut columns, mut in_list) = (false, Vec::new(), false);
    for word in words {
        let list = if word == "-e" {
            (every, in_list) = (true, false);
            continue;
        } else if let Some(list) = word.strip_prefix("-eo") {
            every = true;
            list
        } else if let Some(list) = word.strip_prefix("-o") {
            list
        } else if in_list {
            word
        } else {
            return Err(format!("{EXPECTED}; no other option is passed to the host's `ps`"));
        };
        in_list = true;
        columns.extend(list.split(',').filter(|column| !column.is_empty()));
    }
    let list = column_list(&columns)?;
    Ok(if every { format!("-eo {list}") } else { format!("-o {list}") })
}

/// The list of columns that the daemon gets.
fn column_list(columns: &[&str]) -> Result<String, String> {
    if columns.len() > MOST_COLUMNS {
        return Err(format!("{EXPECTED}, at most {MOST_COLUMNS} of them"));
    }
    let (mut list, mut has_pid) = (String::new(), false);
    for column in columns {
        let (name, width) = column.split_once(':').map_or((*column, None), |(name, width)| (name, Some(width)));
        let width = width.map(str::parse::<u16>).transpose().ok().filter(|width| width.is_none_or(|w| w <= WIDEST));
        let known = [WORDS, PHRASES].iter().find_map(|names| names.iter().find(|known| **known == name));
        let (Some(known), Some(width)) = (known, width) else {
            let shown: String = column.chars().filter(|c| !c.is_control()).take(32).collect();
            return Err(format!("{EXPECTED}; `{shown}` is not a column that may be shown"));
        };
        has_pid |= *known == "pid";
        if !has_pid && PHRASES.contains(known) {
            return Err(format!("{EXPECTED}; `{known}` may hold white space, so put `pid` before it"));
        }
        let comma = if list.is_empty() { "" } else { "," };
        let _ = write!(list, "{comma}{known}");
        if let Some(width) = width.filter(|width| *width > 0) {
            let _ = write!(list, ":{width}");
        }
    }
    if has_pid { Ok(list) } else { Err(format!("{EXPECTED}; `pid` must be among the columns")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fixed_forms_are_passed_on() {
        for (asked, passed) in [
            ("", "-ef"),
            ("-ef", "-ef"),
            (" -e  -f ", "-ef"),
            ("aux", "aux"),
            ("-o pid,comm", "-o pid,comm"),
            ("-opid,comm", "-o pid,comm"),
            ("-eo pid,user,args", "-eo pid,user,args"),
            ("-e -o pid,args", "-eo pid,args"),
            ("-o pid -o comm", "-o pid,comm"),
            ("-o pid comm", "-o pid,comm"),
            ("-eo user:32,pid, args", "-eo user:32,pid,args"),
            ("-o user,ppid,pid,%cpu,lstart,cmd", "-o user,ppid,pid,%cpu,lstart,cmd"),
        ] {
            assert_eq!(options(asked).as_deref(), Ok(passed), "{asked:?}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for asked in [
            "e",
            "eww",
            "auxe",
            "auxeww",
            "axe",
            "-efe",
            "-e e",
            "-ef e",
            "aux e",
            "aux -o pid",
            "-aux",
            "-A",
            "-Ae",
            "-e",
            "-e -e",
            "f",
            "m",
            "-L",
            "-T",
            "-C sh",
            "-p 1",
            "-q 1",
            "--pid 1",
            "p 1",
            "1",
            "-N",
            "--deselect",
            "-u root",
            "-O environ",
            "O pid",
            "-o",
            "-eo",
            "-o ,",
            "o pid",
            "axo pid,args",
            "--format pid",
            "-F",
            "-l",
            "-w",
            "V",
            "--help all",
            "-o environ",
            "-eo pid,environ",
            "-o pid,exe",
            "-o pid,cgroup",
            "-o pid,unit",
            "-o pid,label",
            "-o pid,args e",
            "-o pid e",
            "-o pid,args -e e",
            "-o pid -ww",
            "-o pid,args=",
            "-o pid=PID",
            "-o user=PID",
            "-o user=PID,pid",
            "-o pid,args=x",
            "-o PID",
            "-o Pid,args",
            "-o args",
            "-o user,args",
            "-o args,pid",
            "-o comm,pid",
            "-o cmd,pid",
            "-o command -o pid",
            "-o lstart,pid",
            "-o user -o start,pid",
            "-o pid:",
            "-o pid:-1",
            "-o pid:99999",
            "-o pid:1:1",
            "-o pid:1e",
            "-o pid,\u{0}",
            "-o pid\ne",
            "-ef\ne",
            "-o pid\u{a0}e",
            "-ef\r",
            "-o pid,args;id",
            "-o $(id)",
            "-eop id",
            "\u{2d}\u{2d}",
            "-ef --",
        ] {
            let refused = options(asked);
            assert!(refused.as_ref().is_err_and(|why| why.contains("`-ef`")), "{asked:?}: {refused:?}");
        }
        assert!(options(&format!("-o pid{}", ",uid".repeat(32))).is_err_and(|why| why.contains("at most 32")));
    }
}
