# What a developer types. `make` alone lists it.

TARGET  := $(shell cargo metadata --format-version 1 --no-deps 2>/dev/null | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
JOB     ?= jobs/process_execution.toml
ROWS    ?=
STORES  ?=
BESIDE  ?=
TABLES  ?=
SEED    ?= 1

.DEFAULT_GOAL := help
.PHONY: help build release run run-cloudtrail demo evaluate test lint fmt check parity interop page-test test-stores bench bench-jobs bench-cloudtrail bench-model bench-nights bench-cluster bench-delivery bench-quality clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

build: ## build for development (5 minutes from nothing on two cores, seconds after)
	cargo build

release: ## build the fast one (25 minutes from nothing on two cores)
	cargo build --release

run: demo ## write sample data, run the job on them, show the findings
	cargo run --quiet -- run $(JOB)

run-cloudtrail: build ## write a sample CloudTrail bucket, run its job on it, show the findings
	cargo run --quiet -- demo data --kind cloudtrail
	cargo run --quiet -- run jobs/cloudtrail.toml

demo: build ## write sample data: data/process_execution, 200,000 events that end today
	cargo run --quiet -- demo data

evaluate: demo ## how well the job finds the intrusions of the sample data: make evaluate BESIDE=jobs/other.toml
	cargo run --quiet -- evaluate $(JOB) --labels data/process_execution_labels.parquet $(addprefix --beside ,$(BESIDE)) --html out/evaluation.html

test: ## run the tests
	cargo test

lint: ## clippy, warnings as errors
	cargo clippy --all-targets -- -D warnings

fmt: ## format the code
	cargo fmt

check: ## all that CI runs
	.ci/run

parity: release ## the same answers as the notebooks' tools on generated events, both jobs: make parity ROWS=1000000 SEED=1
	CRANNOG=$(TARGET)/release/crannog benches/python.sh benches/requirements.txt tests/parity/parity.py --rows $(or $(ROWS),1000000) --seed $(SEED)
	CRANNOG=$(TARGET)/release/crannog benches/python.sh benches/requirements.txt tests/parity/cloudtrail.py --rows $(or $(ROWS),1000000) --seed $(SEED)

interop: build ## read the output with deltalake, Polars, DuckDB and ClickHouse
	CRANNOG=$(TARGET)/debug/crannog benches/python.sh tests/interop/requirements.txt tests/interop/readers.py

page-test: build ## open the page of a run in a real browser (Debian's chromium) and use it
	CRANNOG=$(TARGET)/debug/crannog benches/python.sh tests/page/requirements.txt tests/page/page.py

test-stores: build ## the whole job on S3, Azure and GCS, each a server on this machine, then on a store that fails: make test-stores STORES="moto seaweedfs azurite gcs"
	CRANNOG=$(TARGET)/debug/crannog benches/python.sh tests/stores/requirements.txt tests/stores/stores.py $(STORES)
	CRANNOG=$(TARGET)/debug/crannog benches/python.sh tests/stores/requirements.txt tests/stores/flaky.py

bench: release bench-jobs bench-cloudtrail ## the whole jobs beside the notebooks' tools, then raw CloudTrail files, in turn

bench-jobs: release ## the whole jobs alone: make bench-jobs ROWS=10000000
	CRANNOG=$(TARGET)/release/crannog benches/python.sh benches/requirements.txt benches/whole_job.py $(if $(ROWS),--rows $(ROWS))

bench-cloudtrail: release ## reading CloudTrail's files beside DuckDB and Python, in turn: make bench-cloudtrail ROWS=500000
	CRANNOG=$(TARGET)/release/crannog benches/python.sh benches/requirements.txt benches/cloudtrail_raw.py $(if $(ROWS),--rows $(ROWS))

bench-nights: release ## a night that keeps its step, after 1, 10, 30 and 60 days, beside a day alone: make bench-nights ROWS=30000000
	CRANNOG=$(TARGET)/release/crannog benches/python.sh benches/requirements.txt benches/nights.py $(if $(ROWS),--rows $(ROWS))

bench-cluster: release ## the same run on a scheduler and 1, 2 and 4 executors of this machine, beside one process: make bench-cluster ROWS=10000000 FILES=10000
	CRANNOG=$(TARGET)/release/crannog benches/python.sh benches/requirements.txt benches/cluster.py $(if $(ROWS),--rows $(ROWS)) $(if $(FILES),--files $(FILES))

bench-delivery: release ## sending findings, as megabytes of JSON a CPU second: make bench-delivery ROWS=100000
	CRANNOG=$(TARGET)/release/crannog benches/python.sh benches/requirements.txt benches/delivery.py $(if $(ROWS),--rows $(ROWS))

bench-quality: release ## AUROC beside scikit-learn on 17 tables of which the anomalies are known, and an extended forest's: make bench-quality TABLES="cardio glass"
	CRANNOG=$(TARGET)/release/crannog benches/python.sh benches/requirements.txt tests/adbench/adbench.py $(TABLES)

bench-model: ## the forest beside scikit-learn, isotree and coniferest, in turn: make bench-model ROWS=2097152
	benches/python.sh benches/model-requirements.txt benches/model.py $(if $(ROWS),--rows $(ROWS))

clean: ## remove sample data and output (cargo clean removes what was built)
	rm -rf out data/process_execution data/process_execution_labels.parquet data/cloudtrail data/cloudtrail_labels.csv
