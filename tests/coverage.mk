# Builds the unit tests of policy/ with clang's coverage counters into build-cov/; called by
# tests/coverage from the top folder.

CC     := clang
O      := build-cov
WARN   := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
          -Wvla -Wpointer-arith -Wwrite-strings -Wformat=2 -Wundef
FLAGS  := -std=c11 -D_GNU_SOURCE -I. -O1 -g -fprofile-instr-generate -fcoverage-mapping \
          $(WARN) -MMD -MP

# What the tests link besides policy/: the relay with counters as well; the rest as the
# tests link it otherwise.
SHARED := $(wildcard proxy/link*.c)
OTHERS := $(addprefix build/lib,test.a proxy.a certs.a sandbox.a)
# Tests of the gate bring what they need of proxy/ with them.
TESTS  := $(filter-out gate_%,\
          $(notdir $(basename $(shell grep -lE '"(policy/|tests/lib/policy_)' \
                                       tests/unit/*_test.c))))

OBJ    := $(patsubst %.c,$(O)/obj/%.o,$(wildcard policy/*.c) $(SHARED))

all: $(TESTS:%=$(O)/unit/%)

$(O)/unit/%: $(O)/obj/tests/unit/%.o $(O)/libtested.a $(OTHERS)
	@mkdir -p $(@D)
	$(CC) -g -fprofile-instr-generate -o $@ -Wl,--as-needed -Wl,--start-group $^ -Wl,--end-group \
	    -lcmocka -lconfig -ljansson -lssl -lcrypto -lcap -lseccomp -lm

$(O)/libtested.a: $(OBJ)
	rm -f $@ && ar rcs $@ $^

$(O)/obj/%.o: %.c tests/coverage.mk
	@mkdir -p $(@D)
	$(CC) $(FLAGS) -c -o $@ $<

.PHONY: all
.SECONDARY:
-include $(patsubst %.c,$(O)/obj/%.d,$(wildcard policy/*.c) $(SHARED) \
                                     $(TESTS:%=tests/unit/%.c))
