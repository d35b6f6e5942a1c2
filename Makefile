# Thin on purpose: each target installs the Debian packages it lacks (packages/*.txt; nothing missing, nothing done), then
# leaves the work to CMake. People who build for themselves use CMake and its presets directly.
#
#   make          build/earmark, with its tests configured beside it (ctest --test-dir build)
#   make demo     hear the bundled clip through the live pipeline, paced in real time
#   make test     the whole suite, then the unit tests once more under AddressSanitizer and UBSan
#   make bench    speed of this machine, of earmark and of its peers; writes bench/results/
#   make clean    removes build/
#
# EARMARK_INSTALL=no make ...   reports missing packages instead of installing them
# JOBS=N make test              tests at a time (those labelled peer always run alone)

JOBS  ?= 2
CTEST := ctest --output-on-failure --no-tests=error -j $(JOBS)

all: program

program: packages-build
	cmake --preset release
	cmake --build build

demo: program
	build/earmark --realtime -m config/models/nano.safetensors config/demo/demo.flac

test: packages-test program
	$(CTEST) --test-dir build
	cmake --preset asan
	cmake --build build/asan
	$(CTEST) --test-dir build/asan -L unit

bench: packages-bench
	cmake --preset release -DEARMARK_BENCH=ON
	cmake --build build
	bench/run.sh

clean:
	rm -rf build

packages-build:
	packages/install.sh build

packages-test packages-bench: packages-%:
	packages/install.sh build $*

.NOTPARALLEL:
.PHONY: all program demo test bench clean packages-build packages-test packages-bench
