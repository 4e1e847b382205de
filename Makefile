SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help demo test clients-next soak check fmt docs lab bench mutants fuzz dist reproduce check-platforms windows clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS='	' read -r name text; do printf 'make %-16s %s\n' "$$name" "$$text"; done

demo: ## a real Docker pushes to and pulls from an ECR name on this machine, which stays as it was
	@scripts/demo.sh

test: ## everything that must hold before a change lands; installs what it needs
	@scripts/test.sh

clients-next: ## the end-to-end tests with Debian sid's clients, and the table of clients in docs/comparison.md
	@scripts/clients-next.sh

check: ## the quick part of it: format, lints, dependencies, scripts
	@scripts/check.sh

fmt: ## formats the code
	@scripts/install.sh fmt
	@source scripts/env.sh && cargo fmt --all

docs: ## builds the documentation as a site with search into target/site
	@scripts/install.sh docs
	@target/docs/bin/python scripts/docs/build_site.py && echo "The site: target/site/index.html"

soak: ## the long floods: 1,000 processes at once, killed holders, a week of builds in minutes
	@scripts/soak.sh

lab: ## runs the local AWS and prints the environment to export
	@scripts/lab.sh

bench: ## measures what ecr-auth costs, beside its peers, into docs/performance.md; benches/bench.sh --quick for a look
	@benches/bench.sh

mutants: ## breaks registry, cache and docker on purpose, takes each protection out, and lists what no test notices
	@scripts/mutants.sh

fuzz: ## looks for inputs that break a promise, five minutes for each target; scripts/fuzz.sh SECONDS for longer
	@scripts/fuzz.sh

dist: ## builds a release for Linux, and for Windows on x86_64, into dist/, and tests it: binaries, packages, the image
	@scripts/dist.sh

reproduce: ## builds the static binaries again, in another folder, and compares them with dist/SHA256SUMS
	@scripts/reproduce.sh

check-platforms: ## compiles and links the program for macOS and Windows, and looks at what it asks of the system
	@scripts/check-platforms.sh

windows: ## builds the binary for Windows and runs the tests that make sense there under Wine
	@scripts/windows.sh

clean: ## removes all that was built
	@rm -rf target dist
