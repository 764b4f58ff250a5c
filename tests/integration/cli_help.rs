//! What `-h` says of the commands that people know from docker; without what every command takes.

use std::process::Command;

use clap::CommandFactory;
use deblox::cli::Cli;

/// The short help for `words`, without the options that every command has. `run` takes `-h` for something else.
pub fn own(words: &[&str]) -> String {
    let whole = help(words, if words == ["run"] { "--help" } else { "-h" });
    let own = whole.split("\nLogging:").next().and_then(|first| first.split("\nCluster:").next());
    own.expect("there is a first part").trim_end().to_owned()
}

/// The help for `words`, from a program without an environment, at a width of a hundred.
fn help(words: &[&str], flag: &str) -> String {
    let mut program = Command::new(env!("CARGO_BIN_EXE_deblox"));
    let output = program.args(words).arg(flag).env_clear().env("COLUMNS", "100").output().expect("it runs");
    assert!(output.status.success() && output.stderr.is_empty(), "{words:?}: {output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_command_says_what_it_is_for_and_how_its_cluster_is_reached() {
    fn look(command: &clap::Command, words: &mut Vec<String>) {
        for command in command.get_subcommands().filter(|command| command.get_name() != "help") {
            words.push(command.get_name().to_owned());
            let about = command.get_about().unwrap_or_else(|| panic!("{words:?} has no description")).to_string();
            assert!(!about.ends_with('.'), "{words:?}: {about}");
            for option in command.get_arguments().filter(|option| option.get_id() != "help") {
                assert!(option.get_help().is_some(), "{words:?}: {option} has no description");
            }
            look(command, words);
            words.pop();
        }
    }
    look(&Cli::command(), &mut Vec::new());
    for words in [&["ps"][..], &["docks", "ls"], &["network", "create"], &["run"]] {
        let text = help(words, "--help");
        for part in ["Cluster:", "--redis-url", "--context", "--timeout", "--redis-ca", "--log"] {
            assert!(text.contains(part), "{words:?} does not tell of {part}: {text}");
        }
    }
}

#[test]
fn help_of_deblox_docks() {
    insta::assert_snapshot!(own(&["docks"]), @r#"
    List the docks, or change which take part

    Usage: deblox docks [OPTIONS]
           deblox docks <COMMAND>

    Commands:
      ls       List the docks, in whatever state [alias: list]
      inspect  Show everything that is known of docks, as JSON
      drain    Have docks keep their containers and take no new ones
      undrain  Have drained docks take new containers again
      label    Set labels that a create can ask for; NAME= removes one
      add      Bring docks back that were taken out [alias: register]
      rm       Take docks out of the pool; their containers run on [alias: unregister]
      help     Print this message or the help of the given subcommand(s)

    Options:
      -q, --quiet               Only the ids or names, one a line
          --format <FORMAT>     A table, or JSON with an object a line [default: table] [possible
                                values: table, json]
          --no-trunc            Whole ids
      -f, --filter <KEY=VALUE>  Only what fits: name=PART, state=STATE, label=NAME or label=NAME=VALUE;
                                may be given several times
      -h, --help                Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_docks_label() {
    insta::assert_snapshot!(own(&["docks", "label"]), @r#"
    Set labels that a create can ask for; NAME= removes one

    Usage: deblox docks label [OPTIONS] <DOCK> <NAME=VALUE>...

    Arguments:
      <DOCK>           The dock
      <NAME=VALUE>...  The labels

    Options:
      -h, --help  Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_ps() {
    insta::assert_snapshot!(own(&["ps"]), @r#"
    List containers

    Usage: deblox ps [OPTIONS]

    Options:
      -a, --all                 Those that do not run too
      -n, --last <N>            The N that were created last, in whatever state
      -l, --latest              The one that was created last, in whatever state
      -q, --quiet               Only the ids or names, one a line
          --format <FORMAT>     A table, or JSON with an object a line [default: table] [possible
                                values: table, json]
          --no-trunc            Whole ids
      -f, --filter <KEY=VALUE>  Only what fits, such as label=team=x; may be given several times
          --dock <FQDN>         Only what is on this dock; may be given several times
      -h, --help                Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_run() {
    insta::assert_snapshot!(own(&["run"]), @r#"
    Create and start a container, on the fittest dock, and connect to it

    Usage: deblox run [OPTIONS] [IMAGE] [COMMAND]...

    Arguments:
      [IMAGE]
              The image: name, name:tag or id

      [COMMAND]...
              The command, with what follows it

    Options:
      -d, --detach
              Let it run, and print its id

          --rm
              Remove it when it has ended; without -d that is done by this command, unless it was left
              before

          --detach-keys <KEYS>
              The keys that leave a terminal and let it run [default: ctrl-p,ctrl-q]

          --sig-proxy[=<true|false>]
              Without a terminal, send signals such as that of Ctrl-C on to the process [default: true]

              [possible values: true, false]

          --name <NAME>
              Its name [default: one that follows from the request]

      -e, --env <NAME[=VALUE]>
              Set an environment variable; NAME alone takes it from here

          --env-file <FILE>
              Set those of a file, a line each

      -p, --publish <PORT>
              Publish a port: [[IP:]HOST:]CONTAINER[/PROTOCOL], ranges too

      -v, --volume <VOLUME>
              Mount a folder of the dock or a volume: SOURCE:TARGET[:OPTIONS], or TARGET

      -l, --label <NAME[=VALUE]>
              A label of the container

          --network <NETWORK>
              The network it joins

          --restart <POLICY>
              no, always, unless-stopped, on-failure or on-failure:TIMES

          --pull <POLICY>
              When to fetch the image [default: missing]

              [possible values: missing, always, never]

      -m, --memory <BYTES>
              The most memory, such as 512m

          --cpus <N>
              The most processors, such as 1.5

          --pids-limit <N>
              The most processes and threads, such as 500

      -u, --user <USER>
              NAME or UID, with :GROUP if wanted

      -w, --workdir <DIR>
              The working directory

      -h, --hostname <NAME>
              The name it has for itself

          --entrypoint <COMMAND>
              What runs the command

      -t, --tty
              Give it a terminal

      -i, --interactive
              Keep its standard input open

          --privileged
              Give it all rights on its host

          --health-cmd <COMMAND>
              What tells by its exit code whether it is well, for its shell

          --health-interval <TIME>
              The time between two checks, such as 30s

          --health-timeout <TIME>
              How long one may take

          --health-start-period <TIME>
              How long it may be unwell after its start

          --health-retries <N>
              How many checks in a row must fail

          --no-healthcheck
              Without the check of the image

          --dock <FQDN>
              The dock that it is to be on [default: the fittest]

          --dock-label <NAME=VALUE>
              A label that its dock must have; may be given several times

          --instances <N>
              How many: one on each dock in turn, the rest where they fit best; a name gets -1, -2, …
              behind it

          --replace
              If its dock is lost before it has answered, create it on another one

          --owner <USER>
              Whom it belongs to [default: anonymous]

          --template <NAME>
              A template to start from: `deblox template ls`

          --help
              Print help
    "#);
}

#[test]
fn help_of_deblox_stop() {
    insta::assert_snapshot!(own(&["stop"]), @r#"
    Stop containers: ask them to end, and kill those that do not

    Usage: deblox stop [OPTIONS] <CONTAINER>...

    Arguments:
      <CONTAINER>...  The containers: NAME, DOCK/NAME, or the beginning of an id

    Options:
      -t, --time <SECONDS>  Seconds to wait before it is killed [default: 10]
      -h, --help            Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_kill() {
    insta::assert_snapshot!(own(&["kill"]), @r#"
    Send containers a signal

    Usage: deblox kill [OPTIONS] <CONTAINER>...

    Arguments:
      <CONTAINER>...  The containers: NAME, DOCK/NAME, or the beginning of an id

    Options:
      -s, --signal <SIGNAL>  The signal [default: KILL]
      -h, --help             Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_rm() {
    insta::assert_snapshot!(own(&["rm"]), @r#"
    Remove containers

    Usage: deblox rm [OPTIONS] <CONTAINER>...

    Arguments:
      <CONTAINER>...  The containers: NAME, DOCK/NAME, or the beginning of an id

    Options:
      -f, --force    Kill those that run
      -v, --volumes  Remove their anonymous volumes too
      -h, --help     Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_update() {
    insta::assert_snapshot!(own(&["update"]), @r#"
    Change the limits and the restart policy of containers

    Usage: deblox update [OPTIONS] <CONTAINER>...

    Arguments:
      <CONTAINER>...  The containers: NAME, DOCK/NAME, or the beginning of an id

    Options:
      -m, --memory <BYTES>    The most memory, such as 512m
          --cpus <N>          The most processors, such as 1.5
          --pids-limit <N>    The most processes and threads, such as 500
          --restart <POLICY>  no, always, unless-stopped, on-failure or on-failure:TIMES
      -h, --help              Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_recreate() {
    insta::assert_snapshot!(own(&["recreate"]), @r#"
    Replace containers by ones like them from a newer image; an old one comes back if the new one is not
    healthy

    Usage: deblox recreate [OPTIONS] <CONTAINER>...

    Arguments:
      <CONTAINER>...  The containers: NAME, DOCK/NAME, or the beginning of an id

    Options:
          --image <IMAGE>     Another image or tag [default: the one it was made from]
          --pull <POLICY>     When to fetch the image [default: always] [possible values: missing,
                              always, never]
          --settle <SECONDS>  Seconds that a new one without a health check must run [default: 5]
      -t, --time <SECONDS>    Seconds to wait before it is killed [default: 10]
      -h, --help              Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_inspect() {
    insta::assert_snapshot!(own(&["inspect"]), @r#"
    Show everything about containers, images, networks or volumes

    Usage: deblox inspect [OPTIONS] <NAME>...

    Arguments:
      <NAME>...  The containers: NAME, DOCK/NAME, or the beginning of an id; or what --type says

    Options:
          --type <TYPE>      What they are [default: container]
      -f, --format <FORMAT>  One indented list (pretty), or an object a line (json) [default: pretty]
      -s, --size             With the size of a container's files
          --dock <FQDN>      The dock whose image it is [default: any that has it]
      -h, --help             Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_logs() {
    insta::assert_snapshot!(own(&["logs"]), @r#"
    Print what containers have written; several in the order of time

    Usage: deblox logs [OPTIONS] <CONTAINER>...

    Arguments:
      <CONTAINER>...  The containers: NAME, DOCK/NAME, or the beginning of an id

    Options:
      -f, --follow        Go on with what they write
      -n, --tail <N>      The last N lines of each, 10000 at most [default: all, which is those]
          --since <TIME>  Nothing before: how long ago (10m), an RFC 3339 time, or seconds since the
                          epoch
          --until <TIME>  Nothing after, given in the same way
      -t, --timestamps    The time before each line
      -h, --help          Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_exec() {
    insta::assert_snapshot!(own(&["exec"]), @r#"
    Run a command in a container

    Usage: deblox exec [OPTIONS] <CONTAINER> <COMMAND>...

    Arguments:
      <CONTAINER>   The container: NAME, DOCK/NAME, or the beginning of its id
      <COMMAND>...  The command, with what follows it

    Options:
      -e, --env <NAME[=VALUE]>  Set an environment variable; NAME alone takes it from here
          --env-file <FILE>     Set those of a file, a line each
      -u, --user <USER>         NAME or UID, with :GROUP if wanted
      -w, --workdir <DIR>       The working directory
          --privileged          With all rights
      -i, --interactive         Keep standard input open
      -t, --tty                 With a terminal
          --detach-keys <KEYS>  The keys that leave a terminal and let it run [default: ctrl-p,ctrl-q]
      -h, --help                Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_top() {
    insta::assert_snapshot!(own(&["top"]), @"
    List the processes of a container

    Usage: deblox top [OPTIONS] <CONTAINER> [OPTION]...

    Arguments:
      <CONTAINER>  The container: NAME, DOCK/NAME, or the beginning of its id
      [OPTION]...  Options of ps, such as aux [default: -ef]

    Options:
          --format <FORMAT>  A table, or JSON with an object a line; stands before CONTAINER [default:
                             table] [possible values: table, json]
      -q, --quiet            Only the numbers of the processes, one a line; stands before CONTAINER
      -h, --help             Print help (see more with '--help')
    ");
}

#[test]
fn help_of_deblox_images() {
    insta::assert_snapshot!(own(&["images"]), @r#"
    List images

    Usage: deblox images [OPTIONS] [NAME[:TAG]]

    Arguments:
      [NAME[:TAG]]  Only those of this name, with a tag or without; * stands for anything

    Options:
      -q, --quiet               Only the ids or names, one a line
          --format <FORMAT>     A table, or JSON with an object a line [default: table] [possible
                                values: table, json]
          --no-trunc            Whole ids
      -f, --filter <KEY=VALUE>  Only what fits, such as label=team=x; may be given several times
          --dock <FQDN>         Only what is on this dock; may be given several times
      -h, --help                Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_pull() {
    insta::assert_snapshot!(own(&["pull"]), @r#"
    Fetch images to docks, with what `docker login` has kept

    Usage: deblox pull [OPTIONS] <IMAGE>...

    Arguments:
      <IMAGE>...  The images

    Options:
          --dock <FQDN>      The dock; may be given several times [default: the only one]
          --all-docks        All docks
      -q, --quiet            Only the images' names, one a line, when they are there
          --format <FORMAT>  Progress and text, or JSON with an object for each image on each dock
                             [default: table] [possible values: table, json]
      -h, --help             Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_push() {
    insta::assert_snapshot!(own(&["push"]), @r#"
    Send an image of a dock to its registry, with what `docker login` has kept

    Usage: deblox push [OPTIONS] <IMAGE>

    Arguments:
      <IMAGE>  The image

    Options:
          --dock <FQDN>      The dock whose image it is [default: any, if all have the same]
      -q, --quiet            Only the images' names, one a line, when they are there
          --format <FORMAT>  Progress and text, or JSON with an object for each image on each dock
                             [default: table] [possible values: table, json]
      -h, --help             Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_tag() {
    insta::assert_snapshot!(own(&["tag"]), @r#"
    Give an image a further name, on the docks that have it

    Usage: deblox tag [OPTIONS] <IMAGE> <NAME[:TAG]>

    Arguments:
      <IMAGE>       The image
      <NAME[:TAG]>  The further name, with a tag or without

    Options:
          --dock <FQDN>  The dock; may be given several times [default: the only one]
          --all-docks    All docks
      -h, --help         Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_rmi() {
    insta::assert_snapshot!(own(&["rmi"]), @r#"
    Remove images from the docks that have them

    Usage: deblox rmi [OPTIONS] <IMAGE>...

    Arguments:
      <IMAGE>...  The images

    Options:
      -f, --force        Even if a stopped container uses it
          --no-prune     Keep its untagged parents
          --dock <FQDN>  The dock; may be given several times [default: the only one]
          --all-docks    All docks
      -h, --help         Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_commit() {
    insta::assert_snapshot!(own(&["commit"]), @r#"
    Make an image of a container

    Usage: deblox commit [OPTIONS] <CONTAINER> [NAME[:TAG]]

    Arguments:
      <CONTAINER>   The container: NAME, DOCK/NAME, or the beginning of its id
      [NAME[:TAG]]  The image's name

    Options:
      -m, --message <MESSAGE>  A comment
      -a, --author <AUTHOR>    The author
          --no-pause           Do not pause it meanwhile
      -h, --help               Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_network() {
    insta::assert_snapshot!(own(&["network"]), @r#"
    List networks, or change them

    Usage: deblox network [OPTIONS] <COMMAND>

    Commands:
      ls          List networks [alias: list]
      inspect     Show everything about networks
      create      Make a network on docks
      rm          Remove networks [alias: remove]
      prune       Remove the networks of docks that no container uses
      connect     Join a container to a network of its dock
      disconnect  Take a container off a network
      help        Print this message or the help of the given subcommand(s)

    Options:
      -h, --help  Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_network_create() {
    insta::assert_snapshot!(own(&["network", "create"]), @r#"
    Make a network on docks

    Usage: deblox network create [OPTIONS] <NAME>

    Arguments:
      <NAME>  Its name

    Options:
      -d, --driver <DRIVER>       Its driver [default: bridge]
      -o, --opt <NAME=VALUE>      An option of the driver; may be given several times
          --label <NAME[=VALUE]>  A label; may be given several times
          --subnet <CIDR>         Its addresses, such as 10.1.0.0/24
          --gateway <IP>          The address of its way out
          --internal              Without a way out
          --attachable            Containers may join it by hand
          --ipv6                  With IPv6
          --dock <FQDN>           The dock; may be given several times [default: the only one]
          --all-docks             All docks
      -h, --help                  Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_network_connect() {
    insta::assert_snapshot!(own(&["network", "connect"]), @r#"
    Join a container to a network of its dock

    Usage: deblox network connect [OPTIONS] <NETWORK> <CONTAINER>

    Arguments:
      <NETWORK>    The network: name or id
      <CONTAINER>  The container: NAME, DOCK/NAME, or the beginning of its id

    Options:
          --alias <NAME>  A further name for it there; may be given several times
          --ip <IP>       Its address there
      -h, --help          Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_volume() {
    insta::assert_snapshot!(own(&["volume"]), @r#"
    List volumes, or change them

    Usage: deblox volume [OPTIONS] <COMMAND>

    Commands:
      ls       List volumes [alias: list]
      inspect  Show everything about volumes
      create   Make a volume on docks
      rm       Remove volumes, and what is in them [alias: remove]
      prune    Remove the volumes of docks that no container uses
      help     Print this message or the help of the given subcommand(s)

    Options:
      -h, --help  Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_volume_create() {
    insta::assert_snapshot!(own(&["volume", "create"]), @r#"
    Make a volume on docks

    Usage: deblox volume create [OPTIONS] [NAME]

    Arguments:
      [NAME]  Its name [default: one of the daemon's]

    Options:
      -d, --driver <DRIVER>       Its driver [default: local]
      -o, --opt <NAME=VALUE>      An option of the driver; may be given several times
          --label <NAME[=VALUE]>  A label; may be given several times
          --dock <FQDN>           The dock; may be given several times [default: the only one]
          --all-docks             All docks
      -h, --help                  Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_volume_prune() {
    insta::assert_snapshot!(own(&["volume", "prune"]), @r#"
    Remove the volumes of docks that no container uses

    Usage: deblox volume prune [OPTIONS]

    Options:
      -f, --force               Without asking
          --filter <KEY=VALUE>  Only what fits, such as label=team=x; may be given several times
          --dock <FQDN>         The dock; may be given several times [default: the only one]
          --all-docks           All docks
      -h, --help                Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_template() {
    insta::assert_snapshot!(own(&["template"]), @r#"
    List templates, or change them

    Usage: deblox template [OPTIONS] <COMMAND>

    Commands:
      ls       List templates [alias: list]
      inspect  Show templates [alias: get]
      set      Keep a template under a name
      rm       Forget templates [alias: remove]
      help     Print this message or the help of the given subcommand(s)

    Options:
      -h, --help  Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_template_set() {
    insta::assert_snapshot!(own(&["template", "set"]), @r#"
    Keep a template under a name

    Usage: deblox template set [OPTIONS] <NAME> <FILE>

    Arguments:
      <NAME>  Its name
      <FILE>  A file with Docker's own JSON for creating a container; - is standard input

    Options:
      -h, --help  Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_context() {
    insta::assert_snapshot!(own(&["context"]), @r#"
    Keep names for the clusters that you work with

    Usage: deblox context [OPTIONS] <COMMAND>

    Commands:
      ls    List the contexts; the one in use has a star [alias: list]
      set   Keep how a cluster is reached under a name: --redis-url, --redis-url-file or REDIS_URL,
            --namespace, --redis-ca and the like [alias: create]
      use   Use a context from now on; `default` is none
      rm    Forget contexts
      show  Print the name of the one in use
      help  Print this message or the help of the given subcommand(s)

    Options:
      -h, --help  Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_context_set() {
    insta::assert_snapshot!(own(&["context", "set"]), @r#"
    Keep how a cluster is reached under a name: --redis-url, --redis-url-file or REDIS_URL, --namespace,
    --redis-ca and the like

    Usage: deblox context set [OPTIONS] <NAME>

    Arguments:
      <NAME>  Its name

    Options:
      -h, --help  Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_completions() {
    insta::assert_snapshot!(own(&["completions"]), @r#"
    Print what makes a shell complete commands and options

    Usage: deblox completions [OPTIONS] <SHELL>

    Arguments:
      <SHELL>  The shell [possible values: bash, elvish, fish, powershell, zsh]

    Options:
      -h, --help  Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_man() {
    insta::assert_snapshot!(own(&["man"]), @r#"
    Print the manual, or write a page for each command

    Usage: deblox man [OPTIONS] [FOLDER]

    Arguments:
      [FOLDER]  Write a page for each command into this folder, instead of the first one to standard
                output

    Options:
      -h, --help  Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_stats() {
    insta::assert_snapshot!(own(&["stats"]), @"
    Show what containers use, as it changes

    Usage: deblox stats [OPTIONS] [CONTAINER]...

    Arguments:
      [CONTAINER]...  The containers: NAME, DOCK/NAME, or the beginning of an id [default: all that run]

    Options:
          --no-stream        Show it once
          --format <FORMAT>  A table, or JSON with an object a line [default: table] [possible values:
                             table, json]
          --no-trunc         Whole ids
      -q, --quiet            Only which containers those are, as DOCK/NAME, once and one a line
      -h, --help             Print help (see more with '--help')
    ");
}

#[test]
fn help_of_deblox_events() {
    insta::assert_snapshot!(own(&["events"]), @"
    Show what happens in the cluster, or at the daemon of a dock, as it happens

    Usage: deblox events [OPTIONS]

    Options:
          --dock <FQDN>         What happens at the daemon of this dock [default: what happens in the
                                cluster]
          --after <AT>          Begin behind this event of the cluster, by its `at`; 0 for all that are
                                kept
          --since <TIME>        Begin at this time, with --dock: how long ago (10m), an RFC 3339 time,
                                or seconds since the epoch
          --until <TIME>        End at this time, with --dock
      -f, --filter <KEY=VALUE>  Only what fits, such as event=dock-lost, or with --dock type=container;
                                may be given several times. With event=request the requests of `deblox
                                audit` are told
          --format <FORMAT>     Text, or JSON with an object a line [default: text] [possible values:
                                text, json]
      -q, --quiet               Only the id of what it is about, or the dock where it is that
      -h, --help                Print help (see more with '--help')
    ");
}

#[test]
fn help_of_deblox_attach() {
    insta::assert_snapshot!(own(&["attach"]), @r#"
    Connect to the process of a container that runs

    Usage: deblox attach [OPTIONS] <CONTAINER>

    Arguments:
      <CONTAINER>  The container: NAME, DOCK/NAME, or the beginning of its id

    Options:
          --no-stdin                  Give it no standard input
          --detach-keys <KEYS>        The keys that leave a terminal and let it run [default:
                                      ctrl-p,ctrl-q]
          --sig-proxy[=<true|false>]  Without a terminal, send signals such as that of Ctrl-C on to the
                                      process [default: true] [possible values: true, false]
      -h, --help                      Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_start() {
    insta::assert_snapshot!(own(&["start"]), @r#"
    Start containers

    Usage: deblox start [OPTIONS] <CONTAINER>...

    Arguments:
      <CONTAINER>...  The containers: NAME, DOCK/NAME, or the beginning of an id

    Options:
      -a, --attach                    Connect to what it writes; one container only
      -i, --interactive               Connect to its standard input too
          --detach-keys <KEYS>        The keys that leave a terminal and let it run [default:
                                      ctrl-p,ctrl-q]
          --sig-proxy[=<true|false>]  Without a terminal, send signals such as that of Ctrl-C on to the
                                      process [default: true] [possible values: true, false]
      -h, --help                      Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_cp() {
    insta::assert_snapshot!(own(&["cp"]), @r#"
    Copy files into a container, or out of it

    Usage: deblox cp [OPTIONS] <SOURCE> <TARGET>

    Arguments:
      <SOURCE>  What is copied: PATH, [DOCK/]CONTAINER:PATH, or -
      <TARGET>  Where to: PATH, [DOCK/]CONTAINER:PATH, or -

    Options:
      -L, --follow-link  Follow a link that SOURCE is
      -a, --archive      Into a container: with owner and group
      -h, --help         Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_build() {
    insta::assert_snapshot!(own(&["build"]), @r#"
    Build an image on a dock from a folder with a Dockerfile

    Usage: deblox build [OPTIONS] <PATH>

    Arguments:
      <PATH>  The folder that is sent, without what its .dockerignore names; or - for a tar archive or a
              Dockerfile on standard input

    Options:
      -t, --tag <NAME[:TAG]>          A name for the image; may be given several times
      -f, --file <FILE>               The Dockerfile, in the folder [default: PATH/Dockerfile]
          --build-arg <NAME[=VALUE]>  A value for ARG; NAME alone takes it from here
          --label <NAME[=VALUE]>      A label of the image
          --target <TARGET>           The stage to build
          --platform <PLATFORM>       The platform, such as linux/arm64
          --no-cache                  Build each step anew
          --pull                      Fetch the images that it is built from, even where there are some
      -q, --quiet                     Print only the id of the image
          --dock <FQDN>               The dock that builds it [default: the only one]
      -h, --help                      Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_export() {
    insta::assert_snapshot!(own(&["export"]), @r#"
    Write all files of a container as a tar archive

    Usage: deblox export [OPTIONS] <CONTAINER>

    Arguments:
      <CONTAINER>  The container: NAME, DOCK/NAME, or the beginning of its id

    Options:
      -o, --output <FILE>  The file [default: standard output]
      -h, --help           Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_import() {
    insta::assert_snapshot!(own(&["import"]), @r#"
    Make an image on a dock of the files in a tar archive

    Usage: deblox import [OPTIONS] <FILE> [NAME[:TAG]]

    Arguments:
      <FILE>        The archive; - is standard input
      [NAME[:TAG]]  The image's name

    Options:
      -m, --message <MESSAGE>  A comment
          --dock <FQDN>        The dock [default: the only one]
      -h, --help               Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_save() {
    insta::assert_snapshot!(own(&["save"]), @r#"
    Write images of a dock as a tar archive

    Usage: deblox save [OPTIONS] <IMAGE>...

    Arguments:
      <IMAGE>...  The images

    Options:
      -o, --output <FILE>  The file [default: standard output]
          --dock <FQDN>    The dock whose images they are [default: any, if all have the same]
      -h, --help           Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_load() {
    insta::assert_snapshot!(own(&["load"]), @r#"
    Bring images to a dock from an archive that `save` has written

    Usage: deblox load [OPTIONS]

    Options:
      -i, --input <FILE>  The archive [default: standard input]
          --dock <FQDN>   The dock [default: the only one]
      -h, --help          Print help (see more with '--help')
    "#);
}

#[test]
fn help_of_deblox_actions() {
    insta::assert_snapshot!(own(&["actions"]), @"
    List the actions that a request can ask for, or the fields of one

    Usage: deblox actions [OPTIONS] [ACTION]

    Arguments:
      [ACTION]  The action whose fields to show

    Options:
      -q, --quiet               Only the ids or names, one a line
          --format <FORMAT>     A table, or JSON with an object a line [default: table] [possible
                                values: table, json]
          --no-trunc            Whole ids
      -f, --filter <KEY=VALUE>  Only what fits: a field of --format json and its value, of name a part;
                                may be given several times
      -h, --help                Print help (see more with '--help')
    ");
}
