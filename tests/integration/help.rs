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
fn help_of_deblox() {
    insta::assert_snapshot!(help(&[]), @r#"
    Drive the Docker daemons of many hosts from anywhere, over Redis

    Usage: deblox [OPTIONS] <COMMAND>

    Commands:
      up       All for one machine: a worker, HTTP, and a private Redis unless REDIS_URL names one
      worker   Speak for the Docker daemon of this host
      web      Take requests by HTTP, on any node
      call     Send one request and print its reply
      actions  List the actions that a request can ask for, or the fields of one
      schema   Print the JSON Schema of all requests
      help     Print this message or the help of the given subcommand(s)

    Options:
          --log <FILTER>
              What to log: a level (error, warn, info, debug, trace) or a filter such as deblox=debug

              [env: DEBLOX_LOG=]

          --log-format <FORMAT>
              How to log: text on a terminal and JSON elsewhere (auto), text, or json

              Possible values:
              - auto: Text on a terminal, JSON elsewhere
              - text: Text
              - json: JSON, an object a line

              [env: DEBLOX_LOG_FORMAT=]
              [default: auto]

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version
    "#);
}

#[test]
fn help_of_deblox_worker() {
    insta::assert_snapshot!(help(&["worker"]), @r#"
    Speak for the Docker daemon of this host

    Usage: deblox worker [OPTIONS]

    Options:
          --log <FILTER>
              What to log: a level (error, warn, info, debug, trace) or a filter such as deblox=debug

              [env: DEBLOX_LOG=]

          --log-format <FORMAT>
              How to log: text on a terminal and JSON elsewhere (auto), text, or json

              Possible values:
              - auto: Text on a terminal, JSON elsewhere
              - text: Text
              - json: JSON, an object a line

              [env: DEBLOX_LOG_FORMAT=]
              [default: auto]

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

    Redis:
          --redis-url <URL>
              redis://, rediss:// (TLS) or unix://; redis+sentinel://HOST:26379,…/NAME for the primary
              NAME of sentinels [default: the private Redis of `deblox up` if it runs, else
              redis://127.0.0.1:6379]

              [env: REDIS_URL]

          --namespace <NAME>
              What every key begins with; {deblox} keeps all keys in one Redis Cluster slot

              [env: DEBLOX_NAMESPACE=]
              [default: deblox]

          --redis-ca <PEM>
              Trust these certificates instead of the system's

              [env: DEBLOX_REDIS_CA=]

          --redis-cert <PEM>
              Show this client certificate

              [env: DEBLOX_REDIS_CERT=]

          --redis-key <PEM>
              The key of the client certificate

              [env: DEBLOX_REDIS_KEY=]
    "#);
}

#[test]
fn help_of_deblox_up() {
    insta::assert_snapshot!(help(&["up"]), @r#"
    All for one machine: a worker, HTTP, and a private Redis unless REDIS_URL names one

    Usage: deblox up [OPTIONS]

    Options:
          --log <FILTER>
              What to log: a level (error, warn, info, debug, trace) or a filter such as deblox=debug

              [env: DEBLOX_LOG=]

          --log-format <FORMAT>
              How to log: text on a terminal and JSON elsewhere (auto), text, or json

              Possible values:
              - auto: Text on a terminal, JSON elsewhere
              - text: Text
              - json: JSON, an object a line

              [env: DEBLOX_LOG_FORMAT=]
              [default: auto]

      -h, --help
              Print help (see a summary with '-h')

    HTTP:
          --listen <IP:PORT>
              The address to listen at for HTTP; whoever reaches it can do anything that the daemons can

              [env: DEBLOX_LISTEN=]
              [default: 127.0.0.1:8080]

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

    Redis:
          --redis-url <URL>
              redis://, rediss:// (TLS) or unix://; redis+sentinel://HOST:26379,…/NAME for the primary
              NAME of sentinels [default: the private Redis of `deblox up` if it runs, else
              redis://127.0.0.1:6379]

              [env: REDIS_URL]

          --namespace <NAME>
              What every key begins with; {deblox} keeps all keys in one Redis Cluster slot

              [env: DEBLOX_NAMESPACE=]
              [default: deblox]

          --redis-ca <PEM>
              Trust these certificates instead of the system's

              [env: DEBLOX_REDIS_CA=]

          --redis-cert <PEM>
              Show this client certificate

              [env: DEBLOX_REDIS_CERT=]

          --redis-key <PEM>
              The key of the client certificate

              [env: DEBLOX_REDIS_KEY=]
    "#);
}

#[test]
fn help_of_deblox_web() {
    insta::assert_snapshot!(help(&["web"]), @r#"
    Take requests by HTTP, on any node

    Usage: deblox web [OPTIONS]

    Options:
          --log <FILTER>
              What to log: a level (error, warn, info, debug, trace) or a filter such as deblox=debug

              [env: DEBLOX_LOG=]

          --log-format <FORMAT>
              How to log: text on a terminal and JSON elsewhere (auto), text, or json

              Possible values:
              - auto: Text on a terminal, JSON elsewhere
              - text: Text
              - json: JSON, an object a line

              [env: DEBLOX_LOG_FORMAT=]
              [default: auto]

      -h, --help
              Print help (see a summary with '-h')

    HTTP:
          --listen <IP:PORT>
              The address to listen at for HTTP; whoever reaches it can do anything that the daemons can

              [env: DEBLOX_LISTEN=]
              [default: 127.0.0.1:8080]

    Redis:
          --redis-url <URL>
              redis://, rediss:// (TLS) or unix://; redis+sentinel://HOST:26379,…/NAME for the primary
              NAME of sentinels [default: the private Redis of `deblox up` if it runs, else
              redis://127.0.0.1:6379]

              [env: REDIS_URL]

          --namespace <NAME>
              What every key begins with; {deblox} keeps all keys in one Redis Cluster slot

              [env: DEBLOX_NAMESPACE=]
              [default: deblox]

          --redis-ca <PEM>
              Trust these certificates instead of the system's

              [env: DEBLOX_REDIS_CA=]

          --redis-cert <PEM>
              Show this client certificate

              [env: DEBLOX_REDIS_CERT=]

          --redis-key <PEM>
              The key of the client certificate

              [env: DEBLOX_REDIS_KEY=]
    "#);
}

#[test]
fn help_of_deblox_call() {
    insta::assert_snapshot!(help(&["call"]), @r#"
    Send one request and print its reply

    Usage: deblox call [OPTIONS] <JSON>

    Arguments:
      <JSON>
              The request, such as '{"action":"list-docks"}'

    Options:
          --dock <FQDN>
              The dock that must do it

          --timeout <TIME>
              How long it may take, such as 30s or 5min

          --log <FILTER>
              What to log: a level (error, warn, info, debug, trace) or a filter such as deblox=debug

              [env: DEBLOX_LOG=]

          --log-format <FORMAT>
              How to log: text on a terminal and JSON elsewhere (auto), text, or json

              Possible values:
              - auto: Text on a terminal, JSON elsewhere
              - text: Text
              - json: JSON, an object a line

              [env: DEBLOX_LOG_FORMAT=]
              [default: auto]

      -h, --help
              Print help (see a summary with '-h')

    Redis:
          --redis-url <URL>
              redis://, rediss:// (TLS) or unix://; redis+sentinel://HOST:26379,…/NAME for the primary
              NAME of sentinels [default: the private Redis of `deblox up` if it runs, else
              redis://127.0.0.1:6379]

              [env: REDIS_URL]

          --namespace <NAME>
              What every key begins with; {deblox} keeps all keys in one Redis Cluster slot

              [env: DEBLOX_NAMESPACE=]
              [default: deblox]

          --redis-ca <PEM>
              Trust these certificates instead of the system's

              [env: DEBLOX_REDIS_CA=]

          --redis-cert <PEM>
              Show this client certificate

              [env: DEBLOX_REDIS_CERT=]

          --redis-key <PEM>
              The key of the client certificate

              [env: DEBLOX_REDIS_KEY=]

    Exit code: 0 for a status of 2xx, 1 for any other reply or none, 2 for wrong usage.
    "#);
}
