# Builds the unit tests of policy/ with clang's coverage counters into build-cov/; called by
# tests/coverage from the top folder.

CC     := clang
O      := build-cov
WARN   := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
          -Wvla -Wpointer-arith -Wwrite-strings -Wformat=2 -Wundef
FLAGS  := -std=c11 -D_GNU_SOURCE -I. -O1 -g -fprofile-instr-generate -fcoverage-mapping \
          $(WARN) -MMD -MP

# What the tests link besides policy/: the relay, and what makes frames.
SHARED := $(wildcard proxy/link*.c) \
          $(patsubst %,tests/lib/%.c,asdu_make element_oracle guard_page hex policy_line \
                                     type_matrix)
# Tests that need no more than that.
TESTS  := $(filter-out policy_file_test policy_limits_test \
          $(notdir $(basename $(shell grep -l '"tests/lib/config_lab' tests/unit/*_test.c))),\
          $(notdir $(basename $(shell grep -lE '"(policy/|tests/lib/policy_line)' \
                                       tests/unit/*_test.c))))

OBJ    := $(patsubst %.c,$(O)/obj/%.o,$(wildcard policy/*.c) $(SHARED))

all: $(TESTS:%=$(O)/unit/%)

$(O)/unit/%: $(O)/obj/tests/unit/%.o $(O)/libtested.a
	@mkdir -p $(@D)
	$(CC) -g -fprofile-instr-generate -o $@ $^ -lcmocka

$(O)/libtested.a: $(OBJ)
	rm -f $@ && ar rcs $@ $^

$(O)/obj/%.o: %.c tests/coverage.mk
	@mkdir -p $(@D)
	$(CC) $(FLAGS) -c -o $@ $<

.PHONY: all
.SECONDARY:
-include $(patsubst %.c,$(O)/obj/%.d,$(wildcard policy/*.c) $(SHARED) \
                                     $(TESTS:%=tests/unit/%.c))
