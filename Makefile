# A thin front of meson. `make demo` and `make test` are all a new machine needs.
STORY ?= full
BUILD ?= build
BUILD_TEST ?= build-test

# What `make bench` renders with Helm and with vitrine: every chart below these folders.
CHARTS ?= examples tests/golden

.PHONY: all deps build demo test conformance validate lint fuzz bench install clean

all: build

deps:
	@scripts/bootstrap build

build: deps
	@test -f $(BUILD)/build.ninja || meson setup $(BUILD) -Dbuildtype=release -Dtests=false >/dev/null
	@ninja -C $(BUILD) --quiet

# The whole loop on this machine. STORY=quick ends by itself.
demo: build
	@$(BUILD)/src/cli/vitrine demo --story $(STORY) --app examples/demo-web

# Everything, with the address and undefined behaviour sanitizers.
test:
	@scripts/bootstrap test
	@test -f $(BUILD_TEST)/build.ninja || meson setup $(BUILD_TEST) -Db_sanitize=address,undefined >/dev/null
	@ninja -C $(BUILD_TEST) --quiet
	@meson test -C $(BUILD_TEST) --no-rebuild --print-errorlogs --timeout-multiplier 3

# The corpus of Helm's own answers, error texts and warnings too: how many cases of each topic pass. Part of `make test`.
conformance: build
	@python3 tests/golden/conformance.py --cmd $(BUILD)/src/cli/vitrine --known tests/golden/known-failures.txt --strict

# The stand-in forge against other people's validators of GitHub's API; needs npm and its registry, says SKIP without.
validate: build
	@VITRINE=$(BUILD)/src/cli/vitrine PYTHONDONTWRITEBYTECODE=1 tests/e2e/sandbox/validators.py || test $$? = 77

# Formatting and static analysis; prints only what is wrong.
lint:
	@scripts/bootstrap test
	@scripts/lint

# Fuzz every parser for SECONDS each with libFuzzer.
SECONDS ?= 60
fuzz:
	@scripts/bootstrap test
	@scripts/fuzz $(SECONDS)

# Ratios against the real programs in the same run; the charts also byte by byte.
bench: build
	@bench/run --build $(BUILD)
	@bench/charts --build $(BUILD) $(CHARTS)

install: build
	@meson install -C $(BUILD)

clean:
	@rm -rf $(BUILD) $(BUILD_TEST) build-fuzz
