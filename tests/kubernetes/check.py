"""Builds each overlay of k8s/ and checks what comes out: every document by the schemas that Kubernetes publishes, strictly,
and that together they are what docs/operations.md says. Run by scripts/lint.sh, with the command that builds an overlay
as its arguments: kustomize build, or kubectl kustomize."""

import pathlib
import subprocess
import sys

import kubernetes_validate
import yaml

ROOT = pathlib.Path(__file__).parents[2]
# The oldest is the one that docs/operations.md asks for.
VERSIONS = ["1.30", kubernetes_validate.latest_version()]
WORKLOADS = {"DaemonSet", "Deployment", "StatefulSet"}
# What a node's Docker daemon costs: the one folder of a host that is mounted, by the one thing that runs as root.
WORKER = "deblox-worker"
RUNS_ON_HOST = ["/var/run"]


class Cluster:
    """The documents of one overlay."""

    def __init__(self, overlay: pathlib.Path, build: list[str]):
        text = subprocess.run([*build, str(overlay)], check=True, stdout=subprocess.PIPE, text=True).stdout
        self.documents = list(yaml.safe_load_all(text))
        self.named = {(each["kind"], each["metadata"]["name"]): each for each in self.documents}
        assert len(self.named) == len(self.documents), "two documents have one name"

    def of(self, *kinds):
        return [each for each in self.documents if each["kind"] in kinds]

    def one(self, kind, name):
        assert (kind, name) in self.named, f"{kind} {name} is named, but is not there"
        return self.named[kind, name]

    def selected(self, selector):
        """The workloads whose pods a selector means."""
        return [each for each in self.of(*WORKLOADS) if selects(selector, labels(each))]


def labels(workload):
    return workload["spec"]["template"]["metadata"]["labels"]


def selects(selector, found):
    """Whether a label selector means what has these labels."""
    for wanted in selector.get("matchExpressions", []):
        has = found.get(wanted["key"]) in wanted["values"]
        if has != {"In": True, "NotIn": False}[wanted["operator"]]:
            return False
    return selector.get("matchLabels", {}).items() <= found.items()


def schemas(cluster):
    """Every field is one that Kubernetes knows, and holds what it may."""
    for version in VERSIONS:
        for each in cluster.documents:
            kubernetes_validate.validate(each, version, strict=True)
    misspelt = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "x"}, "automountServiceAccountTokn": False}
    try:
        kubernetes_validate.validate(misspelt, VERSIONS[-1], strict=True)
    except kubernetes_validate.ValidationError:
        return
    raise AssertionError("a misspelt field is not found")


def namespace(cluster):
    for each in cluster.documents:
        name = each["metadata"]["name"] if each["kind"] == "Namespace" else each["metadata"]["namespace"]
        assert name == "deblox", f"{each['kind']} is in {name}"


def rights(cluster):
    """Nothing here may do anything in Kubernetes."""
    for each in cluster.documents:
        assert "Role" not in each["kind"], f"{each['kind']} gives rights"
    for workload in cluster.of(*WORKLOADS):
        pod = workload["spec"]["template"]["spec"]
        account = cluster.one("ServiceAccount", pod["serviceAccountName"])
        assert account["automountServiceAccountToken"] is False and pod["automountServiceAccountToken"] is False


def containers(cluster):
    """Each container is bounded, watched, and has no more than it needs."""
    for workload in cluster.of(*WORKLOADS):
        name, pod = workload["metadata"]["name"], workload["spec"]["template"]["spec"]
        assert not pod.keys() & {"hostNetwork", "hostPID", "hostIPC"}, f"{name} is in a namespace of the host"
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        mounted = [volume["hostPath"]["path"] for volume in pod.get("volumes", []) if "hostPath" in volume]
        assert mounted == (RUNS_ON_HOST if name == WORKER else []), f"{name} mounts {mounted} of its host"
        assert name == WORKER or pod["securityContext"]["runAsNonRoot"] is True, f"{name} may run as root"
        for container in pod["containers"] + pod.get("initContainers", []):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
            }, f"{name}: {container['securityContext']}"
            for bound in ("cpu", "memory"):
                for amount in ("limits", "requests"):
                    assert bound in container["resources"].get(amount, {}), f"{name} has no {bound} in its {amount}"
            assert "readinessProbe" in container and "startupProbe" in container, f"{name} is not watched"
            assert "livenessProbe" in container or name == WORKER, f"{name} is not watched"
            image, _, tag = container["image"].rpartition(":")
            assert image and tag != "latest", f"{name} runs {container['image']}: which one is that?"
    images = {cluster.one(kind, name)["spec"]["template"]["spec"]["containers"][0]["image"]
              for kind, name in [("DaemonSet", WORKER), ("Deployment", "deblox-web")]}
    assert len(images) == 1, f"workers and nodes differ: {images}"


def references(cluster):
    """What is named is there, and what selects something does."""
    for workload in cluster.of(*WORKLOADS):
        name, spec = workload["metadata"]["name"], workload["spec"]
        assert selects(spec["selector"], labels(workload)), f"{name} does not select its own pods"
        assert len(cluster.selected(spec["selector"])) == 1, f"{name} selects the pods of others"
        pod = spec["template"]["spec"]
        volumes = pod.get("volumes", [])
        for volume in volumes:
            if "secret" in volume:
                cluster.one("Secret", volume["secret"]["secretName"])
            if "configMap" in volume:
                cluster.one("ConfigMap", volume["configMap"]["name"])
        claims = spec.get("volumeClaimTemplates", [])
        there = {volume["name"] for volume in volumes} | {claim["metadata"]["name"] for claim in claims}
        for container in pod["containers"]:
            used = {mount["name"] for mount in container.get("volumeMounts", [])}
            assert used == there, f"{name} mounts {used} of {there}"
            for source in container.get("envFrom", []):
                for key, kind in (("secretRef", "Secret"), ("configMapRef", "ConfigMap")):
                    if key in source:
                        cluster.one(kind, source[key]["name"])
    for stateful in cluster.of("StatefulSet"):
        cluster.one("Service", stateful["spec"]["serviceName"])
    for service in cluster.of("Service"):
        (workload,) = cluster.selected({"matchLabels": service["spec"]["selector"]})
        offered = {port["name"] for port in workload["spec"]["template"]["spec"]["containers"][0]["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= offered, service["metadata"]["name"]
    for budget in cluster.of("PodDisruptionBudget"):
        (workload,) = cluster.selected(budget["spec"]["selector"])
        assert workload["spec"]["replicas"] > budget["spec"]["maxUnavailable"], "no pod is left, or none can ever go"
    (ingress,) = cluster.of("Ingress")
    (rule,) = ingress["spec"]["rules"]
    for path in rule["http"]["paths"]:
        backend = path["backend"]["service"]
        service = cluster.one("Service", backend["name"])
        assert backend["port"]["name"] in {port["name"] for port in service["spec"]["ports"]}
    (config,) = [each for each in cluster.of("ConfigMap") if "DEBLOX_AUTH" in each["data"]]
    assert config["data"]["DEBLOX_PUBLIC_URL"] == f"https://{rule['host']}", "the Ingress has another host"
    assert ingress["spec"]["tls"][0]["hosts"] == [rule["host"]]


def workers(cluster):
    """One for each dock, named after its node, replaced one after the other."""
    workload = cluster.one("DaemonSet", WORKER)
    spec, pod = workload["spec"], workload["spec"]["template"]["spec"]
    assert spec["updateStrategy"]["rollingUpdate"] == {"maxUnavailable": 1, "maxSurge": 0}
    assert pod["tolerations"] == [{"operator": "Exists"}]
    assert pod["terminationGracePeriodSeconds"] > 20, "it is killed before its own --grace is over"
    (container,) = pod["containers"]
    environment = {each["name"]: each for each in container["env"]}
    assert environment["DEBLOX_HOSTNAME"]["valueFrom"]["fieldRef"]["fieldPath"] == "spec.nodeName"
    assert "ports" not in container, "a worker listens nowhere"


def network(cluster):
    """Nothing gets in but what is meant to; to workers nothing at all."""
    policies = cluster.of("NetworkPolicy")
    everything = [each for each in policies if each["spec"]["podSelector"] == {}]
    assert [set(each["spec"]["policyTypes"]) for each in everything] == [{"Ingress", "Egress"}], "the rest is not refused"

    def enters(workload):
        meant = [each for each in policies if selects(each["spec"]["podSelector"], labels(workload))]
        return [rule for each in meant for rule in each["spec"].get("ingress", [])]

    for workload in cluster.of(*WORKLOADS):
        name, rules = workload["metadata"]["name"], enters(workload)
        assert all(rule.get("from") and rule.get("ports") for rule in rules), f"anybody gets into {name}"
        assert bool(rules) == (name != WORKER), f"what gets into {name}: {rules}"


def secrets(cluster):
    """As they come, none of them works; and they are files, because a listing of processes may show an environment."""
    for workload in cluster.of(*WORKLOADS):
        name, pod = workload["metadata"]["name"], workload["spec"]["template"]["spec"]
        for container in pod["containers"] + pod.get("initContainers", []):
            assert not any("secretRef" in source for source in container.get("envFrom", [])), f"{name} has secrets in its environment"
            for variable in container.get("env", []):
                assert "secretKeyRef" not in variable.get("valueFrom", {}), f"{name} has {variable['name']} in its environment"
        for volume in pod.get("volumes", []):
            if volume["name"] == "credentials":
                assert volume["secret"]["defaultMode"] & 0o007 == 0, f"everybody may read the credentials of {name}"
    for secret in cluster.of("Secret"):
        assert "stringData" not in secret
        for value in secret["data"].values():
            text = yaml.safe_load(f"!!binary {value}").decode()
            assert text.startswith("REPLACE"), f"{secret['metadata']['name']} has something in it that may work"


CHECKS = [schemas, namespace, rights, containers, references, workers, network, secrets]


def main(build):
    overlays = sorted(path.parent for path in (ROOT / "k8s/overlays").glob("*/kustomization.yaml"))
    assert overlays, "there are no overlays"
    for overlay in overlays:
        cluster = Cluster(overlay, build)
        for check in CHECKS:
            try:
                check(cluster)
            except kubernetes_validate.ValidationError as error:
                sys.exit(f"{overlay.name}: {'.'.join(map(str, error.path))}: {error.message}")
            except AssertionError as error:
                sys.exit(f"{overlay.name}: {check.__name__}: {str(error) or check.__doc__}")
        print(f"{overlay.name}: {len(cluster.documents)} documents, Kubernetes {' and '.join(VERSIONS)}")


main(sys.argv[1:])
