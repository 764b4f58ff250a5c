//! What `--help` says, word for word: a change of the options is a change that people see.

use std::process::Command;

/// The help for `words`, from a program without an environment, at a width of a hundred.
fn help(words: &[&str]) -> String {
    let mut program = Command::new(env!("CARGO_BIN_EXE_deblox"));
    let output = program.args(words).arg("--help").env_clear().env("COLUMNS", "100").output().expect("it runs");
    assert!(output.status.success() && output.stderr.is_empty());
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is as long as the help")]
fn help_of_deblox() {
    insta::assert_snapshot!(help(&[]), @"
    Drive the Docker daemons of many hosts from anywhere, over Redis

    Usage: deblox [OPTIONS] <COMMAND>

    Commands:
      up           All for one machine: a worker, HTTP, and a private Redis unless REDIS_URL names one
      worker       Speak for the Docker daemon of this host
      web          The web UI, its API, and requests by HTTP, on any node
      health       Tell whether the worker or the node of this host is well, for a container's health
                   check
      docks        List the docks, or change which take part
      doctor       Look for what is wrong with Redis, the docks and the queues, and say what to do
      ps           List containers
      run          Create and start a container, on the fittest dock, and connect to it
      create       Create a container, on the fittest dock
      start        Start containers
      stop         Stop containers: ask them to end, and kill those that do not
      restart      Stop containers and start them again
      kill         Send containers a signal
      pause        Stop the processes of containers where they are
      unpause      Let the processes of paused containers go on
      rm           Remove containers
      rename       Give a container another name
      update       Change the limits and the restart policy of containers
      recreate     Replace containers by ones like them from a newer image; an old one comes back if the
                   new one is not healthy
      wait         Wait until containers end, and print their exit codes
      chown        Offer containers of yours to another user, who accepts them; an operator gives them
                   at once
      accept       Accept containers that are offered to you: they count in your quota from then on
      decline      Decline containers that are offered to you, or withdraw your own offer of them
      share        Share containers with users and groups; or without any, list whose they are and who
                   shares them
      unshare      Share containers with users and groups no more
      inspect      Show everything about containers, images, networks or volumes
      logs         Print what containers have written; several in the order of time
      exec         Run a command in a container
      attach       Connect to the process of a container that runs
      stats        Show what containers use, as it changes
      events       Show what happens in the cluster, or at the daemon of a dock, as it happens
      audit        List the requests that changed something or were to: who asked, for what, and how it
                   ended
      cp           Copy files into a container, or out of it
      top          List the processes of a container
      diff         List what has changed in the files of a container: A is added, C changed, D removed
      images       List images
      pull         Fetch images to docks, with what `docker login` has kept
      push         Send an image of a dock to its registry, with what `docker login` has kept
      tag          Give an image a further name, on the docks that have it
      rmi          Remove images from the docks that have them
      commit       Make an image of a container
      build        Build an image on a dock from a folder with a Dockerfile
      export       Write all files of a container as a tar archive
      import       Make an image on a dock of the files in a tar archive
      save         Write images of a dock as a tar archive
      load         Bring images to a dock from an archive that `save` has written
      network      List networks, or change them
      volume       List volumes, or change them
      template     List templates, or change them
      login        Log in, where workers ask who it is; the session is kept for the commands that follow
      logout       End the session of `deblox login`
      whoami       Tell who the commands come from, and what that one may do
      session      List your sessions, or end some
      user         List users, or change who may use the cluster
      group        List groups of users
      token        List API tokens, or change them
      call         Send one request and print its reply
      context      Keep names for the clusters that you work with
      acl          Print what makes a user of Redis who may do only what a program of that kind needs
      actions      List the actions that a request can ask for, or the fields of one
      schema       Print the JSON Schema of all requests
      completions  Print what makes a shell complete commands and options
      man          Print the manual, or write a page for each command
      help         Print this message or the help of the given subcommand(s)

    Options:
      -v, --verbose
              Tell each request, who answered it and how long that took; stands before the command

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    Logging:
          --log <FILTER>
              What to log: a level (error, warn, info, debug, trace) or a filter such as deblox=debug;
              SIGHUP switches what serves to deblox=debug, and back

              [env: DEBLOX_LOG=]

          --log-format <FORMAT>
              How to log: text on a terminal and JSON elsewhere (auto), text, or json

              Possible values:
              - auto: Text on a terminal, JSON elsewhere
              - text: Text
              - json: JSON, an object a line

              [env: DEBLOX_LOG_FORMAT=]
              [default: auto]

    Cluster:
          --timeout <TIME>
              How long a request may take, such as 30s or 5min [default: what is usual for it]

          --context <NAME>
              The context to use, whatever REDIS_URL says [default: DEBLOX_CONTEXT, or that of `deblox
              context use`, where REDIS_URL is not set]

          --redis-url <URL>
              redis://, rediss:// (TLS) or unix://; redis+sentinel://HOST:26379,…/NAME for the primary
              NAME of sentinels; redis+cluster://HOST:6379,… for a Redis Cluster; a password goes into a
              file [default: the context's, else the private Redis of `deblox up` if it runs, else
              redis://127.0.0.1:6379]

              [env: REDIS_URL]

          --redis-url-file <FILE>
              A file with that URL, where it has a password in it; read again for each connection

              [env: REDIS_URL_FILE=]

          --redis-password-file <FILE>
              A file with the password for Redis, where the URL has none; read again for each
              connection; an empty file is no password

              [env: REDIS_PASSWORD_FILE=]

          --namespace <NAME>
              What every key begins with; {deblox} keeps all keys in one Redis Cluster slot [default:
              the context's, else deblox]

              [env: DEBLOX_NAMESPACE=]

          --redis-ca <PEM>
              Trust these certificates instead of the system's

              [env: DEBLOX_REDIS_CA=]

          --redis-cert <PEM>
              Show this client certificate

              [env: DEBLOX_REDIS_CERT=]

          --redis-key <PEM>
              The key of the client certificate

              [env: DEBLOX_REDIS_KEY=]

          --token-file <FILE>
              A file with the API token that says who asks [default: DEBLOX_TOKEN, else the context's,
              else the session of `deblox login`]

              [env: DEBLOX_TOKEN_FILE=]

          --client-name <NAME>
              What the ids of requests begin with, where Redis lets each client read its own replies
              alone [default: the context's, else the user in REDIS_URL]

              [env: DEBLOX_CLIENT_NAME=]

    Exit code: 0 done, 1 something could not be done, 2 wrong usage, 3 done, but not all docks answer,
    130 ended by a signal such as that of Ctrl-C. `run`, `exec`, `attach` and `start -a` have that of
    the process; `run` has 125 where the container could not be made or started, `run` and `exec` have
    126 where the command cannot be executed, and 127 where it is not found.
    ");
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is one text")]
fn help_of_deblox_worker() {
    insta::assert_snapshot!(help(&["worker"]), @"
    Speak for the Docker daemon of this host

    Usage: deblox worker [OPTIONS]

    Options:
      -h, --help
              Print help (see a summary with '-h')

    Worker:
          --hostname <FQDN>
              The name of this dock [default: the host's fully qualified domain name]

              [env: DEBLOX_HOSTNAME=]

          --label <NAME=VALUE>
              A label of this dock, NAME=VALUE, that a create can ask for; may be given several times

              [env: DEBLOX_LABELS=]

          --concurrency <N>
              How many requests it has in hand at most

              [env: DEBLOX_CONCURRENCY=]
              [default: 64]

          --grace <TIME>
              How long to wait for what runs, when told to stop

              [env: DEBLOX_GRACE=]
              [default: 20s]

          --redis-replicas <N>
              Begin nothing that has an effect before N replicas of Redis know of it, so that no
              failover has it done twice

              [env: DEBLOX_REDIS_REPLICAS=]
              [default: 0]

          --audit-records <N>
              About how many records the audit of the cluster keeps; give all workers the same

              [env: DEBLOX_AUDIT_RECORDS=]
              [default: 100000]

          --audit-age <TIME>
              For how long it keeps a record; give all workers the same

              [env: DEBLOX_AUDIT_AGE=]
              [default: 90days]

    Docker:
          --docker-host <URL>
              unix:///path, or tcp://host:port

              [env: DOCKER_HOST=]
              [default: unix:///var/run/docker.sock]

          --docker-tls-verify <1>
              Speak TLS to a tcp:// host if this is not empty, as docker does

              [env: DOCKER_TLS_VERIFY=]

          --docker-cert-path <DIR>
              The folder with ca.pem, cert.pem and key.pem [default: ~/.docker]

              [env: DOCKER_CERT_PATH=]

    Who may do what:
          --auth <MODE>
              Serve everybody who reaches the bus, or only those who say who they are, and only what
              they may; the same for all workers

              Possible values:
              - open:    Whoever can write to Redis is trusted
              - enforce: A request needs a session or a token, and the right

              [env: DEBLOX_AUTH=]
              [default: open]

          --bind-folder <DIR>
              With --auth enforce: a folder of this host that users may mount, as a whole; may be given
              several times

              [env: DEBLOX_BIND_FOLDERS=]

          --registries <HOST>
              With --auth enforce: registries that users may pull from and search, such as quay.io, or *
              for all; Docker Hub and registries of images that this host has are always among them

              [env: DEBLOX_REGISTRIES=]

          --pids-limit <N>
              With --auth enforce: how many processes and threads a container of a user may have, and
              has if it asks for no limit

              [env: DEBLOX_PIDS_LIMIT=]
              [default: 4096]

          --user-networks
              With --auth enforce: put containers of users that name no network on a network of their
              user, instead of the default bridge

              [env: DEBLOX_USER_NETWORKS=]

    Auth manager:
          --auth-manager
              Be an auth manager as well: answer logins, say whose session it is, and end sessions

              [env: DEBLOX_AUTH_MANAGER=]

          --session-idle <TIME>
              When a session ends that nobody uses; the same for all auth managers

              [env: DEBLOX_SESSION_IDLE=]
              [default: 30min]

          --session-lifetime <TIME>
              When a session ends in any case; the same for all auth managers

              [env: DEBLOX_SESSION_LIFETIME=]
              [default: 12h]

    Metrics:
          --metrics <IP:PORT>
              Serve `GET /metrics` for Prometheus, and `GET /healthz`, at this address; nowhere unless
              it is given. Whoever reaches it can read it

              [env: DEBLOX_METRICS=]

    Logging:
          --log <FILTER>
              What to log: a level (error, warn, info, debug, trace) or a filter such as deblox=debug;
              SIGHUP switches what serves to deblox=debug, and back

              [env: DEBLOX_LOG=]

          --log-format <FORMAT>
              How to log: text on a terminal and JSON elsewhere (auto), text, or json

              Possible values:
              - auto: Text on a terminal, JSON elsewhere
              - text: Text
              - json: JSON, an object a line

              [env: DEBLOX_LOG_FORMAT=]
              [default: auto]

    Cluster:
          --timeout <TIME>
              How long a request may take, such as 30s or 5min [default: what is usual for it]

          --context <NAME>
              The context to use, whatever REDIS_URL says [default: DEBLOX_CONTEXT, or that of `deblox
              context use`, where REDIS_URL is not set]

          --redis-url <URL>
              redis://, rediss:// (TLS) or unix://; redis+sentinel://HOST:26379,…/NAME for the primary
              NAME of sentinels; redis+cluster://HOST:6379,… for a Redis Cluster; a password goes into a
              file [default: the context's, else the private Redis of `deblox up` if it runs, else
              redis://127.0.0.1:6379]

              [env: REDIS_URL]

          --redis-url-file <FILE>
              A file with that URL, where it has a password in it; read again for each connection

              [env: REDIS_URL_FILE=]

          --redis-password-file <FILE>
              A file with the password for Redis, where the URL has none; read again for each
              connection; an empty file is no password

              [env: REDIS_PASSWORD_FILE=]

          --namespace <NAME>
              What every key begins with; {deblox} keeps all keys in one Redis Cluster slot [default:
              the context's, else deblox]

              [env: DEBLOX_NAMESPACE=]

          --redis-ca <PEM>
              Trust these certificates instead of the system's

              [env: DEBLOX_REDIS_CA=]

          --redis-cert <PEM>
              Show this client certificate

              [env: DEBLOX_REDIS_CERT=]

          --redis-key <PEM>
              The key of the client certificate

              [env: DEBLOX_REDIS_KEY=]

          --token-file <FILE>
              A file with the API token that says who asks [default: DEBLOX_TOKEN, else the context's,
              else the session of `deblox login`]

              [env: DEBLOX_TOKEN_FILE=]

          --client-name <NAME>
              What the ids of requests begin with, where Redis lets each client read its own replies
              alone [default: the context's, else the user in REDIS_URL]

              [env: DEBLOX_CLIENT_NAME=]
    ");
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is as long as the help")]
fn help_of_deblox_up() {
    insta::assert_snapshot!(help(&["up"]), @"
    All for one machine: a worker, HTTP, and a private Redis unless REDIS_URL names one

    Usage: deblox up [OPTIONS]

    Options:
      -h, --help
              Print help (see a summary with '-h')

    HTTP:
          --listen <IP:PORT>
              The address to listen at for HTTP; whoever reaches it can do anything that the daemons can

              [env: DEBLOX_LISTEN=]
              [default: 127.0.0.1:8080]

          --public-url <URL>
              How browsers reach this node, https://HOST; where nobody has to log in, no other name is
              answered

              [env: DEBLOX_PUBLIC_URL=]

          --trusted-proxy <CIDR>
              Believe this proxy, an address or a network such as 10.0.0.0/8, when it names the address
              of a client in `Forwarded` or `X-Forwarded-For`; may be given several times

              [env: DEBLOX_TRUSTED_PROXY=]

          --password-min-length <N>
              Require N characters or more, from 8 to 128, of a password that somebody chooses;
              passwords in use go on working

              [env: DEBLOX_PASSWORD_MIN_LENGTH=]
              [default: 12]

    OpenID Connect:
          --oidc-issuer <URL>
              Have people log in at this provider, from /auth/oidc/login: https://HOST or
              https://HOST/PATH, as it calls itself

              [env: DEBLOX_OIDC_ISSUER=]

          --oidc-client-id <ID>
              What deblox is called at the provider

              [env: DEBLOX_OIDC_CLIENT_ID=]

          --oidc-client-secret-file <FILE>
              The file that holds the client's secret; or DEBLOX_OIDC_CLIENT_SECRET is the secret
              itself; a public client has none

              [env: DEBLOX_OIDC_CLIENT_SECRET_FILE=]

          --oidc-redirect-url <URL>
              Where the provider sends people back to, as their browsers reach any node:
              https://HOST/auth/oidc/callback

              [env: DEBLOX_OIDC_REDIRECT_URL=]

          --oidc-username-claim <CLAIM>
              The claim that is the user's name

              [env: DEBLOX_OIDC_USERNAME_CLAIM=]
              [default: preferred_username]

          --oidc-groups-claim <CLAIM>
              The claim that holds the user's groups

              [env: DEBLOX_OIDC_GROUPS_CLAIM=]
              [default: groups]

          --oidc-role <GROUP=ROLE>
              What members of a group may do; may be given several times, in the environment with ;
              between them; the highest role counts, and who is in none of the groups cannot log in

              [env: DEBLOX_OIDC_ROLES=]

          --oidc-default-role <ROLE>
              What those may do who are in none of the groups

              Possible values:
              - viewer:   Reads
              - user:     Creates, and operates what it owns
              - operator: Operates everything
              - admin:    Manages docks and users as well

              [env: DEBLOX_OIDC_DEFAULT_ROLE=]

          --oidc-scope <SCOPE>
              What is asked of the provider beside openid, such as groups; may be given several times

              [env: DEBLOX_OIDC_SCOPES=]
              [default: profile]

    Worker:
          --hostname <FQDN>
              The name of this dock [default: the host's fully qualified domain name]

              [env: DEBLOX_HOSTNAME=]

          --label <NAME=VALUE>
              A label of this dock, NAME=VALUE, that a create can ask for; may be given several times

              [env: DEBLOX_LABELS=]

          --concurrency <N>
              How many requests it has in hand at most

              [env: DEBLOX_CONCURRENCY=]
              [default: 64]

          --grace <TIME>
              How long to wait for what runs, when told to stop

              [env: DEBLOX_GRACE=]
              [default: 20s]

          --redis-replicas <N>
              Begin nothing that has an effect before N replicas of Redis know of it, so that no
              failover has it done twice

              [env: DEBLOX_REDIS_REPLICAS=]
              [default: 0]

          --audit-records <N>
              About how many records the audit of the cluster keeps; give all workers the same

              [env: DEBLOX_AUDIT_RECORDS=]
              [default: 100000]

          --audit-age <TIME>
              For how long it keeps a record; give all workers the same

              [env: DEBLOX_AUDIT_AGE=]
              [default: 90days]

    Docker:
          --docker-host <URL>
              unix:///path, or tcp://host:port

              [env: DOCKER_HOST=]
              [default: unix:///var/run/docker.sock]

          --docker-tls-verify <1>
              Speak TLS to a tcp:// host if this is not empty, as docker does

              [env: DOCKER_TLS_VERIFY=]

          --docker-cert-path <DIR>
              The folder with ca.pem, cert.pem and key.pem [default: ~/.docker]

              [env: DOCKER_CERT_PATH=]

    Who may do what:
          --auth <MODE>
              Serve everybody who reaches the bus, or only those who say who they are, and only what
              they may; the same for all workers

              Possible values:
              - open:    Whoever can write to Redis is trusted
              - enforce: A request needs a session or a token, and the right

              [env: DEBLOX_AUTH=]
              [default: open]

          --bind-folder <DIR>
              With --auth enforce: a folder of this host that users may mount, as a whole; may be given
              several times

              [env: DEBLOX_BIND_FOLDERS=]

          --registries <HOST>
              With --auth enforce: registries that users may pull from and search, such as quay.io, or *
              for all; Docker Hub and registries of images that this host has are always among them

              [env: DEBLOX_REGISTRIES=]

          --pids-limit <N>
              With --auth enforce: how many processes and threads a container of a user may have, and
              has if it asks for no limit

              [env: DEBLOX_PIDS_LIMIT=]
              [default: 4096]

          --user-networks
              With --auth enforce: put containers of users that name no network on a network of their
              user, instead of the default bridge

              [env: DEBLOX_USER_NETWORKS=]

    Auth manager:
          --auth-manager
              Be an auth manager as well: answer logins, say whose session it is, and end sessions

              [env: DEBLOX_AUTH_MANAGER=]

          --session-idle <TIME>
              When a session ends that nobody uses; the same for all auth managers

              [env: DEBLOX_SESSION_IDLE=]
              [default: 30min]

          --session-lifetime <TIME>
              When a session ends in any case; the same for all auth managers

              [env: DEBLOX_SESSION_LIFETIME=]
              [default: 12h]

    Metrics:
          --metrics <IP:PORT>
              Serve `GET /metrics` for Prometheus, and `GET /healthz`, at this address; nowhere unless
              it is given. Whoever reaches it can read it

              [env: DEBLOX_METRICS=]

    Logging:
          --log <FILTER>
              What to log: a level (error, warn, info, debug, trace) or a filter such as deblox=debug;
              SIGHUP switches what serves to deblox=debug, and back

              [env: DEBLOX_LOG=]

          --log-format <FORMAT>
              How to log: text on a terminal and JSON elsewhere (auto), text, or json

              Possible values:
              - auto: Text on a terminal, JSON elsewhere
              - text: Text
              - json: JSON, an object a line

              [env: DEBLOX_LOG_FORMAT=]
              [default: auto]

    Cluster:
          --timeout <TIME>
              How long a request may take, such as 30s or 5min [default: what is usual for it]

          --context <NAME>
              The context to use, whatever REDIS_URL says [default: DEBLOX_CONTEXT, or that of `deblox
              context use`, where REDIS_URL is not set]

          --redis-url <URL>
              redis://, rediss:// (TLS) or unix://; redis+sentinel://HOST:26379,…/NAME for the primary
              NAME of sentinels; redis+cluster://HOST:6379,… for a Redis Cluster; a password goes into a
              file [default: the context's, else the private Redis of `deblox up` if it runs, else
              redis://127.0.0.1:6379]

              [env: REDIS_URL]

          --redis-url-file <FILE>
              A file with that URL, where it has a password in it; read again for each connection

              [env: REDIS_URL_FILE=]

          --redis-password-file <FILE>
              A file with the password for Redis, where the URL has none; read again for each
              connection; an empty file is no password

              [env: REDIS_PASSWORD_FILE=]

          --namespace <NAME>
              What every key begins with; {deblox} keeps all keys in one Redis Cluster slot [default:
              the context's, else deblox]

              [env: DEBLOX_NAMESPACE=]

          --redis-ca <PEM>
              Trust these certificates instead of the system's

              [env: DEBLOX_REDIS_CA=]

          --redis-cert <PEM>
              Show this client certificate

              [env: DEBLOX_REDIS_CERT=]

          --redis-key <PEM>
              The key of the client certificate

              [env: DEBLOX_REDIS_KEY=]

          --token-file <FILE>
              A file with the API token that says who asks [default: DEBLOX_TOKEN, else the context's,
              else the session of `deblox login`]

              [env: DEBLOX_TOKEN_FILE=]

          --client-name <NAME>
              What the ids of requests begin with, where Redis lets each client read its own replies
              alone [default: the context's, else the user in REDIS_URL]

              [env: DEBLOX_CLIENT_NAME=]
    ");
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is one text")]
fn help_of_deblox_web() {
    insta::assert_snapshot!(help(&["web"]), @"
    The web UI, its API, and requests by HTTP, on any node

    Usage: deblox web [OPTIONS]

    Options:
      -h, --help
              Print help (see a summary with '-h')

    HTTP:
          --listen <IP:PORT>
              The address to listen at for HTTP; whoever reaches it can do anything that the daemons can

              [env: DEBLOX_LISTEN=]
              [default: 127.0.0.1:8080]

          --public-url <URL>
              How browsers reach this node, https://HOST; where nobody has to log in, no other name is
              answered

              [env: DEBLOX_PUBLIC_URL=]

          --trusted-proxy <CIDR>
              Believe this proxy, an address or a network such as 10.0.0.0/8, when it names the address
              of a client in `Forwarded` or `X-Forwarded-For`; may be given several times

              [env: DEBLOX_TRUSTED_PROXY=]

          --password-min-length <N>
              Require N characters or more, from 8 to 128, of a password that somebody chooses;
              passwords in use go on working

              [env: DEBLOX_PASSWORD_MIN_LENGTH=]
              [default: 12]

          --auth <MODE>
              Serve the web UI and its API to everybody who reaches this node, or to those who log in;
              where a worker asks who it is, so does the node in any case

              Possible values:
              - open:    Whoever can write to Redis is trusted
              - enforce: A request needs a session or a token, and the right

              [env: DEBLOX_AUTH=]
              [default: open]

    OpenID Connect:
          --oidc-issuer <URL>
              Have people log in at this provider, from /auth/oidc/login: https://HOST or
              https://HOST/PATH, as it calls itself

              [env: DEBLOX_OIDC_ISSUER=]

          --oidc-client-id <ID>
              What deblox is called at the provider

              [env: DEBLOX_OIDC_CLIENT_ID=]

          --oidc-client-secret-file <FILE>
              The file that holds the client's secret; or DEBLOX_OIDC_CLIENT_SECRET is the secret
              itself; a public client has none

              [env: DEBLOX_OIDC_CLIENT_SECRET_FILE=]

          --oidc-redirect-url <URL>
              Where the provider sends people back to, as their browsers reach any node:
              https://HOST/auth/oidc/callback

              [env: DEBLOX_OIDC_REDIRECT_URL=]

          --oidc-username-claim <CLAIM>
              The claim that is the user's name

              [env: DEBLOX_OIDC_USERNAME_CLAIM=]
              [default: preferred_username]

          --oidc-groups-claim <CLAIM>
              The claim that holds the user's groups

              [env: DEBLOX_OIDC_GROUPS_CLAIM=]
              [default: groups]

          --oidc-role <GROUP=ROLE>
              What members of a group may do; may be given several times, in the environment with ;
              between them; the highest role counts, and who is in none of the groups cannot log in

              [env: DEBLOX_OIDC_ROLES=]

          --oidc-default-role <ROLE>
              What those may do who are in none of the groups

              Possible values:
              - viewer:   Reads
              - user:     Creates, and operates what it owns
              - operator: Operates everything
              - admin:    Manages docks and users as well

              [env: DEBLOX_OIDC_DEFAULT_ROLE=]

          --oidc-scope <SCOPE>
              What is asked of the provider beside openid, such as groups; may be given several times

              [env: DEBLOX_OIDC_SCOPES=]
              [default: profile]

    Auth manager:
          --auth-manager
              Be an auth manager as well: answer logins, say whose session it is, and end sessions

              [env: DEBLOX_AUTH_MANAGER=]

          --session-idle <TIME>
              When a session ends that nobody uses; the same for all auth managers

              [env: DEBLOX_SESSION_IDLE=]
              [default: 30min]

          --session-lifetime <TIME>
              When a session ends in any case; the same for all auth managers

              [env: DEBLOX_SESSION_LIFETIME=]
              [default: 12h]

    Metrics:
          --metrics <IP:PORT>
              Serve `GET /metrics` for Prometheus, and `GET /healthz`, at this address; nowhere unless
              it is given. Whoever reaches it can read it

              [env: DEBLOX_METRICS=]

    Logging:
          --log <FILTER>
              What to log: a level (error, warn, info, debug, trace) or a filter such as deblox=debug;
              SIGHUP switches what serves to deblox=debug, and back

              [env: DEBLOX_LOG=]

          --log-format <FORMAT>
              How to log: text on a terminal and JSON elsewhere (auto), text, or json

              Possible values:
              - auto: Text on a terminal, JSON elsewhere
              - text: Text
              - json: JSON, an object a line

              [env: DEBLOX_LOG_FORMAT=]
              [default: auto]

    Cluster:
          --timeout <TIME>
              How long a request may take, such as 30s or 5min [default: what is usual for it]

          --context <NAME>
              The context to use, whatever REDIS_URL says [default: DEBLOX_CONTEXT, or that of `deblox
              context use`, where REDIS_URL is not set]

          --redis-url <URL>
              redis://, rediss:// (TLS) or unix://; redis+sentinel://HOST:26379,…/NAME for the primary
              NAME of sentinels; redis+cluster://HOST:6379,… for a Redis Cluster; a password goes into a
              file [default: the context's, else the private Redis of `deblox up` if it runs, else
              redis://127.0.0.1:6379]

              [env: REDIS_URL]

          --redis-url-file <FILE>
              A file with that URL, where it has a password in it; read again for each connection

              [env: REDIS_URL_FILE=]

          --redis-password-file <FILE>
              A file with the password for Redis, where the URL has none; read again for each
              connection; an empty file is no password

              [env: REDIS_PASSWORD_FILE=]

          --namespace <NAME>
              What every key begins with; {deblox} keeps all keys in one Redis Cluster slot [default:
              the context's, else deblox]

              [env: DEBLOX_NAMESPACE=]

          --redis-ca <PEM>
              Trust these certificates instead of the system's

              [env: DEBLOX_REDIS_CA=]

          --redis-cert <PEM>
              Show this client certificate

              [env: DEBLOX_REDIS_CERT=]

          --redis-key <PEM>
              The key of the client certificate

              [env: DEBLOX_REDIS_KEY=]

          --token-file <FILE>
              A file with the API token that says who asks [default: DEBLOX_TOKEN, else the context's,
              else the session of `deblox login`]

              [env: DEBLOX_TOKEN_FILE=]

          --client-name <NAME>
              What the ids of requests begin with, where Redis lets each client read its own replies
              alone [default: the context's, else the user in REDIS_URL]

              [env: DEBLOX_CLIENT_NAME=]
    ");
}

#[test]
fn help_of_deblox_call() {
    insta::assert_snapshot!(help(&["call"]), @r#"
    Send one request and print its reply

    Usage: deblox call [OPTIONS] <JSON>

    Arguments:
      <JSON>
              The request, such as '{"action":"list-docks"}'; or - to read it from standard input, which
              no other user of this host sees

    Options:
          --dock <FQDN>
              The dock that must do it

      -h, --help
              Print help (see a summary with '-h')

    Logging:
          --log <FILTER>
              What to log: a level (error, warn, info, debug, trace) or a filter such as deblox=debug;
              SIGHUP switches what serves to deblox=debug, and back

              [env: DEBLOX_LOG=]

          --log-format <FORMAT>
              How to log: text on a terminal and JSON elsewhere (auto), text, or json

              Possible values:
              - auto: Text on a terminal, JSON elsewhere
              - text: Text
              - json: JSON, an object a line

              [env: DEBLOX_LOG_FORMAT=]
              [default: auto]

    Cluster:
          --timeout <TIME>
              How long a request may take, such as 30s or 5min [default: what is usual for it]

          --context <NAME>
              The context to use, whatever REDIS_URL says [default: DEBLOX_CONTEXT, or that of `deblox
              context use`, where REDIS_URL is not set]

          --redis-url <URL>
              redis://, rediss:// (TLS) or unix://; redis+sentinel://HOST:26379,…/NAME for the primary
              NAME of sentinels; redis+cluster://HOST:6379,… for a Redis Cluster; a password goes into a
              file [default: the context's, else the private Redis of `deblox up` if it runs, else
              redis://127.0.0.1:6379]

              [env: REDIS_URL]

          --redis-url-file <FILE>
              A file with that URL, where it has a password in it; read again for each connection

              [env: REDIS_URL_FILE=]

          --redis-password-file <FILE>
              A file with the password for Redis, where the URL has none; read again for each
              connection; an empty file is no password

              [env: REDIS_PASSWORD_FILE=]

          --namespace <NAME>
              What every key begins with; {deblox} keeps all keys in one Redis Cluster slot [default:
              the context's, else deblox]

              [env: DEBLOX_NAMESPACE=]

          --redis-ca <PEM>
              Trust these certificates instead of the system's

              [env: DEBLOX_REDIS_CA=]

          --redis-cert <PEM>
              Show this client certificate

              [env: DEBLOX_REDIS_CERT=]

          --redis-key <PEM>
              The key of the client certificate

              [env: DEBLOX_REDIS_KEY=]

          --token-file <FILE>
              A file with the API token that says who asks [default: DEBLOX_TOKEN, else the context's,
              else the session of `deblox login`]

              [env: DEBLOX_TOKEN_FILE=]

          --client-name <NAME>
              What the ids of requests begin with, where Redis lets each client read its own replies
              alone [default: the context's, else the user in REDIS_URL]

              [env: DEBLOX_CLIENT_NAME=]

    What streams is printed as it comes, and its reply on standard error; it gets no input.

    Exit code: 0 for a status of 2xx, 1 for any other reply or none, 2 for wrong usage.
    "#);
}
