# 'make up' and 'make test' are the two commands to know. Each installs what it lacks and does everything.
SHELL := /bin/bash
.PHONY: help up down build ui deb sbom lint test chaos fuzz bench lab clean-lab

help: ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

up: ## build and start deblox on this machine, create a container over the bus
	@scripts/up.sh

down: ## stop what 'make up' started; containers run on
	@scripts/down.sh

build: ## the program, as target/release/deblox
	@. scripts/setup.sh build; cargo build --release --locked

ui: ## the web UI alone, as ui/dist, which the program embeds
	@scripts/setup.sh build

deb: ## a Debian package, in target/debian
	@scripts/deb.sh

sbom: ## a bill of materials of the program (CycloneDX), in target/sbom.cdx.json
	@mkdir -p target && scripts/sbom.sh >target/sbom.cdx.json

lint: ## format, lints, licences, docs
	@scripts/lint.sh

test: ## lint, and all tests, against a lab of Docker hosts
	@scripts/test.sh

SECONDS ?= 60
fuzz: ## look for inputs that break a law, SECONDS=60 for each target
	@scripts/fuzz.sh $(SECONDS)

chaos: ## 1,000 faults at random while requests are sent; was each answered and done once? [TRIALS=N] [SEED=S] [REDIS=valkey|sentinel|cluster]
	@scripts/chaos.sh

bench: ## what the bus costs, against the floor in the same run
	@scripts/bench.sh

lab: ## leave a lab of 6 Docker hosts running, for 'cargo test' by hand
	@scripts/setup.sh test && scripts/lab.sh up 6 && scripts/lab.sh load busybox:latest ubuntu:latest && echo 'now: DEBLOX_LAB=/tmp/deblox-lab cargo test'

clean-lab: ## take down a lab that was left running
	@scripts/lab.sh down
