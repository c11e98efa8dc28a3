# Builds the fuzz targets into build-fuzz/; called by fuzz/run from the top folder.
#
# Every fuzz/*.c is a target; fuzz/lib/ is what they share.  The code under test is
# compiled anew, with the sanitizers and the fuzzer's counters in it.  COV=1 builds the
# same without sanitizers, to measure in build-fuzz/cov/ what a corpus reaches.

CC      := clang
COV     ?= 0
ifeq ($(COV),1)
O       := build-fuzz/cov
SAN     := -fprofile-instr-generate -fcoverage-mapping
else
O       := build-fuzz
SAN     := -fsanitize=address,undefined -fno-sanitize-recover=all
endif
WARN    := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
           -Wvla -Wpointer-arith -Wwrite-strings -Wformat=2 -Wundef
FLAGS   := -std=c11 -D_GNU_SOURCE -I. -DGATE104_SAN=1 \
           -DGATE104_VERSION='"fuzz"' -DGATE104_LIBEXECDIR='"fuzz"' -O1 -g -fno-omit-frame-pointer \
           -fsanitize=fuzzer-no-link $(SAN) $(WARN) -MMD -MP

# What the targets reach.
# Roles are taken whole, by fuzz/lib/role_stage.c, which has the place of the two that are
# left out.
TESTED  := $(wildcard policy/*.c certs/*.c proxy/cli/*.c) \
           $(filter-out proxy/gate104d.c proxy/verify.c,$(wildcard proxy/*.c)) \
           $(filter-out sandbox/child.c sandbox/enter.c,$(wildcard sandbox/*.c)) \
           $(addprefix tests/lib/,type_matrix.c element_oracle.c pki.c raw_packet.c) \
           tests/hostile/sample.c tests/hostile/sample_recorded.c \
           tests/hostile/sample_permit.c tests/hostile/sample_policy.c \
           tests/hostile/stage_config.c
LIBS    := -Wl,--as-needed -lconfig -ljansson -lssl -lcrypto -lcap -lseccomp
SHARED  := $(wildcard fuzz/lib/*.c)
TARGETS := $(wildcard fuzz/*.c)

OBJ     := $(patsubst %.c,$(O)/obj/%.o,$(TESTED) $(SHARED))
BIN     := $(patsubst fuzz/%.c,$(O)/bin/%,$(TARGETS))

all: $(BIN)

$(O)/bin/%: $(O)/obj/fuzz/%.o $(O)/libtested.a
	@mkdir -p $(@D)
	$(CC) -g -fsanitize=fuzzer $(SAN) -o $@ $^ $(LIBS)

$(O)/libtested.a: $(OBJ)
	rm -f $@ && ar rcs $@ $^

# Comparisons made by the targets themselves teach the fuzzer nothing.
$(O)/obj/fuzz/%.o: FLAGS += -fno-sanitize-coverage=trace-cmp

# libFuzzer brings the main function.
$(O)/obj/proxy/cli/main.o: FLAGS += -Dmain=cli_main -Wno-missing-prototypes

# Neither has a role any that would be in the way.
ROLES   := broker tls gate signer audit fetcher
$(foreach r,$(ROLES),$(eval $(O)/obj/proxy/$(r).o: FLAGS += -Dmain=$(r)_main -Wno-missing-prototypes))

$(O)/obj/fuzz/lib/role_stage.o: FLAGS += -Wno-missing-prototypes

# Inputs that name files reach none (fuzz/lib/virtual_file.h).
$(O)/obj/proxy/config_text.o: FLAGS += -Dopen=fuzz_open

$(O)/obj/%.o: %.c fuzz/build.mk
	@mkdir -p $(@D)
	$(CC) $(FLAGS) -c -o $@ $<

.PHONY: all
.SECONDARY:
-include $(patsubst %.c,$(O)/obj/%.d,$(TESTED) $(SHARED) $(TARGETS))
